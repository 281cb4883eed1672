#!/usr/bin/env bats
# Networks under hostile containers and on a host that changes: each test has a host's network of its own (private-world), with
# a host outside at 10.79.0.2 and fd79::2 (outside-servers), so that links, sysctls and limits are the test's to change.

load harness

OUTSIDE=10.79.0.2

setup()
{
        kelp_setup
        require_subordinate_ids
        export OUTSIDE PROGRAMS="-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro -v $BATS_TEST_DIRNAME/network-hostile:/hostile:ro"
        # what the scripts have in common
        export COMMON='
NETD_LOG=$XDG_RUNTIME_DIR/kelp/netd.log
netd() { sed -n "s/^kelp-netd \([0-9]*\): .*/\1/p" "$NETD_LOG" | tail -n 1; }
memory() { sed -n "s/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/$(netd)/status"; }
serves() { "$KELP" run --rm --network ${1:-bridge} busybox nc -w 20 "$OUTSIDE" 8000 >/dev/null && echo serves; }
until_true() { local end=$((SECONDS + 30)); until "$@"; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.05; done; }
'
}

teardown()
{
        kelp_teardown
}

# in_world SCRIPT: $status and $output of it.
in_world()
{
        run "$BATS_TEST_DIRNAME/private-world" bash -c "$COMMON$1"
}

@test "ping, larger than the MTU too, on IPv4 and IPv6; not where the host does not allow it" {
        in_world '
"$KELP" network create --ipv6 six >/dev/null
"$KELP" run --rm --network six busybox sh -c "
ping -c 1 $OUTSIDE >/dev/null && echo small
ping -c 1 -s 3000 $OUTSIDE >/dev/null && echo large
ping -c 1 -s 65000 $OUTSIDE >/dev/null && echo largest
ping -c 1 fd79::2 >/dev/null && echo small6
ping -c 1 -s 60000 fd79::2 >/dev/null && echo large6
ping -c 1 -W 1 10.79.0.77 >/dev/null || echo nobody"'
        assert_equal "$output" $'small\nlarge\nlargest\nsmall6\nlarge6\nnobody'
        in_world '
echo 1 0 >/proc/sys/net/ipv4/ping_group_range
"$KELP" run --rm --network bridge busybox ping -c 1 -W 1 $OUTSIDE >/dev/null || echo refused
serves'
        assert_equal "$output" $'refused\nserves'
}

@test "the host's link goes down and comes up, and changes its MTU" {
        in_world '
mkdir m
"$KELP" run -d --name ctr --network bridge -v "$PWD/m:/m" busybox sh -c "(echo a; touch /m/begun; until [ -e /m/go ]; do sleep 0.1; done; echo b) | nc $OUTSIDE 8002 >/m/count" >/dev/null
until_true [ -e m/begun ]
ip link set world down
serves 2>/dev/null || echo unreachable
ip link set world up
ip route add default via $OUTSIDE
serves
touch m/go
until_true [ -s m/count ]
cat m/count
ip link set world mtu 700
"$KELP" run --rm --network bridge busybox sh -c "head -c 3000000 /dev/zero | nc $OUTSIDE 8002"
"$KELP" run --rm --network bridge $PROGRAMS busybox /usr/bin/python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(9)
s.sendto(bytes(40000), (\"$OUTSIDE\", 7))
print(s.recv(100).decode().split()[2])"'
        assert_equal "$output" $'unreachable\nserves\n4\n3000000\n40000'
}

@test "kelp-netd is killed in the middle of a transfer: the transfer ends, and the next command brings networks back" {
        in_world '
"$KELP" run -d --name ctr --network bridge busybox sh -c "nc $OUTSIDE 8003 </dev/zero; echo ended; sleep 1000" >/dev/null
until_true sh -c "\"$KELP\" exec ctr netstat -tn | grep -q ESTABLISHED"
kill -KILL "$(netd)"
until_true sh -c "\"$KELP\" logs ctr 2>/dev/null | grep -q ended"
"$KELP" exec ctr busybox nc -w 20 "$OUTSIDE" 8000 >/dev/null && echo serves'
        echo "$output"
        [[ "$output" == *serves ]]
}

@test "peers that never read hold nothing but their own connections" {
        skip_when_sanitized
        in_world '
serves
before=$(memory)
"$KELP" run -d --name ctr --network bridge busybox sh -c "for i in \$(seq 20); do nc $OUTSIDE 8003 </dev/zero & done; wait" >/dev/null
until_true sh -c "[ \"\$(\"$KELP\" exec ctr netstat -tn | grep -c ESTABLISHED)\" = 20 ]"
serves
[ $(($(memory) - before)) -lt 4000 ] && echo bounded'
        assert_equal "$output" $'serves\nserves\nbounded'
}

@test "out of descriptors: the longest idle connections go, a line says so, and new ones work" {
        in_world '
(ulimit -n 300; serves)
"$KELP" run --rm --network bridge $PROGRAMS busybox /usr/bin/python3 /hostile hold $OUTSIDE 8002 400
grep -o "out of descriptors: the longest idle connections are closed" "$NETD_LOG" | head -n 1
serves'
        assert_contains "made 400"
        assert_contains "the first is closed, the last is open"
        assert_contains "out of descriptors"
        assert_contains serves
}

@test "100,000 SYNs: nothing grows, and others are served meanwhile and after" {
        skip_when_sanitized
        in_world '
serves
before=$(memory)
"$KELP" run -d --name ctr --network bridge $PROGRAMS busybox /usr/bin/python3 /hostile syns $OUTSIDE 8000 100000 >/dev/null
until_true sh -c "\"$KELP\" logs ctr | grep -q begun"
serves
until_true sh -c "\"$KELP\" logs ctr | grep sent"
serves
"$KELP" exec ctr busybox nc -w 30 $OUTSIDE 8000 >/dev/null && echo itself
"$KELP" rm -f ctr >/dev/null
[ $(($(memory) - before)) -lt 16000 ] && echo bounded'
        assert_equal "$output" $'serves\nserves\nsent 100000\nserves\nitself\nbounded'
}

@test "malformed frames of all protocols" {
        in_world '
"$KELP" network create --ipv6 six >/dev/null
"$KELP" run -d --name other --network six busybox sleep 1000 >/dev/null
first=$(netd)
"$KELP" run --rm --network six $PROGRAMS busybox /usr/bin/python3 /hostile frames 20000
[ "$(netd)" = "$first" ] && [ -d "/proc/$first" ] && echo lives
serves six'
        assert_equal "$output" $'sent\nlives\nserves'
}

@test "2,000 connections at once, and 5,000 one after the other: memory" {
        skip_when_sanitized
        in_world '
ulimit -n 8192
serves
"$KELP" run -d --name ctr --network bridge $PROGRAMS busybox /usr/bin/python3 /hostile hold $OUTSIDE 8002 2000 stay >/dev/null
until_true sh -c "\"$KELP\" logs ctr | grep made"
[ "$(memory)" -lt 40000 ] && echo small
"$KELP" rm -f ctr >/dev/null
"$KELP" run --rm --network bridge $PROGRAMS busybox /usr/bin/python3 /hostile connect $OUTSIDE 8000 1000
before=$(memory)
"$KELP" run --rm --network bridge $PROGRAMS busybox /usr/bin/python3 /hostile connect $OUTSIDE 8000 5000
[ $(($(memory) - before)) -lt 1000 ] && echo flat'
        assert_equal "$output" $'serves\nmade 2000\nsmall\nconnected 1000\nconnected 5000\nflat'
}

@test "sources that are another's are dropped: IPv4, IPv6, ARP; routers are not believed" {
        in_world '
"$KELP" network create --ipv6 six >/dev/null
"$KELP" run -d --name victim --network six $PROGRAMS busybox /usr/bin/python3 /hostile listen >/dev/null
address() { "$KELP" inspect -f "{{range .NetworkSettings.Networks}}{{.$2}}{{end}}" $1; }
until_true sh -c "\"$KELP\" logs victim | grep -q listens"
"$KELP" run --rm --network six $PROGRAMS busybox /usr/bin/python3 /hostile pretend $(address victim IPAddress) $(address victim GlobalIPv6Address) $(address victim MacAddress) $(address victim Gateway)
until_true sh -c "\"$KELP\" logs victim | grep -q last"
"$KELP" logs victim
"$KELP" exec victim sh -c "ip -6 route | grep -c ^default; ip neigh | grep -c \"^$(address victim Gateway) .*lladdr\""'
        assert_equal "$output" $'pretended\nlistens\nIPv4 as itself\nIPv6 as itself\nlast\n1\n0'
}
