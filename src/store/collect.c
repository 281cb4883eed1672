/*
 * Collecting what no row names. The lock "collect", taken exclusively, keeps new stages from being made; a
 * stage that is alive stands for a pull or load that may have committed blobs and layers whose image row is
 * still to come, so those are left alone then. Containers' and volumes' folders are made inside the
 * transaction that inserts their row, so inside a write transaction each folder without a row is a left-over.
 *
 * Whatever goes is renamed into tmp/ first: it counts as gone at once, and a kill in the middle of the
 * removal leaves something that the next collection finds.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/identity.h"
#include "store/database.h"

#include <fcntl.h>
#include <sys/file.h>

typedef int (*NameVisitor)(Store *store, const char *folder, const char *name, void *argument, Error *err);

static int for_each_name(Store *store, const char *folder, NameVisitor visit, void *argument, Error *err)
{
        _cleanup_closedir_ DIR *names = NULL;
        struct dirent *entry;
        int fd = openat(store->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

        if (fd >= 0)
                names = fdopendir(fd);
        if (!names)
                return fail_errno(err, errno, "store %s: %s", store->path, folder);
        while (r >= 0 && (entry = readdir(names)))
                if (*entry->d_name != '.')
                        r = visit(store, folder, entry->d_name, argument, err);
        return r;
}

/* 1: somebody makes something in it. */
static int stage_is_alive(Store *store, const char *name)
{
        _cleanup_free_ char *path = path_join("tmp", name);
        _cleanup_close_ int fd =
                path ? openat(store->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -ENOMEM;

        return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int visit_stage(Store *store, const char *folder, const char *name, void *argument, Error *err)
{
        bool *alive = argument;

        *alive = *alive || stage_is_alive(store, name);
        return 0;
}

static int remove_stage(Store *store, const char *folder, const char *name, void *argument, Error *err)
{
        StoreCollectResult *result = argument;
        _cleanup_free_ char *path = path_join(folder, name);
        int r;

        if (!path)
                return fail_memory(err);
        if (stage_is_alive(store, name))
                return 0;
        r = tree_remove_at(store->fd, path, NULL);
        if (r >= 0)
                return 0;
        return string_list_add(&result->stubborn, path) < 0 ? fail_memory(err) : 0;
}

/* Takes it out of sight. */
static int retire(Store *store, const char *folder, const char *name)
{
        _cleanup_free_ char *from = path_join(folder, name), *to = NULL;
        char id[IDENTITY_SIZE];
        int r;

        r = identity_make(id);
        to = r < 0 ? NULL : text_printf("tmp/%.32s", id);
        if (!from || !to)
                return r < 0 ? r : -ENOMEM;
        return renameat(store->fd, from, store->fd, to) < 0 && errno != ENOENT ? -errno : 0;
}

static int visit_unnamed(Store *store, const char *folder, const char *name, void *argument, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err, argument, "t", name);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = retire(store, folder, name);
        return r < 0 ? fail_errno(err, -r, "store %s: %s/%s", store->path, folder, name) : 0;
}

static int retire_unnamed(Store *store, bool also_content, Error *err)
{
        static char containers[] = "SELECT 1 FROM containers WHERE id=?1";
        static char volumes[] = "SELECT 1 FROM volumes WHERE name=?1";
        static char layers[] = "SELECT 1 FROM layers WHERE diff_id='sha256:'||?1";
        static char blobs[] = "SELECT 1 FROM images WHERE id='sha256:'||?1 OR manifest='sha256:'||?1 "
                              "UNION ALL SELECT 1 FROM image_layers WHERE blob='sha256:'||?1";
        int r;

        r = database_begin(store, STORE_FAST, err);
        if (r < 0)
                return r;
        r = for_each_name(store, "containers", visit_unnamed, containers, err);
        if (r >= 0)
                r = for_each_name(store, "volumes", visit_unnamed, volumes, err);
        if (r >= 0 && also_content) {
                r = database_run(store, err,
                                 "DELETE FROM layers WHERE diff_id NOT IN (SELECT diff_id FROM image_layers) "
                                 "AND NOT EXISTS("
                                 "SELECT 1 FROM configurations WHERE instr(document, layers.diff_id))",
                                 "");
                if (r >= 0)
                        r = for_each_name(store, "layers", visit_unnamed, layers, err);
                if (r >= 0)
                        r = for_each_name(store, "blobs/sha256", visit_unnamed, blobs, err);
        }
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

int store_collect(Store *store, StoreCollectResult *ret, Error *err)
{
        _cleanup_close_ int lock = store_lock(store, "collect", LOCK_EX | LOCK_NB);
        bool alive = false;
        int r;

        if (lock == -EWOULDBLOCK)
                return 0; /* another one is at it, or something is being made: next time */
        if (lock < 0)
                return fail_errno(err, -lock, "store %s: lock", store->path);
        r = for_each_name(store, "tmp", visit_stage, &alive, err);
        if (r >= 0)
                r = retire_unnamed(store, !alive, err);
        return r < 0 ? r : for_each_name(store, "tmp", remove_stage, ret, err);
}
