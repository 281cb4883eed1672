#!/usr/bin/env bats
# Networks: what a container sees of the world beside what a process of the host sees, published ports, names, and what is closed.
# The world outside is made by tools/run-tests as root (see outside).

load harness

OUTSIDE=10.78.0.2

setup()
{
        kelp_setup
        HOST_PROGRAMS=(-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro)
}

teardown()
{
        kelp_teardown
}

require_outside()
{
        # by its link, not by the default route to whoever answers there
        { [ -e /sys/class/net/kelp-out0 ] && (exec 3<>"/dev/tcp/$OUTSIDE/8000") 2>/dev/null; } || skip "there is no outside world (tools/run-tests makes it as root)"
}

# A web server in the background: web NAME OPTIONS...; its page is its name.
web()
{
        local name=$1
        shift
        "$KELP" run -d --name "$name" "$@" busybox sh -c "mkdir /w; echo $name >/w/index.html; exec httpd -f -p 80 -h /w" >/dev/null
}

page()
{
        curl -sS -g --max-time 5 "$@"
}

port_is_closed()
{
        ! port_answers "$1"
}

page_is()
{
        [ "$(page "$1" 2>/dev/null)" = "$2" ]
}

# Asks the outside to be a client: outside_connect ADDRESS PORT.
outside_connect()
{
        exec 3<>"/dev/tcp/$OUTSIDE/8090"
        echo "connect $1 $2" >&3
        cat <&3
        exec 3>&-
}

@test "the way out is a tun device where that may be opened, else a packet socket" {
        run_kelp_split run --rm --network bridge busybox true
        assert_status 0
        output=$(cat "$XDG_RUNTIME_DIR/kelp/netd.log")
        case ${KELP_TEST_TUN:-} in
        with) assert_contains "by a tun device" ;;
        without) assert_contains "by a packet socket" ;;
        *) assert_contains "ready, by a " ;;
        esac
}

@test "a container sees of the world what a process of the host sees" {
        require_outside
        "$BATS_TEST_DIRNAME/network-client" >host
        run_kelp network create --ipv6 six
        assert_status 0
        "$KELP" run --rm --network six "${HOST_PROGRAMS[@]}" -v "$BATS_TEST_DIRNAME/network-client:/client:ro" busybox \
                /usr/bin/python3 /client >container
        diff host container
        grep -q "IPv6 connect True" host
}

@test "closed by default: loopback, metadata, multicast; one port of the host's loopback by --allow-host" {
        local port
        port=$(free_port)
        (cd "$TMPDIR" && echo secret >index.html && exec busybox httpd -f -p "127.0.0.1:$port") 3>&- &
        wait_until port_answers "$port"
        local server=$!
        for address in 169.254.169.254 169.254.1.2 224.0.0.1 0.0.0.1; do
                run_kelp_split run --rm --network bridge busybox nc -w 2 "$address" "$port"
                assert_status 1
        done
        run_kelp_split run --rm --network bridge --add-host host:host-gateway --allow-host "$port" busybox wget -qO- "http://host:$port/"
        kill "$server"
        assert_status 0
        assert_equal "$output" secret
}

@test "a published port keeps the client's address, on IPv4 and IPv6, and is closed when the container does not listen" {
        require_outside
        run_kelp network create --ipv6 six
        "$KELP" run -d --name ctr --network six -p 18080:80 -p 18081:81 "${HOST_PROGRAMS[@]}" busybox /usr/bin/python3 -c '
import socket
s = socket.create_server(("", 80), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, a = s.accept()
    c.sendall(("%s %d\n" % (a[0].replace("::ffff:", ""), a[1])).encode())
    c.close()
' >/dev/null
        wait_until port_answers 18080
        run outside_connect 10.78.0.1 18080
        read -r address port seen_address seen_port <<<"$output"
        assert_equal "$address $port" "$seen_address $seen_port"
        assert_equal "$address" $OUTSIDE
        run outside_connect fd78::1 18080
        read -r address port seen_address seen_port <<<"$output"
        assert_equal "$address $port" "$seen_address $seen_port"
        assert_equal "$address" fd78::2
        run outside_connect 10.78.0.1 18081
        assert_equal "$output" "Connection refused"
        run_kelp port ctr
        assert_contains "80/tcp -> 0.0.0.0:18080"
        run_kelp port ctr 81
        assert_contains "0.0.0.0:18081"
        run_kelp stop -t 0 ctr
        assert_status 0
        wait_until port_is_closed 18080
}

@test "a published UDP port keeps the client's address" {
        require_outside
        "$KELP" run -d --name ctr --network bridge -p 18053:53/udp "${HOST_PROGRAMS[@]}" busybox /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 53))
while True:
    d, a = s.recvfrom(2000)
    s.sendto(("%s %d " % a).encode() + d, a)
' >/dev/null
        ask()
        {
                output=$(exec 3<>"/dev/udp/$OUTSIDE/8091" && echo "send 10.78.0.1 18053 hello" >&3 && timeout 4 dd bs=4096 count=1 status=none <&3)
                read -r address port seen_address seen_port word <<<"$output"
                [ "$word" = hello ]
        }
        wait_until ask
        assert_equal "$address $port" "$seen_address $seen_port"
        assert_equal "$address" $OUTSIDE
}

@test "containers of a network find each other by name, alias and in turn; those of another network do not" {
        run_kelp network create one
        run_kelp network create two
        web first --network one --network-alias web
        web second --network one --network-alias web
        web other --network two
        for name in first second first.one web; do
                run_kelp_split run --rm --network one busybox wget -qO- "http://$name/"
                assert_status 0
        done
        run_kelp_split run --rm --network one busybox sh -c 'for i in 1 2 3 4; do wget -qO- http://web/; done'
        assert_contains first
        assert_contains second
        run_kelp_split run --rm --network one busybox wget -qO- http://other/
        assert_status 1
        address=$("$KELP" inspect -f '{{.NetworkSettings.IPAddress}}' other)
        [ -n "$address" ]
        run_kelp_split run --rm --network one busybox nc -w 2 "$address" 80
        assert_status 1
        run_kelp_split run --rm --network one --network two busybox sh -c 'wget -qO- http://other/ && wget -qO- http://first/'
        assert_status 0
}

@test "names of the world: forwarded over UDP, and over TCP when an answer is too large" {
        require_outside
        run_kelp_split run --rm --network bridge --dns $OUTSIDE busybox nslookup -type=a www.test
        assert_contains 10.78.0.1
        run_kelp_split run --rm --network bridge --dns $OUTSIDE "${HOST_PROGRAMS[@]}" busybox /usr/bin/dig +short big.test
        assert_status 0
        assert_equal "$(wc -l <<<"$output")" 100
        run_kelp_split run --rm --network bridge --dns 10.78.0.77 --dns $OUTSIDE "${HOST_PROGRAMS[@]}" busybox \
                /usr/bin/dig +short +time=6 www.test
        assert_contains 10.78.0.1
}

@test "an internal network lets nothing out, names included" {
        require_outside
        run_kelp network create --internal back
        web first --network back
        run_kelp_split run --rm --network back busybox wget -qO- http://first/
        assert_equal "$output" first
        run_kelp_split run --rm --network back busybox nc -w 2 $OUTSIDE 8000
        assert_status 1
        run_kelp_split run --rm --network back --dns $OUTSIDE busybox nslookup -type=a www.test
        [ "$status" -ne 0 ]
        # nor when it makes itself a route
        run_kelp_split run --rm --network back --cap-add NET_ADMIN busybox sh -c "ip route add default via \$(ip r | sed 's|\.0/.*|.1|'); nc -w 2 $OUTSIDE 8000"
        [ "$status" -ne 0 ]
        [[ "$output" != *10.78.0.1* ]]
}

@test "a container cannot pretend to be another" {
        run_kelp network create one
        web first --network one
        address=$("$KELP" inspect -f '{{.NetworkSettings.IPAddress}}' first)
        run_kelp_split run --rm --network one --cap-add NET_ADMIN busybox sh -c "
                wget -qO- http://$address/ >/dev/null && echo as itself
                prefix=\$(echo $address | cut -d. -f1-3)
                ip addr add \$prefix.200/16 dev eth0
                wget -qO- http://$address/ >/dev/null && echo still itself
                ip addr del \$(ip -o -4 a show dev eth0 | sed 's/.*inet \([^ ]*\) .*/\1/;q') dev eth0
                nc -w 2 $address 80 </dev/null && echo as another
                true"
        assert_contains "still itself"
        [[ "$output" != *"as another"* ]]
}

@test "addresses, MAC, hosts and name servers of a container are what was asked for" {
        run_kelp network create --subnet 10.201.0.0/24 --gateway 10.201.0.254 --ip-range 10.201.0.64/26 -o mtu=1400 one
        assert_status 0
        run_kelp_split run --rm --network one --ip 10.201.0.7 --mac-address 02:00:00:00:00:77 --hostname box busybox sh -c \
                'ip -o a show dev eth0; ip r; cat /etc/hosts /etc/resolv.conf /sys/class/net/eth0/address /sys/class/net/eth0/mtu'
        assert_contains "inet 10.201.0.7/24"
        assert_contains "default via 10.201.0.254"
        assert_contains "$(printf '10.201.0.7\tbox')"
        assert_contains "nameserver 10.201.0.254"
        assert_contains 02:00:00:00:00:77
        assert_contains 1400
        run_kelp_split run --rm --network one busybox ip -o a show dev eth0
        assert_contains "inet 10.201.0.64/24"
}

@test "connect and disconnect a running container; publish and unpublish its ports" {
        local port
        port=$(free_port)
        run_kelp network create one
        run_kelp network create two
        web first --network one
        run_kelp network connect --alias f two first
        assert_status 0
        run_kelp_split run --rm --network two busybox wget -qO- http://f/
        assert_equal "$output" first
        run_kelp network disconnect two first
        assert_status 0
        run_kelp_split run --rm --network two busybox wget -qO- http://f/
        assert_status 1
        run_kelp network publish first "127.0.0.1:$port:80"
        assert_contains "80/tcp -> 127.0.0.1:$port"
        wait_until page_is "http://127.0.0.1:$port/" first
        run_kelp network unpublish first 80
        assert_status 0
        wait_until port_is_closed "$port"
}

@test "when kelp-netd is killed containers lose the network, and the next command brings it back" {
        local port pid
        port=$(free_port)
        run_kelp network create one
        web first --network one -p "127.0.0.1:$port:80"
        wait_until page_is "http://127.0.0.1:$port/" first
        pid=$(sed -n 's/^kelp-netd \([0-9]*\): .*/\1/p' "$XDG_RUNTIME_DIR/kelp/netd.log")
        kill -KILL "$pid"
        wait_until test ! -e "/proc/$pid"
        wait_until port_is_closed "$port"
        run_kelp_split network ls
        output=$stderr
        assert_contains "kelp-netd had ended unexpectedly"
        wait_until page_is "http://127.0.0.1:$port/" first
        run_kelp_split run --rm --network one busybox wget -qO- http://first/
        assert_equal "$output" first
}

@test "bad input is refused, with the reason" {
        run_kelp network create --subnet 10.1.2.3.4/8 x
        assert_refused "invalid subnet"
        run_kelp network create --subnet 10.202.0.0/16 a
        assert_status 0
        run_kelp network create --subnet 10.202.5.0/24 b
        assert_refused "is (partly) that of network a"
        run_kelp network create --subnet 127.0.0.0/8 b
        assert_refused "interface lo"
        run_kelp network create a
        assert_refused "already exists"
        run_kelp network create --subnet 10.203.0.0/24 --gateway 10.9.0.1 c
        assert_refused "no matching subnet for gateway"
        run_kelp network create 'a/b'
        assert_refused "invalid network name"
        run_kelp run --rm --network nowhere busybox true
        assert_refused "network nowhere not found"
        run_kelp run --rm --network a --ip 10.9.9.9 busybox true
        assert_refused "is not in the subnet 10.202.0.0/16"
        run_kelp run --rm --network a --ip 300.1.1.1 busybox true
        assert_refused "invalid --ip address"
        run_kelp run --rm --network a -p 80:0 busybox true
        assert_refused "invalid containerPort"
        run_kelp run --rm --network a -p 8000-8002:80-81 busybox true
        assert_refused "invalid ranges"
        run_kelp run --rm --network a -p 80/sctp busybox true
        assert_refused "tcp or udp"
        run_kelp run --rm --network a --mac-address 01:02:03:04:05:06 busybox true
        assert_refused "not a valid mac address"
        run_kelp run --rm --network host --ip 10.0.0.1 busybox true
        assert_refused "conflicting options"
        run_kelp run --rm --network bridge --network-alias x busybox true
        assert_refused "user defined networks"
        run_kelp network rm bridge
        assert_contains "pre-defined"
}

@test "a port that is taken, and a network that is used, say by whom" {
        local port
        port=$(free_port)
        run_kelp network create one
        web first --network one -p "$port:80"
        run_kelp run --rm --network one -p "$port:81" busybox true
        assert_status 125
        assert_contains "port is already allocated: container first publishes it"
        run_kelp run --rm --network one -p 80:80 busybox true
        assert_status 125
        assert_contains ip_unprivileged_port_start
        run_kelp network rm one
        assert_contains "has active endpoints: container first"
        run_kelp rm -f first
        run_kelp network rm one
        assert_status 0
}

@test "a range that is exhausted says so" {
        run_kelp network create --subnet 10.204.0.0/30 tiny
        assert_status 0
        web first --network tiny
        run_kelp run --rm --network tiny busybox true
        assert_status 125
        assert_contains "no free address is left in 10.204.0.0/30"
}

@test "network ls, inspect, prune and capture" {
        run_kelp network create --label a=b one
        web first --network one
        run_kelp network ls --format '{{.Name}} {{.Driver}}'
        assert_contains "bridge bridge"
        assert_contains "one bridge"
        assert_contains "host host"
        run_kelp network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}' one
        assert_contains "first 172."
        "$KELP" network capture -c 4 one >capture.pcap &
        local capture=$!
        wait_until test -s capture.pcap
        run_kelp_split run --rm --network one busybox wget -qO- http://first/
        wait "$capture"
        assert_equal "$(od -An -tx4 -N4 capture.pcap | tr -d ' ')" a1b23c4d
        run_kelp network prune -f
        [[ "$output" != *one* ]]
        run_kelp rm -f first
        run_kelp network prune -f
        assert_contains one
}
