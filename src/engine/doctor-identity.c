/* What lets an unprivileged user be root of something: user namespaces, subordinate ids, and mounting in
 * them. */
#include "base/file.h"
#include "engine/doctor.h"
#include "sys/account.h"
#include "sys/userns-run.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Runs in a forked child, which ends with the errno of the attempt. */
typedef int (*Attempt)(void);

static int attempt_in_child(Attempt attempt)
{
        int status;
        pid_t child = fork();

        if (child < 0)
                return errno;
        if (child == 0)
                _exit(attempt() & 0xff);
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static int attempt_user_namespace(void)
{
        return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

/* Some hosts let a process make the namespace, and refuse what one does in it (AppArmor's restriction since
 * Ubuntu 23.10). */
static int attempt_mount_in_namespace(void)
{
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return errno;
        return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno : 0;
}

/* The number in a sysctl file, or @missing when it cannot be read. */
static uint64_t sysctl_number(const char *path, uint64_t missing)
{
        _cleanup_buffer_ Buffer text = {0};
        uint64_t value;

        if (file_read_at(AT_FDCWD, path, 64, &text) < 0)
                return missing;
        if (text.length > 0 && text.data[text.length - 1] == '\n')
                text.data[--text.length] = 0;
        return text_to_u64(text.data, UINT64_MAX, &value) < 0 ? missing : value;
}

static void explain_refused_namespace(DoctorLine *line, int code)
{
        doctor_detail(line, "making one fails: %s", strerror(code));
        if (sysctl_number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
                doctor_fix(line, "the administrator", "sysctl -w kernel.unprivileged_userns_clone=1");
        else if (sysctl_number("/proc/sys/user/max_user_namespaces", 1) == 0 || code == ENOSPC)
                doctor_fix(line, "the administrator", "sysctl -w user.max_user_namespaces=15000");
        else if (sysctl_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
                doctor_fix(line, "the administrator",
                           "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
        else if (code == EPERM)
                doctor_fix(line, "the administrator",
                           "let unshare(CLONE_NEWUSER) through the seccomp filter or security module kelp "
                           "was started under");
        else
                doctor_fix(line, "the administrator", "use a kernel built with CONFIG_USER_NS");
}

static bool examine_namespaces(DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "user namespaces", DOCTOR_OK, true);
        int code = attempt_in_child(attempt_user_namespace);

        if (code == 0)
                code = attempt_in_child(attempt_mount_in_namespace);
        if (code != 0) {
                line->status = DOCTOR_MISSING;
                explain_refused_namespace(line, code);
                return false;
        }
        doctor_detail(line, "a plain user can make them");
        return true;
}

/* Whether newuidmap is there and can write maps: set-uid root or with file capabilities. */
static bool helper_is_privileged(const char *name)
{
        static const char *const folders[] = {"/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin"};

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *path = path_join(folders[i], name);
                struct stat info;

                if (path && stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
                    ((info.st_mode & S_ISUID) || getxattr(path, "security.capability", NULL, 0) > 0))
                        return true;
        }
        return false;
}

/* The first id behind all ranges in a file like /etc/subuid. */
static uint64_t free_id(const char *path, uint64_t from)
{
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        unsigned long long start, count;
        char line[512];

        while (file && fgets(line, sizeof(line), file)) {
                const char *colon = strchr(line, ':');

                if (colon && sscanf(colon, ":%llu:%llu", &start, &count) == 2 && start + count > from &&
                    start + count < UINT32_MAX)
                        from = start + count;
        }
        return from;
}

/* A command that gives this user ranges that nobody else has. */
static void suggest_ranges(DoctorLine *line)
{
        unsigned long long from = free_id("/etc/subgid", free_id("/etc/subuid", 100000));
        _cleanup_account_ Account account = {0};

        account_find(getuid(), &account);
        doctor_fix(line, "the administrator", "usermod --add-subuids %llu-%llu --add-subgids %llu-%llu %s",
                   from, from + 65535, from, from + 65535, account.name ?: "USER");
}

static void examine_subordinate_ids(Engine *engine, DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "subordinate ids", DOCTOR_OK, false);
        const UserNamespaceMap *map;
        uint64_t total = 0;
        Error error = ERROR_INIT;

        if (engine_map(engine, &map, &error) < 0) {
                line->status = DOCTOR_MISSING;
                doctor_detail(line, "%s", error.message);
                doctor_fix(line, "the administrator", "%s", error.hint);
                return;
        }
        for (size_t i = 0; i < map->uids.count; i++)
                total += map->uids.ranges[i].count;
        if (!map->single) {
                doctor_detail(line, "%llu ids can be mapped", (unsigned long long)total);
                return;
        }
        line->status = DOCTOR_DEGRADED;
        if (!helper_is_privileged("newuidmap") || !helper_is_privileged("newgidmap")) {
                doctor_detail(line, "newuidmap or newgidmap is not installed, or not set-uid: files of other "
                                    "owners are squashed to one id");
                doctor_fix(line, "the administrator", "apt-get install --reinstall uidmap");
        } else {
                doctor_detail(line, "this user has none: files of other owners are squashed to one id");
                suggest_ranges(line);
        }
}

/* In the user namespace: overlayfs with the options that containers use, on a tmpfs of its own. */
static int try_overlay(_unused_ void *argument, Error *err)
{
        static const char *const folders[] = {"/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/merged"};

        if (unshare(CLONE_NEWNS) < 0)
                return fail_errno(err, errno, "make a mount namespace");
        if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail_errno(err, errno, "make mounts private");
        if (mount("kelp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
                return fail_errno(err, errno, "mount a tmpfs");
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                if (mkdir(folders[i], 0700) < 0)
                        return fail_errno(err, errno, "make %s", folders[i]);
        if (mount("kelp", "/tmp/merged", "overlay", MS_NODEV,
                  "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr") < 0)
                return fail_errno(err, errno, "mount overlayfs in a user namespace");
        return 0;
}

static void examine_overlay(Engine *engine, DoctorReport *report)
{
        DoctorLine *line;
        Error error = ERROR_INIT;
        int namespace;

        line = doctor_add(report, "id maps", DOCTOR_OK, true);
        if (engine_user_namespace(engine, &namespace, &error) < 0) {
                line->status = DOCTOR_MISSING;
                doctor_detail(line, "%s", error.message);
                doctor_fix(line, "the administrator", "%s", error.hint);
                return;
        }
        doctor_detail(line, "a user namespace with this user's ids works");

        line = doctor_add(report, "overlay", DOCTOR_OK, true);
        if (userns_run(namespace, try_overlay, NULL, &error) < 0) {
                line->status = DOCTOR_MISSING;
                doctor_detail(line, "%s", error.message);
                doctor_fix(line, "the administrator", "modprobe overlay (Linux 5.11 or newer)");
                return;
        }
        doctor_detail(line, "the kernel's overlayfs works in a user namespace");
}

void doctor_examine_identity(Engine *engine, DoctorReport *report)
{
        bool possible = examine_namespaces(report);

        examine_subordinate_ids(engine, report);
        if (possible)
                examine_overlay(engine, report);
}
