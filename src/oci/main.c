/*
 * kelp-runtime: the OCI runtime's command line, with the options of runc and crun. Only this folder prints,
 * and on success only what the command is for: callers read both streams as JSON.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/nearest.h"
#include "oci/log.h"
#include "spec/json.h"

#include <stdio.h>
#include <string.h>

const OciCommand oci_commands[] = {
        {"create", "[OPTIONS] ID", "Create a container of a bundle", oci_create},
        {"start", "ID", "Start a created container", oci_start},
        {"run", "[OPTIONS] ID", "Create and start a container, and wait for its end", oci_run},
        {"state", "ID", "Print the state of a container", oci_state},
        {"kill", "[OPTIONS] ID [SIGNAL]", "Send a signal to a container (default: TERM)", oci_kill},
        {"delete", "[OPTIONS] ID", "Remove a container that has ended", oci_delete},
        {"exec", "[OPTIONS] ID COMMAND [ARG...]", "Run one more process in a container", oci_exec},
        {"list", "[OPTIONS]", "List the containers", oci_list},
        {"ps", "[OPTIONS] ID", "List the processes of a container", oci_ps},
        {"pause", "ID", "Freeze all processes of a container", oci_pause},
        {"resume", "ID", "Let a paused container go on", oci_resume},
        {"update", "[OPTIONS] ID", "Change the limits of a container", oci_update},
        {"events", "[OPTIONS] ID", "Print statistics and events of a container", oci_events},
        {"checkpoint", "[OPTIONS] ID", "Save a running container by criu", oci_checkpoint},
        {"restore", "[OPTIONS] ID", "Make a container of what checkpoint has saved", oci_restore},
        {"spec", "[OPTIONS]", "Write a config.json to start from", oci_spec},
        {"features", "", "Print what this runtime can do", oci_features},
};
const size_t oci_command_count = ELEMENTSOF(oci_commands);

static const OciCommand *find_command(const char *name)
{
        for (size_t i = 0; i < oci_command_count; i++)
                if (text_equal(oci_commands[i].name, name))
                        return &oci_commands[i];
        return NULL;
}

int oci_parse(const OciContext *context, const OptionTable *table, int argc, char **argv, int minimum,
              int maximum, int *ret_count, Error *err)
{
        const OciCommand *command = find_command(context->command);
        const char *help;
        int end, r = options_parse(table, argc, argv, &end, &help, err);

        if (r < 0)
                return r;
        if (help) {
                _cleanup_buffer_ Buffer text = {0};

                options_format(table, &text);
                printf("Usage:  kelp-runtime %s %s\n\n%s\n%s%s", command->name, command->usage, command->help,
                       table->count ? "\nOptions:\n" : "", text.data ?: "");
                return 1;
        }
        argv[end] = NULL;
        *ret_count = end - 1;
        if (*ret_count < minimum || (maximum >= 0 && *ret_count > maximum)) {
                fail_kind(err, ERROR_USAGE, EINVAL, "%s: wrong number of arguments", command->name);
                return fail_hint(err, "usage: kelp-runtime %s %s", command->name, command->usage);
        }
        return 0;
}

int oci_parse_number(const char *option, const char *text, int64_t minimum, int64_t maximum, int64_t *ret,
                     Error *err)
{
        int64_t number;

        if (text_to_i64(text, &number) < 0 || number < minimum || number > maximum)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--%s %s: a number from %lld to %lld is expected",
                                 option, text, (long long)minimum, (long long)maximum);
        *ret = number;
        return 0;
}

int oci_print_json(json_object *object, Error *err)
{
        const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
                                                                          JSON_C_TO_STRING_NOSLASHESCAPE);

        if (!text)
                return fail_memory(err);
        printf("%s\n", text);
        return 0;
}

void oci_warn(const OciContext *context, const char *message)
{
        log_write(context, "warning", message);
        if (text_empty(context->log))
                fprintf(stderr, "kelp-runtime: warning: %s\n", message);
}

static void print_help(const OptionTable *table)
{
        _cleanup_buffer_ Buffer text = {0};

        options_format(table, &text);
        printf("Usage:  kelp-runtime [OPTIONS] COMMAND [ARG...]\n\n"
               "An OCI runtime: makes containers of bundles, as runc and crun do.\n\nCommands:\n");
        for (size_t i = 0; i < oci_command_count; i++)
                printf("  %-12s%s\n", oci_commands[i].name, oci_commands[i].help);
        printf("\nOptions:\n%s", text.data ?: "");
}

static int check_globals(const OciContext *context, Error *err)
{
        static const char *const managers[] = {"cgroupfs", "systemd", "disabled"};
        bool known = !context->cgroup_manager;

        for (size_t i = 0; i < ELEMENTSOF(managers); i++)
                known = known || text_equal(context->cgroup_manager, managers[i]);
        if (!known)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--cgroup-manager %s: it is cgroupfs, systemd or disabled",
                                 context->cgroup_manager);
        if (context->log_format && !text_equal(context->log_format, "text") &&
            !text_equal(context->log_format, "json"))
                return fail_kind(err, ERROR_USAGE, EINVAL, "--log-format %s: it is text or json",
                                 context->log_format);
        return 0;
}

static int dispatch(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *level = NULL, *help;
        bool version = false;
        OptionTable table = {
                .options =
                        (Option[]){
                                {"root", 0, OPTION_TEXT, &context->root, "FOLDER",
                                 "Where the containers' state is kept"},
                                {"log", 0, OPTION_TEXT, &context->log, "FILE",
                                 "Where errors are written, too"},
                                {"log-format", 0, OPTION_TEXT, &context->log_format, "text|json",
                                 "In which form"},
                                {"log-level", 0, OPTION_TEXT, &level, "LEVEL",
                                 "Only errors and warnings are written: accepted for crun's callers"},
                                {"debug", 0, OPTION_FLAG, &context->debug, "",
                                 "Accepted for runc's callers: there is no chatter to add"},
                                {"systemd-cgroup", 0, OPTION_FLAG, &context->systemd_cgroup, "",
                                 "cgroupsPath is SLICE:PREFIX:NAME, taken for a folder: no scope is made, "
                                 "which is said"},
                                {"cgroup-manager", 0, OPTION_TEXT, &context->cgroup_manager, "MANAGER",
                                 "cgroupfs, systemd or disabled"},
                                {"strict-cgroups", 0, OPTION_FLAG, &context->strict_cgroups, "",
                                 "Limits that this machine cannot set are an error"},
                                {"rootless", 0, OPTION_TEXT, &context->rootless, "true|false|auto",
                                 "Found out instead: accepted for runc's callers"},
                                {"criu", 0, OPTION_TEXT, &context->criu, "PATH",
                                 "The criu to use (default: that of PATH)"},
                                {"version", 'v', OPTION_FLAG, &version, "", "Print the version"},
                        },
                .count = 11,
                .stop_at_first = true};
        Nearest nearest = {0};
        const OciCommand *command;
        int end, r = options_parse(&table, argc, argv, &end, &help, err);

        if (r >= 0)
                r = check_globals(context, err);
        if (r < 0)
                return r;
        if (version) {
                printf("kelp-runtime version %s\nspec: 1.3.0\n", KELP_VERSION);
                return 0;
        }
        if (help || end == 1 || text_equal(argv[1], "help")) {
                print_help(&table);
                return 0;
        }
        command = find_command(argv[1]);
        if (command) {
                context->command = command->name;
                return command->run(context, end - 1, argv + 1, ret_status, err);
        }
        nearest.wanted = argv[1];
        for (size_t i = 0; i < oci_command_count; i++)
                nearest_consider(&nearest, oci_commands[i].name);
        fail_kind(err, ERROR_USAGE, EINVAL, "'%s' is not a command of kelp-runtime", argv[1]);
        return nearest.name ? fail_hint(err, "did you mean %s?", nearest.name) : -EINVAL;
}

static int exit_status(const OciContext *context, const Error *error)
{
        bool runs = text_equal(context->command, "run") || text_equal(context->command, "exec");

        if (runs && error->kind == ERROR_COMMAND_NOT_FOUND)
                return 127;
        return runs && error->kind == ERROR_NOT_EXECUTABLE ? 126 : 1;
}

/* Callers tell this case by these words, wherever it comes from. */
static void add_words(Error *error)
{
        size_t length = strlen(error->message);

        if (error->kind == ERROR_NOT_EXECUTABLE && !strcasestr(error->message, "permission denied"))
                snprintf(error->message + length, sizeof(error->message) - length, ": permission denied");
}

/* Words of a bundle may be in it. */
static void print_error(const Error *error)
{
        _cleanup_free_ char *message = text_printable(error->message), *hint = text_printable(error->hint);

        fprintf(stderr, "kelp-runtime: %s\n", message ?: "out of memory");
        if (!text_empty(hint))
                fprintf(stderr, "  %s\n", hint);
}

int main(int argc, char **argv)
{
        OciContext context = {.log_format = "text"};
        Error error = ERROR_INIT;
        int status = 0;

        if (fd_fill_stdio() < 0)
                return 1;
        if (dispatch(&context, argc, argv, &status, &error) >= 0) {
                if (fflush(stdout) == 0)
                        return status;
                fail_errno(&error, errno, "write to standard output");
        }
        add_words(&error);
        log_write(&context, "error", error.message);
        print_error(&error);
        return exit_status(&context, &error);
}
