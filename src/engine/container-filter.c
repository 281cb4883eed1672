#include "engine/container-filter.h"

#include "store/images.h"

#include <regex.h>

static const char *const statuses[] = {"created",  "running", "paused", "restarting",
                                       "removing", "exited",  "dead"};

typedef enum FilterName {
        FILTER_ANCESTOR,
        FILTER_BEFORE,
        FILTER_EXITED,
        FILTER_ID,
        FILTER_LABEL,
        FILTER_NAME,
        FILTER_NETWORK,
        FILTER_SINCE,
        FILTER_STATUS,
        FILTER_VOLUME,
        FILTER_COUNT,
} FilterName;

static const char *const names[] = {
        [FILTER_ANCESTOR] = "ancestor", [FILTER_BEFORE] = "before",
        [FILTER_EXITED] = "exited",     [FILTER_ID] = "id",
        [FILTER_LABEL] = "label",       [FILTER_NAME] = "name",
        [FILTER_NETWORK] = "network",   [FILTER_SINCE] = "since",
        [FILTER_STATUS] = "status",     [FILTER_VOLUME] = "volume",
};

/* Tells name from value. */
static FilterName split(const char *text, const char **ret_value)
{
        for (size_t i = 0; i < FILTER_COUNT; i++) {
                const char *rest = text_after(text, names[i]);

                if (rest && *rest == '=') {
                        *ret_value = rest + 1;
                        return (FilterName)i;
                }
        }
        return FILTER_COUNT;
}

static int find_creation(Engine *engine, const char *name, int64_t *ret, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_find(store, name, &row, err);
        *ret = row.created;
        return r;
}

/* The id of the image; as it was typed when there is none (it may have been removed). */
static int find_ancestor(Engine *engine, const char *name, StringList *ret, Error *err)
{
        _cleanup_store_image_ StoreImage image = {0};
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        r = store_image_find(store, name, &image, NULL);
        return string_list_add(ret, r < 0 ? name : image.id.text) < 0 ? fail_memory(err) : 0;
}

static int check_status(const char *value, Error *err)
{
        for (size_t i = 0; i < ELEMENTSOF(statuses); i++)
                if (text_equal(statuses[i], value))
                        return 0;
        return fail_kind(err, ERROR_USAGE, EINVAL,
                         "invalid filter 'status=%s': it is created, running, paused, restarting, removing, "
                         "exited or dead",
                         value);
}

static int prepare_one(Engine *engine, const char *text, ContainerFilters *ret, Error *err)
{
        const char *value = "";
        uint64_t number;

        switch (split(text, &value)) {
        case FILTER_ANCESTOR:
                return find_ancestor(engine, value, &ret->ancestors, err);
        case FILTER_BEFORE:
                return find_creation(engine, value, &ret->before, err);
        case FILTER_SINCE:
                return find_creation(engine, value, &ret->since, err);
        case FILTER_EXITED:
                ret->by_status = true;
                return text_to_u64(value, 255, &number) < 0
                               ? fail_kind(err, ERROR_USAGE, EINVAL,
                                           "invalid filter '%s': an exit status is 0 to 255", text)
                               : 0;
        case FILTER_STATUS:
                ret->by_status = true;
                return check_status(value, err);
        case FILTER_NETWORK:
        case FILTER_VOLUME:
                ret->by_details = true;
                return 0;
        case FILTER_COUNT:
                fail_kind(err, ERROR_USAGE, EINVAL, "invalid filter '%s'", text);
                return fail_hint(err, "a filter is NAME=VALUE; the names are ancestor, before, exited, id, "
                                      "label, name, network, "
                                      "since, status and volume");
        default:
                return 0;
        }
}

int container_filters_prepare(Engine *engine, const StringList *texts, ContainerFilters *ret, Error *err)
{
        int r = 0;

        *ret = (ContainerFilters){.texts = texts};
        for (size_t i = 0; r >= 0 && i < texts->count; i++)
                r = prepare_one(engine, texts->items[i], ret, err);
        return r;
}

void container_filters_deinit(ContainerFilters *filters)
{
        string_list_deinit(&filters->ancestors);
}

/* A regular expression as docker has it, on the name with its slash or without; a plain comparison when it is
 * none. */
static bool match_name(const char *name, const char *pattern)
{
        const char *plain = pattern + (*pattern == '/');
        regex_t regex;
        bool found;

        if (regcomp(&regex, plain, REG_EXTENDED | REG_NOSUB) != 0)
                return text_equal(name, plain);
        found = regexec(&regex, name, 0, NULL, 0) == 0;
        if (!found && text_after(plain, "^/")) {
                _cleanup_free_ char *slashed = text_printf("/%s", name);

                found = slashed && regexec(&regex, slashed, 0, NULL, 0) == 0;
        }
        regfree(&regex);
        return found;
}

static bool match_label(const StoreContainer *row, const char *wanted)
{
        _cleanup_json_ json_object *labels = json_tokener_parse(row->labels ?: "{}");
        const char *equals = strchrnul(wanted, '=');
        _cleanup_free_ char *key = strndup(wanted, (size_t)(equals - wanted));
        json_object *found = NULL;

        return key && json_object_object_get_ex(labels, key, &found) &&
               (!*equals || text_equal(json_object_get_string(found), equals + 1));
}

static bool match_ancestor(const ContainerFilters *filters, const StoreContainer *row, const char *value)
{
        return text_equal(row->image_name, value) ||
               string_list_contains(&filters->ancestors, row->image.text);
}

static bool match_volume(json_object *details, const char *value)
{
        json_object *mounts = json_object_object_get(details, "Mounts");

        for (size_t i = 0; mounts && i < json_object_array_length(mounts); i++) {
                static const char *const keys[] = {"Name", "Source", "Destination"};

                for (size_t j = 0; j < ELEMENTSOF(keys); j++)
                        if (text_equal(json_object_get_string(json_object_object_get(
                                               json_object_array_get_idx(mounts, i), keys[j])),
                                       value))
                                return true;
        }
        return false;
}

static bool match_network(json_object *details, const char *value)
{
        return text_equal(json_object_get_string(json_object_object_get(
                                  json_object_object_get(details, "HostConfig"), "NetworkMode")),
                          value);
}

static bool match_one(const ContainerFilters *filters, FilterName name, const char *value,
                      const StoreContainer *row, json_object *details)
{
        char code[16];

        switch (name) {
        case FILTER_ANCESTOR:
                return match_ancestor(filters, row, value);
        case FILTER_BEFORE:
                return row->created < filters->before;
        case FILTER_SINCE:
                return row->created > filters->since;
        case FILTER_EXITED:
                snprintf(code, sizeof(code), "%d", row->exit_code);
                return text_equal(row->status, "exited") && text_equal(code, value);
        case FILTER_ID:
                return text_after(row->id, value) != NULL;
        case FILTER_LABEL:
                return match_label(row, value);
        case FILTER_NAME:
                return match_name(row->name, value);
        case FILTER_NETWORK:
                return match_network(details, value);
        case FILTER_STATUS:
                return text_equal(row->status, value);
        case FILTER_VOLUME:
                return match_volume(details, value);
        default:
                return false;
        }
}

bool container_filters_match(const ContainerFilters *filters, const StoreContainer *row, json_object *details)
{
        enum { ABSENT, FAILED, HELD } results[FILTER_COUNT] = {0};

        for (size_t i = 0; i < filters->texts->count; i++) {
                const char *value = "";
                FilterName name = split(filters->texts->items[i], &value);
                bool held = match_one(filters, name, value, row, details);

                if (name == FILTER_LABEL && results[name] != ABSENT)
                        held = held && results[name] == HELD;
                else
                        held = held || results[name] == HELD;
                results[name] = held ? HELD : FAILED;
        }
        for (size_t i = 0; i < FILTER_COUNT; i++)
                if (results[i] == FAILED)
                        return false;
        return true;
}
