/* printf of templates: Go's verbs for what JSON has. */
#include "cli/template-tree.h"

typedef struct Verb {
        char flags[8];
        int width, precision; /* -1: none */
        char letter;
} Verb;

/* Behind a %: the number of characters used; 0: there is no verb. */
static size_t read_verb(const char *text, Verb *ret)
{
        const char *c = text;
        size_t flags = 0;

        *ret = (Verb){.width = -1, .precision = -1};
        for (; *c && strchr("-+# 0", *c); c++)
                if (flags + 1 < sizeof(ret->flags) && !strchr(ret->flags, *c))
                        ret->flags[flags++] = *c;
        for (int *number = &ret->width;; number = &ret->precision) {
                if (*c >= '0' && *c <= '9')
                        *number = 0;
                for (; *c >= '0' && *c <= '9'; c++)
                        if (*number < 1000)
                                *number = *number * 10 + (*c - '0');
                if (number == &ret->precision || *c != '.')
                        break;
                ret->precision = 0;
                c++;
        }
        ret->letter = *c;
        return *c ? (size_t)(c + 1 - text) : 0;
}

static void put_padded(const Verb *verb, const char *text, Buffer *ret)
{
        int length = 0, bytes = 0;

        /* Width and precision count characters, not bytes. */
        for (const char *c = text; *c; c++) {
                bool starts = ((unsigned char)*c & 0xc0) != 0x80;

                if (starts && verb->precision >= 0 && length == verb->precision)
                        break;
                length += starts;
                bytes++;
        }
        if (!strchr(verb->flags, '-') && verb->width > length)
                buffer_printf(ret, "%*s", verb->width - length, "");
        buffer_append(ret, text, (size_t)bytes);
        if (strchr(verb->flags, '-') && verb->width > length)
                buffer_printf(ret, "%*s", verb->width - length, "");
}

static void put_quoted(const Verb *verb, const char *text, Buffer *ret)
{
        _cleanup_buffer_ Buffer quoted = {0};

        buffer_putc(&quoted, '"');
        for (; *text; text++) {
                static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
                const char *found = strchr(from, *text);

                if (found)
                        buffer_printf(&quoted, "\\%c", to[found - from]);
                else if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        buffer_printf(&quoted, "\\x%02x", (unsigned)(unsigned char)*text);
                else
                        buffer_putc(&quoted, *text);
        }
        buffer_putc(&quoted, '"');
        put_padded(verb, quoted.data ?: "", ret);
}

/* Width and alignment only: the precision has been used. */
static void put_aligned(const Verb *verb, const Buffer *text, Buffer *ret)
{
        Verb plain = {.width = verb->width, .precision = -1};

        plain.flags[0] = strchr(verb->flags, '-') ? '-' : 0;
        put_padded(&plain, text->data ?: "", ret);
}

/* %d %x %X %o %b */
static void put_integer(const Verb *verb, int64_t value, Buffer *ret)
{
        uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
        unsigned base = verb->letter == 'o'          ? 8
                        : verb->letter == 'b'        ? 2
                        : (verb->letter | 32) == 'x' ? 16
                                                     : 10;
        bool zeros = strchr(verb->flags, '0') && !strchr(verb->flags, '-');
        const char *sign = value < 0                  ? "-"
                           : strchr(verb->flags, '+') ? "+"
                           : strchr(verb->flags, ' ') ? " "
                                                      : "";
        _cleanup_buffer_ Buffer text = {0};
        char digits[72];
        int at = sizeof(digits) - 1, length;

        digits[at] = 0;
        do {
                digits[--at] = (verb->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base];
                rest /= base;
        } while (rest);
        length = (int)(strlen(sign) + strlen(digits + at));
        buffer_puts(&text, sign);
        for (int i = length; zeros && i < verb->width; i++)
                buffer_putc(&text, '0');
        buffer_puts(&text, digits + at);
        put_aligned(verb, &text, ret);
}

/* %f %e %g */
static void put_real(const Verb *verb, double value, Buffer *ret)
{
        int precision = verb->precision < 0 ? 6 : verb->precision > 40 ? 40 : verb->precision;
        _cleanup_buffer_ Buffer text = {0};

        if (strchr(verb->flags, '+') && value >= 0)
                buffer_putc(&text, '+');
        if (verb->letter == 'f')
                buffer_printf(&text, "%.*f", precision, value);
        else if (verb->letter == 'e')
                buffer_printf(&text, "%.*e", precision, value);
        else
                buffer_printf(&text, "%.*g", precision, value);
        put_aligned(verb, &text, ret);
}

static void put_hex(const Verb *verb, const char *text, Buffer *ret)
{
        _cleanup_buffer_ Buffer hex = {0};

        for (; *text; text++)
                buffer_printf(&hex, verb->letter == 'x' ? "%02x" : "%02X", (unsigned)(unsigned char)*text);
        put_padded(verb, hex.data ?: "", ret);
}

/* As Go tells that a verb and a value do not go together. */
static void put_wrong(const Verb *verb, json_object *value, Buffer *ret)
{
        buffer_printf(ret, "%%!%c(%s=", verb->letter, json_type_to_name(json_object_get_type(value)));
        template_print_value(value, ret);
        buffer_putc(ret, ')');
}

static void put_value(const Verb *verb, json_object *value, Buffer *ret)
{
        json_type type = json_object_get_type(value);
        bool whole = type == json_type_int;
        _cleanup_buffer_ Buffer text = {0};

        if (whole && strchr("dxXob", verb->letter)) {
                put_integer(verb, json_object_get_int64(value), ret);
        } else if ((whole || type == json_type_double) && strchr("feg", verb->letter)) {
                put_real(verb, json_object_get_double(value), ret);
        } else if (type == json_type_string && strchr("xX", verb->letter)) {
                put_hex(verb, json_object_get_string(value), ret);
        } else if (verb->letter == 'v' ||
                   (verb->letter == 's' && (type == json_type_string || type == json_type_array)) ||
                   (verb->letter == 't' && type == json_type_boolean)) {
                template_print_value(value, &text);
                put_padded(verb, text.data ?: "", ret);
        } else if (verb->letter == 'q' && type == json_type_string) {
                put_quoted(verb, json_object_get_string(value), ret);
        } else {
                put_wrong(verb, value, ret);
        }
}

int template_printf(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                    Error *err)
{
        const char *format = json_object_get_string(arguments[0]);
        _cleanup_buffer_ Buffer text = {0};
        size_t next = 1;

        if (!json_object_is_type(arguments[0], json_type_string))
                return template_fail(evaluation->position, err, "printf: expected a string as its format");
        while (*format) {
                Verb verb;
                size_t used;

                if (*format != '%') {
                        buffer_putc(&text, *format++);
                        continue;
                }
                used = read_verb(format + 1, &verb);
                if (!used)
                        return template_fail(evaluation->position, err, "printf: expected a verb behind %%");
                format += used + 1;
                if (verb.letter == '%')
                        buffer_putc(&text, '%');
                else if (next >= count)
                        return template_fail(evaluation->position, err,
                                             "printf: expected an argument for %%%c", verb.letter);
                else
                        put_value(&verb, arguments[next++], &text);
        }
        if (next < count)
                return template_fail(evaluation->position, err,
                                     "printf: %zu arguments more than the format has verbs", count - next);
        *ret = template_keep(evaluation, json_object_new_string_len(text.data ?: "", (int)text.length));
        return 0;
}
