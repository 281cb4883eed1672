#!/usr/bin/env bats
# Options of run, create and network create that are about networks, in docker's forms.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# A web server in the background: web NAME OPTIONS...; its page is its name.
web()
{
        local name=$1
        shift
        "$KELP" run -d --name "$name" "$@" busybox sh -c "mkdir /w; echo $name >/w/index.html; httpd -p 80 -h /w; httpd -p 81 -h /w; httpd -p 82 -h /w; exec sleep 1000" >/dev/null
}

page_is()
{
        [ "$(curl -sS -g --max-time 5 "$1" 2>/dev/null)" = "$2" ]
}

# The address of the container $1: address NAME [FIELD].
address()
{
        "$KELP" inspect -f "{{range .NetworkSettings.Networks}}{{.${2:-IPAddress}}} {{end}}" "$1" | sed 's/ *$//'
}

# Three ports in a row that nobody has.
free_row()
{
        local first
        for _ in 1 2 3 4 5 6 7 8; do
                first=$(free_port)
                if [ "$first" -lt 65000 ] && ! port_answers $((first + 1)) && ! port_answers $((first + 2)); then
                        echo "$first"
                        return
                fi
        done
}

@test "-p in docker's forms: ports, addresses, ranges, random ones, protocols; kelp port" {
        local port other row
        port=$(free_port)
        other=$(free_port)
        web one -p "$port:80" -p 127.0.0.1::81 -p "[::1]:$other:82/tcp" -p 82 -p 127.0.0.1:$port:53/udp
        wait_until page_is "http://127.0.0.1:$port/" one
        run_kelp port one 80
        assert_equal "$output" "0.0.0.0:$port"$'\n'"[::]:$port"
        run_kelp port one 81/tcp
        assert_status 0
        [[ "$output" =~ ^127\.0\.0\.1:[0-9]+$ ]]
        wait_until page_is "http://$output/" one
        run_kelp port one 53/udp
        assert_equal "$output" "127.0.0.1:$port"
        run_kelp port one 82
        assert_contains "[::1]:$other"
        assert_contains "0.0.0.0:"
        run_kelp port one
        assert_contains "80/tcp -> 0.0.0.0:$port"
        assert_contains "53/udp -> 127.0.0.1:$port"
        run_kelp port one 83
        assert_status 1
        assert_contains "no public port '83' published for one"
        assert_equal "$("$KELP" inspect -f '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}' one)" "$port"
        [[ "$("$KELP" ps --format '{{.Ports}}')" == *"0.0.0.0:$port->80/tcp"* ]]
        row=$(free_row)
        web two -p "$row-$((row + 2)):80-82"
        for i in 0 1 2; do
                wait_until page_is "http://127.0.0.1:$((row + i))/" two
        done
        # one port of a range of the host's: the first that is free
        web three -p "$row-$((row + 9)):80"
        run_kelp port three 80
        [[ "${lines[0]}" =~ ^0\.0\.0\.0:([0-9]+)$ ]]
        [ "${BASH_REMATCH[1]}" -gt $((row + 2)) ]
        [ "${BASH_REMATCH[1]}" -le $((row + 9)) ]
}

@test "IPv6 clients of the host reach a container that has only IPv4" {
        local port
        port=$(free_port)
        web one -p "[::1]:$port:80"
        wait_until page_is "http://[::1]:$port/" one
}

@test "-P publishes what the image and --expose name" {
        import_image exposing '{"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}'
        "$KELP" run -d --name one -P --expose 81-82 exposing sh -c 'httpd -p 81 -h /etc; exec sleep 1000'
        run_kelp port one
        for name in 80/tcp 53/udp 81/tcp 82/tcp; do
                assert_contains "$name -> 0.0.0.0:"
        done
        port=$("$KELP" port one 81 | sed -n 's/^0.0.0.0://p')
        wait_until page_is "http://127.0.0.1:$port/hostname" "$("$KELP" exec one hostname)"
        "$KELP" run -d --name two --expose 90/udp exposing sleep 1000
        run_kelp port two
        assert_equal "$output" ''
        [[ "$("$KELP" inspect -f '{{json .Config.ExposedPorts}}' two)" == *'"90/udp"'*  ]]
        [[ "$("$KELP" ps --filter name=two --format '{{.Ports}}')" != *-\>* ]]
}

@test "a port that is taken: by a container, by a process of the host, by another user's" {
        local port
        port=$(free_port)
        (cd "$TMPDIR" && exec busybox httpd -f -p "127.0.0.1:$port") 3>&- &
        wait_until port_answers "$port"
        run_kelp run --rm -p "$port:80" busybox true
        kill $!
        assert_status 125
        assert_contains "Bind for 0.0.0.0:$port failed: port is already allocated: process $! (busybox) of the host has it"
        port=$(free_port)
        web one -p "127.0.0.1:$port:80"
        run_kelp run --rm -p "$port:80" busybox true
        assert_status 125
        assert_contains "container one publishes it"
        run_kelp network publish one "$port:81"
        assert_contains "container one publishes it"
        # what failed has left nothing: the name and the port are free
        "$KELP" rm -f one
        web one -p "127.0.0.1:$port:80"
        wait_until page_is "http://127.0.0.1:$port/" one
}

@test "a port below ip_unprivileged_port_start is refused with the sysctl and two ways around" {
        [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 80 ] || skip "this host lets everybody have it"
        run_kelp run --rm -p 80:80 busybox true
        assert_status 125
        assert_contains "net.ipv4.ip_unprivileged_port_start"
        assert_contains "sysctl -w net.ipv4.ip_unprivileged_port_start=80"
        assert_contains "publish a higher port"
        assert_nothing_left
}

@test "addresses: --ip, --ip6, --mac-address, their limits and conflicts" {
        run_kelp network create --subnet 10.201.1.0/24 --subnet fd00:201::/64 --ipv6 one
        assert_status 0
        "$KELP" run -d --name first --network one --ip 10.201.1.9 --ip6 fd00:201::9 --mac-address 02:00:00:00:00:09 busybox sleep 1000
        run_kelp exec first ip addr show dev eth0
        assert_contains "inet 10.201.1.9/24"
        assert_contains "inet6 fd00:201::9/64"
        assert_contains "link/ether 02:00:00:00:00:09"
        assert_equal "$(address first) $(address first GlobalIPv6Address) $(address first MacAddress)" "10.201.1.9 fd00:201::9 02:00:00:00:00:09"
        run_kelp run --rm --network one --ip 10.201.1.9 busybox true
        assert_status 125
        assert_contains "address 10.201.1.9 of network one is already in use"
        for bad in 10.201.1.1 10.201.1.0 10.201.1.255 10.201.2.1; do
                run_kelp run --rm --network one --ip $bad busybox true
                assert_status 125
                assert_contains "address $bad"
        done
        run_kelp run --rm --network one --ip6 fe80::1 busybox true
        assert_status 125
        assert_contains "fe80::1 is not in the subnet fd00:201::/64"
        run_kelp run --rm --network one --ip fd00:201::8 busybox true
        assert_status 125
        assert_contains "invalid --ip address"
        # who has gone has given them back
        "$KELP" rm -f first
        run_kelp_split run --rm --network one --ip 10.201.1.9 busybox ip addr show dev eth0
        assert_contains "inet 10.201.1.9/24"
}

@test "more than one network: interfaces, the way out by the first, options of each" {
        "$KELP" network create --subnet 10.201.2.0/24 one
        "$KELP" network create --subnet 10.201.3.0/24 two
        run_kelp_split run --rm --network name=one,ip=10.201.2.7,alias=a --network name=two,ip=10.201.3.7,mac-address=02:00:00:00:00:07 busybox \
                sh -c 'ip -o -4 addr show; ip route; cat /sys/class/net/eth1/address'
        assert_contains "inet 10.201.2.7/24"
        assert_contains "inet 10.201.3.7/24"
        assert_contains "default via 10.201.2.1 dev eth0"
        assert_contains 02:00:00:00:00:07
        "$KELP" run -d --name first --network one busybox sleep 1000
        run_kelp network connect --ip 10.201.3.8 --alias f two first
        assert_status 0
        assert_equal "$(address first)" "10.201.2.2 10.201.3.8"
        run_kelp network connect two first
        assert_contains "already exists in network two"
        run_kelp network disconnect one first
        assert_status 0
        run_kelp exec first ip -o -4 addr
        [[ "$output" != *10.201.2.* ]]
        run_kelp network disconnect one first
        assert_contains "is not connected to network one"
        run_kelp network disconnect -f one first
        assert_status 0
        # and it stays so over a restart
        run_kelp restart -t 0 first
        assert_equal "$(address first)" 10.201.3.8
}

@test "a stopped container is connected at its next start" {
        "$KELP" network create one
        "$KELP" create --name first busybox sleep 1000
        "$KELP" network connect one first
        "$KELP" start first
        run_kelp exec first ls /sys/class/net
        assert_equal "$output" $'eth0\neth1\nlo'
        "$KELP" create --name second --network none busybox sleep 1000
        "$KELP" network connect one second
        "$KELP" start second
        run_kelp_split run --rm --network one busybox ping -c 1 -w 5 second
        assert_status 0
}

@test "--network-alias, --link, names in upper case, the container's id" {
        "$KELP" network create one
        web first --network one --network-alias web --network-alias www
        id=$("$KELP" inspect -f '{{.Id}}' first)
        for name in first FIRST web www "${id:0:12}"; do
                run_kelp_split run --rm --network one busybox wget -qO- "http://$name/"
                assert_equal "$output" first
        done
        run_kelp_split run --rm --network one --link first:db busybox sh -c 'wget -qO- http://db/; grep first /etc/hosts'
        assert_contains first
        web base
        run_kelp_split run --rm --link base busybox wget -qO- http://base/
        assert_equal "$output" base
        run_kelp_split run --rm --link base:db busybox wget -qO- http://db/
        assert_equal "$output" base
        # on the default network names are not looked up, as under docker
        run_kelp_split run --rm busybox wget -qO- http://base/
        [ "$status" -ne 0 ]
        run_kelp run --rm --link nobody busybox true
        assert_status 125
        assert_contains "No such container: nobody"
        run_kelp run --rm --link first busybox true
        assert_status 125
        assert_contains "shares no network"
}

@test "--dns, --dns-search, --dns-option, --add-host, --hostname, --domainname" {
        run_kelp_split run --rm --dns 192.0.2.1 --dns-search example.org --dns-search example.com --dns-option ndots:3 --add-host one:192.0.2.7 \
                --add-host two=fd00::7 --add-host gate:host-gateway --hostname box --domainname example.org busybox sh -c 'cat /etc/resolv.conf /etc/hosts /etc/hostname; hostname'
        assert_contains "search example.org example.com"
        assert_contains "options ndots:3"
        assert_contains $'192.0.2.7\tone'
        assert_contains $'fd00::7\ttwo'
        assert_contains $'169.254.1.2\tgate'
        assert_contains "box.example.org box"
        [[ "$output" == *$'box\nbox' ]]
        run_kelp run --rm --dns nowhere busybox true
        assert_refused nowhere
        run_kelp run --rm --add-host one busybox true
        assert_refused one
        run_kelp run --rm --add-host one:300.1.1.1 busybox true
        assert_refused 300.1.1.1
        run_kelp run --rm --network none --network-alias x busybox true
        assert_refused "conflicting options"
}

@test "--network container:X: the same interfaces, names and ports; what conflicts" {
        "$KELP" network create one
        web first --network one --hostname box
        run_kelp_split run --rm --network container:first busybox sh -c 'wget -qO- http://127.0.0.1/; hostname; cat /etc/resolv.conf; grep box /etc/hosts'
        assert_contains first
        assert_contains box
        assert_contains nameserver
        for option in "-p 80" -P "--expose 80" "--ip 10.0.0.1" "--dns 192.0.2.1" "--add-host a:1.2.3.4" "--hostname x" "--mac-address 02:00:00:00:00:01"; do
                # shellcheck disable=SC2086 # two words
                run_kelp run --rm --network container:first $option busybox true
                assert_status 125
                assert_contains "conflicting options"
        done
}

@test "network create: subnets, ranges, gateways, MTU, labels; overlaps and what is malformed" {
        run_kelp network create --subnet 10.201.4.0/24 --ip-range 10.201.4.128/25 --gateway 10.201.4.254 --label a=b -o com.docker.network.driver.mtu=1300 one
        assert_status 0
        run_kelp_split run --rm --network one busybox sh -c 'ip -o -4 addr show dev eth0; ip route; cat /sys/class/net/eth0/mtu'
        assert_contains "inet 10.201.4.128/24"
        assert_contains "default via 10.201.4.254"
        assert_contains 1300
        run_kelp network inspect -f '{{(index .IPAM.Config 0).Subnet}} {{(index .IPAM.Config 0).IPRange}} {{(index .IPAM.Config 0).Gateway}} {{.Labels.a}} {{.Options}}' one
        assert_equal "$output" "10.201.4.0/24 10.201.4.128/25 10.201.4.254 b map[com.docker.network.driver.mtu:1300]"
        for bad in 10.201.4.0/25 10.201.0.0/16 10.201.4.255/32; do
                run_kelp network create --subnet $bad x
                assert_status 125
        done
        run_kelp network create --subnet 10.201.4.128/25 x
        assert_contains "is (partly) that of network one"
        run_kelp network create --subnet fe80::/129 x
        assert_contains "invalid subnet"
        run_kelp network create --subnet 10.201.5.0/24 --ip-range 10.201.6.0/25 x
        assert_contains "no matching subnet for range"
        run_kelp network create --subnet 10.201.5.0/24 --gateway 10.201.5.256 x
        assert_contains "invalid gateway address"
        run_kelp network create -o mtu=70 x
        assert_contains "an MTU is"
        run_kelp network create -o color=red x
        assert_contains "known is mtu"
        run_kelp network create -d overlay x
        assert_contains "there is only bridge"
        run_kelp network create --ipv6 -o mtu=1000 x
        assert_contains "needs an MTU of 1280"
        run_kelp network ls -q
        assert_equal "${#lines[@]}" 4
}

@test "where kelp-netd cannot work the default network is none, in a line; who asks for more is told why" {
        mkdir helpers
        cp "$KELP_BUILD"/kelp* helpers
        rm helpers/kelp-netd
        export KELP_HELPERS=$PWD/helpers
        run_kelp_split run --rm busybox ls /sys/class/net
        assert_status 0
        assert_equal "$output" lo
        assert_equal "$(wc -l <<<"$stderr")" 1
        [[ "$stderr" == *"the container has no network (as with --network none): "*kelp-netd* ]]
        # one that ends at once
        printf '#!/bin/sh\nexit 1\n' >helpers/kelp-netd
        chmod +x helpers/kelp-netd
        run_kelp_split run --rm busybox ls /sys/class/net
        assert_equal "$output" lo
        [[ "$stderr" == *"kelp-netd ended before it was ready"* ]]
        for option in "--network bridge" "-p 80" "--network-alias x --network bridge"; do
                # shellcheck disable=SC2086 # two words
                run_kelp run --rm $option busybox true
                assert_status 125
        done
        unset KELP_HELPERS
        run_kelp_split run --rm busybox ls /sys/class/net
        assert_equal "$output" $'eth0\nlo'
        assert_equal "$stderr" ''
}

@test "namespaces of a container on no network and a network of kelp's are of two user namespaces" {
        "$KELP" run -d --name first --network none busybox sleep 1000
        run_kelp_split run --rm --pid container:first busybox sh -c 'pidof sleep; ls /sys/class/net'
        assert_equal "$output" $'1\nlo'
        [[ "$stderr" == *"the container has no network"* ]]
        run_kelp run --rm --network bridge --pid container:first busybox true
        assert_status 125
        assert_contains "that container is on no network of kelp's"
        "$KELP" run -d --name second busybox sleep 1000
        run_kelp_split run --rm --pid container:second busybox sh -c 'pidof sleep; ls /sys/class/net'
        assert_equal "$output" $'1\neth0\nlo'
}

@test "/etc/hosts, hostname and resolv.conf never go through a link of the image" {
        local canary=$PWD/canary
        mkdir "$canary"
        for name in hosts hostname resolv.conf; do
                echo untouched >"$canary/$name"
        done
        make_rootfs root
        mkdir -p root/data
        rm -rf root/etc/hosts root/etc/hostname root/etc/resolv.conf
        ln -s "$canary/hosts" root/etc/hosts
        ln -s ../../../../../../../../../../../../..$canary/hostname root/etc/hostname
        ln -s /data/deep/resolv.conf root/etc/resolv.conf
        tar -C root -cf base.tar .
        make_image oci latest '{}' base.tar
        "$KELP" load -q -i oci >/dev/null 2>&1 || { tar -C oci -cf image.tar . && "$KELP" load -q -i image.tar; }
        image=$("$KELP" images -q | head -n 1)
        run_kelp_split run --rm --hostname box "$image" sh -c 'cat /etc/hostname; grep -c box /etc/hosts; grep -c nameserver /etc/resolv.conf; echo mine >/etc/hosts'
        assert_equal "$output" $'box\n1\n1'
        "$KELP" run -d --name one --hostname box "$image" sleep 1000
        run_kelp_split exec one cat /etc/hostname
        assert_equal "$output" box
        assert_equal "$(cat "$canary"/*)" $'untouched\nuntouched\nuntouched'
        # the whole folder is a link
        rm -rf root/etc
        ln -s "$canary" root/etc
        tar -C root -cf base.tar .
        make_image oci2 latest '{}' base.tar
        tar -C oci2 -cf image.tar .
        "$KELP" load -q -i image.tar
        image=$("$KELP" images -q | head -n 1)
        run_kelp_split run --rm --hostname box "$image" sh -c 'cat /etc/hostname'
        assert_equal "$(cat "$canary"/*)" $'untouched\nuntouched\nuntouched'
}

@test "--userns keep-id on a network: the user is himself, the network is his container's as any other's, over kelp-netd's death too" {
        local port pid
        require_subordinate_ids
        port=$(free_port)
        "$KELP" network create one
        "$KELP" run -d --name other --network one busybox sleep 1000
        "$KELP" run -d --name first --userns keep-id --network one -p "127.0.0.1:$port:8080" busybox sh -c \
                'mkdir /tmp/w; echo first >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w'
        wait_until page_is "http://127.0.0.1:$port/" first
        run_kelp_split exec first sh -c 'id -u; ls /sys/class/net'
        assert_equal "$output" "$(id -u)"$'\neth0\nlo'
        run_kelp_split run --rm --network one busybox wget -qO- http://first:8080/
        assert_equal "$output" first
        run_kelp_split run --rm --userns keep-id --network one busybox wget -qO- http://first:8080/
        assert_equal "$output" first
        # its root may change its own network, and no other's
        run_kelp_split run --rm --userns keep-id --network one -u 0 --cap-add NET_ADMIN busybox sh -c 'ip link set eth0 mtu 1300 && cat /sys/class/net/eth0/mtu'
        assert_equal "$output" 1300
        "$KELP" rm -f other
        pid=$(sed -n 's/^kelp-netd \([0-9]*\): .*/\1/p' "$XDG_RUNTIME_DIR/kelp/netd.log")
        kill -KILL "$pid"
        wait_until test ! -e "/proc/$pid"
        run_kelp_split ps -q
        [[ "$stderr" == *"1 running container had no network; it runs again"* ]]
        wait_until page_is "http://127.0.0.1:$port/" first
        # the one that was started for it serves others, too
        run_kelp_split run --rm --network one busybox wget -qO- http://first:8080/
        assert_equal "$output" first
}

@test "two connects at the same moment, again and again: both are made" {
        "$KELP" network create one >/dev/null
        "$KELP" network create two >/dev/null
        "$KELP" run -d --name box busybox sleep 1000 >/dev/null
        # more often than there are places for networks
        for _ in 1 2 3 4 5; do
                "$KELP" network connect one box &
                "$KELP" network connect two box
                wait $!
                assert_equal "$("$KELP" exec box ip -o link | grep -c ': eth[0-9]')" 3
                "$KELP" network disconnect one box &
                "$KELP" network disconnect two box
                wait $!
                assert_equal "$("$KELP" exec box ip -o link | grep -c ': eth[0-9]')" 1
        done
}
