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

@test "--network: bridge by default; none; host; another container's" {
        run_kelp_split run --rm busybox sh -c 'ls /sys/class/net; grep -c "[0-9]" /proc/net/route'
        assert_equal "$output" $'eth0\nlo\n2'
        assert_equal "$stderr" ''
        inside busybox sh -c 'ls /sys/class/net; wc -l </proc/net/route; cat /etc/resolv.conf'
        assert_equal "$output" $'lo\n1'
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
        refused 'network bridge7 not found' --network bridge7 busybox true
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

@test "--userns keep-id: the user is himself inside, the image's root is not he" {
        require_subordinate_ids
        mkdir data
        echo mine >data/mine
        inside --userns keep-id -v ./data:/data busybox sh -c 'id -u; id -g; stat -c %u:%g /data/mine /bin/busybox /; echo new >/data/new; touch /x 2>/dev/null || echo refused'
        assert_equal "$output" "$(id -u)"$'\n'"$(id -g)"$'\n'"$(id -u):$(id -g)"$'\n0:0\n0:0\nrefused'
        [[ "$stderr" == *'copied for this map of ids'* ]]
        assert_equal "$(stat -c %u:%g data/new)" "$(id -u):$(id -g)"
        # once
        inside --userns keep-id -u 0 busybox sh -c 'touch /x && stat -c %u /x; cat /proc/self/uid_map | wc -l'
        assert_equal "$output" $'0\n3'
        assert_equal "$stderr" ''
        inside --userns keep-id:uid=1500,gid=1600 -v ./data:/data busybox sh -c 'id -u; id -g; stat -c %u:%g /data/mine'
        assert_equal "$output" $'1500\n1600\n1500:1600'
        for text in keep-id:uid=x keep-id:name=x keep-id:uid=-1 keep-id:uid=4294967296; do
                refused "invalid --userns \"$text\"" --network none --userns "$text" busybox true
        done
}

@test "--userns keep-id: the user has a name and a home inside, whatever the image has as /etc/passwd" {
        require_subordinate_ids
        inside --userns keep-id -w /work busybox sh -c 'whoami; echo $HOME; tail -n 1 /etc/passwd; stat -c %u:%a /etc/passwd'
        assert_equal "$output" "$(id -un)"$'\n/work\n'"$(id -un):*:$(id -u):$(id -g)::/work:/bin/sh"$'\n0:644'
        inside --userns keep-id:uid=1500,gid=1600 --read-only busybox whoami
        assert_equal "$output" "$(id -un)"
        inside --userns keep-id -u 0 busybox grep -c "$(id -un)" /etc/passwd
        assert_equal "$output" 0
        # files of the host are left as they are, mounted there or linked to
        echo 'root:x:0:0::/:/bin/sh' >mine
        inside --userns keep-id -v ./mine:/etc/passwd busybox true
        assert_equal "$(cat mine)" 'root:x:0:0::/:/bin/sh'
        # a second start does not add a second line
        "$KELP" create --name box --network none --userns keep-id busybox grep -c "$(id -un)" /etc/passwd
        for _ in 1 2; do
                "$KELP" start box
                "$KELP" wait box
        done
        assert_equal "$("$KELP" logs box)" $'1\n1'
        make_rootfs root
        ln -sf /mine root/etc/passwd
        tar --owner=0 --group=0 --numeric-owner -C root -cf link.tar .
        make_image oci-link latest '{}' link.tar
        sed -i 's|"org.opencontainers.image.ref.name": *"latest"|"io.containerd.image.name": "docker.io/library/link:latest", &|' oci-link/index.json
        tar -C oci-link -cf image.tar .
        "$KELP" load -q -i image.tar
        inside --userns keep-id -v ./mine:/mine link true
        assert_status 0
        assert_equal "$(cat mine)" 'root:x:0:0::/:/bin/sh'
        rm root/etc/passwd
        mkfifo root/etc/passwd
        tar --owner=0 --group=0 --numeric-owner -C root -cf fifo.tar .
        make_image oci latest '{}' fifo.tar
        sed -i 's|"org.opencontainers.image.ref.name": *"latest"|"io.containerd.image.name": "docker.io/library/fifo:latest", &|' oci/index.json
        tar -C oci -cf image.tar .
        "$KELP" load -q -i image.tar
        run timeout -k 1 20 "$KELP" run --rm --network none --userns keep-id fifo sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' /proc/self/status
        assert_contains "$(id -u)"
        assert_status 0
}

@test "--userns keep-id: USER of the image, set-user-id, owners, links and capabilities in copied layers, volumes, exec" {
        require_subordinate_ids
        make_rootfs root
        mkdir -p root/srv
        echo one >root/srv/one
        ln root/srv/one root/srv/two
        ln -s one root/srv/link
        mkfifo root/srv/fifo
        cp /bin/busybox root/bin/suid
        chmod 4755 root/bin/suid
        tar --numeric-owner --owner=0 --group=0 -C root -cf base.tar --exclude ./srv .
        tar --numeric-owner --owner=1000 --group=44 -C root -rf base.tar ./srv
        mkdir upper
        touch upper/.wh.passwd
        mkdir upper/etc
        mv upper/.wh.passwd upper/etc/
        tar --numeric-owner --owner=0 --group=0 -C upper -cf upper.tar ./etc/.wh.passwd
        make_image oci latest '{}' base.tar upper.tar
        sed -i 's|"org.opencontainers.image.ref.name": *"latest"|"io.containerd.image.name": "docker.io/library/two:latest", &|' oci/index.json
        tar -C oci -cf image.tar .
        "$KELP" load -q -i image.tar
        inside --userns keep-id -u 0 two sh -c 'stat -c "%u:%g %a %h %F" /srv /srv/one /srv/two /srv/fifo; readlink /srv/link; ls /etc/passwd 2>/dev/null; stat -c "%u %a" /bin/suid'
        assert_equal "$output" $'1000:44 755 2 directory\n1000:44 644 2 regular file\n1000:44 644 2 regular file\n1000:44 644 1 fifo\none\n0 4755'
        # the image's USER, where it has one
        make_busybox_image oci2 '{"User": "1000:44"}'
        sed -i 's|"org.opencontainers.image.ref.name": *"latest"|"io.containerd.image.name": "docker.io/library/who:latest", &|' oci2/index.json
        tar -C oci2 -cf image.tar .
        "$KELP" load -q -i image.tar
        inside --userns keep-id who sh -c 'id -u; id -g'
        assert_equal "$output" $'1000\n44'
        "$KELP" run -d --name box --network none --userns keep-id -v vol:/vol busybox sleep 1000
        assert_equal "$("$KELP" exec box id -u)" "$(id -u)"
        assert_equal "$("$KELP" exec -u 0 box sh -c 'id -u; touch /made && stat -c %u /made')" $'0\n0'
        "$KELP" stop -t 0 box
        "$KELP" start box
        assert_equal "$("$KELP" exec -u 0 box stat -c %u /made)" 0
        "$KELP" rm -f box
        "$KELP" create --name other two true
        run_kelp run --rm --network none --userns keep-id --pid container:other busybox true
        assert_status 125
        assert_contains 'conflicting options: --userns keep-id'
}
