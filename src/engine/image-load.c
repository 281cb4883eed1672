/*
 * `load`: an archive of images (OCI layout, or docker-archive with manifest.json). It is hostile: kelp-unpack
 * turns it into plain files in a stage, which are then read without following links out of it; every digest
 * is checked on the way into the store.
 */
#include "engine/image-load.h"

#include "base/file.h"
#include "engine/image-progress.h"
#include "unpack/process.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { ARCHIVE_MAXIMUM_INDEX = JSON_DOCUMENT_MAXIMUM, COPY_SIZE = 256 << 10 };

typedef struct Load {
        Engine *engine;
        Store *store;
        StoreStage stage; /* holds the archive's files; alive as long as the load, so that nothing is
                             collected */
        const ImageLoadOptions *options;
        StringList *loaded;
} Load;

static int read_document(Load *load, const char *path, json_object **ret, Error *err)
{
        _cleanup_close_ int fd =
                path_open_beneath(load->stage.fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
        _cleanup_buffer_ Buffer text = {0};
        int r;

        if (fd < 0)
                return fail_kind(err, ERROR_CORRUPT, -fd, "archive: %s: %s", path, strerror(-fd));
        r = file_read_fd(fd, ARCHIVE_MAXIMUM_INDEX, &text);
        if (r < 0)
                return fail_kind(err, ERROR_CORRUPT, -r, "archive: %s: %s", path, strerror(-r));
        return json_parse(text.data ?: "", text.length, path, ret, err);
}

static int copy_failed(int code, const char *what, Error *err)
{
        fail_errno(err, code, "%s", what);
        if (code == ENOSPC || code == EDQUOT || code == EFBIG)
                return fail_hint(err,
                                 "free some space, or put kelp's data elsewhere with --root or KELP_ROOT");
        return -code;
}

int image_copy(int from, int to, const char *what, Digest *ret, Error *err)
{
        _cleanup_free_ char *data = malloc(COPY_SIZE);
        DigestStream stream;
        ssize_t length;
        int r = 0;

        if (!data)
                return fail_memory(err);
        digest_stream_init(&stream);
        while (r >= 0 && (length = read(from, data, COPY_SIZE)) != 0) {
                if (length < 0 && errno == EINTR)
                        continue;
                if (length < 0)
                        return copy_failed(errno, what, err);
                digest_stream_update(&stream, data, (size_t)length);
                r = file_write_all(to, data, (size_t)length);
        }
        digest_stream_finish(&stream, ret);
        return r < 0 ? copy_failed(-r, what, err) : 0;
}

/* Copies @path of the archive into the store as a blob. @expected unset: whatever it is. */
static int import_blob(Load *load, const char *path, const Digest *expected, Digest *ret, Error *err)
{
        _cleanup_close_ int from = path_open_beneath(load->stage.fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC,
                                                     0),
                            to = -EBADF;
        int r;

        if (from < 0)
                return fail_kind(err, ERROR_CORRUPT, -from, "archive: %s: %s", path, strerror(-from));
        to = store_blob_create(load->store, &load->stage, ".blob", err);
        if (to < 0)
                return to;
        r = image_copy(from, to, path, ret, err);
        if (r < 0)
                return fail_wrap(err, r, "archive: copy");
        if (expected && digest_is_set(expected) && !digest_equal(expected, ret))
                return fail_kind(err, ERROR_CORRUPT, EBADMSG, "archive: %s has the digest %s, not %s", path,
                                 ret->text, expected->text);
        return store_blob_commit(load->store, &load->stage, ".blob", ret, err);
}

int64_t image_layer_maximum(int64_t size)
{
        enum {
                USUAL = 4,
                RATIO = 200
        }; /* GiB; real layers shrink to a tenth, a database's empty files to a hundredth */
        int64_t usual = (int64_t)USUAL << 30;
        uint64_t given;

        if (text_to_size(getenv("KELP_LAYER_MAXIMUM") ?: "", &given) >= 0 && given > 0 && given <= INT64_MAX)
                return (int64_t)given;
        return size < (INT64_MAX - usual) / RATIO ? usual + size * RATIO : INT64_MAX;
}

/* Waits for the process, which reads @input through the same open file: its offset tells how far it is. */
static int await_unpack(Engine *engine, const UnpackProcess *process, int input,
                        const ImageLoadOptions *options, const Digest *layer, Error *err)
{
        enum { TICK = 100 }; /* milliseconds */
        struct stat status;
        int r;

        if (!options || !options->report || fstat(input, &status) < 0)
                return engine_await(engine, process->result, -1, err);
        do {
                image_progress_bytes(options->report, options->owner, layer, "Loading layer",
                                     lseek(input, 0, SEEK_CUR), status.st_size);
                r = engine_await(engine, process->result, TICK, err);
        } while (r == 0);
        if (r > 0)
                image_progress_bytes(options->report, options->owner, layer, "Loading layer", status.st_size,
                                     status.st_size);
        return r;
}

/* @layer: the name of the news that @options want, which may be NULL. */
static int unpack_into(Engine *engine, int input, const StoreStage *stage, const ImageLoadOptions *news,
                       const Digest *layer, UnpackResult *ret, Error *err)
{
        _cleanup_unpack_ UnpackProcess process = UNPACK_PROCESS_INIT;
        UnpackOptions options = {.mode = UNPACK_LAYER, .input = input, .target = stage->fd};
        struct stat status;
        _cleanup_free_ char *program = NULL;
        const UserNamespaceMap *map;
        int r;

        r = engine_map(engine, &map, err);
        if (r >= 0)
                r = engine_helper(engine, "kelp-unpack", &program, err);
        if (r >= 0)
                r = engine_user_namespace(engine, &options.user_namespace, err);
        if (r < 0)
                return r;
        options.program = program;
        options.single_id = map->single;
        if (fstat(input, &status) == 0 && S_ISREG(status.st_mode))
                options.maximum_bytes = image_layer_maximum(status.st_size);
        r = unpack_start(&options, &process, err);
        if (r >= 0)
                r = await_unpack(engine, &process, input, news, layer, err);
        return r < 0 ? r : unpack_finish(&process, ret, err);
}

/* Gives the stage up, with what in it belongs to subordinate ids. */
static void drop_stage(Engine *engine, Store *store, StoreStage *stage)
{
        if (*stage->name) {
                _cleanup_free_ char *path = path_join("tmp", stage->name);

                if (path)
                        engine_remove_tree(engine, store_fd(store), path, NULL);
        }
        store_stage_abandon(store, stage);
}

static int unpack_layer(Engine *engine, int input, const Digest *diff_id, const ImageLoadOptions *options,
                        Error *err)
{
        StoreStage stage = STORE_STAGE_INIT;
        UnpackResult result;
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_layer_begin(store, diff_id, &stage, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = unpack_into(engine, input, &stage, options, diff_id, &result, err);
        if (r >= 0 && !digest_equal(&result.diff_id, diff_id))
                r = fail_kind(err, ERROR_CORRUPT, EBADMSG, "layer has the diffID %s, the image says %s",
                              result.diff_id.text, diff_id->text);
        if (r >= 0)
                r = store_layer_commit(store, &stage, diff_id, result.size, err);
        drop_stage(engine, store, &stage);
        return r;
}

int image_unpack_new_layer(Engine *engine, int input, Digest *ret_diff_id, Error *err)
{
        StoreStage stage = STORE_STAGE_INIT, place = STORE_STAGE_INIT;
        UnpackResult result;
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_stage_begin(store, &stage, err);
        if (r < 0)
                return r;
        r = unpack_into(engine, input, &stage, NULL, NULL, &result, err);
        if (r >= 0)
                r = store_layer_begin(store, &result.diff_id, &place, err);
        if (r == 0) {
                stage.object_lock = TAKE_FD(place.object_lock);
                store_stage_abandon(store, &place);
                r = store_layer_commit(store, &stage, &result.diff_id, result.size, err);
        }
        drop_stage(engine, store, &stage);
        if (r < 0)
                return r;
        *ret_diff_id = result.diff_id;
        return 0;
}

static int load_layer_blob(Load *load, const Digest *blob, const Digest *diff_id, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = store_blob_open(load->store, blob, &fd, err);
        return r < 0 ? r : unpack_layer(load->engine, fd, diff_id, load->options, err);
}

static int report_loaded(Load *load, const ImageReference *reference, const Digest *id, Error *err)
{
        char name[REFERENCE_TEXT_SIZE];

        if (!load->loaded)
                return 0;
        if (reference)
                reference_format_familiar(reference, name);
        return (reference ? string_list_addf(load->loaded, "Loaded image: %s", name)
                          : string_list_addf(load->loaded, "Loaded image ID: %s", id->text)) < 0
                       ? fail_memory(err)
                       : 0;
}

/* All blobs of @image are in the store: unpack the layers, make the rows. */
static int commit_image(Load *load, StoreImageNew *image, const char *name, Error *err)
{
        _cleanup_image_config_ ImageConfig config = {0};
        _cleanup_json_ json_object *document = NULL;
        _cleanup_buffer_ Buffer text = {0};
        ImageReference reference;
        int r;

        r = store_blob_read(load->store, &image->config, JSON_DOCUMENT_MAXIMUM, &text, err);
        if (r >= 0)
                r = json_parse(text.data ?: "", text.length, "image configuration", &document, err);
        if (r >= 0)
                r = image_config_parse(document, &config, err);
        if (r >= 0 && config.diff_id_count != image->layers->layer_count)
                r = fail_kind(err, ERROR_CORRUPT, EBADMSG,
                              "archive: the manifest has %zu layers, the configuration %zu",
                              image->layers->layer_count, config.diff_id_count);
        for (size_t i = 0; r >= 0 && i < config.diff_id_count; i++) {
                r = load_layer_blob(load, &image->layers->layers[i].digest, &config.diff_ids[i], err);
                if (r < 0)
                        fail_wrap(err, r, "layer %zu", i + 1);
        }
        if (r < 0)
                return r;
        image->parsed = &config;
        if (name && reference_parse(name, &reference, NULL) >= 0)
                image->reference = &reference;
        r = store_image_commit(load->store, image, err);
        return r < 0 ? r : report_loaded(load, image->reference, &image->config, err);
}

static int blob_path(const Digest *digest, char ret[static 96])
{
        return snprintf(ret, 96, "blobs/sha256/%s", digest_hex(digest));
}

/* ---- OCI layout ---- */

static int load_manifest(Load *load, const Digest *digest, const char *name, Error *err)
{
        _cleanup_manifest_ ImageManifest manifest = {0};
        _cleanup_json_ json_object *document = NULL;
        StoreImageNew image = {0};
        char path[96];
        int r;

        blob_path(digest, path);
        r = import_blob(load, path, digest, &image.manifest, err);
        if (r >= 0)
                r = read_document(load, path, &document, err);
        if (r >= 0)
                r = image_manifest_parse(document, &manifest, err);
        if (r < 0)
                return r;
        blob_path(&manifest.config.digest, path);
        r = import_blob(load, path, &manifest.config.digest, &image.config, err);
        for (size_t i = 0; r >= 0 && i < manifest.layer_count; i++) {
                Digest copied;

                blob_path(&manifest.layers[i].digest, path);
                r = import_blob(load, path, &manifest.layers[i].digest, &copied, err);
        }
        image.layers = &manifest;
        return r < 0 ? r : commit_image(load, &image, name, err);
}

/* One entry of an index: a manifest, or an index of platforms of which this machine's is taken. */
static int load_descriptor(Load *load, Digest digest, const char *name, Error *err)
{
        for (int depth = 0; depth < 4; depth++) {
                _cleanup_json_ json_object *document = NULL;
                ImageDocumentKind kind;
                Descriptor chosen;
                Platform host;
                char path[96];
                int r;

                blob_path(&digest, path);
                r = read_document(load, path, &document, err);
                if (r >= 0)
                        r = image_document_kind(document, &kind, err);
                if (r < 0)
                        return r;
                if (kind == IMAGE_DOCUMENT_MANIFEST)
                        return load_manifest(load, &digest, name, err);
                platform_host(&host);
                r = image_index_choose(document, &host, &chosen, err);
                if (r < 0)
                        return r;
                digest = chosen.digest;
        }
        return fail_kind(err, ERROR_CORRUPT, ELOOP, "archive: indexes are nested too deep");
}

static int load_layout(Load *load, Error *err)
{
        _cleanup_json_ json_object *index = NULL;
        json_object *manifests = NULL;
        int r;

        r = read_document(load, "index.json", &index, err);
        if (r >= 0)
                r = json_get_array(index, "manifests", &manifests, err);
        if (r < 0)
                return r;
        if (!manifests || !json_object_array_length(manifests))
                return fail_kind(err, ERROR_CORRUPT, EBADMSG, "archive: index.json names no image");
        for (size_t i = 0; r >= 0 && i < json_object_array_length(manifests); i++) {
                json_object *item = json_object_array_get_idx(manifests, i), *annotations = NULL;
                const char *text = NULL, *name = NULL, *ref = NULL;
                Digest digest;

                r = json_get_string(item, "digest", &text, err);
                if (r >= 0)
                        r = digest_parse(text ?: "", &digest, err);
                if (r >= 0)
                        r = json_get_object(item, "annotations", &annotations, err);
                if (r >= 0 && annotations)
                        r = json_get_string(annotations, "io.containerd.image.name", &name, err);
                if (r >= 0 && annotations)
                        r = json_get_string(annotations, "org.opencontainers.image.ref.name", &ref, err);
                /* A bare tag ("latest") names no repository. */
                if (!name && ref && strpbrk(ref, ":/"))
                        name = ref;
                if (r >= 0)
                        r = load_descriptor(load, digest, name, err);
        }
        return r;
}

/* ---- docker-archive ---- */

/* By its first bytes, as kelp-unpack tells. */
static const char *layer_media_type(int fd)
{
        unsigned char start[4] = {0};
        ssize_t length = pread(fd, start, sizeof(start), 0);

        if (length >= 2 && start[0] == 0x1f && start[1] == 0x8b)
                return "application/vnd.oci.image.layer.v1.tar+gzip";
        if (length == 4 && memcmp(start, "\x28\xb5\x2f\xfd", 4) == 0)
                return "application/vnd.oci.image.layer.v1.tar+zstd";
        return "application/vnd.oci.image.layer.v1.tar";
}

int image_manifest_add_layer(Store *store, const Digest *digest, ImageManifest *manifest, Error *err)
{
        Descriptor *grown = reallocarray(manifest->layers, manifest->layer_count + 1, sizeof(*grown));
        _cleanup_close_ int fd = -EBADF;
        struct stat status;
        Descriptor *layer;
        int r;

        if (!grown)
                return fail_memory(err);
        manifest->layers = grown;
        r = store_blob_open(store, digest, &fd, err);
        if (r < 0)
                return r;
        if (fstat(fd, &status) < 0)
                return fail_errno(err, errno, "blob %s", digest->text);
        layer = &grown[manifest->layer_count++];
        *layer = (Descriptor){.digest = *digest, .size = status.st_size};
        snprintf(layer->media_type, sizeof(layer->media_type), "%s", layer_media_type(fd));
        return 0;
}

static int64_t blob_size(Store *store, const Digest *digest)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat status;

        return store_blob_open(store, digest, &fd, NULL) >= 0 && fstat(fd, &status) == 0 ? status.st_size : 0;
}

int image_make_manifest(Store *store, const Digest *config_digest, const ImageManifest *manifest, Digest *ret,
                        Error *err)
{
        _cleanup_json_ json_object *document = json_object_new_object();
        json_object *config = json_object_new_object(), *layers = json_object_new_array();
        const char *text;

        json_set_int64(document, "schemaVersion", 2);
        json_set_string(document, "mediaType", "application/vnd.oci.image.manifest.v1+json");
        json_set_string(config, "mediaType", "application/vnd.oci.image.config.v1+json");
        json_set_string(config, "digest", config_digest->text);
        json_set_int64(config, "size", blob_size(store, config_digest));
        json_set(document, "config", config);
        for (size_t i = 0; i < manifest->layer_count; i++) {
                json_object *layer = json_object_new_object();

                json_set_string(layer, "mediaType", manifest->layers[i].media_type);
                json_set_string(layer, "digest", manifest->layers[i].digest.text);
                json_set_int64(layer, "size", manifest->layers[i].size);
                json_object_array_add(layers, layer);
        }
        json_set(document, "layers", layers);
        text = json_text(document);
        return text ? store_blob_put(store, text, strlen(text), ret, err) : fail_memory(err);
}

static int load_docker_image(Load *load, json_object *item, Error *err)
{
        _cleanup_manifest_ ImageManifest manifest = {0};
        _cleanup_strings_ StringList layers = {0}, names = {0};
        StoreImageNew image = {.layers = &manifest};
        const char *config = NULL;
        ImageReference reference;
        int r;

        r = json_get_string(item, "Config", &config, err);
        if (r >= 0)
                r = json_get_strings(item, "Layers", &layers, err);
        if (r >= 0)
                r = json_get_strings(item, "RepoTags", &names, err);
        if (r >= 0 && !config)
                r = fail_kind(err, ERROR_CORRUPT, EBADMSG, "archive: manifest.json: Config is missing");
        if (r >= 0)
                r = import_blob(load, config, NULL, &image.config, err);
        for (size_t i = 0; r >= 0 && i < layers.count; i++) {
                Digest digest;

                r = import_blob(load, layers.items[i], NULL, &digest, err);
                if (r >= 0)
                        r = image_manifest_add_layer(load->store, &digest, &manifest, err);
        }
        if (r >= 0)
                r = image_make_manifest(load->store, &image.config, &manifest, &image.manifest, err);
        if (r >= 0)
                r = commit_image(load, &image, names.count ? names.items[0] : NULL, err);
        for (size_t i = 1; r >= 0 && i < names.count; i++) {
                r = reference_parse(names.items[i], &reference, err);
                if (r >= 0)
                        r = store_image_tag(load->store, &image.config, &reference, err);
                if (r >= 0)
                        r = report_loaded(load, &reference, &image.config, err);
        }
        return r;
}

static int load_docker(Load *load, Error *err)
{
        _cleanup_json_ json_object *list = NULL;
        int r;

        r = read_document(load, "manifest.json", &list, err);
        if (r < 0)
                return r;
        if (!json_object_is_type(list, json_type_array) || !json_object_array_length(list))
                return fail_kind(err, ERROR_CORRUPT, EBADMSG, "archive: manifest.json is no list of images");
        for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++)
                r = load_docker_image(load, json_object_array_get_idx(list, i), err);
        return r;
}

static int unpack_archive(Load *load, int input, Error *err)
{
        _cleanup_unpack_ UnpackProcess process = UNPACK_PROCESS_INIT;
        UnpackOptions options = {
                .mode = UNPACK_ARCHIVE, .user_namespace = -EBADF, .input = input, .target = load->stage.fd};
        struct stat status;
        _cleanup_free_ char *program = NULL;
        UnpackResult result;
        int r;

        r = engine_helper(load->engine, "kelp-unpack", &program, err);
        options.program = program;
        if (fstat(input, &status) == 0 && S_ISREG(status.st_mode))
                options.maximum_bytes = image_layer_maximum(status.st_size);
        if (r >= 0)
                r = unpack_start(&options, &process, err);
        if (r >= 0)
                r = engine_await(load->engine, process.result, -1, err);
        return r < 0 ? r : unpack_finish(&process, &result, err);
}

int image_load(Engine *engine, const ImageLoadOptions *options, StringList *ret_loaded, Error *err)
{
        Load load = {.engine = engine, .stage = STORE_STAGE_INIT, .options = options, .loaded = ret_loaded};
        int r;

        r = engine_store(engine, &load.store, err);
        if (r >= 0)
                r = engine_work_begin(engine, err);
        if (r < 0)
                return r;
        r = store_stage_begin(load.store, &load.stage, err);
        if (r >= 0)
                r = unpack_archive(&load, options->input, err);
        if (r >= 0) {
                /* skopeo and docker write both into one archive: the layout has the digests. */
                if (faccessat(load.stage.fd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        r = load_layout(&load, err);
                else if (faccessat(load.stage.fd, "manifest.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        r = load_docker(&load, err);
                else
                        r = fail_kind(
                                err, ERROR_CORRUPT, EBADMSG,
                                "this is no archive of images: it has neither index.json nor manifest.json");
        }
        store_stage_abandon(load.store, &load.stage);
        engine_work_end(engine);
        return r;
}

int image_load_default(Engine *engine, const char *reference, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        ImageReference parsed;
        int r;

        if (reference_parse(reference, &parsed, NULL) < 0 || digest_is_set(&parsed.digest) ||
            !text_equal(parsed.domain, "docker.io") || !text_equal(parsed.path, "library/busybox") ||
            !text_equal(parsed.tag, "latest"))
                return 0;
        r = engine_helper(engine, "kelp-default-image.tar", &path, err);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return fail_errno(err, errno, "embedded image %s", path);
        r = image_load(engine, &(ImageLoadOptions){.input = fd}, NULL, err);
        return r < 0 ? fail_wrap(err, r, "embedded image busybox") : 1;
}
