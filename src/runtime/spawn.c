/*
 * The caller's half of a container's start. The init has to be born in a user namespace in which the caller
 * is not, and be the caller's child all the same. So a task that shares the caller's memory and descriptors,
 * and for which the caller waits, is in that namespace and clones the init as its own sibling:
 *
 *   caller ── the holder of a namespace being made (sys/userns.h), or else
 *     │       clone(VM, VFORK, FILES) ──> helper: setns(user namespace, joined namespaces)
 *     │                                     └─ clone3(PARENT, new pid namespace) ──> init
 *     └─ the task has ended; the init is the caller's child, its pidfd is in the caller's table
 *
 * The init is an ordinary fork and owns its memory. The other namespaces it makes itself, since that takes
 * time (a network namespace most of all), in which the caller, and newuidmap and newgidmap, can go on.
 *
 * Where there is nothing to enter the caller clones the init itself.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/filter.h"
#include "runtime/handshake.h"
#include "runtime/hooks.h"
#include "runtime/init.h"
#include "sys/process.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { STACK_SIZE = 1 << 20 };

static const struct {
        const char *name;
        uint64_t flag;
} namespace_table[NAMESPACE_COUNT] = {
        [NAMESPACE_USER] = {"user", CLONE_NEWUSER},       [NAMESPACE_MOUNT] = {"mount", CLONE_NEWNS},
        [NAMESPACE_PID] = {"pid", CLONE_NEWPID},          [NAMESPACE_NETWORK] = {"network", CLONE_NEWNET},
        [NAMESPACE_IPC] = {"ipc", CLONE_NEWIPC},          [NAMESPACE_UTS] = {"uts", CLONE_NEWUTS},
        [NAMESPACE_CGROUP] = {"cgroup", CLONE_NEWCGROUP}, [NAMESPACE_TIME] = {"time", CLONE_NEWTIME},
};

/* What the helper needs, and what it says: it shares the caller's memory. */
typedef struct Spawn {
        Init init;
        int channels[2];           /* the caller's end, the init's */
        int join[NAMESPACE_COUNT]; /* descriptors of namespaces to enter; the user namespace first */
        int target;                /* pidfd: enter @target_namespaces of that process; -EBADF: none */
        int target_namespaces;
        uint64_t new_namespaces;
        int cgroup;
        pid_t pid;
        int pidfd;
        int failed;           /* errno of the helper */
        int failed_namespace; /* which setns(2) failed; -1: clone3(2) did */
} Spawn;

/* The init, as the child of whom @flags say. */
static int spawn_init(Spawn *spawn, uint64_t flags)
{
        struct clone_args arguments = {
                .flags = spawn->new_namespaces | flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                .pidfd = (uint64_t)(uintptr_t)&spawn->pidfd,
                .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
        };
        long pid;

        if (spawn->cgroup >= 0) {
                arguments.flags |= CLONE_INTO_CGROUP;
                arguments.cgroup = (uint64_t)spawn->cgroup;
        }
        pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
        if (pid == 0) {
                close(spawn->channels[0]);
                init_main(&spawn->init);
        }
        if (pid < 0) {
                spawn->failed = errno;
                spawn->failed_namespace = -1;
        }
        spawn->pid = (pid_t)pid;
        return pid < 0 ? 1 : 0;
}

/* In the helper or the holder. */
static int spawn_sibling(void *argument)
{
        Spawn *spawn = argument;

        for (int kind = 0; kind < NAMESPACE_COUNT; kind++)
                if (spawn->join[kind] >= 0 && setns(spawn->join[kind], (int)namespace_table[kind].flag) < 0) {
                        spawn->failed = errno;
                        spawn->failed_namespace = kind;
                        return 1;
                }
        if (spawn->target_namespaces && setns(spawn->target, spawn->target_namespaces) < 0) {
                spawn->failed = errno;
                spawn->failed_namespace = NAMESPACE_COUNT;
                return 1;
        }
        /* It is born among others who may have an interest in kelp's file, by way of its /proc/PID/exe
         * (execute.c). Entering a user namespace has the same effect already, but where fs.suid_dumpable
         * is 1. */
        if (spawn->target_namespaces || spawn->join[NAMESPACE_PID] >= 0)
                prctl(PR_SET_DUMPABLE, 0);
        return spawn_init(spawn, CLONE_PARENT);
}

static int spawn_error(const Spawn *spawn, Error *err)
{
        if (spawn->failed_namespace == NAMESPACE_COUNT)
                return fail_errno(err, spawn->failed, "enter the container's namespaces");
        if (spawn->failed_namespace >= 0)
                return fail_errno(err, spawn->failed, "join the %s namespace",
                                  namespace_table[spawn->failed_namespace].name);
        return init_namespaces_failed(spawn->failed, "clone3", err);
}

static int spawn_by_helper(Spawn *spawn, Error *err)
{
        void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
        int status;
        pid_t helper;

        if (stack == MAP_FAILED)
                return fail_memory(err);
        helper = clone(spawn_sibling, (char *)stack + STACK_SIZE,
                       CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, spawn);
        if (helper < 0)
                spawn->failed = errno, spawn->failed_namespace = -1;
        else
                while (waitpid(helper, &status, 0) < 0 && errno == EINTR)
                        ;
        munmap(stack, STACK_SIZE);
        return 0;
}

static bool has_to_enter(const Spawn *spawn)
{
        for (int kind = 0; kind < NAMESPACE_COUNT; kind++)
                if (spawn->join[kind] >= 0)
                        return true;
        return spawn->target_namespaces != 0;
}

/* @holder: NULL, or the task in which it is done. */
static int spawn_run(Spawn *spawn, UserNamespace *holder, Error *err)
{
        sigset_t all, before;
        int r = 0;

        /* No handler of the caller may run in a task that shares its memory. The init unblocks. */
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        spawn->pidfd = -EBADF;
        if (holder)
                r = userns_call(holder, spawn_sibling, spawn, err);
        else if (has_to_enter(spawn))
                r = spawn_by_helper(spawn, err);
        else
                spawn_init(spawn, 0);
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (r < 0)
                return r;
        if (!spawn->failed && spawn->pid <= 0)
                return fail(err, EIO, "the helper that makes the container's namespaces was killed");
        return spawn->failed ? spawn_error(spawn, err) : 0;
}

/* ---- user namespace ---- */

int runtime_id_map(const RuntimeIdMap *maps, size_t count, IdMap *ret)
{
        if (count > ID_MAP_MAXIMUM)
                return -E2BIG;
        ret->count = count;
        for (size_t i = 0; i < count; i++)
                ret->ranges[i] = (IdRange){maps[i].container_id, maps[i].host_id, maps[i].size};
        return 0;
}

static int map_convert(const RuntimeIdMap *maps, size_t count, IdMap *ret, Error *err)
{
        return runtime_id_map(maps, count, ret) < 0
                       ? fail_kind(err, ERROR_UNSUPPORTED, E2BIG, "%zu id mappings, at most %d are possible",
                                   count, ID_MAP_MAXIMUM)
                       : 0;
}

/* Starts making the user namespace that the spec asks for. */
static int start_user_namespace(const RuntimeSpec *spec, UserNamespace *ret, Error *err)
{
        UserNamespaceMap map = {0};
        int r;

        if (!spec->uid_map_count || !spec->gid_map_count)
                return fail_kind(
                        err, ERROR_USAGE, EINVAL,
                        "config.json: a new user namespace needs linux.uidMappings and linux.gidMappings");
        r = map_convert(spec->uid_maps, spec->uid_map_count, &map.uids, err);
        if (r >= 0)
                r = map_convert(spec->gid_maps, spec->gid_map_count, &map.gids, err);
        if (r < 0)
                return r;
        map.privileged = geteuid() == 0;
        map.single = !map.privileged && map.uids.count == 1 && map.uids.ranges[0].count == 1 &&
                     map.gids.count == 1 && map.gids.ranges[0].count == 1;
        return userns_start(&map, ret, err);
}

static int copy_descriptor(int fd, int *ret, Error *err)
{
        *ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return *ret < 0 ? fail_errno(err, errno, "user namespace") : 0;
}

/* What is joined and by whom, and what is made and by whom. */
static int prepare_namespaces(const RuntimeCreate *create, Spawn *spawn, Error *err)
{
        const uint64_t with_the_init =
                CLONE_NEWPID | CLONE_NEWTIME; /* unshare(2) would do it for children only */
        const UserNamespace *made = create->made_namespace;
        int r = 0;

        if (create->user_namespace >= 0)
                r = copy_descriptor(create->user_namespace, &spawn->join[NAMESPACE_USER], err);
        else if (made && made->holder <= 0)
                r = copy_descriptor(made->fd, &spawn->join[NAMESPACE_USER], err);
        for (int kind = 0; r >= 0 && kind < NAMESPACE_COUNT; kind++) {
                const RuntimeNamespace *namespace = &create->spec->namespaces[kind];

                if (namespace->mode == NAMESPACE_NEW && kind != NAMESPACE_USER) {
                        if (kind == NAMESPACE_TIME && create->spec->time_offsets)
                                spawn->init.new_time_namespace = true;
                        else if (namespace_table[kind].flag & with_the_init)
                                spawn->new_namespaces |= namespace_table[kind].flag;
                        else
                                spawn->init.new_namespaces |= (int)namespace_table[kind].flag;
                }
                if (namespace->mode != NAMESPACE_JOIN || spawn->join[kind] >= 0)
                        continue;
                spawn->join[kind] = open(namespace->path, O_RDONLY | O_CLOEXEC);
                if (spawn->join[kind] < 0)
                        r = fail_errno(err, errno, "%s namespace %s", namespace_table[kind].name,
                                       namespace->path);
                if (kind == NAMESPACE_TIME)
                        spawn->init.time_namespace = TAKE_FD(spawn->join[kind]);
        }
        return r;
}

/* ---- the contract ---- */

static int failed_in_init(const HandshakeMessage *message, Error *err)
{
        if (message->type != HANDSHAKE_FAILED || message->error.code <= 0)
                return fail(err, EIO, "the container's init sent what nobody expects");
        if (err)
                *err = message->error;
        return -message->error.code;
}

/* The container is built but for its last steps: what is to run in our namespaces does. */
static int run_hooks(const RuntimeCreate *create, RuntimeContainer *container, Error *err)
{
        HookState state = {
                .id = create->id, .bundle = create->bundle, .status = "creating", .pid = container->pid};
        int r;

        r = hooks_run(create->spec, HOOK_PRESTART, &state, err);
        if (r >= 0)
                r = hooks_run(create->spec, HOOK_CREATE_RUNTIME, &state, err);
        if (r >= 0)
                handshake_go_on(container->channel, container->pid);
        return r;
}

/* A descriptor comes with CREATED and with LISTENER. */
static int take_message(RuntimeContainer *container, HandshakeMessage *ret, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        int r = handshake_receive(container->channel, ret, &fd);

        if (r > 0 && ret->type == HANDSHAKE_LISTENER && fd >= 0 && container->spec) {
                HookState state = {.id = container->id,
                                   .bundle = container->bundle,
                                   .status = "running",
                                   .pid = container->pid};

                return filter_tell_agent(container->spec, &state, fd, err) < 0 ? -ECANCELED : 1;
        }
        if (r > 0 && container->terminal < 0)
                container->terminal = TAKE_FD(fd);
        return r < 0 ? fail_errno(err, -r, "read from the container's init") : r;
}

/* The next message that is not about hooks, which are run, or a seccomp agent, who is told. @create is NULL
 * when hooks were before. */
static int receive(const RuntimeCreate *create, RuntimeContainer *container, HandshakeMessage *ret,
                   Error *err)
{
        int r;

        do {
                r = take_message(container, ret, err);
                if (r > 0 && create && ret->type == HANDSHAKE_PREPARED) {
                        r = run_hooks(create, container, err);
                        r = r < 0 ? r : 1;
                }
        } while (r > 0 && ((create && ret->type == HANDSHAKE_PREPARED) || ret->type == HANDSHAKE_LISTENER));
        return r;
}

/* Waits for CREATED, or for the reason why not. */
static int await_created(const RuntimeCreate *create, RuntimeContainer *container, Error *err)
{
        HandshakeMessage message;
        int r = receive(create, container, &message, err);

        if (r < 0)
                return r;
        if (r == 0)
                return fail(err, EIO, "the container's init was killed while it built the container");
        return message.type == HANDSHAKE_CREATED ? 0 : failed_in_init(&message, err);
}

/* Waits for the end of file that execve(2) makes. It is the same when the init was killed meanwhile, which
 * its exit status tells. */
static int await_executed(const RuntimeCreate *create, RuntimeContainer *container, Error *err)
{
        HandshakeMessage message;
        int r;

        do
                r = receive(create, container, &message, err);
        while (r > 0 && message.type == HANDSHAKE_CREATED);
        cleanup_close(&container->channel);
        return r > 0 ? failed_in_init(&message, err) : r;
}

/* Both kinds of start: @spawn has what differs. */
static int spawn_container(Spawn *spawn, UserNamespace *holder, RuntimeContainer *ret, Error *err)
{
        _cleanup_runtime_container_ RuntimeContainer container = RUNTIME_CONTAINER_INIT;
        int r;

        r = handshake_pair(spawn->channels);
        if (r < 0)
                return fail_errno(err, -r, "socketpair");
        container.channel = spawn->channels[0];
        spawn->init.channel = spawn->channels[1];
        r = spawn_run(spawn, holder, err);
        cleanup_close(&spawn->channels[1]);
        container.pid = spawn->pid > 0 ? spawn->pid : 0;
        container.pidfd = spawn->pidfd;
        container.spec = spawn->init.spec;
        container.id = spawn->init.create->id;
        container.bundle = spawn->init.create->bundle;
        if (r < 0)
                return r;
        *ret = container;
        container = (RuntimeContainer)RUNTIME_CONTAINER_INIT;
        return 0;
}

static void spawn_setup(const RuntimeCreate *create, const RuntimeProcess *process, Spawn *ret)
{
        *ret = (Spawn){
                .init = {.create = create,
                         .spec = create->spec,
                         .process = process,
                         .root = -EBADF,
                         .time_namespace = -EBADF,
                         .memory_files = -EBADF,
                         .terminal = -EBADF,
                         .master = -EBADF,
                         .stub = -EBADF},
                .target = -EBADF,
                .cgroup = create->cgroup,
        };
        for (size_t i = 0; i < NAMESPACE_COUNT; i++)
                ret->join[i] = -EBADF;
}

static int begin(const RuntimeCreate *create, bool awaits_word, RuntimeContainer *ret, Error *err)
{
        UserNamespace *made = create->made_namespace;
        Spawn spawn;
        int r;

        spawn_setup(create, &create->spec->process, &spawn);
        spawn.init.in_user_namespace = made || create->user_namespace >= 0 ||
                                       create->spec->namespaces[NAMESPACE_USER].mode != NAMESPACE_HOST;
        spawn.init.awaits_word = awaits_word;
        r = prepare_namespaces(create, &spawn, err);
        if (r >= 0)
                r = spawn_container(&spawn, made && made->holder > 0 ? made : NULL, ret, err);
        for (size_t i = 0; i < NAMESPACE_COUNT; i++)
                cleanup_close(&spawn.join[i]);
        cleanup_close(&spawn.init.time_namespace);
        return r;
}

static int finish(const RuntimeCreate *create, bool awaits_word, RuntimeContainer *container, Error *err)
{
        int r;

        if (create->made_namespace) {
                r = userns_finish(create->made_namespace, err);
                if (r < 0)
                        return r;
        }
        /* Should it have failed before, it says why. */
        if (awaits_word)
                handshake_send(container->channel, HANDSHAKE_PROCEED, NULL, -EBADF);
        return create->start_at_once ? await_executed(create, container, err)
                                     : await_created(create, container, err);
}

int runtime_begin(const RuntimeCreate *create, RuntimeContainer *ret, Error *err)
{
        return begin(create, true, ret, err);
}

int runtime_finish(const RuntimeCreate *create, RuntimeContainer *container, Error *err)
{
        return finish(create, true, container, err);
}

int runtime_create(const RuntimeCreate *create, RuntimeContainer *ret, Error *err)
{
        _cleanup_runtime_container_ RuntimeContainer container = RUNTIME_CONTAINER_INIT;
        _cleanup_(userns_deinit) UserNamespace namespace = USER_NAMESPACE_INIT;
        RuntimeCreate own = *create;
        int r = 0;

        if (!own.made_namespace && own.user_namespace < 0 &&
            own.spec->namespaces[NAMESPACE_USER].mode == NAMESPACE_NEW) {
                r = start_user_namespace(own.spec, &namespace, err);
                own.made_namespace = &namespace;
        }
        if (r >= 0)
                r = begin(&own, own.made_namespace, &container, err);
        if (r >= 0)
                r = finish(&own, own.made_namespace, &container, err);
        if (r < 0)
                return r;
        *ret = container;
        container = (RuntimeContainer)RUNTIME_CONTAINER_INIT;
        return 0;
}

/* The namespaces in which @pid is and we are not; entering one's own would need privileges over the host's.
 */
static int foreign_namespaces(pid_t pid, int *ret, Error *err)
{
        static const char *const files[NAMESPACE_COUNT] = {"user", "mnt", "pid",    "net",
                                                           "ipc",  "uts", "cgroup", "time"};

        *ret = 0;
        for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
                char own_path[64], path[64];
                struct stat own, other;

                snprintf(own_path, sizeof(own_path), "/proc/self/ns/%s", files[i]);
                snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, files[i]);
                if (stat(own_path, &own) < 0)
                        continue; /* a kernel without this kind */
                if (stat(path, &other) < 0)
                        return fail_errno(err, errno, "%s namespace of process %d", files[i], pid);
                if (own.st_ino != other.st_ino || own.st_dev != other.st_dev)
                        *ret |= (int)namespace_table[i].flag;
        }
        return 0;
}

/* An init that still builds its container hides from everybody (execute.c) until it executes the payload,
 * which nobody is told of: we look again every two milliseconds. */
static void await_payload(const RuntimeExec *exec)
{
        enum { INTERVAL = 2, LONGEST = 10000 };
        struct pollfd end = {.fd = exec->pidfd, .events = POLLIN};
        struct stat status;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/ns/user", exec->pid);
        for (int waited = 0; waited < LONGEST; waited += INTERVAL)
                if (stat(path, &status) == 0 || errno != EACCES || poll(&end, 1, INTERVAL) > 0)
                        return;
}

/* A process of exec hides from its birth on (spawn_sibling()), so it cannot write its own files below /proc:
 * it inherits the score that we have meanwhile. */
static int spawn_with_oom_score(Spawn *spawn, const RuntimeProcess *process, RuntimeContainer *ret,
                                Error *err)
{
        static const char file[] = "/proc/self/oom_score_adj";
        _cleanup_buffer_ Buffer before = {0};
        int r = process->has_oom_score_adj ? file_read_at(AT_FDCWD, file, 64, &before) : 0;

        if (r < 0)
                return fail_errno(err, -r, "%s", file);
        r = process_set_oom_score(process, err);
        if (r >= 0)
                r = spawn_container(spawn, NULL, ret, err);
        if (before.data)
                file_write_existing_at(AT_FDCWD, file, before.data);
        return r;
}

int runtime_exec(const RuntimeExec *exec, RuntimeContainer *ret, Error *err)
{
        _cleanup_runtime_container_ RuntimeContainer container = RUNTIME_CONTAINER_INIT;
        RuntimeCreate create = {
                .spec = exec->spec,
                .user_namespace = -EBADF,
                .stdio = {exec->stdio[0], exec->stdio[1], exec->stdio[2]},
                .init_program = -EBADF,
                .cgroup = exec->cgroup,
                .listener = -EBADF,
                .preserve_fds = exec->preserve_fds,
                .switched = exec->switched,
                .switcher = exec->switcher,
        };
        Spawn spawn;
        int r;

        spawn_setup(&create, exec->process, &spawn);
        spawn.init.exec = true;
        spawn.init.in_user_namespace = true;
        spawn.target = exec->pidfd;
        await_payload(exec);
        r = foreign_namespaces(exec->pid, &spawn.target_namespaces, err);
        if (r >= 0 && (spawn.target_namespaces & CLONE_NEWTIME)) {
                char path[64];

                snprintf(path, sizeof(path), "/proc/%d/ns/time", exec->pid);
                spawn.target_namespaces &= ~CLONE_NEWTIME;
                spawn.init.time_namespace = open(path, O_RDONLY | O_CLOEXEC);
                if (spawn.init.time_namespace < 0)
                        r = fail_errno(err, errno, "time namespace of process %d", exec->pid);
        }
        if (r >= 0)
                r = spawn_with_oom_score(&spawn, exec->process, &container, err);
        cleanup_close(&spawn.init.time_namespace);
        if (r >= 0)
                r = await_created(&create, &container, err);
        if (r >= 0)
                r = runtime_start(&container, err);
        if (r < 0)
                return r;
        *ret = container;
        container = (RuntimeContainer)RUNTIME_CONTAINER_INIT;
        return 0;
}

int runtime_leave(RuntimeContainer *container, Error *err)
{
        int r = handshake_go_on(container->channel, container->pid);

        if (r < 0)
                return fail_errno(err, -r, "the container's init has gone");
        container->pid = 0;
        return 0;
}

int runtime_start(RuntimeContainer *container, Error *err)
{
        int r = handshake_send(container->channel, HANDSHAKE_START, NULL, -EBADF);

        if (r >= 0)
                return await_executed(NULL, container, err);
        cleanup_close(&container->channel);
        return fail_errno(err, -r, "start the container: its init has gone");
}

void runtime_container_deinit(RuntimeContainer *container)
{
        int status;

        if (container->pidfd >= 0 && container->pid > 0) {
                process_signal(container->pidfd, SIGKILL);
                process_reap(container->pidfd, &status);
        }
        cleanup_close(&container->pidfd);
        cleanup_close(&container->channel);
        cleanup_close(&container->terminal);
        container->pid = 0;
}
