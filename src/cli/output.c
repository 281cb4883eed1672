#include "cli/output.h"

static json_object *find_field(json_object *object, const char *path, size_t length)
{
        while (object && length) {
                size_t part;
                char name[128];

                path++, length--; /* the dot */
                part = 0;
                while (part < length && path[part] != '.')
                        part++;
                if (part) {
                        snprintf(name, sizeof(name), "%.*s", (int)part, path);
                        object = json_object_object_get(object, name);
                }
                path += part;
                length -= part;
        }
        return object;
}

/* As Go prints a value with %v. */
static void put_value(json_object *value, Buffer *ret)
{
        bool first = true;

        switch (json_object_get_type(value)) {
        case json_type_null:
                buffer_puts(ret, "<no value>");
                break;
        case json_type_array:
                buffer_putc(ret, '[');
                for (size_t i = 0; i < json_object_array_length(value); i++) {
                        buffer_puts(ret, i ? " " : "");
                        put_value(json_object_array_get_idx(value, i), ret);
                }
                buffer_putc(ret, ']');
                break;
        case json_type_object:
                buffer_puts(ret, "map[");
                json_object_object_foreach(value, key, member)
                {
                        buffer_printf(ret, "%s%s:", first ? "" : " ", key);
                        put_value(member, ret);
                        first = false;
                }
                buffer_putc(ret, ']');
                break;
        default:
                buffer_puts(ret, json_object_get_string(value));
        }
}

static bool is_path(const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++)
                if (text[i] != '.' && text[i] != '_' && text[i] != '-' &&
                    !((text[i] | 32) >= 'a' && (text[i] | 32) <= 'z') && !(text[i] >= '0' && text[i] <= '9'))
                        return false;
        return length > 0 && *text == '.';
}

/* What stands between {{ and }}. */
static int expand_action(const char *text, size_t length, json_object *object, Buffer *ret, Error *err)
{
        static const char *const functions[] = {"", "json ", "len "};

        while (length && *text == ' ')
                text++, length--;
        while (length && text[length - 1] == ' ')
                length--;
        for (size_t i = ELEMENTSOF(functions); i-- > 0;) {
                size_t skip = strlen(functions[i]);
                json_object *value;

                if (length < skip || memcmp(text, functions[i], skip) != 0 ||
                    !is_path(text + skip, length - skip))
                        continue;
                value = find_field(object, text + skip, length - skip);
                if (i == 0)
                        put_value(value, ret);
                else if (i == 1)
                        buffer_puts(ret, value ? json_text(value) : "null");
                else
                        buffer_printf(ret, "%zu",
                                      json_object_is_type(value, json_type_array)
                                              ? json_object_array_length(value)
                                      : json_object_is_type(value, json_type_object)
                                              ? (size_t)json_object_object_length(value)
                                      : value ? strlen(json_object_get_string(value))
                                              : 0);
                return 0;
        }
        fail_kind(err, ERROR_USAGE, EINVAL, "template: {{%.*s}} cannot be understood", (int)length, text);
        return fail_hint(err, "there are {{.Field}}, {{.Field.Field}}, {{json .Field}} and {{len .Field}}");
}

int template_expand(const char *format, json_object *object, Buffer *ret, Error *err)
{
        while (*format) {
                const char *end;
                int r;

                if (format[0] == '\\' && (format[1] == 't' || format[1] == 'n')) {
                        buffer_putc(ret, format[1] == 't' ? '\t' : '\n');
                        format += 2;
                } else if (text_after(format, "{{")) {
                        end = strstr(format, "}}");
                        if (!end)
                                return fail_kind(err, ERROR_USAGE, EINVAL, "template: '%s' has no closing }}",
                                                 format);
                        r = expand_action(format + 2, (size_t)(end - format - 2), object, ret, err);
                        if (r < 0)
                                return r;
                        format = end + 2;
                } else {
                        buffer_putc(ret, *format++);
                }
        }
        return ret->failed ? fail_memory(err) : 0;
}

/* Lines with tabs between cells, aligned like docker's: three blanks between columns. */
static void print_aligned(char *text)
{
        enum { COLUMNS_MAXIMUM = 32 };
        size_t widths[COLUMNS_MAXIMUM] = {0};
        size_t column = 0, width = 0;

        for (const char *c = text; *c; c++)
                if (*c == '\t' || *c == '\n') {
                        if (column < COLUMNS_MAXIMUM && width > widths[column])
                                widths[column] = width;
                        column = *c == '\n' ? 0 : column + 1;
                        width = 0;
                } else {
                        width += ((unsigned char)*c & 0xc0) != 0x80;
                }
        column = width = 0;
        for (const char *c = text; *c; c++)
                if (*c == '\t') {
                        printf("%*s", (int)(column < COLUMNS_MAXIMUM ? widths[column] - width + 3 : 3), "");
                        column++;
                        width = 0;
                } else {
                        putchar(*c);
                        width += ((unsigned char)*c & 0xc0) != 0x80;
                        if (*c == '\n')
                                column = width = 0;
                }
}

static json_object *make_titles(const Column *columns, size_t count)
{
        json_object *titles = json_object_new_object();

        for (size_t i = 0; i < count; i++)
                json_set_string(titles, columns[i].field, columns[i].title);
        return titles;
}

static int print_table(json_object *rows, const Column *columns, size_t count, const char *template,
                       Error *err)
{
        _cleanup_json_ json_object *titles = make_titles(columns, count);
        _cleanup_buffer_ Buffer text = {0};
        int r;

        r = template_expand(template, titles, &text, err);
        buffer_putc(&text, '\n');
        for (size_t i = 0; r >= 0 && i < json_object_array_length(rows); i++) {
                r = template_expand(template, json_object_array_get_idx(rows, i), &text, err);
                buffer_putc(&text, '\n');
        }
        if (r < 0 || text.failed)
                return r < 0 ? r : fail_memory(err);
        print_aligned(text.data);
        return 0;
}

int output_rows(json_object *rows, const Column *columns, size_t count, const char *format, Error *err)
{
        _cleanup_buffer_ Buffer standard = {0};
        const char *table = format ? text_after(format, "table ") : NULL;

        for (size_t i = 0; !format && i < count; i++)
                buffer_printf(&standard, "%s{{.%s}}", i ? "\t" : "", columns[i].field);
        if (!format || table)
                return print_table(rows, columns, count, table ?: standard.data ?: "", err);
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);
                _cleanup_buffer_ Buffer text = {0};
                int r;

                r = template_expand(text_equal(format, "json") ? "{{json .}}" : format, row, &text, err);
                if (r < 0)
                        return r;
                printf("%s\n", text.data ?: "");
        }
        return 0;
}
