# kelp doctor: what it says of this host, and of hosts that lack something.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# doctor_field NAME FIELD: of the line of that name.
doctor_field()
{
        "$KELP" doctor --json | python3 -c '
import json, sys
print(next(line[sys.argv[2]] for line in json.load(sys.stdin) if line["name"] == sys.argv[1]))' "$1" "$2"
}

@test "a line for each thing kelp depends on, and 0 when containers can run" {
        run_kelp doctor
        assert_status 0
        for thing in 'user namespaces' 'subordinate ids' 'id maps' overlay seccomp landlock cgroups /dev/net/tun ping storage \
                'runtime folder' helpers; do
                [[ "$output" =~ (works|degraded|missing)\ +$thing ]] || {
                        echo "no line for $thing in $output"
                        return 1
                }
        done
        assert_contains 'kelp run works here'
        # What is not in order has a command and somebody to run it.
        "$KELP" doctor --json | python3 -c '
import json, sys
for line in json.load(sys.stdin):
    assert line["status"] in ("ok", "degraded", "missing"), line
    assert line["detail"], line
    assert (line["status"] == "ok") == (line["fix"] == ""), line
    assert (line["fix"] == "") == (line["who"] == ""), line'
        inside=$("$KELP" run --rm --network none busybox echo works 2>/dev/null)
        assert_equal "$inside" works
}

@test "user namespaces switched off: doctor says so with 1, run with 125, both with the way out" {
        # shellcheck disable=SC2016 # for the inner shell
        run unshare --user --map-current-user --keep-caps sh -c \
                'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all "$KELP" doctor'
        assert_status 1
        assert_contains 'missing   user namespaces'
        assert_contains 'fix, by the administrator: sysctl -w user.max_user_namespaces='
        assert_contains 'kelp run cannot work here'
        # shellcheck disable=SC2016 # for the inner shell
        run unshare --user --map-current-user --keep-caps sh -c \
                'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all "$KELP" run --rm busybox true'
        assert_status 125
        assert_contains max_user_namespaces
}

@test "a home that cannot be written is missing, with what helps" {
        mkdir -m 500 "$KELP_TEST_DIR/home-read-only"
        export HOME=$KELP_TEST_DIR/home-read-only
        run_kelp doctor
        assert_status 1
        assert_contains 'missing   storage'
        assert_contains 'set KELP_ROOT to a folder of yours'
}

@test "no folder for sockets degrades, and a helper that is not there is missing" {
        unset XDG_RUNTIME_DIR
        assert_equal "$(doctor_field 'runtime folder' status)" degraded
        assert_equal "$(doctor_field 'runtime folder' who)" you
        export KELP_HELPERS=$KELP_TEST_DIR/nowhere
        assert_equal "$(doctor_field helpers status)" missing
        run_kelp doctor
        assert_status 1
}

@test "subordinate ids: mapped, or named as what is lacking" {
        if grep -q "^$(id -un):" /etc/subuid; then
                assert_equal "$(doctor_field 'subordinate ids' status)" ok
        else
                assert_equal "$(doctor_field 'subordinate ids' status)" degraded
                [[ "$(doctor_field 'subordinate ids' fix)" =~ usermod\ --add-subuids\ [0-9]+-[0-9]+\ --add-subgids\ [0-9]+-[0-9]+\ $(id -un)$ ]]
        fi
}
