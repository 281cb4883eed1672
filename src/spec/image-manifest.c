/*
 * Manifests and indexes.
 *
 * Both come from a registry and are hostile until proven otherwise. Nothing here trusts the mediaType alone:
 * a document that can be read both as a manifest and as an index means different things to different readers
 * with one and the same digest (CVE-2021-41190), and is refused.
 */
#include "spec/image.h"

#include <stdio.h>
#include <string.h>

static const char OCI_MANIFEST[] = "application/vnd.oci.image.manifest.v1+json";
static const char OCI_INDEX[] = "application/vnd.oci.image.index.v1+json";
static const char DOCKER_MANIFEST[] = "application/vnd.docker.distribution.manifest.v2+json";
static const char DOCKER_LIST[] = "application/vnd.docker.distribution.manifest.list.v2+json";

static const struct {
        const char *media_type;
        LayerCompression compression;
} LAYER_TYPES[] = {
        {"application/vnd.oci.image.layer.v1.tar", LAYER_PLAIN},
        {"application/vnd.oci.image.layer.v1.tar+gzip", LAYER_GZIP},
        {"application/vnd.oci.image.layer.v1.tar+zstd", LAYER_ZSTD},
        {"application/vnd.docker.image.rootfs.diff.tar", LAYER_PLAIN},
        {"application/vnd.docker.image.rootfs.diff.tar.gzip", LAYER_GZIP},
        {"application/vnd.docker.image.rootfs.diff.tar.zstd", LAYER_ZSTD},
};

/* application/octet-stream: what registries of Docker's early schema 2 days made of it. */
static const char *const CONFIG_TYPES[] = {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
        "application/octet-stream",
};

static int corrupt(Error *err, const char *message)
{
        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s", message);
}

static int check_schema_version(json_object *document, Error *err)
{
        int64_t version = 0;
        int r;

        if (!json_object_is_type(document, json_type_object))
                return corrupt(err, "a manifest is a JSON object, and this is none");
        r = json_get_int64(document, "schemaVersion", &version, err);
        if (r < 0)
                return r;
        if (version == 1 || json_object_object_get_ex(document, "fsLayers", NULL)) {
                fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP,
                          "the image has a manifest of Docker's schema 1, which is obsolete since 2017 and "
                          "not supported");
                fail_hint(err, "copy the image once with skopeo copy --format v2s2, or push it again with a "
                               "current tool");
                return -ENOTSUP;
        }
        if (r == 0)
                return corrupt(err, "schemaVersion is missing: this is not an image manifest");
        if (version != 2)
                return fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP,
                                 "manifest schemaVersion %lld is not supported", (long long)version);
        return 0;
}

int image_document_kind(json_object *document, ImageDocumentKind *ret, Error *err)
{
        bool is_index, is_manifest;
        const char *type = NULL;
        int r = check_schema_version(document, err);

        if (r < 0)
                return r;
        r = json_get_string(document, "mediaType", &type, err);
        if (r < 0)
                return r;
        is_index = json_object_object_get_ex(document, "manifests", NULL);
        is_manifest = json_object_object_get_ex(document, "config", NULL) ||
                      json_object_object_get_ex(document, "layers", NULL);
        if (is_index && is_manifest)
                return corrupt(err, "the document is a manifest and an index at the same time");
        if (!is_index && !is_manifest)
                return corrupt(err, "the document is neither a manifest nor an index");
        if (type) {
                bool says_index = text_equal(type, OCI_INDEX) || text_equal(type, DOCKER_LIST);
                bool says_manifest = text_equal(type, OCI_MANIFEST) || text_equal(type, DOCKER_MANIFEST);

                if (!says_index && !says_manifest)
                        return fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP,
                                         "mediaType %.128s is not that of an image manifest or index", type);
                if (says_index != is_index)
                        return corrupt(err, is_index
                                                    ? "an index says by its mediaType that it is a manifest"
                                                    : "a manifest says by its mediaType that it is an index");
        }
        *ret = is_index ? IMAGE_DOCUMENT_INDEX : IMAGE_DOCUMENT_MANIFEST;
        return 0;
}

static int parse_descriptor(json_object *object, Descriptor *ret, Error *err)
{
        const char *type = NULL, *digest = NULL;
        int r;

        *ret = (Descriptor){.size = -1};
        if (!json_object_is_type(object, json_type_object))
                return corrupt(err, "a descriptor is a JSON object, and this is none");
        r = json_get_string(object, "mediaType", &type, err);
        if (r >= 0)
                r = json_get_string(object, "digest", &digest, err);
        if (r >= 0)
                r = json_get_int64(object, "size", &ret->size, err);
        if (r < 0)
                return r;
        if (!type || strlen(type) >= sizeof(ret->media_type))
                return corrupt(err, type ? "mediaType is too long" : "mediaType is missing");
        snprintf(ret->media_type, sizeof(ret->media_type), "%s", type);
        r = digest_parse(digest, &ret->digest, err);
        if (r < 0)
                return r;
        if (ret->size < 0)
                return corrupt(err, "size is missing or below 0");
        return 0;
}

void image_manifest_deinit(ImageManifest *manifest)
{
        free(manifest->layers);
        free(manifest->compressions);
        *manifest = (ImageManifest){0};
}

static int parse_config_descriptor(json_object *document, ImageManifest *manifest, Error *err)
{
        const char *artifact = NULL;
        json_object *config;
        int r = json_get_object(document, "config", &config, err);

        if (r == 0)
                return corrupt(err, "the manifest has no config");
        if (r > 0)
                r = parse_descriptor(config, &manifest->config, err);
        if (r < 0)
                return fail_wrap(err, r, "config");
        for (size_t i = 0; i < ELEMENTSOF(CONFIG_TYPES); i++)
                if (text_equal(manifest->config.media_type, CONFIG_TYPES[i]))
                        return 0;
        r = json_get_string(document, "artifactType", &artifact, err);
        if (r < 0)
                return r;
        return fail_kind(
                err, ERROR_UNSUPPORTED, ENOTSUP,
                "this is not a container image but an artifact of type %.128s: there is nothing to run in it",
                r > 0 ? artifact : manifest->config.media_type);
}

static int parse_layer(json_object *object, Descriptor *ret, LayerCompression *ret_compression, Error *err)
{
        json_object *urls;
        int r = parse_descriptor(object, ret, err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(LAYER_TYPES); i++) {
                if (!text_equal(ret->media_type, LAYER_TYPES[i].media_type))
                        continue;
                *ret_compression = LAYER_TYPES[i].compression;
                r = json_get_array(object, "urls", &urls, err);
                if (r < 0)
                        return r;
                /* Another address for the same, digest-checked content is harmless: it is never used. */
                return 0;
        }
        if (strstr(ret->media_type, ".foreign.") || strstr(ret->media_type, ".nondistributable."))
                return fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP,
                                 "the layer lies outside of the registry (%s), which is not supported",
                                 ret->media_type);
        if (text_ends(ret->media_type, "+encrypted"))
                return fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP,
                                 "the layer is encrypted (%s), which is not supported", ret->media_type);
        return fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP, "media type %s is not that of a file system layer",
                         ret->media_type);
}

int image_manifest_parse(json_object *document, ImageManifest *ret, Error *err)
{
        _cleanup_manifest_ ImageManifest manifest = {0};
        ImageDocumentKind kind = IMAGE_DOCUMENT_MANIFEST;
        json_object *layers;
        int r = image_document_kind(document, &kind, err);

        if (r < 0)
                return r;
        if (kind != IMAGE_DOCUMENT_MANIFEST)
                return corrupt(err, "an index stands where a manifest is expected");
        r = parse_config_descriptor(document, &manifest, err);
        if (r < 0)
                return r;
        r = json_get_array(document, "layers", &layers, err);
        if (r < 0)
                return r;
        if (r == 0)
                return corrupt(err, "the manifest has no layers");
        manifest.layer_count = json_object_array_length(layers);
        if (manifest.layer_count > IMAGE_LAYERS_MAXIMUM)
                return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                 "the manifest has %zu layers, more than the limit of %d",
                                 manifest.layer_count, IMAGE_LAYERS_MAXIMUM);
        /* One more than needed: calloc(0) may give NULL. */
        manifest.layers = calloc(manifest.layer_count + 1, sizeof(*manifest.layers));
        manifest.compressions = calloc(manifest.layer_count + 1, sizeof(*manifest.compressions));
        if (!manifest.layers || !manifest.compressions)
                return fail_memory(err);
        for (size_t i = 0; i < manifest.layer_count; i++) {
                r = parse_layer(json_object_array_get_idx(layers, i), &manifest.layers[i],
                                &manifest.compressions[i], err);
                if (r < 0)
                        return fail_wrap(err, r, "layers[%zu]", i);
        }
        *ret = manifest;
        manifest = (ImageManifest){0};
        return 0;
}

/* 1 with the platform of an index entry, 0 when it names none, or has one that cannot match. */
static int entry_platform(json_object *entry, Platform *ret, Error *err)
{
        const char *os = NULL, *architecture = NULL, *variant = NULL;
        json_object *object;
        int r = json_get_object(entry, "platform", &object, err);

        *ret = (Platform){0};
        if (r <= 0)
                return r;
        r = json_get_string(object, "os", &os, err);
        if (r >= 0)
                r = json_get_string(object, "architecture", &architecture, err);
        if (r >= 0)
                r = json_get_string(object, "variant", &variant, err);
        if (r < 0)
                return fail_wrap(err, r, "platform");
        /* Too long for the structure: kept cut, it equals no platform that we know of. */
        snprintf(ret->os, sizeof(ret->os), "%s", os ? os : "");
        snprintf(ret->architecture, sizeof(ret->architecture), "%s", architecture ? architecture : "");
        snprintf(ret->variant, sizeof(ret->variant), "%s", variant ? variant : "");
        platform_normalize(ret);
        return 1;
}

/* Attestations and signatures that build tools list beside the images. */
static bool is_attestation(json_object *entry, const Platform *platform)
{
        json_object *annotations = NULL;

        return text_equal(platform->os, "unknown") ||
               (json_object_object_get_ex(entry, "annotations", &annotations) &&
                json_object_is_type(annotations, json_type_object) &&
                json_object_object_get_ex(annotations, "vnd.docker.reference.type", NULL));
}

static bool is_image_type(const char *type)
{
        return text_equal(type, OCI_MANIFEST) || text_equal(type, OCI_INDEX) ||
               text_equal(type, DOCKER_MANIFEST) || text_equal(type, DOCKER_LIST);
}

static void list_platform(Buffer *list, const Platform *platform)
{
        char text[sizeof(Platform) + 2];

        if (list->length > 400)
                return;
        platform_format(platform, text, sizeof(text));
        buffer_printf(list, "%s%s", list->length ? ", " : "", text);
        if (list->length > 400)
                buffer_puts(list, ", …");
}

int image_index_choose(json_object *document, const Platform *platform, Descriptor *ret, Error *err)
{
        enum { NO_PLATFORM_DISTANCE = 1000 };
        _cleanup_buffer_ Buffer offered = {0};
        char wanted[sizeof(Platform) + 2];
        Platform normal = *platform;
        Descriptor chosen = {0};
        ImageDocumentKind kind = IMAGE_DOCUMENT_MANIFEST;
        json_object *entries;
        int best = INT32_MAX;
        int r = image_document_kind(document, &kind, err);

        if (r < 0)
                return r;
        if (kind != IMAGE_DOCUMENT_INDEX)
                return corrupt(err, "a manifest stands where an index is expected");
        r = json_get_array(document, "manifests", &entries, err);
        if (r < 0)
                return r;
        platform_normalize(&normal);
        for (size_t i = 0; r > 0 && i < json_object_array_length(entries); i++) {
                json_object *entry = json_object_array_get_idx(entries, i);
                Descriptor descriptor;
                Platform entry_is;
                int distance;

                r = parse_descriptor(entry, &descriptor, err);
                if (r >= 0)
                        r = entry_platform(entry, &entry_is, err);
                if (r < 0)
                        return fail_wrap(err, r, "manifests[%zu]", i);
                if (!is_image_type(descriptor.media_type) || is_attestation(entry, &entry_is)) {
                        r = 1;
                        continue;
                }
                /* No platform: a nested index, or an image that says it only in its configuration. */
                distance = r == 0 ? NO_PLATFORM_DISTANCE : platform_distance(&normal, &entry_is);
                if (r > 0)
                        list_platform(&offered, &entry_is);
                if (distance >= 0 && distance < best) {
                        best = distance;
                        chosen = descriptor;
                }
                r = 1;
        }
        if (best != INT32_MAX) {
                *ret = chosen;
                return 0;
        }
        platform_format(&normal, wanted, sizeof(wanted));
        fail_kind(err, ERROR_UNSUPPORTED, ENOENT, "no image for platform %s%s%s", wanted,
                  offered.length ? ": there is " : ": the index lists no image at all",
                  offered.length ? offered.data : "");
        if (offered.length)
                fail_hint(err, "choose one of these with --platform");
        return -ENOENT;
}
