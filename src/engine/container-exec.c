/*
 * exec: one more process in a running container, confined like its first. Its streams are pipes or a terminal
 * of its own, never the caller's descriptors: those would let it open the caller's files and terminal again.
 * kelp holds them as it holds a container's in the foreground; when the user detaches, the container's holder
 * keeps the terminal open.
 */
#include "base/file.h"
#include "engine/container-launch.h"
#include "engine/container-state.h"
#include "engine/network-join.h"
#include "monitor/frame.h"
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>

enum { ENDING_MILLISECONDS = 1000 };

static int plan_process(const ContainerExecOptions *options, const ContainerConfiguration *configuration,
                        RuntimeProcess *process, Error *err)
{
        if (!options->arguments.count)
                return fail_kind(err, ERROR_USAGE, EINVAL, "exec: no command is given");
        string_list_deinit(&process->args);
        process->terminal = options->terminal;
        if (string_list_copy(&process->args, &options->arguments) < 0 ||
            (options->terminal && string_list_env_set(&process->env, "TERM=xterm") < 0) ||
            text_replace(&process->cwd, options->workdir ?: configuration->workdir) < 0 ||
            (options->user && text_replace(&process->user, options->user) < 0))
                return fail_memory(err);
        for (size_t i = 0; i < options->env.count; i++) {
                const char *assignment = options->env.items[i];

                if (*assignment == '=' || !*assignment)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid environment variable \"%s\": the name is empty",
                                         assignment);
                if (!strchr(assignment, '='))
                        string_list_env_unset(&process->env, assignment);
                else if (string_list_env_set(&process->env, assignment) < 0)
                        return fail_memory(err);
        }
        if (options->privileged)
                process->capabilities.bounding = process->capabilities.effective =
                        process->capabilities.permitted = UINT64_MAX;
        return 0;
}

/* A process of exec, and who it belongs to. */
typedef struct Exec {
        Engine *engine;
        const ContainerExecOptions *options;
        StoreContainer row;
        ContainerConfiguration configuration;
        ContainerPlan plan;
        int init; /* pidfd of the container's */
        RuntimeContainer process;
        int streams[3]; /* our ends */
} Exec;

#define EXEC_INIT                                                                                            \
        {                                                                                                    \
                .init = -EBADF, .process = RUNTIME_CONTAINER_INIT, .streams = { -EBADF, -EBADF, -EBADF }     \
        }

static void exec_deinit(Exec *exec)
{
        runtime_container_deinit(&exec->process);
        container_plan_deinit(&exec->plan);
        container_configuration_deinit(&exec->configuration);
        store_container_deinit(&exec->row);
        cleanup_close(&exec->init);
        for (int i = 0; i < 3; i++)
                cleanup_close(&exec->streams[i]);
}

static int find(Exec *exec, const char *name, Error *err)
{
        int r;

        r = container_find(exec->engine, name, &exec->row, err);
        if (r < 0)
                return r;
        exec->init = text_equal(exec->row.status, "running")
                             ? process_open(exec->row.pid, exec->row.pid_start)
                             : -ESRCH;
        if (exec->init < 0)
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "container %s is not running", exec->row.id);
        return container_configuration_from_json(exec->row.configuration, &exec->configuration, err);
}

static int make_plan(Exec *exec, const LocalOptions *options, Error *err)
{
        RuntimeProcess *process = &exec->plan.spec.process;
        Local view = LOCAL_INIT;
        Store *store;
        int r;

        r = engine_store(exec->engine, &store, err);
        if (r >= 0)
                r = container_plan_make(exec->engine, exec->row.id, store_path(store), &exec->configuration,
                                        NULL, &exec->plan, err);
        if (r >= 0)
                r = plan_process(exec->options, &exec->configuration, process, err);
        view.options = *options;
        if (r >= 0 && !exec->options->detach)
                local_window(&view, &process->console_height, &process->console_width);
        return r;
}

static int make_pipes(Exec *exec, int theirs[static 3], Error *err)
{
        for (int i = 0; i < 3; i++) {
                int ends[2];

                theirs[i] = -EBADF;
                if (exec->options->terminal || exec->options->detach ||
                    (i == 0 && !exec->options->interactive))
                        continue;
                if (pipe2(ends, O_CLOEXEC) < 0)
                        return fail_errno(err, errno, "pipe");
                exec->streams[i] = fd_move_above_stdio(ends[i == 0]);
                theirs[i] = fd_move_above_stdio(ends[i != 0]);
        }
        return 0;
}

static int spawn(Exec *exec, Error *err)
{
        _cleanup_close_ int in = -EBADF, out = -EBADF, error = -EBADF, channel = -EBADF;
        RuntimeExec order = {.process = &exec->plan.spec.process,
                             .spec = &exec->plan.spec,
                             .pid = exec->row.pid,
                             .pidfd = exec->init,
                             .cgroup = -EBADF};
        Error failed = ERROR_INIT;
        int r;

        r = make_pipes(exec, order.stdio, err);
        in = order.stdio[0], out = order.stdio[1], error = order.stdio[2];
        order.switched = network_is_switched(&exec->configuration);
        if (r >= 0 && order.switched)
                r = network_exec_switch(exec->engine, exec->row.id, &channel, &failed);
        order.switcher = channel;
        if (r >= 0)
                r = runtime_exec(&order, &exec->process, &failed);
        /* It may be ending while we come in: then its end is a matter of moments. */
        if (r < 0 && failed.kind == ERROR_GENERIC && process_wait_end(exec->init, ENDING_MILLISECONDS) > 0)
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "container %s is not running", exec->row.id);
        if (r < 0 && failed.code && err)
                *err = failed;
        return r;
}

/* It goes on without us; whoever holds the container keeps its terminal open. */
static int leave(Exec *exec, Error *err)
{
        _cleanup_close_ int socket = -EBADF;
        int r = 0;

        if (exec->process.terminal >= 0) {
                r = socket = container_connect(exec->engine, &exec->row, exec->init, err);
                if (r >= 0)
                        r = frame_send(socket, (FrameHeader){.type = FRAME_ADOPT}, NULL, 0,
                                       exec->process.terminal);
                if (r < 0 && r != socket)
                        fail_errno(err, -r, "hand the terminal over to the holder of container %s",
                                   exec->row.name);
        }
        if (r >= 0)
                exec->process.pid = 0;
        return r;
}

static int hold(Exec *exec, const LocalOptions *local_options, int *ret_status, Error *err)
{
        _cleanup_holder_ Holder *holder = NULL;
        _cleanup_local_ Local local = LOCAL_INIT;
        HolderOptions options = {.init = exec->process.pidfd,
                                 .streams = {exec->streams[0], exec->streams[1], exec->streams[2]},
                                 .terminal = exec->process.terminal,
                                 .folder = -EBADF,
                                 .client = -EBADF,
                                 .input_once = true,
                                 .ends_with_reader = true,
                                 .local = &local};
        int r;

        r = local_open(local_options, &local, err);
        if (r >= 0)
                r = holder_new(&options, &holder, err);
        if (r < 0)
                return r;
        exec->streams[0] = exec->streams[1] = exec->streams[2] = exec->process.terminal = -EBADF;
        r = holder_run(holder, ret_status, err);
        if (r == 0) {
                exec->process.pid = 0;
                holder_finish(holder);
        } else if (r > 0) {
                exec->process.terminal = holder_take_terminal(holder);
        }
        return r;
}

int container_exec(Engine *engine, const char *name, const ContainerExecOptions *options, int *ret_status,
                   Error *err)
{
        _cleanup_(exec_deinit) Exec exec = EXEC_INIT;
        ContainerStreams streams = {.input = options->interactive,
                                    .output = true,
                                    .error = true,
                                    .signal_proxy = true,
                                    .detach_keys = options->detach_keys};
        LocalOptions local;
        sigset_t before;
        int r, left;

        exec.engine = engine;
        exec.options = options;
        *ret_status = 0;
        r = container_local_options(&streams, options->terminal, &local, err);
        if (r >= 0)
                r = network_revive(engine, err);
        if (r >= 0)
                r = find(&exec, name, err);
        if (r >= 0)
                r = make_plan(&exec, &local, err);
        if (r < 0)
                return r;
        if (!options->detach)
                local_block_signals(&before);
        r = spawn(&exec, err);
        if (options->detach)
                return r < 0 ? r : leave(&exec, err);
        if (r >= 0)
                r = hold(&exec, &local, ret_status, err);
        left = r > 0 ? leave(&exec, err) : 0;
        sigprocmask(SIG_SETMASK, &before, NULL);
        return left < 0 ? left : r;
}
