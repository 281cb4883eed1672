/* inspect, for containers, images and volumes. */
#include "cli/command.h"
#include "cli/output.h"
#include "engine/container.h"
#include "engine/image.h"
#include "engine/network.h"
#include "engine/volume.h"

typedef int (*Look)(Engine *engine, const char *name, bool size, json_object **ret, Error *err);

static int look_container(Engine *engine, const char *name, bool size, json_object **ret, Error *err)
{
        int r = container_inspect(engine, name, ret, err);

        return r < 0 || !size ? r : container_add_sizes(engine, *ret, err);
}

static int look_image(Engine *engine, const char *name, bool size, json_object **ret, Error *err)
{
        return image_inspect(engine, name, ret, err);
}

static int look_volume(Engine *engine, const char *name, bool size, json_object **ret, Error *err)
{
        return volume_inspect(engine, name, ret, err);
}

static int look_network(Engine *engine, const char *name, bool size, json_object **ret, Error *err)
{
        return network_inspect(engine, name, ret, err);
}

/* In the order in which a name is looked for. */
static const struct {
        const char *type;
        Look look;
} kinds[] = {{"container", look_container},
             {"image", look_image},
             {"volume", look_volume},
             {"network", look_network}};

static int look(Engine *engine, const char *type, const char *name, bool size, json_object **ret, Error *err)
{
        int r = -ENOENT;

        for (size_t i = 0; r < 0 && i < ELEMENTSOF(kinds); i++) {
                Error failed = ERROR_INIT;

                if (type && !text_equal(type, kinds[i].type))
                        continue;
                r = kinds[i].look(engine, name, size, ret, &failed);
                if (r < 0 && (type || failed.kind != ERROR_NOT_FOUND)) {
                        if (err)
                                *err = failed;
                        return r;
                }
        }
        return r < 0 ? fail_kind(err, ERROR_NOT_FOUND, ENOENT, "No such object: %s", name) : 0;
}

/* What is there is printed; then what is not is told, as docker does. */
static int inspect(CommandContext *context, const char *type, int count, char **names, const char *format,
                   bool size, int *ret_status, Error *err)
{
        _cleanup_json_ json_object *list = json_object_new_array();
        _cleanup_strings_ StringList failures = {0};
        Engine *engine;
        int r;

        r = command_engine(context, &engine, err);
        for (int i = 0; r >= 0 && i < count; i++) {
                json_object *object = NULL;
                Error failed = ERROR_INIT;

                if (look(engine, type, names[i], size, &object, &failed) >= 0)
                        json_object_array_add(list, object);
                else if (failed.kind != ERROR_NOT_FOUND) {
                        *err = failed;
                        r = -failed.code;
                } else
                        r = string_list_add(&failures, failed.message);
        }
        if (r >= 0)
                r = output_documents(list, format, err);
        for (size_t i = 0; r >= 0 && i < failures.count; i++) {
                fflush(stdout);
                fputs("kelp: ", stderr);
                output_text(failures.items[i], stderr);
                fputc('\n', stderr);
                *ret_status = 1;
        }
        return r;
}

int command_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *format = NULL, *type = NULL;
        bool size = false, known = false;
        const Option options[] = {
                {"format", 'f', OPTION_TEXT, &format, "string",
                 "Format output using a template ('json', '{{.Id}}')"},
                {"size", 's', OPTION_FLAG, &size, "", "Display total file sizes if the type is container"},
                {"type", 0, OPTION_TEXT, &type, "string",
                 "Only inspect objects of the given type (container|image|volume)"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("inspect", &table, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                known = known || text_equal(type, kinds[i].type);
        if (type && !known)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "\"%s\" is not a valid value for --type: it is container, image, "
                                 "network or volume",
                                 type);
        return inspect(context, type, count, argv + 1, format, size, ret_status, err);
}

/* The forms of a group: their type is known. */
static int inspect_type(CommandContext *context, const char *name, const char *type, int argc, char **argv,
                        int *ret_status, Error *err)
{
        const char *format = NULL;
        bool size = false;
        const Option options[] = {
                {"format", 'f', OPTION_TEXT, &format, "string",
                 "Format output using a template ('json', '{{.Id}}')"},
                {"size", 's', OPTION_FLAG, &size, "", "Display total file sizes"},
        };
        OptionTable table = {.options = options, .count = text_equal(type, "container") ? 2 : 1};
        int count, r;

        r = command_parse(name, &table, argc, argv, 1, -1, &count, err);
        return r != 0 ? (r < 0 ? r : 0)
                      : inspect(context, type, count, argv + 1, format, size, ret_status, err);
}

int command_container_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return inspect_type(context, "container inspect", "container", argc, argv, ret_status, err);
}

int command_image_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return inspect_type(context, "image inspect", "image", argc, argv, ret_status, err);
}

int command_network_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return inspect_type(context, "network inspect", "network", argc, argv, ret_status, err);
}

int command_volume_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return inspect_type(context, "volume inspect", "volume", argc, argv, ret_status, err);
}
