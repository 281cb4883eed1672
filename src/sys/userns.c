/*
 * A user namespace lives as long as a process or a descriptor holds it. It is born with a child, the holder,
 * in which nothing else happens; its maps are written from outside. A task that shares our memory and
 * descriptors is the cheapest child there is: no page table is copied, and nothing has to be handed over.
 *
 *   caller                       holder (clone: VM, FILES, NEWUSER)      newuidmap, newgidmap
 *     | clone -------------------> sleeps on a futex
 *     | clone both, VM ----------------------------------------------->  execve(2), write the maps of the
 * holder | (returns; other work) | userns_call() -----------> runs a function, says so, sleeps |
 * userns_finish(): opens ns/user, waits for both, ends the holder
 *
 * The function of userns_call() is how a container's init comes to be born in the namespace: the caller
 * itself never enters it. The holder must not outlive the making: what runs in the namespace with all its
 * privileges (kelp-unpack, with hostile input; a container's payload) could trace it, and so us. Nobody gets
 * there before userns_finish().
 *
 * Neither the holder nor the mappers, up to their execve(2), call the C library while the caller runs beside
 * them, since its errno is theirs: raw.h.
 *
 * newuidmap and newgidmap are setuid programs that take a millisecond each: they run beside each other, and
 * beside whatever the caller does between userns_start() and userns_finish().
 */
#include "sys/userns.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "sys/raw.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { HOLDER_STACK = 1 << 20, MAPPER_STACK = 16 << 10 };

/* One of newuidmap and newgidmap, to be started. */
typedef struct Mapper {
        const char *paths[4];
        char numbers[3 * ID_MAP_MAXIMUM + 1][12];
        char *arguments[3 * ID_MAP_MAXIMUM + 3];
        int errors; /* becomes its 1 and 2 */
        int failed; /* errno of the last execve(2) */
} Mapper;

typedef enum HolderState { HOLDER_DEAD, HOLDER_SLEEPS, HOLDER_CALLED } HolderState;

/* Where the tasks that share our memory live: it stays while UserNamespace is moved about, until all have
 * ended or have another memory. */
struct UserNamespaceTasks {
        uint32_t state; /* the futex on which both sides wait; the kernel clears it when the holder dies */
        pid_t caller;
        int (*function)(void *argument);
        void *argument;
        Mapper mappers[2];
        _Alignas(64) char mapper_stacks[2][MAPPER_STACK];
        _Alignas(64) char holder_stack[HOLDER_STACK];
};

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
static void state_set(UserNamespaceTasks *tasks, HolderState state)
{
        __atomic_store_n(&tasks->state, state, __ATOMIC_RELEASE);
        raw_syscall(SYS_futex, (long)&tasks->state, FUTEX_WAKE, 1, 0, 0, 0);
}

static void state_await_other(UserNamespaceTasks *tasks, HolderState state)
{
        while (__atomic_load_n(&tasks->state, __ATOMIC_ACQUIRE) == state)
                raw_syscall(SYS_futex, (long)&tasks->state, FUTEX_WAIT, state, 0, 0, 0);
}

/* All signals are blocked in it but SIGKILL: a Ctrl-C that is meant for the container must not end it. */
static int holder_main(void *argument)
{
        UserNamespaceTasks *tasks = argument;

        raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
        if (raw_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0) != tasks->caller)
                return 1; /* it died before */
        for (;;) {
                state_await_other(tasks, HOLDER_SLEEPS);
                tasks->function(tasks->argument);
                state_set(tasks, HOLDER_SLEEPS);
        }
}

static int mapper_main(void *argument)
{
        static char *const environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin",
                                            NULL};
        Mapper *mapper = argument;
        long r = -ENOENT;

        raw_syscall(SYS_dup3, mapper->errors, 1, 0, 0, 0, 0);
        raw_syscall(SYS_dup3, mapper->errors, 2, 0, 0, 0, 0);
        for (size_t i = 0; i < ELEMENTSOF(mapper->paths) && r == -ENOENT; i++)
                r = raw_syscall(SYS_execve, (long)mapper->paths[i], (long)mapper->arguments,
                                (long)environment, 0, 0, 0);
        mapper->failed = (int)-r;
        return 127;
}

/* Found by the standard folders, never by the caller's PATH. */
static void mapper_prepare(Mapper *mapper, bool gid, pid_t holder, const IdMap *map, int errors)
{
        static const char *const uid_paths[] = {"/usr/bin/newuidmap", "/bin/newuidmap",
                                                "/usr/local/bin/newuidmap", "/usr/sbin/newuidmap"};
        static const char *const gid_paths[] = {"/usr/bin/newgidmap", "/bin/newgidmap",
                                                "/usr/local/bin/newgidmap", "/usr/sbin/newgidmap"};
        size_t count = 0;

        for (size_t i = 0; i < ELEMENTSOF(mapper->paths); i++)
                mapper->paths[i] = gid ? gid_paths[i] : uid_paths[i];
        mapper->errors = errors;
        mapper->arguments[count++] = (char *)(gid ? "newgidmap" : "newuidmap");
        snprintf(mapper->numbers[0], sizeof(mapper->numbers[0]), "%d", holder);
        mapper->arguments[count++] = mapper->numbers[0];
        for (size_t i = 0; i < map->count; i++) {
                uint32_t values[3] = {map->ranges[i].inside, map->ranges[i].outside, map->ranges[i].count};

                for (size_t k = 0; k < 3; k++) {
                        char *number = mapper->numbers[1 + 3 * i + k];

                        snprintf(number, sizeof(mapper->numbers[0]), "%u", values[k]);
                        mapper->arguments[count++] = number;
                }
        }
        mapper->arguments[count] = NULL;
}

static int start_mappers(UserNamespace *namespace, const UserNamespaceMap *map, Error *err)
{
        UserNamespaceTasks *tasks = namespace->tasks;
        _cleanup_close_ int writer = -EBADF;
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "user namespace: pipe");
        namespace->mapper_errors = ends[0];
        writer = ends[1];
        mapper_prepare(&tasks->mappers[0], false, namespace->holder, &map->uids, writer);
        mapper_prepare(&tasks->mappers[1], true, namespace->holder, &map->gids, writer);
        for (size_t i = 0; i < 2; i++) {
                namespace->mappers[i] = clone(mapper_main, tasks->mapper_stacks[i] + MAPPER_STACK,
                                              CLONE_VM | SIGCHLD, &tasks->mappers[i]);
                if (namespace->mappers[i] < 0) {
                        namespace->mappers[i] = 0;
                        return fail_errno(err, errno, "start newuidmap and newgidmap");
                }
        }
        return 0;
}

static int start_holder(UserNamespace *namespace, Error *err)
{
        UserNamespaceTasks *tasks = mmap(NULL, sizeof(*tasks), PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
        sigset_t all, before;
        int code;

        if (tasks == MAP_FAILED)
                return fail_memory(err);
        namespace->tasks = tasks;
        tasks->caller = getpid();
        tasks->state = HOLDER_SLEEPS;
        /* Of a process that is not dumpable /proc/PID/uid_map belongs to root. */
        prctl(PR_SET_DUMPABLE, 1);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        namespace->holder = clone(holder_main, tasks->holder_stack + HOLDER_STACK,
                                  CLONE_VM | CLONE_FILES | CLONE_NEWUSER | CLONE_CHILD_CLEARTID | SIGCHLD,
                                  tasks, NULL, NULL, &tasks->state);
        code = errno;
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (namespace->holder > 0)
                return 0;
        namespace->holder = 0;
        return explain_no_userns(err, code);
}

int userns_start(const UserNamespaceMap *map, UserNamespace *ret, Error *err)
{
        UserNamespace namespace = USER_NAMESPACE_INIT;
        int r;

        r = start_holder(&namespace, err);
        if (r >= 0)
                r = map->single || map->privileged ? write_maps_directly(namespace.holder, map, err)
                                                   : start_mappers(&namespace, map, err);
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

static void end_holder(UserNamespace *namespace)
{
        if (namespace->holder > 0)
                kill(namespace->holder, SIGKILL);
        reap(&namespace->holder);
}

static int open_namespace(UserNamespace *namespace, Error *err)
{
        char path[64];

        if (namespace->fd >= 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/%d/ns/user", namespace->holder);
        namespace->fd = open(path, O_RDONLY | O_CLOEXEC);
        return namespace->fd < 0 ? fail_errno(err, errno, "user namespace: open %s", path) : 0;
}

int userns_call(UserNamespace *namespace, int (*function)(void *argument), void *argument, Error *err)
{
        UserNamespaceTasks *tasks = namespace->tasks;

        tasks->function = function;
        tasks->argument = argument;
        state_set(tasks, HOLDER_CALLED);
        state_await_other(tasks, HOLDER_CALLED);
        if (__atomic_load_n(&tasks->state, __ATOMIC_ACQUIRE) != HOLDER_SLEEPS)
                return fail(err, EIO, "the process that holds the user namespace was killed");
        return 0;
}

/* What the mappers have to say, on one line. */
static int mappers_refused(const UserNamespace *namespace, Error *err)
{
        _cleanup_free_ char *printable = NULL;
        char text[256] = "";
        ssize_t n;

        for (size_t i = 0; i < 2; i++)
                if (namespace->tasks->mappers[i].failed)
                        return fail_errno(err, namespace->tasks->mappers[i].failed, "start %s",
                                          namespace->tasks->mappers[i].arguments[0]);
        n = read(namespace->mapper_errors, text, sizeof(text) - 1);
        text[n > 0 ? n : 0] = '\0';
        for (char *c = text; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        printable = text_printable(text);
        fail_kind(err, ERROR_UNSUPPORTED, EPERM,
                  "newuidmap or newgidmap refused to map your subordinate ids: %s", printable ?: "");
        fail_hint(err,
                  "they must be setuid root (sudo apt-get install --reinstall uidmap), and not on a file "
                  "system mounted nosuid, nor started by a process with no_new_privs");
        return -EPERM;
}

int userns_finish(UserNamespace *namespace, Error *err)
{
        bool mapped = true;
        int r = 0;

        for (size_t i = 0; i < 2; i++)
                if (namespace->mappers[i] > 0 && reap(&namespace->mappers[i]) != 0)
                        mapped = false;
        if (!mapped)
                r = mappers_refused(namespace, err);
        if (r >= 0)
                r = open_namespace(namespace, err);
        end_holder(namespace);
        cleanup_close(&namespace->mapper_errors);
        if (namespace->tasks)
                munmap(namespace->tasks, sizeof(*namespace->tasks));
        namespace->tasks = NULL;
        return r;
}

void userns_deinit(UserNamespace *namespace)
{
        end_holder(namespace);
        for (size_t i = 0; i < 2; i++)
                reap(&namespace->mappers[i]);
        cleanup_close(&namespace->mapper_errors);
        cleanup_close(&namespace->fd);
        if (namespace->tasks)
                munmap(namespace->tasks, sizeof(*namespace->tasks));
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
