/*
 * SQLite in WAL mode: readers never wait, writers wait for each other for the microseconds that a row takes.
 * A transaction that need not survive a power cut (a container's row, gone in a second) is committed without
 * fsync; what was pulled is synced. The WAL is not folded back when a command ends, that would be an fsync in
 * each `kelp run`, but every FOLD_PAGES, and then overwritten from its start by the next writer. Where its
 * index cannot be kept from one command to the next (database-calls.c) each command reads the WAL through:
 * there it is folded back earlier, and truncated.
 */
#include "store/database.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { SCHEMA_VERSION = 1, BUSY_MILLISECONDS = 30000, FOLD_PAGES = 500, FOLD_UNINDEXED_PAGES = 100 };

static const char schema[] =
        "CREATE TABLE images(id TEXT PRIMARY KEY, manifest TEXT NOT NULL, size INT NOT NULL, created INT NOT "
        "NULL) WITHOUT ROWID;"
        "CREATE TABLE image_layers(image TEXT NOT NULL, position INT NOT NULL, diff_id TEXT NOT NULL, blob "
        "TEXT NOT NULL,"
        " PRIMARY KEY(image, position)) WITHOUT ROWID;"
        "CREATE INDEX image_layers_diff ON image_layers(diff_id);"
        "CREATE TABLE image_names(name TEXT PRIMARY KEY, image TEXT NOT NULL, is_digest INT NOT NULL) "
        "WITHOUT ROWID;"
        "CREATE INDEX image_names_image ON image_names(image);"
        "CREATE TABLE layers(diff_id TEXT PRIMARY KEY, size INT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE containers(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image TEXT, image_name "
        "TEXT, command TEXT, labels TEXT,"
        " created INT NOT NULL, status TEXT NOT NULL, pid INT NOT NULL, monitor_pid INT NOT NULL, pid_start "
        "INT NOT NULL,"
        " monitor_start INT NOT NULL, exit_code INT NOT NULL, started INT NOT NULL, finished INT NOT NULL, "
        "error TEXT,"
        " restarts INT NOT NULL, auto_remove INT NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX containers_image ON containers(image);"
        /* apart, so that listing a thousand containers does not read a thousand documents */
        "CREATE TABLE configurations(container TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE volumes(name TEXT PRIMARY KEY, created INT NOT NULL, anonymous INT NOT NULL, labels "
        "TEXT) WITHOUT ROWID;"
        "CREATE TABLE volume_users(volume TEXT NOT NULL, container TEXT NOT NULL, PRIMARY KEY(volume, "
        "container)) WITHOUT ROWID;"
        "CREATE INDEX volume_users_container ON volume_users(container);"
        "PRAGMA user_version=1;";

int database_fail(Store *store, int result, const char *what, Error *err)
{
        const char *words = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(result);
        int primary = result & 0xff;

        switch (primary) {
        case SQLITE_NOMEM:
                return fail_memory(err);
        case SQLITE_FULL:
                fail(err, ENOSPC, "store %s: %s: the disk is full", store->path, what);
                return fail_hint(err,
                                 "free some space, or put kelp's data elsewhere with --root or KELP_ROOT");
        case SQLITE_READONLY:
        case SQLITE_PERM:
                fail(err, EROFS, "store %s: %s: the database cannot be written", store->path, what);
                return fail_hint(err, "kelp needs a writable folder: name one with --root or KELP_ROOT");
        case SQLITE_CANTOPEN:
                fail(err, EACCES, "store %s: %s: the database cannot be opened: %s", store->path, what,
                     words);
                return fail_hint(err, "kelp needs a writable folder: name one with --root or KELP_ROOT");
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return fail(err, EBUSY,
                            "store %s: %s: another kelp process has kept the database for %d seconds",
                            store->path, what, BUSY_MILLISECONDS / 1000);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                fail_kind(err, ERROR_CORRUPT, EUCLEAN, "store %s: kelp.db is damaged: %s", store->path,
                          words);
                return fail_hint(err, "move %s away and pull the images again; volumes are folders in it",
                                 store->path);
        case SQLITE_IOERR: {
                int code = store->db ? sqlite3_system_errno(store->db) : 0;

                /* The number says what could not be done: sqlite.org/rescode.html. */
                return fail(err, code ?: EIO, "store %s: %s: %s (%d)%s%s", store->path, what, words,
                            store->db ? sqlite3_extended_errcode(store->db) : result, code ? ": " : "",
                            code ? strerror(code) : "");
        }
        default:
                return fail(err, EIO, "store %s: %s: %s", store->path, what, words);
        }
}

static int prepare_bound(Store *store, sqlite3_stmt **ret, Error *err, const char *sql, const char *types,
                         va_list arguments)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

        for (int i = 0; result == SQLITE_OK && types[i]; i++) {
                if (types[i] == 't')
                        result = sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1,
                                                   SQLITE_TRANSIENT);
                else
                        result = sqlite3_bind_int64(statement, i + 1, va_arg(arguments, int64_t));
        }
        if (result != SQLITE_OK)
                return database_fail(store, result, "prepare", err);
        *ret = TAKE_PTR(statement);
        return 0;
}

int database_prepare(Store *store, sqlite3_stmt **ret, Error *err, const char *sql, const char *types, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = prepare_bound(store, ret, err, sql, types, arguments);
        va_end(arguments);
        return r;
}

int database_step(Store *store, sqlite3_stmt *statement, Error *err)
{
        int result = sqlite3_step(statement);

        if (result == SQLITE_ROW)
                return 1;
        return result == SQLITE_DONE ? 0 : database_fail(store, result, "query", err);
}

int database_run(Store *store, Error *err, const char *sql, const char *types, ...)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = prepare_bound(store, &statement, err, sql, types, arguments);
        va_end(arguments);
        if (r < 0)
                return r;
        while ((r = database_step(store, statement, err)) > 0)
                ;
        return r < 0 ? r : sqlite3_changes(store->db);
}

int database_text(sqlite3_stmt *statement, int column, char **ret)
{
        const char *text = (const char *)sqlite3_column_text(statement, column);

        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

static int execute(Store *store, const char *sql, const char *what, Error *err)
{
        int result = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

        return result == SQLITE_OK ? 0 : database_fail(store, result, what, err);
}

int database_begin(Store *store, StoreDurability durability, Error *err)
{
        int r = 0;

        if (store->durability != durability) {
                r = execute(store,
                            durability == STORE_DURABLE ? "PRAGMA synchronous=FULL"
                                                        : "PRAGMA synchronous=NORMAL",
                            "configure", err);
                store->durability = durability;
        }
        return r < 0 ? r : execute(store, "BEGIN IMMEDIATE", "begin", err);
}

int database_commit(Store *store, Error *err)
{
        int r = execute(store, "COMMIT", "commit", err);

        if (r < 0)
                database_rollback(store);
        return r;
}

void database_rollback(Store *store)
{
        if (!sqlite3_get_autocommit(store->db))
                sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

static int read_version(Store *store, int64_t *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err, "PRAGMA user_version", "");
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r < 0)
                return r;
        *ret = sqlite3_column_int64(statement, 0);
        return 0;
}

/* The first command of all. Others that start at the same moment wait for a lock of ours and find the work
 * done: SQLite does not wait, but fails, when two change the journal mode at once. */
static int make_schema(Store *store, Error *err)
{
        _cleanup_close_ int lock = store_lock(store, "schema", LOCK_EX);
        int64_t version;
        int r;

        if (lock < 0)
                return fail_errno(err, -lock, "store %s: lock", store->path);
        r = read_version(store, &version, err);
        if (r < 0 || version != 0)
                return r;
        r = execute(store, "PRAGMA journal_mode=WAL", "make", err);
        if (r >= 0)
                r = database_begin(store, STORE_DURABLE, err);
        if (r < 0)
                return r;
        r = read_version(store, &version, err);
        if (r >= 0 && version == 0)
                r = execute(store, schema, "make the tables", err);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

static int count_pages(void *owner, sqlite3 *db, const char *name, int pages)
{
        Store *store = owner;

        store->wal_pages = pages;
        return SQLITE_OK;
}

void database_checkpoint(Store *store)
{
        bool kept;

        if (store->wal_pages < FOLD_UNINDEXED_PAGES)
                return;
        kept = database_index_is_kept(store);
        if (kept && store->wal_pages < FOLD_PAGES)
                return;
        /* Others that read or write just now matter more: the next command tries again. */
        sqlite3_busy_timeout(store->db, 0);
        sqlite3_wal_checkpoint_v2(store->db, NULL,
                                  kept ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

int database_open(Store *store, Error *err)
{
        char path[64];
        int64_t version = 0;
        int result, r;

        /* By descriptor: the store's path may be longer than SQLite's limit, and is the one that was checked.
         */
        snprintf(path, sizeof(path), "/proc/self/fd/%d/kelp.db", store->fd);
        database_replace_calls();
        result = sqlite3_open_v2(path, &store->db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
        if (result != SQLITE_OK)
                return database_fail(store, result, "open", err);
        sqlite3_busy_timeout(store->db, BUSY_MILLISECONDS);
        sqlite3_wal_hook(store->db, count_pages, store); /* instead of SQLite's automatic checkpoints */
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        store->durability = STORE_DURABLE; /* SQLite's own default */
        r = read_version(store, &version, err);
        /* Environments are in it, and root's store can be entered by its containers' ids. SQLite gives its
         * other files the same mode. */
        if (r >= 0 && version == 0 && fchmodat(store->fd, "kelp.db", 0600, 0) < 0)
                r = fail_errno(err, errno, "store %s: kelp.db", store->path);
        if (r >= 0 && version == 0)
                r = make_schema(store, err);
        if (r >= 0 && version > SCHEMA_VERSION) {
                fail_kind(err, ERROR_UNSUPPORTED, EPROTONOSUPPORT,
                          "store %s was written by a newer kelp (format %lld, this one knows %d)",
                          store->path, (long long)version, SCHEMA_VERSION);
                return fail_hint(err, "use that kelp, or another folder with --root or KELP_ROOT");
        }
        return r;
}
