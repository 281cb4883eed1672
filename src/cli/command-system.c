#include "cli/command.h"
#include "engine/host.h"

static const char *const status_words[] = {
        [DOCTOR_OK] = "ok", [DOCTOR_DEGRADED] = "degraded", [DOCTOR_MISSING] = "missing"};

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
        for (size_t i = 0; !json && i < report.count; i++) {
                const DoctorLine *line = &report.lines[i];

                printf("%-9s %-22s %s\n", status_words[line->status], line->name, line->detail);
                if (*line->fix)
                        printf("%-9s %-22s fix (%s): %s\n", "", "", line->who, line->fix);
        }
        *ret_status = !doctor_can_run(&report);
        return 0;
}

int command_info(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        _cleanup_json_ json_object *info = NULL;
        Engine *engine;
        int count, r;

        r = command_parse("info", &table, argc, argv, 0, 0, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = host_info(engine, &info, err);
        if (r >= 0)
                printf("%s\n", json_object_to_json_string_ext(info, JSON_C_TO_STRING_PRETTY |
                                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
        return r;
}

int command_version(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        int count, r;

        r = command_parse("version", &table, argc, argv, 0, 0, &count, err);
        if (r == 0)
                printf("kelp %s\n", KELP_VERSION);
        return r < 0 ? r : 0;
}
