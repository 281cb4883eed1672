/*
 * JSON from hostile places.
 *
 * json-c does the parsing; one scan before it enforces what json-c does not:
 *
 *   - depth, and the number of values and of containers: json-c spends up to 900 bytes on "{}," so that a
 * document of 4 MB could ask for more than a gigabyte;
 *   - no NUL, raw or as \u0000: C strings and json-c's keys would end there, and two readers of one document
 *     would disagree about what it says;
 *   - UTF-8 without overlong forms and surrogates, which json-c's own check lets pass;
 *   - no duplicate keys: json-c keeps the last one, others the first. The scan counts the colons outside
 * strings, which are the members as written; the parsed tree must have as many.
 *
 * The scan does not judge the grammar beyond the alphabet outside strings: whatever it lets pass, json-c's
 * strict mode still has to accept.
 */
#include "spec/json.h"

#include <string.h>

enum {
        CONTAINERS_MAXIMUM = 1 << 15,
        VALUES_MAXIMUM = 1 << 18,
};

/* What numbers, true, false, null and blanks are made of. */
static const char OUTSIDE_STRINGS[] = " \t\r\n+-.0123456789eEtrufalsn";

static int corrupt(Error *err, const char *what, const char *why)
{
        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: %s", what, why);
}

/* Length of the UTF-8 sequence at @p, where @available bytes can be read up to a NUL; 0 when it is none. */
static size_t utf8_length(const unsigned char *p, size_t available)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        size_t length = 0;
        uint32_t value;

        if (*p < 0x80)
                length = 1;
        else if ((*p & 0xe0) == 0xc0)
                length = 2;
        else if ((*p & 0xf0) == 0xe0)
                length = 3;
        else if ((*p & 0xf8) == 0xf0)
                length = 4;
        if (length > available)
                return 0;
        if (length < 2)
                return length;
        value = *p & (0x7fU >> length);
        for (size_t i = 1; i < length; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                value = value << 6 | (p[i] & 0x3fU);
        }
        return value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ? 0 : length;
}

/* Past the string whose opening quote is before @p; NULL with *ret_why when it is refused. */
static const char *scan_string(const char *p, const char *end, const char **ret_why)
{
        while (p < end) {
                size_t length = utf8_length((const unsigned char *)p, (size_t)(end - p));
                if (length == 0) {
                        *ret_why = "a string is not valid UTF-8";
                        return NULL;
                }
                if (*p == '"')
                        return p + 1;
                if ((unsigned char)*p < ' ') {
                        *ret_why = "not valid JSON: a control character in a string";
                        return NULL;
                }
                if (*p != '\\') {
                        p += length;
                        continue;
                }
                if (end - p >= 6 && memcmp(p, "\\u0000", 6) == 0) {
                        *ret_why = "a string contains a NUL character (\\u0000)";
                        return NULL;
                }
                if (end - p < 2)
                        break;
                p += 2;
        }
        *ret_why = "the document ends in the middle of a string";
        return NULL;
}

/* Checks the limits; counts the members into *ret_members. What was refused, or NULL. */
static const char *scan(const char *data, size_t length, size_t *ret_members)
{
        const char *p = data, *end = data + length, *why = NULL;
        size_t depth = 0, containers = 0, values = 0, members = 0;

        while (p < end) {
                switch (*p++) {
                case '"':
                        p = scan_string(p, end, &why);
                        if (!p)
                                return why;
                        break;
                case '{':
                case '[':
                        if (++depth > JSON_DEPTH_MAXIMUM)
                                return "nested too deeply (more than 64 levels)";
                        if (++containers > CONTAINERS_MAXIMUM)
                                return "too many objects and arrays (more than 32768)";
                        break;
                case '}':
                case ']':
                        if (depth > 0)
                                depth--;
                        break;
                case ',':
                        if (++values > VALUES_MAXIMUM)
                                return "too many values (more than 262144)";
                        break;
                case ':':
                        members++;
                        break;
                default:
                        /* Also what json-c takes, and this scan would not understand: NaN, Infinity,
                         * 'strings'. */
                        if (!memchr(OUTSIDE_STRINGS, p[-1], sizeof(OUTSIDE_STRINGS) - 1))
                                return "not valid JSON: an unexpected character outside of strings";
                        break;
                }
        }
        *ret_members = members;
        return NULL;
}

/* Depth is bounded by JSON_DEPTH_MAXIMUM. */
static size_t count_members(json_object *value)
{
        size_t count = 0;

        if (json_object_is_type(value, json_type_object)) {
                json_object_object_foreach(value, key, member)
                {
                        (void)key;
                        count += 1 + count_members(member);
                }
        } else if (json_object_is_type(value, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(value); i++)
                        count += count_members(json_object_array_get_idx(value, i));
        }
        return count;
}

static int describe_failure(json_tokener *tokener, const char *what, Error *err)
{
        enum json_tokener_error error = json_tokener_get_error(tokener);

        if (error == json_tokener_continue || error == json_tokener_error_parse_eof)
                return corrupt(err, what, "the document ends too early");
        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: not valid JSON at byte %zu: %s", what,
                         json_tokener_get_parse_end(tokener), json_tokener_error_desc(error));
}

static void tokener_freep(json_tokener **tokener)
{
        if (*tokener)
                json_tokener_free(*tokener);
}

int json_parse(const char *data, size_t length, const char *what, json_object **ret, Error *err)
{
        _cleanup_(tokener_freep) json_tokener *tokener = NULL;
        _cleanup_json_ json_object *document = NULL;
        size_t members = 0;
        const char *why;

        if (length > JSON_DOCUMENT_MAXIMUM)
                return fail_kind(err, ERROR_CORRUPT, EFBIG,
                                 "%s: the document has %zu bytes, more than the limit of %d", what, length,
                                 JSON_DOCUMENT_MAXIMUM);
        while (length > 0 && memchr(" \t\r\n", data[length - 1], 4))
                length--;
        if (length == 0)
                return corrupt(err, what, "the document is empty");
        why = scan(data, length, &members);
        if (why)
                return corrupt(err, what, why);

        /* One level more than we allow: json-c counts the scalars in the innermost container as a level. */
        tokener = json_tokener_new_ex(JSON_DEPTH_MAXIMUM + 1);
        if (!tokener)
                return fail_memory(err);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        document = json_tokener_parse_ex(tokener, data, (int)length);
        /* A number at the top ends only with the NUL that follows it. */
        if (json_tokener_get_error(tokener) == json_tokener_continue)
                document = json_tokener_parse_ex(tokener, "", 1);
        if (json_tokener_get_error(tokener) != json_tokener_success)
                return describe_failure(tokener, what, err);
        if (count_members(document) != members)
                return corrupt(err, what, "an object names one of its members twice");
        *ret = TAKE_PTR(document);
        return 0;
}

static const char *type_name(json_object *value)
{
        switch (json_object_get_type(value)) {
        case json_type_boolean:
                return "a boolean";
        case json_type_double:
                return "a fractional number";
        case json_type_int:
                return "a number";
        case json_type_object:
                return "an object";
        case json_type_array:
                return "an array";
        case json_type_string:
                return "a string";
        case json_type_null:
                break;
        }
        return "null";
}

/* 1 with the member in *ret, 0 without one, or -EINVAL. */
static int get(json_object *object, const char *key, json_type type, const char *expected, json_object **ret,
               Error *err)
{
        json_object *value = NULL;

        if (!json_object_is_type(object, json_type_object) ||
            !json_object_object_get_ex(object, key, &value) || !value)
                return 0;
        if (!json_object_is_type(value, type))
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: expected %s, found %s", key, expected,
                                 type_name(value));
        *ret = value;
        return 1;
}

int json_get_string(json_object *object, const char *key, const char **ret, Error *err)
{
        json_object *value = NULL;
        int r = get(object, key, json_type_string, "a string", &value, err);

        if (r > 0)
                *ret = json_object_get_string(value);
        return r;
}

int json_get_int64(json_object *object, const char *key, int64_t *ret, Error *err)
{
        json_object *value = NULL;
        int r = get(object, key, json_type_int, "a whole number", &value, err);

        if (r <= 0)
                return r;
        /* json-c cuts numbers that do not fit to the nearest that does. */
        if (json_object_get_uint64(value) > INT64_MAX || json_object_get_int64(value) == INT64_MIN)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: the number is out of range", key);
        *ret = json_object_get_int64(value);
        return 1;
}

int json_get_uint64(json_object *object, const char *key, uint64_t *ret, Error *err)
{
        json_object *value = NULL;
        int r = get(object, key, json_type_int, "a whole number", &value, err);

        if (r <= 0)
                return r;
        if (json_object_get_int64(value) < 0)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: the number is negative", key);
        *ret = json_object_get_uint64(value);
        return 1;
}

int json_get_bool(json_object *object, const char *key, bool *ret, Error *err)
{
        json_object *value = NULL;
        int r = get(object, key, json_type_boolean, "true or false", &value, err);

        if (r > 0)
                *ret = json_object_get_boolean(value);
        return r;
}

int json_get_object(json_object *object, const char *key, json_object **ret, Error *err)
{
        return get(object, key, json_type_object, "an object", ret, err);
}

int json_get_array(json_object *object, const char *key, json_object **ret, Error *err)
{
        return get(object, key, json_type_array, "an array", ret, err);
}

int json_get_strings(json_object *object, const char *key, StringList *ret, Error *err)
{
        json_object *array = NULL;
        int r = json_get_array(object, key, &array, err);

        if (r <= 0)
                return r;
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *item = json_object_array_get_idx(array, i);

                if (!json_object_is_type(item, json_type_string))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s[%zu]: expected a string, found %s",
                                         key, i, type_name(item));
                if (string_list_add(ret, json_object_get_string(item)) < 0)
                        return fail_memory(err);
        }
        return 1;
}

/* A copy in which bytes that are no UTF-8 (an argument may be any bytes) became U+FFFD one by one, as Go
 * writes them: a document of ours must never be one that json_parse() refuses. NULL without memory. */
static char *clean_copy(const char *text, size_t size)
{
        _cleanup_buffer_ Buffer clean = {0};
        _cleanup_free_ char *copy = strndup(text, size);

        if (!copy)
                return NULL;
        for (const unsigned char *p = (const unsigned char *)copy; *p;) {
                size_t length = utf8_length(p, SIZE_MAX);

                if (length > 0)
                        buffer_append(&clean, p, length);
                else
                        buffer_puts(&clean, "\xef\xbf\xbd");
                p += length > 0 ? length : 1;
        }
        return buffer_take(&clean);
}

static json_object *new_string(const char *text)
{
        const char *end = text;
        _cleanup_free_ char *copy = NULL;

        if (!text)
                return NULL;
        while (*end > 0)
                end++;
        if (!*end) /* ASCII, as nearly all is */
                return json_object_new_string_len(text, (int)(end - text));
        copy = clean_copy(text, SIZE_MAX);
        return copy ? json_object_new_string(copy) : NULL;
}

void json_set(json_object *object, const char *key, json_object *value)
{
        if (json_object_object_add(object, key, value) < 0)
                json_object_put(value);
}

void json_set_string(json_object *object, const char *key, const char *value)
{
        json_set(object, key, new_string(value));
}

void json_set_int64(json_object *object, const char *key, int64_t value)
{
        json_set(object, key, json_object_new_int64(value));
}

void json_set_bool(json_object *object, const char *key, bool value)
{
        json_set(object, key, json_object_new_boolean(value));
}

json_object *json_new_strings(const StringList *list)
{
        json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < list->count; i++) {
                json_object *item = new_string(list->items[i]);

                if (json_object_array_add(array, item) < 0)
                        json_object_put(item);
        }
        return array;
}

json_object *json_new_map(const StringList *list)
{
        json_object *object = json_object_new_object();

        for (size_t i = 0; object && i < list->count; i++) {
                size_t length = strcspn(list->items[i], "=");
                _cleanup_free_ char *key = clean_copy(list->items[i], length);

                if (key)
                        json_set_string(object, key,
                                        list->items[i][length] ? list->items[i] + length + 1 : "");
        }
        return object;
}

const char *json_text(json_object *object)
{
        return json_object_to_json_string_ext(object,
                                              JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}
