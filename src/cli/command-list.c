/* ps and images: what the engine lists, in docker's columns. */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/output.h"
#include "engine/container.h"
#include "engine/image.h"

static const char *text_of(json_object *item, const char *key)
{
        return json_object_get_string(json_object_object_get(item, key)) ?: "";
}

static void set_ago(json_object *row, const char *key, int64_t seconds)
{
        char span[CLOCK_TEXT_SIZE], text[CLOCK_TEXT_SIZE + 8];

        clock_format_span(clock_now() - seconds * 1000000000, span, sizeof(span));
        snprintf(text, sizeof(text), "%s ago", span);
        json_set_string(row, key, text);
}

static json_object *container_row(json_object *item, bool whole)
{
        json_object *row = json_object_new_object(), *names = json_object_object_get(item, "Names");
        const char *name = json_object_get_string(json_object_array_get_idx(names, 0)),
                   *command = text_of(item, "Command");
        _cleanup_free_ char *safe = text_printable(command);
        _cleanup_buffer_ Buffer labels = {0};
        char text[8192];

        snprintf(text, sizeof(text), "%.*s", whole ? 64 : 12, text_of(item, "Id"));
        json_set_string(row, "ID", text);
        json_set_string(row, "Image", text_of(item, "Image"));
        if (!whole && safe && strlen(safe) > 20)
                snprintf(text, sizeof(text), "\"%.19s…\"", safe);
        else
                snprintf(text, sizeof(text), "\"%s\"", safe ?: "");
        json_set_string(row, "Command", text);
        set_ago(row, "RunningFor", json_object_get_int64(json_object_object_get(item, "Created")));
        json_set_string(row, "Status", text_of(item, "Status"));
        json_set_string(row, "State", text_of(item, "State"));
        json_set_string(row, "Ports", "");
        json_set_string(row, "Names", name ? name + 1 : "");
        json_object_object_foreach(json_object_object_get(item, "Labels"), key, value) buffer_printf(
                &labels, "%s%s=%s", labels.length ? "," : "", key, json_object_get_string(value));
        json_set_string(row, "Labels", labels.data ?: "");
        return row;
}

int command_ps(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        static const Column columns[] = {
                {"CONTAINER ID", "ID"}, {"IMAGE", "Image"}, {"COMMAND", "Command"}, {"CREATED", "RunningFor"},
                {"STATUS", "Status"},   {"PORTS", "Ports"}, {"NAMES", "Names"}};
        ContainerListOptions list = {0};
        bool quiet = false, whole = false, latest = false;
        const char *format = NULL, *last = NULL;
        const Option options[] = {
                {"all", 'a', OPTION_FLAG, &list.all, "", "Show all containers (default shows just running)"},
                {"filter", 'f', OPTION_LIST, &list.filters, "filter",
                 "Filter output based on conditions provided"},
                {"format", 0, OPTION_TEXT, &format, "string",
                 "Format output using a template ('table', 'json', '{{.ID}}')"},
                {"last", 'n', OPTION_TEXT, &last, "int",
                 "Show n last created containers (includes all states)"},
                {"latest", 'l', OPTION_FLAG, &latest, "",
                 "Show the latest created container (includes all states)"},
                {"no-trunc", 0, OPTION_FLAG, &whole, "", "Don't truncate output"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "", "Only display container IDs"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *found = NULL, *rows = json_object_new_array();
        uint64_t number = 0;
        Engine *engine;
        int count, r;

        r = command_parse("ps", &table, argc, argv, 0, 0, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (last && text_to_u64(last, INT32_MAX, &number) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "invalid argument \"%s\" for \"-n, --last\": not a number", last);
        list.last = latest ? 1 : (int)number;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = container_list(engine, &list, &found, err);
        string_list_deinit(&list.filters);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(found); i++)
                json_object_array_add(rows, container_row(json_object_array_get_idx(found, i), whole));
        if (text_equal(format, "table"))
                format = NULL;
        return r < 0 ? r : output_rows(rows, columns, ELEMENTSOF(columns), quiet ? "{{.ID}}" : format, err);
}

static void add_image_row(json_object *rows, json_object *item, const char *name, bool whole)
{
        const char *colon = name ? strrchr(name, ':') : NULL;
        json_object *row = json_object_new_object();
        char text[REFERENCE_TEXT_SIZE];

        snprintf(text, sizeof(text), "%.*s", colon ? (int)(colon - name) : 6, colon ? name : "<none>");
        json_set_string(row, "Repository", text);
        json_set_string(row, "Tag", colon ? colon + 1 : "<none>");
        snprintf(text, sizeof(text), "%.*s", whole ? 71 : 12, text_of(item, "Id") + (whole ? 0 : 7));
        json_set_string(row, "ID", text);
        set_ago(row, "CreatedSince", json_object_get_int64(json_object_object_get(item, "Created")));
        text_format_size((uint64_t)json_object_get_int64(json_object_object_get(item, "Size")), text,
                         sizeof(text));
        json_set_string(row, "Size", text);
        json_object_array_add(rows, row);
}

int command_images(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        static const Column columns[] = {{"REPOSITORY", "Repository"},
                                         {"TAG", "Tag"},
                                         {"IMAGE ID", "ID"},
                                         {"CREATED", "CreatedSince"},
                                         {"SIZE", "Size"}};
        ImageListOptions list = {0};
        bool quiet = false, whole = false;
        const char *format = NULL;
        const Option options[] = {
                {"all", 'a', OPTION_FLAG, &list.all, "", "Show all images"},
                {"filter", 'f', OPTION_LIST, &list.filters, "filter",
                 "Filter output based on conditions provided"},
                {"format", 0, OPTION_TEXT, &format, "string",
                 "Format output using a template ('table', 'json', '{{.ID}}')"},
                {"no-trunc", 0, OPTION_FLAG, &whole, "", "Don't truncate output"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "", "Only show image IDs"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *found = NULL, *rows = json_object_new_array();
        Engine *engine;
        int count, r;

        r = command_parse("images", &table, argc, argv, 0, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        list.name = count ? argv[1] : NULL;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = image_list(engine, &list, &found, err);
        string_list_deinit(&list.filters);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(found); i++) {
                json_object *item = json_object_array_get_idx(found, i),
                            *names = json_object_object_get(item, "RepoTags");

                if (!json_object_array_length(names))
                        add_image_row(rows, item, NULL, whole);
                for (size_t j = 0; j < json_object_array_length(names); j++)
                        add_image_row(rows, item, json_object_get_string(json_object_array_get_idx(names, j)),
                                      whole);
        }
        if (text_equal(format, "table"))
                format = NULL;
        return r < 0 ? r : output_rows(rows, columns, ELEMENTSOF(columns), quiet ? "{{.ID}}" : format, err);
}
