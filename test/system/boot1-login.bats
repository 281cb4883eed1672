# A plain user who has logged in on a usual Debian: systemd, cgroup v2 with delegation, AppArmor.

KELP=$KELP_BUILD/kelp

@test "doctor finds nothing in the way, and sees the delegated controllers" {
        run "$KELP" doctor
        echo "$output"
        [ "$status" -eq 0 ]
        [[ "$output" != *missing* ]]
}

@test "a container runs, under another root than the host's" {
        run "$KELP" run --rm --network none busybox sh -c 'id -u; cat /proc/self/uid_map'
        echo "$output"
        [ "$status" -eq 0 ]
        [[ "$output" == *"$(id -u)"* ]]
        [[ "$output" == *100000* ]]
}

@test "a container in the background, with exec, logs and stop" {
        "$KELP" run -d --name first --network none busybox sh -c 'trap "exit 7" TERM; echo started; while :; do sleep 1; done'
        run "$KELP" exec first cat /proc/1/comm
        echo "$output"
        [ "$output" = sh ]
        "$KELP" stop first
        [ "$("$KELP" inspect -f '{{.State.ExitCode}}' first)" = 7 ]
        [ "$("$KELP" logs first)" = started ]
        "$KELP" rm first
}

@test "container root cannot touch what is the host root's" {
        run "$KELP" run --rm --network none -v /etc:/host busybox sh -c 'cat /host/shadow; echo x >>/host/passwd'
        echo "$output"
        [ "$status" -ne 0 ]
        [[ "$output" == *"Permission denied"*"Permission denied"* ]]
}

@test "one that is left running for the next boot" {
        "$KELP" run -d --name survivor --network none busybox sleep 100000
        [ "$("$KELP" inspect -f '{{.State.Status}}' survivor)" = running ]
}
