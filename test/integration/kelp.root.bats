# kelp started by root: container root is a subordinate id, never the host's root. And what only root can set up.

load harness

setup()
{
        kelp_setup_root
}

teardown()
{
        kelp_teardown
}

@test "container root is no root of the host, privileged or not" {
        for options in '' --privileged '--userns host' '--cap-add ALL --security-opt seccomp=unconfined'; do
                # shellcheck disable=SC2086 # words
                inside $options busybox sh -c 'id -u; cat /proc/self/uid_map; cat /proc/self/gid_map'
                assert_status 0
                [ "${output%%$'\n'*}" = 0 ]
                while read -r _ outside _; do
                        [ "$outside" -ge 65536 ]
                done <<<"${output#*$'\n'}"
        done
        "$KELP" run -d --name box --network none busybox sleep 1000
        pid=$("$KELP" inspect -f '{{.State.Pid}}' box)
        [ "$(stat -c %u "/proc/$pid")" -ge 65536 ]
        "$KELP" exec box sh -c 'touch /made; echo 127.0.0.9 x >>/etc/hosts; stat -c %u /made'
        "$KELP" stop -t 0 box
        "$KELP" start box
        assert_equal "$("$KELP" exec box stat -c %u /made)" 0
        run_kelp run --rm --network none --userns keep-id busybox true
        assert_status 125
        assert_contains "root's own id is never mapped into a container"
}

@test "what is root's on the host, a container's root can see and not touch" {
        mkdir data
        echo secret >data/secret
        cp /bin/true data/program
        chmod 600 data/secret
        chmod 700 data/program
        echo open >data/open
        inside -v ./data:/in busybox sh -c 'ls /in; cat /in/secret; /in/program; chmod 777 /in/secret; chown 0 /in/secret; rm -f /in/secret; echo x >>/in/open; touch /in/new; cat /in/open'
        assert_equal "$output" $'open\nprogram\nsecret\nopen'
        [ "$(stat -c '%u %a' data/secret)" = '0 600' ]
        [ ! -e data/new ]
        inside --privileged -v /:/host busybox sh -c 'cat /host/etc/shadow || echo refused; chroot /host id -u; chroot /host sh -c "cat /etc/shadow" || echo refused'
        assert_equal "$output" $'refused\n0\nrefused'
        run_kelp run --rm --network none --device /dev/kmsg busybox true
        assert_status 125
        assert_contains 'does not let you open it'
}

@test "the store shows its containers' ids no more than they need, and other users nothing" {
        (umask 0 && "$KELP" run --rm --network none -e SECRET=x busybox true)
        for name in kelp.db kelp.db-wal blobs containers layers locks tmp volumes; do
                [ ! -e "$STORE/$name" ] || [[ "$(stat -c %a "$STORE/$name")" == ?00 ]] || {
                        ls -l "$STORE" >&2
                        false
                }
        done
        assert_equal "$(stat -c %A "$STORE" | cut -c 5-)" '--x--x'
        run setpriv --reuid kelp-test --regid kelp-test --clear-groups -- cat "$STORE/kelp.db"
        [ "$status" -ne 0 ]
        run setpriv --reuid kelp-test --regid kelp-test --clear-groups -- ls "$STORE/layers"
        [ "$status" -ne 0 ]
}

# Root of a container may not do what these tests need root for.
require_full_root()
{
        unshare -m sh -c 'mount -t tmpfs tmpfs "$1" && mknod "$1/x" c 1 3' - "$KELP_TEST_DIR/tmp" 2>/dev/null ||
                skip "this root may not mount or make devices"
}

# As the user kelp-test, with its data on an overlay and, for this test, /dev/fuse for everybody.
fuse_script='
        mount -t tmpfs tmpfs "$1"
        mkdir "$1"/lower "$1"/upper "$1"/work "$1"/merged "$1"/run
        mknod "$1/fuse" c 10 229
        chmod 666 "$1/fuse"
        mount --bind "$1/fuse" /dev/fuse
        mount -t overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" overlay "$1/merged"
        chown kelp-test "$1/merged" "$1/run"
        cd "$1/merged"
        exec setpriv --reuid kelp-test --regid kelp-test --init-groups --inh-caps=-all -- env HOME="$1/merged" XDG_RUNTIME_DIR="$1/run" \
                KELP_ROOT="$1/merged/store" KELP_CONFIG_DIR= sh -ec "$2"'

@test "on an overlay, with fuse-overlayfs and /dev/fuse: mounted by it, and no daemon is left" {
        require_full_root
        mkdir place
        run unshare -m sh -ec "$fuse_script" - "$PWD/place" '
                "$KELP" run --rm --network none busybox sh -c "id -u; touch /x && ls /x; grep \" / \" /proc/self/mounts | cut -d\" \" -f 1; rm /etc/passwd; ls /etc; exit 3" || echo "status $?"
                "$KELP" run --rm --network none -u nobody --read-only busybox sh -c "head -n 1 /etc/passwd; touch /x 2>/dev/null || echo refused"
                "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
                "$KELP" exec box sh -c "echo kept >/file"
                "$KELP" stop -t 0 box >/dev/null
                "$KELP" start box >/dev/null
                "$KELP" exec box cat /file
                "$KELP" rm -f box >/dev/null'
        said=$(grep -c 'fuse-overlayfs is used, which is slower' <<<"$output")
        [ "$said" -ge 4 ]
        assert_equal "$(grep -v 'overlay mounts' <<<"$output")" \
                $'0\n/x\nfuse-overlayfs\ngroup\nhostname\nhosts\nresolv.conf\nstatus 3\nroot:x:0:0:root:/root:/bin/sh\nrefused\nkept'
        wait_until no_fuse
}

no_fuse()
{
        local pid
        for pid in $(pgrep -x fuse-overlayfs); do
                ! grep -qF "$KELP_TEST_DIR" "/proc/$pid/cmdline" || return 1
        done
}

@test "on a disk that is full: an error that says so, exit status 125, nothing left" {
        require_full_root
        mkdir place
        run unshare -m sh -ec '
                mount -t tmpfs -o size=7m tmpfs "$1"
                mkdir "$1/home" "$1/run"
                chown -R kelp-test "$1"
                cd "$1/home"
                exec setpriv --reuid kelp-test --regid kelp-test --init-groups --inh-caps=-all -- env HOME="$1/home" XDG_RUNTIME_DIR="$1/run" \
                        KELP_ROOT="$1/home/store" KELP_CONFIG_DIR= sh -c "
                        \"\$KELP\" run --rm --network none busybox echo first
                        dd if=/dev/zero of=\"$1/home/filler\" bs=4k 2>/dev/null
                        \"\$KELP\" run --rm --network none busybox true; echo \"status \$?\"
                        \"\$KELP\" run --rm --network none -i busybox dd if=/dev/zero of=/x bs=64k count=10 2>&1; echo \"status \$?\"
                        \"\$KELP\" run --network none --name box --hostname box -v vol:/vol busybox true; echo \"status \$?\"
                        rm \"$1/home/filler\"
                        \"\$KELP\" rm -f box >/dev/null 2>&1
                        \"\$KELP\" run --rm --network none busybox echo works; ls store/containers store/tmp"' - "$PWD/place"
        echo "$output"
        assert_equal "$(grep -c 'the disk is full' <<<"$output")" 3
        assert_equal "$(grep -c '^status 125$' <<<"$output")" 3
        [[ "$output" == *$'works\nstore/containers:\n\nstore/tmp:' ]]
}

@test "devices by their file mode: open to all, to a group, to nobody else" {
        require_full_root
        mkdir place
        run unshare -m sh -ec '
                mount -t tmpfs tmpfs "$1"
                mkdir "$1/home" "$1/run" "$1/folder"
                chown kelp-test "$1/home" "$1/run"
                for spec in tun:10:200:666 folder/full:1:7:666 folder/closed:1:5:600 video:1:3:660; do
                        IFS=: read -r name major minor mode <<END
$spec
END
                        mknod "$1/$name" c "$major" "$minor"
                        chgrp video "$1/$name"
                        chmod "$mode" "$1/$name"
                done
                cd "$1/home"
                exec setpriv --reuid kelp-test --regid kelp-test --groups "$(id -g kelp-test),$(getent group video | cut -d: -f 3)" --inh-caps=-all -- \
                        env HOME="$1/home" XDG_RUNTIME_DIR="$1/run" KELP_ROOT="$1/home/store" KELP_CONFIG_DIR= DEV="$1" sh -c '\''
                        run() { "$KELP" run --rm --network none "$@"; echo "status $?"; }
                        run --device "$DEV/tun:/dev/net/tun" busybox sh -c "stat -c \"%t %T %a\" /dev/net/tun; exec 9<>/dev/net/tun && echo opened"
                        run --device "$DEV/folder:/dev/folder" busybox sh -c "ls /dev/folder; head -c 1 /dev/folder/full | wc -c"
                        run --device "$DEV/folder/closed" busybox true
                        run --device "$DEV/video" busybox true
                        run --device "$DEV/video" --group-add keep-groups busybox sh -c "echo x >$DEV/video && echo written"
                        '\''' - "$PWD/place"
        echo "$output"
        [[ "$output" == $'a c8 666\nopened\nstatus 0\nfull\n1\nstatus 0\n'*'(0600, owner 0'*'status 125'*'--group-add keep-groups keeps your groups'*$'status 125\nwritten\nstatus 0' ]]
}

@test "containers of root are on the default network, too" {
        run_kelp_split run --rm busybox sh -c 'ip -o -4 addr show dev eth0; ping -c 1 -w 5 "$(ip route | sed -n "s/default via \([^ ]*\).*/\1/p")"'
        assert_status 0
        assert_contains "inet 172."
        assert_contains "1 packets received"
}
