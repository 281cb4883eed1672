# `kelp run` in the foreground, as a plain user with subordinate ids.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

@test "the exit status is the command's" {
        inside busybox true
        assert_status 0
        inside busybox sh -c 'exit 7'
        assert_status 7
        inside busybox sh -c 'sleep 100 & kill -TERM $!; wait $!'
        assert_status 143
}

@test "127 for a command that is not there, 126 for one that cannot be executed, 125 for kelp's own errors" {
        run_kelp run --rm --network none busybox no-such-command
        assert_status 127
        assert_contains 'exec: "no-such-command": executable file not found in $PATH'
        run_kelp run --rm --network none busybox /etc/passwd
        assert_status 126
        run_kelp run --rm --network none busybox /no/such/file
        assert_status 127
        run_kelp run --no-such-flag busybox
        assert_status 125
        assert_contains 'unknown flag: --no-such-flag'
}

@test "root inside is not root on the host" {
        inside busybox sh -c 'id -u; cat /proc/self/uid_map'
        assert_status 0
        [ "${output%%$'\n'*}" = 0 ]
        read -r _ host _ <<<"$(printf '%s\n' "$output" | sed -n 2p)"
        [ "$host" -ne 0 ]
        assert_equal "$host" "$(id -u)"
}

@test "stdin is passed with -i and empty without" {
        output=$(printf 'a\nb\n' | "$KELP" run --rm --network none -i busybox cat 2>/dev/null)
        assert_equal "$output" $'a\nb'
        output=$(printf 'a\nb\n' | "$KELP" run --rm --network none busybox cat 2>/dev/null)
        assert_equal "$output" ''
}

@test "stdout and stderr stay apart, and large output is whole" {
        inside busybox sh -c 'echo out; echo err >&2'
        assert_equal "$output" out
        [[ "$stderr" == *err* ]]
        count=$("$KELP" run --rm --network none busybox sh -c 'yes | head -c 3000000' 2>/dev/null | wc -c)
        assert_equal "$count" 3000000
}

@test "-e, --env-file, -w, --hostname, --entrypoint" {
        printf '# comment\nFROM_FILE=1\n' >"$KELP_TEST_DIR/env"
        PASSED=here inside -e A=b -e PASSED --env-file "$KELP_TEST_DIR/env" -w /made/up --hostname box busybox \
                sh -c 'echo $A $PASSED $FROM_FILE; pwd; hostname; cat /etc/hostname'
        assert_equal "$output" $'b here 1\n/made/up\nbox\nbox'
        inside --entrypoint echo busybox words
        assert_equal "$output" words
}

@test "users by number, by name, and numbers that nobody has" {
        inside -u nobody busybox sh -c 'id -u; echo $HOME'
        assert_equal "$output" $'65534\n/home'
        inside -u 1001 busybox id
        assert_equal "$output" 'uid=1001 gid=0(root)'
        inside -u 1001:1002 busybox sh -c 'id -u; id -g; grep CapEff /proc/self/status'
        assert_equal "$output" $'1001\n1002\nCapEff:\t0000000000000000'
        run_kelp run --rm --network none -u no-such-user busybox true
        assert_status 125
        assert_contains 'unable to find user no-such-user'
}

@test "bind mounts: contents, read-only, files, a missing source" {
        mkdir "$KELP_TEST_DIR/data"
        echo content >"$KELP_TEST_DIR/data/file"
        inside -v "$KELP_TEST_DIR/data:/data" busybox sh -c 'cat /data/file; echo new >/data/made'
        assert_equal "$output" content
        assert_equal "$(cat "$KELP_TEST_DIR/data/made")" new
        assert_equal "$(stat -c %u "$KELP_TEST_DIR/data/made")" "$(id -u)"
        inside -v "$KELP_TEST_DIR/data:/data:ro" busybox touch /data/other
        [ "$status" -ne 0 ]
        [ ! -e "$KELP_TEST_DIR/data/other" ]
        inside --mount "type=bind,source=$KELP_TEST_DIR/data/file,target=/etc/one,readonly" busybox cat /etc/one
        assert_equal "$output" content
        run_kelp run --rm --network none --mount "type=bind,source=$KELP_TEST_DIR/missing,target=/x" busybox true
        assert_status 125
        assert_contains "bind mount source does not exist: $KELP_TEST_DIR/missing"
}

@test "volumes keep their content and are filled from the image" {
        inside -v things:/etc busybox sh -c 'echo kept >/etc/kept; cat /etc/passwd'
        [[ "$output" == root:* ]]
        inside -v things:/elsewhere busybox cat /elsewhere/kept
        assert_equal "$output" kept
        # the container's own files were mounted over it, not copied into it
        inside -v things:/elsewhere busybox cat /elsewhere/hosts
        assert_equal "$output" ''
}

@test "--read-only, --tmpfs, --shm-size, --ulimit" {
        inside --read-only --tmpfs /scratch:size=1m busybox sh -c 'touch /scratch/a && ! touch /a 2>/dev/null && echo fine'
        assert_equal "$output" fine
        inside --shm-size 8m busybox sh -c 'df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"'
        assert_equal "$output" 8192
        inside --ulimit nofile=123:456 busybox sh -c 'ulimit -Sn; ulimit -Hn'
        assert_equal "$output" $'123\n456'
}

@test "--init reaps and passes signals on" {
        inside --init busybox sh -c 'echo $$; exit 3'
        assert_status 3
        [ "$output" -ne 1 ]
}

@test "--cidfile is written, and never overwritten" {
        inside --cidfile "$KELP_TEST_DIR/cid" busybox true
        assert_status 0
        [[ "$(cat "$KELP_TEST_DIR/cid")" =~ ^[0-9a-f]{64}$ ]]
        run_kelp run --rm --network none --cidfile "$KELP_TEST_DIR/cid" busybox true
        assert_status 125
        assert_contains 'container ID file found'
}

@test "a name in use is refused, and free again after rm" {
        inside --name box busybox true
        [ "$status" -eq 0 ]
        "$KELP" create --name box busybox true
        run_kelp run --name box --network none busybox true
        assert_status 125
        assert_contains 'The container name "/box" is already in use by container'
        "$KELP" rm box
        inside --name box busybox true
        assert_status 0
}

@test "nothing of a container is left after --rm" {
        inside busybox sh -c 'mkdir -p /a/b; touch /a/b/c; chmod 000 /a'
        assert_status 0
        assert_equal "$(ls "$STORE/containers")" ''
        assert_equal "$(ls "$STORE/tmp")" ''
}

@test "in the background: it runs, and rm -f ends it" {
        id=$("$KELP" run -d --network none --name bg busybox sleep 1000)
        [[ "$id" =~ ^[0-9a-f]{64}$ ]]
        run_kelp rm bg
        assert_status 1
        assert_contains 'container is running'
        "$KELP" rm -f bg
        assert_equal "$(ls "$STORE/containers")" ''
}

@test "a malformed reference and a missing image say so" {
        run_kelp run --rm Bad:Ref:x
        assert_status 125
        assert_contains "invalid reference format"
        run_kelp run --rm --pull never no-such-image
        assert_status 125
        assert_contains 'No such image: no-such-image'
}

@test "with a terminal: a pty of the container's own, input and output through it" {
        output=$(script -qec "'$KELP' run --rm --network none -it busybox sh -c 'tty; read line; echo got \$line'" /dev/null <<<"words" 2>&1 | tr -d '\r')
        [[ "$output" == */dev/pts/0* ]]
        [[ "$output" == *"got words"* ]]
}
