/* Configurations of images. Everything in them is data: what it may lead to is decided by the engine. */
#include "spec/image.h"

#include "base/clock.h"

#include <string.h>

static int corrupt(Error *err, const char *message)
{
        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s", message);
}

void image_config_deinit(ImageConfig *config)
{
        free(config->author);
        free(config->user);
        free(config->working_directory);
        free(config->stop_signal);
        string_list_deinit(&config->env);
        string_list_deinit(&config->entrypoint);
        string_list_deinit(&config->command);
        string_list_deinit(&config->labels);
        string_list_deinit(&config->volumes);
        string_list_deinit(&config->exposed_ports);
        free(config->diff_ids);
        json_putp(&config->document);
        *config = (ImageConfig){0};
}

/* A string member as an owned copy; "" counts as missing. */
static int take_string(json_object *object, const char *key, char **ret, Error *err)
{
        const char *text = NULL;
        int r = json_get_string(object, key, &text, err);

        if (r < 0)
                return r;
        return text_empty(text) || text_replace(ret, text) >= 0 ? 0 : fail_memory(err);
}

/* Docker's early builders wrote Cmd and Entrypoint as one string; its readers still take it. */
static int take_command(json_object *object, const char *key, StringList *ret, Error *err)
{
        json_object *value = NULL;
        int r;

        if (!json_object_object_get_ex(object, key, &value) ||
            !json_object_is_type(value, json_type_string)) {
                r = json_get_strings(object, key, ret, err);
                return r < 0 ? r : 0;
        }
        return string_list_add(ret, json_object_get_string(value)) < 0 ? fail_memory(err) : 0;
}

/* The keys of an object that Go knows as a set. */
static int take_keys(json_object *object, const char *key, StringList *ret, Error *err)
{
        json_object *set;
        int r = json_get_object(object, key, &set, err);

        if (r <= 0)
                return r;
        json_object_object_foreach(set, name, value)
        {
                (void)value;
                if (string_list_add(ret, name) < 0)
                        return fail_memory(err);
        }
        return 0;
}

static int take_labels(json_object *object, StringList *ret, Error *err)
{
        json_object *labels;
        int r = json_get_object(object, "Labels", &labels, err);

        if (r <= 0)
                return r;
        json_object_object_foreach(labels, name, value)
        {
                if (value && !json_object_is_type(value, json_type_string))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "Labels.%.128s: expected a string",
                                         name);
                if (string_list_addf(ret, "%s=%s", name, value ? json_object_get_string(value) : "") < 0)
                        return fail_memory(err);
        }
        return 0;
}

static int parse_inherited(json_object *object, ImageConfig *config, Error *err)
{
        int r = take_string(object, "User", &config->user, err);

        if (r >= 0)
                r = take_string(object, "WorkingDir", &config->working_directory, err);
        if (r >= 0)
                r = take_string(object, "StopSignal", &config->stop_signal, err);
        if (r >= 0)
                r = json_get_strings(object, "Env", &config->env, err);
        if (r >= 0)
                r = take_command(object, "Entrypoint", &config->entrypoint, err);
        if (r >= 0)
                r = take_command(object, "Cmd", &config->command, err);
        if (r >= 0)
                r = take_labels(object, &config->labels, err);
        if (r >= 0)
                r = take_keys(object, "Volumes", &config->volumes, err);
        if (r >= 0)
                r = take_keys(object, "ExposedPorts", &config->exposed_ports, err);
        return r < 0 ? fail_wrap(err, r, "config") : 0;
}

static int parse_diff_ids(json_object *document, ImageConfig *config, Error *err)
{
        json_object *rootfs, *ids;
        int r = json_get_object(document, "rootfs", &rootfs, err);

        if (r < 0)
                return r;
        if (r == 0)
                return corrupt(err, "rootfs is missing: this is not the configuration of an image");
        r = json_get_array(rootfs, "diff_ids", &ids, err);
        if (r < 0)
                return fail_wrap(err, r, "rootfs");
        if (r == 0)
                return 0;
        if (json_object_array_length(ids) > IMAGE_LAYERS_MAXIMUM)
                return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                 "rootfs.diff_ids: %zu layers, more than the limit of %d",
                                 json_object_array_length(ids), IMAGE_LAYERS_MAXIMUM);
        config->diff_ids = calloc(json_object_array_length(ids) + 1, sizeof(*config->diff_ids));
        if (!config->diff_ids)
                return fail_memory(err);
        for (size_t i = 0; i < json_object_array_length(ids); i++) {
                json_object *id = json_object_array_get_idx(ids, i);

                if (!json_object_is_type(id, json_type_string))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                         "rootfs.diff_ids[%zu]: expected a string", i);
                r = digest_parse(json_object_get_string(id), &config->diff_ids[i], err);
                if (r < 0)
                        return fail_wrap(err, r, "rootfs.diff_ids[%zu]", i);
                config->diff_id_count++;
        }
        return 0;
}

/* @text into a field of a Platform. */
static int take_platform_part(json_object *document, const char *key, char *field, size_t size, Error *err)
{
        const char *text = NULL;
        int r = json_get_string(document, key, &text, err);

        if (r <= 0)
                return r;
        if (strlen(text) >= size)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: '%.64s…' is too long", key, text);
        memcpy(field, text, strlen(text) + 1);
        return 0;
}

static int parse_platform(json_object *document, Platform *ret, Error *err)
{
        Platform host;
        int r = take_platform_part(document, "os", ret->os, sizeof(ret->os), err);

        if (r >= 0)
                r = take_platform_part(document, "architecture", ret->architecture, sizeof(ret->architecture),
                                       err);
        if (r >= 0)
                r = take_platform_part(document, "variant", ret->variant, sizeof(ret->variant), err);
        if (r < 0)
                return r;
        platform_host(&host);
        if (!ret->os[0])
                memcpy(ret->os, host.os, sizeof(host.os));
        if (!ret->architecture[0]) {
                memcpy(ret->architecture, host.architecture, sizeof(host.architecture));
                memcpy(ret->variant, host.variant, sizeof(host.variant));
        }
        platform_normalize(ret);
        return 0;
}

int image_config_parse(json_object *document, ImageConfig *ret, Error *err)
{
        _cleanup_image_config_ ImageConfig config = {0};
        const char *created = NULL;
        json_object *inherited;
        int r;

        if (!json_object_is_type(document, json_type_object))
                return corrupt(err, "the configuration of an image is a JSON object, and this is none");
        r = parse_platform(document, &config.platform, err);
        if (r >= 0)
                r = take_string(document, "author", &config.author, err);
        if (r >= 0)
                r = json_get_string(document, "created", &created, err);
        if (r < 0)
                return r;
        if (!text_empty(created) && clock_parse(created, &config.created) < 0)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "created: '%.64s' is not an RFC 3339 time",
                                 created);
        r = json_get_object(document, "config", &inherited, err);
        if (r > 0)
                r = parse_inherited(inherited, &config, err);
        if (r >= 0)
                r = parse_diff_ids(document, &config, err);
        if (r < 0)
                return r;
        config.document = json_object_get(document);
        *ret = config;
        config = (ImageConfig){0};
        return 0;
}
