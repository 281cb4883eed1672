/* Images as users know them. Names are as typed ("busybox", an id prefix, name@digest). JSON results have the
 * shape of the Docker Engine API (ImageSummary, ImageInspect, HistoryResponseItem) and are the caller's to
 * put. */
#pragma once

#include "engine/engine.h"
#include "spec/image.h"
#include "spec/json.h"
#include "store/images.h"

/* ---- local ---- */

typedef struct ImageListOptions {
        bool all, digests;
        StringList filters; /* "reference=…", "dangling=true", "label=…", "before=…", "since=…" */
        const char *name;   /* NULL: all */
} ImageListOptions;
/* ImageSummary objects, newest first: Id, RepoTags, RepoDigests, Created (seconds), Size, Labels, Containers.
 */
int image_list(Engine *engine, const ImageListOptions *options, json_object **ret, Error *err);
int image_inspect(Engine *engine, const char *name, json_object **ret, Error *err);
/* Items: Id, Created (seconds), CreatedBy, Size, Comment, Tags. */
int image_history(Engine *engine, const char *name, json_object **ret, Error *err);
int image_tag(Engine *engine, const char *source, const char *target, Error *err);
/* Docker's rmi: untags, and deletes when that was the last name. *ret: [{"Untagged": …}, {"Deleted": …}]. */
int image_remove(Engine *engine, const char *name, bool force, bool no_prune, json_object **ret, Error *err);

/* Writes a tar that `docker load`, podman and skopeo (docker-archive: and oci-archive:) read, to @output. */
int image_save(Engine *engine, char *const *names, size_t count, int output, Error *err);
/* Reads such a tar (docker-archive or OCI layout, plain or compressed) through kelp-unpack. *ret_loaded gets
 * "Loaded image: NAME" references or ids, one each. */
int image_load(Engine *engine, int input, StringList *ret_loaded, Error *err);
/* Loads the embedded image when @reference means it and it is not in the store. 1: loaded, 0: it is another
 * name. */
int image_load_default(Engine *engine, const char *reference, Error *err);

/* ---- with a registry ---- image-pull.c ---- */

typedef struct ImagePullOptions {
        const char *name;
        const char *platform; /* NULL: the host's */
} ImagePullOptions;

/* One line of progress, in docker's words: "latest: Pulling from library/busybox", "0123456789ab: Pull
 * complete", "Digest: …". */
typedef void (*PullProgress)(void *owner, const char *line);

/* Fetches the image into the store. Errors name the registry and its own words. */
int image_pull(Engine *engine, const ImagePullOptions *options, PullProgress progress, void *owner,
               Error *err);
