#include "cli/each.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "engine/volume.h"

int command_volume_create(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_strings_ StringList labels = {0};
        const char *driver = NULL;
        const Option options[] = {
                {"driver", 'd', OPTION_TEXT, &driver, "string",
                 "Specify volume driver name: local, the only one"},
                {"label", 0, OPTION_LIST, &labels, "list", "Set metadata for a volume"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_free_ char *name = NULL;
        Engine *engine;
        int count, r;

        r = command_parse("volume create", &table, argc, argv, 0, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (driver && !text_equal(driver, "local"))
                return fail_kind(err, ERROR_USAGE, EINVAL, "volume driver \"%s\": there is only local",
                                 driver);
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = volume_create(engine, count ? argv[1] : NULL, &labels, &name, err);
        if (r >= 0)
                printf("%s\n", name);
        return r;
}

static json_object *make_row(json_object *volume)
{
        json_object *row = json_object_new_object(), *usage = json_object_object_get(volume, "UsageData");
        char number[24];

        json_set_string(row, "Driver", row_text(volume, "Driver"));
        row_set_labels(row, json_object_object_get(volume, "Labels"));
        snprintf(number, sizeof(number), "%lld", (long long)row_number(usage, "RefCount"));
        json_set_string(row, "Links", usage ? number : "N/A");
        json_set_string(row, "Mountpoint", row_text(volume, "Mountpoint"));
        json_set_string(row, "Name", row_text(volume, "Name"));
        json_set_string(row, "Scope", row_text(volume, "Scope"));
        if (usage)
                row_set_size(row, "Size", row_number(usage, "Size"));
        else
                json_set_string(row, "Size", "N/A");
        return row;
}

int command_volume_ls(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        static const Column columns[] = {
                {"DRIVER", "Driver"}, {"VOLUME NAME", "Name"},      {"LABELS", "Labels"},
                {"LINKS", "Links"},   {"MOUNTPOINT", "Mountpoint"}, {"SCOPE", "Scope"},
                {"SIZE", "Size"}};
        static const OutputTable output = {
                .columns = columns, .count = ELEMENTSOF(columns), .standard = "{{.Driver}}\t{{.Name}}"};
        VolumeListOptions list = {0};
        const char *format = NULL;
        bool quiet = false;
        const Option options[] = {
                {"filter", 'f', OPTION_LIST, &list.filters, "filter",
                 "Provide filter values (dangling=true, name=data, label=a=b)"},
                {"format", 0, OPTION_TEXT, &format, "string",
                 "Format output using a template ('table', 'json', '{{.Name}}')"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "", "Only display volume names"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *found = NULL, *rows = json_object_new_array();
        Engine *engine;
        int count, r;

        r = command_parse("volume ls", &table, argc, argv, 0, 0, &count, err);
        if (r == 0) {
                list.size = format && (strstr(format, ".Size") || strstr(format, ".Links"));
                r = command_engine(context, &engine, err);
                if (r >= 0)
                        r = volume_list(engine, &list, &found, err);
                for (size_t i = 0; r >= 0 && i < json_object_array_length(found); i++)
                        json_object_array_add(rows, make_row(json_object_array_get_idx(found, i)));
                if (r >= 0)
                        r = output_rows(rows, &output, quiet ? "{{.Name}}" : format, err);
        }
        string_list_deinit(&list.filters);
        return r < 0 ? r : 0;
}

static int remove_one(Engine *engine, const char *name, void *argument, Error *err)
{
        return volume_remove(engine, name, err);
}

int command_volume_rm(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        bool force = false;
        const Option options[] = {
                {"force", 'f', OPTION_FLAG, &force, "", "Do not fail for a volume that is not there"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("volume rm", &table, argc, argv, 1, -1, &count, err);
        return r != 0 ? (r < 0 ? r : 0)
                      : each_name(context, count, argv + 1, remove_one, NULL,
                                  force ? EACH_MISSING_IS_TOLD : EACH_MISSING_FAILS, ret_status, err);
}
