#include "base/clock.h"
#include "engine/image.h"
#include "store/containers.h"

#include <fnmatch.h>

/* Full names as docker shows them: docker.io/library/busybox:latest → busybox:latest. */
static json_object *familiar_names(const StringList *names, bool with_digest)
{
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < names->count; i++) {
                char text[REFERENCE_TEXT_SIZE];
                ImageReference reference;

                if (reference_parse(names->items[i], &reference, NULL) < 0)
                        continue;
                reference_format_name(&reference, text);
                snprintf(text + strlen(text), sizeof(text) - strlen(text), with_digest ? "@%s" : ":%s",
                         with_digest ? reference.digest.text : reference.tag);
                json_object_array_add(list, json_object_new_string(text));
        }
        return list;
}

static json_object *summary(const StoreImage *image)
{
        json_object *object = json_object_new_object();

        json_set_string(object, "Id", image->id.text);
        json_set_string(object, "ParentId", "");
        json_set(object, "RepoTags", familiar_names(&image->references, false));
        json_set(object, "RepoDigests", familiar_names(&image->digests, true));
        json_set_int64(object, "Created", image->created / 1000000000);
        json_set_int64(object, "Size", image->size);
        json_set_int64(object, "SharedSize", -1);
        json_set_int64(object, "Containers", -1);
        json_set(object, "Labels", json_object_new_object());
        return object;
}

/* @pattern: a name without a tag, or with one; * and ? as the shell has them. */
static bool has_name(json_object *item, const char *pattern)
{
        json_object *names = json_object_object_get(item, "RepoTags");

        for (size_t i = 0; i < json_object_array_length(names); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(names, i));
                const char *colon = strrchr(name, ':');
                _cleanup_free_ char *plain = colon ? strndup(name, (size_t)(colon - name)) : NULL;

                if (fnmatch(pattern, name, FNM_PATHNAME) == 0 ||
                    (plain && fnmatch(pattern, plain, FNM_PATHNAME) == 0))
                        return true;
        }
        return false;
}

/* 1: passes. */
static int passes(json_object *item, const StringList *filters, Error *err)
{
        bool dangling = json_object_array_length(json_object_object_get(item, "RepoTags")) == 0;

        for (size_t i = 0; i < filters->count; i++) {
                const char *value;

                if ((value = text_after(filters->items[i], "reference="))) {
                        if (!has_name(item, value))
                                return 0;
                } else if ((value = text_after(filters->items[i], "dangling="))) {
                        if (dangling != (text_equal(value, "true") || text_equal(value, "1")))
                                return 0;
                } else {
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid filter '%s': there are reference and dangling",
                                         filters->items[i]);
                }
        }
        return 1;
}

int image_list(Engine *engine, const ImageListOptions *options, json_object **ret, Error *err)
{
        _cleanup_json_ json_object *result = json_object_new_array();
        StoreImageList list = {0};
        Store *store;
        int r;

        if (!result)
                return fail_memory(err);
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_image_list(store, &list, err);
        for (size_t i = 0; r >= 0 && i < list.count; i++) {
                json_object *item = summary(&list.items[i]);

                r = options->name && !has_name(item, options->name) ? 0
                                                                    : passes(item, &options->filters, err);
                if (r > 0)
                        json_object_array_add(result, item);
                else
                        json_object_put(item);
        }
        store_image_list_deinit(&list);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(result);
        return 0;
}
