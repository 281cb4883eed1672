#!/usr/bin/env bats
# --network switch: TCP connections to the world are sockets of the host; what could be made of them is closed.
# The world outside is made by tools/run-tests as root (see outside). Escapes are tried by switch-escapes.c, at a port of the
# host's loopback and at an address where clouds keep secrets.

load harness

OUTSIDE=10.78.0.2
METADATA=192.0.0.192

setup()
{
        kelp_setup
        HOST_PROGRAMS=(-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro)
        { [ -e /sys/class/net/kelp-out0 ] && answers $OUTSIDE 8000; } || skip "there is no outside world (tools/run-tests makes it as root)"
        "$KELP" run --rm --network switch busybox true 2>switch-error || skip "$(cat switch-error)"
}

teardown()
{
        [ -z "${SERVER:-}" ] || kill "$SERVER"
        kelp_teardown
}

answers()
{
        (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# A server on the host's loopback; sets LOOPBACK_PORT.
serve_loopback()
{
        LOOPBACK_PORT=$(free_port)
        python3 -c '
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client = listener.accept()[0]
    client.send(b"secret")
    client.close()' "$LOOPBACK_PORT" 3>&- &
        SERVER=$!
        wait_until answers 127.0.0.1 "$LOOPBACK_PORT"
}

build_escapes()
{
        cc -O2 -static -pthread -o escapes "$BATS_TEST_DIRNAME/switch-escapes.c"
        answers $METADATA 8000 || skip "the outside world is of an older kind, without $METADATA"
        serve_loopback
}

# escape WAY [OPTIONS]: at both addresses, and $output is what was said of them.
escape()
{
        local way=$1 target
        shift
        output=
        for target in "127.0.0.1 $LOOPBACK_PORT" "$METADATA 8000"; do
                # shellcheck disable=SC2086 # address and port
                output+=$("$KELP" run --rm --network switch -v "$PWD/escapes:/escapes:ro" "$@" busybox /escapes "$way" $OUTSIDE 8000 $target 2>&1)$'\n'
        done
}

# stays_closed WAY [OPTIONS]
stays_closed()
{
        escape "$@"
        [ "$(grep -c '^closed' <<<"$output")" = 2 ] && [[ "$output" != *reached* ]] && return
        echo "$*: $output" >&2
        return 1
}

# python CODE: in a container with sockets switched.
python()
{
        run_kelp_split run --rm --network switch "${HOST_PROGRAMS[@]}" busybox /usr/bin/python3 -c "import socket, struct, select, os, sys
$1"
}

@test "a container sees of the world what a process of the host sees, by sockets of the host" {
        "$BATS_TEST_DIRNAME/network-client" >host
        run_kelp network create --ipv6 six
        "$KELP" run --rm --network switch:six "${HOST_PROGRAMS[@]}" -v "$BATS_TEST_DIRNAME/network-client:/client:ro" busybox \
                /usr/bin/python3 /client >container
        diff host container
        run_kelp_split run --rm --network switch:six "${HOST_PROGRAMS[@]}" busybox /usr/bin/python3 -c '
import socket
for address in "10.78.0.2", "fd78::2", "::ffff:10.78.0.2":
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.connect((address, 8000))
    print(s.getsockname()[0], s.recv(100).decode().split()[0])'
        assert_equal "$output" "10.78.0.1 10.78.0.1
fd78::1 fd78::1
::ffff:10.78.0.1 10.78.0.1"
}

@test "programs: wget, curl, python's asyncio, and those of exec" {
        python3 -m http.server -b 10.78.0.1 18090 >/dev/null 2>&1 3>&- &
        SERVER=$!
        wait_until answers 10.78.0.1 18090
        run_kelp_split run --rm --network switch busybox wget -qO- http://10.78.0.1:18090/
        assert_contains "Directory listing"
        run_kelp_split run --rm --network switch "${HOST_PROGRAMS[@]}" busybox /usr/bin/curl -sS http://10.78.0.1:18090/
        assert_contains "Directory listing"
        python "
import asyncio
async def ask():
    reader, writer = await asyncio.open_connection('$OUTSIDE', 8000)
    return await reader.read(), writer.get_extra_info('sockname')[0]
async def main():
    print({own for _, own in await asyncio.gather(*[ask() for _ in range(50)])})
asyncio.run(main())"
        assert_equal "$output" "{'10.78.0.1'}"
        "$KELP" run -d --name ctr --network switch "${HOST_PROGRAMS[@]}" busybox sleep 1000 >/dev/null
        run_kelp_split exec ctr /usr/bin/python3 -c "import socket
s = socket.create_connection(('$OUTSIDE', 8000))
print(s.getsockname()[0])"
        assert_equal "$output" 10.78.0.1
}

@test "what was set on a socket before, and its descriptor's flags, are there after" {
        python "
s = socket.socket()
s.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
s.setsockopt(socket.SOL_TCP, socket.TCP_KEEPIDLE, 77)
s.setsockopt(socket.SOL_TCP, socket.TCP_CONGESTION, b'reno')
s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50000)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 9))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', 7, 0))
s.setsockopt(socket.SOL_IP, socket.IP_TOS, 0x10)
os.set_inheritable(s.fileno(), True)
s.connect(('$OUTSIDE', 8000))
print(s.getsockname()[0], s.getsockopt(socket.SOL_TCP, socket.TCP_NODELAY), s.getsockopt(socket.SOL_TCP, socket.TCP_KEEPIDLE),
      s.getsockopt(socket.SOL_TCP, socket.TCP_CONGESTION, 16).rstrip(b'\\0'), s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
      s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF), struct.unpack('ii', s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)),
      struct.unpack('ll', s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)), s.getsockopt(socket.SOL_IP, socket.IP_TOS),
      os.get_inheritable(s.fileno()))"
        assert_equal "$output" "10.78.0.1 1 77 b'reno' 1 100000 (1, 9) (7, 0) 16 True"
}

@test "sockets in an epoll set, duplicated, bound or in waiting: connected all the same" {
        python "
def name(s):
    return s.getsockname()[0].split('.')[0]
s = socket.socket()
s.setblocking(False)
poll = select.epoll()
poll.register(s.fileno(), select.EPOLLOUT | select.EPOLLET)
try:
    s.connect(('$OUTSIDE', 8000))
except BlockingIOError:
    pass
print('epoll', len(poll.poll(10)), name(s))
s = socket.socket()
other = s.dup()
s.connect(('$OUTSIDE', 8000))
print('duplicate', len(other.recv(100)) > 0, name(s))
s = socket.socket()
s.bind(('0.0.0.0', 7777))
s.connect(('$OUTSIDE', 8000))
print('bound', s.getsockname()[1], name(s))
s = socket.socket()
s.setblocking(False)
print('refused', s.connect_ex(('$OUTSIDE', 81)) and len(select.select([], [s], [], 10)[1]), os.strerror(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
s = socket.socket()
print('again', os.strerror(s.connect_ex(('$OUTSIDE', 81))), s.connect_ex(('$OUTSIDE', 8000)), os.strerror(s.connect_ex(('$OUTSIDE', 8000))))
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', 0, 100000))
print('timeout', os.strerror(s.connect_ex(('10.78.0.99', 81))))"
        assert_equal "$output" "epoll 1 172
duplicate True 172
bound 7777 172
refused 1 Connection refused
again Connection refused 0 Transport endpoint is already connected
timeout Operation now in progress"
}

@test "the container's own sockets stay its own: loopback, neighbours, published ports, UDP, unix" {
        local port
        port=$(free_port)
        "$KELP" run -d --name ctr --network switch -p "127.0.0.1:$port:80" busybox sh -c 'echo own >/index.html; exec httpd -f -p 80 -h /' >/dev/null
        wait_until answers 127.0.0.1 "$port"
        assert_equal "$(curl -sS "http://127.0.0.1:$port/")" own
        run_kelp_split exec ctr wget -qO- http://127.0.0.1/
        assert_equal "$output" own
        run_kelp_split run --rm --network switch busybox wget -qO- "http://$("$KELP" inspect -f '{{.NetworkSettings.IPAddress}}' ctr)/"
        assert_equal "$output" own
        python "
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(9)
u.sendto(b'x', ('$OUTSIDE', 7))
print(u.recv(100).decode().split()[0])
l = socket.socket(socket.AF_UNIX)
l.bind('/tmp/s')
l.listen()
c = socket.socket(socket.AF_UNIX)
c.connect('/tmp/s')
print(struct.unpack('iii', l.accept()[0].getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)),
      struct.unpack('iii', c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])"
        assert_equal "$output" "10.78.0.1
(1, 0, 0) (0, 0)"
        run_kelp_split run --rm --network switch -u 65534 "${HOST_PROGRAMS[@]}" busybox /usr/bin/python3 -c "import socket, struct
l = socket.socket(socket.AF_UNIX)
l.bind('/tmp/s')
l.listen()
c = socket.socket(socket.AF_UNIX)
c.connect('/tmp/s')
print(struct.unpack('iii', c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])"
        assert_equal "$output" "(65534, 65534)"
}

@test "closed as on any network; one port of the host's loopback by --allow-host" {
        serve_loopback
        for address in 169.254.169.254 169.254.1.2 $METADATA 224.0.0.1 0.0.0.1; do
                run_kelp_split run --rm --network switch busybox nc -w 2 "$address" "$LOOPBACK_PORT"
                assert_status 1
        done
        run_kelp_split run --rm --network switch --allow-host "$LOOPBACK_PORT" busybox nc 169.254.1.2 "$LOOPBACK_PORT"
        assert_equal "$output" secret
        run_kelp network create --internal back
        run_kelp_split run --rm --network switch:back busybox nc -w 2 $OUTSIDE 8000
        assert_status 1
}

@test "escape: a socket that was disconnected is connected anew, or listens" {
        build_escapes
        for way in reconnect duplicate listen; do
                stays_closed $way
                stays_closed $way --security-opt seccomp=unconfined
        done
}

@test "escape: MSG_FASTOPEN with an address, in all calls that send" {
        build_escapes
        for way in sendto sendmsg sendmmsg wide-flags; do
                stays_closed $way
                assert_contains "Operation not supported"
                stays_closed $way --security-opt seccomp=unconfined
        done
}

@test "escape: io_uring, and system calls of other ABIs" {
        build_escapes
        for way in io_uring other-abi; do
                stays_closed $way
                stays_closed $way --security-opt seccomp=unconfined --cap-add ALL
        done
}

@test "escape: the address or the descriptor changes while it is looked at" {
        build_escapes
        stays_closed pointer
        stays_closed descriptor
        stays_closed descriptor --security-opt seccomp=unconfined --cap-add ALL
}

@test "escape: a socket of the host is given to a container that is not watched" {
        build_escapes
        mkdir meet
        "$KELP" run -d --name giver --network switch -v "$PWD/meet:/meet" -v "$PWD/escapes:/escapes:ro" busybox /escapes share $OUTSIDE 8000 127.0.0.1 "$LOOPBACK_PORT" >/dev/null
        run_kelp_split run --rm --network none -v "$PWD/meet:/meet" -v "$PWD/escapes:/escapes:ro" busybox /escapes take $OUTSIDE 8000 127.0.0.1 "$LOOPBACK_PORT"
        assert_contains closed
}

@test "when kelp-switch is killed the container makes no connection any more" {
        local pid
        "$KELP" run -d --name ctr --network switch busybox sleep 1000 >/dev/null
        run_kelp_split exec ctr nc $OUTSIDE 8000
        assert_status 0
        pid=$(pgrep -n -u "$(id -u)" -x kelp-switch)
        kill -KILL "$pid"
        run_kelp_split exec ctr nc $OUTSIDE 8000
        [ "$status" -ne 0 ]
        output=$stderr
        assert_contains "kelp-switch does not answer"
}

@test "what cannot be is refused, with the reason" {
        run_kelp run --rm --network switch:nowhere busybox true
        assert_refused "network nowhere not found"
        run_kelp network create switch
        assert_refused "predefined switch network"
        run_kelp run --rm --network switch --network host busybox true
        assert_refused "conflicting options"
}
