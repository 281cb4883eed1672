# The gauntlet for kelp-runtime as root, whose containers have no user namespace: what is refused to a plain user by the kernel,
# the runtime has to refuse itself here. Each test says what it watches, and was seen to fail with that taken out.

load harness
load runtime
load gauntlet

setup()
{
        [ "$(id -u)" -eq 0 ] || skip "these tests are for root"
        runtime_setup
        canary_setup
        # Root's usual state is in /run: this test's is its own.
        printf '#!/bin/sh\nexec %s --root %s "$@"\n' "$RUNTIME" "$KELP_TEST_DIR/state" >"$KELP_TEST_DIR/runtime"
        chmod 755 "$KELP_TEST_DIR/runtime"
        RUNTIME=$KELP_TEST_DIR/runtime
        mkdir "$KELP_TEST_DIR/state"
        rm "$BUNDLE/config.json"
        "$RUNTIME" spec --bundle "$BUNDLE"
        edit_config "config['process']['terminal'] = False; config['root']['readonly'] = False"
}

teardown()
{
        canary_check
        runtime_teardown
}

# A container that runs the script: $status, and $output with both streams.
run_script()
{
        set_script "$1"
        run timeout 30 "$RUNTIME" run --bundle "$BUNDLE" one </dev/null
        output=$(without_noise <<<"$output")
}

start_box()
{
        set_script 'while :; do sleep 1000; done'
        "$RUNTIME" run --detach --bundle "$BUNDLE" box </dev/null >"$KELP_TEST_DIR/out" 2>&1
}

in_box()
{
        run timeout 30 "$RUNTIME" exec "$@" </dev/null
        output=$(without_noise <<<"$output")
}

# G06, is_containers_own(): to the host's root the kernel would give them.
@test "sysctls that are the host's are refused, whatever they are called" {
        # as it is: nothing would change on the host
        pid_max=$(sysctl -n kernel.pid_max)
        for name in kernel.pid_max kernel/pid_max kernel/../kernel/pid_max kernel//pid_max ../sys/kernel/pid_max net/../kernel/pid_max; do
                edit_config "config['linux']['sysctl'] = {argv[0]: argv[1]}" "$name" "$pid_max"
                run_script true
                assert_status 1
                assert_contains "sysctl $name"
        done
        edit_config "config['linux']['sysctl'] = {'kernel.shm_rmid_forced': '1', 'net/ipv4/ip_forward': '1', 'fs.mqueue.queues_max': '200'}"
        run_script 'cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_forward /proc/sys/fs/mqueue/queues_max'
        assert_equal "$output" $'1\n1\n200'
        edit_config "config['linux']['namespaces'] = [n for n in config['linux']['namespaces'] if n['type'] != 'ipc']
config['linux']['sysctl'] = {'kernel.msgmax': argv[0]}" "$(sysctl -n kernel.msgmax)"
        run_script true
        assert_status 1
        assert_contains 'sysctl kernel.msgmax'
}

# G06, proc_write(): else a profile or a sysctl is lost in a file that the bundle or the container has there (CVE-2019-16884).
@test "labels and sysctls are written to a procfs and to nothing else" {
        cp "$BUNDLE/config.json" good.json
        mkdir -p "$BUNDLE/rootfs/proc/sys/kernel" "$BUNDLE/rootfs/proc/thread-self/attr/apparmor"
        touch "$BUNDLE/rootfs/proc/thread-self/attr/"{exec,apparmor/exec} "$BUNDLE/rootfs/proc/sys/kernel/shm_rmid_forced"
        for change in "AppArmor profile:config['process']['apparmorProfile'] = 'x'" "SELinux label:config['process']['selinuxLabel'] = 'a:b:c:d'" \
                "sysctl:config['linux']['sysctl'] = {'kernel.shm_rmid_forced': '1'}"; do
                cp good.json "$BUNDLE/config.json"
                edit_config "config['mounts'] = [m for m in config['mounts'] if m['destination'] != '/proc']
config['linux']['maskedPaths'] = config['linux']['readonlyPaths'] = []"
                edit_config "${change#*:}"
                run_script true
                assert_status 1
                assert_contains "${change%%:*}"
        done
        [ ! -s "$BUNDLE/rootfs/proc/thread-self/attr/exec" ]
        # A container that has covered its own.
        cp good.json "$BUNDLE/config.json"
        edit_config "for kind in ('bounding', 'effective', 'permitted'): config['process']['capabilities'][kind] += ['CAP_SYS_ADMIN']"
        start_box
        in_box box sh -c 'mount -t tmpfs x /proc; mkdir -p /proc/thread-self/attr/apparmor /proc/self; touch /proc/thread-self/attr/exec /proc/thread-self/attr/apparmor/exec /proc/self/oom_score_adj'
        assert_equal "$output" ''
        in_box --apparmor x box true
        assert_status 1
        assert_contains 'AppArmor profile x'
        in_box --process-label a:b:c:d box true
        assert_status 1
        assert_contains 'SELinux label a:b:c:d'
        # this one the caller has, before it enters
        printf '{"args": ["sleep", "1000"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, "oomScoreAdj": 500}' >process.json
        "$RUNTIME" exec --detach --pid-file pid --process process.json box </dev/null >out 2>&1
        assert_equal "$(cat "/proc/$(cat pid)/oom_score_adj")" 500
}

# G03, is_wanted() in make_node(): else the file of a bundle counts as the device.
@test "what a bundle has in the place of a device is that device, or the container is refused" {
        edit_config "config['mounts'] = [m for m in config['mounts'] if not m['destination'].startswith('/dev')]
config['linux']['maskedPaths'] = []
config['linux']['devices'] = [{'path': '/dev/null', 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 0o666}]"
        mkdir "$BUNDLE/rootfs/dev"
        for kind in link dangling fifo file folder other; do
                rm -rf "$BUNDLE/rootfs/dev/null"
                case $kind in
                link) ln -s "$CANARY/file" "$BUNDLE/rootfs/dev/null" ;;
                dangling) ln -s /no/such "$BUNDLE/rootfs/dev/null" ;;
                fifo) mkfifo "$BUNDLE/rootfs/dev/null" ;;
                file) echo trap >"$BUNDLE/rootfs/dev/null" ;;
                folder) mkdir "$BUNDLE/rootfs/dev/null" ;;
                other) mknod "$BUNDLE/rootfs/dev/null" c 1 5 ;;
                esac
                run_script true
                [ "$status" -eq 1 ] || fail_with "$kind: taken"
                assert_contains 'device /dev/null'
        done
        rm "$BUNDLE/rootfs/dev/null"
        for _ in new there; do
                run_script 'stat -c %t:%T /dev/null'
                assert_equal "$output" 1:3
        done
}

# G07, cgroup_path_leads_up(): else a process of exec gets out of the container's limits.
@test "exec --cgroup does not lead out of the container's group" {
        start_box
        for path in .. ../.. a/../.. /../x; do
                in_box --cgroup "$path" box true
                assert_status 1
                assert_contains "--cgroup $path: it leads out"
        done
}

# G08, add_capabilities() (CVE-2022-27650): else a program with inheritable file capabilities gets them.
@test "exec --cap gives nothing that is inheritable or ambient" {
        start_box
        for user in 0 1000:1000; do
                in_box --user "$user" --cap CAP_SYS_CHROOT box sh -c 'grep -E "Cap(Inh|Amb)" /proc/self/status | cut -f 2'
                assert_equal "$output" $'0000000000000000\n0000000000000000'
        done
        in_box --user 0 --cap CAP_SYS_CHROOT box sh -c 'grep CapEff /proc/self/status | cut -f 2'
        assert_equal "$output" 0000000020040420
}
