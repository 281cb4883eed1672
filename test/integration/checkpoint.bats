# checkpoint and restore of kelp-runtime where they cannot work: for a plain user. With criu, by root: test/system.

load harness
load runtime

setup()
{
        runtime_setup
}

teardown()
{
        runtime_teardown
}

@test "a plain user is told what criu lacks, and the way out" {
        start_sleeper one
        run_runtime checkpoint --image-path "$KELP_TEST_DIR/images" one
        assert_status 1
        assert_contains "CAP_SYS_ADMIN in the host's user namespace"
        assert_contains "as the host's root"
        has_state one running
        [ ! -e "$KELP_TEST_DIR/images" ]
}

@test "a restore that cannot be leaves nothing" {
        mkdir "$KELP_TEST_DIR/images"
        run_runtime restore --detach --bundle "$BUNDLE" --image-path "$KELP_TEST_DIR/images" one
        assert_status 1
        assert_contains "CAP_SYS_ADMIN in the host's user namespace"
        assert_equal "$("$RUNTIME" list -q)" ""
}

@test "only what runs is saved" {
        set_script true
        "$RUNTIME" create --bundle "$BUNDLE" one </dev/null >/dev/null 2>&1
        run_runtime checkpoint one
        assert_status 1
        assert_contains "cannot checkpoint container one: it is created, not running"
        run_runtime checkpoint nobody
        assert_status 1
        assert_contains "container does not exist"
}

@test "callers find the verbs by --help and by features" {
        run_runtime checkpoint --help
        assert_status 0
        assert_contains "--tcp-established"
        run_runtime restore --help
        assert_status 0
        assert_contains "--lsm-mount-context"
        run_runtime restore --lsm-mount-context
        assert_status 1
        assert_contains "lsm-mount-context"
        run_runtime features
        assert_contains '"org.opencontainers.runc.checkpoint.enabled":"true"'
}

@test "the null device as a standard stream is the container's own, as criu wants it" {
        # shellcheck disable=SC2016 # for the container's shell
        set_script 'for i in 0 2; do
                id=$(sed -n "s/^mnt_id:[^0-9]*//p" /proc/1/fdinfo/$i)
                grep "^$id " /proc/1/mountinfo || echo "stream $i is on a mount of the host"
        done'
        output=$("$RUNTIME" run --bundle "$BUNDLE" one </dev/null 2>/dev/null)
        assert_equal "$(grep -c / <<<"$output")" 2
        run ! grep stream <<<"$output"
}
