# Who is attached to a container: terminals, detaching, several at once, streams, signals.

load harness

setup()
{
        kelp_setup
        TERMINAL=$BATS_TEST_DIRNAME/on-terminal
}

teardown()
{
        kelp_teardown
}

state()
{
        "$KELP" ps -a --format '{{.Names}} {{.State}}'
}

# A container whose shell answers on a terminal in the background.
start_shell()
{
        "$KELP" run -d -it --name box --network none busybox sh >/dev/null
}

@test "a container with a terminal: its size, changes of it, the exit status, and the mode of the caller's terminal" {
        run "$TERMINAL" --size 33x101 "$KELP" run --rm -it --network none busybox sh <<'STEPS'
expect # \x1b[6n
send stty size\r
expect 33 101
resize 40 120
send stty size\r
expect 40 120
send exit 7\r
STEPS
        assert_status 7
        assert_nothing_left
}

@test "the size is there from the first instruction on" {
        run "$TERMINAL" --size 33x101 "$KELP" run --rm -it --network none busybox stty size </dev/null
        assert_status 0
        assert_contains '33 101'
}

@test "detaching with Ctrl-P Ctrl-Q, and coming back" {
        run "$TERMINAL" "$KELP" run -it --name box --network none busybox sh <<'STEPS'
expect # \x1b[6n
send there=42\r
expect # \x1b[6n
send \x10
send \x11
expect read escape sequence
STEPS
        assert_status 0
        assert_equal "$(state)" 'box running'
        run "$TERMINAL" "$KELP" attach box <<'STEPS'
send echo $there\r
expect \n42
send exit 3\r
STEPS
        assert_status 3
        assert_equal "$(state)" 'box exited'
}

@test "detach keys: --detach-keys, docker's config.json, and a Ctrl-P that is only a key" {
        start_shell
        run "$TERMINAL" "$KELP" attach --detach-keys ctrl-a,d box <<'STEPS'
send echo rea''dy; head -c 4 | od -c\r
expect ready
send x\x10y\r
expect x 020   y
send \x01d
expect read escape sequence
STEPS
        assert_status 0
        mkdir -p "$HOME/.docker"
        echo '{"detachKeys": "ctrl-e,e"}' >"$HOME/.docker/config.json"
        run "$TERMINAL" "$KELP" exec -it box sh <<'STEPS'
expect # \x1b[6n
send \x05e
expect read escape sequence
STEPS
        assert_status 0
        run_kelp attach --detach-keys ctrl-p, box
        assert_status 125
        assert_contains 'invalid detach keys "ctrl-p,"'
        assert_equal "$(state)" 'box running'
}

@test "a terminal that is closed leaves its container running" {
        run "$TERMINAL" "$KELP" run -it --name box --sig-proxy=false --network none busybox sh <<'STEPS'
expect # \x1b[6n
hangup
STEPS
        assert_equal "$(state)" 'box running'
        run "$TERMINAL" "$KELP" attach box <<'STEPS'
send exit 4\r
STEPS
        assert_status 4
}

@test "an attached kelp that is killed leaves its container running, one that is terminated the terminal's mode" {
        start_shell
        run "$TERMINAL" "$KELP" attach box <<'STEPS'
send echo $((40 + 2))\r
expect 42
signal TERM
STEPS
        assert_status 143
        run "$TERMINAL" "$KELP" attach box <<'STEPS'
send echo $((40 + 3))\r
expect 43
signal KILL
STEPS
        # The mode stays raw when nobody could restore it.
        assert_status 98
        assert_equal "$(state)" 'box running'
        run "$TERMINAL" "$KELP" attach box <<'STEPS'
send exit 5\r
STEPS
        assert_status 5
}

@test "start -a -i" {
        "$KELP" create -it --name box --network none busybox sh >/dev/null
        run "$TERMINAL" "$KELP" start -ai box <<'STEPS'
expect # \x1b[6n
send exit 6\r
STEPS
        assert_status 6
        "$KELP" create -i --name cat --network none busybox cat >/dev/null
        assert_equal "$(echo through | "$KELP" start -a -i cat)" through
        assert_equal "$(echo again | "$KELP" start -a -i cat)" again
        "$KELP" create --name talk --network none busybox sh -c 'echo out; echo err >&2; exit 9' >/dev/null
        run_kelp_split start -a talk
        assert_status 9
        assert_equal "$output $stderr" 'out err'
        run_kelp start -a cat talk
        assert_status 125
        assert_contains 'cannot start and attach multiple containers'
        run_kelp start talk cat no-such
        assert_status 1
        assert_contains 'No such container: no-such'
        assert_equal "$("$KELP" wait talk)" 9
}

@test "run -d -i: input comes from whoever attaches, and stays open when he leaves" {
        "$KELP" run -d -i --name cat --network none busybox cat >/dev/null
        mkfifo pipe
        (echo one; cat pipe) | "$KELP" attach cat >first &
        attached=$!
        wait_until grep -q one first
        # Another writes, and both read.
        echo two | "$KELP" attach cat >second &
        other=$!
        wait_until grep -q two first
        wait_until grep -q two second
        kill -KILL "$other"
        assert_equal "$(state)" 'cat running'
        "$KELP" stop -t 0 cat
        true >pipe
        wait "$attached" || assert_equal $? 137
        assert_equal "$("$KELP" logs cat)" "$(printf 'one\ntwo')"
}

@test "a container in another terminal's foreground can be attached to" {
        mkfifo feed
        "$KELP" run -i --name box --network none busybox sh -c 'while read -r line; do echo "got $line"; done; exit 8' \
                <feed >out &
        runner=$!
        exec 7>feed
        echo first >&7
        wait_until grep -qs 'got first' out
        "$KELP" attach --no-stdin box >seen 7>&- &
        attached=$!
        # What was said before is not told again.
        wait_until eval 'echo more >&7; grep -qs "got more" seen'
        exec 7>&-
        wait "$runner" || assert_equal $? 8
        wait "$attached" || assert_equal $? 8
        assert_equal "$(grep -c 'got first' seen)" 0
}

@test "10 MB through a container that answers while it is fed" {
        head -c 10000000 /dev/urandom >big
        "$KELP" run --rm -i --network none busybox cat <big >copy
        cmp big copy
        "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
        "$KELP" exec -i box cat <big >copy
        cmp big copy
        "$KELP" create -i --name cat --log-driver none --network none busybox cat >/dev/null
        "$KELP" run --rm -i --sig-proxy=false --network none busybox cat <big >copy
        cmp big copy
}

@test "run -a chooses the streams" {
        run_kelp_split run --rm --network none -a stdout busybox sh -c 'echo out; echo err >&2'
        assert_equal "$output/$stderr" out/
        run_kelp_split run --rm --network none -a stderr busybox sh -c 'echo out; echo err >&2'
        assert_equal "$output/$stderr" /err
        assert_equal "$(echo in | "$KELP" run --rm -i --network none -a stdin -a stdout busybox cat)" in
}

@test "an attached client that never reads does not stop the container" {
        "$KELP" run -d --name box --network none --log-driver none busybox \
                sh -c 'while [ ! -e /go ]; do sleep 0.05; done; yes | head -c 2000000; echo done >/done; sleep 1000' >/dev/null
        mkfifo unread
        "$KELP" attach --no-stdin box >unread 2>/dev/null &
        client=$!
        exec 7<>unread
        # From here on it is attached: only then it has a socket.
        wait_until eval '[ "$(ls -l /proc/$client/fd 2>/dev/null | grep -c socket)" -gt 0 ]'
        "$KELP" exec box touch /go
        tries=0
        until "$KELP" exec box test -e /done; do
                tries=$((tries + 1))
                [ "$tries" -lt 400 ]
                sleep 0.1
        done
        exec 7>&-
        wait "$client" || true
        assert_equal "$(state)" 'box running'
}

@test "signals: passed on without a terminal, and not with --sig-proxy=false" {
        "$KELP" run --name box --network none busybox sh -c 'trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.05; done' >out &
        runner=$!
        wait_until grep -qs ready out
        kill -TERM "$runner"
        wait "$runner" || assert_equal $? 5
        assert_equal "$(tail -n 1 out)" caught
        "$KELP" run --name other --sig-proxy=false --network none busybox sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done' >out &
        runner=$!
        wait_until grep -qs ready out
        kill -TERM "$runner"
        wait "$runner" || assert_equal $? 143
        assert_equal "$("$KELP" ps --format '{{.Names}}')" other
}

@test "attach says what is wrong" {
        run_kelp attach nobody
        assert_status 1
        assert_contains 'No such container: nobody'
        "$KELP" create --name box --network none busybox true >/dev/null
        run_kelp attach box
        assert_status 1
        assert_contains 'cannot attach to a stopped container'
}

@test "a reader that closes its end ends the container's writing" {
        "$KELP" run --rm --network none busybox yes | head -n 1
        assert_nothing_left
}

@test "a store with a long path: the socket is reached all the same" {
        export KELP_ROOT=$KELP_TEST_DIR/$(printf 'x%.0s' {1..150})
        "$KELP" run -d -i --name cat --network none busybox cat >/dev/null
        echo through | "$KELP" attach cat >out &
        attached=$!
        wait_until grep -qs through out
        "$KELP" rm -f cat
        wait "$attached" || true
}

@test "nobody types into a terminal from inside: TIOCSTI and TIOCLINUX, with high bits set as well" {
        cat >type.c <<'EOF'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
        unsigned long requests[] = {TIOCSTI, TIOCLINUX, TIOCSTI | 1UL << 32, TIOCLINUX | 1UL << 63};
        char c = 'x';

        for (int i = 0; i < 4; i++)
                printf("%s\n", syscall(SYS_ioctl, 0, requests[i], &c) < 0 ? strerror(errno) : "typed");
        return 0;
}
EOF
        gcc -O1 -static -o type type.c
        run "$TERMINAL" "$KELP" run --rm -it --network none -v "$PWD/type:/type" busybox /type </dev/null
        assert_status 0
        assert_equal "$(grep -c 'Operation not permitted' <<<"$output")" 4
        run "$KELP" run --rm --network none -v "$PWD/type:/type" busybox /type
        assert_equal "$(grep -c 'Operation not permitted' <<<"$output")" 4
}
