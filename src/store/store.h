/*
 * The store: everything kelp keeps for one user, below one folder (0700).
 *
 *   kelp.db           SQLite, WAL: images, references, containers, volumes
 *   blobs/sha256/HEX  compressed layers, manifests, configurations, as they came
 *   layers/HEX/diff   an unpacked layer by diffID, shared by images
 *   layers/HEX/owners intended owners that could not be given (one-id maps)
 *   containers/ID/    upper, work, log, …: a container's own
 *   spare/            folders of containers that left no trace, for the next ones
 *   volumes/NAME/     _data
 *   mount-points/     what each container mounts on: the undermost layer of all
 *   tmp/              what is being made; each entry is flock'ed by its maker: unlocked ones are left-overs
 *   locks/            files for flock(2)
 *
 * A folder or blob comes into being by rename from tmp/, and counts only once the database names it; whatever
 * no row names and nobody locks is collected. So a kill at any point leaves nothing that needs repair.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "sys/interrupt.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Store Store;

typedef struct StoreOptions {
        const char *path; /* absolute */
        /* Owner of layers/, containers/ and volumes/ and tmp/ for kelp started by root, where container root
         * is a subordinate id; (uid_t)-1: the caller. */
        uid_t owner;
        gid_t group;
} StoreOptions;

/* Opens the store, making it when it is missing (modes exact, whatever the umask). Errors name the path:
 * read-only home, full disk, a newer kelp's database, not a database. */
int store_open(const StoreOptions *options, Store **ret, Error *err);
Store *store_close(Store *store);
DEFINE_CLEANUP(Store, store_close)
#define _cleanup_store_ _cleanup_(store_closep)

/* Below the store's folder: empty folders and files, proc, dev, sys, etc/hosts, … */
#define STORE_MOUNT_POINTS "mount-points"

/* While set, waits for another process's lock end with -EINTR when a signal has come. Belongs to the caller.
 */
void store_set_interrupt(Store *store, const Interrupt *interrupt);

/* The store's folder; belongs to @store. */
int store_fd(const Store *store);
const char *store_path(const Store *store);

/* A folder under construction in tmp/. */
typedef struct StoreStage {
        char name[64];   /* below tmp/ */
        int fd;          /* the folder */
        int lock;        /* flock that marks it as alive */
        int object_lock; /* e.g. of the layer that it will become; -EBADF: none */
} StoreStage;

#define STORE_STAGE_INIT {.fd = -EBADF, .lock = -EBADF, .object_lock = -EBADF}

int store_stage_begin(Store *store, StoreStage *ret, Error *err);
/* Removes what was staged (as plain user; what belongs to subordinate ids is left to store_collect() in their
 * namespace). Accepts finished and empty ones. */
void store_stage_abandon(Store *store, StoreStage *stage);

/* Removes left-overs in tmp/, and folders and blobs that no row names. @remove_tree is how trees owned by
 * subordinate ids are removed; see store_remove_tree. Cheap when there is nothing to do. */
typedef struct StoreCollectResult {
        StringList stubborn; /* paths below the store, that need removal inside the user namespace */
} StoreCollectResult;
int store_collect(Store *store, StoreCollectResult *ret, Error *err);
