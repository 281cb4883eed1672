/* kelp: finds the command, and is the one place that turns an Error into words and an exit status. */
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/each.h"
#include "cli/help.h"
#include "cli/output.h"

int command_engine(CommandContext *context, Engine **ret, Error *err)
{
        EngineOptions options = {.root = context->root};
        int r = context->engine ? 0 : engine_open(&options, &context->engine, err);

        *ret = context->engine;
        return r;
}

/* How many words a command takes. */
static int check_count(const Command *command, int count, int minimum, int maximum, Error *err)
{
        int bound = count < minimum ? minimum : maximum;

        if (count >= minimum && (maximum < 0 || count <= maximum))
                return 0;
        if (maximum == 0)
                fail_kind(err, ERROR_USAGE, EINVAL, "\"kelp %s\" accepts no arguments", command->name);
        else
                fail_kind(err, ERROR_USAGE, EINVAL, "\"kelp %s\" requires %s %d argument%s", command->name,
                          minimum == maximum ? "exactly"
                          : count < minimum  ? "at least"
                                             : "at most",
                          bound, bound == 1 ? "" : "s");
        return fail_hint(err, "usage: kelp %s %s; see kelp %s --help", command->name, command->usage,
                         command->name);
}

int command_parse(const char *name, const OptionTable *table, int argc, char **argv, int minimum, int maximum,
                  int *ret_count, Error *err)
{
        const Command *command = command_find(name);
        const char *help;
        int end, r;

        r = options_parse(table, argc, argv, &end, &help, err);
        if (r < 0)
                return *err->hint ? r : fail_hint(err, "see 'kelp %s --help'", command->name);
        if (text_equal(help, "complete")) {
                complete_words(command, table, argc - 2, argv + 2);
                return 1;
        }
        if (help) {
                help_print_command(command, table, help);
                return 1;
        }
        *ret_count = end - 1;
        return check_count(command, *ret_count, minimum, maximum, err);
}

/* argv[0] is the command's first word. */
static int run_command(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        int words, r;

        if (text_equal(argv[0], "help")) {
                if (argc == 1) {
                        help_print_all("");
                        return 0;
                }
                r = command_resolve(argc - 1, argv + 1, &context->command, &words, err);
                if (r >= 0 && context->command)
                        return context->command->run(context, 2,
                                                     (char *[]){argv[words], (char[]){"--help"}, NULL},
                                                     ret_status, err);
                if (r >= 0)
                        help_print_group(command_group_find(argv[1]));
                return r;
        }
        r = command_resolve(argc, argv, &context->command, &words, err);
        if (r < 0)
                return r;
        if (context->command)
                return context->command->run(context, argc - words + 1, argv + words - 1, ret_status, err);
        help_print_group(command_group_find(argv[0]));
        return 0;
}

static int dispatch(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        bool version = false;
        OptionTable table = {
                .options = (Option[]){{"root", 0, OPTION_TEXT, (void *)&context->root, "FOLDER",
                                       "Where kelp keeps its data"},
                                      {"version", 'v', OPTION_FLAG, &version, "", "Print the version"}},
                .count = 2,
                .stop_at_first = true};
        const char *help;
        int end, r;

        r = options_parse(&table, argc, argv, &end, &help, err);
        if (r < 0)
                return *err->hint ? r : fail_hint(err, "see 'kelp --help'");
        if (version) {
                printf("kelp version %s\n", KELP_VERSION);
                return 0;
        }
        if (help || end == 1) {
                help_print_all(help);
                return 0;
        }
        return run_command(context, end - 1, argv + 1, ret_status, err);
}

static int exit_status(const Error *error, const Command *command)
{
        switch (error->kind) {
        case ERROR_COMMAND_NOT_FOUND:
                return 127;
        case ERROR_NOT_EXECUTABLE:
                return 126;
        case ERROR_NOT_FOUND:
        case ERROR_CONFLICT:
                return command && command->names ? 1 : 125;
        default:
                return 125;
        }
}

static void print_notices(const NoticeList *notices)
{
        for (size_t i = 0; i < notices->lines.count; i++) {
                fputs("kelp: ", stderr);
                output_text(notices->lines.items[i], stderr);
                fputc('\n', stderr);
        }
}

int main(int argc, char **argv)
{
        CommandContext context = {0};
        Error error = ERROR_INIT;
        int status = 0, r;

        r = dispatch(&context, argc, argv, &status, &error);
        if (context.engine)
                print_notices(&context.engine->notices);
        engine_close(context.engine);
        if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
                r = fail_errno(&error, errno, "write to standard output");
        if (r >= 0)
                return status;
        each_complain(&error);
        return exit_status(&error, context.command);
}
