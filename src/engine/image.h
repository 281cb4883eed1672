/* Images as users know them. Names are as typed ("busybox", an id prefix, name@digest). JSON results have the shape of the
 * Docker Engine API (ImageSummary, ImageInspect, HistoryResponseItem) and are the caller's to put. */
#pragma once

#include "engine/engine.h"
#include "spec/image.h"
#include "spec/json.h"
#include "store/images.h"

/* ---- local ---- image-local.c, image-inspect.c ---- */

typedef struct ImageListOptions {
        bool all, digests;
        StringList filters; /* "reference=…", "dangling=true", "label=…", "before=…", "since=…" */
        const char *name;   /* NULL: all */
} ImageListOptions;
/* ImageSummary objects, newest first: Id, RepoTags, RepoDigests, Created (seconds), Size, Labels, Containers. */
int image_list(Engine *engine, const ImageListOptions *options, json_object **ret, Error *err);
int image_inspect(Engine *engine, const char *name, json_object **ret, Error *err);
/* Items: Id, Created (seconds), CreatedBy, Size, Comment, Tags. */
int image_history(Engine *engine, const char *name, json_object **ret, Error *err);
int image_tag(Engine *engine, const char *source, const char *target, Error *err);
/* Docker's rmi: untags, and deletes when that was the last name. *ret: [{"Untagged": …}, {"Deleted": …}]. */
int image_remove(Engine *engine, const char *name, bool force, bool no_prune, json_object **ret, Error *err);

/* Writes a tar that `docker load`, podman and skopeo (docker-archive: and oci-archive:) read, to @output. */
int image_save(Engine *engine, char *const *names, size_t count, int output, Error *err);
/* Reads such a tar (docker-archive or OCI layout, plain or compressed) through kelp-unpack. *ret_loaded gets "Loaded image: NAME"
 * references or ids, one each. */
int image_load(Engine *engine, int input, StringList *ret_loaded, Error *err);
/* One-layer image from a root file system tar. @changes: "CMD …", "ENV …" as docker import --change. */
int image_import(Engine *engine, int input, const char *reference, const char *message, const StringList *changes,
                 const char *platform, Digest *ret_id, Error *err);
/* Loads the embedded image when @reference means it and it is not in the store. 1: loaded, 0: it is another name. */
int image_load_default(Engine *engine, const char *reference, Error *err);

/* ---- with a registry ---- image-pull.c, image-push.c, registry-login.c ---- */

typedef struct ImageTransfer ImageTransfer;

typedef enum TransferState {
        TRANSFER_WAITING,
        TRANSFER_EXISTS,      /* pull: "Already exists"; push: "Layer already exists" */
        TRANSFER_DOWNLOADING, /* or uploading: current of total bytes */
        TRANSFER_EXTRACTING,
        TRANSFER_COMPLETE,
        TRANSFER_RETRYING,
} TransferState;

typedef struct TransferEvent {
        char layer[13]; /* 12 digits of the digest; "" for a whole-image line */
        TransferState state;
        int64_t current, total;
        char text[256]; /* whole-image lines: "latest: Pulling from library/busybox", "Digest: sha256:…", "Status: …" */
} TransferEvent;

typedef struct ImagePullOptions {
        const char *name;
        const char *platform; /* NULL: the host's */
} ImagePullOptions;
int image_pull_start(Engine *engine, const ImagePullOptions *options, ImageTransfer **ret, Error *err);
int image_push_start(Engine *engine, const char *name, ImageTransfer **ret, Error *err);
/* Waits for something worth showing. 1: *ret is an event; 0: finished well; negative: failed. The pull runs as the caller calls. */
int image_transfer_next(ImageTransfer *transfer, TransferEvent *ret, Error *err);
/* After the end: the canonical reference with digest or tag, e.g. "docker.io/library/busybox:latest". */
const char *image_transfer_reference(const ImageTransfer *transfer);
/* Ends helpers, removes what is half-made. Accepts NULL, returns NULL. */
ImageTransfer *image_transfer_free(ImageTransfer *transfer);
DEFINE_CLEANUP(ImageTransfer, image_transfer_free)
#define _cleanup_transfer_ _cleanup_(image_transfer_freep)

/* Checks the credentials with the registry and stores them (config.json or its credential helper). */
int registry_login(Engine *engine, const char *server, const char *user, const char *password, Error *err);
/* *ret_removed false: there were none. */
int registry_logout(Engine *engine, const char *server, bool *ret_removed, Error *err);
