#!/usr/bin/env bats
# Names: of containers, and of the world, which are asked of the servers that the host uses at this moment. The host is one of
# the test's own: a user and network namespace in which kelp runs as root, with an /etc and name servers of the test's.

load harness

setup()
{
        kelp_setup
        HOST_PROGRAMS=(-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro)
        mkdir etc
        cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts etc
        echo "nameserver 127.0.0.53" >etc/resolv.conf
        mkfifo held
        # shellcheck disable=SC2016 # for the inner shell
        unshare -Urmn sh -c 'mount --bind "$1" /etc && ip link set lo up && echo $$ >host && exec 3<held && read -r line <&3' sh "$PWD/etc" 3>&- &
        HOST_SHELL=$!
        exec 9>held
        wait_until test -s host
        HOST=$(cat host)
        export KELP_ROOT=$STORE
        KELP_OF_HOST=$KELP
        KELP=inside_host
        name_server 127.0.0.53 192.0.2.53
}

teardown()
{
        local pid
        inside_host ps -aq | while read -r pid; do
                inside_host rm -f "$pid" >/dev/null
        done
        for pid in $(cat server-* 2>/dev/null); do
                kill "$pid"
        done
        exec 9>&-
        wait "$HOST_SHELL"
        rm -rf "$STORE"
        KELP=$KELP_OF_HOST
        kelp_teardown
}

in_host()
{
        nsenter -t "$HOST" -U -m -n --preserve-credentials --wdns="$PWD" "$@" 9>&-
}

inside_host()
{
        in_host "$KELP_OF_HOST" "$@"
}

# A name server of the host at $1 whose answers are $2; what it was asked is in log-$1.
name_server()
{
        nsenter -t "$HOST" -U -m -n --preserve-credentials --wdns="$PWD" "$BATS_TEST_DIRNAME/name-server" "$1" "$2" "$PWD/log-$1" 3>&- 9>&- &
        echo $! >"server-$1"
        wait_until test -e "log-$1"
}

# What a container of network $1 finds for the name $2: found NETWORK NAME [OPTIONS OF dig...].
found()
{
        local network=$1
        shift
        inside_host run --rm --network "$network" "${HOST_PROGRAMS[@]}" busybox /usr/bin/dig +short +tries=1 +time=8 "$@" | sort
}

@test "the world's names come from the host's server, on its loopback, over UDP and TCP" {
        assert_equal "$(found bridge www.test)" 192.0.2.53
        assert_equal "$(found bridge +tcp tcp.test)" 192.0.2.53
        # too much for a datagram
        assert_equal "$(found bridge big.test | wc -l)" 100
        assert_equal "$(found bridge no.test)" ''
        assert_equal "$(cat log-127.0.0.53)" $'www.test 1 udp\ntcp.test 1 tcp\nbig.test 1 udp\nbig.test 1 tcp\nno.test 1 udp'
        # that is all of the loopback that is open
        run inside_host run --rm "${HOST_PROGRAMS[@]}" busybox /usr/bin/dig +short +tries=1 +time=2 @127.0.0.53 www.test
        [ "$status" -ne 0 ]
}

@test "a resolv.conf that changes in whatever way is heeded with the next question" {
        name_server 127.0.0.54 192.0.2.54
        name_server 127.0.0.55 192.0.2.55
        name_server 127.0.0.56 192.0.2.56
        "$KELP" run -d --name asker "${HOST_PROGRAMS[@]}" busybox sleep 1000
        asked()
        {
                inside_host exec asker /usr/bin/dig +short +tries=1 +time=8 www.test
        }
        assert_equal "$(asked)" 192.0.2.53
        echo "nameserver 127.0.0.54" >etc/resolv.conf
        assert_equal "$(asked)" 192.0.2.54
        echo "nameserver 127.0.0.55" >etc/new
        mv etc/new etc/resolv.conf
        assert_equal "$(asked)" 192.0.2.55
        mkdir etc/one etc/two
        echo "nameserver 127.0.0.56" >etc/one/resolv.conf
        echo "nameserver 127.0.0.54" >etc/two/resolv.conf
        ln -sf one/resolv.conf etc/resolv.conf
        assert_equal "$(asked)" 192.0.2.56
        ln -sfn two/resolv.conf etc/new
        mv -T etc/new etc/resolv.conf
        assert_equal "$(asked)" 192.0.2.54
        mv etc/one etc/three
        mv etc/two etc/one
        mv etc/three etc/two
        assert_equal "$(asked)" 192.0.2.56
        # while there is none, as before
        rm etc/resolv.conf
        assert_equal "$(asked)" 192.0.2.56
        printf '# comment\nsearch example.org\nnameserver 127.0.0.55 # behind\nnameserver\nnameserver nonsense\n' >etc/resolv.conf
        assert_equal "$(asked)" 192.0.2.55
}

@test "the next server is asked when one does not answer; --dns names others for one container" {
        printf 'nameserver 127.0.0.99\nnameserver 127.0.0.53\n' >etc/resolv.conf
        assert_equal "$(found bridge www.test)" 192.0.2.53
        assert_equal "$(found bridge +tcp www.test)" 192.0.2.53
        name_server 127.0.0.54 192.0.2.54
        run_kelp_split run --rm --dns 127.0.0.54 "${HOST_PROGRAMS[@]}" busybox /usr/bin/dig +short www.test
        assert_equal "$output" 192.0.2.54
        # nobody answers: that is said at once where it can be known
        echo "nameserver 127.0.0.99" >etc/resolv.conf
        run_kelp_split run --rm "${HOST_PROGRAMS[@]}" busybox /usr/bin/dig +tries=1 +time=10 www.test
        assert_contains "status: SERVFAIL"
}

@test "containers that share a name are found in turn, the others' names stay here" {
        "$KELP" network create one
        for name in a1 a2 a3; do
                "$KELP" run -d --name $name --network one --network-alias web busybox sleep 1000
        done
        "$KELP" run -d --name asker --network one "${HOST_PROGRAMS[@]}" busybox sleep 1000
        run_kelp exec asker sh -c 'for i in 1 2 3 4 5 6; do /usr/bin/dig +short web | head -n 1; done'
        assert_equal "$(sort <<<"$output" | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" "2 2 2 "
        assert_equal "$(inside_host exec asker /usr/bin/dig +short +tcp web | wc -l)" 3
        # each answer has all of them
        assert_equal "$(inside_host exec asker /usr/bin/dig +short web | sort)" "$(inside_host exec asker /usr/bin/dig +short +tcp WEB | sort)"
        address=$("$KELP" inspect -f '{{.NetworkSettings.Networks.one.IPAddress}}' a1)
        assert_equal "$(inside_host exec asker /usr/bin/dig +short a1)" "$address"
        assert_equal "$(inside_host exec asker /usr/bin/dig +short a1.one)" "$address"
        assert_equal "$(inside_host exec asker /usr/bin/dig +short -x "$address")" a1.one.
        # a name of theirs for another kind of address is not asked for outside
        assert_equal "$(inside_host exec asker /usr/bin/dig +short -t aaaa a1)" ''
        assert_equal "$(cat log-127.0.0.53)" ''
        "$KELP" rm -f a2
        assert_equal "$(inside_host exec asker /usr/bin/dig +short web | wc -l)" 2
        # who has gone is a name like any other
        assert_equal "$(inside_host exec asker /usr/bin/dig +short a2)" 192.0.2.53
}

@test "an internal network asks nobody outside, whatever --dns says; its own names are found" {
        "$KELP" network create --internal back
        "$KELP" run -d --name inner --network back busybox sleep 1000
        run_kelp_split run --rm --network back --dns 127.0.0.53 "${HOST_PROGRAMS[@]}" busybox sh -c \
                '/usr/bin/dig +tries=1 +time=5 www.test; /usr/bin/dig +tcp +tries=1 +time=5 www.test; /usr/bin/dig +short inner'
        assert_equal "$(grep -c 'status: SERVFAIL' <<<"$output")" 2
        [[ "${output##*$'\n'}" =~ ^[0-9.]+$ ]]
        assert_equal "$(cat log-127.0.0.53)" ''
        # with another network beside it there is a way
        "$KELP" network create front
        run_kelp_split run --rm --network back --network front "${HOST_PROGRAMS[@]}" busybox /usr/bin/dig +short www.test
        assert_equal "$output" 192.0.2.53
}

@test "nonsense to the name server is answered or dropped, and it goes on" {
        "$KELP" run -d --name asker "${HOST_PROGRAMS[@]}" busybox sleep 1000
        run_kelp exec asker /usr/bin/python3 -c '
import os, socket, struct
server = [line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver")][0]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in list(range(0, 40)) + [512, 4000, 9000, 60000]:
    s.sendto(os.urandom(size), (server, 53))
# a name that points to itself, counts that lie
s.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", (server, 53))
s.sendto(b"\0\1\1\0\xff\xff\xff\xff\xff\xff\xff\xff", (server, 53))
for data in (b"", b"\0", b"\xff\xff" + b"x" * 100, struct.pack(">H", 3) + b"abc"):
    c = socket.create_connection((server, 53))
    c.sendall(data)
    c.close()
# two questions in one segment
question = b"\0\7\1\0\0\1\0\0\0\0\0\0\3www\4test\0\0\1\0\1"
c = socket.create_connection((server, 53))
c.sendall(2 * (struct.pack(">H", len(question)) + question))
c.shutdown(socket.SHUT_WR)
answers = 0
while answers < 2:
    head = c.recv(2, socket.MSG_WAITALL)
    if len(head) < 2:
        break
    c.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
    answers += 1
print(answers)
'
        assert_equal "$output" 2
        assert_equal "$(inside_host exec asker /usr/bin/dig +short www.test)" 192.0.2.53
}
