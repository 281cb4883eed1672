# What the tests with root's container engines share: servers of their own, with all that they keep below a fresh folder, which
# are ended by their pids.
#
# shellcheck shell=bash

: "${KELP_BUILD:=$(cd "${BATS_TEST_DIRNAME:?}/../.." && pwd)/build}"
# shellcheck disable=SC2034 # for the tests
RUNTIME=$KELP_BUILD/kelp-runtime

callers_setup()
{
        local program
        for program in "$@"; do
                command -v "$program" >/dev/null || {
                        echo "$program is missing: tools/install-deps check" >&2
                        return 1
                }
        done
        WORK=$(mktemp -d /tmp/kelp-callers.XXXXXX)
        chmod 755 "$WORK"
        SERVERS=()
        mkdir -p "$WORK/rootfs/bin" "$WORK/rootfs/etc" "$WORK/rootfs/tmp" "$WORK/rootfs/proc" "$WORK/rootfs/dev" "$WORK/rootfs/sys"
        cp /bin/busybox "$WORK/rootfs/bin/"
        chroot "$WORK/rootfs" /bin/busybox --install /bin
        tar -C "$WORK/rootfs" -cf "$WORK/rootfs.tar" .
}

callers_teardown()
{
        local pid left
        [ -n "${WORK:-}" ] || return 0
        for pid in "${SERVERS[@]}"; do
                kill "$pid" 2>/dev/null || continue
                # A daemon is not our child.
                tail --pid="$pid" -f /dev/null
        done
        awk -v work="$WORK/" 'index($5, work) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
        left=$(grep -lsF "$WORK" /proc/[0-9]*/cmdline || true)
        rm -rf "$WORK"
        [ -z "$left" ] || {
                echo "left behind: $left" >&2
                return 1
        }
}

# Until a command succeeds, for at most 20 seconds.
wait_for()
{
        local end=$((SECONDS + 20))
        until "$@" >/dev/null 2>&1; do
                [ $SECONDS -lt $end ] || {
                        echo "did not come true: $*" >&2
                        return 1
                }
                sleep 0.05
        done
}

containerd_start()
{
        cat >"$WORK/containerd.toml" <<END
version = 2
root = "$WORK/containerd"
state = "$WORK/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$WORK/containerd.sock"
END
        containerd -c "$WORK/containerd.toml" >"$WORK/containerd.log" 2>&1 3>&- &
        SERVERS=($! "${SERVERS[@]}")
        wait_for ctr -a "$WORK/containerd.sock" version
}

equal()
{
        [ "$1" = "$2" ] && return
        printf 'got:      %q\nexpected: %q\n' "$1" "$2" >&2
        return 1
}
