#include "engine/container-launch.h"

#include "base/clock.h"
#include "base/file.h"
#include "engine/container-root.h"
#include "engine/container-userns.h"
#include "net/switch-start.h"
#include "sys/process.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

void container_launch_deinit(ContainerLaunch *launch)
{
        runtime_container_deinit(&launch->container);
        container_plan_deinit(&launch->plan);
        network_join_deinit(&launch->network);
        cleanup_close(&launch->folder);
        cleanup_close(&launch->user_namespace);
        for (int i = 0; i < 3; i++)
                cleanup_close(&launch->streams[i]);
        cleanup_close(&launch->init_program);
        cleanup_close(&launch->root);
        cleanup_close(&launch->switch_channel);
        free(launch->switch_program);
}

/* Pipes for the payload's streams; with a terminal there are none. @theirs are closed once the init has its
 * copies. */
static int make_streams(const ContainerConfiguration *configuration, ContainerLaunch *launch,
                        int theirs[static 3], Error *err)
{
        for (int i = 0; i < 3; i++) {
                int ends[2];

                if (configuration->terminal || (i == 0 && !configuration->open_stdin))
                        continue;
                if (pipe2(ends, O_CLOEXEC) < 0)
                        return fail_errno(err, errno, "pipe");
                launch->streams[i] = fd_move_above_stdio(ends[i == 0]);
                theirs[i] = fd_move_above_stdio(ends[i != 0]);
        }
        return 0;
}

int container_init_program(Engine *engine, int *ret, Error *err)
{
        _cleanup_buffer_ Buffer program = {0};
        _cleanup_free_ char *path = NULL;
        int r;

        r = engine_helper(engine, "kelp-init", &path, err);
        if (r < 0)
                return r;
        r = file_read_at(AT_FDCWD, path, 16 << 20, &program);
        if (r >= 0)
                r = *ret = fd_memory_file("kelp-init", program.data, program.length);
        return r < 0 ? fail_errno(err, -r, "%s", path) : 0;
}

/* The network namespace is kelp-netd's work: there before the container is. */
static int join_network(RuntimeSpec *spec, int namespace_fd, Error *err)
{
        RuntimeNamespace *namespace = &spec->namespaces[NAMESPACE_NETWORK];

        namespace->mode = NAMESPACE_JOIN;
        free(namespace->path);
        namespace->path = text_printf("/proc/self/fd/%d", namespace_fd);
        return namespace->path ? 0 : fail_memory(err);
}

int container_launch_plan(Engine *engine, const StoreContainer *row,
                          const ContainerConfiguration *configuration, ContainerLaunch *launch, Error *err)
{
        _cleanup_free_ char *folder = NULL;
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        folder = text_printf("%s/containers/%s", store_path(store), row->id);
        if (!folder)
                return fail_memory(err);
        r = network_join_prepare(engine, row, configuration, &launch->network, &launch->user_namespace, err);
        if (r >= 0)
                r = container_plan_make(engine, row->id, folder, configuration, &launch->network,
                                        &launch->plan, err);
        if (r >= 0 && launch->network.namespace_fd >= 0)
                r = join_network(&launch->plan.spec, launch->network.namespace_fd, err);
        if (r >= 0)
                r = container_userns_plan(engine, configuration, &launch->plan, &launch->user_namespace, err);
        if (r >= 0)
                r = container_join(engine, configuration, &launch->plan, &launch->user_namespace, err);
        return r < 0 ? r : container_root_make(engine, configuration, launch, err);
}

/* Whoever starts or holds a container has its folder locked, until the last descriptor of it is closed: two
 * must never run on one root file system. One that is just ending is waited for. */
static int lock_folder(ContainerLaunch *launch, const char *name, Error *err)
{
        enum { TRIES = 200, PAUSE_NANOSECONDS = 10000000 };

        for (int i = 0; flock(launch->folder, LOCK_EX | LOCK_NB) < 0; i++) {
                if (errno == EOPNOTSUPP || errno == ENOLCK)
                        return 0; /* a file system without locks */
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return fail_errno(err, errno, "lock the folder of container %s", name);
                launch->foreign = i == TRIES;
                if (i == TRIES)
                        return fail_kind(err, ERROR_CONFLICT, EBUSY,
                                         "container %s is started or held by another kelp already", name);
                nanosleep(&(struct timespec){.tv_nsec = PAUSE_NANOSECONDS}, NULL);
        }
        return 0;
}

int container_launch_folder(Engine *engine, const StoreContainer *row,
                            const ContainerConfiguration *configuration, ContainerLaunch *launch, Error *err)
{
        _cleanup_free_ char *relative = path_join("containers", row->id);
        Store *store;
        int r;

        if (!relative)
                return fail_memory(err);
        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        launch->folder = openat(store_fd(store), relative, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (launch->folder < 0)
                return fail_errno(err, errno, "folder of container %s", row->name);
        r = lock_folder(launch, row->name, err);
        if (r >= 0)
                r = container_files_write(launch->folder, row->id, configuration, &launch->network, err);
        return r < 0 ? r : container_userns_own(configuration, launch->folder, launch->user_namespace, err);
}

/* The init gets one end; kelp-switch comes when there is a folder for its socket. */
static int open_switch(Engine *engine, const ContainerConfiguration *configuration, ContainerLaunch *launch,
                       int *ret_channel, Error *err)
{
        int ends[2], r;

        if (!network_is_switched(configuration))
                return 0;
        r = engine_helper(engine, "kelp-switch", &launch->switch_program, err);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return fail_errno(err, errno, "socketpair");
        launch->switch_channel = fd_move_above_stdio(ends[0]);
        *ret_channel = fd_move_above_stdio(ends[1]);
        launch->create.switched = true;
        launch->create.switcher = *ret_channel;
        return 0;
}

static int start_switch(ContainerLaunch *launch, Error *err)
{
        const SwitchOptions options = {.program = launch->switch_program,
                                       .folder = launch->folder,
                                       .channel = launch->switch_channel,
                                       .user_namespace = launch->user_namespace,
                                       .network_namespace = launch->network.namespace_fd};
        int r;

        if (launch->switch_channel < 0)
                return 0;
        r = switch_start(&options, err);
        cleanup_close(&launch->switch_channel);
        return r;
}

int container_launch_begin(Engine *engine, const StoreContainer *row,
                           const ContainerConfiguration *configuration, bool at_once, ContainerLaunch *launch,
                           Error *err)
{
        _cleanup_close_ int in = -EBADF, out = -EBADF, error = -EBADF, channel = -EBADF;
        int theirs[3] = {-EBADF, -EBADF, -EBADF}, r;
        RuntimeCreate *create = &launch->create;

        *create = (RuntimeCreate){.spec = &launch->plan.spec,
                                  .overlay = &launch->plan.overlay,
                                  .has_root = launch->root >= 0,
                                  .root = launch->root,
                                  .user_namespace = launch->user_namespace,
                                  .cgroup = -EBADF,
                                  .listener = -EBADF,
                                  .start_at_once = at_once,
                                  .die_with_parent = true,
                                  .id = row->id};
        r = make_streams(configuration, launch, theirs, err);
        in = theirs[0], out = theirs[1], error = theirs[2];
        if (r >= 0 && configuration->init)
                r = container_init_program(engine, &launch->init_program, err);
        if (r >= 0)
                r = open_switch(engine, configuration, launch, &channel, err);
        if (r >= 0 && create->user_namespace < 0)
                r = engine_user_namespace_begun(engine, &create->made_namespace, err);
        if (r < 0)
                return r;
        create->init_program = launch->init_program;
        memcpy(create->stdio, theirs, sizeof(theirs));
        return runtime_begin(create, &launch->container, err);
}

int container_launch_finish(ContainerLaunch *launch, const char *name, Error *err)
{
        int r = network_join_hold(&launch->network, name, launch->container.pidfd, launch->folder, err);

        if (r >= 0)
                r = start_switch(launch, err);
        return r < 0 ? r : runtime_finish(&launch->create, &launch->container, err);
}

static int fill_running(StoreContainer *row, pid_t pid, uint64_t pid_start, pid_t holder)
{
        if (text_replace(&row->status, "running") < 0 || text_replace(&row->error, NULL) < 0)
                return -ENOMEM;
        row->pid = pid;
        row->pid_start = pid_start;
        row->monitor_pid = holder;
        row->monitor_start = process_start_time(holder);
        row->started = clock_now();
        row->finished = 0;
        row->exit_code = 0;
        return 0;
}

int container_fill_running(StoreContainer *row, const ContainerLaunch *launch, Error *err)
{
        pid_t pid = launch->container.pid;

        return fill_running(row, pid, process_start_time(pid), getpid()) < 0 ? fail_memory(err) : 0;
}

int container_set_running(Engine *engine, StoreContainer *row, pid_t pid, uint64_t pid_start, pid_t holder,
                          Error *err)
{
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0 && fill_running(row, pid, pid_start, holder) < 0)
                r = fail_memory(err);
        return r < 0 ? r : store_container_update(store, row, NULL, STORE_FAST, err);
}

int container_set_ended(Engine *engine, StoreContainer *row, const char *status, int exit_code,
                        int64_t finished, const Error *error, Error *err)
{
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        if (text_replace(&row->status, status) < 0 ||
            text_replace(&row->error, error ? error->message : NULL) < 0)
                return fail_memory(err);
        row->pid = row->monitor_pid = 0;
        row->pid_start = row->monitor_start = 0;
        row->exit_code = exit_code;
        row->finished = finished;
        return store_container_update(store, row, NULL, STORE_FAST, err);
}

int container_failed_status(const Error *error)
{
        return error->kind == ERROR_COMMAND_NOT_FOUND ? 127 : error->kind == ERROR_NOT_EXECUTABLE ? 126 : 128;
}

void container_holder_options(const ContainerConfiguration *configuration, ContainerLaunch *launch,
                              HolderOptions *ret)
{
        *ret = (HolderOptions){
                .init = launch->container.pidfd,
                .streams = {launch->streams[0], launch->streams[1], launch->streams[2]},
                .terminal = launch->container.terminal,
                .folder = launch->folder,
                .client = -EBADF,
                .input_once = configuration->open_stdin && configuration->attach_stdin,
                .log = {.none = text_equal(configuration->log_driver, "none"),
                        .max_size = (uint64_t)configuration->log_max_size,
                        .max_files = (unsigned)configuration->log_max_files},
        };
}
