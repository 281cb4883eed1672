#include "base/clock.h"
#include "engine/container-state.h"
#include "engine/container.h"

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

static json_object *summary(const StoreContainer *row)
{
        json_object *object = json_object_new_object(), *names = json_object_new_array(),
                    *network = json_object_new_object();
        _cleanup_free_ char *name = text_printf("/%s", row->name);
        char status[160];

        status_text(row, status, sizeof(status));
        json_set_string(object, "Id", row->id);
        json_object_array_add(names, json_object_new_string(name ?: ""));
        json_set(object, "Names", names);
        json_set_string(object, "Image", row->image_name);
        json_set_string(object, "ImageID", row->image.text);
        json_set_string(object, "Command", row->command);
        json_set_int64(object, "Created", row->created / second);
        json_set(object, "Ports", json_object_new_array());
        json_set(object, "Labels", json_tokener_parse(row->labels ?: "{}"));
        json_set_string(object, "State", row->status);
        json_set_string(object, "Status", status);
        json_set(network, "Networks", json_object_new_object());
        json_set(object, "NetworkSettings", network);
        return object;
}

/* A filter of one container; several of one name are alternatives, different names must all hold. */
static bool matches_one(const StoreContainer *row, const char *name, const char *value)
{
        if (text_equal(name, "status"))
                return text_equal(row->status, value);
        if (text_equal(name, "name"))
                return strstr(row->name, value + (*value == '/')) != NULL;
        if (text_equal(name, "id"))
                return text_after(row->id, value) != NULL;
        if (text_equal(name, "ancestor"))
                return text_equal(row->image_name, value) || text_equal(row->image.text, value) ||
                       text_after(digest_hex(&row->image), value);
        if (text_equal(name, "exited")) {
                char code[16];

                snprintf(code, sizeof(code), "%d", row->exit_code);
                return text_equal(row->status, "exited") && text_equal(code, value);
        }
        if (text_equal(name, "label")) {
                _cleanup_json_ json_object *labels = json_tokener_parse(row->labels ?: "{}");
                const char *equals = strchr(value, '=');
                _cleanup_free_ char *key = equals ? strndup(value, (size_t)(equals - value)) : strdup(value);
                json_object *found = NULL;

                return key && json_object_object_get_ex(labels, key, &found) &&
                       (!equals || text_equal(json_object_get_string(found), equals + 1));
        }
        return false;
}

static int check_filters(const StringList *filters, Error *err)
{
        static const char *const known[] = {"status=", "name=", "id=", "ancestor=", "exited=", "label="};

        for (size_t i = 0; i < filters->count; i++) {
                bool found = false;

                for (size_t j = 0; j < ELEMENTSOF(known); j++)
                        found = found || text_after(filters->items[i], known[j]);
                if (!found)
                        return fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "invalid filter '%s': there are status, name, id, ancestor, exited and label",
                                filters->items[i]);
        }
        return 0;
}

static bool matches(const StoreContainer *row, const StringList *filters)
{
        for (size_t i = 0; i < filters->count; i++) {
                size_t length = strcspn(filters->items[i], "=");
                char name[16];
                bool any = false;

                snprintf(name, sizeof(name), "%.*s", (int)length, filters->items[i]);
                for (size_t j = 0; j < filters->count; j++)
                        if (strcspn(filters->items[j], "=") == length &&
                            memcmp(filters->items[j], filters->items[i], length) == 0)
                                any = any || matches_one(row, name, filters->items[j] + length + 1);
                if (!any)
                        return false;
        }
        return true;
}

static bool filters_status(const StringList *filters)
{
        for (size_t i = 0; i < filters->count; i++)
                if (text_after(filters->items[i], "status=") || text_after(filters->items[i], "exited="))
                        return true;
        return false;
}

int container_list(Engine *engine, const ContainerListOptions *options, json_object **ret, Error *err)
{
        _cleanup_store_containers_ StoreContainerList list = {0};
        _cleanup_json_ json_object *result = json_object_new_array();
        bool all = options->all || options->last > 0 || filters_status(&options->filters);
        Store *store;
        int taken = 0, r;

        if (!result)
                return fail_memory(err);
        r = check_filters(&options->filters, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_list(store, &list, err);
        for (size_t i = 0; r >= 0 && i < list.count && (!options->last || taken < options->last); i++) {
                StoreContainer *row = &list.items[i];
                int gone = container_refresh(engine, row, err);

                if (gone < 0)
                        return gone;
                if (gone || (!all && !text_equal(row->status, "running")) || !matches(row, &options->filters))
                        continue;
                json_object_array_add(result, summary(row));
                taken++;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(result);
        return 0;
}
