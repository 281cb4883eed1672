# podman and buildah of a plain user with kelp-runtime in place of crun.

load harness
load runtime

setup()
{
        runtime_setup
        mkdir -p "$HOME/.config/containers"
        export CONTAINERS_CONF=$KELP_TEST_DIR/containers.conf
        cat >"$CONTAINERS_CONF" <<END
[engine]
runtime_supports_nocgroup = ["kelp-runtime"]
runtime_supports_json = ["kelp-runtime"]
END
        tar -C "$BUNDLE/rootfs" -cf "$KELP_TEST_DIR/rootfs.tar" .
}

teardown()
{
        podman_here rm --all --force --time 0 >/dev/null 2>&1 || true
        # Files of subordinate ids.
        podman unshare rm -rf "$KELP_TEST_DIR/storage" "$KELP_TEST_DIR/buildah" || true
        stop_pause_process
        runtime_teardown
}

# podman keeps one for each user and runtime folder.
stop_pause_process()
{
        local file=$XDG_RUNTIME_DIR/libpod/tmp/pause.pid
        [ ! -e "$file" ] || kill "$(cat "$file")" || true
}

podman_here()
{
        podman --root "$KELP_TEST_DIR/storage" --runroot "$XDG_RUNTIME_DIR/containers" --storage-driver vfs --cgroup-manager cgroupfs \
                --events-backend none --runtime "$RUNTIME" "$@"
}

@test "podman: run, its options and its exit statuses" {
        podman_here import "$KELP_TEST_DIR/rootfs.tar" box
        status=0
        output=$(podman_here run --rm --cgroups disabled --network none box sh -c 'id -u; exit 4') || status=$?
        assert_equal "$status:$output" 4:0
        output=$(podman_here run --rm --network none --user 7:8 --hostname there --read-only --tmpfs /run --cap-drop all \
                --ulimit nofile=100:200 -v "$BUNDLE:/m:ro" box \
                sh -c 'echo $(id -u):$(id -g):$(hostname):$(ulimit -n); touch /m/x 2>/dev/null || echo ro; grep CapBnd /proc/self/status')
        assert_equal "$output" $'7:8:there:100\nro\nCapBnd:\t0000000000000000'
        assert_equal "$(podman_here run --rm --network none --userns keep-id box id -u)" "$(id -u)"
        assert_equal "$(podman_here run --rm -t --network none box sh -c 'test -t 0 && echo terminal' | tr -d '\r')" terminal
        run podman_here run --rm --network none box no-such
        assert_status 127
        run podman_here run --rm --network none box /etc
        assert_status 126
}

@test "podman: exec, logs, stop, kill, rm" {
        podman_here import "$KELP_TEST_DIR/rootfs.tar" box
        podman_here run -d --name long --cgroups disabled --network none box \
                sh -c 'trap "echo bye; exit 6" TERM; echo up; while :; do sleep 1000 & wait $!; done'
        status=0
        output=$(podman_here exec long sh -c 'echo inside; exit 3') || status=$?
        assert_equal "$status:$output" 3:inside
        assert_equal "$(podman_here exec -t long sh -c 'test -t 0 && echo terminal' | tr -d '\r')" terminal
        run podman_here exec long no-such
        assert_status 127
        run podman_here exec long /etc
        assert_status 126
        podman_here stop --time 20 long
        assert_equal "$(podman_here inspect -f '{{.State.Status}} {{.State.ExitCode}}' long)" 'exited 6'
        assert_equal "$(podman_here logs long)" $'up\nbye'
        podman_here start long
        podman_here kill long
        assert_equal "$(podman_here wait long)" 137
        podman_here rm long
        assert_equal "$(podman_here ps -aq)" ''
}

buildah_here()
{
        buildah --root "$KELP_TEST_DIR/buildah" --runroot "$XDG_RUNTIME_DIR/buildah" --storage-driver vfs "$@"
}

@test "buildah: bud and run with OCI isolation" {
        local options=(--isolation oci --runtime "$RUNTIME" --network none)
        mkdir "$KELP_TEST_DIR/context"
        cp -a "$BUNDLE/rootfs/bin" "$KELP_TEST_DIR/context/"
        cat >"$KELP_TEST_DIR/context/Dockerfile" <<'END'
FROM scratch
COPY bin /bin
RUN id -u >/made
USER 5:6
RUN id -u:g 2>/dev/null; echo $(id -u):$(id -g) >/tmp-user || echo refused
USER 0
RUN false || echo $(cat /made) >>/made
END
        buildah_here bud "${options[@]}" -t made "$KELP_TEST_DIR/context"
        buildah_here from --name work localhost/made
        status=0
        output=$(buildah_here run "${options[@]}" work sh -c 'cat /made; exit 3' 2>/dev/null) || status=$?
        assert_equal "$status:$output" $'3:0\n0'
}
