/*
 * `push`: the layers and the configuration, then the manifest that names them. For each blob a kelp-fetch,
 * which asks first whether the registry has it; three go beside each other.
 */
#include "engine/image-progress.h"
#include "registry/fetch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

enum { PARALLEL = 3, REPORT_MILLISECONDS = 100 };

typedef struct Push {
        Engine *engine;
        Store *store;
        const ImagePushOptions *options;
        ImageReference reference;
        char *program;
} Push;

typedef struct BlobPush {
        const Descriptor *blob;
        char *neighbour; /* another repository of the registry that may have it */
        FetchProcess process;
        int input;
        int64_t size;
} BlobPush;

static void blob_push_deinit(BlobPush *blob)
{
        fetch_process_deinit(&blob->process);
        cleanup_close(&blob->input);
        free(blob->neighbour);
        blob->neighbour = NULL;
}

static int start_push(Push *push, FetchKind kind, const char *object, int input, int64_t size,
                      FetchProcess *ret, Error *err)
{
        FetchRequest request = {.program = push->program,
                                .config = push->engine->paths.config,
                                .domain = push->reference.domain,
                                .path = push->reference.path,
                                .object = object,
                                .kind = kind,
                                .maximum = size,
                                .input = input,
                                .output = -EBADF,
                                .copy = -EBADF};

        return fetch_start(&request, ret, err);
}

static int start_blob(Push *push, BlobPush *blob, Error *err)
{
        _cleanup_free_ char *object = NULL;
        struct stat status;
        int r;

        r = store_image_neighbour(push->store, &blob->blob->digest, push->reference.domain,
                                  push->reference.path, &blob->neighbour, err);
        if (r < 0)
                return r;
        object = text_printf("%s%s%s", blob->blob->digest.text, r > 0 ? "," : "",
                             r > 0 ? blob->neighbour : "");
        if (!object)
                return fail_memory(err);
        r = store_blob_open(push->store, &blob->blob->digest, &blob->input, err);
        if (r < 0)
                return fail_hint(err, "pull or load the image again");
        if (fstat(blob->input, &status) < 0)
                return fail_errno(err, errno, "blob %s", blob->blob->digest.text);
        blob->size = status.st_size;
        image_progress_layer(push->options->report, push->options->owner, &blob->blob->digest, "Preparing");
        return start_push(push, PUSH_BLOB, object, blob->input, blob->size, &blob->process, err);
}

/* Until the blob @wanted has been sent; all that are under way are reported. */
static void watch(Push *push, BlobPush *blobs, size_t wanted, size_t end)
{
        struct pollfd fd = {.fd = blobs[wanted].process.report, .events = POLLIN};

        while (push->options->report && poll(&fd, 1, REPORT_MILLISECONDS) == 0)
                for (size_t i = wanted; i < end; i++)
                        if (blobs[i].size > 0)
                                image_progress_bytes(push->options->report, push->options->owner,
                                                     &blobs[i].blob->digest, "Pushing",
                                                     lseek(blobs[i].input, 0, SEEK_CUR), blobs[i].size);
}

static int finish_blob(Push *push, BlobPush *blob, Error *err)
{
        _cleanup_free_ char *mounted = text_printf("Mounted from %s", blob->neighbour ?: "");
        FetchResult result = {0};
        int r;

        if (!mounted)
                return fail_memory(err);
        r = fetch_finish(&blob->process, &result, err);
        cleanup_close(&blob->input);
        if (r < 0)
                return fail_wrap(err, r, "layer %.12s", digest_hex(&blob->blob->digest));
        image_progress_layer(push->options->report, push->options->owner, &blob->blob->digest,
                             result.existing  ? "Layer already exists"
                             : result.mounted ? mounted
                                              : "Pushed");
        return 0;
}

static int push_blobs(Push *push, const ImageManifest *manifest, Error *err)
{
        size_t count = manifest->layer_count + 1, started = 0, finished = 0;
        _cleanup_free_ BlobPush *blobs = calloc(count, sizeof(*blobs));
        int r = 0;

        if (!blobs)
                return fail_memory(err);
        for (size_t i = 0; i < count; i++)
                blobs[i] = (BlobPush){.blob = i < manifest->layer_count ? &manifest->layers[i]
                                                                        : &manifest->config,
                                      .process = FETCH_PROCESS_INIT,
                                      .input = -EBADF};
        while (r >= 0 && finished < count) {
                while (r >= 0 && started < count && started < finished + PARALLEL)
                        r = start_blob(push, &blobs[started++], err);
                if (r < 0)
                        break;
                watch(push, blobs, finished, started);
                r = finish_blob(push, &blobs[finished++], err);
        }
        for (size_t i = 0; i < count; i++)
                blob_push_deinit(&blobs[i]);
        return r;
}

static const char *media_type(json_object *manifest)
{
        const char *type = json_object_get_string(json_object_object_get(manifest, "mediaType"));

        return type ?: "application/vnd.oci.image.manifest.v1+json";
}

static int push_manifest(Push *push, const Digest *digest, json_object *document, Error *err)
{
        _cleanup_fetch_ FetchProcess process = FETCH_PROCESS_INIT;
        _cleanup_close_ int input = -EBADF;
        FetchResult result = {0};
        char object[512];
        struct stat status;
        int r;

        r = store_blob_open(push->store, digest, &input, err);
        if (r < 0)
                return r;
        if (fstat(input, &status) < 0)
                return fail_errno(err, errno, "manifest %s", digest->text);
        snprintf(object, sizeof(object), "%s,%s", push->reference.tag, media_type(document));
        r = start_push(push, PUSH_MANIFEST, object, input, status.st_size, &process, err);
        if (r >= 0)
                r = fetch_finish(&process, &result, err);
        if (r >= 0)
                image_progress_line(push->options->report, push->options->owner, "%s: digest: %s size: %lld",
                                    push->reference.tag, digest->text, (long long)status.st_size);
        return r;
}

static int push_image(Push *push, Error *err)
{
        _cleanup_store_image_ StoreImage image = {0};
        _cleanup_manifest_ ImageManifest manifest = {0};
        _cleanup_json_ json_object *document = NULL;
        _cleanup_buffer_ Buffer text = {0};
        char name[REFERENCE_TEXT_SIZE];
        int r;

        r = store_image_find(push->store, push->options->name, &image, err);
        if (r >= 0)
                r = store_blob_read(push->store, &image.manifest, JSON_DOCUMENT_MAXIMUM, &text, err);
        if (r >= 0)
                r = json_parse(text.data ?: "", text.length, "image manifest", &document, err);
        if (r >= 0)
                r = image_manifest_parse(document, &manifest, err);
        if (r < 0)
                return r;
        reference_format_name(&push->reference, name);
        image_progress_line(push->options->report, push->options->owner,
                            "The push refers to repository [%s/%s]", push->reference.domain,
                            push->reference.path);
        r = push_blobs(push, &manifest, err);
        return r < 0 ? r : push_manifest(push, &image.manifest, document, err);
}

int image_push(Engine *engine, const ImagePushOptions *options, Error *err)
{
        Push push = {.engine = engine, .options = options};
        int r;

        r = reference_parse(options->name, &push.reference, err);
        if (r >= 0 && !*push.reference.tag)
                r = fail_kind(err, ERROR_USAGE, EINVAL, "cannot push a digest reference: %s; tag it first",
                              options->name);
        if (r >= 0)
                r = engine_store(engine, &push.store, err);
        if (r >= 0)
                r = engine_helper(engine, "kelp-fetch", &push.program, err);
        if (r >= 0)
                r = push_image(&push, err);
        free(push.program);
        return r < 0 ? fail_wrap(err, r, "push %s", options->name) : 0;
}

int image_fetch_url(Engine *engine, const char *address, int output, Error *err)
{
        _cleanup_fetch_ FetchProcess process = FETCH_PROCESS_INIT;
        _cleanup_free_ char *program = NULL;
        FetchRequest request = {.config = engine->paths.config,
                                .domain = "",
                                .path = "",
                                .object = address,
                                .kind = FETCH_URL,
                                .maximum = INT64_MAX,
                                .input = -EBADF,
                                .output = output,
                                .copy = -EBADF};
        FetchResult result;
        int r;

        r = engine_helper(engine, "kelp-fetch", &program, err);
        request.program = program;
        if (r >= 0)
                r = fetch_start(&request, &process, err);
        return r < 0 ? r : fetch_finish(&process, &result, err);
}
