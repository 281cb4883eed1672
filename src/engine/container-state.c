#include "engine/container-state.h"

#include "base/clock.h"
#include "base/file.h"
#include "engine/container-launch.h"
#include "monitor/exit-record.h"
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>

/* What a monitor has left about the end. 1: there is something. */
static int read_record(Store *store, const StoreContainer *row, ExitRecord *ret)
{
        _cleanup_free_ char *path = path_join("containers", row->id);
        _cleanup_close_ int folder =
                path ? openat(store_fd(store), path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -ENOMEM;

        return folder < 0 ? 0 : exit_record_read(folder, row->pid, row->pid_start, ret);
}

int container_refresh(Engine *engine, StoreContainer *row, Error *err)
{
        _cleanup_close_ int init = -EBADF, holder = -EBADF;
        ExitRecord record;
        Store *store;
        int recorded, r;

        if (!text_equal(row->status, "running"))
                return 0;
        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        holder = process_open(row->monitor_pid, row->monitor_start);
        init = process_open(row->pid, row->pid_start);
        if (holder >= 0 && (init >= 0 || row->monitor_pid == getpid()))
                return 0;
        recorded = read_record(store, row, &record);
        if (holder >= 0 && (!recorded || row->auto_remove))
                return 0; /* alive: it is about to write the end down, or to remove the container */
        /* Without a record the holder was killed: its streams and its log are gone, and so is the container.
         */
        if (!recorded && init >= 0) {
                process_signal(init, SIGKILL);
                process_wait_end(init, -1);
        }
        if (text_replace(&row->status, "exited") < 0)
                return fail_memory(err);
        row->exit_code = recorded ? record.status : 128 + SIGKILL;
        row->finished = recorded ? record.finished : clock_now();
        row->pid = row->monitor_pid = 0;
        row->pid_start = row->monitor_start = 0;
        r = store_container_update(store, row, "running", STORE_FAST, err);
        if (r == -EAGAIN)
                return 0;
        if (r < 0 || !row->auto_remove)
                return r;
        r = container_discard(engine, row, true, err);
        return r < 0 ? r : 1;
}

int container_find(Engine *engine, const char *name, StoreContainer *ret, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_find(store, name, &row, err);
        if (r >= 0)
                r = container_refresh(engine, &row, err);
        if (r > 0)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "No such container: %s", name);
        if (r < 0)
                return r;
        *ret = row;
        row = (StoreContainer){0};
        return 0;
}
