#include "base/cleanup.h"
#include "base/file.h"
#include "store/database.h"
#include "store/images.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

static int layer_known(Store *store, const Digest *diff_id, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err, "SELECT 1 FROM layers WHERE diff_id=?", "t",
                             diff_id->text);
        return r < 0 ? r : database_step(store, statement, err);
}

int store_layer_begin(Store *store, const Digest *diff_id, StoreStage *ret, Error *err)
{
        _cleanup_close_ int lock = -EBADF;
        char name[96];
        int r;

        snprintf(name, sizeof(name), "layer-%s", digest_hex(diff_id));
        /* Two pulls of one image: the second waits here, and then finds the layer. */
        lock = store_lock(store, name, LOCK_EX);
        if (lock < 0)
                return fail_errno(err, -lock, "store %s: lock of layer %s", store->path, diff_id->text);
        r = layer_known(store, diff_id, err);
        if (r < 0)
                return r;
        if (r > 0) {
                *ret = (StoreStage)STORE_STAGE_INIT;
                *ret->name = 0;
                return 1;
        }
        r = store_stage_begin(store, ret, err);
        if (r < 0)
                return r;
        ret->object_lock = TAKE_FD(lock);
        return 0;
}

/* Where the file system cannot exchange names the left-over goes out of the way first, to be collected. */
static int exchange(Store *store, const char *from, const char *to)
{
        char aside[112];

        if (renameat2(store->fd, from, store->fd, to, RENAME_EXCHANGE) >= 0)
                return 0;
        if (errno != EINVAL)
                return -errno;
        snprintf(aside, sizeof(aside), "%s-old", from);
        if (renameat(store->fd, to, store->fd, aside) < 0 || renameat(store->fd, from, store->fd, to) < 0)
                return -errno;
        return 0;
}

int store_layer_commit(Store *store, StoreStage *stage, const Digest *diff_id, int64_t size, Error *err)
{
        char from[96], to[96];
        int r;

        snprintf(from, sizeof(from), "tmp/%s", stage->name);
        snprintf(to, sizeof(to), "layers/%s", digest_hex(diff_id));
        /* A folder of that name without a row is what a kill between the two steps below has left; it is
         * whole only if it was synced, which nobody knows: it goes out of the way, into this stage's place.
         */
        r = folder_rename_new_at(store->fd, from, store->fd, to);
        if (r < 0) {
                if (r != -EEXIST || exchange(store, from, to) < 0)
                        return fail_errno(err, errno, "store %s: layer %s", store->path, diff_id->text);
        } else {
                *stage->name = 0;
        }
        /* One sync for the thousands of files of a layer: of the file system that holds them. */
        if (syncfs(stage->fd) < 0)
                return fail_errno(err, errno, "store %s: sync layer %s", store->path, diff_id->text);
        r = database_begin(store, STORE_DURABLE, err);
        if (r < 0)
                return r;
        r = database_run(store, err, "INSERT OR REPLACE INTO layers VALUES(?,?)", "ti", diff_id->text, size);
        if (r >= 0)
                r = database_commit(store, err);
        if (r < 0) {
                database_rollback(store);
                return r;
        }
        store_stage_abandon(store, stage);
        return 0;
}

int store_layer_path(Store *store, const Digest *diff_id, char **ret, Error *err)
{
        _cleanup_free_ char *path = text_printf("%s/layers/%s/diff", store->path, digest_hex(diff_id));

        if (!path)
                return fail_memory(err);
        if (faccessat(AT_FDCWD, path, F_OK, 0) < 0) {
                fail_kind(err, ERROR_NOT_FOUND, errno, "layer %s is not in the store", diff_id->text);
                return fail_hint(err, "pull the image again");
        }
        *ret = TAKE_PTR(path);
        return 0;
}

int store_layer_size(Store *store, const Digest *diff_id, int64_t *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        *ret = 0;
        r = database_prepare(store, &statement, err, "SELECT size FROM layers WHERE diff_id=?", "t",
                             diff_id->text);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r > 0)
                *ret = sqlite3_column_int64(statement, 0);
        return r < 0 ? r : 0;
}
