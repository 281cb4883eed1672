#!/usr/bin/env bats
# kelp-netd from outside, as only root may look: its view of files, its descriptors, its identity.

load harness

setup()
{
        kelp_setup_root
}

teardown()
{
        kelp_teardown
}

netd()
{
        sed -n 's/^kelp-netd \([0-9]*\): .*/\1/p' "$XDG_RUNTIME_DIR/kelp/netd.log"
}

@test "it sees an empty folder that cannot be written, holds no file of the host open, and is not root" {
        local pid target
        "$KELP" run -d --name first busybox sleep 1000
        pid=$(netd)
        # one mount: an empty tmpfs
        assert_equal "$(wc -l <"/proc/$pid/mountinfo")" 1
        [[ "$(cat "/proc/$pid/mountinfo")" == *" / / ro,nosuid,nodev,noexec"*" - tmpfs "* ]]
        assert_equal "$(ls -A "/proc/$pid/root/")" ''
        # the host's / and /proc stay reachable by two descriptors that can only be looked up from (O_PATH), which Landlock narrows
        for fd in "/proc/$pid/fd"/*; do
                target=$(readlink "$fd")
                case $target in
                socket:* | anon_inode:* | pipe:* | /dev/null | /dev/net/tun | net:* | user:* | */netd.log) ;;
                / | /proc)
                        # 010000000: O_PATH
                        grep -qE '^flags:\s+0[0-7]*1[0-7]{7}$' "/proc/$pid/fdinfo/${fd##*/}"
                        ;;
                *)
                        echo "descriptor ${fd##*/} is $target" >&2
                        return 1
                        ;;
                esac
        done
        # neither its user namespace nor any of its ids is the host's
        [ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)" ]
        [ "$(readlink "/proc/$pid/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
        run grep -E $'^(Uid|Gid):.*\t0(\t|$)' "/proc/$pid/status"
        assert_equal "$output" ''
}
