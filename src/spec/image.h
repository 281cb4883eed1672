/* Image documents: descriptors, manifests, indexes, configurations (OCI image-spec v1.1, Docker schema 2). */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "spec/digest.h"
#include "spec/json.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Platform {
        char os[32];
        char architecture[32];
        char variant[16];
} Platform;

/* The machine's own. */
void platform_host(Platform *ret);
/* "linux/arm64/v8", "amd64", "linux"; normalised as containerd does (x86_64 → amd64, aarch64 → arm64). */
int platform_parse(const char *text, Platform *ret, Error *err);
/* Makes the names the ones that Go and the image-spec use, and says the variants that are left out: arm → v7,
 * arm64 → v8. */
void platform_normalize(Platform *platform);
/* How far @offered is from @wanted, both normalised: 0 the same, then lower variants (arm v6 for v7), then
 * what the same machine runs besides (386 for amd64, arm for arm64); -1 when @wanted cannot run it. */
int platform_distance(const Platform *wanted, const Platform *offered);
/* "linux/arm64/v8" */
void platform_format(const Platform *platform, char *buffer, size_t size);

typedef enum LayerCompression { LAYER_PLAIN, LAYER_GZIP, LAYER_ZSTD } LayerCompression;

typedef struct Descriptor {
        char media_type[128];
        Digest digest;
        int64_t size; /* bytes */
} Descriptor;

enum { IMAGE_LAYERS_MAXIMUM = 512 };

typedef struct ImageManifest {
        Descriptor config;
        Descriptor *layers;
        LayerCompression *compressions; /* by media type; one for each layer */
        size_t layer_count;
} ImageManifest;

void image_manifest_deinit(ImageManifest *manifest);
#define _cleanup_manifest_ _cleanup_(image_manifest_deinit)

typedef enum ImageDocumentKind { IMAGE_DOCUMENT_MANIFEST, IMAGE_DOCUMENT_INDEX } ImageDocumentKind;

/* Tells a manifest from an index, by mediaType and shape (a document that is both is refused,
 * CVE-2021-41190). Schema 1 gets an error that says so. */
int image_document_kind(json_object *document, ImageDocumentKind *ret, Error *err);
/* Reads a manifest. Non-layer artifacts, foreign layers, sizes below 0 are refused with a clear error. */
int image_manifest_parse(json_object *document, ImageManifest *ret, Error *err);
/* Picks the entry for @platform out of an index (best variant match; the result may be a nested index). None:
 * ERROR_UNSUPPORTED naming what there is. */
int image_index_choose(json_object *document, const Platform *platform, Descriptor *ret, Error *err);

/* What a container inherits from an image (config.json's "config", and the root). */
typedef struct ImageConfig {
        Platform platform;
        int64_t created; /* nanoseconds since 1970, 0 when not said */
        char *author;
        char *user;
        char *working_directory;
        char *stop_signal;
        StringList env; /* NAME=value */
        StringList entrypoint;
        StringList command;
        StringList labels;        /* name=value */
        StringList volumes;       /* paths */
        StringList exposed_ports; /* "80/tcp" */
        Digest *diff_ids;         /* uncompressed layer digests, bottom first */
        size_t diff_id_count;
        json_object *document; /* the whole configuration, for inspect and history; owned */
} ImageConfig;

void image_config_deinit(ImageConfig *config);
#define _cleanup_image_config_ _cleanup_(image_config_deinit)

/* Reads a configuration. A platform that is not said is taken for this machine's. Takes its own reference to
 * @document. */
int image_config_parse(json_object *document, ImageConfig *ret, Error *err);
