#include "cli/output.h"

#include "cli/template.h"

/* ---- terminals ---- */

bool output_is_terminal(FILE *stream)
{
        return isatty(fileno(stream)) == 1;
}

void output_text(const char *text, FILE *stream)
{
        if (!output_is_terminal(stream)) {
                fputs(text, stream);
                return;
        }
        while (*text) {
                size_t length = text_printable_length(text);

                if (length || *text == '\n' || *text == '\t') {
                        length += !length;
                        fwrite(text, 1, length, stream);
                        text += length;
                } else {
                        fprintf(stream, "\\x%02x", (unsigned)(unsigned char)*text++);
                }
        }
}

/* Escapes control characters of a row, newlines and tabs too: they would break the lines of a table. */
static void make_printable(json_object *row)
{
        json_object_object_foreach(row, key, value)
        {
                const char *text = json_object_is_type(value, json_type_string)
                                           ? json_object_get_string(value)
                                           : "",
                           *end = text;
                size_t length;

                while ((length = text_printable_length(end)))
                        end += length;
                if (*end) {
                        _cleanup_free_ char *safe = text_printable(text);

                        json_set_string(row, key, safe);
                }
        }
}

/* ---- tables ---- */

/* Columns that characters of a line take on a terminal. */
static size_t text_columns(char c)
{
        return ((unsigned char)c & 0xc0) != 0x80;
}

/* Lines with tabs between cells, aligned like docker's: three blanks between columns. */
void output_aligned(const char *text)
{
        enum { COLUMNS_MAXIMUM = 32 };
        size_t widths[COLUMNS_MAXIMUM] = {0};
        _cleanup_buffer_ Buffer lines = {0};
        size_t column = 0, width = 0;

        for (const char *c = text; *c; c++)
                if (*c == '\t' || *c == '\n') {
                        if (column < COLUMNS_MAXIMUM && width > widths[column])
                                widths[column] = width;
                        column = *c == '\n' ? 0 : column + 1;
                        width = 0;
                } else {
                        width += text_columns(*c);
                }
        column = width = 0;
        for (const char *c = text; *c; c++)
                if (*c == '\t') {
                        buffer_printf(&lines, "%*s",
                                      (int)(column < COLUMNS_MAXIMUM ? widths[column] - width + 3 : 3), "");
                        column++;
                        width = 0;
                } else {
                        buffer_putc(&lines, *c);
                        width += text_columns(*c);
                        if (*c == '\n')
                                column = width = 0;
                }
        output_text(lines.data ?: "", stdout);
}

static json_object *make_titles(const OutputTable *table)
{
        json_object *titles = json_object_new_object();

        for (size_t i = 0; i < table->count; i++)
                json_set_string(titles, table->columns[i].field, table->columns[i].title);
        return titles;
}

static int add_line(const Template *template, json_object *row, Buffer *text, Error *err)
{
        int r = template_execute(template, row, text, err);

        buffer_putc(text, '\n');
        return r;
}

static int print_table(json_object *rows, const OutputTable *table, const char *text, Error *err)
{
        _cleanup_json_ json_object *titles = make_titles(table);
        _cleanup_template_ Template *head = NULL, *line = NULL;
        _cleanup_buffer_ Buffer lines = {0};
        int r;

        r = template_parse(text, &(TemplateOptions){.escapes = true, .titles = true}, &head, err);
        if (r >= 0)
                r = template_parse(text, &(TemplateOptions){.escapes = true}, &line, err);
        if (r >= 0)
                r = add_line(head, titles, &lines, err);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                make_printable(row);
                r = add_line(line, row, &lines, err);
        }
        if (r < 0 || lines.failed)
                return r < 0 ? r : fail_memory(err);
        output_aligned(lines.data);
        return 0;
}

static int print_lines(json_object *rows, const char *text, Error *err)
{
        bool terminal = output_is_terminal(stdout);
        _cleanup_template_ Template *template = NULL;
        _cleanup_buffer_ Buffer line = {0};
        int r;

        r = template_parse(text, &(TemplateOptions){.escapes = true}, &template, err);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                if (terminal)
                        make_printable(row);
                line.length = 0;
                r = add_line(template, row, &line, err);
                if (r >= 0)
                        output_text(line.data, stdout);
        }
        return r;
}

int output_rows(json_object *rows, const OutputTable *table, const char *format, Error *err)
{
        const char *template = format ? text_after(format, "table ") : NULL;

        if (text_empty(format) || text_equal(format, "table"))
                return print_table(rows, table, table->standard, err);
        if (template)
                return print_table(rows, table, template + strspn(template, " "), err);
        if (!text_equal(format, "json"))
                return print_lines(rows, format, err);
        for (size_t i = 0; i < json_object_array_length(rows); i++)
                output_json(json_object_array_get_idx(rows, i), false);
        return 0;
}

/* ---- documents ---- */

int output_object(json_object *object, const char *format, Error *err)
{
        _cleanup_template_ Template *template = NULL;
        _cleanup_buffer_ Buffer text = {0};
        int r;

        if (text_equal(format, "json")) {
                output_json(object, false);
                return 0;
        }
        r = template_parse(format, &(TemplateOptions){0}, &template, err);
        if (r >= 0)
                r = add_line(template, object, &text, err);
        if (r >= 0)
                output_text(text.data, stdout);
        return r;
}

int output_documents(json_object *list, const char *format, Error *err)
{
        int r = 0;

        if (text_equal(format, "json")) {
                output_json(list, false);
        } else if (text_empty(format)) {
                output_json(list, true);
        } else {
                for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++)
                        r = output_object(json_object_array_get_idx(list, i), format, err);
        }
        return r;
}
