# Where the kernel cannot put layers on top of each other: here because the store is on an overlay itself, as in a container.

load harness

setup()
{
        kelp_setup
        require_subordinate_ids
}

teardown()
{
        kelp_teardown
}

# A script in a user and mount namespace of this user's, with kelp's data on an overlay.
on_overlay()
{
        mkdir -p lower upper work merged
        run with_all_ids unshare -m sh -ec "mount -t overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work overlay merged
                export KELP_ROOT=$PWD/merged/store
                $1"
}

@test "the image is copied, which is said; what a container writes is kept with it" {
        on_overlay '
                "$KELP" run --rm --network none busybox sh -c "id -u; echo new >/etc/passwd; cat /etc/passwd; exit 3" || echo "status $?"
                "$KELP" run --rm --network none busybox head -n 1 /etc/passwd
                "$KELP" run -d --name box --network none -v vol:/etc busybox sleep 1000 >/dev/null
                "$KELP" exec box sh -c "echo kept >/file; ls /etc/passwd"
                "$KELP" stop -t 0 box >/dev/null
                "$KELP" start box >/dev/null
                "$KELP" exec box cat /file
                "$KELP" rm -f box >/dev/null
                "$KELP" run --rm --network none --read-only -u nobody busybox sh -c "touch /x || echo refused"
                ls -A $KELP_ROOT/containers'
        said=$(grep -c 'overlay mounts are not to be had here (Invalid argument)' <<<"$output")
        [ "$said" -ge 4 ]
        assert_equal "$(grep -v -e 'overlay mounts' -e "can't" -e 'touch:' <<<"$output")" \
                $'0\nnew\nstatus 3\nroot:x:0:0:root:/root:/bin/sh\n/etc/passwd\nkept\nrefused'
}

@test "the copy is what the layers mean together: whiteouts, opaque folders, owners, links" {
        make_rootfs root
        mkdir -p root/a/b root/c root/d
        touch root/a/gone root/a/b/hidden root/c/old
        echo one >root/d/one
        ln root/d/one root/d/two
        tar --numeric-owner --owner=1000 --group=44 -C root -cf base.tar .
        mkdir -p top/a top/c/new top/d
        touch top/a/.wh.gone top/a/.wh.b top/c/.wh..wh..opq
        ln -s ../etc top/d/one
        tar --numeric-owner --owner=0 --group=0 -C top -cf top.tar .
        make_image oci latest '{}' base.tar top.tar
        sed -i 's|"org.opencontainers.image.ref.name": *"latest"|"io.containerd.image.name": "docker.io/library/two:latest", &|' oci/index.json
        tar -C oci -cf image.tar .
        list='cd /; ls -A a c d; stat -c "%u:%g %a" bin/busybox d/two d; readlink d/one; cat d/two'
        "$KELP" load -q -i image.tar
        run_kelp_split run --rm --network none two sh -c "$list"
        expected=$output
        on_overlay "\"\$KELP\" load -q -i image.tar >/dev/null; \"\$KELP\" run --rm --network none two sh -c '$list' 2>/dev/null"
        assert_equal "$output" "$expected"
        [[ "$output" == *'1000:44'* && "$output" == *../etc* ]]
}
