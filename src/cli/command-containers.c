#include "base/clock.h"
#include "cli/each.h"
#include "engine/container.h"

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
                      : each_name(context, count, argv + 1, remove_one, &arguments,
                                  arguments.force ? EACH_MISSING_IS_TOLD : EACH_MISSING_FAILS, ret_status,
                                  err);
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

static int stop_or_restart(CommandContext *context, const char *command, EachName run, int argc, char **argv,
                           int *ret_status, Error *err)
{
        StopArguments arguments = {.timeout = -1};
        const char *timeout = NULL;
        const Option options[] = {
                {"signal", 's', OPTION_TEXT, &arguments.signal, "string", "Signal to send to the container"},
                {"time", 0, OPTION_TEXT, &timeout, "int", "As --timeout"},
                {"timeout", 't', OPTION_TEXT, &timeout, "int",
                 "Seconds to wait before killing the container (-1: for ever)"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        uint64_t seconds;
        int count, r;

        r = command_parse(command, &table, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (timeout) {
                if (text_equal(timeout, "-1"))
                        seconds = INT32_MAX;
                else if (text_to_u64(timeout, INT32_MAX, &seconds) < 0)
                        return fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "invalid argument \"%s\" for \"-t, --timeout\": not a number of seconds",
                                timeout);
                arguments.timeout = (int)seconds;
        }
        return each_name(context, count, argv + 1, run, &arguments, EACH_MISSING_FAILS, ret_status, err);
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
        return r != 0 ? (r < 0 ? r : 0)
                      : each_name(context, count, argv + 1, kill_one, &signal, EACH_MISSING_FAILS, ret_status,
                                  err);
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
                Error failed = ERROR_INIT;
                int status;

                if (container_wait(engine, argv[i], NULL, &status, &failed) >= 0) {
                        printf("%d\n", status);
                        continue;
                }
                each_complain(&failed);
                *ret_status = 1;
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

static int read_point(const char *option, const char *text, int64_t *ret, Error *err)
{
        if (!text || clock_parse_point(text, ret) == 0)
                return 0;
        return fail_kind(err, ERROR_USAGE, EINVAL,
                         "invalid value for \"%s\": \"%s\" is no time and no span of time", option, text);
}

int command_logs(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        ContainerLogOptions log_options = {.stdout_lines = true, .stderr_lines = true, .tail = -1};
        const char *tail = NULL, *since = NULL, *until = NULL;
        const Option options[] = {
                {"follow", 'f', OPTION_FLAG, &log_options.follow, "", "Follow log output"},
                {"since", 0, OPTION_TEXT, &since, "string",
                 "Show logs since timestamp (2026-11-24T08:00:00Z) or relative (42m for 42 minutes)"},
                {"tail", 'n', OPTION_TEXT, &tail, "string",
                 "Number of lines to show from the end of the logs (default all)"},
                {"timestamps", 't', OPTION_FLAG, &log_options.timestamps, "", "Show timestamps"},
                {"until", 0, OPTION_TEXT, &until, "string",
                 "Show logs before a timestamp (2026-11-24T08:00:00Z) or relative (42m for 42 minutes)"},
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
        if (tail && !text_equal(tail, "all") && !text_equal(tail, "-1")) {
                if (text_to_u64(tail, INT64_MAX, &number) < 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid argument \"%s\" for \"-n, --tail\": not a number of lines",
                                         tail);
                log_options.tail = (int64_t)number;
        }
        r = read_point("since", since, &log_options.since, err);
        if (r >= 0)
                r = read_point("until", until, &log_options.until, err);
        if (r < 0)
                return r;
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
