# The runtime-spec field by field: what a configuration says, and what is seen of it inside the container. As a plain user; what only
# root can have is in test/callers.

load ../integration/harness
load ../integration/runtime

setup()
{
        runtime_setup
}

teardown()
{
        runtime_teardown
}

# observe STATEMENT SCRIPT EXPECTED: with the configuration changed by the statement, the script prints that.
observe()
{
        local before
        before=$(cat "$BUNDLE/config.json")
        edit_config "$1"
        set_script "$2"
        run_runtime run --bundle "$BUNDLE" "c$RANDOM"
        printf '%s' "$before" >"$BUNDLE/config.json"
        [ "$output" = "$3" ] && return
        printf '%s\nprinted:  %q\nexpected: %q\n' "$1" "$output" "$3" >&2
        return 1
}

# refuse STATEMENT WORDS: it does not run, and the error has these words.
refuse()
{
        local before
        before=$(cat "$BUNDLE/config.json")
        edit_config "$1"
        run "$RUNTIME" run --bundle "$BUNDLE" "c$RANDOM"
        printf '%s' "$before" >"$BUNDLE/config.json"
        [ "$status" -ne 0 ] && [[ "$output" == *"$2"* ]] && return
        printf '%s\nstatus %s, printed: %q\nexpected: %q\n' "$1" "$status" "$output" "$2" >&2
        return 1
}

@test "process: args, env, cwd, user, umask, groups" {
        observe "config['process']['env'] += ['A=1', 'B=x y']" 'echo "$A:$B"' '1:x y'
        observe "config['process']['cwd'] = '/new/folder'; config['root']['readonly'] = False" 'pwd' '/new/folder'
        observe "config['process']['user']['umask'] = 0o27" 'umask' '0027'
        observe "pass" 'id -u; id -g; umask' $'0\n0\n0022'
        refuse "config['process']['cwd'] = 'relative'" 'process.cwd'
        refuse "config['process']['user']['uid'] = 7" 'not mapped'
        refuse "del config['process']['args']" 'process.args'
}

@test "process: capabilities, noNewPrivileges, rlimits, oomScoreAdj" {
        observe "config['process']['capabilities'] = {k: ['CAP_KILL', 'CAP_CHOWN'] for k in ('bounding', 'effective', 'permitted', 'inheritable', 'ambient')}" \
                'grep -h ^Cap /proc/self/status | tr -d "\t" | sort | uniq' \
                $'CapAmb:0000000000000021\nCapBnd:0000000000000021\nCapEff:0000000000000021\nCapInh:0000000000000021\nCapPrm:0000000000000021'
        # Ambient ones need inheritable ones.
        observe "config['process']['capabilities']['ambient'] = ['CAP_KILL']" 'grep CapAmb /proc/self/status' $'CapAmb:\t0000000000000000'
        observe "config['process']['noNewPrivileges'] = True" 'grep NoNewPrivs /proc/self/status' $'NoNewPrivs:\t1'
        observe "config['process']['noNewPrivileges'] = False" 'grep NoNewPrivs /proc/self/status' $'NoNewPrivs:\t0'
        observe "config['process']['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 99, 'hard': 200}, {'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 0}]" \
                'ulimit -n; ulimit -Hn; ulimit -c' $'99\n200\n0'
        observe "config['process']['oomScoreAdj'] = 444" 'cat /proc/self/oom_score_adj' 444
        refuse "config['process']['rlimits'] = [{'type': 'RLIMIT_NOPE', 'soft': 1, 'hard': 1}]" 'process.rlimits[0].type'
        refuse "config['process']['oomScoreAdj'] = 1001" 'process.oomScoreAdj'
}

@test "process: scheduler, ioPriority, execCPUAffinity; linux: memoryPolicy, personality" {
        # Fields 18 and 19 of stat are what top shows, 41 is the policy.
        observe "config['process']['scheduler'] = {'policy': 'SCHED_BATCH', 'nice': 7}" 'cut -d" " -f19,41 /proc/self/stat' '7 3'
        observe "config['process']['scheduler'] = {'policy': 'SCHED_IDLE', 'flags': ['SCHED_FLAG_RESET_ON_FORK']}" 'exec cut -d" " -f41 /proc/self/stat' '5'
        refuse "config['process']['scheduler'] = {'policy': 'SCHED_FIFO', 'priority': 5}" 'process.scheduler'
        refuse "config['process']['scheduler'] = {'policy': 'SCHED_NOPE'}" 'process.scheduler.policy'
        observe "config['process']['ioPriority'] = {'class': 'IOPRIO_CLASS_IDLE'}" 'ionice' idle
        observe "config['process']['ioPriority'] = {'class': 'IOPRIO_CLASS_BE', 'priority': 3}" 'ionice' 'best-effort: prio 3'
        refuse "config['process']['ioPriority'] = {'class': 'IOPRIO_CLASS_BE', 'priority': 8}" 'process.ioPriority.priority'
        observe "config['linux']['memoryPolicy'] = {'mode': 'MPOL_BIND', 'nodes': '0', 'flags': ['MPOL_F_STATIC_NODES']}" \
                'exec head -n1 /proc/self/numa_maps | cut -d" " -f2' 'bind=static:0'
        refuse "config['linux']['memoryPolicy'] = {'mode': 'MPOL_BIND', 'nodes': '1000'}" 'linux.memoryPolicy'
        observe "config['linux']['personality'] = {'domain': 'LINUX32'}" 'uname -m | sed s/aarch64/armv8l/' "$(setarch linux32 uname -m)"
        edit_config "config['process']['execCPUAffinity'] = {'initial': '0', 'final': '0'}"
        start_sleeper one
        assert_equal "$("$RUNTIME" exec one sh -c 'grep Cpus_allowed_list /proc/self/status')" $'Cpus_allowed_list:\t0'
        edit_config "config['process']['execCPUAffinity'] = {'final': 'x'}"
        run_runtime run --bundle "$BUNDLE" two
        assert_contains 'process.execCPUAffinity.final'
}

@test "process: signals that the caller ignores are not ignored inside" {
        # Without a shell, which ignores QUIT itself.
        edit_config "config['process']['args'] = ['grep', 'SigIgn', '/proc/self/status']"
        output=$(trap '' USR1 TERM RTMIN+6; "$RUNTIME" run --bundle "$BUNDLE" one | without_noise)
        assert_equal "$output" $'SigIgn:\t0000000000000000'
}

@test "root, hostname, domainname" {
        observe "config['root']['readonly'] = True" 'touch /x 2>/dev/null || echo refused' refused
        observe "config['root']['readonly'] = False" 'touch /x && echo made' made
        observe "config['hostname'] = 'there'; config['domainname'] = 'example'" 'hostname; cat /proc/sys/kernel/domainname' $'there\nexample'
        refuse "config['root']['path'] = 'nowhere'" nowhere
        refuse "config['linux']['namespaces'] = [n for n in config['linux']['namespaces'] if n['type'] != 'uts']" hostname
        # Through a symbolic link and by a relative path.
        mv "$BUNDLE/rootfs" "$BUNDLE/real"
        ln -s real "$BUNDLE/rootfs"
        observe "pass" 'echo here' here
}

@test "mounts: options, recursive ones, missing and linked targets, files onto files" {
        mkdir -p "$BUNDLE/source/below"
        echo text >"$BUNDLE/source/file"
        m() { printf "config['mounts'].append({'destination': '%s', 'type': '%s', 'source': '%s', 'options': '%s'.split(',')})" "$@"; }
        observe "$(m /m bind source rbind,ro)" 'cat /m/file; touch /m/x 2>/dev/null || echo refused' $'text\nrefused'
        observe "$(m /a/b/file bind source/file bind)" 'cat /a/b/file' text
        observe "$(m /m bind source rbind,nosuid,nodev,noexec)" 'grep -o "nosuid,nodev,noexec" /proc/self/mountinfo | tail -1' 'nosuid,nodev,noexec'
        observe "$(m /m tmpfs tmpfs size=64k,mode=1711)" 'stat -c %a /m; head -c 100000 /dev/zero >/m/big 2>/dev/null || echo full' $'1711\nfull'
        # Those below, too.
        observe "$(m /m bind source rbind); $(m /m/below tmpfs tmpfs mode=755); $(m /n bind / rbind,rro)" 'touch /n/tmp/x 2>/dev/null || echo refused' refused
        observe "$(m /etc tmpfs tmpfs tmpcopyup)" 'head -n1 /etc/passwd | cut -d: -f1' root
        ln -s /etc "$BUNDLE/rootfs/linked"
        observe "$(m /linked/deep bind source bind)" 'cat /etc/deep/file' text
        # A link that leads out of the root ends inside of it.
        ln -s "../../../../../../..$KELP_TEST_DIR/out" "$BUNDLE/rootfs/leads"
        observe "$(m /leads/there bind source bind)" 'cat /leads/there/file' text
        [ ! -e "$KELP_TEST_DIR/out" ]
        refuse "$(m /m bind nowhere bind)" 'does not exist'
        refuse "$(m /proc/self tmpfs tmpfs mode=755)" '/proc'
        refuse "$(m /etc bind source/file bind)" 'is a folder'
}

@test "linux: namespaces new, joined and the host's; timeOffsets" {
        local pid
        start_sleeper one
        pid=$(state_of one pid)
        observe "config['linux']['namespaces'] = [n for n in config['linux']['namespaces'] if n['type'] != 'ipc']
config['mounts'] = [m for m in config['mounts'] if m['type'] != 'mqueue']" \
                'readlink /proc/self/ns/ipc' "$(readlink /proc/self/ns/ipc)"
        # A container of the same user namespace.
        edit_config "config['linux']['namespaces'] = [dict(n, path='/proc/' + argv[0] + '/ns/' + {'mount': 'mnt'}.get(n['type'], n['type']))
                     if n['type'] in ('user', 'uts', 'ipc', 'pid') else n for n in config['linux']['namespaces']]" "$pid"
        edit_config "del config['linux']['uidMappings']; del config['linux']['gidMappings']; del config['hostname']"
        observe "pass" 'readlink /proc/self/ns/uts; readlink /proc/self/ns/ipc; hostname; test $$ != 1 && echo not first' \
                "$("$RUNTIME" exec one sh -c 'readlink /proc/self/ns/uts; readlink /proc/self/ns/ipc')"$'\ncontainer\nnot first'
        refuse "config['linux']['namespaces'][0]['path'] = '/nowhere'" '/nowhere'
}

@test "linux: timeOffsets, also for exec" {
        edit_config "config['linux']['namespaces'].append({'type': 'time'})"
        edit_config "config['linux']['timeOffsets'] = {'monotonic': {'secs': 100}, 'boottime': {'secs': 1000000, 'nanosecs': 5}}"
        observe "pass" 'cat /proc/self/timens_offsets | tr -s " "' $'monotonic 100 0\nboottime 1000000 5'
        start_sleeper one
        [ "$("$RUNTIME" exec one cut -d. -f1 /proc/uptime)" -ge 1000000 ]
        refuse "config['linux']['namespaces'].pop()" 'linux.timeOffsets'
}

@test "linux: maskedPaths, readonlyPaths, sysctl, devices, rootfsPropagation" {
        observe "config['linux']['maskedPaths'] = ['/proc/uptime', '/proc/sys', '/not/there']" 'cat /proc/uptime; ls /proc/sys; echo end' end
        observe "config['linux']['readonlyPaths'] = ['/proc/sys']; config['linux']['sysctl'] = {'kernel.shm_rmid_forced': '1'}" \
                'cat /proc/sys/kernel/shm_rmid_forced; echo 0 2>/dev/null >/proc/sys/kernel/shm_rmid_forced || echo refused' $'1\nrefused'
        refuse "config['linux']['sysctl'] = {'kernel.pid_max': '5'}" 'sysctl kernel.pid_max'
        observe "config['linux']['devices'] = [{'path': '/dev/more/null', 'type': 'c', 'major': 1, 'minor': 3}]" \
                'echo x >/dev/more/null && test -c /dev/more/null && echo device' device
        refuse "config['linux']['devices'] = [{'path': '/dev/odd', 'type': 'c', 'major': 250, 'minor': 99}]" '250:99'
        observe "pass" 'for d in null zero full random urandom tty; do test -c /dev/$d || echo $d; done; readlink /dev/ptmx' pts/ptmx
        for word in private slave unbindable; do
                observe "config['linux']['rootfsPropagation'] = '$word'" 'echo ran' ran
        done
        observe "config['linux']['rootfsPropagation'] = 'shared'" 'grep " / / \| / rw\| / ro" /proc/self/mountinfo | grep -c shared:' 1
        refuse "config['linux']['rootfsPropagation'] = 'odd'" 'linux.rootfsPropagation'
}

@test "linux: what kelp cannot do is refused, not left out" {
        refuse "config['linux']['intelRdt'] = {'closID': 'x'}" 'linux.intelRdt: not supported'
        refuse "config['linux']['netDevices'] = {'eth9': {}}" 'linux.netDevices: not supported'
        if [ ! -d /sys/fs/selinux ]; then
                # The kernel's word, and not a container without the label.
                refuse "config['linux']['mountLabel'] = 'system_u:object_r:x_t:s0'" 'mount tmpfs on /dev'
                refuse "config['process']['selinuxLabel'] = 'system_u:object_r:x_t:s0'" 'SELinux label'
        fi
        refuse "config['mounts'].append({'destination': '/m', 'type': 'bind', 'source': '/tmp', 'options': ['bind'], 'uidMappings': [{'containerID': 0, 'hostID': 1, 'size': 1}], 'gidMappings': [{'containerID': 0, 'hostID': 1, 'size': 1}]})" \
                'id-mapped mounts need CAP_SYS_ADMIN'
        for word in idmap ridmap; do
                refuse "config['mounts'].append({'destination': '/m', 'type': 'bind', 'source': '/tmp', 'options': ['rbind', '$word']})" \
                        'mount /m: the kernel refuses an id-mapped mount of /tmp'
        done
        refuse "config['mounts'].append({'destination': '/m', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['idmap']})" 'only a bind mount'
}

@test "linux: seccomp: actions, errno, arguments, flags" {
        s() { printf "config['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [%s]}" "$1"; }
        observe "$(s "{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28}")" 'mkdir /dev/x 2>&1' \
                "mkdir: can't create directory '/dev/x': No space left on device"
        observe "$(s "{'names': ['mkdir', 'mkdirat', 'no_such_call'], 'action': 'SCMP_ACT_ERRNO'}")" 'mkdir /dev/x 2>&1' \
                "mkdir: can't create directory '/dev/x': Operation not permitted"
        observe "$(s "{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_KILL_PROCESS'}")" '(mkdir /dev/x); echo $?' $'Bad system call\n159'
        observe "$(s "{'names': ['kill'], 'action': 'SCMP_ACT_ERRNO', 'args': [{'index': 1, 'value': 10, 'op': 'SCMP_CMP_EQ'}]}")" \
                'trap "echo got" USR1 USR2; kill -USR1 $$ 2>/dev/null || echo refused; kill -USR2 $$' $'refused\ngot'
        observe "$(s "{'names': ['mkdir'], 'action': 'SCMP_ACT_LOG'}"); config['linux']['seccomp']['flags'] = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW']" \
                'grep Seccomp: /proc/self/status' $'Seccomp:\t2'
        refuse "$(s "{'names': ['mkdir'], 'action': 'SCMP_ACT_NOPE'}")" 'linux.seccomp.syscalls[0].action'
}

@test "the container's first process has no way to the runtime's own program" {
        # G01 of a list of known escapes: an entry point that is the program that starts it.
        before=$(sha256sum "$RUNTIME")
        edit_config "config['process']['args'] = ['/proc/self/exe', '--version']"
        run_runtime run --bundle "$BUNDLE" one
        [[ "$output" != *'kelp-runtime version'* ]]
        start_sleeper two
        run_runtime exec two sh -c 'for f in /proc/[0-9]*/exe; do echo x 2>/dev/null >$f && echo overwritten; done'
        [[ "$output" != *overwritten* ]]
        assert_equal "$(sha256sum "$RUNTIME")" "$before"
}

@test "linux: seccomp: an agent at listenerPath is told of the process and answers for the kernel" {
        edit_config "config['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': argv[0], 'listenerMetadata': 'meta',
                     'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_NOTIFY'}]}" "$KELP_TEST_DIR/agent"
        cat >"$KELP_TEST_DIR/agent.py" <<'END'
import array, fcntl, json, socket, struct, sys
# <linux/seccomp.h>: struct seccomp_notif has 80 bytes, seccomp_notif_resp 24.
RECV, SEND = 0xc0502100, 0xc0182101
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(4)
print("ready", flush=True)
for _ in range(int(sys.argv[2])):
    connection, _ = server.accept()
    data, fds, _, _ = socket.recv_fds(connection, 65536, 1)
    message = json.loads(data)
    notification = bytearray(80)
    fcntl.ioctl(fds[0], RECV, notification)
    identity, pid = struct.unpack_from("QI", notification)
    print(message["fds"], message["metadata"], message["state"]["id"], pid == message["pid"], flush=True)
    fcntl.ioctl(fds[0], SEND, struct.pack("QqiI", identity, 0, -17, 0))
END
        python3 "$KELP_TEST_DIR/agent.py" "$KELP_TEST_DIR/agent" 2 >"$KELP_TEST_DIR/told" 3>&- &
        wait_until grep -q ready "$KELP_TEST_DIR/told"
        edit_config "config['process']['args'] = ['mkdir', '/dev/x']"
        run_runtime run --bundle "$BUNDLE" one
        assert_contains 'File exists'
        # create and start are processes of their own.
        edit_config "config['process']['args'] = ['mkdir', '/dev/x']"
        "$RUNTIME" create --bundle "$BUNDLE" two </dev/null >"$KELP_TEST_DIR/out" 2>&1
        "$RUNTIME" start two
        wait_until has_state two stopped
        grep -q "File exists" "$KELP_TEST_DIR/out"
        wait
        assert_equal "$(cat "$KELP_TEST_DIR/told")" "ready
['seccompFd'] meta one True
['seccompFd'] meta two True"
        run_runtime run --bundle "$BUNDLE" three
        assert_status 1
        assert_contains 'linux.seccomp.listenerPath'
}
