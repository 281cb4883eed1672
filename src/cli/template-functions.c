/* The functions of templates: Go's own and docker's. */
#include "cli/template-tree.h"

#include "base/nearest.h"

static int bad_argument(Evaluation *evaluation, const char *name, const char *expected, Error *err)
{
        return template_fail(evaluation->position, err, "%s: expected %s", name, expected);
}

static bool is_number(json_object *value)
{
        return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

static json_object *new_text(Evaluation *evaluation, Buffer *buffer)
{
        return template_keep(evaluation, json_object_new_string_len(buffer->data ?: "", (int)buffer->length));
}

/* ---- comparisons ---- */

/* <0, 0, >0 in *ret. -EINVAL when the two cannot be ordered. */
static int compare(json_object *a, json_object *b, int *ret)
{
        if (json_object_is_type(a, json_type_string) && json_object_is_type(b, json_type_string)) {
                *ret = strcmp(json_object_get_string(a), json_object_get_string(b));
                return 0;
        }
        if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int)) {
                int64_t x = json_object_get_int64(a), y = json_object_get_int64(b);

                *ret = (x > y) - (x < y);
                return 0;
        }
        if (is_number(a) && is_number(b)) {
                double x = json_object_get_double(a), y = json_object_get_double(b);

                *ret = (x > y) - (x < y);
                return 0;
        }
        return -EINVAL;
}

static int equal(Evaluation *evaluation, json_object *a, json_object *b, bool *ret, Error *err)
{
        int order;

        if (!a || !b) {
                *ret = a == b;
                return 0;
        }
        if (json_object_is_type(a, json_type_boolean) && json_object_is_type(b, json_type_boolean)) {
                *ret = json_object_get_boolean(a) == json_object_get_boolean(b);
                return 0;
        }
        if (compare(a, b, &order) < 0)
                return template_fail(evaluation->position, err,
                                     "a value of type %s cannot be compared with one of type %s",
                                     json_type_to_name(json_object_get_type(a)),
                                     json_type_to_name(json_object_get_type(b)));
        *ret = order == 0;
        return 0;
}

static int give_bool(Evaluation *evaluation, bool value, json_object **ret)
{
        *ret = template_keep(evaluation, json_object_new_boolean(value));
        return 0;
}

static int call_eq(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                   Error *err)
{
        bool same = false;
        int r = 0;

        for (size_t i = 1; r >= 0 && !same && i < count; i++)
                r = equal(evaluation, arguments[0], arguments[i], &same, err);
        return r < 0 ? r : give_bool(evaluation, same, ret);
}

static int call_ne(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                   Error *err)
{
        bool same = false;
        int r = equal(evaluation, arguments[0], arguments[1], &same, err);

        return r < 0 ? r : give_bool(evaluation, !same, ret);
}

static int order(Evaluation *evaluation, json_object **arguments, int *ret, Error *err)
{
        return compare(arguments[0], arguments[1], ret) < 0
                       ? bad_argument(evaluation, "comparison", "two numbers or two strings", err)
                       : 0;
}

static int call_lt(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                   Error *err)
{
        int o = 0, r = order(evaluation, arguments, &o, err);

        return r < 0 ? r : give_bool(evaluation, o < 0, ret);
}

static int call_le(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                   Error *err)
{
        int o = 0, r = order(evaluation, arguments, &o, err);

        return r < 0 ? r : give_bool(evaluation, o <= 0, ret);
}

static int call_gt(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                   Error *err)
{
        int o = 0, r = order(evaluation, arguments, &o, err);

        return r < 0 ? r : give_bool(evaluation, o > 0, ret);
}

static int call_ge(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                   Error *err)
{
        int o = 0, r = order(evaluation, arguments, &o, err);

        return r < 0 ? r : give_bool(evaluation, o >= 0, ret);
}

static int call_not(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                    Error *err)
{
        return give_bool(evaluation, !template_truth(arguments[0]), ret);
}

/* ---- parts ---- */

static int index_array(Evaluation *evaluation, json_object *array, json_object *key, json_object **ret,
                       Error *err)
{
        int64_t at = json_object_get_int64(key);

        if (!json_object_is_type(key, json_type_int))
                return bad_argument(evaluation, "index", "a number for a list", err);
        if (at < 0 || (uint64_t)at >= json_object_array_length(array))
                return template_fail(evaluation->position, err,
                                     "index: %lld is out of range, the list has %zu", (long long)at,
                                     json_object_array_length(array));
        *ret = json_object_array_get_idx(array, (size_t)at);
        return 0;
}

/* A key that is not there gives "" in a map of strings, as labels are, else nil. */
static void index_map(Evaluation *evaluation, json_object *map, json_object *key, json_object **ret)
{
        bool strings = true;

        if (json_object_object_get_ex(map, json_object_get_string(key), ret))
                return;
        json_object_object_foreach(map, name, value)
        {
                (void)name;
                strings = strings && json_object_is_type(value, json_type_string);
        }
        *ret = strings ? template_keep(evaluation, json_object_new_string("")) : NULL;
}

static int call_index(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                      Error *err)
{
        json_object *value = arguments[0];
        int r = 0;

        for (size_t i = 1; r >= 0 && i < count; i++) {
                if (json_object_is_type(value, json_type_array))
                        r = index_array(evaluation, value, arguments[i], &value, err);
                else if (json_object_is_type(value, json_type_object) &&
                         json_object_is_type(arguments[i], json_type_string))
                        index_map(evaluation, value, arguments[i], &value);
                else if (!value && json_object_is_type(arguments[i], json_type_string))
                        value = template_keep(evaluation, json_object_new_string(""));
                else
                        r = bad_argument(evaluation, "index", "a list and a number, or a map and a string",
                                         err);
        }
        *ret = value;
        return r;
}

static int call_slice(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                      Error *err)
{
        bool is_text = json_object_is_type(arguments[0], json_type_string);
        int64_t length, from = 0, to;
        json_object *list;

        if (!is_text && !json_object_is_type(arguments[0], json_type_array))
                return bad_argument(evaluation, "slice", "a string or a list", err);
        length = is_text ? json_object_get_string_len(arguments[0])
                         : (int64_t)json_object_array_length(arguments[0]);
        to = length;
        for (size_t i = 1; i < count; i++)
                if (!json_object_is_type(arguments[i], json_type_int))
                        return bad_argument(evaluation, "slice", "numbers behind the value", err);
        if (count > 1)
                from = json_object_get_int64(arguments[1]);
        if (count > 2)
                to = json_object_get_int64(arguments[2]);
        if (from < 0 || to > length || from > to)
                return template_fail(evaluation->position, err, "slice: out of range, there are %lld",
                                     (long long)length);
        if (is_text) {
                *ret = template_keep(evaluation,
                                     json_object_new_string_len(json_object_get_string(arguments[0]) + from,
                                                                (int)(to - from)));
                return 0;
        }
        list = json_object_new_array();
        for (int64_t i = from; i < to; i++)
                json_object_array_add(list,
                                      json_object_get(json_object_array_get_idx(arguments[0], (size_t)i)));
        *ret = template_keep(evaluation, list);
        return 0;
}

static int call_len(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                    Error *err)
{
        int64_t length = 0;

        switch (json_object_get_type(arguments[0])) {
        case json_type_null:
                break;
        case json_type_array:
                length = (int64_t)json_object_array_length(arguments[0]);
                break;
        case json_type_object:
                length = json_object_object_length(arguments[0]);
                break;
        case json_type_string:
                length = json_object_get_string_len(arguments[0]);
                break;
        default:
                return bad_argument(evaluation, "len", "a string, list or map", err);
        }
        *ret = template_keep(evaluation, json_object_new_int64(length));
        return 0;
}

/* ---- text ---- */

static int call_print(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                      Error *err)
{
        _cleanup_buffer_ Buffer text = {0};

        for (size_t i = 0; i < count; i++) {
                if (i && !json_object_is_type(arguments[i], json_type_string) &&
                    !json_object_is_type(arguments[i - 1], json_type_string))
                        buffer_putc(&text, ' ');
                template_print_value(arguments[i], &text);
        }
        *ret = new_text(evaluation, &text);
        return 0;
}

static int call_println(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                        Error *err)
{
        _cleanup_buffer_ Buffer text = {0};

        for (size_t i = 0; i < count; i++) {
                buffer_puts(&text, i ? " " : "");
                template_print_value(arguments[i], &text);
        }
        buffer_putc(&text, '\n');
        *ret = new_text(evaluation, &text);
        return 0;
}

static int call_json(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                     Error *err)
{
        *ret = template_keep(evaluation,
                             json_object_new_string(arguments[0] ? json_text(arguments[0]) : "null"));
        return 0;
}

/* The text of an argument that must be a string (nil is ""). */
static int text_argument(Evaluation *evaluation, const char *name, json_object *value, const char **ret,
                         Error *err)
{
        if (value && !json_object_is_type(value, json_type_string))
                return bad_argument(evaluation, name, "a string", err);
        *ret = value ? json_object_get_string(value) : "";
        return 0;
}

static int call_split(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                      Error *err)
{
        const char *text = "", *separator = "", *next;
        json_object *list;
        int r;

        r = text_argument(evaluation, "split", arguments[0], &text, err);
        if (r >= 0)
                r = text_argument(evaluation, "split", arguments[1], &separator, err);
        if (r < 0)
                return r;
        if (!*separator)
                return bad_argument(evaluation, "split", "a separator that is not empty", err);
        *ret = list = template_keep(evaluation, json_object_new_array());
        for (; (next = strstr(text, separator)); text = next + strlen(separator))
                json_object_array_add(list, json_object_new_string_len(text, (int)(next - text)));
        json_object_array_add(list, json_object_new_string(text));
        return 0;
}

static int call_join(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                     Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        const char *separator = "";
        int r = text_argument(evaluation, "join", arguments[1], &separator, err);

        if (r < 0)
                return r;
        if (arguments[0] && !json_object_is_type(arguments[0], json_type_array))
                return bad_argument(evaluation, "join", "a list", err);
        for (size_t i = 0; arguments[0] && i < json_object_array_length(arguments[0]); i++) {
                buffer_puts(&text, i ? separator : "");
                template_print_value(json_object_array_get_idx(arguments[0], i), &text);
        }
        *ret = new_text(evaluation, &text);
        return 0;
}

typedef enum Letters { LETTERS_LOWER, LETTERS_UPPER, LETTERS_TITLE } Letters;

/* Of ASCII; other letters stay. */
static int change_letters(Evaluation *evaluation, const char *name, Letters how, json_object **arguments,
                          json_object **ret, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        bool begins = true;
        const char *from = "";
        int r = text_argument(evaluation, name, arguments[0], &from, err);

        if (r < 0)
                return r;
        for (; *from; from++) {
                char c = *from;

                if (how == LETTERS_LOWER && c >= 'A' && c <= 'Z')
                        c |= 32;
                else if ((how == LETTERS_UPPER || (how == LETTERS_TITLE && begins)) && c >= 'a' && c <= 'z')
                        c &= ~32;
                begins = *from == ' ' || *from == '\t' || *from == '\n';
                buffer_putc(&text, c);
        }
        *ret = new_text(evaluation, &text);
        return 0;
}

static int call_lower(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                      Error *err)
{
        return change_letters(evaluation, "lower", LETTERS_LOWER, arguments, ret, err);
}

static int call_upper(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                      Error *err)
{
        return change_letters(evaluation, "upper", LETTERS_UPPER, arguments, ret, err);
}

static int call_title(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                      Error *err)
{
        return change_letters(evaluation, "title", LETTERS_TITLE, arguments, ret, err);
}

static int small_number(Evaluation *evaluation, const char *name, json_object *value, int *ret, Error *err)
{
        int64_t number = json_object_get_int64(value);

        if (!json_object_is_type(value, json_type_int) || number < 0 || number > 4096)
                return bad_argument(evaluation, name, "a number from 0 to 4096", err);
        *ret = (int)number;
        return 0;
}

static int call_pad(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                    Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        const char *from = "";
        int before = 0, behind = 0, r;

        r = text_argument(evaluation, "pad", arguments[0], &from, err);
        if (r >= 0)
                r = small_number(evaluation, "pad", arguments[1], &before, err);
        if (r >= 0)
                r = small_number(evaluation, "pad", arguments[2], &behind, err);
        if (r < 0)
                return r;
        if (*from)
                buffer_printf(&text, "%*s%s%*s", before, "", from, behind, "");
        *ret = new_text(evaluation, &text);
        return 0;
}

static int call_truncate(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                         Error *err)
{
        const char *text = "";
        int length = 0, r;

        r = text_argument(evaluation, "truncate", arguments[0], &text, err);
        if (r >= 0)
                r = small_number(evaluation, "truncate", arguments[1], &length, err);
        if (r < 0)
                return r;
        if ((size_t)length > strlen(text))
                length = (int)strlen(text);
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
                length--;
        *ret = template_keep(evaluation, json_object_new_string_len(text, length));
        return 0;
}

/* Evaluated where their arguments are, so that the rest of these is not. */
static int call_logic(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                      Error *err)
{
        return template_fail(evaluation->position, err, "and, or: expected arguments");
}

static const TemplateFunction functions[] = {
        {"and", 1, 31, false, call_logic},
        {"eq", 2, 31, false, call_eq},
        {"ge", 2, 2, false, call_ge},
        {"gt", 2, 2, false, call_gt},
        {"index", 1, 31, false, call_index},
        {"join", 2, 2, true, call_join},
        {"json", 1, 1, true, call_json},
        {"le", 2, 2, false, call_le},
        {"len", 1, 1, false, call_len},
        {"lower", 1, 1, true, call_lower},
        {"lt", 2, 2, false, call_lt},
        {"ne", 2, 2, false, call_ne},
        {"not", 1, 1, false, call_not},
        {"or", 1, 31, false, call_logic},
        {"pad", 3, 3, true, call_pad},
        {"print", 0, 31, false, call_print},
        {"printf", 1, 31, false, template_printf},
        {"println", 0, 31, false, call_println},
        {"slice", 1, 3, false, call_slice},
        {"split", 2, 2, true, call_split},
        {"title", 1, 1, true, call_title},
        {"truncate", 2, 2, true, call_truncate},
        {"upper", 1, 1, true, call_upper},
};

const TemplateFunction *template_function(const char *name, const char **ret_nearest)
{
        Nearest nearest = {.wanted = name};

        for (size_t i = 0; i < ELEMENTSOF(functions); i++)
                if (text_equal(functions[i].name, name))
                        return &functions[i];
        for (size_t i = 0; ret_nearest && i < ELEMENTSOF(functions); i++)
                nearest_consider(&nearest, functions[i].name);
        if (ret_nearest)
                *ret_nearest = nearest.name;
        return NULL;
}
