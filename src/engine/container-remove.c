#include "base/file.h"
#include "engine/container-launch.h"
#include "sys/process.h"

#include <signal.h>

int container_discard(Engine *engine, const StoreContainer *row, bool volumes, Error *err)
{
        _cleanup_free_ char *folder = NULL;
        _cleanup_strings_ StringList own = {0};
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_folder_retire(store, row->id, &folder, err);
        if (r >= 0 && folder)
                r = engine_remove_tree(engine, store_fd(store), folder, err);
        if (r >= 0 && volumes)
                r = store_volume_private(store, row->id, &own, err);
        if (r >= 0)
                r = store_container_delete(store, row->id, STORE_FAST, err);
        for (size_t i = 0; r >= 0 && i < own.count; i++)
                r = store_volume_delete(store, own.items[i], err);
        /* The volumes' folders have no row any more. */
        return r >= 0 && own.count ? engine_collect(engine, err) : r;
}

int container_remove(Engine *engine, const char *name, bool force, bool volumes, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_find(store, name, &row, err);
        if (r < 0)
                return r;
        if (text_equal(row.status, "running")) {
                _cleanup_close_ int pidfd = process_open(row.pid, row.pid_start),
                                    monitor = process_open(row.monitor_pid, row.monitor_start);

                if (!force && pidfd >= 0)
                        return fail_kind(err, ERROR_CONFLICT, EBUSY,
                                         "cannot remove container \"/%s\": container is running: stop the "
                                         "container before removing or "
                                         "force remove",
                                         row.name);
                if (pidfd >= 0) {
                        process_signal(pidfd, SIGKILL);
                        process_wait_end(pidfd, -1);
                }
                /* Its holder writes the end down first. */
                if (monitor >= 0 && row.monitor_pid != getpid())
                        process_wait_end(monitor, 5000);
        }
        return container_discard(engine, &row, volumes, err);
}
