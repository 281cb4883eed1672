/* rmi, by Docker's rules: a name is taken away, and with the last name the image; an id means the image with
 * all its names. */
#include "engine/image.h"

static void report(json_object *list, const char *what, const char *name)
{
        json_object *item = json_object_new_object();

        json_set_string(item, what, name);
        json_object_array_add(list, item);
}

static void report_untagged(json_object *list, const char *full)
{
        char text[REFERENCE_TEXT_SIZE];
        ImageReference reference;

        if (reference_parse(full, &reference, NULL) < 0)
                return;
        if (digest_is_set(&reference.digest)) {
                reference_format_name(&reference, text);
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "@%s", reference.digest.text);
        } else {
                reference_format_familiar(&reference, text);
        }
        report(list, "Untagged", text);
}

/* The name in the store that @name means, NULL when it is an id. */
static const char *meant_name(const StoreImage *image, const char *name,
                              char full[static REFERENCE_TEXT_SIZE])
{
        ImageReference reference;

        if (reference_parse(name, &reference, NULL) < 0)
                return NULL;
        if (digest_is_set(&reference.digest))
                snprintf(full, REFERENCE_TEXT_SIZE, "%s/%s@%s", reference.domain, reference.path,
                         reference.digest.text);
        else
                reference_format(&reference, full);
        return string_list_contains(&image->references, full) || string_list_contains(&image->digests, full)
                       ? full
                       : NULL;
}

static int remove_all(Engine *engine, Store *store, const StoreImage *image, bool force, json_object *list,
                      Error *err)
{
        _cleanup_strings_ StringList layers = {0};
        int r;

        r = store_image_remove(store, &image->id, force, &layers, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < image->references.count; i++)
                report_untagged(list, image->references.items[i]);
        for (size_t i = 0; i < image->digests.count; i++)
                report_untagged(list, image->digests.items[i]);
        report(list, "Deleted", image->id.text);
        for (size_t i = 0; i < layers.count; i++)
                report(list, "Deleted", layers.items[i]);
        return engine_collect(engine, err);
}

int image_remove(Engine *engine, const char *name, bool force, json_object **ret, Error *err)
{
        _cleanup_json_ json_object *list = json_object_new_array();
        _cleanup_store_image_ StoreImage image = {0};
        char full[REFERENCE_TEXT_SIZE];
        const char *meant;
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_image_find(store, name, &image, err);
        if (r < 0)
                return r;
        meant = meant_name(&image, name, full);
        if (meant && image.references.count > 1) {
                r = store_image_untag(store, meant, err);
                if (r >= 0)
                        report_untagged(list, meant);
        } else if (!meant && image.references.count > 1 && !force) {
                r = fail_kind(err, ERROR_CONFLICT, EBUSY,
                              "conflict: unable to delete %.12s (must be forced) - image is referenced in "
                              "multiple repositories",
                              digest_hex(&image.id));
        } else {
                r = remove_all(engine, store, &image, force, list, err);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}
