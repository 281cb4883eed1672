#include "engine/image-changes.h"

#include "base/cleanup.h"
#include "base/text.h"

/* Words separated by blanks; quotes and backslashes keep blanks in a word. */
static int split_words(const char *text, StringList *ret, Error *err)
{
        while (*text) {
                _cleanup_buffer_ Buffer word = {0};
                char quote = 0;

                while (*text == ' ' || *text == '\t')
                        text++;
                if (!*text)
                        break;
                for (; *text && (quote || (*text != ' ' && *text != '\t')); text++)
                        if (*text == '\\' && text[1] && quote != '\'')
                                buffer_putc(&word, *++text);
                        else if (*text == quote)
                                quote = 0;
                        else if (!quote && (*text == '"' || *text == '\''))
                                quote = *text;
                        else
                                buffer_putc(&word, *text);
                if (quote)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "a quotation mark is not closed");
                if (string_list_take(ret, buffer_take(&word)) < 0)
                        return fail_memory(err);
        }
        return 0;
}

/* A JSON list of strings, or NULL when it is none. */
static json_object *read_list(const char *text)
{
        json_object *list = *text == '[' ? json_tokener_parse(text) : NULL;

        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++)
                if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_string)) {
                        json_object_put(list);
                        return NULL;
                }
        return list;
}

static int set_command(json_object *config, const char *key, const char *text, Error *err)
{
        json_object *list = read_list(text);

        (void)err;
        if (!list) {
                list = json_object_new_array();
                json_object_array_add(list, json_object_new_string("/bin/sh"));
                json_object_array_add(list, json_object_new_string("-c"));
                json_object_array_add(list, json_object_new_string(text));
        }
        json_set(config, key, list);
        return 0;
}

static int set_text(json_object *config, const char *key, const char *text, Error *err)
{
        (void)err;
        json_set_string(config, key, text);
        return 0;
}

/* "A=b C=d", or the old "A b c". */
static int read_pairs(const char *text, StringList *ret, Error *err)
{
        size_t name = strcspn(text, " \t=");
        int r;

        if (text[name] == '=') {
                r = split_words(text, ret, err);
                for (size_t i = 0; r >= 0 && i < ret->count; i++)
                        if (!strchr(ret->items[i], '='))
                                r = fail_kind(err, ERROR_USAGE, EINVAL, "\"%s\" is not NAME=value",
                                              ret->items[i]);
                return r;
        }
        if (!name || !text[name])
                return fail_kind(err, ERROR_USAGE, EINVAL, "\"%s\" is not NAME=value", text);
        return string_list_addf(ret, "%.*s=%s", (int)name, text, text + name + strspn(text + name, " \t")) < 0
                       ? fail_memory(err)
                       : 0;
}

static int add_env(json_object *config, const char *key, const char *text, Error *err)
{
        _cleanup_strings_ StringList pairs = {0}, env = {0};
        int r;

        r = json_get_strings(config, key, &env, err);
        if (r >= 0)
                r = read_pairs(text, &pairs, err);
        for (size_t i = 0; r >= 0 && i < pairs.count; i++)
                r = string_list_env_set(&env, pairs.items[i]) < 0 ? fail_memory(err) : 0;
        if (r >= 0)
                json_set(config, key, json_new_strings(&env));
        return r < 0 ? r : 0;
}

static json_object *object_of(json_object *config, const char *key)
{
        json_object *object = json_object_object_get(config, key);

        if (!object) {
                object = json_object_new_object();
                json_set(config, key, object);
        }
        return object;
}

static int add_labels(json_object *config, const char *key, const char *text, Error *err)
{
        _cleanup_strings_ StringList pairs = {0};
        int r = read_pairs(text, &pairs, err);

        for (size_t i = 0; r >= 0 && i < pairs.count; i++) {
                char *equals = strchr(pairs.items[i], '=');

                *equals = 0;
                json_set_string(object_of(config, key), pairs.items[i], equals + 1);
        }
        return r < 0 ? r : 0;
}

/* Docker's sets: an object of empty objects. */
static int add_members(json_object *config, const char *key, const char *text, Error *err)
{
        _cleanup_strings_ StringList words = {0};
        _cleanup_json_ json_object *list = read_list(text);
        bool ports = text_equal(key, "ExposedPorts");
        int r = 0;

        if (!list)
                r = split_words(text, &words, err);
        for (size_t i = 0; list && r >= 0 && i < json_object_array_length(list); i++)
                r = string_list_add(&words, json_object_get_string(json_object_array_get_idx(list, i)));
        for (size_t i = 0; r >= 0 && i < words.count; i++) {
                _cleanup_free_ char *name = text_printf("%s%s", words.items[i],
                                                        ports && !strchr(words.items[i], '/') ? "/tcp" : "");

                if (!name)
                        return fail_memory(err);
                json_set(object_of(config, key), name, json_object_new_object());
        }
        return r < 0 ? r : 0;
}

int image_change_apply(json_object *config, const char *instruction, Error *err)
{
        static const struct {
                const char *word, *key;
                int (*apply)(json_object *config, const char *key, const char *text, Error *err);
        } table[] = {
                {"CMD", "Cmd", set_command},
                {"ENTRYPOINT", "Entrypoint", set_command},
                {"ENV", "Env", add_env},
                {"EXPOSE", "ExposedPorts", add_members},
                {"LABEL", "Labels", add_labels},
                {"STOPSIGNAL", "StopSignal", set_text},
                {"USER", "User", set_text},
                {"VOLUME", "Volumes", add_members},
                {"WORKDIR", "WorkingDir", set_text},
        };
        size_t length = strcspn(instruction, " \t");
        const char *rest = instruction + length + strspn(instruction + length, " \t");

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (strlen(table[i].word) == length && strncasecmp(table[i].word, instruction, length) == 0) {
                        int r = *rest ? table[i].apply(config, table[i].key, rest, err)
                                      : fail_kind(err, ERROR_USAGE, EINVAL, "it needs an argument");

                        return r < 0 ? fail_wrap(err, r, "--change \"%s\"", instruction) : 0;
                }
        fail_kind(err, ERROR_USAGE, EINVAL, "--change \"%s\": %.*s is not a valid change command",
                  instruction, (int)length, instruction);
        return fail_hint(
                err, "there are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR");
}
