/*
 * A user namespace lives as long as a process or a descriptor holds it. It is made by a child, the holder,
 * whose only act is unshare(2); the maps are written from outside while the holder waits; once
 * /proc/HOLDER/ns/user is open the holder ends. The caller itself never enters the namespace: a process in it
 * could be traced by what else runs there.
 *
 *   caller                      holder                 newuidmap, newgidmap
 *     | vfork-like clone --------> unshare(NEWUSER)
 *     | <------------------------- "made" (or errno)
 *     | spawn both ------------------------------------> write the maps
 *     | (returns; other work)     reads the channel
 *     | finish: waits for both
 *     | opens ns/user
 *     | closes the channel ------> ends
 *
 * newuidmap and newgidmap are setuid programs that take a millisecond each: they run beside each other, and
 * beside whatever the caller does between userns_start() and userns_finish().
 */
#include "sys/userns.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "sys/account.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
        SUBID_FILE_MAXIMUM = 4 << 20,
        ROOT_RANGE_FIRST =
                1879048192, /* where kelp started by root puts containers without a range of root's own */
        RANGE_SIZE = 65536,
};

uint32_t id_map_to_host(const IdMap *map, uint32_t inside)
{
        for (size_t i = 0; i < map->count; i++) {
                const IdRange *range = &map->ranges[i];

                if (inside >= range->inside && inside - range->inside < range->count)
                        return range->outside + (inside - range->inside);
        }
        return UINT32_MAX;
}

uint32_t id_map_to_container(const IdMap *map, uint32_t outside)
{
        for (size_t i = 0; i < map->count; i++) {
                const IdRange *range = &map->ranges[i];

                if (outside >= range->outside && outside - range->outside < range->count)
                        return range->inside + (outside - range->outside);
        }
        return UINT32_MAX;
}

/* ---- which ids ---- */

/* The ranges of one user in /etc/subuid or /etc/subgid (subuid(5)): lines "name-or-uid:first:count". */
static size_t subids_read(const char *path, const char *name, uid_t uid, IdRange *ranges, size_t capacity)
{
        _cleanup_buffer_ Buffer text = {0};
        char number[16];
        size_t count = 0;

        if (file_read_at(AT_FDCWD, path, SUBID_FILE_MAXIMUM, &text) < 0 || !text.data)
                return 0;
        snprintf(number, sizeof(number), "%u", uid);

        char *rest = text.data;
        for (char *line; count < capacity && (line = strsep(&rest, "\n"));) {
                char *owner = strsep(&line, ":"), *first = strsep(&line, ":"), *size = line;
                uint64_t first_id, id_count;

                if (!owner || !first || !size || (!text_equal(owner, name) && !text_equal(owner, number)))
                        continue;
                if (text_to_u64(first, UINT32_MAX - 1, &first_id) < 0 ||
                    text_to_u64(size, UINT32_MAX, &id_count) < 0 || id_count == 0 ||
                    first_id + id_count > UINT32_MAX)
                        continue;
                ranges[count++] = (IdRange){.outside = (uint32_t)first_id, .count = (uint32_t)id_count};
        }
        return count;
}

static bool program_exists(const char *name)
{
        static const char *const folders[] = {"/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"};
        char path[64];

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                snprintf(path, sizeof(path), "%s/%s", folders[i], name);
                if (access(path, X_OK) == 0)
                        return true;
        }
        return false;
}

static void id_map_add(IdMap *map, uint32_t inside, uint32_t outside, uint32_t count)
{
        if (count > 0 && map->count < ID_MAP_MAXIMUM)
                map->ranges[map->count++] = (IdRange){inside, outside, count};
}

/* 0 → the caller, 1… → the ranges, one behind the other. */
static void id_map_plan(IdMap *map, uint32_t self, const IdRange *ranges, size_t count)
{
        uint32_t next = 1;

        id_map_add(map, 0, self, 1);
        for (size_t i = 0; i < count; i++) {
                id_map_add(map, next, ranges[i].outside, ranges[i].count);
                next += ranges[i].count;
        }
}

/* The caller under its own number; the ranges fill the ids below and above it. */
static void id_map_plan_keep(IdMap *map, uint32_t self, const IdRange *ranges, size_t count)
{
        uint32_t next = 0;

        for (size_t i = 0; i < count; i++) {
                uint32_t outside = ranges[i].outside, left = ranges[i].count;

                if (next < self) {
                        uint32_t below = left < self - next ? left : self - next;

                        id_map_add(map, next, outside, below);
                        next += below;
                        outside += below;
                        left -= below;
                }
                if (next == self && left > 0) {
                        id_map_add(map, self, self, 1);
                        next = self + 1;
                }
                if (left > 0 && next > self) {
                        id_map_add(map, next, outside, left);
                        next += left;
                }
        }
        if (next <= self)
                id_map_add(map, self, self, 1);
}

static void plan_for_root(UserNamespaceMap *map)
{
        IdRange uids[1], gids[1];
        IdRange fallback = {.outside = ROOT_RANGE_FIRST, .count = RANGE_SIZE};

        if (subids_read("/etc/subuid", "root", 0, uids, 1) == 0 || uids[0].outside == 0)
                uids[0] = fallback;
        if (subids_read("/etc/subgid", "root", 0, gids, 1) == 0 || gids[0].outside == 0)
                gids[0] = fallback;
        id_map_add(&map->uids, 0, uids[0].outside, uids[0].count);
        id_map_add(&map->gids, 0, gids[0].outside, gids[0].count);
        map->privileged = true;
}

/* True when this process is real root, not root of some namespace that maps nothing else. */
static bool is_host_root(void)
{
        return geteuid() == 0;
}

int userns_plan(bool keep_id, UserNamespaceMap *ret, NoticeList *notices, Error *err)
{
        UserNamespaceMap map = {0};
        uid_t uid = geteuid();
        gid_t gid = getegid();
        IdRange uids[ID_MAP_MAXIMUM / 2], gids[ID_MAP_MAXIMUM / 2];
        size_t uid_count = 0, gid_count = 0;
        const char *lost = NULL;

        if (is_host_root()) {
                if (keep_id)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "--userns keep-id: root's own id is never mapped into a container");
                plan_for_root(&map);
                *ret = map;
                return 0;
        }

        /* The environment's USER is not to be trusted for ids. */
        _cleanup_account_ Account account = {0};
        const char *name = account_find(uid, &account) >= 0 ? account.name : "";

        uid_count = subids_read("/etc/subuid", name, uid, uids, ELEMENTSOF(uids));
        gid_count = subids_read("/etc/subgid", name, uid, gids, ELEMENTSOF(gids));
        if (uid_count == 0 || gid_count == 0)
                lost = uid_count == 0 ? "/etc/subuid has no range for you"
                                      : "/etc/subgid has no range for you";
        else if (!program_exists("newuidmap") || !program_exists("newgidmap"))
                lost = "newuidmap and newgidmap are not installed";
        if (lost) {
                map.single = true;
                id_map_add(&map.uids, keep_id ? uid : 0, uid, 1);
                id_map_add(&map.gids, keep_id ? gid : 0, gid, 1);
                notice_add(
                        notices,
                        "only one user id is available in containers (%s); files of other owners appear as "
                        "root's. "
                        "For more: sudo apt-get install uidmap && sudo usermod --add-subuids 100000-165535 "
                        "--add-subgids 100000-165535 %s",
                        lost, *name ? name : "USER");
        } else if (keep_id) {
                id_map_plan_keep(&map.uids, uid, uids, uid_count);
                id_map_plan_keep(&map.gids, gid, gids, gid_count);
        } else {
                id_map_plan(&map.uids, uid, uids, uid_count);
                id_map_plan(&map.gids, gid, gids, gid_count);
        }
        *ret = map;
        return 0;
}

/* ---- making it ---- */

static int explain_no_userns(Error *err, int code)
{
        int result;

        switch (code) {
        case EPERM:
                result = fail_kind(err, ERROR_UNSUPPORTED, code,
                                   "this host does not let you make a user namespace: the kernel refused "
                                   "unshare(CLONE_NEWUSER)");
                fail_hint(err, "ask the administrator for: sudo sysctl -w kernel.unprivileged_userns_clone=1 "
                               "(Debian), or "
                               "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu); in a container, for "
                               "a seccomp "
                               "profile that allows it. 'kelp doctor' shows what is in the way");
                return result;
        case ENOSPC:
        case EUSERS:
                result = fail_kind(err, ERROR_UNSUPPORTED, code,
                                   "user namespaces are switched off or used up on this host (limit "
                                   "user.max_user_namespaces, or 33 levels of nesting)");
                fail_hint(err, "ask the administrator for: sudo sysctl -w user.max_user_namespaces=15000");
                return result;
        case EINVAL:
        case ENOSYS:
                return fail_kind(err, ERROR_UNSUPPORTED, code,
                                 "this kernel is built without user namespaces (CONFIG_USER_NS)");
        default:
                return fail_errno(err, code, "make a user namespace");
        }
}

/* The holder: makes the namespace, says so, waits for the channel to close. */
static void holder_main(int channel)
{
        int code = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
        char end;

        /* Non-dumpable processes' /proc/PID/uid_map belongs to root: stay dumpable, there is nothing secret
         * here that the caller does not have. */
        prctl(PR_SET_DUMPABLE, 1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (write(channel, &code, sizeof(code)) == sizeof(code) && code == 0)
                while (read(channel, &end, 1) < 0 && errno == EINTR)
                        ;
        _exit(0);
}

static int write_map(pid_t pid, const char *file, const IdMap *map)
{
        _cleanup_buffer_ Buffer text = {0};
        char path[64];

        for (size_t i = 0; i < map->count; i++)
                buffer_printf(&text, "%u %u %u\n", map->ranges[i].inside, map->ranges[i].outside,
                              map->ranges[i].count);
        if (text.failed)
                return -ENOMEM;
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
        return file_write_existing_at(AT_FDCWD, path, text.data);
}

static int write_maps_directly(pid_t pid, const UserNamespaceMap *map, Error *err)
{
        char path[64];
        int r;

        if (!map->privileged) {
                snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
                r = file_write_existing_at(AT_FDCWD, path, "deny");
                if (r < 0)
                        return fail_errno(err, -r, "user namespace: forbid setgroups");
        }
        r = write_map(pid, "uid_map", &map->uids);
        if (r < 0) {
                if (r == -EPERM)
                        return explain_no_userns(err, EPERM);
                return fail_errno(err, -r, "user namespace: write uid_map");
        }
        r = write_map(pid, "gid_map", &map->gids);
        if (r < 0)
                return fail_errno(err, -r, "user namespace: write gid_map");
        return 0;
}

/* Starts newuidmap or newgidmap with what it is to write; found by the standard path, never the caller's PATH
 * alone. */
static int spawn_mapper(const char *program, pid_t holder, const IdMap *map, int errors, pid_t *ret,
                        Error *err)
{
        char numbers[3 * ID_MAP_MAXIMUM + 1][12];
        char *arguments[3 * ID_MAP_MAXIMUM + 3];
        char *environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", NULL};
        size_t count = 0;
        int r;

        snprintf(numbers[0], sizeof(numbers[0]), "%d", holder);
        arguments[count++] = (char *)program;
        arguments[count++] = numbers[0];
        for (size_t i = 0; i < map->count; i++) {
                uint32_t values[3] = {map->ranges[i].inside, map->ranges[i].outside, map->ranges[i].count};

                for (size_t k = 0; k < 3; k++) {
                        char *number = numbers[1 + 3 * i + k];

                        snprintf(number, sizeof(numbers[0]), "%u", values[k]);
                        arguments[count++] = number;
                }
        }
        arguments[count] = NULL;

        posix_spawn_file_actions_t actions;
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return fail_errno(err, r, "start %s", program);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, errors, 1);
        posix_spawn_file_actions_adddup2(&actions, errors, 2);
        r = ENOENT;
        static const char *const folders[] = {"/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"};
        for (size_t i = 0; i < ELEMENTSOF(folders) && r == ENOENT; i++) {
                char path[64];

                snprintf(path, sizeof(path), "%s/%s", folders[i], program);
                r = posix_spawn(ret, path, &actions, NULL, arguments, environment);
        }
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return fail_errno(err, r, "start %s", program);
        return 0;
}

int userns_start(const UserNamespaceMap *map, UserNamespace *ret, Error *err)
{
        UserNamespace namespace = USER_NAMESPACE_INIT;
        int channel[2], code = 0;
        int r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0)
                return fail_errno(err, errno, "user namespace: socketpair");
        namespace.channel = channel[0];
        struct clone_args arguments = {.exit_signal = SIGCHLD};
        namespace.holder = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
        if (namespace.holder < 0 && errno == ENOSYS)
        namespace.holder = fork();
        if (namespace.holder == 0) {
                close(channel[0]);
                holder_main(channel[1]);
        }
        r = namespace.holder < 0 ? -errno : 0;
        close(channel[1]);
        if (r < 0) {
                namespace.holder = 0;
                userns_deinit(&namespace);
                return fail_errno(err, -r, "user namespace: start a process");
        }
        if (file_read_full(namespace.channel, &code, sizeof(code)) != sizeof(code))
                code = ECHILD;
        if (code != 0) {
                userns_deinit(&namespace);
                return explain_no_userns(err, code);
        }

        if (map->single || map->privileged) {
                r = write_maps_directly(namespace.holder, map, err);
        } else {
                int errors[2];

                if (pipe2(errors, O_CLOEXEC) < 0) {
                        r = fail_errno(err, errno, "user namespace: pipe");
                } else {
                        namespace.mapper_errors = errors[0];
                        r = spawn_mapper("newuidmap", namespace.holder, &map->uids, errors[1],
                                         &namespace.mappers[0], err);
                        if (r >= 0)
                                r = spawn_mapper("newgidmap", namespace.holder, &map->gids, errors[1],
                                                 &namespace.mappers[1], err);
                        close(errors[1]);
                }
        }
        if (r < 0) {
                userns_deinit(&namespace);
                return r;
        }
        *ret = namespace;
        return 0;
}

/* Waits for a child, EINTR or not; its wait status, or -1. */
static int reap(pid_t *pid)
{
        int status = -1;

        if (*pid > 0)
                while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
                        ;
        *pid = 0;
        return status;
}

static int collect_mappers(UserNamespace *namespace, Error *err)
{
        bool mapped = true;
        char text[256] = "";

        if (namespace->mappers[0] <= 0)
                return 0;
        for (size_t i = 0; i < 2; i++)
                if (reap(&namespace->mappers[i]) != 0)
                        mapped = false;
        if (!mapped) {
                ssize_t n = read(namespace->mapper_errors, text, sizeof(text) - 1);
                _cleanup_free_ char *printable = NULL;

                text[n > 0 ? n : 0] = '\0';
                for (char *c = text; *c; c++)
                        if (*c == '\n')
                                *c = ' ';
                printable = text_printable(text);
                fail_kind(err, ERROR_UNSUPPORTED, EPERM,
                          "newuidmap or newgidmap refused to map your subordinate ids: %s",
                          printable ? printable : "");
                fail_hint(err, "they must be setuid root (sudo apt-get install --reinstall uidmap), and not "
                               "on a file system "
                               "mounted nosuid, nor started by a process with no_new_privs");
                return -EPERM;
        }
        cleanup_close(&namespace->mapper_errors);
        return 0;
}

int userns_finish(UserNamespace *namespace, Error *err)
{
        char path[64];
        int r;

        if (namespace->fd >= 0)
                return 0;
        r = collect_mappers(namespace, err);
        if (r >= 0) {
                snprintf(path, sizeof(path), "/proc/%d/ns/user", namespace->holder);
                namespace->fd = open(path, O_RDONLY | O_CLOEXEC);
                if (namespace->fd < 0)
                        r = fail_errno(err, errno, "user namespace: open %s", path);
        }
        cleanup_close(&namespace->channel);
        reap(&namespace->holder);
        return r;
}

void userns_deinit(UserNamespace *namespace)
{
        cleanup_close(&namespace->channel);
        for (size_t i = 0; i < 2; i++)
                reap(&namespace->mappers[i]);
        reap(&namespace->holder);
        if (namespace->mapper_errors > 0)
                cleanup_close(&namespace->mapper_errors);
        if (namespace->fd > 0)
                cleanup_close(&namespace->fd);
        *namespace = (UserNamespace)USER_NAMESPACE_INIT;
}

int userns_enter(int fd)
{
        if (setns(fd, CLONE_NEWUSER) < 0)
                return -errno;
        /* Where only one id is mapped setgroups(2) is forbidden: the host's groups stay, and show as nogroup.
         * Raw calls: glibc's wrappers would signal threads that do not exist in a vfork child. */
        if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
                return -errno;
        if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
                return -errno;
        return 0;
}
