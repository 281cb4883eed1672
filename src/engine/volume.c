#include "engine/volume.h"

#include "base/clock.h"
#include "base/identity.h"
#include "engine/disk-usage.h"
#include "store/containers.h"

typedef struct VolumeList {
        StoreVolume *items;
        size_t count;
} VolumeList;

static void volume_list_deinit(VolumeList *list)
{
        for (size_t i = 0; i < list->count; i++)
                store_volume_deinit(&list->items[i]);
        free(list->items);
}

static int describe(Engine *engine, Store *store, const StoreVolume *volume, int64_t users, bool size,
                    json_object **ret, Error *err)
{
        _cleanup_json_ json_object *object = json_object_new_object();
        _cleanup_free_ char *mountpoint = text_printf("%s/volumes/%s/_data", store_path(store), volume->name),
                            *path = text_printf("volumes/%s/_data", volume->name);
        char created[CLOCK_TEXT_SIZE];

        if (!object || !mountpoint || !path)
                return fail_memory(err);
        clock_format(volume->created, created);
        json_set_string(object, "CreatedAt", created);
        json_set_string(object, "Driver", "local");
        json_set(object, "Labels", json_tokener_parse(volume->labels ?: "{}"));
        json_set_string(object, "Mountpoint", mountpoint);
        json_set_string(object, "Name", volume->name);
        json_set(object, "Options", json_object_new_object());
        json_set_string(object, "Scope", "local");
        if (size) {
                json_object *usage = json_object_new_object();
                int64_t bytes;
                int r = disk_usage_folder(engine, path, &bytes, err);

                json_set(object, "UsageData", usage);
                if (r < 0)
                        return r;
                json_set_bool(usage, "Anonymous", volume->anonymous); /* docker has a label for it */
                json_set_int64(usage, "RefCount", users);
                json_set_int64(usage, "Size", bytes);
        }
        *ret = TAKE_PTR(object);
        return 0;
}

static bool has_label(const StoreVolume *volume, const char *wanted)
{
        _cleanup_json_ json_object *labels = json_tokener_parse(volume->labels ?: "{}");
        const char *equals = strchrnul(wanted, '=');
        _cleanup_free_ char *key = strndup(wanted, (size_t)(equals - wanted));
        json_object *value = NULL;

        return key && json_object_object_get_ex(labels, key, &value) &&
               (!*equals || text_equal(json_object_get_string(value), equals + 1));
}

/* 1: passes. */
static int passes(const StoreVolume *volume, int64_t users, const StringList *filters, Error *err)
{
        for (size_t i = 0; i < filters->count; i++) {
                const char *filter = filters->items[i], *value;
                bool good;

                if ((value = text_after(filter, "name=")))
                        good = strstr(volume->name, value) != NULL;
                else if ((value = text_after(filter, "dangling=")))
                        good = (users == 0) == (text_equal(value, "true") || text_equal(value, "1"));
                else if ((value = text_after(filter, "driver=")))
                        good = text_equal(value, "local");
                else if ((value = text_after(filter, "label=")))
                        good = has_label(volume, value);
                else
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid filter '%s': there are name, dangling, driver and label",
                                         filter);
                if (!good)
                        return 0;
        }
        return 1;
}

int volume_list(Engine *engine, const VolumeListOptions *options, json_object **ret, Error *err)
{
        _cleanup_(volume_list_deinit) VolumeList list = {0};
        _cleanup_json_ json_object *result = json_object_new_array();
        Store *store;
        int r;

        if (!result)
                return fail_memory(err);
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_volume_list(store, &list.items, &list.count, err);
        for (size_t i = 0; r >= 0 && i < list.count; i++) {
                json_object *object = NULL;
                int64_t users = 0;

                r = store_volume_users(store, list.items[i].name, &users, err);
                if (r >= 0)
                        r = passes(&list.items[i], users, &options->filters, err);
                if (r > 0)
                        r = describe(engine, store, &list.items[i], users, options->size, &object, err);
                if (r >= 0 && object)
                        json_object_array_add(result, object);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(result);
        return 0;
}

int volume_inspect(Engine *engine, const char *name, json_object **ret, Error *err)
{
        _cleanup_(volume_list_deinit) VolumeList list = {0};
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_volume_list(store, &list.items, &list.count, err);
        for (size_t i = 0; r >= 0 && i < list.count; i++)
                if (text_equal(list.items[i].name, name))
                        return describe(engine, store, &list.items[i], 0, false, ret, err);
        return r < 0 ? r : fail_kind(err, ERROR_NOT_FOUND, ENOENT, "get %s: no such volume", name);
}

int volume_create(Engine *engine, const char *name, const StringList *labels, char **ret_name, Error *err)
{
        _cleanup_json_ json_object *map = json_new_map(labels);
        _cleanup_free_ char *path = NULL;
        char id[IDENTITY_SIZE];
        Store *store;
        bool is_new;
        int r;

        r = name ? 0 : identity_make(id);
        if (r < 0)
                return fail_errno(err, -r, "getrandom");
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_volume_ensure(store, name ?: id, !name, &path, &is_new, err);
        if (r >= 0 && is_new && labels->count)
                r = store_volume_label(store, name ?: id, json_text(map), err);
        if (r < 0)
                return r;
        *ret_name = strdup(name ?: id);
        return *ret_name ? 0 : fail_memory(err);
}

int volume_remove(Engine *engine, const char *name, Error *err)
{
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_volume_delete(store, name, err);
        /* Its folder has no row any more. */
        return r < 0 ? r : engine_collect(engine, err);
}
