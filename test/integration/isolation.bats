# What a container may and sees, as a plain user.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

@test "all namespaces are fresh" {
        inside busybox sh -c 'for n in user mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done'
        assert_status 0
        for n in user mnt pid net ipc uts cgroup; do
                [[ "$output" != *"$(readlink /proc/self/ns/$n)"* ]]
        done
        assert_equal "$(printf '%s\n' "$output" | wc -l)" 7
}

@test "the capabilities are Docker's default, no_new_privs on request, the filter is on" {
        inside busybox grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status
        assert_equal "$output" $'CapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2'
        inside --cap-drop ALL --cap-add NET_RAW --security-opt no-new-privileges busybox grep -E 'CapEff|NoNewPrivs' /proc/self/status
        assert_equal "$output" $'CapEff:\t0000000000002000\nNoNewPrivs:\t1'
        inside --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
        assert_equal "$output" $'Seccomp:\t0'
}

@test "mounting and new user namespaces are refused" {
        inside busybox sh -c 'mount -t tmpfs x /mnt'
        [ "$status" -ne 0 ]
        inside busybox unshare -U true
        [ "$status" -ne 0 ]
}

@test "no descriptor of the host leaks in" {
        exec 9</etc/passwd
        inside busybox sh -c 'ls /proc/1/fd'
        exec 9<&-
        assert_status 0
        # the last is the folder that ls, which is process 1, reads
        assert_equal "$output" $'0\n1\n2\n3'
}

@test "sensitive paths are masked or read-only" {
        inside busybox sh -c 'cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware /proc/acpi | grep -vc :; touch /proc/sys/kernel/domainname 2>/dev/null || echo refused'
        [ "${output%%$'\n'*}" = 0 ]
        [[ "$output" == *refused ]]
}

@test "only loopback without a network, and it is up" {
        inside busybox sh -c 'ls /sys/class/net; ping -c 1 -w 2 127.0.0.1 >/dev/null && echo up'
        assert_equal "$output" $'lo\nup'
}

@test "host processes are not seen" {
        inside busybox sh -c 'ls /proc | grep -c "^[0-9]"'
        [ "$output" -le 4 ]
}
