#include "cli/command.h"
#include "engine/container.h"

typedef int (*ForEach)(Engine *engine, const char *name, void *argument, Error *err);

/* Each name in turn; what fails is told and the others go on, as docker does. */
static int for_each(CommandContext *context, int count, char **argv, ForEach run, void *argument, int *ret_status, Error *err)
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

static int start_one(Engine *engine, const char *name, void *argument, Error *err)
{
        return container_start(engine, name, err);
}

int command_start(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = { 0 };
        int count, r;

        r = command_parse("start", &table, argc, argv, 1, -1, &count, err);
        return r != 0 ? (r < 0 ? r : 0) : for_each(context, count, argv, start_one, NULL, ret_status, err);
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
        RemoveArguments arguments = { 0 };
        const Option options[] = {
                { "force", 'f', OPTION_FLAG, &arguments.force, "", "Force the removal of a running container (uses SIGKILL)" },
                { "volumes", 'v', OPTION_FLAG, &arguments.volumes, "", "Remove anonymous volumes associated with the container" },
        };
        OptionTable table = { .options = options, .count = ELEMENTSOF(options) };
        int count, r;

        r = command_parse("rm", &table, argc, argv, 1, -1, &count, err);
        return r != 0 ? (r < 0 ? r : 0) : for_each(context, count, argv, remove_one, &arguments, ret_status, err);
}
