/* Images, references, blobs and layers of the store. An image's id is the digest of its configuration, as
 * Docker's. */
#pragma once

#include "spec/digest.h"
#include "spec/image.h"
#include "spec/reference.h"
#include "store/store.h"

/* ---- blobs ---- */

/* True when the blob is there (its content was checked when it was written). */
bool store_blob_exists(Store *store, const Digest *digest);
/* Opens it for reading; ERROR_NOT_FOUND. */
int store_blob_open(Store *store, const Digest *digest, int *ret_fd, Error *err);
/* Makes an empty file "blob" in @stage for writing. The descriptor or a negative errno. */
int store_blob_create(Store *store, StoreStage *stage, const char *name, Error *err);
/* Renames a staged file, whose content the caller has checked, to its place; existing ones win. Durable on
 * return. */
int store_blob_commit(Store *store, StoreStage *stage, const char *name, const Digest *digest, Error *err);
/* Both for small content; checks nothing but computes the digest. */
int store_blob_put(Store *store, const void *data, size_t length, Digest *ret, Error *err);
int store_blob_read(Store *store, const Digest *digest, size_t maximum, Buffer *ret, Error *err);

/* ---- layers ---- */

/* Takes the lock of the layer @diff_id (waiting for another process that is unpacking it). 1: the layer is
 * there already,
 * @ret is empty. 0: @ret is a stage to unpack into (see unpack/process.h). */
int store_layer_begin(Store *store, const Digest *diff_id, StoreStage *ret, Error *err);
/* The staged folder becomes layers/HEX. @size: bytes of content. */
int store_layer_commit(Store *store, StoreStage *stage, const Digest *diff_id, int64_t size, Error *err);
/* The absolute path of an unpacked layer's diff folder; ERROR_NOT_FOUND. */
int store_layer_path(Store *store, const Digest *diff_id, char **ret, Error *err);
/* Bytes of its content; 0 for one that is not there. */
int store_layer_size(Store *store, const Digest *diff_id, int64_t *ret, Error *err);

/* ---- images ---- */

typedef struct StoreImage {
        Digest id;             /* of the configuration blob */
        Digest manifest;       /* of the manifest it came with (or that kelp made) */
        int64_t size;          /* bytes, unpacked */
        int64_t created;       /* nanoseconds, of the configuration */
        StringList references; /* full form with tag: docker.io/library/busybox:latest */
        StringList digests;    /* full name @ digest as pulled: docker.io/library/busybox@sha256:… */
        ImageConfig config;    /* read from its blob, when asked for */
} StoreImage;

void store_image_deinit(StoreImage *image);
#define _cleanup_store_image_ _cleanup_(store_image_deinit)

/* Finds by reference, name@digest, id or unique prefix of an id (at least one digit), in Docker's order;
 * reads the configuration. ERROR_NOT_FOUND "No such image: NAME". */
int store_image_find(Store *store, const char *name, StoreImage *ret, Error *err);

/* The path of a repository of @domain other than @path in which an image with the layer blob @blob has a
 * name: the registry may have it there. New string; 1: found, 0: none. */
int store_image_neighbour(Store *store, const Digest *blob, const char *domain, const char *path, char **ret,
                          Error *err);

typedef struct StoreImageList {
        StoreImage *items; /* newest first; without config */
        size_t count;
} StoreImageList;
void store_image_list_deinit(StoreImageList *list);
int store_image_list(Store *store, StoreImageList *ret, Error *err);

typedef struct StoreImageNew {
        Digest config, manifest;     /* both blobs are in the store, as are the layers and their blobs */
        const ImageManifest *layers; /* the manifest, parsed */
        const ImageConfig *parsed;
        const ImageReference *reference; /* to tag, may be NULL */
        const Digest
                *pulled_digest; /* digest by which the registry named it (index or manifest); NULL: none */
} StoreImageNew;

/* One durable transaction: the image row, its layers, its reference (moved from another image if needed). 1
 * when the image was there before and nothing changed, 0 when something is new. */
int store_image_commit(Store *store, const StoreImageNew *image, Error *err);
int store_image_tag(Store *store, const Digest *id, const ImageReference *reference, Error *err);
/* Removes one reference (or digest reference); the image stays. ERROR_NOT_FOUND. */
int store_image_untag(Store *store, const char *full_reference, Error *err);
/* Removes the image row with all its references; layers and blobs that nothing else uses go with
 * store_collect(). ERROR_CONFLICT naming the containers that use it. @ret_layers (may be NULL) gets the
 * diffIDs that went. */
int store_image_remove(Store *store, const Digest *id, bool force, StringList *ret_layers, Error *err);
