#include "cli/help.h"

#include "spec/json.h"

enum { WIDTH = 80 };

/* Words of @text from the column @indent on, lines of at most WIDTH columns; the first line begins where the
 * cursor is. */
static void print_wrapped(const char *text, int indent)
{
        int column = indent;

        while (*text) {
                int length = (int)strcspn(text, " ");

                if (column > indent && column + 1 + length > WIDTH) {
                        printf("\n%*s", indent, "");
                        column = indent;
                }
                column += printf("%s%.*s", column > indent ? " " : "", length, text);
                text += length;
                text += strspn(text, " ");
        }
        putchar('\n');
}

static void print_section(const char *title, CommandSection section)
{
        printf("\n%s:\n", title);
        for (size_t i = 0; i < command_count; i++)
                if (commands[i].section == section)
                        printf("  %-12s%s\n", commands[i].name, commands[i].help);
}

static json_object *all_json(void)
{
        static const char *const sections[] = {[COMMAND_COMMON] = "common",
                                               [COMMAND_CONTAINERS] = "containers",
                                               [COMMAND_IMAGES] = "images",
                                               [COMMAND_SYSTEM] = "system",
                                               [COMMAND_GROUPED] = "grouped"};
        json_object *all = json_object_new_object(), *list = json_object_new_array(),
                    *groups = json_object_new_array();

        for (size_t i = 0; i < command_count; i++) {
                json_object *item;

                if (commands[i].section == COMMAND_HIDDEN)
                        continue;
                item = json_object_new_object();
                json_set_string(item, "name", commands[i].name);
                json_set_string(item, "section", sections[commands[i].section]);
                json_set_string(item, "help", commands[i].help);
                json_object_array_add(list, item);
        }
        for (size_t i = 0; i < command_group_count; i++) {
                json_object *item = json_object_new_object();

                json_set_string(item, "name", command_groups[i].name);
                json_set_string(item, "help", command_groups[i].help);
                json_object_array_add(groups, item);
        }
        json_set(all, "commands", list);
        json_set(all, "groups", groups);
        return all;
}

void help_print_all(const char *form)
{
        if (text_equal(form, "json")) {
                _cleanup_json_ json_object *all = all_json();

                printf("%s\n", json_text(all));
                return;
        }
        printf("Usage:  kelp [--root FOLDER] COMMAND\n\n");
        print_wrapped("Containers without root and without a daemon: kelp runs images from registries as the "
                      "user who calls "
                      "it.",
                      0);
        printf("\nA first container:\n"
               "  kelp run --rm -it busybox sh      a shell in a container that leaves nothing behind\n"
               "  kelp run -d --name web IMAGE      one in the background; then kelp logs web, kelp stop "
               "web\n"
               "  kelp doctor                       what this host offers, and how to get more\n");
        print_section("Common commands", COMMAND_COMMON);
        printf("\nManagement commands:\n");
        for (size_t i = 0; i < command_group_count; i++)
                printf("  %-12s%s\n", command_groups[i].name, command_groups[i].help);
        print_section("Containers", COMMAND_CONTAINERS);
        print_section("Images", COMMAND_IMAGES);
        print_section("System", COMMAND_SYSTEM);
        printf("\nOptions:\n"
               "      --root FOLDER   Where kelp keeps its data (default ~/.local/share/kelp)\n"
               "  -v, --version       Print the version\n"
               "\nRun 'kelp COMMAND --help' for more information on a command; man kelp is the manual.\n");
}

void help_print_group(const CommandGroup *group)
{
        char name[COMMAND_NAME_SIZE];

        printf("Usage:  kelp %s COMMAND\n\n%s\n\nCommands:\n", group->name, group->help);
        for (size_t i = 0; i < command_count; i++)
                for (size_t j = 0;
                     commands[i].section != COMMAND_HIDDEN && command_name(&commands[i], j, name); j++)
                        if (command_in_group(group, name)) {
                                printf("  %-12s%s\n", command_in_group(group, name), commands[i].help);
                                break;
                        }
        printf("\nRun 'kelp %s COMMAND --help' for more information on a command.\n", group->name);
}

static json_object *command_json(const Command *command, const OptionTable *table)
{
        const CommandAbout *about = command_about(command->name);
        json_object *object = json_object_new_object(), *options = json_object_new_array(),
                    *examples = json_object_new_array(), *names = json_object_new_array();
        char name[COMMAND_NAME_SIZE];

        for (size_t i = 0; command_name(command, i, name); i++)
                json_object_array_add(names, json_object_new_string(name));
        for (size_t i = 0; i < table->count; i++) {
                const Option *option = &table->options[i];
                char letter[2] = {option->letter};
                json_object *item = json_object_new_object();

                json_set_string(item, "name", option->name);
                json_set_string(item, "letter", letter);
                json_set_string(item, "value", option->type == OPTION_FLAG ? "" : option->value);
                json_set_string(item, "help", option->help);
                json_object_array_add(options, item);
        }
        for (size_t i = 0; about && i < ELEMENTSOF(about->examples) && about->examples[i].command; i++) {
                json_object *item = json_object_new_object();

                json_set_string(item, "command", about->examples[i].command);
                json_set_string(item, "what", about->examples[i].what);
                json_object_array_add(examples, item);
        }
        json_set(object, "names", names);
        json_set_string(object, "usage", command->usage);
        json_set_string(object, "help", command->help);
        json_set_string(object, "about", about ? about->text : "");
        json_set(object, "options", options);
        json_set(object, "examples", examples);
        return object;
}

static void print_examples(const CommandAbout *about)
{
        printf("\nExamples:\n");
        for (size_t i = 0; i < ELEMENTSOF(about->examples) && about->examples[i].command; i++) {
                const char *line = about->examples[i].command, *shell = text_after(line, "$ ");

                printf("  %s%s\n      ", shell ? "" : "kelp ", shell ?: line);
                print_wrapped(about->examples[i].what, 6);
        }
}

void help_print_command(const Command *command, const OptionTable *table, const char *form)
{
        const CommandAbout *about = command_about(command->name);
        _cleanup_json_ json_object *json = NULL;

        if (text_equal(form, "json")) {
                json = command_json(command, table);
                printf("%s\n", json_text(json));
                return;
        }
        printf("Usage:  kelp %s%s%s\n\n%s\n", command->name, *command->usage ? " " : "", command->usage,
               command->help);
        if (about) {
                putchar('\n');
                print_wrapped(about->text, 0);
        }
        if (command->also) {
                char name[COMMAND_NAME_SIZE];

                printf("\nAlso:  ");
                for (size_t i = 1; command_name(command, i, name); i++)
                        printf("%skelp %s", i > 1 ? ", " : "", name);
                putchar('\n');
        }
        if (table->count) {
                _cleanup_buffer_ Buffer text = {0};

                options_format(table, &text);
                printf("\nOptions:\n%s", text.data ?: "");
        }
        if (about)
                print_examples(about);
}
