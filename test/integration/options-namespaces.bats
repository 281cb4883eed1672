# Options of `kelp run` about namespaces: network, pid, ipc, uts, cgroup, user.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

inside()
{
        run_kelp_split run --rm --network none "$@"
}

refused()
{
        local words=$1
        shift
        run_kelp run --rm "$@"
        assert_refused "$words"
}

# The namespace of kind $1 that a container has with the options that follow.
namespace()
{
        local kind=$1
        shift
        run_kelp_split run --rm --network none "$@" busybox readlink "/proc/self/ns/$kind"
}

# A container in the background, under the name $1, with further options.
background()
{
        "$KELP" run -d --network none --name "$@" busybox sleep 1000 >/dev/null
}

@test "--network: none by default, which is said once; host; another container's" {
        run_kelp_split run --rm busybox ls /sys/class/net
        assert_equal "$output" lo
        [[ "$stderr" == *"--network none, for now the default"* ]]
        run_kelp_split run --rm busybox true
        assert_equal "$stderr" ''
        run_kelp_split run --rm --network host busybox readlink /proc/self/ns/net
        assert_equal "$output" "$(readlink /proc/self/ns/net)"
        run_kelp_split run --rm --net host busybox sh -c 'hostname; cat /etc/resolv.conf'
        assert_equal "$output" "$(hostname; cat /etc/resolv.conf)"
        background first
        other=$("$KELP" exec first readlink /proc/self/ns/net)
        run_kelp_split run --rm --network container:first busybox readlink /proc/self/ns/net
        assert_equal "$output" "$other"
        run_kelp_split run --rm --network container:first busybox ls /sys/class/net
        assert_equal "$output" lo
        "$KELP" rm -f first
        refused 'invalid --network "bridge7"' --network bridge7 busybox true
        refused 'No such container: nobody' --network container:nobody busybox true
}

@test "--pid: private, host, another container's" {
        inside busybox sh -c 'echo $$; ls /proc | grep -c "^[0-9]"'
        [ "${output%%$'\n'*}" = 1 ]
        namespace pid --pid host
        assert_equal "$output" "$(readlink /proc/self/ns/pid)"
        inside --pid host busybox sh -c 'readlink /proc/1/exe /proc/2/exe; cat /proc/1/environ; kill -0 1 || echo refused'
        assert_equal "$output" refused
        background first
        inside --pid container:first busybox sh -c 'pidof sleep; cat /proc/1/comm'
        assert_equal "$output" $'1\nsleep'
        "$KELP" kill first
        "$KELP" wait first
        run_kelp run --rm --network none --pid container:first busybox true
        assert_status 125
        assert_contains 'cannot join the pid namespace of a non running container: first'
        "$KELP" rm first
        refused 'invalid --pid "mine"' --network none --pid mine busybox true
}

@test "--ipc: private, none, shareable, host, another container's with its /dev/shm" {
        namespace ipc
        [ "$output" != "$(readlink /proc/self/ns/ipc)" ]
        inside --ipc none busybox ls /dev/shm
        [ "$status" -ne 0 ]
        namespace ipc --ipc host
        assert_equal "$output" "$(readlink /proc/self/ns/ipc)"
        mark=/dev/shm/kelp-test-$$
        echo host >"$mark"
        inside --ipc host busybox cat "$mark"
        rm "$mark"
        assert_equal "$output" host
        background first --ipc shareable --shm-size 3m
        "$KELP" exec first sh -c 'echo shared >/dev/shm/word'
        inside --ipc container:first busybox sh -c 'cat /dev/shm/word; df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"; echo back >/dev/shm/word'
        assert_equal "$output" $'shared\n3072'
        assert_equal "$("$KELP" exec first cat /dev/shm/word)" back
        background second
        run_kelp run --rm --network none --ipc container:second busybox true
        assert_status 125
        assert_contains 'is not shareable'
}

@test "--shm-size: docker's default, units, nonsense" {
        inside busybox sh -c 'df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"'
        assert_equal "$output" 65536
        for pair in 8m:8192 1g:1048576 2048k:2048 1048576:1024; do
                inside --shm-size "${pair%:*}" busybox sh -c 'df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"'
                assert_equal "$output" "${pair#*:}"
        done
        refused '--shm-size "much" is not a size' --network none --shm-size much busybox true
        refused '--shm-size "0" is not a size' --network none --shm-size 0 busybox true
}

@test "--uts and --cgroupns: private or host" {
        namespace uts --uts host
        assert_equal "$output" "$(readlink /proc/self/ns/uts)"
        namespace uts
        [ "$output" != "$(readlink /proc/self/ns/uts)" ]
        inside --uts host busybox sh -c 'hostname x 2>/dev/null || echo refused'
        assert_equal "$output" refused
        namespace cgroup --cgroupns host
        assert_equal "$output" "$(readlink /proc/self/ns/cgroup)"
        namespace cgroup --cgroupns private
        [ "$output" != "$(readlink /proc/self/ns/cgroup)" ]
        refused 'invalid --uts "mine"' --network none --uts mine busybox true
        refused 'invalid --cgroupns "mine"' --network none --cgroupns mine busybox true
}

@test "--userns host is the map of one's subordinate ids: never the host's own namespace" {
        namespace user --userns host
        [ "$output" != "$(readlink /proc/self/ns/user)" ]
        inside --userns host --privileged busybox sh -c 'cat /proc/self/uid_map | head -n 1'
        read -r inner outer _ <<<"$output"
        assert_equal "$inner $outer" "0 $(id -u)"
        refused 'invalid --userns "auto"' --network none --userns auto busybox true
}
