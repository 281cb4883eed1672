# What `make run`, `make breakout-demo` and `make` itself show to someone who is not root.

load harness

setup()
{
        kelp_setup
        tools=$BATS_TEST_DIRNAME/../../tools
}

teardown()
{
        kelp_teardown
}

@test "make run shows root inside, and this user on the host" {
        run "$tools/run-demo" "$KELP_BUILD"
        assert_status 0
        assert_contains $'\nroot\n'
        assert_contains "inside    user root (0), process 1"
        assert_contains "on host   user $(id -un) ($(id -u)), process "
        assert_nothing_left
}

@test "make breakout-demo shows refusals only" {
        run "$tools/breakout-demo" "$KELP_BUILD"
        assert_status 0
        assert_contains "id -u: 0"
        assert_contains "read: refused (Permission denied)"
        [[ "$output" != *DONE* ]]
        assert_nothing_left
}

@test "without the right to install packages, make prints the command and stops" {
        ! sudo -n true 2>/dev/null || skip "this user may install packages"
        mkdir "$KELP_TEST_DIR/dpkg"
        DPKG_ADMINDIR=$KELP_TEST_DIR/dpkg run "$tools/install-deps" build
        assert_status 1
        assert_contains "  apt-get install --no-install-recommends busybox-static gcc libcmocka-dev"
        DPKG_ADMINDIR=$KELP_TEST_DIR/dpkg run "$tools/install-deps" check
        assert_status 1
        assert_contains " clang-tidy-19"
}
