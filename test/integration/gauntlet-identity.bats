# G08 and G09: capabilities, and who a container runs as: what an image says about it is read as hostile text.

load harness
load gauntlet

setup()
{
        kelp_setup
        require_subordinate_ids
        make_rootfs root
}

teardown()
{
        kelp_teardown
}

caps='grep -E "Cap(Inh|Prm|Eff|Bnd|Amb)" /proc/self/status | cut -f 2 | tr "\n" " "'

@test "capabilities: nothing inheritable or ambient, for run and exec, root or not" {
        image_from base root
        inside base sh -c "$caps"
        assert_equal "$output" '0000000000000000 00000000a80425fb 00000000a80425fb 00000000a80425fb 0000000000000000 '
        inside -u alice base sh -c "$caps"
        assert_equal "$output" '0000000000000000 0000000000000000 0000000000000000 00000000a80425fb 0000000000000000 '
        "$KELP" run -d --network none --name box --cap-drop NET_RAW base sleep 1000
        assert_equal "$("$KELP" exec box sh -c "$caps")" '0000000000000000 00000000a80405fb 00000000a80405fb 00000000a80405fb 0000000000000000 '
        assert_equal "$("$KELP" exec -u 1000 box sh -c "$caps")" '0000000000000000 0000000000000000 0000000000000000 00000000a80405fb 0000000000000000 '
        assert_equal "$("$KELP" exec --privileged box sh -c "$caps" | cut -d' ' -f 1,5)" '0000000000000000 0000000000000000'
        assert_equal "$("$KELP" exec -u 1000 --privileged box sh -c "$caps" | cut -d' ' -f 1-3,5)" '0000000000000000 0000000000000000 0000000000000000 0000000000000000'
}

@test "a file capability gives no more than the bounding set, and nothing under no-new-privileges" {
        probe caps <<'END'
#include <stdio.h>
#include <string.h>
int main(void)
{
        char line[256];
        FILE *file = fopen("/proc/self/status", "r");
        while (fgets(line, sizeof(line), file))
                if (!strncmp(line, "CapEff:", 7) || !strncmp(line, "CapPrm:", 7))
                        fputs(line, stdout);
        return 0;
}
END
        cp probes/caps root/bin/caps
        probe setcap <<'END'
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>
int main(int argc, char **argv)
{
        unsigned set = (unsigned)strtoul(argv[2], NULL, 16);
        struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data = {{set, 0}}};
        if (setxattr(argv[1], "security.capability", &data, sizeof(data), 0) < 0)
                perror("setxattr");
        return 0;
}
END
        cp probes/setcap root/bin/setcap
        image_from caps root
        # cap_net_raw is in docker's set, cap_sys_admin is not: a file with both cannot be executed then
        inside caps sh -c 'setcap /bin/caps 2000; su alice -c caps'
        assert_equal "$output" $'CapPrm:\t0000000000002000\nCapEff:\t0000000000002000'
        inside caps sh -c 'setcap /bin/caps 202000; su alice -c caps || echo refused'
        assert_equal "$output" refused
        inside --cap-drop NET_RAW caps sh -c 'setcap /bin/caps 2000; su alice -c caps || echo refused'
        assert_equal "$output" refused
        inside --security-opt no-new-privileges caps sh -c 'setcap /bin/caps 2000; su alice -c caps'
        assert_equal "$output" $'CapPrm:\t0000000000000000\nCapEff:\t0000000000000000'
}

@test "a USER string: names, numbers, and what is neither" {
        printf '%s\n' root:x:0:0::/root:/bin/sh 1234:x:5:6::/five:/bin/sh with-dash:x:7:8::/:/bin/sh same:x:1000:77::/: dup:x:9:9:: dup:x:10:10:: \
                bad:x:notanumber:1:: huge:x:4294967296:1:: minus:x:-1:1:: :x:11:11:: >root/etc/passwd
        printf '%s\n' root:x:0: 4321:x:12: staff:x:50:with-dash,other bad:x:x: >root/etc/group
        image_from users root
        check_user()
        {
                inside -u "$1" users sh -c 'echo $(id -u):$(id -g) $(id -G) 2>/dev/null'
                assert_equal "$1 is $output" "$1 is $2"
                # the same by exec
                assert_equal "$1 is $("$KELP" exec -u "$1" box sh -c 'echo $(id -u):$(id -g) $(id -G)' 2>/dev/null)" "$1 is $2"
        }
        refuse_user()
        {
                run_kelp run --rm --network none -u "$1" users id
                assert_status 125
                assert_contains "$2"
                run_kelp exec -u "$1" box id
                assert_status 125
                assert_contains "$2"
        }
        "$KELP" run -d --network none --name box users sleep 1000
        check_user '' '0:0 0'
        check_user 0 '0:0 0'
        check_user 00 '0:0 0'
        check_user 1: '1:0 0'
        check_user :1 '0:1 1'
        check_user root '0:0 0'
        check_user 1234 '1234:0 0' # a number is never a name
        check_user 0:4321 '0:4321 4321'
        check_user with-dash '7:8 8 50'
        check_user with-dash:staff '7:50 50'
        check_user 7 '7:8 8 50'
        check_user 1000 '1000:77 77'
        check_user dup '9:9 9'
        check_user 60000:60001 '60000:60001 60001'
        for bad in +1 -1 1e3 ' 0' '0 ' $'0\n' nobody-has with:no-group 'with:name:x' bad minus '1:-1' 0x0 'ro*t' root:bad; do
                refuse_user "$bad" 'unable to find'
        done
        for bad in 4294967295 4294967296 2147483648 99999999999999999999 0:2147483648 huge; do
                refuse_user "$bad" 'range 0-2147483647'
        done
        refuse_user 1000000 'this id is not mapped'
}

@test "an image's USER, its name in messages, HOME and supplementary groups" {
        image_from named root '{"User": "alice"}'
        inside named sh -c 'echo $(id -u):$(id -g) $(id -G) $HOME'
        assert_equal "$output" '1000:1000 1000 10 /home/alice'
        image_from numbered root '{"User": "1001"}'
        inside numbered sh -c 'echo $(id -u):$(id -g) $HOME; cd / && touch x 2>/dev/null || echo refused'
        assert_equal "$output" $'1001:0 /\nrefused'
        image_from nobody root '{"User": "not-there"}'
        run_kelp run --rm --network none nobody true
        assert_refused 'unable to find user not-there'
        inside -u 0 nobody id -u
        assert_equal "$output" 0
        inside -e HOME=/mine named sh -c 'echo $HOME'
        assert_equal "$output" /mine
}

@test "passwd and group as links, FIFOs, folders, of a gigabyte, of one line: bounded, no hang" {
        check_file()
        {
                image_from odd root
                status=0
                # not id(1), which would read them itself
                output=$(timeout -k 1 20 "$KELP" run --rm --network none -u "${2:-0}" odd \
                        sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' /proc/self/status 2>&1) || status=$?
                echo "$1: $status $output"
                case $status in
                0) [ "$output" = "${2:-0}" ] ;;
                125) [[ "$output" == kelp:* ]] ;;
                *) false ;;
                esac
        }
        rm root/etc/passwd
        check_file missing 1000
        ln -s /etc/shadow root/etc/passwd
        check_file 'link to nothing' 1000
        ln -sf "$KELP_TEST_DIR/passwd" root/etc/passwd
        echo evil:x:0:0:: >passwd
        check_file 'link to the host' 1000
        rm root/etc/passwd
        mkfifo root/etc/passwd
        check_file FIFO 1000
        rm root/etc/passwd
        mkdir root/etc/passwd
        check_file folder 1000
        rmdir root/etc/passwd
        truncate -s 1G root/etc/passwd
        image_from sparse root
        # what is counted is the memory of kelp and of what it starts
        run python3 -c '
import resource, subprocess, sys
r = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, text=True)
print(r.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 64 * 1024, r.stdout[:60])' \
                "$KELP" run --rm --network none sparse true
        [[ "$output" == '125 True kelp: /etc/passwd of the image'* ]]
        rm root/etc/passwd
        head -c 3000000 /dev/zero | tr '\0' x >root/etc/passwd
        printf '\nalice:x:1000:1000::/home/alice:\n' >>root/etc/passwd
        check_file 'one line of 3 MB' 1000
        rm root/etc/group
        mkfifo root/etc/group
        check_file 'FIFO as group' 1000
}

@test "a group whose members have less is not dropped by setgroups in a map of subordinate ids" {
        # A file that others may read but the group of the file may not: only a process without that group can.
        image_from base root
        inside -u 1000:1000 --group-add 44 base sh -c 'id -G'
        assert_equal "$output" '1000 44'
        inside -u 0 base sh -c 'echo x >/f; chown 0:44 /f; chmod 604 /f; su alice -c "cat /f"; id -G'
        assert_equal "$output" $'x\n0'
}

@test "set-user-id programs and su work; not under no-new-privileges" {
        cp /bin/busybox root/bin/suid
        chmod 4755 root/bin/suid
        image_from suid root
        inside -u alice suid suid id -u
        # busybox gives it up for applets that need none; `su` needs it
        ln -s suid root/bin/su2
        inside -u alice suid sh -c 'stat -c %a /bin/suid; grep NoNewPrivs /proc/self/status'
        assert_equal "$output" $'4755\nNoNewPrivs:\t0'
        probe show <<'END'
#include <stdio.h>
#include <unistd.h>
int main(void)
{
        printf("%d %d\n", getuid(), geteuid());
        return 0;
}
END
        cp probes/show root/bin/show
        chmod 4755 root/bin/show
        image_from show root
        inside -u alice show show
        assert_equal "$output" '1000 0'
        inside -u alice --security-opt no-new-privileges show show
        assert_equal "$output" '1000 1000'
        "$KELP" run -d --name box --network none show sleep 1000
        assert_equal "$("$KELP" exec -u alice box show)" '1000 0'
        # It is no set-user-id file for anybody on the host: nobody else can even come to it.
        for file in $(find "$STORE/layers" -name show -perm -4000); do
                assert_equal "$(stat -c %a "$STORE")" 700
                [ "$(stat -c %u "$file")" -ne 0 ]
        done
}
