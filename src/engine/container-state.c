#include "engine/container-state.h"

#include "base/clock.h"
#include "engine/container-launch.h"
#include "sys/process.h"

#include <signal.h>

int container_refresh(Engine *engine, StoreContainer *row, Error *err)
{
        _cleanup_close_ int init = -EBADF, holder = -EBADF;
        Store *store;
        int r;

        if (!text_equal(row->status, "running"))
                return 0;
        holder = process_open(row->monitor_pid, row->monitor_start);
        if (holder >= 0)
                return 0; /* alive: it writes the end down itself */
        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        /* Its streams and its log are gone with the holder, who was killed: so is the container. */
        init = process_open(row->pid, row->pid_start);
        if (init >= 0) {
                process_signal(init, SIGKILL);
                process_wait_end(init, -1);
        }
        if (text_replace(&row->status, "exited") < 0)
                return fail_memory(err);
        row->exit_code = 128 + SIGKILL;
        row->finished = clock_now();
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
