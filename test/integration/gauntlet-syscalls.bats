# G22: the system call filter: arguments with bits above 31, the other ABIs of the machine, calls that it does not know.

load harness
load gauntlet

setup()
{
        kelp_setup
        [ "$(uname -m)" = x86_64 ] || skip "the numbers and the other ABIs below are those of x86-64"
        probe calls <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGH (1L << 32)

static void say(const char *name, long result)
{
        printf("%s %s\n", name, result >= 0 ? "allowed" : strerrorname_np(errno));
        fflush(stdout);
}

/* In a child: it may be killed. */
static void say_child(const char *name, long (*call)(void))
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                long result = call();
                _exit(result >= 0 ? 0 : -result > 255 ? 255 : (int)-result);
        }
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status))
                printf("%s killed\n", name);
        else
                printf("%s %s\n", name, WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "allowed");
        fflush(stdout);
}

/* getpid of the 32-bit ABI */
static long ia32_getpid(void)
{
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
        return (int32_t)result;
}

/* socketcall(SYS_SOCKET, …), which no filter on socket(2) sees */
static long ia32_socketcall(void)
{
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(102L), "b"(1L), "c"(0L) : "memory", "r8", "r9", "r10", "r11");
        return (int32_t)result;
}

static long x32_getpid(void)
{
        long result;
        __asm__ volatile("syscall" : "=a"(result) : "a"(39L | 0x40000000) : "memory", "rcx", "r11");
        return result;
}

static long clone_new_user(void)
{
        long result = syscall(SYS_clone, 17L | CLONE_NEWUSER, 0, 0, 0, 0);
        if (result == 0)
                _exit(0);
        return result < 0 ? -errno : 0;
}

static long clone_new_user_high(void)
{
        long result = syscall(SYS_clone, 17L | CLONE_NEWUSER | HIGH, 0, 0, 0, 0);
        if (result == 0)
                _exit(0);
        return result < 0 ? -errno : 0;
}

int main(void)
{
        say("socket-vsock", syscall(SYS_socket, 40L, 1L, 0L));
        say("socket-vsock-high", syscall(SYS_socket, 40L | HIGH, 1L, 0L));
        say("socket-vsock-top", syscall(SYS_socket, 40L | (1L << 63), 1L, 0L));
        say("socket-alg", syscall(SYS_socket, 38L, 5L, 0L));
        say("socket-alg-high", syscall(SYS_socket, 38L | HIGH, 5L, 0L));
        say("socket-unix", syscall(SYS_socket, 1L, 1L, 0L));
        say("socket-inet", syscall(SYS_socket, 2L, 1L, 0L));
        say("personality-query", syscall(SYS_personality, 0xffffffffL));
        say("personality-read-implies-exec", syscall(SYS_personality, 0x400000L));
        say("personality-read-implies-exec-high", syscall(SYS_personality, 0x400000L | HIGH));
        say("unshare-user", syscall(SYS_unshare, (long)CLONE_NEWUSER));
        say("unshare-user-high", syscall(SYS_unshare, (long)CLONE_NEWUSER | HIGH));
        say("unshare-net", syscall(SYS_unshare, (long)CLONE_NEWNET));
        say_child("clone-user", clone_new_user);
        say_child("clone-user-high", clone_new_user_high);
        say("clone3", syscall(SYS_clone3, NULL, 0L));
        say("setns", syscall(SYS_setns, 0L, 0L));
        say("io_uring_setup", syscall(425L, 1L, NULL));
        say("keyctl", syscall(SYS_keyctl, 0L, -3L, 0L));
        say("add_key", syscall(SYS_add_key, "user", "x", "y", 1L, -3L));
        say("userfaultfd", syscall(SYS_userfaultfd, 0L));
        say("bpf", syscall(SYS_bpf, 0L, NULL, 0L));
        say("perf_event_open", syscall(SYS_perf_event_open, NULL, 0L, 0L, 0L, 0L));
        say("kexec_load", syscall(SYS_kexec_load, 0L, 0L, NULL, 0L));
        say("mount", syscall(SYS_mount, "x", "/", "tmpfs", 0L, NULL));
        say("open_tree", syscall(428L, -100L, "/", 1L));
        say("swapon", syscall(SYS_swapon, "/x", 0L));
        say("new-call", syscall(2000L));
        say("new-call-near", syscall(499L));
        say_child("ia32-getpid", ia32_getpid);
        say_child("ia32-socketcall", ia32_socketcall);
        say_child("x32-getpid", x32_getpid);
        return 0;
}
END
}

teardown()
{
        kelp_teardown
}

# What the probe says of $1.
said()
{
        sed -n "s/^$1 //p" <<<"$output"
}

check_calls()
{
        for call in socket-vsock socket-vsock-high socket-vsock-top socket-alg socket-alg-high; do
                assert_equal "$call $(said $call)" "$call EAFNOSUPPORT"
        done
        for call in socket-unix socket-inet personality-query; do
                assert_equal "$call $(said $call)" "$call allowed"
        done
        for call in personality-read-implies-exec personality-read-implies-exec-high unshare-user unshare-user-high unshare-net clone-user \
                clone-user-high setns keyctl add_key userfaultfd bpf perf_event_open kexec_load mount open_tree swapon io_uring_setup; do
                assert_equal "$call $(said $call)" "$call EPERM"
        done
        for call in clone3 new-call new-call-near; do
                assert_equal "$call $(said $call)" "$call ENOSYS"
        done
        for call in ia32-getpid ia32-socketcall x32-getpid; do
                case $(said $call) in
                killed | ENOSYS | EPERM) ;;
                *) fail_with "$call: $(said $call)" ;;
                esac
        done
}

@test "in a container, as root and as another user, with and without no-new-privileges" {
        inside -v ./probes:/probes busybox /probes/calls
        assert_status 0
        check_calls
        inside -v ./probes:/probes --security-opt no-new-privileges busybox /probes/calls
        check_calls
        inside -v ./probes:/probes --init busybox /probes/calls
        check_calls
        if grep -q "^$(id -un):" /etc/subuid; then
                inside -v ./probes:/probes -u 1000 busybox /probes/calls
                check_calls
        fi
}

@test "in an exec" {
        "$KELP" run -d --name box --network none -v ./probes:/probes busybox sleep 1000
        output=$("$KELP" exec box /probes/calls)
        check_calls
        output=$("$KELP" exec -u 0 box sh -c /probes/calls)
        check_calls
}

@test "a capability opens the calls that it is for, and no others" {
        inside -v ./probes:/probes --cap-add SYS_ADMIN busybox /probes/calls
        assert_equal "$(said unshare-net)" allowed
        for call in socket-vsock-high socket-alg keyctl io_uring_setup; do
                [ "$(said $call)" != allowed ] || fail_with "$call is allowed"
        done
        inside --cap-add SYS_ADMIN busybox mount -t tmpfs x /tmp
        assert_status 0
        inside -v ./probes:/probes --security-opt seccomp=unconfined busybox /probes/calls
        assert_equal "$(said unshare-user)" allowed
}
