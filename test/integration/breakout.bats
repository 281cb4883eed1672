# The demonstration: what only the host's root may touch, root inside a container may not either.
# shellcheck disable=SC2154 # $stderr is of harness.bash

load harness

setup()
{
        kelp_setup
        # tools/run-tests, run by root, makes $KELP_TEST_ROOTBIN/secret, of root and mode 0700. For a plain user alone, the
        # system has a file that he may neither read nor execute.
        secret=${KELP_TEST_ROOTBIN:-}/secret
        [ -e "$secret" ] ||
                secret=$(find /etc /usr /var -xdev -type f -user 0 ! -perm /007 ! -readable 2>/dev/null | head -n 1)
        [ -e "$secret" ] || skip "there is no file here that only root may read"
        folder=$(dirname "$secret") name=$(basename "$secret")
        before=$(stat -c '%u:%g %a %s %Y %Z' "$secret")
}

teardown()
{
        kelp_teardown
}

# Names the file as root in a container started with the options given, tries all that could be done to it, and finds that
# nothing was.
assert_out_of_reach()
{
        run_kelp_split run --rm --network none "$@" -v "$folder:/rootbin" busybox sh -c '
                id -u
                ls "/rootbin/$0"
                cat "/rootbin/$0"
                "/rootbin/$0"
                echo changed >>"/rootbin/$0"
                chmod 777 "/rootbin/$0"
                chown 0:0 "/rootbin/$0"
                mv "/rootbin/$0" "/rootbin/$0-moved"
                rm -f "/rootbin/$0"' "$name"
        [ "$status" -ne 0 ]
        assert_equal "$output" $'0\n'"/rootbin/$name"
        [[ "$stderr" == *"can't open '/rootbin/$name': Permission denied"* ]]
        [[ "$stderr" == *"/rootbin/$name: Permission denied"* ]]
        [[ "$stderr" == *"can't create /rootbin/$name: Permission denied"* ]]
        [[ "$stderr" == *"chmod: /rootbin/$name: Operation not permitted"* ]]
        [[ "$stderr" == *"chown: /rootbin/$name: Operation not permitted"* ]]
        [[ "$stderr" == *"mv: can't rename '/rootbin/$name': Permission denied"* ]]
        [[ "$stderr" == *"rm: can't remove '/rootbin/$name': Permission denied"* ]]
        assert_equal "$(stat -c '%u:%g %a %s %Y %Z' "$secret")" "$before"
}

@test "a root-owned 0700 file below a mounted folder can be named, not used" {
        assert_out_of_reach
}

@test "neither with --privileged and every capability" {
        assert_out_of_reach --privileged --cap-add ALL
}
