#include "engine/container-create.h"
#include "engine/container-launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

/* In this process: it is the init's parent, and the container ends with it. */
static int run_here(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                    const ContainerStreams *streams, int *ready, int *ret_status, Error *err)
{
        _cleanup_launch_ ContainerLaunch launch = CONTAINER_LAUNCH_INIT;
        sigset_t before;
        int r;

        container_relay_block_signals(&before);
        r = container_launch(engine, row, configuration, &launch, err);
        if (r >= 0)
                r = container_hold(engine, row, configuration, &launch, streams, ready, ret_status, err);
        container_launch_deinit(&launch);
        launch = (ContainerLaunch)CONTAINER_LAUNCH_INIT;
        if (row->auto_remove) {
                Error ignored = ERROR_INIT;
                int removed = container_discard(engine, row, true, r < 0 ? &ignored : err);

                r = r < 0 ? r : removed;
        }
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

int container_run(Engine *engine, const ContainerOptions *options, const ContainerStreams *streams,
                  char ret_id[static 65], int *ret_status, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        int ready = -EBADF, r;

        *ret_id = 0;
        /* Its helpers take a millisecond, which passes beside the rest. */
        r = engine_user_namespace_start(engine, err);
        if (r >= 0)
                r = container_create_row(engine, options, ret_id, &row, &configuration, err);
        if (r < 0)
                return r;
        return run_here(engine, &row, &configuration, streams, &ready, ret_status, err);
}

/* What the holder of a container in the background tells who started it. */
typedef struct StartReport {
        int result;
        Error error;
} StartReport;

/* The holder: a process of its own, in no session of the user's, that lives as long as the container. */
static _Noreturn void hold_in_background(Engine *engine, const char *id, int report)
{
        static const ContainerStreams nobody = {0};
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        StartReport failed = {0};
        Store *store;
        int status, null, r;

        setsid();
        prctl(PR_SET_NAME, "kelp-monitor");
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int i = 0; null >= 0 && i < 3; i++)
                dup2(null, i);
        r = engine_store(engine, &store, &failed.error);
        if (r >= 0)
                r = store_container_find(store, id, &row, &failed.error);
        if (r >= 0)
                r = container_configuration_from_json(row.configuration, &configuration, &failed.error);
        if (r >= 0)
                r = run_here(engine, &row, &configuration, &nobody, &report, &status, &failed.error);
        if (r < 0 && report >= 0) {
                failed.result = r;
                if (write(report, &failed, sizeof(failed)) < 0)
                        _exit(1);
        }
        _exit(0);
}

int container_start(Engine *engine, const char *name, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_close_ int reader = -EBADF;
        StartReport report = {0};
        EngineOptions options = {.root = engine->paths.data};
        int ends[2], r;
        ssize_t length;
        Store *store;
        pid_t pid;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_find(store, name, &row, err);
        if (r < 0)
                return r;
        if (text_equal(row.status, "running"))
                return 0; /* as docker: nothing to do */
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "pipe");
        reader = ends[0];
        pid = fork();
        if (pid < 0) {
                close(ends[1]);
                return fail_errno(err, errno, "fork the container's monitor");
        }
        if (pid == 0) {
                Engine *own = NULL;

                /* A connection to SQLite must not be used across fork(2): the child opens its own. */
                close(ends[0]);
                if (engine_open(&options, &own, NULL) < 0)
                        _exit(1);
                hold_in_background(own, row.id, ends[1]);
        }
        close(ends[1]);
        length = read(reader, &report, sizeof(report));
        if (length == (ssize_t)sizeof(report) && report.result < 0) {
                if (err)
                        *err = report.error;
                return report.result;
        }
        return length < 0 ? fail_errno(err, errno, "start container %s", row.name) : 0;
}
