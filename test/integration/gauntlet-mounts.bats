# G28: what a bind brings in keeps the flags that the host gave it, and mounts do not travel between host and container.

load harness
load gauntlet

setup()
{
        kelp_setup
        canary_setup
}

teardown()
{
        kelp_teardown
}

@test "a bind keeps nosuid, nodev, noexec and ro of the host, for the mounts below it too" {
        require_subordinate_ids
        inside busybox true
        mkdir -p data
        run with_all_ids unshare -m sh -ec '
                mount -t tmpfs -o nosuid,nodev,noexec top data
                mkdir data/below
                mount -t tmpfs -o nosuid,nodev,ro below data/below
                export KELP_ROOT=$PWD/nested
                "$KELP" run --rm --network none -v ./data:/in busybox sh -c "grep \" /in\" /proc/self/mounts | cut -d\" \" -f 2,4 | cut -d, -f 1-4; touch /in/below/x || echo kept"
                "$KELP" run --rm --network none --privileged -v ./data:/in busybox sh -c "mount -o remount,bind,rw /in/below; mount -o remount,bind,exec,suid,dev /in; touch /in/below/x || echo kept"
                rm -rf nested' 2>&1
        assert_contains '/in rw,nosuid,nodev,noexec'
        assert_contains '/in/below ro,nosuid,nodev'
        assert_equal "$(grep -c '^kept$' <<<"$output")" 2
}

@test "mounts of a container are seen by nobody on the host, nor by another container of one volume" {
        mkdir data
        before=$(cat /proc/self/mountinfo)
        "$KELP" run -d --name one --network none --privileged -v ./data:/in -v shared:/vol busybox sleep 1000
        "$KELP" run -d --name two --network none -v ./data:/in -v shared:/vol busybox sleep 1000
        "$KELP" exec --privileged one sh -c 'mount -t tmpfs x /in && mount -t tmpfs x /vol && touch /in/inside /vol/inside'
        assert_equal "$(cat /proc/self/mountinfo)" "$before"
        assert_equal "$(ls -A data)" ''
        assert_equal "$("$KELP" exec two ls -A /in /vol)" $'/in:\n\n/vol:'
        # No mount of a container's is a peer or a receiver of the host's.
        assert_equal "$("$KELP" exec two grep -c -e 'shared:' -e 'master:' /proc/self/mountinfo)" 0
}

@test "a container's root has nothing of the host's tree left" {
        inside --privileged busybox sh -c 'cut -d" " -f 5 /proc/self/mountinfo | sort | uniq -d; cat /proc/1/mountinfo | cut -d" " -f 4 | grep -v -e "^/$" -e /hostname -e /hosts -e /resolv.conf -e "^/[a-z0-9]*$" | head'
        assert_equal "$output" ''
        # the old root cannot be reached by going up, nor by a second chroot
        inside --privileged busybox sh -c 'mkdir /jail; cd /; chroot /jail true 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9; do cd ..; done; ls -d ./etc/hostname; umount -l / 2>/dev/null; ls -d /tmp/kelp-bats* 2>/dev/null'
        assert_equal "$output" ./etc/hostname
}

@test "volumes and --mount sources are taken as they are named: a link inside a volume leads nowhere" {
        inside -v vol:/in busybox sh -c "ln -s '$CANARY/folder' /in/link; ln -s /proc/self/root /in/magic"
        inside -v vol:/in busybox sh -c 'ls /in/link/below 2>/dev/null || echo nothing'
        assert_equal "$output" nothing
        run_kelp run --rm --network none --mount type=volume,source=vol,target=/x,volume-subpath=link busybox ls /x
        assert_status 125
        run_kelp run --rm --network none --mount type=volume,source=vol,target=/x,volume-subpath=magic busybox ls /x
        assert_status 125
        canary_check
}
