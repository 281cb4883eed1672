# A rootful dockerd with kelp-runtime as its runtime.

load callers

setup()
{
        callers_setup dockerd docker containerd
        containerd_start
        dockerd --host "unix://$WORK/docker.sock" --data-root "$WORK/docker" --exec-root "$WORK/docker-run" --pidfile "$WORK/docker.pid" \
                --bridge=none --iptables=false --containerd "$WORK/containerd.sock" --storage-driver vfs \
                --add-runtime kelp="$RUNTIME" --default-runtime kelp >"$WORK/docker.log" 2>&1 3>&- &
        SERVERS=($! "${SERVERS[@]}")
        wait_for engine info
        engine import "$WORK/rootfs.tar" box
}

teardown()
{
        callers_teardown
}

engine()
{
        timeout 60 docker -H "unix://$WORK/docker.sock" "$@"
}

@test "docker: run, its options and its exit statuses" {
        equal "$(engine info -f '{{.DefaultRuntime}}')" kelp
        status=0
        output=$(engine run --rm --network none box sh -c 'id -u; exit 5') || status=$?
        equal "$status:$output" 5:0
        # shellcheck disable=SC2016
        equal "$(engine run --rm --network none --user 7:8 --hostname there -v "$WORK/rootfs:/m:ro" --read-only --tmpfs /tmp box \
                sh -c 'echo $(id -u):$(id -g):$(hostname); touch /m/x 2>/dev/null || echo ro; touch /x 2>/dev/null || echo ro')" \
                $'7:8:there\nro\nro'
        # More capabilities than this machine's root may have are asked for.
        engine run --rm --network none --privileged box sh -c 'grep -q "CapEff:.*[1-9a-f]" /proc/self/status'
        engine run --rm --network none --init box true
        run engine run --rm --network none box no-such
        [ "$status" -eq 127 ]
        run engine run --rm --network none box /etc
        [ "$status" -eq 126 ]
        equal "$(engine run --rm -t --network none box sh -c 'test -t 0 && echo terminal' | tr -d '\r')" terminal
}

@test "docker: exec, logs, top, stop, kill, rm" {
        # shellcheck disable=SC2016
        engine run -d --name long --network none box sh -c 'trap "echo bye; exit 6" TERM; echo up; while :; do sleep 1000 & wait $!; done'
        status=0
        output=$(engine exec long sh -c 'echo inside; exit 4') || status=$?
        equal "$status:$output" 4:inside
        engine top long | grep -q 'sleep 1000'
        engine pause long
        equal "$(engine inspect -f '{{.State.Status}}' long)" paused
        engine unpause long
        engine stop long
        equal "$(engine inspect -f '{{.State.ExitCode}}' long)" 6
        equal "$(engine logs long)" $'up\nbye'
        engine start long
        engine kill long
        equal "$(engine wait long)" 137
        engine rm long
}
