# The demonstration: what only the host's root may touch, root inside a container may not either.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

@test "a root-owned 0700 file below a mounted folder can be named, not used" {
        # /usr/bin is the host root's; a file that this user may neither read nor execute there is made by the system.
        secret=$(find /etc /usr /var -xdev -type f -user 0 ! -perm /007 ! -group "$(id -g)" 2>/dev/null | head -n 1)
        [ -n "$secret" ]
        folder=$(dirname "$secret") name=$(basename "$secret")
        run_kelp_split run --rm --network none -v "$folder:/rootbin" busybox \
                sh -c "id -u; ls /rootbin/$name; cat /rootbin/$name; /rootbin/$name; echo x >>/rootbin/$name; rm -f /rootbin/$name; chmod 777 /rootbin/$name"
        [ "$status" -ne 0 ]
        assert_equal "$output" $'0\n'"/rootbin/$name"
        [[ "$stderr" == *"can't open '/rootbin/$name': Permission denied"* ]]
        [[ "$stderr" == *"can't create /rootbin/$name: Permission denied"* ]]
        [[ "$stderr" == *"chmod: /rootbin/$name"* ]]
        [ -e "$secret" ]
}
