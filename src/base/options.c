#include "base/options.h"

#include "base/nearest.h"

static int unknown(const OptionTable *table, const char *name, Error *err)
{
        Nearest nearest = {.wanted = name};

        for (size_t i = 0; i < table->refusal_count; i++)
                if (text_equal(name, table->refusals[i].name)) {
                        fail_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "--%s does not exist in kelp", name);
                        return fail_hint(err, "%s", table->refusals[i].reason);
                }
        for (size_t i = 0; i < table->count; i++)
                nearest_consider(&nearest, table->options[i].name);
        fail_kind(err, ERROR_USAGE, EINVAL, "unknown flag: --%s", name);
        return nearest.name ? fail_hint(err, "did you mean --%s?", nearest.name) : -EINVAL;
}

static int set_flag(const Option *option, const char *value, Error *err)
{
        bool *target = option->target;

        if (!value || text_equal(value, "true") || text_equal(value, "1"))
                *target = true;
        else if (text_equal(value, "false") || text_equal(value, "0"))
                *target = false;
        else
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "invalid argument \"%s\" for \"--%s\": it is true or false", value,
                                 option->name);
        return 0;
}

static int set_value(const Option *option, char *value, Error *err)
{
        if (option->type == OPTION_LIST)
                return string_list_add(option->target, value) < 0 ? fail_memory(err) : 0;
        *(const char **)option->target = value;
        return 0;
}

const Option *options_find_name(const OptionTable *table, const char *name, size_t length)
{
        for (size_t i = 0; i < table->count; i++)
                if (strlen(table->options[i].name) == length &&
                    memcmp(table->options[i].name, name, length) == 0)
                        return &table->options[i];
        return NULL;
}

const Option *options_find_letter(const OptionTable *table, char letter)
{
        for (size_t i = 0; i < table->count; i++)
                if (table->options[i].letter == letter)
                        return &table->options[i];
        return NULL;
}

/* "--name", "--name=value", "--name value". The number of words used. */
static int parse_long(const OptionTable *table, int left, char **words, const char **ret_help, Error *err)
{
        const char *name = words[0] + 2;
        char *equals = strchr(words[0], '=');
        size_t length = equals ? (size_t)(equals - name) : strlen(name);
        const Option *option = options_find_name(table, name, length);
        int r;

        if (!option && length == 4 && memcmp(name, "help", 4) == 0) {
                *ret_help = equals ? equals + 1 : "";
                return 1;
        }
        if (!option) {
                _cleanup_free_ char *copy = strndup(name, length);

                return copy ? unknown(table, copy, err) : fail_memory(err);
        }
        if (option->type == OPTION_FLAG) {
                r = set_flag(option, equals ? equals + 1 : NULL, err);
                return r < 0 ? r : 1;
        }
        if (!equals && left < 2)
                return fail_kind(err, ERROR_USAGE, EINVAL, "flag needs an argument: --%s", option->name);
        r = set_value(option, equals ? equals + 1 : words[1], err);
        return r < 0 ? r : equals ? 1 : 2;
}

/* "-it", "-e value", "-evalue", "-e=value". The number of words used. */
static int parse_letters(const OptionTable *table, int left, char **words, const char **ret_help, Error *err)
{
        for (char *c = words[0] + 1; *c; c++) {
                const Option *option = options_find_letter(table, *c);
                int r;

                if (!option && *c == 'h' && !c[1]) {
                        *ret_help = "";
                        return 1;
                }
                if (!option)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "unknown shorthand flag: '%c' in %s", *c,
                                         words[0]);
                if (option->type == OPTION_FLAG) {
                        r = set_flag(option, c[1] == '=' ? c + 2 : NULL, err);
                        if (r < 0 || c[1] == '=')
                                return r < 0 ? r : 1;
                        continue;
                }
                if (c[1]) {
                        r = set_value(option, c + 1 + (c[1] == '='), err);
                        return r < 0 ? r : 1;
                }
                if (left < 2)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "flag needs an argument: '%c' in %s", *c,
                                         words[0]);
                r = set_value(option, words[1], err);
                return r < 0 ? r : 2;
        }
        return 1;
}

int options_parse(const OptionTable *table, int argc, char **argv, int *ret_rest, const char **ret_help,
                  Error *err)
{
        int kept = 1; /* words that are no options are gathered from here */

        *ret_help = NULL;
        for (int i = 1, used; i < argc; i += used) {
                char *word = argv[i];

                used = 1;
                if (word[0] != '-' || !word[1] || text_equal(word, "--")) {
                        bool end = text_equal(word, "--");

                        if (!end && !table->stop_at_first) {
                                argv[kept++] = word;
                                continue;
                        }
                        /* All that follow are words. */
                        for (i += end; i < argc; i++)
                                argv[kept++] = argv[i];
                        break;
                }
                used = word[1] == '-' ? parse_long(table, argc - i, argv + i, ret_help, err)
                                      : parse_letters(table, argc - i, argv + i, ret_help, err);
                if (used < 0)
                        return used;
                if (*ret_help)
                        return 0;
        }
        *ret_rest = kept;
        return 0;
}

/* "-a, --all", "    --format string" */
static int format_left(const Option *option, char *buffer, size_t size)
{
        char letter[8] = "    ";

        if (option->letter)
                snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        return snprintf(buffer, size, "  %s--%s%s%s", letter, option->name,
                        option->type == OPTION_FLAG ? "" : " ",
                        option->type == OPTION_FLAG ? "" : option->value);
}

void options_format(const OptionTable *table, Buffer *ret)
{
        char left[80];
        int width = 0;

        for (size_t i = 0; i < table->count; i++) {
                int length = format_left(&table->options[i], left, sizeof(left));

                width = length > width ? length : width;
        }
        for (size_t i = 0; i < table->count; i++) {
                format_left(&table->options[i], left, sizeof(left));
                buffer_printf(ret, "%-*s   %s\n", width, left, table->options[i].help);
        }
}
