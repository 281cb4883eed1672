/*
 * What is on disk about a container: a folder below the runtime's root, mode 0700, of this name, with
 *
 *   config.json  the configuration as it was when the container was created; callers remove the bundle's
 *   state.json   this structure: "version" 1, members are only ever added
 *   start        the socket on which the init waits for `start`; gone once that has begun
 *
 * The folder is there from before anything is made until all is undone, so that `delete` finds what a killed
 * runtime left. Whoever changes a container holds the folder's lock (flock(2)).
 */
#pragma once

#include "oci/oci.h"

#include <sys/types.h>

typedef enum OciStatus {
        OCI_CREATING, /* or left half-made */
        OCI_CREATED,
        OCI_RUNNING,
        OCI_PAUSED,
        OCI_STOPPED,
} OciStatus;

typedef struct OciContainer {
        int folder; /* O_RDONLY, holds the lock */
        char *id;
        char *bundle, *rootfs;
        char *created;  /* RFC 3339 */
        char *cgroup;   /* absolute folder of its own cgroup; NULL: none */
        pid_t pid;      /* of the init; 0 while creating */
        uint64_t start; /* its start time: with it the pid means the same process for ever */
        uid_t owner;
        OciStatus status;
        int pidfd;        /* of the init while it lives */
        RuntimeSpec spec; /* when it is read */
} OciContainer;

#define OCI_CONTAINER_INIT {.folder = -EBADF, .pidfd = -EBADF}
void oci_container_deinit(OciContainer *container);
#define _cleanup_oci_container_ _cleanup_(oci_container_deinit)

/* Root of the host, and not of a user namespace that a user made. */
bool state_is_host_root(void);

/* The folder with all containers' folders, made when missing. Default: /run/kelp-runtime for root,
 * $XDG_RUNTIME_DIR/kelp-runtime, /run/user/UID/kelp-runtime, else a folder in /tmp that only the user can
 * enter. */
int state_open_root(const OciContext *context, int *ret, Error *err);

/* Makes the folder and takes its lock. ERROR_CONFLICT: "already exists". */
int state_make(const OciContext *context, const char *id, OciContainer *ret, Error *err);
/* Finds it and reads state.json; its status is what the processes say now. ERROR_NOT_FOUND: "container does
 * not exist". @lock: and takes the lock. */
int state_load(const OciContext *context, const char *id, bool lock, OciContainer *ret, Error *err);
/* Reads config.json into container->spec. */
int state_load_spec(OciContainer *container, Error *err);
int state_write(OciContainer *container, Error *err);
void state_unlock(OciContainer *container);
/* Removes the folder with all in it. */
int state_remove(const OciContext *context, OciContainer *container, Error *err);

const char *state_status_name(OciStatus status);
/* The document that `state` prints. The caller's to put. */
json_object *state_document(const OciContainer *container, const StringList *annotations,
                            const char *version);

/* The listening socket `start` in the folder. */
int state_listen(OciContainer *container, int *ret, Error *err);
/* Connects to it and takes it away, so that the container counts as started. */
int state_connect(OciContainer *container, int *ret, Error *err);
