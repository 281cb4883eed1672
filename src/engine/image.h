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
        StringList filters; /* "reference=…", "dangling=true", "label=a=b", "before=IMAGE", "since=IMAGE" */
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
int image_remove(Engine *engine, const char *name, bool force, json_object **ret, Error *err);

/* One piece of news, in docker's words. Without an id a line of its own ("latest: Pulling from
 * library/busybox"); with one the state of a layer ("Pull complete"), or how far it is (@total > 0, bytes),
 * which comes about ten times a second. */
typedef struct ImageProgress {
        const char *id;
        const char *text;
        int64_t current, total;
} ImageProgress;
typedef void (*ImageProgressReport)(void *owner, const ImageProgress *progress);

/* Writes a tar that `docker load`, podman and skopeo (docker-archive: and oci-archive:) read, to @output. */
int image_save(Engine *engine, char *const *names, size_t count, int output, Error *err);

typedef struct ImageLoadOptions {
        int input;                  /* the archive, kept open by the caller */
        ImageProgressReport report; /* may be NULL */
        void *owner;
} ImageLoadOptions;

/* Reads such a tar (docker-archive or OCI layout, plain or compressed) through kelp-unpack. *ret_loaded, if
 * not NULL, gets "Loaded image: NAME" references or ids, one each. */
int image_load(Engine *engine, const ImageLoadOptions *options, StringList *ret_loaded, Error *err);
/* Loads the embedded image when @reference means it and it is not in the store. 1: loaded, 0: it is another
 * name. */
int image_load_default(Engine *engine, const char *reference, Error *err);

/* Makes an image of one layer from the root file system archive @input (plain or compressed tar). @reference
 * NULL: untagged.
 * @changes: Dockerfile instructions (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR).
 */
typedef struct ImageImportOptions {
        const char *reference;
        const char *message;
        const char *platform; /* NULL: the host's */
        StringList changes;
} ImageImportOptions;
int image_import(Engine *engine, int input, const ImageImportOptions *options, Digest *ret_id, Error *err);

/* ---- with a registry ---- image-pull.c, image-push.c, login.c ---- */

typedef struct ImagePullOptions {
        const char *name;
        const char *platform;       /* NULL: the host's */
        ImageProgressReport report; /* may be NULL */
        void *owner;
} ImagePullOptions;

/* Fetches the image into the store. Errors name the registry and its own words. */
int image_pull(Engine *engine, const ImagePullOptions *options, Error *err);

typedef struct ImagePushOptions {
        const char *name;
        ImageProgressReport report; /* may be NULL */
        void *owner;
} ImagePushOptions;

/* Sends an image of the store, with what the registry lacks of it. */
int image_push(Engine *engine, const ImagePushOptions *options, Error *err);

/* Writes the file at an http or https address to @output. */
int image_fetch_url(Engine *engine, const char *address, int output, Error *err);

/* Asks the registry whether the credentials are good, and keeps them if so. @domain: "docker.io",
 * "localhost:5000". */
int registry_login(Engine *engine, const char *domain, const char *user, const char *password, Error *err);
/* Forgets them. 1: there were some. */
int registry_logout(const char *domain, Error *err);
