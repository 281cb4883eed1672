/* Containers and volumes as the store knows them: rows; what they mean is the engine's. */
#pragma once

#include "spec/digest.h"
#include "store/store.h"

typedef struct StoreContainer {
        char *id; /* 64 hex digits */
        char *name;
        Digest image;        /* unset: none */
        char *image_name;    /* as the user wrote it */
        char *command;       /* for `ps`, one line */
        char *labels;        /* JSON object text */
        int64_t created;     /* nanoseconds since 1970 */
        char *configuration; /* JSON text, the engine's; only read by find, not by list */
        /* the changing part */
        char *status; /* "created", "running", "paused", "exited", "removing", "dead" */
        int32_t pid;  /* the init; 0: none */
        int32_t monitor_pid;
        uint64_t pid_start; /* field 22 of /proc/PID/stat: with the pid, says which process was meant */
        uint64_t monitor_start;
        int32_t exit_code;
        int64_t started, finished;
        char *error;
        int32_t restarts;
        bool auto_remove;
} StoreContainer;

void store_container_deinit(StoreContainer *container);
#define _cleanup_store_container_ _cleanup_(store_container_deinit)

typedef struct StoreContainerList {
        StoreContainer *items; /* newest first */
        size_t count;
} StoreContainerList;
void store_container_list_deinit(StoreContainerList *list);
#define _cleanup_store_containers_ _cleanup_(store_container_list_deinit)

/* How surely a change must survive a power cut. */
typedef enum StoreDurability { STORE_FAST, STORE_DURABLE } StoreDurability;

/* Inserts a row and makes containers/ID (0700) in one step. ERROR_CONFLICT when the name is in use:
 * 'Conflict. The container name "/x" is already in use by container "ID". …' as Docker says it. */
int store_container_insert(Store *store, const StoreContainer *container, StoreDurability durability,
                           Error *err);
/* By full id, exact name (a leading slash is accepted), or unique id prefix. ERROR_NOT_FOUND "No such
 * container: NAME". */
int store_container_find(Store *store, const char *name, StoreContainer *ret, Error *err);
int store_container_list(Store *store, StoreContainerList *ret, Error *err);
/* Writes the changing part, if the row still has @expected_status (NULL: whatever it has), and, when that is
 * "running", is still in the run that began at container->started; -EAGAIN (no Error) when it changed. */
int store_container_update(Store *store, const StoreContainer *container, const char *expected_status,
                           StoreDurability durability, Error *err);
int store_container_configure(Store *store, const char *id, const char *configuration, Error *err);
int store_container_rename(Store *store, const char *id, const char *name, Error *err);
/* In the folder of a new container: what an earlier one had as upper/, to be removed before the start. */
#define STORE_USED_UPPER "used"

/* Takes the folder of a container that has ended out of sight. *ret: its path below the store, for the caller
 * to remove; NULL when there is nothing to remove: it was missing, or as good as new and waits for the next
 * container. */
int store_container_folder_retire(Store *store, const char *id, char **ret, Error *err);
/* Removes the row; the folder is to be retired before, or else store_collect()'s. */
int store_container_delete(Store *store, const char *id, StoreDurability durability, Error *err);

typedef struct StoreVolume {
        char *name;
        int64_t created;
        bool anonymous;
        char *labels; /* JSON object text */
} StoreVolume;
void store_volume_deinit(StoreVolume *volume);

/* The absolute path of the volume's _data; made (0755, with a row) when missing. *ret_new tells. Names are
 * checked. */
int store_volume_ensure(Store *store, const char *name, bool anonymous, char **ret_path, bool *ret_new,
                        Error *err);
int store_volume_list(Store *store, StoreVolume **ret, size_t *ret_count, Error *err);
/* How many containers use it. */
int store_volume_users(Store *store, const char *name, int64_t *ret, Error *err);
/* @labels: JSON object text. */
int store_volume_label(Store *store, const char *name, const char *labels, Error *err);
/* ERROR_CONFLICT while a container uses it. */
int store_volume_delete(Store *store, const char *name, Error *err);
/* Which volumes a container uses (to protect them, and to remove anonymous ones with it). */
int store_volume_attach(Store *store, const char *volume, const char *container_id, Error *err);
/* Names of anonymous volumes that only @container_id uses. */
int store_volume_private(Store *store, const char *container_id, StringList *ret, Error *err);
