/* The commands that join their own streams to a container's. */
#include "cli/command.h"
#include "engine/container.h"

int command_detached(int result, int *ret_status)
{
        if (result != 1)
                return result < 0 ? result : 0;
        fprintf(stderr, "read escape sequence\n");
        *ret_status = 0;
        return 0;
}

static int check_terminal(bool needed, Error *err)
{
        if (needed && !isatty(STDIN_FILENO))
                return fail_kind(err, ERROR_USAGE, ENOTTY, "the input device is not a TTY");
        return 0;
}

int command_attach(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        ContainerStreams streams = {.input = true, .output = true, .error = true, .signal_proxy = true};
        bool no_stdin = false;
        const Option options[] = {
                {"detach-keys", 0, OPTION_TEXT, &streams.detach_keys, "string",
                 "Override the key sequence for detaching a container"},
                {"no-stdin", 0, OPTION_FLAG, &no_stdin, "", "Do not attach STDIN"},
                {"sig-proxy", 0, OPTION_FLAG, &streams.signal_proxy, "",
                 "Proxy all received signals to the process (default true)"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        Engine *engine;
        int count, r;

        r = command_parse("attach", &table, argc, argv, 1, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        streams.input = !no_stdin;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = container_attach(engine, argv[1], &streams, ret_status, err);
        return command_detached(r, ret_status);
}

/* Each in turn; what fails is told and the others go on, as docker does. */
static int start_all(Engine *engine, int count, char **names, int *ret_status)
{
        for (int i = 0; i < count; i++) {
                Error failed = ERROR_INIT;

                if (container_start(engine, names[i], &failed) >= 0) {
                        printf("%s\n", names[i]);
                        continue;
                }
                fprintf(stderr, "kelp: %s\n", failed.message);
                if (*failed.hint)
                        fprintf(stderr, "%s\n", failed.hint);
                *ret_status = 1;
        }
        return 0;
}

int command_start(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        ContainerStreams streams = {.signal_proxy = true};
        bool attach = false;
        const Option options[] = {
                {"attach", 'a', OPTION_FLAG, &attach, "", "Attach STDOUT/STDERR and forward signals"},
                {"detach-keys", 0, OPTION_TEXT, &streams.detach_keys, "string",
                 "Override the key sequence for detaching a container"},
                {"interactive", 'i', OPTION_FLAG, &streams.input, "", "Attach container's STDIN"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        Engine *engine;
        int count, r;

        r = command_parse("start", &table, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r < 0)
                return r;
        if (!attach && !streams.input)
                return start_all(engine, count, argv + 1, ret_status);
        if (count > 1)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "you cannot start and attach multiple containers at once");
        streams.output = streams.error = true;
        return command_detached(container_start_attached(engine, argv[1], &streams, ret_status, err),
                                ret_status);
}

int command_exec(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        ContainerExecOptions exec = {0};
        _cleanup_strings_ StringList env = {0}, files = {0};
        const Option options[] = {
                {"detach", 'd', OPTION_FLAG, &exec.detach, "",
                 "Detached mode: run command in the background"},
                {"detach-keys", 0, OPTION_TEXT, &exec.detach_keys, "string",
                 "Override the key sequence for detaching a container"},
                {"env", 'e', OPTION_LIST, &env, "list", "Set environment variables"},
                {"env-file", 0, OPTION_LIST, &files, "list", "Read in a file of environment variables"},
                {"interactive", 'i', OPTION_FLAG, &exec.interactive, "",
                 "Keep STDIN open even if not attached"},
                {"privileged", 0, OPTION_FLAG, &exec.privileged, "",
                 "Give extended privileges to the command"},
                {"tty", 't', OPTION_FLAG, &exec.terminal, "", "Allocate a pseudo-TTY"},
                {"user", 'u', OPTION_TEXT, &exec.user, "string",
                 "Username or UID (format: <name|uid>[:<group|gid>])"},
                {"workdir", 'w', OPTION_TEXT, &exec.workdir, "string",
                 "Working directory inside the container"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options), .stop_at_first = true};
        Engine *engine;
        int count, r;

        r = command_parse("exec", &table, argc, argv, 2, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        for (int i = 2; i <= count; i++)
                if (string_list_add(&exec.arguments, argv[i]) < 0)
                        return fail_memory(err);
        r = command_environment(&files, &env, &exec.env, err);
        if (r >= 0)
                r = command_engine(context, &engine, err);
        if (r >= 0)
                r = check_terminal(exec.interactive && exec.terminal && !exec.detach, err);
        if (r >= 0)
                r = container_exec(engine, argv[1], &exec, ret_status, err);
        string_list_deinit(&exec.arguments);
        string_list_deinit(&exec.env);
        return command_detached(r, ret_status);
}
