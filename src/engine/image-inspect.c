#include "base/clock.h"
#include "engine/image.h"

/* Full names as docker shows them; @separator ":" for tags, "@" for digests. */
static json_object *familiar(const StringList *names, bool digests)
{
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < names->count; i++) {
                char text[REFERENCE_TEXT_SIZE];
                ImageReference reference;

                if (reference_parse(names->items[i], &reference, NULL) < 0)
                        continue;
                reference_format_name(&reference, text);
                snprintf(text + strlen(text), sizeof(text) - strlen(text), digests ? "@%s" : ":%s",
                         digests ? reference.digest.text : reference.tag);
                json_object_array_add(list, json_object_new_string(text));
        }
        return list;
}

int image_inspect(Engine *engine, const char *name, json_object **ret, Error *err)
{
        _cleanup_store_image_ StoreImage image = {0};
        json_object *object, *config = NULL, *layers, *root;
        char created[CLOCK_TEXT_SIZE];
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_image_find(store, name, &image, err);
        if (r < 0)
                return r;
        object = json_object_new_object();
        layers = json_object_new_array();
        root = json_object_new_object();
        clock_format(image.config.created, created);
        json_set_string(object, "Id", image.id.text);
        json_set(object, "RepoTags", familiar(&image.references, false));
        json_set(object, "RepoDigests", familiar(&image.digests, true));
        json_set_string(object, "Parent", "");
        json_set_string(object, "Comment", "");
        json_set_string(object, "Created", created);
        json_set_string(object, "Author", image.config.author ?: "");
        json_set_string(object, "Architecture", image.config.platform.architecture);
        if (*image.config.platform.variant)
                json_set_string(object, "Variant", image.config.platform.variant);
        json_set_string(object, "Os", image.config.platform.os);
        json_set_int64(object, "Size", image.size);
        json_set(object, "Config",
                 json_object_object_get_ex(image.config.document, "config", &config)
                         ? json_object_get(config)
                         : json_object_new_object());
        for (size_t i = 0; i < image.config.diff_id_count; i++)
                json_object_array_add(layers, json_object_new_string(image.config.diff_ids[i].text));
        json_set_string(root, "Type", "layers");
        json_set(root, "Layers", layers);
        json_set(object, "RootFS", root);
        *ret = object;
        return 0;
}

/* One step. @size: of its layer; 0 for a step that made none. */
static json_object *describe_step(json_object *item, const char *id, int64_t size)
{
        json_object *row = json_object_new_object();
        const char *created = NULL, *by = NULL, *comment = NULL;
        int64_t time = 0;

        json_get_string(item, "created", &created, NULL);
        json_get_string(item, "created_by", &by, NULL);
        json_get_string(item, "comment", &comment, NULL);
        if (created)
                clock_parse(created, &time);
        json_set_string(row, "Id", id);
        json_set_int64(row, "Created", time / 1000000000);
        json_set_string(row, "CreatedBy", by ?: "");
        json_set(row, "Tags", NULL);
        json_set_int64(row, "Size", size);
        json_set_string(row, "Comment", comment ?: "");
        return row;
}

int image_history(Engine *engine, const char *name, json_object **ret, Error *err)
{
        _cleanup_json_ json_object *list = json_object_new_array();
        _cleanup_store_image_ StoreImage image = {0};
        json_object *history = NULL;
        size_t count, layer;
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_image_find(store, name, &image, err);
        if (r >= 0)
                r = json_get_array(image.config.document, "history", &history, err);
        if (r < 0)
                return r;
        count = history ? json_object_array_length(history) : 0;
        layer = image.config.diff_id_count;
        for (size_t i = count; r >= 0 && i > 0; i--) {
                json_object *item = json_object_array_get_idx(history, i - 1), *row;
                bool empty = false;
                int64_t size = 0;

                json_get_bool(item, "empty_layer", &empty, NULL);
                if (!empty && layer > 0)
                        r = store_layer_size(store, &image.config.diff_ids[--layer], &size, err);
                /* The upper one is the image itself; what is below has no id of its own. */
                row = describe_step(item, i == count ? image.id.text : "<missing>", size);
                json_object_array_add(list, row);
                if (i == count)
                        json_set(row, "Tags", familiar(&image.references, false));
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}
