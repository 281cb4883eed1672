# kelp-runtime by root, who has logged in: his session's cgroup has processes.

RUNTIME=$KELP_BUILD/kelp-runtime

@test "a container of root's runs in a cgroup beside the session's processes" {
        bundle=$(mktemp -d /tmp/kelp-system.XXXXXX)
        mkdir -p "$bundle/rootfs/bin"
        cp /bin/busybox "$bundle/rootfs/bin/sh"
        "$RUNTIME" spec --bundle "$bundle"
        sed -i 's/"terminal": *true/"terminal":false/; s/"sh"/"sh", "-c", "echo inside"/' "$bundle/config.json"
        run "$RUNTIME" run --bundle "$bundle" one </dev/null
        rm -r "$bundle"
        echo "$output"
        [ "$status" -eq 0 ]
        [[ "$output" == *inside* ]]
}
