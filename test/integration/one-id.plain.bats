# A user without subordinate ids: one id is mapped, which is said, and what can work does.

load harness

setup()
{
        kelp_setup
        if grep -q -e "^$(id -un):" -e "^$(id -u):" /etc/subuid /etc/subgid; then
                skip "this user has subordinate ids"
        fi
}

teardown()
{
        kelp_teardown
}

@test "it is said in one line what is lost and what brings it back, and the container runs" {
        inside busybox sh -c 'id -u; cat /proc/self/uid_map /proc/self/gid_map | tr -s " "'
        assert_status 0
        assert_equal "$output" $'0\n'" 0 $(id -u) 1"$'\n'" 0 $(id -g) 1"
        assert_equal "$(wc -l <<<"$stderr")" 1
        [[ "$stderr" == *'only one user id is available'*'/etc/subuid has no range for you'*"usermod --add-subuids"*"$(id -un)"* ]]
}

@test "files, volumes, binds, tmpfs, exec and the background" {
        mkdir data
        inside -v ./data:/in -v vol:/vol --tmpfs /t busybox sh -c 'echo one >/in/file; echo two >/vol/file; touch /t/x /etc/new; stat -c %u:%g /in/file /vol/file'
        assert_equal "$output" $'0:0\n0:0'
        [ -O data/file ]
        "$KELP" run -d --name box --network none -v vol:/vol busybox sleep 1000
        assert_equal "$("$KELP" exec box cat /vol/file)" two
        assert_equal "$("$KELP" exec box sh -c 'echo $(id -u)')" 0
        "$KELP" stop -t 0 box
        "$KELP" start box
        "$KELP" rm -f box
        inside -it busybox true </dev/null || true
        output=$(script -qec "'$KELP' run --rm --network none -t busybox tty" /dev/null </dev/null 2>&1 | tr -d '\r')
        [[ "$output" == */dev/pts/0* ]]
}

@test "owners of an image are kept as metadata; changing owners and groups inside does what one id allows" {
        make_rootfs root
        mkdir -p root/srv
        touch root/srv/file
        tar --numeric-owner --owner=0 --group=0 -C root -cf base.tar --exclude ./srv .
        tar --numeric-owner --owner=1000 --group=44 -C root -rf base.tar ./srv
        make_image oci latest '{}' base.tar
        sed -i 's|"org.opencontainers.image.ref.name": *"latest"|"io.containerd.image.name": "docker.io/library/owned:latest", &|' oci/index.json
        tar -C oci -cf image.tar .
        "$KELP" load -q -i image.tar
        grep -q '^1000 44 .*srv/file$' "$STORE"/layers/*/owners
        inside owned sh -c 'stat -c %u:%g /srv/file; touch /x; chown 0:0 /x && echo own; chown 1000 /x 2>/dev/null || echo refused; chmod 4755 /x && stat -c %a /x'
        assert_equal "$output" $'0:0\nown\nrefused\n4755'
}

@test "what needs another id says so, and what would help" {
        run_kelp run --rm --network none -u 1000 busybox true
        assert_refused 'this id is not mapped'
        assert_contains 'subordinate ids'
        run_kelp run --rm --network none -u nobody busybox true
        assert_refused 'this id is not mapped'
        run_kelp run --rm --network none --userns keep-id busybox true
        assert_refused 'keep-id needs subordinate ids beside your own'
        import_image user '{"User": "1001"}'
        run_kelp run --rm --network none user true
        assert_refused 'this id is not mapped'
        inside -u 0 user id -u
        assert_equal "$output" 0
}

@test "programs that drop groups, as apt does, go on" {
        mkdir probes
        gcc -static -O1 -x c -o probes/drop - <<'END'
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
        gid_t groups[1] = {0};
        printf("setgroups %d\n", setgroups(1, groups) < 0 ? errno : 0);
        printf("setuid %d\n", setuid(0) < 0 ? errno : 0);
        return 0;
}
END
        inside -v ./probes:/probes busybox /probes/drop
        assert_equal "$output" $'setgroups 1\nsetuid 0'
}

@test "it is on the default network, with the one id" {
        run_kelp_split run --rm busybox sh -c 'ip -o -4 addr show dev eth0; ping -c 1 -w 5 "$(ip route | sed -n "s/default via \([^ ]*\).*/\1/p")"'
        assert_status 0
        assert_contains "inet 172."
        assert_contains "1 packets received"
}
