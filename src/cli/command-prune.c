/* container, image, volume and system prune. */
#include "cli/command.h"
#include "cli/output.h"
#include "engine/prune.h"

/* What the options of all of them are. */
typedef struct PruneArguments {
        bool all, force, volumes;
        StringList filters;
} PruneArguments;

static bool confirm(bool force, const char *warning)
{
        char answer[16] = "";

        if (force)
                return true;
        printf("WARNING! This will remove %s.\nAre you sure you want to continue? [y/N] ", warning);
        fflush(stdout);
        if (!fgets(answer, sizeof(answer), stdin))
                putchar('\n');
        return *answer == 'y' || *answer == 'Y';
}

static void print_list(const char *title, json_object *list)
{
        if (!json_object_array_length(list))
                return;
        printf("%s:\n", title);
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *item = json_object_array_get_idx(list, i);

                if (json_object_is_type(item, json_type_string)) {
                        printf("%s\n", json_object_get_string(item));
                } else {
                        json_object_object_foreach(item, what, name)
                                printf("%s: %s\n", what, json_object_get_string(name));
                }
        }
        putchar('\n');
}

/* Prints the list of a report and adds up what it freed. */
static void take_report(json_object *report, const char *key, const char *title, int64_t *space)
{
        print_list(title, json_object_object_get(report, key));
        *space += json_object_get_int64(json_object_object_get(report, "SpaceReclaimed"));
}

static void print_space(int64_t space)
{
        char text[32];

        text_format_size((uint64_t)space, text, sizeof(text));
        printf("Total reclaimed space: %s\n", text);
}

static int prune_all_containers(Engine *engine, const PruneArguments *arguments, int64_t *space, Error *err)
{
        _cleanup_json_ json_object *report = NULL;
        int r = prune_containers(engine, &arguments->filters, &report, err);

        if (r >= 0)
                take_report(report, "ContainersDeleted", "Deleted Containers", space);
        return r;
}

static int prune_all_images(Engine *engine, const PruneArguments *arguments, int64_t *space, Error *err)
{
        _cleanup_json_ json_object *report = NULL;
        int r = prune_images(engine, arguments->all, &arguments->filters, &report, err);

        if (r >= 0)
                take_report(report, "ImagesDeleted", "Deleted Images", space);
        return r;
}

static int prune_all_volumes(Engine *engine, const PruneArguments *arguments, int64_t *space, Error *err)
{
        _cleanup_json_ json_object *report = NULL;
        int r = prune_volumes(engine, arguments->all, &arguments->filters, &report, err);

        if (r >= 0)
                take_report(report, "VolumesDeleted", "Deleted Volumes", space);
        return r;
}

/* --all of `system prune` is about images. */
static int prune_anonymous_volumes(Engine *engine, const PruneArguments *arguments, int64_t *space,
                                   Error *err)
{
        PruneArguments anonymous = {.filters = arguments->filters};

        return prune_all_volumes(engine, &anonymous, space, err);
}

typedef int (*Prune)(Engine *engine, const PruneArguments *arguments, int64_t *space, Error *err);

/* @prunes: one after the other, up to NULL. */
static int run_prunes(CommandContext *context, const PruneArguments *arguments, const char *warning,
                      const Prune *prunes, Error *err)
{
        int64_t space = 0;
        Engine *engine;
        int r;

        if (!confirm(arguments->force, warning))
                return 0;
        r = command_engine(context, &engine, err);
        for (; r >= 0 && *prunes; prunes++)
                r = (*prunes)(engine, arguments, &space, err);
        if (r >= 0)
                print_space(space);
        return r;
}

int command_container_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        PruneArguments arguments = {0};
        const Option options[] = {
                {"filter", 0, OPTION_LIST, &arguments.filters, "filter",
                 "Provide filter values (until=10m, label=a, label!=a)"},
                {"force", 'f', OPTION_FLAG, &arguments.force, "", "Do not prompt for confirmation"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("container prune", &table, argc, argv, 0, 0, &count, err);
        if (r == 0)
                r = run_prunes(context, &arguments, "all stopped containers",
                               (Prune[]){prune_all_containers, NULL}, err);
        string_list_deinit(&arguments.filters);
        return r < 0 ? r : 0;
}

int command_image_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        PruneArguments arguments = {0};
        const Option options[] = {
                {"all", 'a', OPTION_FLAG, &arguments.all, "",
                 "Remove all unused images, not just those without a name"},
                {"filter", 0, OPTION_LIST, &arguments.filters, "filter",
                 "Provide filter values (until=10m, label=a, label!=a)"},
                {"force", 'f', OPTION_FLAG, &arguments.force, "", "Do not prompt for confirmation"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("image prune", &table, argc, argv, 0, 0, &count, err);
        if (r == 0)
                r = run_prunes(context, &arguments,
                               arguments.all ? "all images without at least one container associated to them"
                                             : "all dangling images",
                               (Prune[]){prune_all_images, NULL}, err);
        string_list_deinit(&arguments.filters);
        return r < 0 ? r : 0;
}

int command_volume_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        PruneArguments arguments = {0};
        const Option options[] = {
                {"all", 'a', OPTION_FLAG, &arguments.all, "",
                 "Remove all unused volumes, not just those without a name"},
                {"filter", 0, OPTION_LIST, &arguments.filters, "filter",
                 "Provide filter values (label=a, label!=a)"},
                {"force", 'f', OPTION_FLAG, &arguments.force, "", "Do not prompt for confirmation"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("volume prune", &table, argc, argv, 0, 0, &count, err);
        if (r == 0)
                r = run_prunes(context, &arguments,
                               arguments.all ? "all volumes not used by at least one container"
                                             : "anonymous local volumes not used by at least one container",
                               (Prune[]){prune_all_volumes, NULL}, err);
        string_list_deinit(&arguments.filters);
        return r < 0 ? r : 0;
}

int command_system_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        PruneArguments arguments = {0};
        const Option options[] = {
                {"all", 'a', OPTION_FLAG, &arguments.all, "",
                 "Remove all unused images, not just those without a name"},
                {"filter", 0, OPTION_LIST, &arguments.filters, "filter",
                 "Provide filter values (label=a, label!=a)"},
                {"force", 'f', OPTION_FLAG, &arguments.force, "", "Do not prompt for confirmation"},
                {"volumes", 0, OPTION_FLAG, &arguments.volumes, "", "Prune anonymous volumes"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("system prune", &table, argc, argv, 0, 0, &count, err);
        if (r == 0) {
                const char *images = arguments.all
                                             ? "all images without at least one container associated to them"
                                             : "all dangling images";
                _cleanup_free_ char *warning =
                        text_printf("all stopped containers%s and %s",
                                    arguments.volumes ? ", unused anonymous volumes" : "", images);

                r = warning ? run_prunes(context, &arguments, warning,
                                         (Prune[]){prune_all_containers,
                                                   arguments.volumes ? prune_anonymous_volumes
                                                                     : prune_all_images,
                                                   arguments.volumes ? prune_all_images : NULL, NULL},
                                         err)
                            : fail_memory(err);
        }
        string_list_deinit(&arguments.filters);
        return r < 0 ? r : 0;
}
