/* exec: one more process in a running container, confined like its first; its streams are the caller's own,
 * or a terminal that is passed on until it ends. */
#include "engine/container-launch.h"
#include "engine/container-state.h"
#include "sys/process.h"

#include <signal.h>

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
        for (size_t i = 0; i < options->env.count; i++)
                if (string_list_env_set(&process->env, options->env.items[i]) < 0)
                        return fail_memory(err);
        if (options->privileged)
                process->capabilities.bounding = process->capabilities.effective =
                        process->capabilities.permitted = UINT64_MAX;
        return 0;
}

/* Passes the terminal until the process ends; without one the process has our streams itself. */
static int attend(const ContainerExecOptions *options, const ContainerConfiguration *configuration,
                  RuntimeContainer *process, int *ret_status, Error *err)
{
        ContainerStreams streams = {
                .input = options->interactive, .output = true, .error = true, .signal_proxy = true};
        ContainerConfiguration view = *configuration; /* borrowed: only read */
        ContainerLaunch launch = CONTAINER_LAUNCH_INIT;
        sigset_t before;
        int r;

        view.terminal = options->terminal;
        view.open_stdin = options->interactive;
        view.log_driver = (char *)"none"; /* what exec prints is no log of the container */
        launch.container = *process;
        container_relay_block_signals(&before);
        r = container_relay(&view, &launch, &streams, ret_status, err);
        *process = launch.container;
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

int container_exec(Engine *engine, const char *name, const ContainerExecOptions *options, int *ret_status,
                   Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_runtime_container_ RuntimeContainer process = RUNTIME_CONTAINER_INIT;
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_plan_ ContainerPlan plan = {0};
        _cleanup_close_ int pidfd = -EBADF;
        RuntimeExec exec = {.cgroup = -EBADF, .stdio = {options->interactive ? 0 : -EBADF, 1, 2}};
        Store *store;
        int r;

        r = container_find(engine, name, &row, err);
        if (r < 0)
                return r;
        pidfd = text_equal(row.status, "running") ? process_open(row.pid, row.pid_start) : -ESRCH;
        if (pidfd < 0)
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "container %s is not running", row.id);
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = container_configuration_from_json(row.configuration, &configuration, err);
        if (r >= 0)
                r = container_plan_make(engine, row.id, store_path(store), &configuration, &plan, err);
        if (r >= 0)
                r = plan_process(options, &configuration, &plan.spec.process, err);
        if (r < 0)
                return r;
        if (options->detach)
                exec.stdio[0] = exec.stdio[1] = exec.stdio[2] = -EBADF;
        exec.process = &plan.spec.process;
        exec.spec = &plan.spec;
        exec.pid = row.pid;
        exec.pidfd = pidfd;
        r = runtime_exec(&exec, &process, err);
        if (r < 0)
                return r;
        *ret_status = 0;
        if (!options->detach)
                return attend(options, &configuration, &process, ret_status, err);
        cleanup_close(&process.pidfd); /* it goes on without us */
        process.pid = 0;
        return 0;
}
