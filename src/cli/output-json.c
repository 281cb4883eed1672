#include "cli/output.h"

/* @text: JSON text. json-c has escaped the control characters of ASCII; what is left stands in strings and
 * becomes \uNNNN. */
static void print_printable(const char *text)
{
        while (*text) {
                const unsigned char *c = (const unsigned char *)text;
                size_t length = text_printable_length(text);

                if (length) {
                        fwrite(text, 1, length, stdout);
                } else if ((*c & 0xe0) == 0xc0 && c[1]) {
                        length = 2;
                        printf("\\u%04x", (*c & 0x1fU) << 6 | (c[1] & 0x3fU));
                } else if ((*c & 0xf0) == 0xe0 && c[1] && c[2]) {
                        length = 3;
                        printf("\\u%04x", (*c & 0xfU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU));
                } else {
                        length = 1;
                        printf("\\u%04x", *c < 0x80 ? *c : 0xfffdU);
                }
                text += length;
        }
}

static void print_text(const char *text, bool terminal)
{
        if (terminal)
                print_printable(text);
        else
                fputs(text, stdout);
}

static void print_string(const char *text, bool terminal)
{
        _cleanup_json_ json_object *string = json_object_new_string(text);

        print_text(json_text(string), terminal);
}

static void print_pretty(json_object *value, int depth, bool terminal)
{
        bool first = true;

        if (json_object_is_type(value, json_type_object) && json_object_object_length(value)) {
                putchar('{');
                json_object_object_foreach(value, key, member)
                {
                        printf("%s\n%*s", first ? "" : ",", (depth + 1) * 4, "");
                        print_string(key, terminal);
                        fputs(": ", stdout);
                        print_pretty(member, depth + 1, terminal);
                        first = false;
                }
                printf("\n%*s}", depth * 4, "");
        } else if (json_object_is_type(value, json_type_array) && json_object_array_length(value)) {
                putchar('[');
                for (size_t i = 0; i < json_object_array_length(value); i++) {
                        printf("%s\n%*s", i ? "," : "", (depth + 1) * 4, "");
                        print_pretty(json_object_array_get_idx(value, i), depth + 1, terminal);
                }
                printf("\n%*s]", depth * 4, "");
        } else {
                print_text(json_text(value), terminal);
        }
}

void output_json(json_object *value, bool pretty)
{
        bool terminal = output_is_terminal(stdout);

        if (pretty)
                print_pretty(value, 0, terminal);
        else
                print_text(json_text(value), terminal);
        putchar('\n');
}
