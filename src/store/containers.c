#include "base/cleanup.h"
#include "base/file.h"
#include "store/database.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

#define COLUMNS                                                                                              \
        "id,name,image,image_name,command,labels,created,status,pid,monitor_pid,pid_start,monitor_start,"    \
        "exit_code,started,finished,error,restarts,auto_remove"

void store_container_deinit(StoreContainer *container)
{
        free(container->id);
        free(container->name);
        free(container->image_name);
        free(container->command);
        free(container->labels);
        free(container->configuration);
        free(container->status);
        free(container->error);
        *container = (StoreContainer){0};
}

void store_container_list_deinit(StoreContainerList *list)
{
        for (size_t i = 0; i < list->count; i++)
                store_container_deinit(&list->items[i]);
        free(list->items);
        *list = (StoreContainerList){0};
}

static int read_row(sqlite3_stmt *statement, StoreContainer *ret, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        const char *image = (const char *)sqlite3_column_text(statement, 2);
        int r = 0;

        if (database_text(statement, 0, &row.id) < 0 || database_text(statement, 1, &row.name) < 0 ||
            database_text(statement, 3, &row.image_name) < 0 ||
            database_text(statement, 4, &row.command) < 0 || database_text(statement, 5, &row.labels) < 0 ||
            database_text(statement, 7, &row.status) < 0 || database_text(statement, 15, &row.error) < 0)
                return fail_memory(err);
        if (image && *image)
                r = digest_parse(image, &row.image, err);
        if (r < 0)
                return fail_wrap(err, r, "container %s", row.id);
        row.created = sqlite3_column_int64(statement, 6);
        row.pid = sqlite3_column_int(statement, 8);
        row.monitor_pid = sqlite3_column_int(statement, 9);
        row.pid_start = (uint64_t)sqlite3_column_int64(statement, 10);
        row.monitor_start = (uint64_t)sqlite3_column_int64(statement, 11);
        row.exit_code = sqlite3_column_int(statement, 12);
        row.started = sqlite3_column_int64(statement, 13);
        row.finished = sqlite3_column_int64(statement, 14);
        row.restarts = sqlite3_column_int(statement, 16);
        row.auto_remove = sqlite3_column_int(statement, 17) != 0;
        *ret = row;
        row = (StoreContainer){0};
        return 0;
}

/* Who has the name, for the words of the conflict; "" when nobody. */
static int name_holder(Store *store, const char *name, char ret[static 65], Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        *ret = 0;
        r = database_prepare(store, &statement, err, "SELECT id FROM containers WHERE name=?", "t", name);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r > 0)
                snprintf(ret, 65, "%s", (const char *)sqlite3_column_text(statement, 0));
        return r < 0 ? r : 0;
}

static int check_free_name(Store *store, const char *name, Error *err)
{
        char holder[65];
        int r;

        r = name_holder(store, name, holder, err);
        if (r < 0 || !*holder)
                return r;
        return fail_kind(err, ERROR_CONFLICT, EEXIST,
                         "Conflict. The container name \"/%s\" is already in use by container \"%s\". You "
                         "have to remove (or rename) "
                         "that container to be able to reuse that name.",
                         name, holder);
}

static int insert_locked(Store *store, const StoreContainer *c, Error *err)
{
        _cleanup_free_ char *path = path_join("containers", c->id);
        int r;

        if (!path)
                return fail_memory(err);
        r = check_free_name(store, c->name, err);
        if (r >= 0)
                r = database_run(
                        store, err,
                        "INSERT INTO containers(" COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                        "ttttttitiiiiiiitii", c->id, c->name, digest_is_set(&c->image) ? c->image.text : NULL,
                        c->image_name, c->command, c->labels, c->created, c->status, (int64_t)c->pid,
                        (int64_t)c->monitor_pid, (int64_t)c->pid_start, (int64_t)c->monitor_start,
                        (int64_t)c->exit_code, c->started, c->finished, c->error, (int64_t)c->restarts,
                        (int64_t)c->auto_remove);
        if (r >= 0)
                r = database_run(store, err, "INSERT INTO configurations VALUES(?,?)", "tt", c->id,
                                 c->configuration ?: "{}");
        if (r >= 0) {
                r = container_folder_make(store, path);
                if (r < 0)
                        fail_errno(err, -r, "store %s: %s", store->path, path);
        }
        return r;
}

int store_container_insert(Store *store, const StoreContainer *container, StoreDurability durability,
                           Error *err)
{
        char path[96];
        int r;

        r = database_begin(store, durability, err);
        if (r < 0)
                return r;
        r = insert_locked(store, container, err);
        if (r >= 0)
                r = database_commit(store, err);
        if (r >= 0)
                return 0;
        database_rollback(store);
        /* The folder of a row that did not come (the disk is full, say). */
        snprintf(path, sizeof(path), "containers/%.64s", container->id);
        tree_remove_at(store->fd, path, NULL);
        return r;
}

static bool is_hex(const char *text)
{
        for (; *text; text++)
                if (!isxdigit((unsigned char)*text) || isupper((unsigned char)*text))
                        return false;
        return true;
}

static int read_configuration(Store *store, StoreContainer *row, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err, "SELECT document FROM configurations WHERE container=?",
                             "t", row->id);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r > 0 && database_text(statement, 0, &row->configuration) < 0)
                return fail_memory(err);
        return r < 0 ? r : 0;
}

/* Docker's order: the full id, the name, a prefix of ids that only one has. */
int store_container_find(Store *store, const char *name, StoreContainer *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        _cleanup_store_container_ StoreContainer row = {0};
        const char *plain = name + (*name == '/');
        int r;

        r = database_prepare(store, &statement, err,
                             "SELECT " COLUMNS
                             ", 0 AS rank FROM containers WHERE id=?1 UNION ALL SELECT " COLUMNS
                             ", 1 FROM containers WHERE name=?1 AND id<>?1 ORDER BY rank LIMIT 1",
                             "t", plain);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r == 0 && *name != '/' && *name && is_hex(name)) {
                sqlite3_finalize(TAKE_PTR(statement));
                r = database_prepare(store, &statement, err,
                                     "SELECT " COLUMNS
                                     " FROM containers WHERE id>=?1 AND id<?1||'g' ORDER BY id LIMIT 2",
                                     "t", name);
                if (r >= 0)
                        r = database_step(store, statement, err);
                if (r > 0) {
                        r = read_row(statement, &row, err);
                        if (r >= 0)
                                r = database_step(store, statement, err);
                        if (r > 0)
                                return fail_kind(
                                        err, ERROR_USAGE, EINVAL,
                                        "multiple containers have ids that start with %s: write more digits",
                                        name);
                        r = r < 0 ? r : read_configuration(store, &row, err);
                        if (r < 0)
                                return r;
                        *ret = row;
                        row = (StoreContainer){0};
                        return 0;
                }
        }
        if (r == 0)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "No such container: %s", name);
        if (r > 0)
                r = read_row(statement, &row, err);
        if (r >= 0)
                r = read_configuration(store, &row, err);
        if (r < 0)
                return r;
        *ret = row;
        row = (StoreContainer){0};
        return 0;
}

int store_container_list(Store *store, StoreContainerList *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        _cleanup_store_containers_ StoreContainerList list = {0};
        size_t capacity = 0;
        int r;

        r = database_prepare(store, &statement, err,
                             "SELECT " COLUMNS " FROM containers ORDER BY created DESC, id", "");
        while (r >= 0 && (r = database_step(store, statement, err)) > 0) {
                if (list.count == capacity) {
                        StoreContainer *grown;

                        capacity = capacity ? capacity * 2 : 16;
                        grown = reallocarray(list.items, capacity, sizeof(*grown));
                        if (!grown)
                                return fail_memory(err);
                        list.items = grown;
                }
                list.items[list.count] = (StoreContainer){0};
                r = read_row(statement, &list.items[list.count], err);
                list.count += r >= 0;
        }
        if (r < 0)
                return r;
        *ret = list;
        list = (StoreContainerList){0};
        return 0;
}

int store_container_update(Store *store, const StoreContainer *c, const char *expected_status,
                           StoreDurability durability, Error *err)
{
        int changed, r;

        r = database_begin(store, durability, err);
        if (r < 0)
                return r;
        changed = database_run(
                store, err,
                "UPDATE containers SET "
                "status=?,pid=?,monitor_pid=?,pid_start=?,monitor_start=?,exit_code=?,started=?,"
                "finished=?,error=?,restarts=?,auto_remove=? WHERE id=? AND (?13 IS NULL OR (status=?13 AND "
                "(status<>'running' OR started=?7)))",
                "tiiiiiiitiitt", c->status, (int64_t)c->pid, (int64_t)c->monitor_pid, (int64_t)c->pid_start,
                (int64_t)c->monitor_start, (int64_t)c->exit_code, c->started, c->finished, c->error,
                (int64_t)c->restarts, (int64_t)c->auto_remove, c->id, expected_status);
        if (changed < 0) {
                database_rollback(store);
                return changed;
        }
        r = database_commit(store, err);
        return r < 0 ? r : changed ? 0 : -EAGAIN;
}

int store_container_configure(Store *store, const char *id, const char *configuration, Error *err)
{
        int r;

        r = database_begin(store, STORE_FAST, err);
        if (r >= 0)
                r = database_run(store, err, "UPDATE configurations SET document=? WHERE container=?", "tt",
                                 configuration, id);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

int store_container_rename(Store *store, const char *id, const char *name, Error *err)
{
        int r;

        r = database_begin(store, STORE_DURABLE, err);
        if (r < 0)
                return r;
        r = check_free_name(store, name, err);
        if (r >= 0)
                r = database_run(store, err, "UPDATE containers SET name=? WHERE id=?", "tt", name, id);
        if (r == 0)
                r = fail_kind(err, ERROR_NOT_FOUND, ENOENT, "No such container: %s", id);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

int store_container_delete(Store *store, const char *id, StoreDurability durability, Error *err)
{
        int r;

        r = database_begin(store, durability, err);
        if (r < 0)
                return r;
        r = database_run(store, err, "DELETE FROM containers WHERE id=?", "t", id);
        if (r >= 0)
                r = database_run(store, err, "DELETE FROM configurations WHERE container=?", "t", id);
        if (r >= 0)
                r = database_run(store, err, "DELETE FROM volume_users WHERE container=?", "t", id);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}
