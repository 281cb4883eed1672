#include "cli/command.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "engine/disk-usage.h"
#include "engine/host.h"
#include "spec/image.h"

#include <sys/utsname.h>

static const char *const status_words[] = {
        [DOCTOR_OK] = "ok", [DOCTOR_DEGRADED] = "degraded", [DOCTOR_MISSING] = "missing"};

static void print_report(const DoctorReport *report)
{
        bool degraded = false;

        for (size_t i = 0; i < report->count; i++) {
                const DoctorLine *line = &report->lines[i];

                printf("%-9s %-16s %s\n", line->status == DOCTOR_OK ? "works" : status_words[line->status],
                       line->name, line->detail);
                if (*line->fix)
                        printf("%-9s %-16s fix, by %s: %s\n", "", "", line->who, line->fix);
                degraded = degraded || line->status != DOCTOR_OK;
        }
        printf("\n%s\n", !doctor_can_run(report)
                                 ? "kelp run cannot work here: what is missing above keeps it from it."
                         : degraded ? "kelp run works here, with less than it could have; see above."
                                    : "kelp run works here.");
}

static void print_json(const DoctorReport *report)
{
        _cleanup_json_ json_object *list = json_object_new_array();

        for (size_t i = 0; i < report->count; i++) {
                const DoctorLine *line = &report->lines[i];
                json_object *item = json_object_new_object();

                json_set_string(item, "name", line->name);
                json_set_string(item, "status", status_words[line->status]);
                json_set_string(item, "detail", line->detail);
                json_set_string(item, "fix", line->fix);
                json_set_string(item, "who", line->who);
                json_set_bool(item, "required", line->required);
                json_object_array_add(list, item);
        }
        printf("%s\n", json_text(list));
}

int command_doctor(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        bool json = false;
        const Option options[] = {{"json", 0, OPTION_FLAG, &json, "", "Print JSON"}};
        OptionTable table = {.options = options, .count = 1};
        DoctorReport report = {0};
        Engine *engine;
        int count, r;

        r = command_parse("doctor", &table, argc, argv, 0, 0, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = doctor_examine(engine, &report, err);
        if (r < 0)
                return r;
        if (json)
                print_json(&report);
        else
                print_report(&report);
        /* They would only say again what the report says. */
        notice_list_deinit(&engine->notices);
        *ret_status = !doctor_can_run(&report);
        return 0;
}

/* ---- info ---- */

static void print_field(json_object *info, const char *title, const char *key)
{
        json_object *value = json_object_object_get(info, key);
        bool list = json_object_is_type(value, json_type_array);

        printf("%s:%s", title, list ? "\n" : " ");
        if (!list) {
                output_text(json_object_get_string(value) ?: "", stdout);
                putchar('\n');
        }
        for (size_t i = 0; list && i < json_object_array_length(value); i++)
                printf("  %s\n", json_object_get_string(json_object_array_get_idx(value, i)));
}

static void print_info(json_object *info)
{
        static const char *const lines[][2] = {
                {"Containers", "Containers"},
                {" Running", "ContainersRunning"},
                {" Paused", "ContainersPaused"},
                {" Stopped", "ContainersStopped"},
                {"Images", "Images"},
                {"Version", "ServerVersion"},
                {"Storage Driver", "Driver"},
                {"Logging Driver", "LoggingDriver"},
                {"Cgroup Driver", "CgroupDriver"},
                {"Cgroup Version", "CgroupVersion"},
                {"Default Runtime", "DefaultRuntime"},
                {"Security Options", "SecurityOptions"},
                {"Kernel Version", "KernelVersion"},
                {"Operating System", "OperatingSystem"},
                {"OSType", "OSType"},
                {"Architecture", "Architecture"},
                {"CPUs", "NCPU"},
        };
        char memory[32];

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                print_field(info, lines[i][0], lines[i][1]);
        text_format_size((uint64_t)json_object_get_int64(json_object_object_get(info, "MemTotal")), memory,
                         sizeof(memory));
        printf("Total Memory: %s\n", memory);
        print_field(info, "Name", "Name");
        print_field(info, "Root Dir", "DockerRootDir");
}

int command_info(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *format = NULL;
        const Option options[] = {{"format", 'f', OPTION_TEXT, &format, "string",
                                   "Format output using a template ('json', '{{.Driver}}')"}};
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *info = NULL;
        Engine *engine;
        int count, r;

        r = command_parse("info", &table, argc, argv, 0, 0, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = host_info(engine, &info, err);
        if (r < 0)
                return r;
        if (format)
                return output_object(info, format, err);
        print_info(info);
        return 0;
}

/* ---- version ---- */

/* Client and Server as docker has them: both are this program. */
static json_object *make_version(void)
{
        static const char *const sides[] = {"Client", "Server"};
        json_object *all = json_object_new_object();
        struct utsname kernel;

        if (uname(&kernel) < 0)
                return all;
        for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                json_object *side = json_object_new_object();
                Platform platform;

                platform_host(&platform);
                json_set_string(side, "Version", KELP_VERSION);
                json_set_string(side, "Os", platform.os);
                json_set_string(side, "Arch", platform.architecture);
                json_set_string(side, "KernelVersion", kernel.release);
                json_set(all, sides[i], side);
        }
        return all;
}

int command_version(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *format = NULL;
        const Option options[] = {{"format", 'f', OPTION_TEXT, &format, "string",
                                   "Format output using a template ('json', '{{.Client.Version}}')"}};
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *version = NULL;
        int count, r;

        r = command_parse("version", &table, argc, argv, 0, 0, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        version = make_version();
        if (format)
                return output_object(version, format, err);
        printf("kelp version %s\n", KELP_VERSION);
        return 0;
}

/* ---- system df ---- */

int command_system_df(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        static const Column columns[] = {{"TYPE", "Type"},
                                         {"TOTAL", "TotalCount"},
                                         {"ACTIVE", "Active"},
                                         {"SIZE", "Size"},
                                         {"RECLAIMABLE", "Reclaimable"}};
        static const OutputTable output = {
                .columns = columns,
                .count = ELEMENTSOF(columns),
                .standard = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"};
        static const char *const kinds[][2] = {
                {"Images", "Images"}, {"Containers", "Containers"}, {"Volumes", "Local Volumes"}};
        const char *format = NULL;
        const Option options[] = {{"format", 0, OPTION_TEXT, &format, "string",
                                   "Format output using a template ('table', 'json', '{{.Size}}')"}};
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *usage = NULL, *rows = json_object_new_array();
        Engine *engine;
        int count, r;

        r = command_parse("system df", &table, argc, argv, 0, 0, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = disk_usage(engine, &usage, err);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(kinds); i++) {
                json_object *part = json_object_object_get(usage, kinds[i][0]),
                            *row = json_object_new_object();
                int64_t size = row_number(part, "Size"), free_bytes = row_number(part, "Reclaimable");
                char text[32], line[64];

                json_set_string(row, "Type", kinds[i][1]);
                json_set_string(row, "TotalCount", row_text(part, "Count"));
                json_set_string(row, "Active", row_text(part, "Active"));
                row_set_size(row, "Size", size);
                text_format_size((uint64_t)free_bytes, text, sizeof(text));
                snprintf(line, sizeof(line), size ? "%s (%lld%%)" : "%s", text,
                         size ? (long long)(free_bytes * 100 / size) : 0LL);
                json_set_string(row, "Reclaimable", line);
                json_object_array_add(rows, row);
        }
        return r < 0 ? r : output_rows(rows, &output, format, err);
}
