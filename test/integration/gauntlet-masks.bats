# G05 and G25: what of /proc and /sys is hidden or read-only stays so; keyrings are each container's own.

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

@test "masked files are the null device and masked folders empty and read-only, whatever the image has at /dev/null" {
        make_rootfs root
        mkdir -p root/dev
        for kind in link file fifo; do
                rm -f root/dev/null
                case $kind in
                link) ln -s "$CANARY/file" root/dev/null ;;
                file) echo trap >root/dev/null ;;
                fifo) mkfifo root/dev/null ;;
                esac
                image_from masked root
                inside masked sh -c '
                        for path in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts /proc/sched_debug /proc/latency_stats; do
                                [ -e $path ] || continue
                                echo "$path $(stat -c %t:%T $path)"
                        done
                        for path in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap; do
                                [ -e $path ] || continue
                                echo "$path $(stat -f -c %T $path) $(ls -A $path | wc -l) $(touch $path/x 2>/dev/null && echo written)"
                        done'
                assert_status 0
                [ -n "$output" ]
                while read -r path rest; do
                        case $path in
                        /proc/acpi | /proc/scsi | /proc/asound | /sys/*) assert_equal "$path $rest" "$path tmpfs 0" ;;
                        *) assert_equal "$path $rest" "$path 1:3" ;;
                        esac
                done <<<"$output"
        done
        canary_check
}

@test "nothing about the host can be written below /proc and /sys" {
        for options in '' '--cap-add ALL' '--cap-add ALL --security-opt seccomp=unconfined'; do
                # shellcheck disable=SC2086 # words
                inside $options busybox sh -c '
                        for path in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/swappiness /proc/sysrq-trigger \
                                /proc/irq/default_smp_affinity /proc/bus/pci/devices /sys/kernel/uevent_helper /sys/power/state \
                                /sys/module/kernel/parameters/panic; do
                                [ -e $path ] && echo 1 2>/dev/null >$path && echo "written: $path"
                        done
                        find /sys /proc/sys /proc/irq /proc/bus /proc/fs -type f -perm -0200 2>/dev/null | while read -r path; do
                                ( exec 9>>"$path" ) 2>/dev/null && echo "can be written: $path"
                        done; true'
                assert_status 0
                assert_equal "$output" ''
        done
}

@test "masks cannot be taken off" {
        inside busybox sh -c 'umount /proc/keys; umount -l /proc/timer_list; mount -o remount,rw /proc/sys; mount --bind /dev/zero /proc/keys; stat -c %t:%T /proc/keys'
        assert_equal "$output" 1:3
        # In a namespace of a container's own making they are locked.
        inside --security-opt seccomp=unconfined busybox unshare -Urm sh -c "
                umount /proc/keys; umount -l /proc/timer_list; mount -o remount,bind,rw /proc/sys
                grep ' /proc/sys ' /proc/self/mounts | grep -c ' ro,'; stat -c %t:%T /proc/keys"
        assert_equal "$output" $'1\n1:3'
}

@test "what would tell of the host or of other containers is empty, missing or refused" {
        inside busybox sh -c 'for path in /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/sched_debug /proc/interrupts /proc/kmsg /proc/scsi/scsi /proc/acpi/wakeup /sys/firmware/dmi /sys/firmware/acpi /dev/mem /dev/kmsg /dev/port; do
                        [ -d $path ] && { [ -z "$(ls -A $path)" ] || echo "folder: $path"; continue; }
                        content=$(timeout 2 head -c 1 $path 2>/dev/null | wc -c)
                        [ "$content" = 0 ] || echo "readable: $path"
                done; dmesg 2>/dev/null | head -n 1; ls /sys/devices/virtual/powercap 2>/dev/null; true'
        assert_status 0
        assert_equal "$output" ''
}

@test "keys: the filter refuses them; without it, each container has a keyring of its own" {
        probe keys <<'END'
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
/* keys: looks for the key; keys hold: makes it and waits; keys with COMMAND...: executes it with the key in its session */
int main(int argc, char **argv)
{
        long key;
        if (argc > 1) {
                syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
                key = syscall(SYS_add_key, "user", "kelp-test-key", "secret", 6, KEY_SPEC_SESSION_KEYRING);
        } else {
                key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "kelp-test-key", 0);
        }
        if (key >= 0 && argc > 2) {
                execv(argv[2], argv + 2);
                return 1;
        }
        puts(key >= 0 ? "found" : errno == EPERM ? "refused" : errno == ENOKEY ? "none" : strerror(errno));
        fflush(stdout);
        if (argc > 1)
                sleep(1000);
        return 0;
}
END
        inside -v ./probes:/probes busybox /probes/keys
        assert_equal "$output" refused
        assert_equal "$(./probes/keys with "$PWD/probes/keys")" found
        output=$(./probes/keys with "$KELP" run --rm --network none --security-opt seccomp=unconfined -v ./probes:/probes busybox /probes/keys)
        assert_equal "$output" none
        "$KELP" run -d --name first --network none --security-opt seccomp=unconfined -v ./probes:/probes busybox /probes/keys hold
        wait_until eval '[ "$("$KELP" logs first)" = found ]'
        inside --security-opt seccomp=unconfined -v ./probes:/probes busybox /probes/keys
        assert_equal "$output" none
        assert_equal "$("$KELP" exec first /probes/keys)" none
}
