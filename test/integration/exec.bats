# exec: one more process in a running container.

load harness

setup()
{
        kelp_setup
        TERMINAL=$BATS_TEST_DIRNAME/on-terminal
        "$KELP" run -d --name box --network none -e FROM=container -w /tmp busybox sleep 1000 >/dev/null
}

teardown()
{
        kelp_teardown
}

@test "streams, environment, folder, user" {
        assert_equal "$("$KELP" exec box pwd)" /tmp
        assert_equal "$("$KELP" exec -w /var box pwd)" /var
        printf '# a comment\nA=1\nPATH=/bin:/own\nHERE\n' >file
        assert_equal "$(HERE=now "$KELP" exec --env-file file -e B=2 -e HERE2 -e EMPTY= box sh -c 'echo $FROM $A $PATH $HERE $B [$EMPTY]')" \
                'container 1 /bin:/own now 2 []'
        assert_equal "$(unset FROM; "$KELP" exec -e FROM box sh -c 'echo [$FROM]')" '[]'
        run_kelp exec -e =x box true
        assert_status 125
        assert_contains 'the name is empty'
        run_kelp_split exec box sh -c 'echo out; echo err >&2'
        assert_equal "$output/$stderr" out/err
        # Without -i there is no input.
        assert_equal "$(echo lost | "$KELP" exec box cat)" ''
        assert_equal "$(echo found | "$KELP" exec -i box cat)" found
}

@test "another user, and what he may" {
        require_subordinate_ids
        assert_equal "$("$KELP" exec -u 1000:44 box id -u -r)/$("$KELP" exec -u 1000:44 box id -g)" 1000/44
        assert_equal "$("$KELP" exec -u 1000 box awk '/^CapEff/ { print $2 }' /proc/self/status)" 0000000000000000
        inside=$("$KELP" exec box awk '/^CapEff/ { print $2 }' /proc/1/status)
        assert_equal "$("$KELP" exec box awk '/^CapEff/ { print $2 }' /proc/self/status)" "$inside"
        [ "$("$KELP" exec --privileged box awk '/^CapEff/ { print $2 }' /proc/self/status)" != "$inside" ]
        run_kelp exec -u nobody-here box true
        [ "$status" -ne 0 ]
        assert_contains nobody-here
}

@test "exit statuses as under docker" {
        run_kelp exec box sh -c 'exit 9'
        assert_status 9
        run_kelp exec box sh -c 'kill -KILL $$'
        assert_status 137
        run_kelp exec box no-such-command
        assert_status 127
        assert_contains 'executable file not found'
        run_kelp exec box /etc
        assert_status 126
        run_kelp exec -w /no/such box true
        assert_status 127
        assert_contains /no/such
        run_kelp exec nobody true
        [ "$status" -ne 0 ]
        assert_contains 'No such container: nobody'
        "$KELP" create --name idle --network none busybox true >/dev/null
        run_kelp exec idle true
        [ "$status" -ne 0 ]
        assert_contains 'is not running'
}

@test "a terminal of its own" {
        run "$TERMINAL" --size 31x77 "$KELP" exec -it box sh -c 'stty size; tty; echo $TERM; exit 4' </dev/null
        assert_status 4
        assert_contains '31 77'
        assert_contains /dev/pts/
        assert_contains xterm
        run_kelp exec -it box true </dev/null
        assert_status 125
        assert_contains 'the input device is not a TTY'
}

@test "a shell that is detached from goes on, and loses neither its terminal nor its life" {
        run "$TERMINAL" "$KELP" exec -it box sh <<'STEPS'
expect # \x1b[6n
send while :; do echo tick; [ ! -e /stop ] || break; sleep 0.05; done; touch /stopped\r
expect tick
send \x10\x11
expect read escape sequence
STEPS
        assert_status 0
        "$KELP" exec box touch /stop
        wait_until "$KELP" exec box test -e /stopped
}

@test "in the background: with and without a terminal" {
        assert_equal "$("$KELP" exec -d box sh -c 'echo lost; touch /first; exec sleep 500')" ''
        wait_until "$KELP" exec box test -e /first
        "$KELP" exec -d -t box sh -c 'tty >/second; yes | head -c 300000; echo done >>/second'
        wait_until "$KELP" exec box grep -q done /second
        "$KELP" exec box grep -q /dev/pts/ /second
        "$KELP" stop -t 0 box
        assert_equal "$("$KELP" ps -q)" ''
}

@test "signals and a reader that goes" {
        "$KELP" exec box sh -c 'trap "exit 6" TERM; echo ready; while :; do sleep 0.05; done' >out &
        pid=$!
        wait_until grep -q ready out
        kill -TERM "$pid"
        wait "$pid" || assert_equal $? 6
        assert_equal "$("$KELP" exec box yes | head -n 1)" y
        # One whose kelp is killed does not hold the container up.
        "$KELP" exec box sh -c 'trap "" PIPE; echo ready; while echo more 2>/dev/null; do sleep 0.05; done; touch /ended' >other &
        pid=$!
        wait_until grep -q ready other
        kill -KILL "$pid"
        wait "$pid" || true
        wait_until "$KELP" exec box test -e /ended
}

@test "a flood that nobody reads costs no memory, and what is read is complete" {
        skip_when_sanitized
        mkfifo unread
        "$KELP" exec box sh -c 'dd if=/dev/zero bs=64k count=16000 2>/dev/null' >unread &
        pid=$!
        exec 17<unread
        head -c 100000000 <&17 | wc -c >counted
        assert_equal "$(cat counted)" 100000000
        used=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
        echo "anonymous memory: $used kB"
        [ "$used" -lt 4096 ]
        exec 17<&-
        wait "$pid" || true
        assert_equal "$("$KELP" exec box dd if=/dev/zero bs=100k count=500 2>/dev/null | wc -c)" 51200000
}

@test "into a container that is ending there is a clear error" {
        for _ in 1 2 3 4 5; do
                "$KELP" run -d --name short --network none busybox sleep 1000 >/dev/null
                "$KELP" kill short >/dev/null &
                run_kelp exec short true
                wait
                [ "$status" -eq 0 ] || [ "$status" -eq 137 ] || [[ "$output" == *'is not running'* ]]
                "$KELP" rm -f short >/dev/null
        done
}
