/*
 * `pull`: manifest (through indexes, to this machine's platform), configuration, layers. For each layer a
 * kelp-fetch writes the blob and feeds a kelp-unpack at once; three go beside each other. Nothing of the data
 * passes through this process.
 *
 * Layers are begun in the order of their digests, whatever their place in the image: two pulls that hold
 * locks of layers never wait for each other in a circle.
 */
#include "base/file.h"
#include "engine/image-load.h"
#include "engine/image-progress.h"
#include "registry/fetch.h"
#include "unpack/process.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { PARALLEL = 3, INDEX_DEPTH_MAXIMUM = 4, REPORT_MILLISECONDS = 100 };

typedef struct Pull {
        Engine *engine;
        Store *store;
        StoreStage stage; /* alive as long as the pull, so that nothing of it is collected */
        ImageReference reference;
        char *fetch_program, *unpack_program;
        ImageProgressReport report;
        void *owner;
} Pull;

/* A layer on its way. */
typedef struct LayerPull {
        const Descriptor *layer;
        const Digest *diff_id;
        char name[32]; /* of the blob in the stage */
        StoreStage stage;
        FetchProcess fetch;
        UnpackProcess unpack;
        bool unpacking, active;
} LayerPull;

static int start_fetch(Pull *pull, FetchKind kind, const char *object, int64_t maximum, int output, int copy,
                       FetchProcess *ret, Error *err)
{
        FetchRequest request = {.program = pull->fetch_program,
                                .config = pull->engine->paths.config,
                                .domain = pull->reference.domain,
                                .path = pull->reference.path,
                                .object = object,
                                .kind = kind,
                                .maximum = maximum,
                                .input = -EBADF,
                                .output = output,
                                .copy = copy};

        return fetch_start(&request, ret, err);
}

/* What is named by its digest has the size that was said beside it: two readers must not see different things
 * in one manifest. */
static int check_size(const char *object, int64_t size, const FetchResult *result, Error *err)
{
        return result->size == size
                       ? 0
                       : fail_kind(err, ERROR_CORRUPT, EBADMSG, "%s has %lld bytes, its descriptor says %lld",
                                   object, (long long)result->size, (long long)size);
}

/* A small object of @size bytes (-1: unknown), as a blob of the store and parsed. */
static int fetch_document(Pull *pull, FetchKind kind, const char *object, int64_t size, Digest *ret_digest,
                          json_object **ret, Error *err)
{
        _cleanup_fetch_ FetchProcess process = FETCH_PROCESS_INIT;
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_close_ int fd = -EBADF;
        FetchResult result;
        int r;

        if (size > JSON_DOCUMENT_MAXIMUM)
                return fail_kind(err, ERROR_CORRUPT, EFBIG, "%s is larger than %d bytes", object,
                                 JSON_DOCUMENT_MAXIMUM);
        fd = store_blob_create(pull->store, &pull->stage, "document", err);
        if (fd < 0)
                return fd;
        r = start_fetch(pull, kind, object, size >= 0 ? size : JSON_DOCUMENT_MAXIMUM, fd, -EBADF, &process,
                        err);
        if (r >= 0)
                r = engine_await(pull->engine, process.report, -1, err);
        if (r >= 0)
                r = fetch_finish(&process, &result, err);
        if (r >= 0 && size >= 0)
                r = check_size(object, size, &result, err);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0 || file_read_fd(fd, JSON_DOCUMENT_MAXIMUM, &text) < 0)
                return fail_kind(err, ERROR_CORRUPT, EFBIG, "%s is larger than %d bytes", object,
                                 JSON_DOCUMENT_MAXIMUM);
        r = json_parse(text.data ?: "", text.length,
                       kind == FETCH_BLOB ? "image configuration" : "image manifest", ret, err);
        if (r >= 0)
                r = store_blob_commit(pull->store, &pull->stage, "document", &result.digest, err);
        *ret_digest = result.digest;
        return r;
}

/* ---- layers ---- */

static int start_unpack(Pull *pull, LayerPull *layer, int input, Error *err)
{
        UnpackOptions options = {.program = pull->unpack_program,
                                 .mode = UNPACK_LAYER,
                                 .input = input,
                                 .target = layer->stage.fd,
                                 .maximum_bytes = image_layer_maximum(layer->layer->size)};
        const UserNamespaceMap *map;
        int r;

        r = engine_map(pull->engine, &map, err);
        if (r >= 0)
                r = engine_user_namespace(pull->engine, &options.user_namespace, err);
        if (r < 0)
                return r;
        options.single_id = map->single;
        r = unpack_start(&options, &layer->unpack, err);
        layer->unpacking = r >= 0;
        return r;
}

static int start_layer(Pull *pull, LayerPull *layer, size_t number, Error *err)
{
        _cleanup_close_ int blob = -EBADF, reader = -EBADF, writer = -EBADF;
        int known, ends[2], r = 0;

        known = store_layer_begin(pull->store, layer->diff_id, &layer->stage, err);
        if (known < 0)
                return known;
        if (store_blob_exists(pull->store, &layer->layer->digest)) {
                if (known) {
                        image_progress_layer(pull->report, pull->owner, &layer->layer->digest,
                                             "Already exists");
                        return 0;
                }
                /* loaded or pulled before, and its layer is gone */
                r = store_blob_open(pull->store, &layer->layer->digest, &reader, err);
                layer->active = r >= 0;
                return r < 0 ? r : start_unpack(pull, layer, reader, err);
        }
        image_progress_layer(pull->report, pull->owner, &layer->layer->digest, "Pulling fs layer");
        snprintf(layer->name, sizeof(layer->name), "blob-%zu", number);
        blob = store_blob_create(pull->store, &pull->stage, layer->name, err);
        if (blob < 0)
                return blob;
        layer->active = true;
        if (!known) {
                if (pipe2(ends, O_CLOEXEC) < 0)
                        return fail_errno(err, errno, "pipe");
                reader = ends[0];
                writer = ends[1];
                fcntl(writer, F_SETPIPE_SZ, 1 << 20);
                r = start_unpack(pull, layer, reader, err);
        }
        if (r >= 0)
                r = start_fetch(pull, FETCH_BLOB, layer->layer->digest.text, layer->layer->size, blob, writer,
                                &layer->fetch, err);
        return r;
}

/* How much of a layer has come: the size of the file that kelp-fetch writes. */
static void report_layer(Pull *pull, const LayerPull *layer)
{
        struct stat status;

        if (!layer->active)
                return;
        if (*layer->name && fstatat(pull->stage.fd, layer->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_size < layer->layer->size)
                image_progress_bytes(pull->report, pull->owner, &layer->layer->digest, "Downloading",
                                     status.st_size, layer->layer->size);
        else
                image_progress_bytes(pull->report, pull->owner, &layer->layer->digest, "Extracting",
                                     layer->layer->size, layer->layer->size);
}

/* Until @layers[@wanted] is downloaded and unpacked; all that are under way are reported. */
static int watch(Pull *pull, const LayerPull *layers, size_t wanted, size_t end, Error *err)
{
        const int sources[] = {layers[wanted].fetch.report, layers[wanted].unpack.result};
        int r = 0;

        for (size_t i = 0; r >= 0 && layers[wanted].active && i < ELEMENTSOF(sources); i++) {
                if (sources[i] < 0)
                        continue;
                while ((r = engine_await(pull->engine, sources[i], pull->report ? REPORT_MILLISECONDS : -1,
                                         err)) == 0)
                        for (size_t j = wanted; j < end; j++)
                                report_layer(pull, &layers[j]);
        }
        return r;
}

static int finish_layer(Pull *pull, LayerPull *layer, Error *err)
{
        Error unpack_error = ERROR_INIT;
        UnpackResult unpacked = {0};
        FetchResult fetched;
        int r = 0, unpack = 0;

        if (!layer->active)
                return 0;
        if (*layer->name)
                r = fetch_finish(&layer->fetch, &fetched, err);
        if (r >= 0 && *layer->name)
                r = check_size("it", layer->layer->size, &fetched, err);
        if (layer->unpacking)
                unpack = unpack_finish(&layer->unpack, &unpacked, &unpack_error);
        if (r >= 0 && unpack < 0) {
                if (err)
                        *err = unpack_error;
                r = unpack;
        }
        if (r >= 0 && layer->unpacking && !digest_equal(&unpacked.diff_id, layer->diff_id))
                r = fail_kind(err, ERROR_CORRUPT, EBADMSG, "its content has the diffID %s, the image says %s",
                              unpacked.diff_id.text, layer->diff_id->text);
        if (r >= 0 && *layer->name)
                r = store_blob_commit(pull->store, &pull->stage, layer->name, &layer->layer->digest, err);
        if (r >= 0 && layer->unpacking)
                r = store_layer_commit(pull->store, &layer->stage, layer->diff_id, unpacked.size, err);
        if (r < 0)
                return fail_wrap(err, r, "layer %.12s", digest_hex(&layer->layer->digest));
        if (unpacked.skipped)
                image_progress_layer(pull->report, pull->owner, &layer->layer->digest,
                                     "Device nodes are left out: an unprivileged user cannot make them");
        image_progress_layer(pull->report, pull->owner, &layer->layer->digest, "Pull complete");
        layer->active = false;
        return 0;
}

static void abandon_layer(Pull *pull, LayerPull *layer)
{
        fetch_process_deinit(&layer->fetch);
        unpack_process_deinit(&layer->unpack);
        if (*layer->stage.name) {
                _cleanup_free_ char *path = path_join("tmp", layer->stage.name);

                if (path)
                        engine_remove_tree(pull->engine, store_fd(pull->store), path, NULL);
        }
        store_stage_abandon(pull->store, &layer->stage);
}

static int by_diff_id(const void *a, const void *b)
{
        return strcmp(((const LayerPull *)a)->diff_id->text, ((const LayerPull *)b)->diff_id->text);
}

static int pull_layers(Pull *pull, const ImageManifest *manifest, const ImageConfig *config, Error *err)
{
        _cleanup_free_ LayerPull *layers = calloc(manifest->layer_count + 1, sizeof(*layers));
        size_t count = manifest->layer_count, started = 0, finished = 0;
        int r = 0;

        if (!layers)
                return fail_memory(err);
        for (size_t i = 0; i < count; i++)
                layers[i] = (LayerPull){.layer = &manifest->layers[i],
                                        .diff_id = &config->diff_ids[i],
                                        .stage = STORE_STAGE_INIT,
                                        .fetch = FETCH_PROCESS_INIT,
                                        .unpack = UNPACK_PROCESS_INIT};
        qsort(layers, count, sizeof(*layers), by_diff_id);
        while (r >= 0 && finished < count) {
                while (r >= 0 && started < count && started < finished + PARALLEL) {
                        /* the same layer twice in one image: the first must be whole, as its lock is ours */
                        if (started > finished &&
                            digest_equal(layers[started].diff_id, layers[started - 1].diff_id))
                                break;
                        r = start_layer(pull, &layers[started], started, err);
                        started++;
                }
                if (r < 0)
                        break;
                r = watch(pull, layers, finished, started, err);
                if (r >= 0)
                        r = finish_layer(pull, &layers[finished++], err);
        }
        for (size_t i = 0; i < count; i++)
                abandon_layer(pull, &layers[i]);
        return r;
}

/* ---- the image ---- */

/* Through indexes to a manifest. @ret_named: the digest by which the registry names what was asked for. */
static int find_manifest(Pull *pull, const Platform *platform, Digest *ret_named, Digest *ret_manifest,
                         json_object **ret, Error *err)
{
        char object[DIGEST_SIZE + 64];
        int64_t size = -1;

        snprintf(object, sizeof(object), "%s",
                 digest_is_set(&pull->reference.digest) ? pull->reference.digest.text : pull->reference.tag);
        for (int depth = 0; depth < INDEX_DEPTH_MAXIMUM; depth++) {
                _cleanup_json_ json_object *document = NULL;
                ImageDocumentKind kind;
                Descriptor chosen;
                int r;

                r = fetch_document(pull, FETCH_MANIFEST, object, size, ret_manifest, &document, err);
                if (r >= 0)
                        r = image_document_kind(document, &kind, err);
                if (r < 0)
                        return r;
                if (depth == 0)
                        *ret_named = *ret_manifest;
                if (kind == IMAGE_DOCUMENT_MANIFEST) {
                        *ret = TAKE_PTR(document);
                        return 0;
                }
                r = image_index_choose(document, platform, &chosen, err);
                if (r < 0)
                        return r;
                snprintf(object, sizeof(object), "%s", chosen.digest.text);
                size = chosen.size;
        }
        return fail_kind(err, ERROR_CORRUPT, ELOOP, "indexes are nested deeper than %d", INDEX_DEPTH_MAXIMUM);
}

static int pull_image(Pull *pull, const Platform *platform, Error *err)
{
        _cleanup_json_ json_object *document = NULL, *config_document = NULL;
        _cleanup_manifest_ ImageManifest manifest = {0};
        _cleanup_image_config_ ImageConfig config = {0};
        StoreImageNew image = {0};
        char name[REFERENCE_TEXT_SIZE];
        Digest named;
        int r;

        r = find_manifest(pull, platform, &named, &image.manifest, &document, err);
        if (r >= 0)
                r = image_manifest_parse(document, &manifest, err);
        if (r < 0)
                return r;
        reference_format_name(&pull->reference, name);
        image_progress_line(pull->report, pull->owner, "%s: Pulling from %s",
                            *pull->reference.tag ? pull->reference.tag : named.text, pull->reference.path);
        r = fetch_document(pull, FETCH_BLOB, manifest.config.digest.text, manifest.config.size, &image.config,
                           &config_document, err);
        if (r >= 0)
                r = image_config_parse(config_document, &config, err);
        if (r >= 0 && config.diff_id_count != manifest.layer_count)
                r = fail_kind(err, ERROR_CORRUPT, EBADMSG,
                              "its manifest has %zu layers, its configuration %zu", manifest.layer_count,
                              config.diff_id_count);
        if (r >= 0)
                r = pull_layers(pull, &manifest, &config, err);
        if (r < 0)
                return r;
        image.layers = &manifest;
        image.parsed = &config;
        image.reference = &pull->reference;
        image.pulled_digest = &named;
        r = store_image_commit(pull->store, &image, err);
        if (r < 0)
                return r;
        image_progress_line(pull->report, pull->owner, "Digest: %s", named.text);
        reference_format_familiar(&pull->reference, name);
        image_progress_line(
                pull->report, pull->owner,
                r ? "Status: Image is up to date for %s" : "Status: Downloaded newer image for %s", name);
        return 0;
}

int image_pull(Engine *engine, const ImagePullOptions *options, Error *err)
{
        Pull pull = {.engine = engine,
                     .stage = STORE_STAGE_INIT,
                     .report = options->report,
                     .owner = options->owner};
        Platform platform;
        int r;

        r = reference_parse(options->name, &pull.reference, err);
        platform_host(&platform);
        if (r >= 0 && options->platform)
                r = platform_parse(options->platform, &platform, err);
        if (r >= 0)
                r = engine_store(engine, &pull.store, err);
        if (r >= 0)
                r = engine_helper(engine, "kelp-fetch", &pull.fetch_program, err);
        if (r >= 0)
                r = engine_helper(engine, "kelp-unpack", &pull.unpack_program, err);
        if (r >= 0)
                r = engine_user_namespace_start(engine, err);
        if (r >= 0)
                r = engine_work_begin(engine, err);
        if (r >= 0) {
                r = store_stage_begin(pull.store, &pull.stage, err);
                if (r >= 0)
                        r = pull_image(&pull, &platform, err);
                store_stage_abandon(pull.store, &pull.stage);
                engine_work_end(engine);
                if (r < 0)
                        fail_wrap(err, r, "pull %s", options->name);
        }
        free(pull.fetch_program);
        free(pull.unpack_program);
        return r;
}
