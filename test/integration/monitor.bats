# kelp-monitor: what it holds, what it leaves, and what its end does.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

monitor_of()
{
        awk '/^PPid/ { print $2 }' "/proc/$("$KELP" inspect -f '{{.State.Pid}}' "$1")/status"
}

state()
{
        "$KELP" inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$1"
}

@test "a program of its own, in a session of its own" {
        "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
        "$KELP" run -d --name other --network none busybox sleep 1000 >/dev/null
        monitor=$(monitor_of box)
        [[ "$(readlink "/proc/$monitor/exe")" == */kelp-monitor ]]
        assert_equal "$(cat "/proc/$monitor/comm")" kelp-monitor
        assert_equal "$(ps -o sid= -p "$monitor" | tr -d ' ')" "$monitor"
        assert_equal "$(readlink "/proc/$monitor/cwd")" /
        for fd in 0 1 2; do
                assert_equal "$(readlink "/proc/$monitor/fd/$fd")" /dev/null
        done
}

@test "a monitor needs little memory of its own" {
        skip_when_sanitized
        "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
        private=$(awk '/^Private_Dirty/ { print $2 }' "/proc/$(monitor_of box)/smaps_rollup")
        echo "private dirty: $private kB"
        [ "$private" -lt 512 ]
}

@test "no process is left after a container in the foreground, with and without a terminal" {
        "$KELP" run --rm --network none busybox true
        no_leaked_processes
        run "$BATS_TEST_DIRNAME/on-terminal" "$KELP" run --rm -it --network none busybox true </dev/null
        assert_status 0
        no_leaked_processes
        assert_nothing_left
}

@test "the exit status reaches whoever asks first" {
        "$KELP" run -d --name box --network none busybox sh -c 'exit 42' >/dev/null
        assert_equal "$("$KELP" wait box)" 42
        assert_equal "$(state box)" 'exited 42'
        # Of an earlier run nothing is taken.
        "$KELP" run -d --name again --network none busybox sh -c '[ -e /ran ] && sleep 1000; touch /ran; exit 7' >/dev/null
        assert_equal "$("$KELP" wait again)" 7
        "$KELP" start again >/dev/null
        assert_equal "$(state again)" 'running 0'
        kill -KILL "$(monitor_of again)"
        assert_equal "$("$KELP" wait again)" 137
        assert_equal "$(state again)" 'exited 137'
}

@test "--rm: the container goes without anybody asking" {
        "$KELP" run -d --rm --name box --network none -v /anonymous busybox sh -c 'while [ ! -e /end ]; do sleep 0.05; done' >/dev/null
        "$KELP" exec box touch /end
        wait_until no_leaked_processes
        assert_equal "$("$KELP" ps -aq)" ''
        assert_nothing_left
        assert_equal "$(ls "$STORE/volumes")" ''
        "$KELP" run -d --rm --name box --network none busybox sleep 1000 >/dev/null
        "$KELP" stop -t 0 box
        "$KELP" wait box || true
        wait_until no_leaked_processes
        assert_nothing_left
}

@test "a monitor that is killed: the container ends, the next command says so, nothing is left" {
        "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
        "$KELP" run -d --rm --name gone --network none busybox sleep 1000 >/dev/null
        init=$("$KELP" inspect -f '{{.State.Pid}}' box)
        monitors="$(monitor_of box) $(monitor_of gone)"
        # shellcheck disable=SC2086 # two pids
        kill -KILL $monitors
        for monitor in $monitors; do
                wait_until eval '[ ! -e "/proc/$monitor/ns/mnt" ]'
        done
        assert_equal "$("$KELP" ps -a --format '{{.Names}} {{.State}}')" 'box exited'
        [ ! -e "/proc/$init/ns/mnt" ]
        run_kelp exec box true
        assert_contains 'is not running'
        "$KELP" start box >/dev/null
        assert_equal "$(state box)" 'running 0'
        "$KELP" rm -f box >/dev/null
        assert_nothing_left
}

@test "SIGTERM to a monitor goes on to its container" {
        "$KELP" run -d --name box --network none busybox sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null
        wait_until eval '[ "$("$KELP" logs box)" = ready ]'
        kill -TERM "$(monitor_of box)"
        assert_equal "$("$KELP" wait box)" 3
}

@test "what cannot be started says why, and leaves nothing running" {
        run_kelp run -d --name box --network none busybox no-such-command
        assert_status 127
        assert_contains 'executable file not found'
        assert_equal "$("$KELP" ps -a --format '{{.Names}} {{.State}}')" 'box created'
        no_leaked_processes
        "$KELP" rm box >/dev/null
        run_kelp run -d --rm --network none busybox no-such-command
        assert_refused_with 127
        mkdir programs
        cp "$KELP_BUILD"/kelp "$KELP_BUILD"/kelp-init "$KELP_BUILD"/kelp-unpack programs/
        run programs/kelp run -d --rm --network none busybox true
        assert_refused 'kelp-monitor is missing'
}

# As assert_refused, with another status.
assert_refused_with()
{
        assert_status "$1" && assert_nothing_left
}

@test "stop: STOPSIGNAL, its timeout, and SIGKILL; restart" {
        "$KELP" run -d --name box --network none --stop-signal USR1 busybox \
                sh -c 'trap "exit 5" USR1; echo ready; while :; do sleep 0.05; done' >/dev/null
        wait_until eval '[ "$("$KELP" logs box)" = ready ]'
        "$KELP" stop box
        assert_equal "$(state box)" 'exited 5'
        "$KELP" run -d --name deaf --network none --stop-timeout 1 busybox sh -c 'trap "" TERM; sleep 1000' >/dev/null
        "$KELP" stop deaf
        assert_equal "$(state deaf)" 'exited 137'
        "$KELP" start deaf >/dev/null
        before=$("$KELP" inspect -f '{{.State.Pid}}' deaf)
        "$KELP" restart -t 0 deaf
        assert_equal "$(state deaf)" 'running 0'
        [ "$("$KELP" inspect -f '{{.State.Pid}}' deaf)" != "$before" ]
        "$KELP" kill -s 9 deaf
        assert_equal "$("$KELP" wait deaf)" 137
        run_kelp kill deaf
        [ "$status" -ne 0 ]
        assert_contains 'is not running'
        run_kelp stop --signal NOSUCH box deaf
        [ "$status" -ne 0 ] || assert_equal "$status" 0
}

is_attached()
{
        ls -l "/proc/$1/fd" 2>/dev/null | grep -q socket:
}

@test "wait knows how a container ended that removes itself, whoever holds it" {
        "$KELP" run -d --rm --name box --network none busybox sh -c 'while [ ! -e /end ]; do sleep 0.05; done; exit 6' >/dev/null
        "$KELP" wait box >status &
        waiting=$!
        wait_until is_attached "$waiting"
        "$KELP" exec box touch /end
        wait "$waiting"
        assert_equal "$(cat status)" 6
        assert_equal "$("$KELP" ps -aq)" ''
        "$KELP" run --rm --name box --network none busybox sh -c 'while [ ! -e /end ]; do sleep 0.05; done; exit 7' &
        runner=$!
        wait_until "$KELP" exec box true
        "$KELP" wait box >status &
        waiting=$!
        wait_until is_attached "$waiting"
        "$KELP" exec box touch /end
        wait "$runner" || assert_equal $? 7
        wait "$waiting"
        assert_equal "$(cat status)" 7
}

@test "wait for several, each by its end" {
        "$KELP" run -d --name one --network none busybox sh -c 'while [ ! -e /end ]; do sleep 0.05; done; exit 1' >/dev/null
        "$KELP" run -d --name two --network none busybox sh -c 'exit 2' >/dev/null
        "$KELP" wait one two >statuses &
        waiting=$!
        "$KELP" exec one touch /end
        wait "$waiting"
        assert_equal "$(tr '\n' ' ' <statuses)" '1 2 '
}

@test "ten thousand clients, with changes of the window, garbage and early ends, leave nothing in the monitor" {
        "$KELP" run -d -i -t --name box --network none busybox sh >/dev/null
        monitor=$(monitor_of box)
        folder=$STORE/containers/$("$KELP" inspect -f '{{.Id}}' box)
        cd "$folder"
        python3 - attach "$monitor" <<'EOF'
import os, socket, struct, sys
path, monitor = sys.argv[1:]
HELLO, INPUT, RESIZE, REFUSED = 1, 2, 4, 9

def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(path)
    s.settimeout(20)
    return s

def frame(kind, a=0, b=0, data=b""):
    return struct.pack("III", kind, a, b) + data

def state():
    status = open(f"/proc/{monitor}/status").read()
    resident = int(status.split("VmRSS:")[1].split()[0])
    return len(os.listdir(f"/proc/{monitor}/fd")), resident

def answer(s):
    # The shell's echo says that everything before was taken.
    s.send(frame(HELLO, 7))
    s.send(frame(INPUT, data=b"echo $((1000 + 337))\r"))
    seen = b""
    while b"1337" not in seen:
        seen += s.recv(65536)[12:]

first = connect()
answer(first)
first.close()
fds, resident = state()
for i in range(10000):
    s = connect()
    s.send(frame(HELLO, 2))
    s.send(frame(RESIZE, 20 + i % 50, 80))
    if i % 100 == 0:
        s.send(os.urandom(1 + i % 40))
    s.close()
# More at once than there is room for: told so.
many = [connect() for _ in range(20)]
for s in many[16:]:
    assert struct.unpack("I", s.recv(65536)[:4])[0] == REFUSED
for s in many:
    s.close()
last = connect()
answer(last)
last.close()
probe = connect()
answer(probe)
after, grown = state()
assert after <= fds + 2, (fds, after)
assert grown <= resident + 256, (resident, grown)
EOF
        assert_equal "$(state box)" 'running 0'
}

@test "a container is started once, however many start it at a time" {
        "$KELP" create --name box --network none busybox sh -c 'echo >>/runs; sleep 1000' >/dev/null
        pids=
        for _ in 1 2 3 4 5; do
                "$KELP" start box >>started 2>&1 &
                pids="$pids $!"
        done
        for pid in $pids; do
                wait "$pid" || true
        done
        grep -q box started
        assert_equal "$(state box)" 'running 0'
        wait_until "$KELP" exec box test -e /runs
        assert_equal "$("$KELP" exec box wc -l /runs)" '1 /runs'
        "$KELP" restart -t 0 box
        wait_until eval '[ "$("$KELP" exec box wc -l /runs)" = "2 /runs" ]'
}
