#include "store/networks.h"

#include "base/cleanup.h"
#include "store/database.h"

#include <sys/file.h>

void store_network_deinit(StoreNetwork *network)
{
        free(network->id);
        free(network->name);
        free(network->document);
        *network = (StoreNetwork){0};
}

void store_network_list_deinit(StoreNetworkList *list)
{
        for (size_t i = 0; i < list->count; i++)
                store_network_deinit(&list->items[i]);
        free(list->items);
        *list = (StoreNetworkList){0};
}

/* Not in the schema of database.c: stores made before there were networks get it with the first one. */
static int ensure_table(Store *store, Error *err)
{
        return database_run(
                store, err,
                "CREATE TABLE IF NOT EXISTS networks(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
                "created INT NOT NULL, document TEXT NOT NULL) WITHOUT ROWID",
                "");
}

static int read_row(sqlite3_stmt *statement, StoreNetwork *network, Error *err)
{
        network->created = sqlite3_column_int64(statement, 2);
        if (database_text(statement, 0, &network->id) < 0 ||
            database_text(statement, 1, &network->name) < 0 ||
            database_text(statement, 3, &network->document) < 0)
                return fail_memory(err);
        return 0;
}

int store_network_list(Store *store, StoreNetworkList *ret, Error *err)
{
        _cleanup_store_networks_ StoreNetworkList list = {0};
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = ensure_table(store, err);
        if (r >= 0)
                r = database_prepare(store, &statement, err,
                                     "SELECT id,name,created,document FROM networks ORDER BY name", "");
        while (r >= 0 && (r = database_step(store, statement, err)) > 0) {
                StoreNetwork *grown = reallocarray(list.items, list.count + 1, sizeof(*grown));

                if (!grown)
                        return fail_memory(err);
                list.items = grown;
                list.items[list.count] = (StoreNetwork){0};
                r = read_row(statement, &list.items[list.count++], err);
        }
        if (r < 0)
                return r;
        *ret = list;
        list = (StoreNetworkList){0};
        return 0;
}

int store_network_find(Store *store, const char *name, StoreNetwork *ret, Error *err)
{
        _cleanup_store_networks_ StoreNetworkList list = {0};
        StoreNetwork *found = NULL;
        size_t matches = 0;
        int r;

        r = store_network_list(store, &list, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list.count; i++)
                if (text_equal(list.items[i].name, name) || text_equal(list.items[i].id, name)) {
                        found = &list.items[i];
                        matches = 1;
                        break;
                } else if (*name && text_after(list.items[i].id, name)) {
                        found = &list.items[i];
                        matches++;
                }
        if (matches > 1)
                return fail_kind(err, ERROR_CONFLICT, EINVAL,
                                 "network %s is ambiguous (%zu matches found based on "
                                 "ID prefix)",
                                 name, matches);
        if (!found)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "network %s not found", name);
        *ret = *found;
        *found = (StoreNetwork){0};
        return 0;
}

int store_network_insert(Store *store, const StoreNetwork *network, Error *err)
{
        int r;

        r = ensure_table(store, err);
        if (r >= 0)
                r = database_begin(store, STORE_DURABLE, err);
        if (r < 0)
                return r;
        r = database_run(store, err, "INSERT OR IGNORE INTO networks VALUES(?,?,?,?)", "ttit", network->id,
                         network->name, network->created, network->document);
        if (r > 0)
                r = database_commit(store, err);
        else if (r == 0)
                r = fail_kind(err, ERROR_CONFLICT, EEXIST, "network with name %s already exists",
                              network->name);
        if (r < 0)
                database_rollback(store);
        return r < 0 ? r : 0;
}

int store_network_delete(Store *store, const char *id, Error *err)
{
        int r = database_begin(store, STORE_DURABLE, err);

        if (r >= 0)
                r = database_run(store, err, "DELETE FROM networks WHERE id=?", "t", id);
        if (r >= 0)
                r = database_commit(store, err);
        if (r < 0)
                database_rollback(store);
        return r < 0 ? r : 0;
}

int store_network_lock_changes(Store *store, Error *err)
{
        int fd = store_lock(store, "networks", LOCK_EX);

        return fd < 0 ? fail_errno(err, -fd, "lock the networks of containers") : fd;
}
