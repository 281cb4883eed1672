/* The store's SQLite database: private to src/store. */
#pragma once

#include "store/containers.h"
#include "store/store.h"

#include <sqlite3.h>

struct Store {
        char *path;
        int fd;
        sqlite3 *db;
        uid_t owner;
        gid_t group;
        StoreDurability durability; /* what the connection is set to */
        const Interrupt *interrupt;
        int wal_pages; /* in the WAL after the last commit */
};

/* Opens kelp.db in the store's folder, makes or checks its schema. */
int database_open(Store *store, Error *err);

/* database-calls.c: system calls of SQLite's that are ours; before the first connection. */
void database_replace_calls(void);
/* Whether the next connection will use the index of the WAL that this one leaves. */
bool database_index_is_kept(const Store *store);

static inline void statement_finalize(sqlite3_stmt **statement)
{
        sqlite3_finalize(*statement);
}
#define _cleanup_statement_ _cleanup_(statement_finalize)

/* Raises what SQLite last said, with the path and the way out. */
int database_fail(Store *store, int result, const char *what, Error *err);

/* Prepares @sql and binds the arguments that @types names: 't' const char * (NULL allowed), 'i' int64_t. */
int database_prepare(Store *store, sqlite3_stmt **ret, Error *err, const char *sql, const char *types, ...);
/* 1: a row, 0: the end. */
int database_step(Store *store, sqlite3_stmt *statement, Error *err);
/* Prepare, run to the end, finalize. The number of rows changed. */
int database_run(Store *store, Error *err, const char *sql, const char *types, ...);

/* A text column, copied (NULL stays NULL). -ENOMEM without memory. */
int database_text(sqlite3_stmt *statement, int column, char **ret);

/* Begins a transaction that writes; waits for other processes. */
int database_begin(Store *store, StoreDurability durability, Error *err);
int database_commit(Store *store, Error *err);
/* Folds a long WAL back into the database; before the connection closes. */
void database_checkpoint(Store *store);
/* Undoes an open transaction; harmless otherwise. */
void database_rollback(Store *store);

/* mkdirat, exactly @mode whatever the umask, given to the store's owner. -EEXIST is success. 0 or a negative
 * errno. */
int store_make_folder(Store *store, int parent, const char *name, mode_t mode);
/* container-folders.c: makes containers/ID, or takes a spare one. 0 or a negative errno. */
int container_folder_make(Store *store, const char *path);
/* A lock file in locks/, flock'ed as @operation (LOCK_SH, LOCK_EX, LOCK_NB). The descriptor or a negative
 * errno (-EWOULDBLOCK). */
int store_lock(Store *store, const char *name, int operation);
