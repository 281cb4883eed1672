/*
 * Who holds a container. Without a terminal, and as long as the caller is there to pass signals on, kelp
 * itself: it is the init's parent and the container ends with it; that is the fastest way, and no other
 * process is needed. Where the caller may leave and the container stay, a kelp-monitor (container-monitor.c),
 * to which kelp is attached like any other client.
 */
#include "base/clock.h"
#include "engine/container-create.h"
#include "engine/container-launch.h"
#include "engine/container-root.h"
#include "engine/container-state.h"
#include "monitor/client.h"
#include "sys/process.h"

#include <signal.h>

static int hold(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                ContainerLaunch *launch, Local *local, int *ret_status, Error *err)
{
        _cleanup_holder_ Holder *holder = NULL;
        HolderOptions options;
        int r;

        container_holder_options(configuration, launch, &options);
        options.local = local;
        options.ends_with_reader = row->auto_remove;
        r = holder_new(&options, &holder, err);
        for (int i = 0; i < 3; i++)
                launch->streams[i] = -EBADF;
        if (r >= 0)
                r = holder_run(holder, ret_status, err);
        if (r < 0)
                return r;
        launch->container.pid = 0; /* reaped */
        /* --rm: the row goes in a moment. Should we be killed in between, whoever looks finds a dead
         * container that removes itself. */
        if (!row->auto_remove)
                r = container_set_ended(engine, row, "exited", *ret_status, clock_now(), NULL, err);
        holder_finish(holder);
        return r;
}

/* What `run` adds to a start: the row is not there yet. */
typedef struct NewRow {
        const ContainerOptions *options;
        char *ret_id;
        bool inserted;
} NewRow;

/* The row and the folder, beside the init making its namespaces and newuidmap and newgidmap their maps: then
 * it is told to go on. "running" a little early; should we be killed meanwhile, whoever looks finds that the
 * init has gone. */
static int build(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                 NewRow *new_row, ContainerLaunch *launch, Error *err)
{
        int r;

        r = container_launch_plan(engine, row, configuration, launch, err);
        if (r >= 0)
                r = container_launch_begin(engine, row, configuration, true, launch, err);
        if (r >= 0)
                r = container_fill_running(row, launch, err);
        if (r < 0)
                return r;
        if (new_row) {
                r = container_create_insert(engine, new_row->options, row, configuration, new_row->ret_id,
                                            err);
                new_row->inserted = r >= 0;
        }
        /* One that is there already may be another's meanwhile: the folder's lock comes before the row. */
        if (r >= 0)
                r = container_launch_folder(engine, row, configuration, launch, err);
        if (r >= 0 && !new_row)
                r = container_set_running(engine, row, row->pid, row->pid_start, row->monitor_pid, err);
        return r;
}

static int build_and_hold(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                          NewRow *new_row, const LocalOptions *options, bool *ret_foreign, int *ret_status,
                          Error *err)
{
        _cleanup_launch_ ContainerLaunch launch = CONTAINER_LAUNCH_INIT;
        _cleanup_local_ Local local = LOCAL_INIT;
        Error failed = ERROR_INIT;
        int r;

        r = local_open(options, &local, &failed);
        if (r >= 0)
                r = build(engine, row, configuration, new_row, &launch, &failed);
        if (r >= 0)
                r = container_launch_finish(&launch, row->name, &failed);
        if (r >= 0)
                return hold(engine, row, configuration, &launch, &local, ret_status, err);
        if (launch.foreign)
                *ret_foreign = true;
        else if (!row->auto_remove && (!new_row || new_row->inserted))
                container_set_ended(engine, row, "created", container_failed_status(&failed), clock_now(),
                                    &failed, NULL);
        if (err)
                *err = failed;
        return r;
}

/* In this process: it is the init's parent, and the container ends with it. @new_row: NULL when the row is
 * there. */
static int run_here(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                    NewRow *new_row, const LocalOptions *local, int *ret_status, Error *err)
{
        Error error = ERROR_INIT;
        bool foreign = false;
        sigset_t before;
        int r;

        local_block_signals(&before);
        r = build_and_hold(engine, row, configuration, new_row, local, &foreign, ret_status, &error);
        /* Once more, by other means, when it has turned out that layers cannot be mounted here. */
        if (r < 0 && !foreign && (!new_row || new_row->inserted) && container_root_note(engine, &error) > 0) {
                error_clear(&error);
                r = build_and_hold(engine, row, configuration, NULL, local, &foreign, ret_status, &error);
        }
        if (r < 0 && err)
                *err = error;
        if (row->auto_remove && !foreign && (!new_row || new_row->inserted)) {
                Error ignored = ERROR_INIT;
                int removed = container_discard(engine, row, true, r < 0 ? &ignored : err);

                r = r < 0 ? r : removed;
        }
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

/* Attached to the monitor that holds it. When it has ended the monitor has, too, once this returns: --rm is
 * done. */
static int run_attached(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                        const LocalOptions *options, int *ret_status, Error *err)
{
        _cleanup_monitor_ ContainerMonitor monitor = CONTAINER_MONITOR_INIT;
        _cleanup_local_ Local local = LOCAL_INIT;
        sigset_t before;
        int ignored, r;

        local_block_signals(&before);
        r = container_monitor_start(engine, row, configuration, options, &monitor, err);
        if (r >= 0)
                r = local_open(options, &local, err);
        if (r >= 0)
                r = client_run(
                        &(ClientOptions){.socket = monitor.client, .init = monitor.init, .local = &local},
                        ret_status, err);
        local_close(&local);
        local = (Local)LOCAL_INIT;
        if (r == 0) {
                process_reap(monitor.pidfd, &ignored);
                if (!row->auto_remove)
                        r = container_refresh(engine, row, err);
        }
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

static int run_row(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                   NewRow *new_row, const ContainerStreams *streams, int *ret_status, Error *err)
{
        LocalOptions local;
        int r;

        r = container_local_options(streams, configuration->terminal, &local, err);
        if (r < 0)
                return r;
        /* What has to be prepared in the container's folder needs that first. */
        if (new_row && !container_root_can_overlay(engine)) {
                r = container_create_insert(engine, new_row->options, row, configuration, new_row->ret_id,
                                            err);
                if (r < 0)
                        return r;
                new_row = NULL;
        }
        if (!configuration->terminal && streams->signal_proxy)
                return run_here(engine, row, configuration, new_row, &local, ret_status, err);
        if (new_row)
                r = container_create_insert(engine, new_row->options, row, configuration, new_row->ret_id,
                                            err);
        return r < 0 ? r : run_attached(engine, row, configuration, &local, ret_status, err);
}

int container_run(Engine *engine, const ContainerOptions *options, const ContainerStreams *streams,
                  char ret_id[static 65], int *ret_status, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        NewRow new_row = {.options = options, .ret_id = ret_id};
        int r;

        *ret_id = 0;
        /* Its helpers take a millisecond, which passes beside the rest. With a network, kelp-netd has one. */
        r = (text_empty(options->network) || network_is_bridge(options->network)) && network_netd_runs(engine)
                    ? 0
                    : engine_user_namespace_start(engine, err);
        if (r >= 0)
                r = container_create_decide(engine, options, &row, &configuration, err);
        return r < 0 ? r : run_row(engine, &row, &configuration, &new_row, streams, ret_status, err);
}

/* 1: it runs already. */
static int find_stopped(Engine *engine, const char *name, StoreContainer *row,
                        ContainerConfiguration *configuration, Error *err)
{
        int r;

        r = container_find(engine, name, row, err);
        if (r < 0 || text_equal(row->status, "running"))
                return r < 0 ? r : 1;
        return container_configuration_from_json(row->configuration, configuration, err);
}

int container_start(Engine *engine, const char *name, Error *err)
{
        _cleanup_monitor_ ContainerMonitor monitor = CONTAINER_MONITOR_INIT;
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        int r;

        r = find_stopped(engine, name, &row, &configuration, err);
        if (r != 0)
                return r < 0 ? r : 0; /* as docker: nothing to do */
        return container_monitor_start(engine, &row, &configuration, NULL, &monitor, err);
}

int container_start_attached(Engine *engine, const char *name, const ContainerStreams *streams,
                             int *ret_status, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        int r;

        r = find_stopped(engine, name, &row, &configuration, err);
        if (r > 0)
                return container_attach(engine, name, streams, ret_status, err);
        return r < 0 ? r : run_row(engine, &row, &configuration, NULL, streams, ret_status, err);
}
