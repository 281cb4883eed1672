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
static bool name_matches(const char *name, const char *pattern)
{
        const char *colon = strrchr(name, ':');
        _cleanup_free_ char *plain = colon ? strndup(name, (size_t)(colon - name)) : NULL;

        return fnmatch(pattern, name, FNM_PATHNAME) == 0 ||
               (plain && fnmatch(pattern, plain, FNM_PATHNAME) == 0);
}

/* Leaves only those names that are asked for. False: none is left, or an image without names is not asked
 * for. */
static bool keep_names(json_object *item, const char *wanted, const StringList *filters)
{
        json_object *names = json_object_object_get(item, "RepoTags"), *kept;
        bool asked = wanted != NULL;

        for (size_t i = 0; i < filters->count; i++)
                asked = asked || text_after(filters->items[i], "reference=");
        if (!asked)
                return true;
        kept = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(names); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(names, i));
                bool good = !wanted || name_matches(name, wanted), any = false, filtered = false;

                for (size_t j = 0; j < filters->count; j++) {
                        const char *pattern = text_after(filters->items[j], "reference=");

                        filtered = filtered || pattern;
                        any = any || (pattern && name_matches(name, pattern));
                }
                if (good && (any || !filtered))
                        json_object_array_add(kept, json_object_new_string(name));
        }
        json_set(item, "RepoTags", kept);
        return json_object_array_length(kept) > 0;
}

/* What the filters name, looked up. */
typedef struct Filters {
        const StringList *texts;
        int64_t before, since; /* nanoseconds; 0: none */
} Filters;

static int find_creation(Store *store, const char *name, int64_t *ret, Error *err)
{
        _cleanup_store_image_ StoreImage image = {0};
        int r = store_image_find(store, name, &image, err);

        *ret = image.created;
        return r;
}

static int prepare(Store *store, const StringList *texts, Filters *ret, Error *err)
{
        static const char *const known[] = {"reference=", "dangling=", "label="};
        int r = 0;

        *ret = (Filters){.texts = texts};
        for (size_t i = 0; r >= 0 && i < texts->count; i++) {
                const char *text = texts->items[i], *value;
                bool found = false;

                for (size_t j = 0; j < ELEMENTSOF(known); j++)
                        found = found || text_after(text, known[j]);
                if ((value = text_after(text, "before=")))
                        r = find_creation(store, value, &ret->before, err);
                else if ((value = text_after(text, "since=")))
                        r = find_creation(store, value, &ret->since, err);
                else if (!found)
                        r = fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "invalid filter '%s': there are reference, dangling, label, before and since",
                                text);
        }
        return r;
}

/* Its labels stand in its configuration, which a list does not read. */
static bool has_label(Store *store, const StoreImage *image, const char *wanted)
{
        const char *equals = strchrnul(wanted, '=');
        _cleanup_free_ char *key = strndup(wanted, (size_t)(equals - wanted));
        _cleanup_store_image_ StoreImage whole = {0};
        const char *value;

        if (!key || store_image_find(store, image->id.text, &whole, NULL) < 0)
                return false;
        value = string_list_env_get(&whole.config.labels, key);
        return value && (!*equals || text_equal(value, equals + 1));
}

/* All but references, which keep_names() looks at. */
static bool passes(Store *store, const StoreImage *image, const Filters *filters)
{
        if ((filters->before && image->created >= filters->before) ||
            (filters->since && image->created <= filters->since))
                return false;
        for (size_t i = 0; i < filters->texts->count; i++) {
                const char *text = filters->texts->items[i], *value;

                if ((value = text_after(text, "dangling="))) {
                        if ((image->references.count == 0) !=
                            (text_equal(value, "true") || text_equal(value, "1")))
                                return false;
                } else if ((value = text_after(text, "label=")) && !has_label(store, image, value)) {
                        return false;
                }
        }
        return true;
}

int image_list(Engine *engine, const ImageListOptions *options, json_object **ret, Error *err)
{
        _cleanup_json_ json_object *result = json_object_new_array();
        StoreImageList list = {0};
        Filters filters;
        Store *store;
        int r;

        if (!result)
                return fail_memory(err);
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = prepare(store, &options->filters, &filters, err);
        if (r >= 0)
                r = store_image_list(store, &list, err);
        for (size_t i = 0; r >= 0 && i < list.count; i++) {
                json_object *item = summary(&list.items[i]);

                if (passes(store, &list.items[i], &filters) &&
                    keep_names(item, options->name, &options->filters))
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
