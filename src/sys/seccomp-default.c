/*
 * The default policy. What is not named is refused with EPERM, what this build does not know at all with
 * ENOSYS.
 *
 * Left out on purpose: io_uring (its operations pass no filter), add_key and keyctl (keys are the host
 * user's), userfaultfd, bpf and perf_event_open (kernel attack surface), mounting and new namespaces, unless
 * a capability that was given is for that.
 */
#include "base/cleanup.h"
#include "sys/seccomp.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Words separated by blanks: a name that this machine does not have is passed over. */
static const char always[] =
        "accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir "
        "chmod chown clock_adjtime clock_getres clock_gettime clock_nanosleep close close_range "
        "connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl "
        "epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve "
        "execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fanotify_mark fchdir "
        "fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork "
        "fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue futex_wait "
        "futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents "
        "getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid "
        "getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname "
        "getsockopt gettid gettimeofday getuid getxattr getxattrat inotify_add_watch inotify_init "
        "inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup "
        "io_submit ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset "
        "landlock_restrict_self lchown lgetxattr link linkat listen listmount listxattr listxattrat "
        "llistxattr lremovexattr lseek lsetxattr lstat madvise map_shadow_stack membarrier "
        "memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap "
        "modify_ldt mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink "
        "mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at "
        "nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 "
        "pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 "
        "process_mrelease process_vm_readv process_vm_writev pselect6 ptrace pwrite64 pwritev "
        "pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg "
        "remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir "
        "rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
        "rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min "
        "sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval "
        "sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
        "select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto set_robust_list "
        "set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid "
        "setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid "
        "setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 "
        "socketpair splice stat statfs statmount statx symlink symlinkat sync sync_file_range "
        "syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime "
        "timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask "
        "uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid write writev ";

static const struct {
        int capability;
        const char *names;
} by_capability[] = {
        {CAP_DAC_READ_SEARCH, "open_by_handle_at"},
        {CAP_SYS_ADMIN, "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
                        "lsm_get_self_attr lsm_list_modules "
                        "lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl "
                        "quotactl_fd setdomainname "
                        "sethostname setns syslog umount2 unshare"},
        {CAP_SYS_BOOT, "reboot"},
        {CAP_SYS_CHROOT, "chroot"},
        {CAP_SYS_MODULE, "delete_module init_module finit_module"},
        {CAP_SYS_PACCT, "acct"},
        {CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
        {CAP_SYS_RAWIO, "iopl ioperm"},
        {CAP_SYS_TIME, "settimeofday clock_settime"},
        {CAP_SYS_TTY_CONFIG, "vhangup"},
        {CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
        {CAP_SYSLOG, "syslog"},
        {CAP_BPF, "bpf"},
        {CAP_PERFMON, "perf_event_open"},
};

static int allow_names(SeccompPolicy *policy, const char *names)
{
        while (*names) {
                size_t length = strcspn(names, " ");
                char name[48];
                int call;

                if (length && length < sizeof(name)) {
                        memcpy(name, names, length);
                        name[length] = 0;
                        call = seccomp_call_number(name);
                        if (call >= 0 &&
                            seccomp_policy_add(
                                    policy, &(SeccompEntry){.call = call, .action = SECCOMP_RET_ALLOW}) < 0)
                                return -ENOMEM;
                }
                names += length + (names[length] == ' ');
        }
        return 0;
}

static int allow_if(SeccompPolicy *policy, int call, SeccompCompare compare, uint64_t value, uint64_t mask)
{
        SeccompEntry entry = {.call = call, .action = SECCOMP_RET_ALLOW, .condition_count = 1};

        entry.conditions[0] = (SeccompCondition){.compare = compare, .value = value, .mask = mask};
        return seccomp_policy_add(policy, &entry);
}

/* The low 32 bits of the argument, which are all that the kernel takes of it. */
static int refuse_if(SeccompPolicy *policy, int call, unsigned argument, uint32_t value, int code)
{
        SeccompEntry entry = {
                .call = call, .action = SECCOMP_RET_ERRNO | (uint32_t)code, .condition_count = 1};

        entry.conditions[0] = (SeccompCondition){
                .argument = argument, .compare = SECCOMP_COMPARE_MASKED, .value = value, .mask = UINT32_MAX};
        return seccomp_policy_add(policy, &entry);
}

static int add_conditional(uint64_t capabilities, SeccompPolicy *policy)
{
        /* Linux, 32-bit addresses of uname26, ADDR_NO_RANDOMIZE's neighbours as Docker has them, and the
         * question. */
        static const uint32_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
        static const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                           CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(personalities); i++)
                r = allow_if(policy, __NR_personality, SECCOMP_COMPARE_EQ, personalities[i], 0);
        if (r >= 0)
                r = refuse_if(policy, __NR_socket, 0, AF_ALG, EAFNOSUPPORT);
        if (r >= 0)
                r = refuse_if(policy, __NR_socket, 0, AF_VSOCK, EAFNOSUPPORT);
        /* Typing into a terminal for others: one that was given into the container by mistake, say. */
        if (r >= 0)
                r = refuse_if(policy, __NR_ioctl, 1, TIOCSTI, EPERM);
        if (r >= 0)
                r = refuse_if(policy, __NR_ioctl, 1, TIOCLINUX, EPERM);
        if (r >= 0)
                r = allow_names(policy, "socket ioctl");
        if (r < 0 || capabilities >> CAP_SYS_ADMIN & 1)
                return r;
        r = allow_if(policy, __NR_clone, SECCOMP_COMPARE_MASKED, 0, namespaces);
        /* Its flags are behind a pointer, where no filter sees them: libraries fall back to clone(2). */
        return r < 0 ? r
                     : seccomp_policy_add(policy, &(SeccompEntry){.call = __NR_clone3,
                                                                  .action = SECCOMP_RET_ERRNO | ENOSYS});
}

int seccomp_policy_default(uint64_t capabilities, SeccompPolicy *ret, Error *err)
{
        SeccompPolicy policy = {.default_action = SECCOMP_RET_ERRNO | EPERM};
        int r;

        r = allow_names(&policy, always);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(by_capability); i++)
                if (capabilities >> by_capability[i].capability & 1)
                        r = allow_names(&policy, by_capability[i].names);
        if (r >= 0)
                r = add_conditional(capabilities, &policy);
        if (r < 0) {
                seccomp_policy_deinit(&policy);
                return fail_memory(err);
        }
        *ret = policy;
        return 0;
}
