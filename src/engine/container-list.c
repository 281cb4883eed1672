#include "base/clock.h"
#include "engine/container-filter.h"
#include "engine/container-state.h"
#include "engine/container.h"
#include "engine/disk-usage.h"
#include "engine/network-join.h"
#include "store/images.h"

static const int64_t second = 1000000000;

static void status_text(const StoreContainer *row, char *buffer, size_t size)
{
        char span[CLOCK_TEXT_SIZE];

        if (text_equal(row->status, "running")) {
                clock_format_span(clock_now() - row->started, span, sizeof(span));
                snprintf(buffer, size, "Up %s", span);
        } else if (text_equal(row->status, "exited")) {
                clock_format_span(clock_now() - row->finished, span, sizeof(span));
                snprintf(buffer, size, "Exited (%d) %s ago", row->exit_code, span);
        } else {
                snprintf(buffer, size, "Created");
        }
}

/* What most rows have alike, once for all of a list: a thousand empty objects would be a megabyte. */
typedef struct Shared {
        json_object *nothing, *no_ports, *no_networks;
} Shared;

static void shared_deinit(Shared *shared)
{
        json_object_put(shared->nothing);
        json_object_put(shared->no_ports);
        json_object_put(shared->no_networks);
}

static int shared_make(Shared *ret, Error *err)
{
        *ret = (Shared){.nothing = json_object_new_object(),
                        .no_ports = json_object_new_array_ext(1),
                        .no_networks = json_object_new_object()};
        if (!ret->nothing || !ret->no_ports || !ret->no_networks)
                return fail_memory(err);
        json_set(ret->no_networks, "Networks", json_object_new_object());
        return 0;
}

/* A key that is new there, and a constant. */
static void add(json_object *object, const char *key, json_object *value)
{
        if (json_object_object_add_ex(object, key, value,
                                      JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY) < 0)
                json_object_put(value);
}

static json_object *summary(const StoreContainer *row, const Shared *shared)
{
        json_object *object = json_object_new_object(), *names = json_object_new_array_ext(1);
        _cleanup_free_ char *name = text_printf("/%s", row->name);
        char status[160];

        status_text(row, status, sizeof(status));
        add(object, "Id", json_object_new_string(row->id));
        json_object_array_add(names, json_object_new_string(name ?: ""));
        add(object, "Names", names);
        add(object, "Image", json_object_new_string(row->image_name ?: ""));
        add(object, "ImageID", json_object_new_string(row->image.text));
        add(object, "Command", json_object_new_string(row->command ?: ""));
        add(object, "Created", json_object_new_int64(row->created / second));
        add(object, "Ports", json_object_get(shared->no_ports));
        add(object, "Labels",
            text_empty(row->labels) || text_equal(row->labels, "{}") ? json_object_get(shared->nothing)
                                                                     : json_tokener_parse(row->labels));
        add(object, "State", json_object_new_string(row->status ?: ""));
        add(object, "Status", json_object_new_string(status));
        add(object, "NetworkSettings", json_object_get(shared->no_networks));
        return object;
}

/* What the row of a container does not have and its configuration has. */
static void add_details(json_object *object, json_object *details)
{
        json_object *mode = json_object_object_get(json_object_object_get(details, "HostConfig"),
                                                   "NetworkMode"),
                    *mounts;

        if (json_object_object_get_ex(details, "Mounts", &mounts))
                json_set(object, "Mounts", json_object_get(mounts));
        if (mode) {
                json_object *settings = json_object_new_object(), *networks = json_object_new_object();

                json_set(networks, json_object_get_string(mode), json_object_new_object());
                json_set(settings, "Networks", networks);
                json_set(object, "NetworkSettings", settings);
        }
}

/* Its configuration; NULL when it has just been removed. */
static int read_details(Store *store, const char *id, json_object **ret, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        Error failed = ERROR_INIT;
        int r = store_container_find(store, id, &row, &failed);

        *ret = NULL;
        if (r < 0 && failed.kind != ERROR_NOT_FOUND && err)
                *err = failed;
        if (r < 0)
                return failed.kind == ERROR_NOT_FOUND ? 0 : r;
        return json_parse(row.configuration, strlen(row.configuration), "container", ret, err);
}

/* SizeRw and SizeRootFs. */
static int add_sizes(Engine *engine, const char *id, const char *image_id, json_object *object, Error *err)
{
        _cleanup_free_ char *path = text_printf("containers/%s/upper", id);
        _cleanup_store_image_ StoreImage image = {0};
        int64_t own = 0;
        Store *store;
        int r;

        if (!path)
                return fail_memory(err);
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = disk_usage_folder(engine, path, &own, err);
        if (r < 0)
                return r;
        /* Its image may have been removed by force. */
        if (!text_empty(image_id))
                store_image_find(store, image_id, &image, NULL);
        json_set_int64(object, "SizeRw", own);
        json_set_int64(object, "SizeRootFs", own + image.size);
        return 0;
}

int container_add_sizes(Engine *engine, json_object *inspected, Error *err)
{
        return add_sizes(engine, json_object_get_string(json_object_object_get(inspected, "Id")),
                         json_object_get_string(json_object_object_get(inspected, "Image")), inspected, err);
}

/* Adds the container to @result when it passes. 1: it does. */
static int take(Engine *engine, const ContainerListOptions *options, const ContainerFilters *filters,
                const Shared *shared, const StoreContainer *row, json_object *result, Error *err)
{
        _cleanup_json_ json_object *details = NULL;
        json_object *object;
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0 && (options->details || filters->by_details))
                r = read_details(store, row->id, &details, err);
        if (r < 0 || !container_filters_match(filters, row, details))
                return r < 0 ? r : 0;
        object = summary(row, shared);
        json_object_array_add(result, object);
        r = network_describe_ports(engine, row, json_object_object_get(object, "Ports"), err);
        if (r < 0)
                return r;
        if (details)
                add_details(object, details);
        if (options->size)
                r = add_sizes(engine, row->id, row->image.text, object, err);
        return r < 0 ? r : 1;
}

int container_list(Engine *engine, const ContainerListOptions *options, json_object **ret, Error *err)
{
        _cleanup_store_containers_ StoreContainerList list = {0};
        _cleanup_json_ json_object *result = json_object_new_array();
        _cleanup_(container_filters_deinit) ContainerFilters filters = {0};
        _cleanup_(shared_deinit) Shared shared = {0};
        Store *store;
        bool all;
        int taken = 0, r;

        if (!result)
                return fail_memory(err);
        r = network_revive(engine, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r >= 0)
                r = shared_make(&shared, err);
        if (r >= 0)
                r = container_filters_prepare(engine, &options->filters, &filters, err);
        if (r >= 0)
                r = store_container_list(store, &list, err);
        all = options->all || options->last > 0 || filters.by_status;
        for (size_t i = 0; r >= 0 && i < list.count && (!options->last || taken < options->last); i++) {
                StoreContainer *row = &list.items[i];

                r = container_refresh(engine, row, err);
                if (r != 0 || (!all && !text_equal(row->status, "running")))
                        continue;
                r = take(engine, options, &filters, &shared, row, result, err);
                taken += r > 0;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(result);
        return 0;
}
