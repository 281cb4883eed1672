#include "base/clock.h"
#include "engine/container-configuration.h"
#include "engine/container-state.h"
#include "engine/container.h"
#include "engine/network-join.h"
#include "monitor/log-writer.h"

static void set_time(json_object *object, const char *key, int64_t time)
{
        char text[CLOCK_TEXT_SIZE];

        clock_format(time, text);
        json_set_string(object, key, text);
}

static json_object *state(const StoreContainer *row)
{
        json_object *object = json_object_new_object();

        json_set_string(object, "Status", row->status);
        json_set_bool(object, "Running", text_equal(row->status, "running"));
        json_set_bool(object, "Paused", false);
        json_set_bool(object, "Restarting", false);
        json_set_bool(object, "OOMKilled", false);
        json_set_bool(object, "Dead", false);
        json_set_int64(object, "Pid", row->pid);
        json_set_int64(object, "ExitCode", row->exit_code);
        json_set_string(object, "Error", row->error ?: "");
        set_time(object, "StartedAt", row->started);
        set_time(object, "FinishedAt", row->finished);
        return object;
}

static void set_path(json_object *object, const char *key, const char *folder, const char *name)
{
        _cleanup_free_ char *path = name ? text_printf("%s/%s", folder, name) : NULL;

        json_set_string(object, key, path ?: "");
}

int container_inspect(Engine *engine, const char *name, json_object **ret, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_json_ json_object *object = json_object_new_object(), *document = NULL,
                                   *arguments = json_object_new_array();
        _cleanup_store_container_ StoreContainer row = {0};
        static const char *const parts[] = {"Config", "HostConfig", "Mounts"};
        _cleanup_strings_ StringList words = {0};
        _cleanup_free_ char *folder = NULL, *slashed = NULL;
        Store *store;
        int r;

        r = network_revive(engine, err);
        if (r >= 0)
                r = container_find(engine, name, &row, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r >= 0)
                r = json_parse(row.configuration, strlen(row.configuration), "container", &document, err);
        if (r >= 0)
                r = container_configuration_from_json(row.configuration, &configuration, err);
        if (r >= 0)
                r = container_configuration_arguments(&configuration, &words, err);
        if (r < 0)
                return r;
        folder = text_printf("%s/containers/%s", store_path(store), row.id);
        slashed = text_printf("/%s", row.name);
        if (!folder || !slashed)
                return fail_memory(err);
        for (size_t i = 1; i < words.count; i++)
                json_object_array_add(arguments, json_object_new_string(words.items[i]));
        json_set_string(object, "Id", row.id);
        set_time(object, "Created", row.created);
        json_set_string(object, "Path", words.count ? words.items[0] : "");
        json_set(object, "Args", json_object_get(arguments));
        json_set(object, "State", state(&row));
        json_set_string(object, "Image", row.image.text);
        json_set_string(object, "Name", slashed);
        json_set_int64(object, "RestartCount", row.restarts);
        json_set_string(object, "Driver", "overlay");
        json_set_string(object, "Platform", "linux");
        set_path(object, "LogPath", folder, CONTAINER_LOG_FILE);
        /* of --rm, in memory */
        set_path(object, "ResolvConfPath", folder, row.auto_remove ? NULL : "resolv.conf");
        set_path(object, "HostnamePath", folder, row.auto_remove ? NULL : "hostname");
        set_path(object, "HostsPath", folder, row.auto_remove ? NULL : "hosts");
        /* What docker has and kelp does not, so that templates find it. */
        json_set_string(object, "MountLabel", "");
        json_set_string(object, "ProcessLabel", "");
        json_set_string(object, "AppArmorProfile", "");
        json_set(object, "ExecIDs", NULL);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                json_object *part = NULL;

                if (json_object_object_get_ex(document, parts[i], &part))
                        json_set(object, parts[i], json_object_get(part));
        }
        r = network_describe_settings(engine, &row, &configuration, object, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}
