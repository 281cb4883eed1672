/* `import`: an archive of a root file system becomes an image of one layer. */
#include "base/clock.h"
#include "base/file.h"
#include "engine/image-changes.h"
#include "engine/image-load.h"
#include "engine/image.h"

/* The blob as it came, and what it unpacks to. */
static int import_layer(Engine *engine, Store *store, StoreStage *stage, int input, Digest *ret_blob,
                        Digest *ret_diff_id, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = store_blob_create(store, stage, "blob", err);
        if (fd < 0)
                return fd;
        r = image_copy(input, fd, "copy the archive into the store", ret_blob, err);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return fail_errno(err, errno, "archive");
        r = image_unpack_new_layer(engine, fd, ret_diff_id, err);
        return r < 0 ? r : store_blob_commit(store, stage, "blob", ret_blob, err);
}

static int make_configuration(const ImageImportOptions *options, const Digest *diff_id, json_object **ret,
                              Error *err)
{
        _cleanup_json_ json_object *document = json_object_new_object();
        json_object *config = json_object_new_object(), *rootfs = json_object_new_object(),
                    *diff_ids = json_object_new_array(), *history = json_object_new_array(),
                    *step = json_object_new_object();
        char now[CLOCK_TEXT_SIZE];
        Platform platform;
        int r = 0;

        platform_host(&platform);
        if (!text_empty(options->platform))
                r = platform_parse(options->platform, &platform, err);
        clock_format(clock_now(), now);
        json_set_string(document, "created", now);
        json_set_string(document, "architecture", platform.architecture);
        json_set_string(document, "os", platform.os);
        if (*platform.variant)
                json_set_string(document, "variant", platform.variant);
        json_set(document, "config", config);
        json_object_array_add(diff_ids, json_object_new_string(diff_id->text));
        json_set_string(rootfs, "type", "layers");
        json_set(rootfs, "diff_ids", diff_ids);
        json_set(document, "rootfs", rootfs);
        json_set_string(step, "created", now);
        json_set_string(step, "comment", options->message ?: "Imported from -");
        json_object_array_add(history, step);
        json_set(document, "history", history);
        for (size_t i = 0; r >= 0 && i < options->changes.count; i++)
                r = image_change_apply(config, options->changes.items[i], err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(document);
        return 0;
}

static int commit(Store *store, const ImageImportOptions *options, const Digest *blob, const Digest *diff_id,
                  Digest *ret_id, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        _cleanup_image_config_ ImageConfig config = {0};
        _cleanup_manifest_ ImageManifest manifest = {0};
        StoreImageNew image = {.layers = &manifest, .parsed = &config};
        ImageReference reference;
        const char *text;
        int r;

        r = make_configuration(options, diff_id, &document, err);
        if (r >= 0)
                r = image_config_parse(document, &config, err);
        if (r >= 0 && options->reference)
                r = reference_parse(options->reference, &reference, err);
        if (r < 0)
                return r;
        image.reference = options->reference ? &reference : NULL;
        text = json_text(document);
        if (!text)
                return fail_memory(err);
        r = image_manifest_add_layer(store, blob, &manifest, err);
        if (r >= 0)
                r = store_blob_put(store, text, strlen(text), &image.config, err);
        if (r >= 0)
                r = image_make_manifest(store, &image.config, &manifest, &image.manifest, err);
        if (r >= 0)
                r = store_image_commit(store, &image, err);
        *ret_id = image.config;
        return r < 0 ? r : 0;
}

int image_import(Engine *engine, int input, const ImageImportOptions *options, Digest *ret_id, Error *err)
{
        StoreStage stage = STORE_STAGE_INIT;
        Digest blob, diff_id;
        ImageReference reference;
        Store *store;
        int r = 0;

        if (options->reference)
                r = reference_parse(options->reference, &reference, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r >= 0)
                r = engine_work_begin(engine, err);
        if (r < 0)
                return r;
        r = store_stage_begin(store, &stage, err);
        if (r >= 0)
                r = import_layer(engine, store, &stage, input, &blob, &diff_id, err);
        if (r >= 0)
                r = commit(store, options, &blob, &diff_id, ret_id, err);
        store_stage_abandon(store, &stage);
        engine_work_end(engine);
        return r < 0 ? fail_wrap(err, r, "import") : 0;
}
