# Options of `kelp run` about what a container may: capabilities, --security-opt, --privileged, limits, devices, users.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# The line of /proc/self/status about $1, with the options that follow.
status_of()
{
        local name=$1
        shift
        inside "$@" busybox sh -c "sed -n 's/^$name:\t//p' /proc/self/status"
}

# All that this kernel knows, as /proc shows sets.
all_capabilities()
{
        printf '%016x' $(((1 << ($(cat /proc/sys/kernel/cap_last_cap) + 1)) - 1))
}

@test "--cap-add and --cap-drop: names, ALL, the order that docker has" {
        status_of CapBnd
        assert_equal "$output" 00000000a80425fb
        status_of CapBnd --cap-add sys_admin --cap-add CAP_SYS_TIME --cap-drop mknod
        assert_equal "$output" 00000000a22425fb
        status_of CapEff --cap-drop ALL
        assert_equal "$output" 0000000000000000
        status_of CapEff --cap-drop all --cap-add chown --cap-add NET_BIND_SERVICE
        assert_equal "$output" 0000000000000401
        status_of CapBnd --cap-add ALL
        assert_equal "$output" "$(all_capabilities)"
        all=$output
        status_of CapBnd --cap-add ALL --cap-add NET_ADMIN --cap-drop NET_ADMIN
        assert_equal "$((0x$all - 0x$output))" $((1 << 12))
        status_of CapBnd --cap-drop CHOWN --cap-add CHOWN
        assert_equal "$output" 00000000a80425fb
        refused "unknown capability 'FLY'" --cap-add FLY busybox true
        refused "unknown capability ''" --cap-drop '' busybox true
}

@test "a user that is not root has no capability but in the bounding set" {
        require_subordinate_ids
        inside -u 1000 --cap-add SYS_ADMIN busybox grep Cap /proc/self/status
        assert_equal "$output" $'CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00000000a82425fb\nCapAmb:\t0000000000000000'
}

@test "--security-opt no-new-privileges in docker's spellings" {
        for spelling in no-new-privileges no-new-privileges=true no-new-privileges:true; do
                status_of NoNewPrivs --security-opt "$spelling"
                assert_equal "$output" 1
        done
        status_of NoNewPrivs --security-opt no-new-privileges=false
        assert_equal "$output" 0
        status_of Seccomp --security-opt no-new-privileges
        assert_equal "$output" 2
        refused 'invalid --security-opt "no-new-privileges=maybe"' --security-opt no-new-privileges=maybe busybox true
}

@test "--security-opt seccomp: builtin, unconfined, a profile of docker's form" {
        status_of Seccomp --security-opt seccomp=unconfined
        assert_equal "$output" 0
        status_of Seccomp --security-opt seccomp=builtin
        assert_equal "$output" 2
        cat >profile.json <<'END'
{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}],
 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
              {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_TIME"]}}]}
END
        inside --security-opt seccomp=profile.json busybox sh -c 'mkdir /x; chmod 700 /tmp || chmod 700 /root || echo chmod refused'
        [[ "$stderr" == *"can't create directory '/x': "*"upported"* ]]
        assert_equal "$output" 'chmod refused'
        inside --security-opt seccomp=profile.json --cap-add SYS_TIME busybox chmod 700 /root
        assert_status 0
        # The profile is a part of the container from then on.
        "$KELP" create --name box --network none --security-opt seccomp=profile.json busybox mkdir /x
        rm profile.json
        "$KELP" start box
        assert_equal "$("$KELP" wait box)" 1
        "$KELP" rm box
        refused 'read the profile "missing.json"' --security-opt seccomp=missing.json busybox true
        echo '{"defaultAction": "SCMP_ACT_MAYBE"}' >bad.json
        refused 'seccomp=bad.json' --security-opt seccomp=bad.json busybox true
        echo 'nonsense' >bad.json
        refused 'seccomp=bad.json' --security-opt seccomp=bad.json busybox true
}

@test "--security-opt label, apparmor: accepted where they ask for nothing, else why not" {
        inside --security-opt label=disable --security-opt apparmor=unconfined --security-opt label:disable busybox true
        assert_status 0
        refused 'kelp does not set SELinux labels' --security-opt label=type:x busybox true
        refused 'an unprivileged user cannot load an AppArmor profile' --security-opt apparmor=mine busybox true
        refused 'invalid --security-opt "nonsense"' --security-opt nonsense busybox true
}

@test "--security-opt systempaths, mask, unmask" {
        inside busybox sh -c 'cat /proc/timer_list | wc -c; grep -c " /proc" /proc/self/mountinfo'
        [ "${output%%$'\n'*}" = 0 ]
        inside --security-opt systempaths=unconfined busybox grep -c ' /proc' /proc/self/mountinfo
        assert_equal "$output" 1
        inside --cap-add NET_ADMIN --security-opt unmask=/proc/sys busybox sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward'
        assert_equal "$output" 1
        inside --cap-add NET_ADMIN busybox sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
        [ "$status" -ne 0 ]
        inside --security-opt mask=/etc/passwd:/root busybox sh -c 'wc -c </etc/passwd; ls -A /root; touch /root/x || echo read-only'
        assert_equal "$output" $'0\nread-only'
        refused 'is not an absolute path' --security-opt mask=etc busybox true
}

@test "--privileged: every capability of the user namespace, no filter, no masks, devices that the user may open" {
        inside --privileged busybox grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/self/status
        assert_equal "$output" "CapEff:"$'\t'"$(all_capabilities)"$'\nNoNewPrivs:\t0\nSeccomp:\t0'
        inside --privileged busybox sh -c 'mkdir /mnt && mount -t tmpfs x /mnt && touch /mnt/x && unshare -m true && grep -c " /proc/" /proc/self/mountinfo'
        assert_equal "$output" 0
        # still no root on the host
        inside --privileged busybox sh -c 'cat /proc/self/uid_map | head -n 1'
        read -r _ host _ <<<"$output"
        assert_equal "$host" "$(id -u)"
        inside --privileged busybox sh -c 'mount -o remount,rw /proc/sys 2>/dev/null; echo 1 >/proc/sys/vm/drop_caches'
        [ "$status" -ne 0 ]
        # Every node there is one that container root can open.
        inside --privileged busybox sh -c 'find /dev -xdev \( -type c -o -type b \) ! -name tty ! -name console | while read -r n; do [ -r "$n" ] && [ -w "$n" ] || echo "$n"; done'
        assert_equal "$output" ''
}

@test "--device: what the user may open; what not, and why" {
        inside --device /dev/null:/dev/own/zap busybox sh -c 'echo x >/dev/own/zap && stat -c "%F %t %T" /dev/own/zap'
        assert_equal "$output" 'character special file 1 3'
        inside --device /dev/zero:/dev/z:rwm --device /dev/full:rw busybox sh -c 'head -c 2 /dev/z | wc -c; ls /dev/full'
        assert_equal "$output" $'2\n/dev/full'
        closed=$(find /dev -maxdepth 1 \( -type c -o -type b \) -user root ! -perm -0006 ! -perm -0060 | head -n 1)
        [ -n "$closed" ]
        refused "the file mode of $closed" --device "$closed" busybox true
        refused '/dev/nothing: No such file' --device /dev/nothing busybox true
        refused '/etc/passwd is not a device' --device /etc/passwd busybox true
        refused 'less than rw needs the device controller' --device /dev/null:/dev/x:r busybox true
        refused 'letters of rwm' --device /dev/null:/dev/x:q busybox true
        refused 'the form is /dev/HOST' --device null busybox true
}

@test "--device: a folder brings those of its devices that the user may open" {
        run_kelp run --rm --network none --device /dev/pts busybox true
        # whether there is one of ours depends on the terminal of the tests
        [ "$status" -eq 0 ] || assert_contains 'the folder has no device that you may open'
        inside --device /dev:/host busybox sh -c 'ls /host | grep -x -e null -e zero; echo x >/host/null && echo written'
        assert_equal "$output" $'null\nzero\nwritten'
        mkdir empty
        refused 'the folder has no device that you may open' --device "$PWD/empty" busybox true
}

@test "--ulimit: soft and hard, unlimited, above one's own" {
        inside --ulimit nofile=100:200 --ulimit core=0 busybox sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
        assert_equal "$output" $'100\n200\n0'
        inside --ulimit stack=-1 busybox sh -c 'ulimit -s'
        assert_equal "$output" unlimited
        refused 'your own hard limit is' --ulimit nofile=9999999 busybox true
        refused 'unknown limit "files"' --ulimit files=1 busybox true
        refused 'the soft limit is above the hard limit' --ulimit nofile=2:1 busybox true
        refused 'is not a number' --ulimit nofile=many busybox true
        refused 'the form is NAME=SOFT' --ulimit nofile busybox true
}

@test "--oom-score-adj raises it; lowering is the host root's" {
        inside --oom-score-adj 567 busybox cat /proc/self/oom_score_adj
        assert_equal "$output" 567
        run_kelp run --rm --network none --oom-score-adj -500 busybox true
        assert_refused 'a plain user can only raise it'
        refused 'invalid --oom-score-adj "1001"' --oom-score-adj 1001 busybox true
}

@test "--sysctl: those of the container's own namespaces, others by name" {
        inside --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=12345 --sysctl fs.mqueue.msg_max=55 --sysctl net/core/somaxconn=99 busybox \
                cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max /proc/sys/net/core/somaxconn
        assert_equal "$output" $'1\n12345\n55\n99'
        for name in vm.swappiness kernel.hostname kernel.core_pattern fs.file-max net kernel.semaphore; do
                refused "\"$name\" belongs to the whole host" --sysctl "$name=1" busybox true
        done
        for text in 'net.ipv4.ip_forward' '=1' 'net.../../kernel/core_pattern=x' '/proc/sys/net=1' 'net.ipv4/../../vm/swappiness=1'; do
                refused 'the form is NAME=VALUE' --sysctl "$text" busybox true
        done
        run_kelp run --rm --network host --sysctl net.ipv4.ip_forward=1 busybox true
        assert_refused 'not allowed with --network host'
        refused 'not allowed with --ipc host' --ipc host --sysctl kernel.shmmax=1 busybox true
        run_kelp run --rm --network none --sysctl net.no.such.thing=1 busybox true
        assert_refused 'sysctl net.no.such.thing'
}

@test "--init: process 1 is kelp's, from memory; status and signals pass through it" {
        inside --init busybox sh -c 'cat /proc/1/comm; readlink /proc/1/exe; exit 3'
        assert_status 3
        [[ "$output" == *kelp-init*/memfd:kelp-init* ]]
        # An orphan is reaped.
        inside --init busybox sh -c '(sleep 0 & echo $! >/pid) ; until ! kill -0 "$(cat /pid)" 2>/dev/null; do :; done; echo reaped'
        assert_equal "$output" reaped
        "$KELP" run -d --init --name box --network none busybox sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done'
        "$KELP" stop box
        assert_equal "$("$KELP" wait box)" 9
        inside --init busybox no-such-command
        assert_status 127
}

@test "--group-add: numbers, names, twice the same; keep-groups" {
        require_subordinate_ids
        import_image groups '{}'
        inside --group-add 44 --group-add wheel --group-add 44 groups id -G
        assert_equal "$output" '0 10 44'
        inside -u alice --group-add video groups id -G
        assert_equal "$output" '1000 10 44'
        inside -u 1001:1002 --group-add 7 groups id -G
        assert_equal "$output" '1002 7'
        refused 'unable to find group nobodys' --group-add nobodys groups true
        refused 'range 0-2147483647' --group-add 4294967296 groups true
        refused 'cannot be combined' --group-add keep-groups --group-add 44 groups true
        inside --group-add keep-groups groups sh -c 'sed -n "s/^Groups:\t//p" /proc/self/status'
        assert_status 0
}
