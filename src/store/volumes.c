#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/database.h"

#include <ctype.h>
#include <sys/stat.h>

void store_volume_deinit(StoreVolume *volume)
{
        free(volume->name);
        free(volume->labels);
        *volume = (StoreVolume){0};
}

static int check_name(const char *name, Error *err)
{
        const char *c = name;

        if (isalnum((unsigned char)*c) && strlen(name) < 256)
                for (c++; isalnum((unsigned char)*c) || (*c && strchr("_.-", *c)); c++)
                        ;
        else
                c = "?";
        return *c ? fail_kind(err, ERROR_USAGE, EINVAL,
                              "\"%s\" includes invalid characters for a local volume name, only "
                              "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are "
                              "allowed; a path begins with a slash",
                              name)
                  : 0;
}

static int volume_exists(Store *store, const char *name, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err, "SELECT 1 FROM volumes WHERE name=?", "t", name);
        return r < 0 ? r : database_step(store, statement, err);
}

static int make_folders(Store *store, const char *name, Error *err)
{
        char path[320];
        int r;

        snprintf(path, sizeof(path), "volumes/%s", name);
        r = store_make_folder(store, store->fd, path, 0700);
        snprintf(path, sizeof(path), "volumes/%s/_data", name);
        if (r >= 0)
                r = store_make_folder(store, store->fd, path, 0755);
        return r < 0 ? fail_errno(err, -r, "store %s: %s", store->path, path) : 0;
}

int store_volume_ensure(Store *store, const char *name, bool anonymous, char **ret_path, bool *ret_new,
                        Error *err)
{
        _cleanup_free_ char *path = text_printf("%s/volumes/%s/_data", store->path, name);
        int r;

        if (!path)
                return fail_memory(err);
        r = check_name(name, err);
        if (r >= 0)
                r = volume_exists(store, name, err);
        if (r < 0)
                return r;
        *ret_new = r == 0;
        if (r == 0) {
                r = database_begin(store, anonymous ? STORE_FAST : STORE_DURABLE, err);
                if (r >= 0)
                        r = database_run(store, err, "INSERT OR IGNORE INTO volumes VALUES(?,?,?,NULL)",
                                         "tii", name, clock_now(), (int64_t)anonymous);
                if (r >= 0)
                        r = make_folders(store, name, err);
                if (r >= 0)
                        r = database_commit(store, err);
                if (r < 0) {
                        database_rollback(store);
                        return r;
                }
        }
        *ret_path = TAKE_PTR(path);
        return 0;
}

int store_volume_list(Store *store, StoreVolume **ret, size_t *ret_count, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        StoreVolume *list = NULL;
        size_t count = 0;
        int r;

        r = database_prepare(store, &statement, err,
                             "SELECT name,created,anonymous,labels FROM volumes ORDER BY name", "");
        while (r >= 0 && (r = database_step(store, statement, err)) > 0) {
                StoreVolume *grown = reallocarray(list, count + 1, sizeof(*list));

                if (grown) {
                        list = grown;
                        list[count] = (StoreVolume){.created = sqlite3_column_int64(statement, 1),
                                                    .anonymous = sqlite3_column_int(statement, 2) != 0};
                }
                if (!grown || database_text(statement, 0, &list[count].name) < 0 ||
                    database_text(statement, 3, &list[count].labels) < 0) {
                        r = fail_memory(err);
                        count += grown != NULL;
                        break;
                }
                count++;
        }
        if (r < 0) {
                for (size_t i = 0; i < count; i++)
                        store_volume_deinit(&list[i]);
                free(list);
                return r;
        }
        *ret = list;
        *ret_count = count;
        return 0;
}

int store_volume_users(Store *store, const char *name, int64_t *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err, "SELECT count(*) FROM volume_users WHERE volume=?", "t",
                             name);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r > 0)
                *ret = sqlite3_column_int64(statement, 0);
        return r < 0 ? r : 0;
}

int store_volume_label(Store *store, const char *name, const char *labels, Error *err)
{
        int r;

        r = database_begin(store, STORE_DURABLE, err);
        if (r >= 0)
                r = database_run(store, err, "UPDATE volumes SET labels=? WHERE name=?", "tt", labels, name);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

/* Only the row: the folder is collected, maybe by the root of the user namespace, to whom its files belong.
 */
int store_volume_delete(Store *store, const char *name, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *users = NULL;
        int r;

        r = database_begin(store, STORE_DURABLE, err);
        if (r < 0)
                return r;
        r = database_prepare(store, &users, err, "SELECT container FROM volume_users WHERE volume=? LIMIT 1",
                             "t", name);
        if (r >= 0)
                r = database_step(store, users, err);
        if (r > 0)
                r = fail_kind(err, ERROR_CONFLICT, EBUSY, "remove %s: volume is in use - [%s]", name,
                              (const char *)sqlite3_column_text(users, 0));
        sqlite3_finalize(TAKE_PTR(users));
        if (r >= 0)
                r = database_run(store, err, "DELETE FROM volumes WHERE name=?", "t", name);
        if (r == 0)
                r = fail_kind(err, ERROR_NOT_FOUND, ENOENT, "get %s: no such volume", name);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

int store_volume_attach(Store *store, const char *volume, const char *container_id, Error *err)
{
        int r;

        r = database_begin(store, STORE_FAST, err);
        if (r < 0)
                return r;
        r = database_run(store, err,
                         "INSERT OR IGNORE INTO volume_users SELECT name,? FROM volumes WHERE name=?", "tt",
                         container_id, volume);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

int store_volume_private(Store *store, const char *container_id, StringList *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err,
                             "SELECT u.volume FROM volume_users u JOIN volumes v ON v.name=u.volume WHERE "
                             "u.container=? AND v.anonymous "
                             "AND NOT EXISTS(SELECT 1 FROM volume_users o WHERE o.volume=u.volume AND "
                             "o.container<>u.container)",
                             "t", container_id);
        while (r >= 0 && (r = database_step(store, statement, err)) > 0)
                if (string_list_add(ret, (const char *)sqlite3_column_text(statement, 0)) < 0)
                        return fail_memory(err);
        return r < 0 ? r : 0;
}
