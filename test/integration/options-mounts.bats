# -v, --mount, --tmpfs, --volumes-from and an image's VOLUME.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# The mount options of a path as a container has it, in order: $1 of "kelp run" options that follow.
options_of()
{
        local path=$1
        shift
        inside "$@" busybox sh -c "grep ' $path ' /proc/self/mounts | cut -d' ' -f4"
}

@test "-v: absolute and relative folders, files, read-only with all below it" {
        mkdir -p data/below
        echo content >data/file
        inside -v ./data:/in busybox cat /in/file
        assert_equal "$output" content
        inside -v "$PWD/data/file:/etc/one:ro" busybox sh -c 'cat /etc/one; echo x >/etc/one || echo kept'
        assert_equal "$output" $'content\nkept'
        inside -v ./data/../data:/in:ro busybox sh -c 'touch /in/x /in/below/x || echo refused'
        assert_equal "$output" refused
        [ ! -e data/x ]
        # outer folders first, whatever the order
        mkdir inner
        inside -v ./inner:/in/below -v ./data:/in busybox touch /in/below/made
        [ -e inner/made ]
}

@test "-v: a folder of the host that is missing is made, as the user; --mount does not" {
        inside -v ./made/by/kelp:/in busybox touch /in/file
        assert_status 0
        [ -O made/by/kelp/file ]
        assert_equal "$(stat -c '%U %a' made/by)" "$(id -un) 755"
        refused 'bind mount source /proc/none does not exist, and making it failed' -v /proc/none:/in busybox true
        refused "bind mount source does not exist: $PWD/missing" --mount type=bind,source=./missing,target=/in busybox true
        [ ! -e missing ]
        # Nothing is made for a command line that is refused for another reason.
        refused 'unknown capability' -v ./other:/in --cap-add NOPE busybox true
        [ ! -e other ]
}

@test "-v: propagation, z, Z, and flags" {
        mkdir data
        inside -v ./data:/in:z,rslave busybox grep -c ' /in ' /proc/self/mountinfo
        assert_equal "$output" 1
        inside -v ./data:/in:Z,rshared busybox sh -c 'grep " /in " /proc/self/mountinfo | grep -c shared:'
        assert_equal "$output" 1
        inside -v ./data:/in busybox sh -c 'grep " /in " /proc/self/mountinfo | grep -c -e shared: -e master:'
        assert_equal "$output" 0
        options_of /in -v ./data:/in:noexec,nosuid,nodev
        [[ ",$output," == *,nosuid,* && ",$output," == *,nodev,* && ",$output," == *,noexec,* ]]
        refused 'unknown option "sometimes"' -v ./data:/in:sometimes busybox true
        refused '"U" (change the owner of the source)' -v ./data:/in:U busybox true
}

@test "-v: malformed ones name the part that is wrong" {
        refused 'the path inside the container, "in", is not absolute' -v /tmp:in busybox true
        refused "the destination cannot be '/'" -v /tmp:/ busybox true
        refused "the destination cannot be '/'" -v /tmp:/x/.. busybox true
        refused 'too many colons' -v /a:/b:ro:x busybox true
        refused 'the source is empty' -v :/b busybox true
        refused '"a/b" is not a volume name' -v a/b:/in busybox true
        refused '"-x" is not a volume name' -v -x:/in busybox true
        refused 'Duplicate mount point: /in' -v /tmp:/in -v /var:/in/ busybox true
}

@test "-v: volumes with a name stay, without one they go with --rm" {
        inside -v things:/in busybox sh -c 'echo kept >/in/file'
        inside -v things:/in:ro busybox sh -c 'cat /in/file; touch /in/x || echo refused'
        assert_equal "$output" $'kept\nrefused'
        inside -v /in busybox touch /in/file
        assert_status 0
        assert_equal "$(ls "$STORE/volumes")" things
        "$KELP" create --name box -v /in busybox true
        assert_equal "$(ls "$STORE/volumes" | wc -l)" 2
        "$KELP" rm -v box
        assert_equal "$(ls "$STORE/volumes")" things
}

@test "an image's VOLUME is filled with the owners and modes of the image, and removed with --rm" {
        require_subordinate_ids
        make_rootfs root
        mkdir -p root/srv/data
        echo one >root/srv/data/file
        ln -s file root/srv/data/link
        chmod 750 root/srv/data
        tar --numeric-owner -C root -cf root.tar --exclude ./srv .
        tar --numeric-owner --owner=1000 --group=44 -C root -rf root.tar ./srv
        make_image oci latest '{"Volumes": {"/srv/data": {}, "/new/one": {}}}' root.tar
        sed -i 's|"org.opencontainers.image.ref.name": *"latest"|"io.containerd.image.name": "docker.io/library/vol:latest", &|' oci/index.json
        tar -C oci -cf image.tar .
        "$KELP" load -q -i image.tar
        inside vol sh -c 'stat -c "%u %g %a %F" /srv/data /srv/data/file /new/one; cat /srv/data/link; grep -c " /srv/data " /proc/self/mountinfo'
        assert_equal "$output" $'1000 44 750 directory\n1000 44 644 regular file\n0 0 755 directory\none\n1'
        assert_equal "$(ls "$STORE/volumes")" ''
        # A volume that has content is left as it is.
        inside -v mine:/srv/data vol sh -c 'rm /srv/data/link; echo two >/srv/data/file'
        inside -v mine:/srv/data vol sh -c 'ls /srv/data; cat /srv/data/file'
        assert_equal "$output" $'file\ntwo'
        inside -v empty:/srv/data:nocopy vol ls -A /srv/data
        assert_equal "$output" ''
        # A mount of the user's takes the image's place.
        mkdir host
        inside -v ./host:/srv/data vol ls -A /srv/data
        assert_equal "$output" ''
        assert_equal "$(ls "$STORE/volumes")" $'empty\nmine'
}

@test "--mount type=bind: all keys" {
        mkdir -p data
        inside --mount 'type=bind,src=./data,dst=/in,readonly,bind-propagation=rslave' busybox touch /in/x
        [ "$status" -ne 0 ]
        inside --mount '"type=bind","source=./data","target=/with,comma"' busybox touch /with,comma/x
        assert_status 0
        inside --mount type=bind,source=./data,destination=/in,ro=false,bind-recursive=disabled busybox touch /in/y
        assert_status 0
        inside --mount type=bind,source=./data,target=/in,bind-nonrecursive,consistency=cached busybox ls /in
        assert_equal "$output" $'x\ny'
        refused 'target is required' --mount type=bind,source=/tmp busybox true
        refused 'a bind mount needs a source' --mount type=bind,target=/in busybox true
        refused 'unknown type "image"' --mount type=image,target=/in busybox true
        refused 'unknown propagation "up"' --mount type=bind,source=/tmp,target=/in,bind-propagation=up busybox true
        refused 'did you mean "readonly"' --mount type=bind,source=/tmp,target=/in,readonyl busybox true
        refused 'cannot be combined with this mount type' --mount type=bind,source=/tmp,target=/in,tmpfs-size=1 busybox true
        refused 'a quote is not closed' --mount '"type=bind' busybox true
        refused 'readonly=maybe is neither true nor false' --mount type=bind,source=/tmp,target=/in,readonly=maybe busybox true
}

@test "--mount: a read-only bind is so for the mounts below it, unless asked otherwise" {
        # A mount below a folder is made in a user and mount namespace, where kelp then runs too.
        require_subordinate_ids
        inside busybox true
        mkdir -p data/below
        run with_all_ids unshare -m sh -ec '
                mount -t tmpfs below data/below
                export KELP_ROOT=$PWD/nested
                for how in readonly readonly,bind-recursive=writable; do
                        "$KELP" run --rm --network none --mount type=bind,source=./data,target=/in,$how busybox \
                                sh -c "touch /in/below/x 2>/dev/null && echo written || echo refused" 2>/dev/null
                done
                # What the kernel has locked together for a user namespace cannot be taken apart.
                "$KELP" run --rm --network none --mount type=bind,source=./data,target=/in,bind-recursive=disabled busybox \
                        true 2>&1 | grep -o "may not leave out"
                rm -rf nested'
        assert_equal "$output" $'refused\nwritten\nmay not leave out'
}

@test "--mount type=volume: a part of it, never what lies outside" {
        inside --mount type=volume,source=vol,target=/in busybox sh -c 'mkdir -p /in/a/b; echo part >/in/a/b/file; ln -s /etc /in/out; ln -s ../../.. /in/up'
        inside --mount type=volume,source=vol,target=/part,volume-subpath=a/b busybox cat /part/file
        assert_equal "$output" part
        inside --mount type=volume,source=vol,target=/part,volume-subpath=a/b/file busybox cat /part
        assert_equal "$output" part
        refused 'there is no nothing in the volume' --mount type=volume,source=vol,target=/part,volume-subpath=nothing busybox true
        refused 'leads out of the volume' --mount type=volume,source=vol,target=/part,volume-subpath=out busybox true
        refused 'leads out of the volume' --mount type=volume,source=vol,target=/part,volume-subpath=up busybox true
        refused 'must be a relative path within the volume' --mount type=volume,source=vol,target=/part,volume-subpath=../x busybox true
        refused 'must be a relative path within the volume' --mount type=volume,source=vol,target=/part,volume-subpath=/a busybox true
        refused 'volume-subpath needs a source' --mount type=volume,target=/part,volume-subpath=a busybox true
        inside --mount type=volume,source=fresh,target=/etc,volume-nocopy busybox ls /etc
        assert_equal "$output" $'hostname\nhosts\nresolv.conf'
        refused 'kelp has no daemon and so no volume plugins' --mount type=volume,source=vol,target=/in,volume-driver=nfs busybox true
}

@test "--tmpfs and --mount type=tmpfs: docker's flags, size, mode, owner" {
        options_of /t --tmpfs /t
        [[ ",$output," == *,rw,nosuid,nodev,noexec,* ]]
        inside --tmpfs /t busybox stat -c '%a %u %F' /t
        assert_equal "$output" '1777 0 directory'
        inside --tmpfs /t:exec,size=2m,mode=0710,uid=5,gid=6 busybox sh -c 'stat -c "%a %u %g" /t; df -k /t | tail -n 1 | awk "{ print \$2 }"; grep " /t " /proc/self/mounts | grep -c noexec'
        assert_equal "$output" $'710 5 6\n2048\n0'
        inside --tmpfs /t:ro busybox touch /t/x
        [ "$status" -ne 0 ]
        inside --mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=0700 busybox sh -c 'stat -c %a /t; df -k /t | tail -n 1 | awk "{ print \$2 }"'
        assert_equal "$output" $'700\n1024'
        refused 'unknown option "bogus"' --tmpfs /t:bogus busybox true
        refused 'tmpfs-size "many" is not a size' --mount type=tmpfs,target=/t,tmpfs-size=many busybox true
        refused 'is not an octal mode' --mount type=tmpfs,target=/t,tmpfs-mode=9 busybox true
        refused 'cannot be combined' --mount type=tmpfs,source=x,target=/t busybox true
}

@test "--volumes-from: volumes and binds of another container, read-only when asked" {
        mkdir data
        "$KELP" create --name first -v things:/vol -v ./data:/bind --tmpfs /tmpfs busybox true
        inside --volumes-from first busybox sh -c 'touch /vol/x /bind/x; [ -e /tmpfs ] || echo none'
        assert_equal "$output" none
        [ -e data/x ]
        inside --volumes-from first:ro busybox sh -c 'touch /vol/y /bind/y || ls /vol'
        assert_equal "$output" x
        run_kelp run --rm --network none --volumes-from nobody busybox true
        assert_status 125
        assert_contains 'No such container: nobody'
        run_kelp run --rm --network none --volumes-from first:maybe busybox true
        assert_status 125
        assert_contains 'the mode is ro or rw'
}

@test "--read-only: the root, not the volumes, not /dev/shm" {
        inside --read-only -v things:/vol --tmpfs /run busybox \
                sh -c 'touch /vol/x /run/x /dev/shm/x && ! touch /x 2>/dev/null && ! touch /etc/hosts 2>/dev/null && echo fine'
        assert_equal "$output" fine
}
