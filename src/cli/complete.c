/*
 * The words of a command are known only to its option table, which stands in its function. So
 * command_complete() runs the command with `--help=complete WORD...`; command_parse() gives table and words
 * to complete_words(), which only notes what kind of thing the last word is; and command_complete() then
 * lists such things.
 *
 * A line of output is a candidate, with a tab and a description behind it where there is one. ":files" asks
 * the shell for its own completion of file names.
 */
#include "cli/complete.h"

#include "engine/container.h"
#include "engine/image.h"
#include "engine/network.h"
#include "engine/volume.h"

typedef enum Kind {
        KIND_NOTHING,
        KIND_COMMANDS,
        KIND_OPTIONS,
        KIND_CHOICES,
        KIND_FILES,
        /* from the store */
        KIND_CONTAINERS,
        KIND_RUNNING,
        KIND_STOPPED,
        KIND_IMAGES,
        KIND_VOLUMES,
        KIND_VOLUMES_AND_FILES,
        KIND_NETWORKS,
        KIND_ANY, /* containers, images, volumes */
} Kind;

/* What the last word of the line is. */
typedef struct Request {
        Kind kind;
        const char *choices; /* KIND_CHOICES: words with blanks between */
        const char *typed;   /* the beginning that candidates must have */
        char before[128];    /* what stands in front of it in the same word: "--network=" */
} Request;

static Request request;

static void print_candidate(const char *text, const char *about)
{
        _cleanup_free_ char *safe = NULL;

        if (!text_after(text, request.typed))
                return;
        safe = text_printable(text);
        printf("%s%s%s%s\n", request.before, safe ?: "", about ? "\t" : "", about ?: "");
}

/* ---- what a word is ---- */

/* Values of options by the option's name, where they can be known. */
static const struct {
        const char *option;
        Kind kind;
        const char *choices;
} values[] = {
        {"cap-add", KIND_CHOICES,
         "ALL AUDIT_WRITE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL LINUX_IMMUTABLE MKNOD "
         "NET_ADMIN "
         "NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_CHROOT SYS_NICE SYS_PTRACE "
         "SYS_RESOURCE"},
        {"cap-drop", KIND_CHOICES,
         "ALL AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP "
         "SETGID SETPCAP "
         "SETUID SYS_CHROOT"},
        {"cgroupns", KIND_CHOICES, "host private"},
        {"cidfile", KIND_FILES},
        {"env-file", KIND_FILES},
        {"format", KIND_CHOICES, "json table"},
        {"input", KIND_FILES},
        {"ipc", KIND_CHOICES, "host none private shareable container:"},
        {"label-file", KIND_FILES},
        {"log-driver", KIND_CHOICES, "json-file none"},
        {"network", KIND_NETWORKS},
        {"output", KIND_FILES},
        {"pid", KIND_CHOICES, "host container:"},
        {"platform", KIND_CHOICES, "linux/amd64 linux/arm64 linux/arm/v7 linux/386"},
        {"pull", KIND_CHOICES, "always missing never"},
        {"root", KIND_FILES},
        {"security-opt", KIND_CHOICES, "no-new-privileges seccomp="},
        {"signal", KIND_CHOICES, "HUP INT KILL QUIT TERM USR1 USR2"},
        {"stop-signal", KIND_CHOICES, "HUP INT KILL QUIT TERM USR1 USR2"},
        {"type", KIND_CHOICES, "container image network volume"},
        {"userns", KIND_CHOICES, "keep-id"},
        {"volume", KIND_VOLUMES_AND_FILES},
        {"volumes-from", KIND_CONTAINERS},
};

static void want_value(const Option *option, const char *typed)
{
        request.typed = typed;
        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                if (text_equal(values[i].option, option->name)) {
                        request.kind = values[i].kind;
                        request.choices = values[i].choices;
                }
}

/* Containers that make sense for a command. */
static Kind container_kind(const Command *command)
{
        static const char *const running[] = {"attach", "exec", "kill", "stats", "stop", "top"};

        for (size_t i = 0; i < ELEMENTSOF(running); i++)
                if (text_equal(command->name, running[i]))
                        return KIND_RUNNING;
        return text_equal(command->name, "start") ? KIND_STOPPED : KIND_CONTAINERS;
}

/* What the usage line says of the word number @position. */
static Kind word_kind(const Command *command, size_t position)
{
        static const struct {
                const char *word;
                Kind kind;
        } meanings[] = {{"NEW_", KIND_NOTHING},        {"NAME|ID", KIND_ANY},      {"VOLUME", KIND_VOLUMES},
                        {"NEW_NETWORK", KIND_NOTHING}, {"NETWORK", KIND_NETWORKS}, {"IMAGE", KIND_IMAGES},
                        {"REPOSITORY", KIND_IMAGES},   {"NAME[:TAG", KIND_IMAGES}, {"FILE", KIND_FILES}};
        const char *word = command->usage, *next;

        if (text_after(word, "[OPTIONS]"))
                word += strlen("[OPTIONS]");
        word += strspn(word, " ");
        for (; position > 0 && *word; position--) {
                next = word + strcspn(word, " ");
                next += strspn(next, " ");
                /* The last word stands for all that follow when it ends in dots. */
                if (!*next)
                        break;
                word = next;
        }
        if (position > 0 && !strstr(word, "..."))
                return KIND_NOTHING;
        for (size_t i = 0; i < ELEMENTSOF(meanings); i++) {
                const char *found = strstr(word, meanings[i].word);

                if (found && found < word + strcspn(word, " "))
                        return meanings[i].kind;
        }
        return text_after(word + (*word == '['), "CONTAINER") ? container_kind(command) : KIND_NOTHING;
}

/* The option whose value the word behind @word is; NULL: none. */
static const Option *awaits_value(const OptionTable *table, const char *word)
{
        const Option *option;

        if (text_after(word, "--")) {
                option = strchr(word, '=') ? NULL : options_find_name(table, word + 2, strlen(word + 2));
                return option && option->type != OPTION_FLAG ? option : NULL;
        }
        for (const char *c = word + 1; *c; c++) {
                option = options_find_letter(table, *c);
                if (!option || option->type != OPTION_FLAG)
                        return option && !c[1] ? option : NULL;
        }
        return NULL;
}

static void print_options(const OptionTable *table)
{
        for (size_t i = 0; i < table->count; i++) {
                char name[64];

                snprintf(name, sizeof(name), "--%s", table->options[i].name);
                print_candidate(name, table->options[i].help);
        }
        print_candidate("--help", "Print usage");
}

static void want_option(const OptionTable *table, const char *word)
{
        const char *equals = strchr(word, '=');
        const Option *option = equals && text_after(word, "--")
                                       ? options_find_name(table, word + 2, (size_t)(equals - word - 2))
                                       : NULL;

        if (option) {
                snprintf(request.before, sizeof(request.before), "%.*s", (int)(equals - word + 1), word);
                want_value(option, equals + 1);
        } else if (!equals) {
                print_options(table);
        }
}

void complete_words(const Command *command, const OptionTable *table, int count, char **words)
{
        const char *last = count > 0 ? words[count - 1] : "";
        const Option *option = NULL;
        size_t position = 0;
        bool ended = false;

        request.typed = last;
        for (int i = 0; i + 1 < count; i++) {
                const char *word = words[i];

                if (option) {
                        option = NULL;
                } else if (!ended && text_equal(word, "--")) {
                        ended = true;
                } else if (!ended && word[0] == '-' && word[1]) {
                        option = awaits_value(table, word);
                } else {
                        position++;
                        ended = ended || table->stop_at_first;
                }
        }
        if (option)
                want_value(option, last);
        else if (!ended && *last == '-')
                want_option(table, last);
        else
                request.kind = word_kind(command, position);
}

/* ---- candidates ---- */

static void print_commands(const CommandGroup *group)
{
        char name[COMMAND_NAME_SIZE];

        for (size_t i = 0; i < command_count; i++)
                for (size_t j = 0;
                     commands[i].section != COMMAND_HIDDEN && command_name(&commands[i], j, name); j++) {
                        const char *word = group ? command_in_group(group, name) : j ? NULL : name;

                        if (word && !strchr(word, ' '))
                                print_candidate(word, commands[i].help);
                        if (word && group)
                                break;
                }
        for (size_t i = 0; !group && i < command_group_count; i++)
                print_candidate(command_groups[i].name, command_groups[i].help);
}

static void print_choices(void)
{
        const char *word = request.choices;

        while (*word) {
                size_t length = strcspn(word, " ");
                _cleanup_free_ char *one = strndup(word, length);

                print_candidate(one ?: "", NULL);
                word += length;
                word += strspn(word, " ");
        }
}

static int print_containers(Engine *engine, Kind kind, Error *err)
{
        ContainerListOptions options = {.all = kind != KIND_RUNNING};
        _cleanup_json_ json_object *list = NULL;
        int r = container_list(engine, &options, &list, err);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++) {
                json_object *item = json_object_array_get_idx(list, i);
                const char *name = json_object_get_string(
                                   json_object_array_get_idx(json_object_object_get(item, "Names"), 0)),
                           *state = json_object_get_string(json_object_object_get(item, "State"));

                if (kind == KIND_STOPPED && text_equal(state, "running"))
                        continue;
                print_candidate(name ? name + 1 : "", state);
        }
        return r;
}

static int print_images(Engine *engine, Error *err)
{
        ImageListOptions options = {0};
        _cleanup_json_ json_object *list = NULL;
        int r = image_list(engine, &options, &list, err);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++) {
                json_object *names = json_object_object_get(json_object_array_get_idx(list, i), "RepoTags");

                for (size_t j = 0; j < json_object_array_length(names); j++) {
                        const char *name = json_object_get_string(json_object_array_get_idx(names, j));

                        print_candidate(name, NULL);
                        if (text_ends(name, ":latest")) {
                                _cleanup_free_ char *plain = strndup(name, strlen(name) - strlen(":latest"));

                                print_candidate(plain ?: "", NULL);
                        }
                }
        }
        return r;
}

static int print_volumes(Engine *engine, Error *err)
{
        _cleanup_json_ json_object *list = NULL;
        int r = volume_list(engine, &(VolumeListOptions){0}, &list, err);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++)
                print_candidate(json_object_get_string(
                                        json_object_object_get(json_object_array_get_idx(list, i), "Name")),
                                NULL);
        return r;
}

static int print_networks(Engine *engine, Error *err)
{
        _cleanup_json_ json_object *list = NULL;
        int r = network_list(engine, &(NetworkListOptions){0}, &list, err);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++)
                print_candidate(json_object_get_string(
                                        json_object_object_get(json_object_array_get_idx(list, i), "Name")),
                                NULL);
        return r;
}

/* What is in the store. */
static int print_stored(Engine *engine, Kind kind, Error *err)
{
        int r = 0;

        if (kind == KIND_CONTAINERS || kind == KIND_RUNNING || kind == KIND_STOPPED || kind == KIND_ANY)
                r = print_containers(engine, kind, err);
        if (r >= 0 && (kind == KIND_IMAGES || kind == KIND_ANY))
                r = print_images(engine, err);
        if (r >= 0 && (kind == KIND_VOLUMES || kind == KIND_VOLUMES_AND_FILES || kind == KIND_ANY))
                r = print_volumes(engine, err);
        if (r >= 0 && kind == KIND_NETWORKS)
                r = print_networks(engine, err);
        return r;
}

static int print_things(CommandContext *context, Error *err)
{
        Engine *engine;
        int r = 0;

        if (request.kind >= KIND_CONTAINERS) {
                r = command_engine(context, &engine, err);
                if (r >= 0)
                        r = print_stored(engine, request.kind, err);
        } else if (request.kind == KIND_CHOICES) {
                print_choices();
        }
        if (request.kind == KIND_FILES || request.kind == KIND_VOLUMES_AND_FILES)
                printf(":files\n");
        return r;
}

int command_complete(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        static const Option root[] = {{"root", 0, OPTION_TEXT, NULL, "FOLDER", "Where kelp keeps its data"},
                                      {"version", 'v', OPTION_FLAG, NULL, "", "Print the version"}};
        const OptionTable global = {.options = root, .count = ELEMENTSOF(root), .stop_at_first = true};
        _cleanup_free_ char **line = NULL;
        const Command *command;
        int first = 1, words, r;

        /* kelp [--root FOLDER] COMMAND WORD... */
        if (first + 2 < argc && text_equal(argv[first], "--root")) {
                context->root = argv[first + 1];
                first += 2;
        }
        request.typed = argv[argc - 1];
        if (argc <= 1)
                return 0;
        if (first + 1 == argc) {
                if (*request.typed == '-')
                        print_options(&global);
                else
                        print_commands(NULL);
                return 0;
        }
        if (command_group_find(argv[first]) && first + 2 == argc) {
                print_commands(command_group_find(argv[first]));
                return 0;
        }
        if (command_resolve(argc - first, argv + first, &command, &words, NULL) < 0 || !command)
                return 0;
        line = calloc((size_t)argc + 2, sizeof(*line));
        if (!line)
                return fail_memory(err);
        first += words;
        line[0] = argv[first - 1];
        line[1] = (char[]){"--help=complete"};
        memcpy(line + 2, argv + first, (size_t)(argc - first) * sizeof(*line));
        r = command->run(context, argc - first + 2, line, ret_status, err);
        return r < 0 ? r : print_things(context, err);
}
