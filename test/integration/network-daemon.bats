#!/usr/bin/env bats
# kelp-netd as a process: when it starts and ends, what happens when it is killed, and what it has given up.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# The pid of this user's kelp-netd.
netd()
{
        sed -n 's/^kelp-netd \([0-9]*\): .*/\1/p' "$XDG_RUNTIME_DIR/kelp/netd.log"
}

kill_netd()
{
        local pid
        pid=$(netd)
        kill -KILL "$pid"
        wait_until gone "$pid"
}

gone()
{
        [ ! -e "/proc/$1" ]
}

port_is_closed()
{
        ! port_answers "$1"
}

page_is()
{
        [ "$(curl -sS -g --max-time 5 "$1" 2>/dev/null)" = "$2" ]
}

interfaces_are()
{
        [ "$(cat /proc/"$1"/net/dev | sed -n 's/^ *\([^ ]*\):.*/\1/p' | sort | tr '\n' ' ')" = "$2 " ]
}

@test "it comes with the first container on a network, serves all, and goes some seconds after the last" {
        "$KELP" run --rm --network none busybox true
        [ ! -e "$XDG_RUNTIME_DIR/kelp/netd.log" ]
        "$KELP" run -d --name first busybox sleep 1000
        pid=$(netd)
        [ -e "/proc/$pid" ]
        "$KELP" run --rm busybox true
        "$KELP" network create one
        "$KELP" run -d --name second --network one busybox sleep 1000
        assert_equal "$(netd)" "$pid"
        "$KELP" rm -f first second
        wait_until gone "$pid"
        # the next one is another
        run_kelp_split run --rm busybox ls /sys/class/net
        assert_equal "$output" $'eth0\nlo'
        assert_equal "$stderr" ''
        [ "$(netd)" != "$pid" ]
}

@test "containers that start at the same moment share the one that the first of them starts" {
        local pids=() i
        for i in 1 2 3 4 5 6 7 8; do
                "$KELP" run --rm busybox ip -o -4 addr show dev eth0 >"out$i" 2>&1 3>&- &
                pids+=($!)
        done
        for i in "${pids[@]}"; do
                wait "$i"
        done
        # by the kernel no two had one address at the same time; all had one
        assert_equal "$(grep -l 'inet 172' out* | wc -l)" 8
        assert_equal "$(grep -c ready "$XDG_RUNTIME_DIR/kelp/netd.log")" 1
}

@test "killed in the middle of a transfer: what was under way ends, the outside is gone, the next command brings all back" {
        local port other
        port=$(free_port)
        other=$(free_port)
        "$KELP" network create one
        "$KELP" run -d --name first --network one --network-alias web --mac-address 02:00:00:00:00:11 -p "127.0.0.1:$port:80" busybox sh -c \
                'mkdir /w; echo first >/w/index.html; dd if=/dev/zero of=/w/big bs=1M count=64; exec httpd -f -p 80 -h /w'
        "$KELP" network connect --alias also bridge first
        "$KELP" network publish first "127.0.0.1:$other:80"
        wait_until page_is "http://127.0.0.1:$port/" first
        "$KELP" inspect -f '{{json .NetworkSettings}}' first >before
        init=$("$KELP" inspect -f '{{.State.Pid}}' first)
        interfaces_are "$init" "eth0 eth1 lo"
        curl -sS --limit-rate 1M -o got "http://127.0.0.1:$port/big" 2>curl-said 3>&- &
        local transfer=$!
        wait_until test -s got
        kill_netd
        run wait "$transfer"
        [ "$status" -ne 0 ]
        [ "$(stat -c %s got)" -lt $((64 << 20)) ]
        wait_until port_is_closed "$port"
        # it has lost all but its own loopback, and lives
        wait_until interfaces_are "$init" lo
        run_kelp_split ps --format '{{.Names}}'
        assert_equal "$output" first
        [[ "$stderr" == *"kelp-netd had ended unexpectedly: 1 running container had no network; it runs again, and so do their networks"* ]]
        run_kelp_split ps -q
        assert_equal "$stderr" ''
        # addresses, names and ports are what they were
        "$KELP" inspect -f '{{json .NetworkSettings}}' first >after
        diff before after
        wait_until page_is "http://127.0.0.1:$port/" first
        wait_until page_is "http://127.0.0.1:$other/" first
        run_kelp_split run --rm --network one busybox sh -c 'wget -qO- http://web/; wget -qO /dev/null http://first/big && echo all'
        assert_equal "$output" $'first\nall'
        assert_equal "$("$KELP" exec first cat /sys/class/net/eth0/address)" 02:00:00:00:00:11
}

@test "each command brings it back: exec, inspect, run, network publish; twice" {
        "$KELP" run -d --name first busybox sleep 1000
        for command in "exec first true" "inspect first" "run --rm busybox true" "network ls" "stats --no-stream" "network publish first 80" "exec first true"; do
                kill_netd
                # shellcheck disable=SC2086 # several words
                run_kelp_split $command
                assert_status 0
                [[ "$stderr" == *"kelp-netd had ended unexpectedly"* ]] || { echo "$command: $stderr"; cat "$XDG_RUNTIME_DIR/kelp/netd.log"; false; }
                assert_equal "$("$KELP" exec first ls /sys/class/net)" $'eth0\nlo'
        done
}

@test "when it cannot be started again that is said, and containers go on without a network" {
        "$KELP" run -d --name first busybox sleep 1000
        kill_netd
        mkdir helpers
        cp "$KELP_BUILD"/kelp* helpers
        printf '#!/bin/sh\nexit 1\n' >helpers/kelp-netd
        chmod +x helpers/kelp-netd
        KELP_HELPERS=$PWD/helpers run_kelp_split exec first ls /sys/class/net
        assert_status 0
        assert_equal "$output" lo
        [[ "$stderr" == *"kelp-netd has ended, and running containers have no network: it cannot be started again: "* ]]
        run_kelp_split exec first ls /sys/class/net
        assert_equal "$output" $'eth0\nlo'
}

@test "it is confined: no new privileges, a filter for each thread, four capabilities over its own user namespace" {
        local thread count=0
        "$KELP" run -d --name first busybox sleep 1000
        for thread in /proc/"$(netd)"/task/*; do
                grep -qx $'NoNewPrivs:\t1' "$thread/status"
                grep -qx $'Seccomp:\t2' "$thread/status"
                # NET_BIND_SERVICE, NET_ADMIN, NET_RAW, SYS_ADMIN
                grep -qx $'CapEff:\t0000000000203400' "$thread/status"
                grep -qx $'CapPrm:\t0000000000203400' "$thread/status"
                grep -qx $'CapBnd:\t0000000000203400' "$thread/status"
                grep -qx $'CapInh:\t0000000000000000' "$thread/status"
                grep -qx $'CapAmb:\t0000000000000000' "$thread/status"
                count=$((count + 1))
        done
        [ "$count" -ge 3 ]
        # one mount: an empty folder, which cannot be written
        assert_equal "$(wc -l <"/proc/$(netd)/mountinfo")" 1
        [[ "$(cat "/proc/$(netd)/mountinfo")" == *" / / ro,nosuid,nodev,noexec"*" - tmpfs "* ]]
        # not dumpable: nobody of this user's, nor of its containers, may look into it
        for folder in fd root cwd; do
                run ls "/proc/$(netd)/$folder/"
                [ "$status" -ne 0 ]
        done
        run head -c 1 "/proc/$(netd)/environ"
        [ "$status" -ne 0 ]
}

@test "what it gives up, in this order: the view of files, Landlock, system calls; and it works" {
        mkdir helpers
        cp "$KELP_BUILD"/kelp* helpers
        mv helpers/kelp-netd helpers/real
        cat >helpers/kelp-netd <<EOF
#!/bin/sh
exec strace -DDD -f -o $PWD/trace -e trace=unshare,pivot_root,umount2,landlock_restrict_self,landlock_create_ruleset,seccomp $PWD/helpers/real
EOF
        chmod +x helpers/kelp-netd
        export KELP_HELPERS=$PWD/helpers
        run_kelp_split run --rm busybox ls /sys/class/net
        assert_equal "$output" $'eth0\nlo'
        order=$(sed -n 's/^[0-9]* *\(unshare(CLONE_NEWNS\|pivot_root\|umount2\|landlock_restrict_self\|seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC\)[(,)].*/\1/p' trace | tr '\n' ' ')
        # a kernel without Landlock has the other two
        landlock=landlock_restrict_self
        ! grep -q 'LANDLOCK_CREATE_RULESET_VERSION) = -1' trace || landlock=
        assert_equal "$order" "unshare(CLONE_NEWNS pivot_root umount2 $landlock seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC "
        run grep -E '(unshare|pivot_root|umount2|landlock_restrict_self|seccomp)\b.* = -1' trace
        assert_equal "$output" ''
        wait_until no_leaked_processes
}
