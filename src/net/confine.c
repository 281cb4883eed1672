/*
 * A container that found a hole in the packet mover would get: sockets of the host (as any process of this
 * user has them), the containers' networks, and no file, no program to execute, no other process to reach, no
 * namespace to make. In order:
 *
 *   1. a mount namespace whose root is an empty tmpfs
 *   2. no capability but NET_ADMIN, NET_RAW, NET_BIND_SERVICE (transparent sockets, links) and SYS_ADMIN (to
 * enter containers' network namespaces), all over this user namespace only; no_new_privs; not dumpable
 *   3. Landlock: resolv.conf and where it points to, sysctls, the tun device
 *   4. when the threads run: the filter
 */
#include "net/confine.h"

#include "base/cleanup.h"
#include "sys/capabilities.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* pivot_root(2) onto itself: the old root is then on top of the new one, and is detached. */
int confine_empty_view(Error *err)
{
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=500") < 0 ||
            chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
            chdir("/") < 0 ||
            mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                  "size=4k,mode=500") < 0)
                return fail_errno(err, errno, "empty the view of files");
        return 0;
}

int confine_capabilities(uint64_t keep, Error *err)
{
        CapabilitySets sets = {.effective = keep, .permitted = keep};
        int r = capabilities_bound(keep);

        if (r >= 0)
                r = capabilities_apply(&sets);
        if (r < 0)
                return fail_errno(err, -r, "drop capabilities");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
                return fail_errno(err, errno, "no_new_privs");
        return 0;
}

static const struct {
        const char *path;
        uint64_t access;
} visible[] = {
        {"etc", LANDLOCK_ACCESS_FS_READ_FILE},
        {"run/systemd/resolve", LANDLOCK_ACCESS_FS_READ_FILE},
        {"run/resolvconf", LANDLOCK_ACCESS_FS_READ_FILE},
        {"run/NetworkManager", LANDLOCK_ACCESS_FS_READ_FILE},
        {"run/connman", LANDLOCK_ACCESS_FS_READ_FILE},
        {"mnt/wsl", LANDLOCK_ACCESS_FS_READ_FILE},
        {"proc/sys", LANDLOCK_ACCESS_FS_WRITE_FILE},
        {"dev/net/tun", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE},
};

static int allow_paths(int ruleset, int host_root)
{
        for (size_t i = 0; i < ELEMENTSOF(visible); i++) {
                _cleanup_close_ int fd = openat(host_root, visible[i].path, O_PATH | O_CLOEXEC);
                struct landlock_path_beneath_attr beneath = {.allowed_access = visible[i].access,
                                                             .parent_fd = fd};

                if (fd >= 0 &&
                    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
                        return -errno;
        }
        return 0;
}

static int confine_files(int host_root, Error *err)
{
        /* By version of the interface: 1, 2 (linking between folders), 3 (truncating). */
        static const uint64_t rights[] = {0x1fff, 0x3fff, 0x7fff};
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        struct landlock_ruleset_attr attributes = {0};
        _cleanup_close_ int ruleset = -EBADF;

        if (version <= 0)
                return 0; /* a kernel without it: the empty view and the filter have to do */
        attributes.handled_access_fs = rights[version > 3 ? 2 : version - 1];
        ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
        if (ruleset < 0 || allow_paths(ruleset, host_root) < 0 ||
            syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
                return fail_errno(err, errno, "landlock");
        return 0;
}

int confine_view(int host_root, Error *err)
{
        const uint64_t keep = 1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW | 1ULL << CAP_NET_BIND_SERVICE |
                              1ULL << CAP_SYS_ADMIN;
        int r = confine_empty_view(err);

        if (r >= 0)
                r = confine_capabilities(keep, err);
        return r < 0 ? r : confine_files(host_root, err);
}

/* The call @name only with @value as its argument @argument. */
int confine_allow_value(SeccompPolicy *policy, const char *name, unsigned argument, uint64_t value)
{
        const SeccompEntry entry = {
                .call = seccomp_call_number(name),
                .action = SECCOMP_RET_ALLOW,
                .condition_count = 1,
                .conditions = {{.argument = argument, .compare = SECCOMP_COMPARE_EQ, .value = value}}};

        return seccomp_policy_add(policy, &entry);
}

int confine_allow(SeccompPolicy *policy, const char *const *names, size_t count)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++) {
                SeccompEntry entry = {.call = seccomp_call_number(names[i]), .action = SECCOMP_RET_ALLOW};

                if (entry.call >= 0)
                        r = seccomp_policy_add(policy, &entry);
        }
        return r;
}

int confine_install(SeccompPolicy *policy, Error *err)
{
        struct sock_fprog program = {0};
        int r;

        policy->default_action = SECCOMP_RET_ERRNO | EPERM;
        r = seccomp_compile(policy, &program, err);
        if (r >= 0)
                r = seccomp_install(&program, SECCOMP_FILTER_FLAG_TSYNC, err);
        free(program.filter);
        return r;
}

/* Families of sockets, and the one kind of namespace that may be entered and made. */
static int allow_conditionally(SeccompPolicy *policy)
{
        static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};
        int r = confine_allow_value(policy, "setns", 1, CLONE_NEWNET);

        if (r >= 0)
                r = confine_allow_value(policy, "unshare", 0, CLONE_NEWNET);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(families); i++)
                r = confine_allow_value(policy, "socket", 0, (uint64_t)families[i]);
        return r;
}

int confine_calls(Error *err)
{
        static const char *const allowed[] = {
                "read",
                "write",
                "close",
                "fstat",
                "newfstatat",
                "lseek",
                "mmap",
                "munmap",
                "mremap",
                "mprotect",
                "madvise",
                "brk",
                "futex",
                "epoll_create1",
                "epoll_ctl",
                "epoll_wait",
                "epoll_pwait",
                "accept4",
                "connect",
                "bind",
                "listen",
                "getsockname",
                "setsockopt",
                "getsockopt",
                "sendto",
                "recvfrom",
                "sendmsg",
                "recvmsg",
                "recvmmsg",
                "sendmmsg",
                "shutdown",
                "splice",
                "pipe2",
                "fcntl",
                "openat",
                "openat2",
                "getrandom",
                "clock_gettime",
                "exit",
                "exit_group",
                "rt_sigreturn",
                "rt_sigprocmask",
                "sched_yield",
                "restart_syscall",
                "getpid",
                "gettid",
                "getuid",
                "tgkill",
                "clock_nanosleep",
                "statx",
                "ioctl",
                "rseq",
                "set_robust_list",
                "membarrier",
        };
        SeccompPolicy policy = {0};
        int r = confine_allow(&policy, allowed, ELEMENTSOF(allowed));

        if (r >= 0)
                r = allow_conditionally(&policy);
        r = r < 0 ? fail_memory(err) : confine_install(&policy, err);
        seccomp_policy_deinit(&policy);
        return r;
}
