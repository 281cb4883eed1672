/* `save`: one tar that is an OCI layout and a docker-archive at once, so that docker, podman and skopeo all
 * read it. */
#include "base/file.h"
#include "engine/image.h"
#include "spec/tar.h"

#include <sys/stat.h>

typedef struct Save {
        Store *store;
        int output;
        StringList written; /* digests that are in the tar */
        json_object *index, *docker;
} Save;

static int write_all(Save *save, const void *data, size_t length, Error *err)
{
        int r = file_write_all(save->output, data, length);

        return r < 0 ? fail_errno(err, -r, "write the archive") : 0;
}

static int write_header(Save *save, const char *path, TarType type, int64_t size, Error *err)
{
        TarEntry entry = {.type = type,
                          .path = path,
                          .link = "",
                          .mode = type == TAR_FOLDER ? 0755 : 0644,
                          .size = size};
        _cleanup_buffer_ Buffer header = {0};
        int r;

        r = tar_header_format(&entry, &header, err);
        return r < 0 ? r : write_all(save, header.data, header.length, err);
}

static int write_padding(Save *save, int64_t size, Error *err)
{
        static const char zeros[TAR_BLOCK_SIZE];

        return write_all(save, zeros, tar_padding(size), err);
}

static int write_text(Save *save, const char *path, const char *text, Error *err)
{
        int64_t size = (int64_t)strlen(text);
        int r;

        r = write_header(save, path, TAR_FILE, size, err);
        if (r >= 0)
                r = write_all(save, text, (size_t)size, err);
        return r < 0 ? r : write_padding(save, size, err);
}

static int write_blob(Save *save, const Digest *digest, Error *err)
{
        enum { PIECE = 256 << 10 };
        _cleanup_free_ char *piece = malloc(PIECE),
                            *path = text_printf("blobs/sha256/%s", digest_hex(digest));
        _cleanup_close_ int fd = -EBADF;
        struct stat status;
        ssize_t length = 0;
        int r;

        if (string_list_contains(&save->written, digest->text))
                return 0;
        if (!piece || !path || string_list_add(&save->written, digest->text) < 0)
                return fail_memory(err);
        r = store_blob_open(save->store, digest, &fd, err);
        if (r < 0)
                return r;
        if (fstat(fd, &status) < 0)
                return fail_errno(err, errno, "blob %s", digest->text);
        r = write_header(save, path, TAR_FILE, status.st_size, err);
        while (r >= 0 && (length = read(fd, piece, PIECE)) > 0)
                r = write_all(save, piece, (size_t)length, err);
        if (r >= 0 && length < 0)
                r = fail_errno(err, errno, "blob %s", digest->text);
        return r < 0 ? r : write_padding(save, status.st_size, err);
}

/* A manifest in index.json, once for each name. */
static void add_to_index(Save *save, const StoreImage *image, size_t size, const char *name)
{
        json_object *item = json_object_new_object(), *annotations = json_object_new_object();
        const char *tag = name ? strrchr(name, ':') : NULL;

        json_set_string(item, "mediaType", "application/vnd.oci.image.manifest.v1+json");
        json_set_string(item, "digest", image->manifest.text);
        json_set_int64(item, "size", (int64_t)size);
        if (name) {
                json_set_string(annotations, "io.containerd.image.name", name);
                json_set_string(annotations, "org.opencontainers.image.ref.name", tag ? tag + 1 : name);
        }
        json_set(item, "annotations", annotations);
        json_object_array_add(save->index, item);
}

static int save_image(Save *save, const char *name, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        _cleanup_manifest_ ImageManifest manifest = {0};
        _cleanup_store_image_ StoreImage image = {0};
        _cleanup_buffer_ Buffer text = {0};
        json_object *entry, *tags, *layers;
        char full[REFERENCE_TEXT_SIZE] = "", familiar[REFERENCE_TEXT_SIZE];
        ImageReference reference;
        bool named;
        int r;

        r = store_image_find(save->store, name, &image, err);
        if (r >= 0)
                r = store_blob_read(save->store, &image.manifest, JSON_DOCUMENT_MAXIMUM, &text, err);
        if (r >= 0)
                r = json_parse(text.data ?: "", text.length, "image manifest", &document, err);
        if (r >= 0)
                r = image_manifest_parse(document, &manifest, err);
        if (r >= 0)
                r = write_blob(save, &image.manifest, err);
        if (r >= 0)
                r = write_blob(save, &image.id, err);
        for (size_t i = 0; r >= 0 && i < manifest.layer_count; i++)
                r = write_blob(save, &manifest.layers[i].digest, err);
        if (r < 0)
                return r;
        if (reference_parse(name, &reference, NULL) >= 0)
                reference_format(&reference, full);
        named = string_list_contains(&image.references, full);
        add_to_index(save, &image, text.length, named ? full : NULL);
        entry = json_object_new_object();
        tags = json_object_new_array();
        layers = json_object_new_array();
        if (named) {
                reference_format_familiar(&reference, familiar);
                json_object_array_add(tags, json_object_new_string(familiar));
        }
        for (size_t i = 0; i < manifest.layer_count; i++) {
                _cleanup_free_ char *path =
                        text_printf("blobs/sha256/%s", digest_hex(&manifest.layers[i].digest));

                json_object_array_add(layers, json_object_new_string(path ?: ""));
        }
        snprintf(full, sizeof(full), "blobs/sha256/%s", digest_hex(&image.id));
        json_set_string(entry, "Config", full);
        json_set(entry, "RepoTags", tags);
        json_set(entry, "Layers", layers);
        json_object_array_add(save->docker, entry);
        return 0;
}

static int write_documents(Save *save, Error *err)
{
        static const char end[TAR_END_SIZE];
        _cleanup_json_ json_object *index = json_object_new_object();
        int r;

        json_set_int64(index, "schemaVersion", 2);
        json_set_string(index, "mediaType", "application/vnd.oci.image.index.v1+json");
        json_set(index, "manifests", json_object_get(save->index));
        r = write_text(save, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", err);
        if (r >= 0)
                r = write_text(save, "index.json", json_text(index), err);
        if (r >= 0)
                r = write_text(save, "manifest.json", json_text(save->docker), err);
        return r < 0 ? r : write_all(save, end, sizeof(end), err);
}

int image_save(Engine *engine, char *const *names, size_t count, int output, Error *err)
{
        Save save = {.output = output, .index = json_object_new_array(), .docker = json_object_new_array()};
        int r;

        r = engine_store(engine, &save.store, err);
        if (r >= 0)
                r = write_header(&save, "blobs/", TAR_FOLDER, 0, err);
        if (r >= 0)
                r = write_header(&save, "blobs/sha256/", TAR_FOLDER, 0, err);
        for (size_t i = 0; r >= 0 && i < count; i++)
                r = save_image(&save, names[i], err);
        if (r >= 0)
                r = write_documents(&save, err);
        string_list_deinit(&save.written);
        json_object_put(save.index);
        json_object_put(save.docker);
        return r;
}
