#include "base/clock.h"
#include "cli/command.h"
#include "cli/output.h"
#include "engine/container.h"

typedef int (*ForEach)(Engine *engine, const char *name, void *argument, Error *err);

/* Each name in turn; what fails is told and the others go on, as docker does. */
static int for_each(CommandContext *context, int count, char **argv, ForEach run, void *argument,
                    int *ret_status, Error *err)
{
        Engine *engine;
        int r;

        r = command_engine(context, &engine, err);
        for (int i = 1; r >= 0 && i <= count; i++) {
                Error failed = ERROR_INIT;

                if (run(engine, argv[i], argument, &failed) >= 0) {
                        printf("%s\n", argv[i]);
                        continue;
                }
                fprintf(stderr, "kelp: %s\n", failed.message);
                if (*failed.hint)
                        fprintf(stderr, "%s\n", failed.hint);
                *ret_status = 1;
        }
        return r;
}

typedef struct RemoveArguments {
        bool force, volumes;
} RemoveArguments;

static int remove_one(Engine *engine, const char *name, void *argument, Error *err)
{
        const RemoveArguments *arguments = argument;

        return container_remove(engine, name, arguments->force, arguments->volumes, err);
}

int command_rm(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        RemoveArguments arguments = {0};
        const Option options[] = {
                {"force", 'f', OPTION_FLAG, &arguments.force, "",
                 "Force the removal of a running container (uses SIGKILL)"},
                {"volumes", 'v', OPTION_FLAG, &arguments.volumes, "",
                 "Remove anonymous volumes associated with the container"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("rm", &table, argc, argv, 1, -1, &count, err);
        return r != 0 ? (r < 0 ? r : 0)
                      : for_each(context, count, argv, remove_one, &arguments, ret_status, err);
}

typedef struct StopArguments {
        int timeout;
        const char *signal;
} StopArguments;

static int stop_one(Engine *engine, const char *name, void *argument, Error *err)
{
        const StopArguments *arguments = argument;

        return container_stop(engine, name, arguments->timeout, arguments->signal, err);
}

static int restart_one(Engine *engine, const char *name, void *argument, Error *err)
{
        const StopArguments *arguments = argument;

        return container_restart(engine, name, arguments->timeout, arguments->signal, err);
}

static int stop_or_restart(CommandContext *context, const char *command, ForEach run, int argc, char **argv,
                           int *ret_status, Error *err)
{
        StopArguments arguments = {.timeout = -1};
        const char *timeout = NULL;
        const Option options[] = {
                {"signal", 's', OPTION_TEXT, &arguments.signal, "string", "Signal to send to the container"},
                {"time", 't', OPTION_TEXT, &timeout, "int", "Seconds to wait before killing the container"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        uint64_t seconds;
        int count, r;

        r = command_parse(command, &table, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (timeout) {
                if (text_to_u64(timeout, INT32_MAX, &seconds) < 0)
                        return fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "invalid argument \"%s\" for \"-t, --time\": not a number of seconds",
                                timeout);
                arguments.timeout = (int)seconds;
        }
        return for_each(context, count, argv, run, &arguments, ret_status, err);
}

int command_stop(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return stop_or_restart(context, "stop", stop_one, argc, argv, ret_status, err);
}

int command_restart(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return stop_or_restart(context, "restart", restart_one, argc, argv, ret_status, err);
}

static int kill_one(Engine *engine, const char *name, void *argument, Error *err)
{
        return container_kill(engine, name, *(const char **)argument, err);
}

int command_kill(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *signal = NULL;
        const Option options[] = {{"signal", 's', OPTION_TEXT, &signal, "string",
                                   "Signal to send to the container (default KILL)"}};
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("kill", &table, argc, argv, 1, -1, &count, err);
        return r != 0 ? (r < 0 ? r : 0) : for_each(context, count, argv, kill_one, &signal, ret_status, err);
}

int command_wait(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        Engine *engine;
        int count, r;

        r = command_parse("wait", &table, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        for (int i = 1; r >= 0 && i <= count; i++) {
                int status;

                r = container_wait(engine, argv[i], NULL, &status, err);
                if (r >= 0)
                        printf("%d\n", status);
        }
        return r;
}

int command_rename(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        Engine *engine;
        int count, r;

        r = command_parse("rename", &table, argc, argv, 2, 2, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        return r < 0 ? r : container_rename(engine, argv[1], argv[2], err);
}

int command_logs(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        ContainerLogOptions log_options = {.stdout_lines = true, .stderr_lines = true, .tail = -1};
        const char *tail = NULL;
        const Option options[] = {
                {"follow", 'f', OPTION_FLAG, &log_options.follow, "", "Follow log output"},
                {"tail", 'n', OPTION_TEXT, &tail, "string",
                 "Number of lines to show from the end of the logs (default all)"},
                {"timestamps", 't', OPTION_FLAG, &log_options.timestamps, "", "Show timestamps"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_log_ ContainerLog *log = NULL;
        ContainerLogLine line;
        uint64_t number;
        Engine *engine;
        int count, r;

        r = command_parse("logs", &table, argc, argv, 1, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (tail && !text_equal(tail, "all")) {
                if (text_to_u64(tail, INT64_MAX, &number) < 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid argument \"%s\" for \"-n, --tail\": not a number of lines",
                                         tail);
                log_options.tail = (int64_t)number;
        }
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = container_log_open(engine, argv[1], &log_options, &log, err);
        while (r >= 0 && (r = container_log_next(log, &line, err)) > 0) {
                FILE *stream = line.stream == 2 ? stderr : stdout;
                char time[CLOCK_TEXT_SIZE];

                if (log_options.timestamps) {
                        clock_format(line.time, time);
                        fprintf(stream, "%s ", time);
                }
                fwrite(line.data, 1, line.length, stream);
                if (log_options.follow)
                        fflush(stream);
        }
        return r;
}

int command_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *format = NULL;
        const Option options[] = {
                {"format", 'f', OPTION_TEXT, &format, "string", "Format output using a template"}};
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *list = json_object_new_array();
        Engine *engine;
        int count, r;

        r = command_parse("inspect", &table, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        for (int i = 1; r >= 0 && i <= count; i++) {
                json_object *object = NULL;

                r = container_inspect(engine, argv[i], &object, err);
                if (r >= 0)
                        json_object_array_add(list, object);
        }
        if (r < 0)
                return r;
        if (format)
                return output_rows(list, NULL, 0, format, err);
        printf("%s\n",
               json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
        return 0;
}
