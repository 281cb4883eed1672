#include "spec/runtime-spec-read.h"

#include <stdio.h>
#include <string.h>

int spec_within(Error *err, int result, const char *format, ...)
{
        char path[256], message[ERROR_MESSAGE_SIZE];
        va_list arguments;

        /* Without memory there is no member to blame. */
        if (!err || result >= 0 || result == -ENOMEM)
                return result;
        va_start(arguments, format);
        vsnprintf(path, sizeof(path), format, arguments);
        va_end(arguments);
        memcpy(message, err->message, sizeof(message));
        snprintf(err->message, sizeof(err->message), "%s.%.*s", path,
                 (int)(sizeof(message) - sizeof(path) - 2), message);
        return result;
}

int spec_invalid(Error *err, const char *key, const char *message)
{
        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%.128s: %s", key, message);
}

int spec_refuse(json_object *object, const char *key, Error *err)
{
        json_object *value = NULL;

        if (!json_object_object_get_ex(object, key, &value) || !value)
                return 0;
        if (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 0)
                return 0;
        fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP, "%s: not supported by kelp", key);
        fail_hint(err, "remove the member from config.json");
        return -ENOTSUP;
}

int spec_get_string(json_object *object, const char *key, char **ret, Error *err)
{
        const char *text = NULL;
        int r = json_get_string(object, key, &text, err);

        if (r <= 0)
                return r;
        if (!*text)
                return 0;
        return text_replace(ret, text) < 0 ? fail_memory(err) : 1;
}

int spec_get_path(json_object *object, const char *key, char **ret, Error *err)
{
        int r = spec_get_string(object, key, ret, err);

        return r > 0 && (*ret)[0] != '/' ? spec_invalid(err, key, "the path must be absolute") : r;
}

int spec_get_u32(json_object *object, const char *key, uint32_t maximum, uint32_t *ret, Error *err)
{
        uint64_t value;
        int r = json_get_uint64(object, key, &value, err);

        if (r <= 0)
                return r;
        if (value > maximum)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: the number is above %u", key, maximum);
        *ret = (uint32_t)value;
        return 1;
}

int spec_get_map(json_object *object, const char *key, StringList *ret, Error *err)
{
        json_object *map;
        int r = json_get_object(object, key, &map, err);

        if (r <= 0)
                return r;
        json_object_object_foreach(map, name, value)
        {
                if (!*name)
                        return spec_invalid(err, key, "a name is empty");
                if (!json_object_is_type(value, json_type_string))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s.%.128s: expected a string", key,
                                         name);
                if (string_list_addf(ret, "%s=%s", name, json_object_get_string(value)) < 0)
                        return fail_memory(err);
        }
        return 1;
}

int spec_get_paths(json_object *object, const char *key, StringList *ret, Error *err)
{
        int r = json_get_strings(object, key, ret, err);

        for (size_t i = 0; r > 0 && i < ret->count; i++)
                if (ret->items[i][0] != '/')
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s[%zu]: the path must be absolute",
                                         key, i);
        return r;
}

int spec_get_items(json_object *object, const char *key, SpecItemReader *reader, size_t size, void *ret_items,
                   size_t *ret_count, Error *err)
{
        json_object *array;
        size_t count;
        char *items;
        int r = json_get_array(object, key, &array, err);

        if (r <= 0)
                return r;
        count = json_object_array_length(array);
        if (count == 0)
                return 0;
        items = calloc(count, size);
        if (!items)
                return fail_memory(err);
        memcpy(ret_items, &items, sizeof(items));
        for (size_t i = 0; i < count; i++) {
                json_object *item = json_object_array_get_idx(array, i);

                if (!json_object_is_type(item, json_type_object))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s[%zu]: expected an object", key, i);
                *ret_count = i + 1;
                r = reader(item, items + i * size, err);
                if (r < 0)
                        return spec_within(err, r, "%s[%zu]", key, i);
        }
        return 1;
}

static int read_id_map(json_object *item, void *slot, Error *err)
{
        RuntimeIdMap *map = slot;
        int r = spec_get_u32(item, "containerID", UINT32_MAX, &map->container_id, err);

        if (r >= 0)
                r = spec_get_u32(item, "hostID", UINT32_MAX, &map->host_id, err);
        if (r >= 0)
                r = spec_get_u32(item, "size", UINT32_MAX, &map->size, err);
        if (r < 0)
                return r;
        if (map->size == 0)
                return spec_invalid(err, "size", "missing or 0");
        /* The id 4294967295 is (uid_t)-1, which no one can have. */
        if (map->size > UINT32_MAX - map->container_id || map->size > UINT32_MAX - map->host_id)
                return spec_invalid(err, "size", "the range leaves the 32-bit ids");
        return 0;
}

int spec_get_id_maps(json_object *object, const char *key, RuntimeIdMap **ret, size_t *ret_count, Error *err)
{
        return spec_get_items(object, key, read_id_map, sizeof(**ret), ret, ret_count, err);
}
