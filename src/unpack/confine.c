/* Why a hostile layer gains nothing even if it found a hole in this program: it has no capability but those
 * over files, sees no file system but the target, can make no socket, execute nothing, and no process can be
 * reached from it. */
#include "base/cleanup.h"
#include "sys/capabilities.h"
#include "sys/seccomp.h"
#include "unpack/program.h"

#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int confine_files(int target, Error *err)
{
        /* By version of the interface: 1, 2 (linking between folders), 3 (truncating). */
        static const uint64_t rights[] = {0x1fff, 0x3fff, 0x7fff};
        struct landlock_ruleset_attr ruleset = {0};
        struct landlock_path_beneath_attr beneath = {.parent_fd = target};
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        _cleanup_close_ int fd = -EBADF;

        if (version <= 0)
                return 0; /* a kernel without it: the filter and the lack of descriptors have to do */
        ruleset.handled_access_fs = rights[version > 3 ? 2 : version - 1];
        beneath.allowed_access = ruleset.handled_access_fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
        fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
        if (fd < 0 || syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 ||
            syscall(SYS_landlock_restrict_self, fd, 0) < 0)
                return fail_errno(err, errno, "landlock");
        return 0;
}

static int confine_calls(Error *err)
{
        static const char *const allowed[] = {
                "read",       "write",      "close",     "fstat",        "newfstatat",     "lseek",
                "mmap",       "munmap",     "mremap",    "brk",          "madvise",        "mprotect",
                "openat",     "openat2",    "mkdirat",   "mknodat",      "symlinkat",      "linkat",
                "unlinkat",   "fchown",     "fchownat",  "fchmod",       "fchmodat",       "fsetxattr",
                "lsetxattr",  "setxattr",   "utimensat", "ftruncate",    "getdents64",     "readlinkat",
                "fcntl",      "exit_group", "exit",      "rt_sigreturn", "rt_sigprocmask", "gettid",
                "getpid",     "tgkill",     "futex",     "fallocate",    "getrandom",      "restart_syscall",
                "faccessat2", "statx",      "fsync",     "ioctl",        "clock_gettime",
        };
        SeccompPolicy policy = {.default_action = SECCOMP_RET_ERRNO | EPERM};
        struct sock_fprog program = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(allowed); i++) {
                SeccompEntry entry = {.call = seccomp_call_number(allowed[i]), .action = SECCOMP_RET_ALLOW};

                if (entry.call >= 0)
                        r = seccomp_policy_add(&policy, &entry);
        }
        r = r < 0 ? fail_memory(err) : seccomp_compile(&policy, &program, err);
        if (r >= 0)
                r = seccomp_install(&program, 0, err);
        free(program.filter);
        seccomp_policy_deinit(&policy);
        return r;
}

int confine_to(int target, Error *err)
{
        static const int kept[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,
                                   CAP_FSETID, CAP_SETFCAP,      CAP_MKNOD};
        CapabilitySets sets = {0};
        int r;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fail_errno(err, errno, "no_new_privs");
        r = confine_files(target, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                sets.effective |= 1ULL << kept[i];
        sets.permitted = sets.effective;
        /* Outside of a user namespace there are none to begin with. */
        r = capabilities_apply(&sets);
        if (r < 0 && r != -EPERM)
                return fail_errno(err, -r, "drop capabilities");
        return confine_calls(err);
}
