#!/usr/bin/env bats
# kelp stats, and the counters of networks.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# One column of one container: cell NAME FIELD.
cell()
{
        "$KELP" stats --no-stream --format "{{.$2}}" "$1"
}

cell_is()
{
        [ "$(cell "$1" "$2")" = "$3" ]
}

cpu_is_used()
{
        [ "$(cell "$1" CPUPerc)" != 0.00% ]
}

# The number of a counter of network bridge: counter NAME COUNTER.
counter()
{
        "$KELP" network inspect -f "{{range .Containers}}{{if eq .Name \"$1\"}}{{.Counters.$2}}{{end}}{{end}}" bridge
}

@test "columns as docker's, of running containers and with -a of all" {
        "$KELP" run -d --name first busybox sleep 1000
        "$KELP" create --name second busybox true
        run_kelp stats --no-stream
        assert_status 0
        [[ "${lines[0]}" =~ ^"CONTAINER ID"\ +NAME\ +"CPU %"\ +"MEM USAGE / LIMIT"\ +"MEM %"\ +"NET I/O"\ +"BLOCK I/O"\ +PIDS$ ]]
        assert_equal "${#lines[@]}" 2
        [[ "${lines[1]}" =~ ^[0-9a-f]{12}\ +first\ +[0-9.]+%\ +[0-9.]+[KM]iB\ /\ [0-9.]+[GT]iB\ +[0-9.]+% ]]
        run_kelp stats --no-stream -a --no-trunc --format '{{.ID}} {{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}'
        assert_equal "${#lines[@]}" 2
        assert_contains "$("$KELP" inspect -f '{{.Id}}' second) second -- -- / -- --"
        run_kelp stats --no-stream --format json second
        assert_contains '"CPUPerc":"--"'
        run_kelp stats --no-stream nobody
        assert_status 1
        assert_contains "No such container: nobody"
        run_kelp stats --no-stream --format '{{.Nothing' first
        assert_status 125
}

@test "processes, memory and processor time are those of the container alone" {
        "$KELP" run -d --name first --network none busybox sh -c 'sleep 1000 & sleep 1000 & while :; do :; done'
        "$KELP" run -d --name second --network none busybox sleep 1000
        wait_until cell_is first PIDs 3
        assert_equal "$(cell second PIDs)" 1
        wait_until cpu_is_used first
        # 30 MB more are seen; those of a process that has ended count no more
        "$KELP" exec -d second sh -c 'dd if=/dev/zero bs=30M count=1 of=/dev/shm/x; exec tail -c 30m /dev/zero'
        wait_until memory_is_above second 25
        # with --pid host and another's namespace: its own processes only
        "$KELP" run -d --name third --network none --pid host busybox sleep 1000
        assert_equal "$(cell third PIDs)" 1
        "$KELP" run -d --name fourth --network none --pid container:second busybox sleep 1000
        assert_equal "$(cell fourth PIDs)" 1
}

memory_is_above()
{
        cell "$1" MemUsage | awk -v limit="$2" '/MiB \// { sub("MiB.*", ""); exit !($1 > limit) } { exit 1 }'
}

@test "time of processes that have ended is not lost" {
        "$KELP" run -d --name first --network none busybox sh -c 'while :; do (i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done); done'
        wait_until cpu_is_used first
        wait_until cpu_is_used first
}

@test "a stream goes on until the container has ended" {
        "$KELP" run -d --name first --network none busybox sleep 1000
        "$KELP" stats --format '{{.Name}} {{.PIDs}}' first >stream &
        local stream=$!
        wait_until test -s stream
        "$KELP" rm -f first
        wait "$stream"
        assert_equal "$(head -n 1 stream)" "first 1"
}

@test "bytes, packets and connections of a container are counted, and shown by stats and network inspect" {
        "$KELP" run -d --name server busybox sh -c 'mkdir /w; dd if=/dev/zero of=/w/file bs=1M count=2; exec httpd -f -p 80 -h /w'
        address=$("$KELP" inspect -f '{{.NetworkSettings.IPAddress}}' server)
        run_kelp exec server sh -c 'until wget -qO /dev/null http://127.0.0.1/file; do :; done'
        "$KELP" run --rm busybox wget -qO /dev/null "http://$address/file"
        [ "$(counter server TxBytes)" -gt 2000000 ]
        [ "$(counter server RxBytes)" -gt 1000 ]
        [ "$(counter server TxPackets)" -gt 10 ]
        assert_equal "$(counter server ConnectionsIn)" 0
        [[ "$(cell server NetIO)" == *"kB / 2."*MB ]]
        # a published port: by the host's side
        local port
        port=$(free_port)
        "$KELP" network publish server "127.0.0.1:$port:80"
        wait_until port_answers "$port"
        before=$(counter server ConnectionsIn)
        curl -sS -o /dev/null "http://127.0.0.1:$port/file"
        assert_equal "$(counter server ConnectionsIn)" $((before + 1))
        # the host's own network is not the container's
        "$KELP" run -d --name own --network host busybox sleep 1000
        assert_equal "$(cell own NetIO)" "0B / 0B"
}
