# Bad input of `kelp run`, and hosts that are not as they should be: an error that names the thing, 125, nothing left.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

@test "commands that are not there (127) or cannot be executed (126), by path, by name, by interpreter" {
        make_rootfs root
        mkdir -p root/opt
        printf '#!/no/such/interpreter\n' >root/opt/script
        printf 'no shebang, no ELF\n' >root/opt/text
        printf '\177ELF\2\1\1 nonsense' >root/opt/elf
        chmod 755 root/opt/*
        printf '#!/bin/sh\n' >root/opt/plain
        chmod 644 root/opt/plain
        ln -s missing root/opt/dangling
        ln -s loop root/opt/loop
        tar --owner=0 --group=0 --numeric-owner -C root -cf layer.tar .
        make_image oci latest '{}' layer.tar
        sed -i 's|"org.opencontainers.image.ref.name": *"latest"|"io.containerd.image.name": "docker.io/library/odd:latest", &|' oci/index.json
        tar -C oci -cf image.tar .
        "$KELP" load -q -i image.tar
        ends_with()
        {
                local expected=$1 words=$2
                shift 2
                run_kelp run --rm --network none odd "$@"
                assert_status "$expected"
                assert_contains "$words"
                assert_nothing_left
        }
        ends_with 127 'executable file not found in $PATH' no-such-command
        ends_with 127 'no such file or directory' /no/such/file
        ends_with 127 'no such file or directory' ./relative
        ends_with 127 'no such file or directory' /opt/dangling
        ends_with 127 'its interpreter' /opt/script
        ends_with 126 '/opt' /opt
        ends_with 126 'ermission denied' /opt/plain
        ends_with 126 'exec' /opt/elf
        ends_with 126 'exec' /opt/text
        ends_with 127 'exec: ""' ''
        run_kelp run --rm --network none odd /opt/loop
        [ "$status" -eq 126 ] || [ "$status" -eq 127 ]
}

@test "references: malformed, like a flag, like a path, too long, missing" {
        refused 'invalid reference format' 'Bad:Ref:x' true
        refused 'invalid reference format' 'UPPER' true
        refused 'invalid reference format' 'a/../b' true
        refused 'invalid reference format' "$(head -c 5000 /dev/zero | tr '\0' a)" true
        refused 'invalid reference format' 'name@sha256:short' true
        refused 'invalid reference format' '' true
        refused 'invalid reference format' -- -image true
        refused 'invalid reference format' -- --rm true
        refused 'unknown flag: --image' --image
        refused "No such image: no-such-image" --pull never no-such-image
        refused 'requires at least 1 argument'
}

@test "a file or folder that is mounted on the other kind" {
        mkdir folder
        touch file
        refused 'mount destination /etc/passwd is not a folder' -v ./folder:/etc/passwd busybox true
        refused 'mount destination /etc is a folder' -v ./file:/etc busybox true
        refused 'leads into /proc' -v ./folder:/proc/1 busybox true
        refused 'mount destination /proc/self/exe' -v ./file:/proc/self/exe busybox true
        refused 'bind mount source /root/x: Permission denied' -v /root/x:/in busybox true
}

@test "the home is read-only, HOME and XDG_RUNTIME_DIR are missing or nonsense" {
        require_subordinate_ids
        run with_all_ids unshare -m sh -c 'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME" && setpriv --inh-caps=-all -- env -u KELP_ROOT "$KELP" --root "$HOME/x" run --rm --network none busybox true; echo "status $?"'
        assert_contains 'Read-only file system'
        assert_contains "$HOME/x"
        assert_contains 'status 125'
        chmod 500 "$HOME"
        run_kelp run --rm --network none busybox true
        assert_status 125
        assert_contains "$HOME"
        chmod 700 "$HOME"
        # the password database knows the home then
        run env -u HOME -u XDG_RUNTIME_DIR XDG_DATA_HOME="$PWD/data" XDG_CONFIG_HOME="$PWD/config" "$KELP" run --rm --network none busybox echo works
        assert_contains works
        run env -u XDG_RUNTIME_DIR "$KELP" run --rm --network none busybox echo works
        assert_status 0
        run env XDG_RUNTIME_DIR=/no/such/folder "$KELP" run --rm --network none busybox echo works
        assert_status 0
        run env HOME=relative "$KELP" run --rm --network none busybox true
        assert_status 125
        assert_contains 'HOME is "relative": not an absolute path'
}

@test "a store that is not kelp's: of a newer one, damaged, a file, somebody else's" {
        "$KELP" run --rm --network none busybox true
        python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute("PRAGMA user_version = 999"); db.commit()' "$STORE/kelp.db"
        run_kelp run --rm --network none busybox true
        assert_status 125
        assert_contains 'was written by a newer kelp'
        rm "$STORE"/kelp.db*
        head -c 100000 /dev/urandom >"$STORE/kelp.db"
        run_kelp run --rm --network none busybox true
        assert_status 125
        assert_contains "$STORE"
        touch file
        run_kelp --root ./file run --rm --network none busybox true
        assert_status 125
        assert_contains "$PWD/file"
        run_kelp --root /proc/none run --rm --network none busybox true
        assert_status 125
        assert_contains '/proc/none'
        run_kelp --root '' run --rm --network none busybox true
        assert_status 125
        assert_contains '--root is empty'
        run_kelp --root /root/kelp run --rm --network none busybox true
        assert_status 125
        assert_contains '/root/kelp'
}

@test "user namespaces switched off: what to ask the administrator for" {
        require_subordinate_ids
        "$KELP" run --rm --network none busybox true
        run with_all_ids sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && KELP_ROOT=$PWD/other "$KELP" run --rm --network none busybox true; echo "status $?"'
        assert_contains 'user namespaces are switched off or used up on this host'
        assert_contains 'sudo sysctl -w user.max_user_namespaces=15000'
        assert_contains 'status 125'
        # other namespaces than that of users
        run with_all_ids sh -c 'echo 0 >/proc/sys/user/max_net_namespaces; for i in 1 2 3 4 5 6 7 8 9 10; do
                KELP_ROOT=$PWD/other "$KELP" run --rm --network none busybox true; echo "status $?"; done'
        assert_equal "$(grep -c 'max_\*_namespaces' <<<"$output")" 10
        assert_equal "$(grep -c '^status 125$' <<<"$output")" 10
}

@test "helpers that are missing" {
        mkdir empty
        KELP_HELPERS=$PWD/empty run_kelp run --rm --network none busybox true
        assert_status 125
        assert_contains "is missing: looked for $PWD/empty/"
        "$KELP" run --rm --network none busybox true
        KELP_HELPERS=$PWD/empty run_kelp run --rm --network none --init busybox true
        assert_status 125
        assert_contains "kelp-init is missing: looked for $PWD/empty/kelp-init"
        assert_nothing_left
}

@test "limits of the host's: processes and descriptors" {
        "$KELP" run --rm --network none busybox true
        run bash -c 'ulimit -n 12; "$KELP" run --rm --network none busybox true'
        [ "$status" -eq 0 ] || { [ "$status" -eq 125 ] && [[ "$output" == kelp:* ]]; }
        run bash -c 'ulimit -f 0; "$KELP" run --rm --network none busybox true'
        [ "$status" -eq 0 ] || [ "$status" -eq 125 ] || [ "$status" -ge 128 ]
        assert_nothing_left
}
