#include "cli/command.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "engine/container.h"

/* What docker's placeholders are called, and their titles. */
static const Column columns[] = {
        {"CONTAINER ID", "ID"},    {"IMAGE", "Image"},
        {"COMMAND", "Command"},    {"CREATED AT", "CreatedAt"},
        {"CREATED", "RunningFor"}, {"STATUS", "Status"},
        {"STATE", "State"},        {"PORTS", "Ports"},
        {"NAMES", "Names"},        {"SIZE", "Size"},
        {"LABELS", "Labels"},      {"MOUNTS", "Mounts"},
        {"NETWORKS", "Networks"},  {"LOCAL VOLUMES", "LocalVolumes"},
};

/* In quotes, as docker has it. */
static void set_command(json_object *row, const char *command, bool whole)
{
        _cleanup_free_ char *text = NULL;

        row_set_short(row, "Command", command, whole ? SIZE_MAX : 20);
        text = text_printf("\"%s\"", row_text(row, "Command"));
        json_set_string(row, "Command", text);
}

/* "80/tcp, 0.0.0.0:8080->80/tcp" */
static void set_ports(json_object *row, json_object *ports)
{
        _cleanup_buffer_ Buffer text = {0};

        for (size_t i = 0; ports && i < json_object_array_length(ports); i++) {
                json_object *port = json_object_array_get_idx(ports, i);
                const char *ip = row_text(port, "IP");
                bool v6 = strchr(ip, ':') != NULL;

                buffer_puts(&text, i ? ", " : "");
                if (row_number(port, "PublicPort"))
                        buffer_printf(&text, "%s%s%s:%lld->", v6 ? "[" : "", ip, v6 ? "]" : "",
                                      (long long)row_number(port, "PublicPort"));
                buffer_printf(&text, "%lld/%s", (long long)row_number(port, "PrivatePort"),
                              row_text(port, "Type"));
        }
        json_set_string(row, "Ports", text.data ?: "");
}

static void set_mounts(json_object *row, json_object *mounts, bool whole)
{
        _cleanup_buffer_ Buffer text = {0};
        int64_t volumes = 0;
        char number[24];

        for (size_t i = 0; mounts && i < json_object_array_length(mounts); i++) {
                json_object *mount = json_object_array_get_idx(mounts, i);
                const char *name = row_text(mount, "Name");

                volumes += text_equal(row_text(mount, "Type"), "volume");
                name = *name ? name : row_text(mount, "Source");
                if (!whole && strlen(name) > 15)
                        buffer_printf(&text, "%s%.14s…", i ? "," : "", name);
                else
                        buffer_printf(&text, "%s%s", i ? "," : "", name);
        }
        json_set_string(row, "Mounts", text.data ?: "");
        snprintf(number, sizeof(number), "%lld", (long long)volumes);
        json_set_string(row, "LocalVolumes", number);
}

static void set_networks(json_object *row, json_object *item)
{
        json_object *networks =
                json_object_object_get(json_object_object_get(item, "NetworkSettings"), "Networks");
        _cleanup_buffer_ Buffer text = {0};

        if (networks) {
                json_object_object_foreach(networks, name, value)
                {
                        (void)value;
                        buffer_printf(&text, "%s%s", text.length ? "," : "", name);
                }
        }
        json_set_string(row, "Networks", text.data ?: "");
}

static void set_sizes(json_object *row, json_object *item)
{
        char own[32], all[32], text[96];

        if (!json_object_object_get(item, "SizeRw")) {
                json_set_string(row, "Size", "0B"); /* as docker, which does not look unless asked */
                return;
        }
        text_format_size((uint64_t)row_number(item, "SizeRw"), own, sizeof(own));
        text_format_size((uint64_t)row_number(item, "SizeRootFs"), all, sizeof(all));
        snprintf(text, sizeof(text), "%s (virtual %s)", own, all);
        json_set_string(row, "Size", text);
}

/* @all: also the cells that only a template shows. */
static json_object *make_row(json_object *item, bool whole, bool all)
{
        json_object *row = json_object_new_object();
        const char *name = json_object_get_string(
                           json_object_array_get_idx(json_object_object_get(item, "Names"), 0)),
                   *image = row_text(item, "Image");

        set_command(row, row_text(item, "Command"), whole);
        if (all)
                row_set_time(row, "CreatedAt", row_number(item, "Created"));
        row_set_id(row, "ID", row_text(item, "Id"), whole);
        json_set_string(row, "Image", *image ? image : "<no image>");
        if (all) {
                row_set_labels(row, json_object_object_get(item, "Labels"));
                set_mounts(row, json_object_object_get(item, "Mounts"), whole);
        }
        json_set_string(row, "Names", name ? name + 1 : "");
        if (all)
                set_networks(row, item);
        set_ports(row, json_object_object_get(item, "Ports"));
        row_set_ago(row, "RunningFor", row_number(item, "Created"));
        set_sizes(row, item);
        if (all)
                json_set_string(row, "State", row_text(item, "State"));
        json_set_string(row, "Status", row_text(item, "Status"));
        return row;
}

/* Rows of thousands of containers are left to the end of the process, which comes next: to free them one by
 * one takes as long as to make them. */
__attribute__((used)) static json_object *kept[2];

int command_ps(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OutputTable output = {.columns = columns, .count = ELEMENTSOF(columns)};
        ContainerListOptions list = {0};
        bool quiet = false, whole = false, latest = false;
        const char *format = NULL, *last = NULL;
        const Option options[] = {
                {"all", 'a', OPTION_FLAG, &list.all, "", "Show all containers (default shows just running)"},
                {"filter", 'f', OPTION_LIST, &list.filters, "filter",
                 "Filter output based on conditions provided (status=exited, name=web, label=a=b)"},
                {"format", 0, OPTION_TEXT, &format, "string",
                 "Format output using a template ('table', 'json', '{{.ID}}')"},
                {"last", 'n', OPTION_TEXT, &last, "int",
                 "Show n last created containers (includes all states)"},
                {"latest", 'l', OPTION_FLAG, &latest, "",
                 "Show the latest created container (includes all states)"},
                {"no-trunc", 0, OPTION_FLAG, &whole, "", "Don't truncate output"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "", "Only display container IDs"},
                {"size", 's', OPTION_FLAG, &list.size, "", "Display total file sizes"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        json_object *found = NULL, *rows = json_object_new_array();
        int64_t number = 0;
        Engine *engine;
        int count, r;

        r = command_parse("ps", &table, argc, argv, 0, 0, &count, err);
        if (r == 0 && last && text_to_i64(last, &number) < 0)
                r = fail_kind(err, ERROR_USAGE, EINVAL,
                              "invalid argument \"%s\" for \"-n, --last\": not a number", last);
        if (r != 0)
                goto done;
        /* -1, docker's default, is no limit. */
        list.last = latest ? 1 : number > 0 && number < INT32_MAX ? (int)number : 0;
        list.size = list.size || (format && strstr(format, ".Size"));
        list.details = row_wanted(format, ".Mounts") || row_wanted(format, ".Networks") ||
                       row_wanted(format, ".LocalVolumes");
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = container_list(engine, &list, &found, err);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(found); i++)
                json_object_array_add(rows, make_row(json_object_array_get_idx(found, i), whole,
                                                     format && !text_equal(format, "table")));
        output.standard =
                list.size && !format
                        ? "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t"
                          "{{.Names}}\t{{.Size}}"
                        : "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t"
                          "{{.Names}}";
        if (r >= 0)
                r = output_rows(rows, &output, quiet ? "{{.ID}}" : format, err);
done:
        kept[0] = found;
        kept[1] = rows;
        string_list_deinit(&list.filters);
        return r < 0 ? r : 0;
}

/* ---- top ---- */

static void add_cells(json_object *cells, Buffer *text)
{
        for (size_t i = 0; i < json_object_array_length(cells); i++) {
                _cleanup_free_ char *cell =
                        text_printable(json_object_get_string(json_object_array_get_idx(cells, i)));

                buffer_printf(text, "%s%s", i ? "\t" : "", cell ?: "");
        }
        buffer_putc(text, '\n');
}

int command_top(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        _cleanup_json_ json_object *top = NULL;
        _cleanup_buffer_ Buffer text = {0};
        json_object *processes;
        Engine *engine;
        int count, r;

        r = command_parse("top", &table, argc, argv, 1, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = container_top(engine, argv[1], &top, err);
        if (r < 0)
                return r;
        add_cells(json_object_object_get(top, "Titles"), &text);
        processes = json_object_object_get(top, "Processes");
        for (size_t i = 0; i < json_object_array_length(processes); i++)
                add_cells(json_object_array_get_idx(processes, i), &text);
        if (text.failed)
                return fail_memory(err);
        output_aligned(text.data);
        return 0;
}
