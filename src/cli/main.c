/* kelp: the command table, and the one place that turns an Error into words and an exit status. */
#include "cli/command.h"

static const Command commands[] = {
        {"run", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image",
         command_run},
        {"create", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", command_create},
        {"exec", "[OPTIONS] CONTAINER COMMAND [ARG...]", "Execute a command in a running container",
         command_exec},
        {"ps", "[OPTIONS]", "List containers", command_ps},
        {"inspect", "[OPTIONS] CONTAINER [CONTAINER...]", "Return low-level information on containers",
         command_inspect},
        {"logs", "[OPTIONS] CONTAINER", "Fetch the logs of a container", command_logs},
        {"stop", "[OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers", command_stop},
        {"restart", "[OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers", command_restart},
        {"kill", "[OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers", command_kill},
        {"wait", "CONTAINER [CONTAINER...]",
         "Block until one or more containers stop, then print their exit codes", command_wait},
        {"rename", "CONTAINER NEW_NAME", "Rename a container", command_rename},
        {"images", "[OPTIONS] [REPOSITORY[:TAG]]", "List images", command_images},
        {"start", "CONTAINER [CONTAINER...]", "Start one or more stopped containers", command_start},
        {"rm", "[OPTIONS] CONTAINER [CONTAINER...]", "Remove one or more containers", command_rm},
        {"pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry", command_pull},
        {"push", "[OPTIONS] NAME[:TAG]", "Upload an image to a registry", command_push},
        {"login", "[OPTIONS] [SERVER]", "Log in to a registry", command_login},
        {"logout", "[SERVER]", "Log out from a registry", command_logout},
        {"image", "COMMAND", "Manage images: inspect, ls, rm, tag, history, save, load, import, pull, push",
         command_image},
        {"rmi", "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", command_rmi},
        {"tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Create a tag that refers to an image", command_tag},
        {"history", "[OPTIONS] IMAGE", "Show the history of an image", command_history},
        {"save", "[OPTIONS] IMAGE [IMAGE...]", "Save images to a tar archive (to standard output by default)",
         command_save},
        {"load", "[OPTIONS]", "Load images from a tar archive or standard input", command_load},
        {"import", "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
         "Make an image from the archive of a root file system", command_import},
        {"doctor", "[OPTIONS]", "Say what this host offers to containers, and what would help",
         command_doctor},
        {"info", "[OPTIONS]", "Show what kelp knows about this host", command_info},
        {"version", "", "Show the version", command_version},
};

const Command *command_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (text_equal(commands[i].name, name))
                        return &commands[i];
        return NULL;
}

int command_engine(CommandContext *context, Engine **ret, Error *err)
{
        EngineOptions options = {.root = context->root};
        int r = context->engine ? 0 : engine_open(&options, &context->engine, err);

        *ret = context->engine;
        return r;
}

int command_parse(const char *name, const OptionTable *table, int argc, char **argv, int minimum, int maximum,
                  int *ret_count, Error *err)
{
        const Command *command = command_find(name);
        bool help;
        int end, r;

        r = options_parse(table, argc, argv, &end, &help, err);
        if (r < 0)
                return r;
        if (help) {
                printf("Usage:  kelp %s %s\n\n%s\n", name, command->usage, command->help);
                if (table->count) {
                        printf("\nOptions:\n");
                        options_print(table);
                }
                return 1;
        }
        *ret_count = end - 1;
        if (*ret_count < minimum || (maximum >= 0 && *ret_count > maximum)) {
                fail_kind(err, ERROR_USAGE, EINVAL, "\"kelp %s\" requires %s %d argument%s", name,
                          minimum == maximum     ? "exactly"
                          : *ret_count < minimum ? "at least"
                                                 : "at most",
                          *ret_count < minimum ? minimum : maximum,
                          (*ret_count < minimum ? minimum : maximum) == 1 ? "" : "s");
                return fail_hint(err, "usage: kelp %s %s; see kelp %s --help", name, command->usage, name);
        }
        return 0;
}

static void print_help(void)
{
        printf("Usage:  kelp [--root FOLDER] COMMAND\n\nContainers without root and without a "
               "daemon\n\nCommands:\n");
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                printf("  %-12s %s\n", commands[i].name, commands[i].help);
        printf("\nRun 'kelp COMMAND --help' for more information on a command.\n");
}

static void print_error(const Error *error)
{
        fprintf(stderr, "kelp: %s\n", error->message);
        if (*error->hint)
                fprintf(stderr, "%s\n", error->hint);
}

static int unknown_command(const char *name, Error *err)
{
        const Command *nearest = NULL;
        unsigned best = 3;

        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                unsigned distance = text_distance(name, commands[i].name);

                if (distance < best) {
                        best = distance;
                        nearest = &commands[i];
                }
        }
        fail_kind(err, ERROR_USAGE, EINVAL, "'%s' is not a kelp command", name);
        return nearest ? fail_hint(err, "did you mean %s?", nearest->name)
                       : fail_hint(err, "see kelp --help");
}

static int dispatch(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {.options = (Option[]){{"root", 0, OPTION_TEXT, (void *)&context->root, "FOLDER",
                                                    "Where kelp keeps its data"}},
                             .count = 1,
                             .stop_at_first = true};
        const Command *command;
        bool help;
        int end, r;

        r = options_parse(&table, argc, argv, &end, &help, err);
        if (r < 0)
                return r;
        if (help || end == 1) {
                print_help();
                return 0;
        }
        command = command_find(argv[1]);
        if (!command && text_equal(argv[1], "help")) {
                print_help();
                return 0;
        }
        return command ? command->run(context, end - 1, argv + 1, ret_status, err)
                       : unknown_command(argv[1], err);
}

int main(int argc, char **argv)
{
        CommandContext context = {0};
        Error error = ERROR_INIT;
        int status = 0, r;

        r = dispatch(&context, argc, argv, &status, &error);
        if (context.engine)
                for (size_t i = 0; i < context.engine->notices.lines.count; i++)
                        fprintf(stderr, "kelp: %s\n", context.engine->notices.lines.items[i]);
        engine_close(context.engine);
        if (r >= 0 && fflush(stdout) == 0)
                return status;
        if (r < 0)
                print_error(&error);
        return error.kind == ERROR_COMMAND_NOT_FOUND ? 127 : error.kind == ERROR_NOT_EXECUTABLE ? 126 : 125;
}
