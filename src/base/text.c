#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool buffer_reserve(Buffer *buffer, size_t more)
{
        size_t needed, capacity;
        char *data;

        if (buffer->failed)
                return false;
        if (__builtin_add_overflow(buffer->length, more, &needed) ||
            __builtin_add_overflow(needed, 1, &needed))
                goto failed;
        if (buffer->data && needed <= buffer->capacity)
                return true;
        capacity = buffer->capacity ? buffer->capacity : 128;
        while (capacity < needed)
                if (__builtin_mul_overflow(capacity, 2, &capacity))
                        goto failed;
        data = realloc(buffer->data, capacity);
        if (!data)
                goto failed;
        buffer->data = data;
        buffer->capacity = capacity;
        return true;
failed:
        buffer->failed = true;
        return false;
}

void buffer_deinit(Buffer *buffer)
{
        free(buffer->data);
        *buffer = (Buffer){0};
}

void buffer_append(Buffer *buffer, const void *data, size_t length)
{
        if (!buffer_reserve(buffer, length))
                return;
        if (length)
                memcpy(buffer->data + buffer->length, data, length);
        buffer->length += length;
        buffer->data[buffer->length] = '\0';
}

void buffer_puts(Buffer *buffer, const char *text)
{
        buffer_append(buffer, text, strlen(text));
}

void buffer_putc(Buffer *buffer, char c)
{
        buffer_append(buffer, &c, 1);
}

void buffer_printf(Buffer *buffer, const char *format, ...)
{
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        if (length < 0 || !buffer_reserve(buffer, (size_t)length)) {
                buffer->failed = true;
                return;
        }
        va_start(arguments, format);
        vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
        va_end(arguments);
        buffer->length += (size_t)length;
}

char *buffer_take(Buffer *buffer)
{
        char *data;

        buffer_append(buffer, "", 0);
        if (buffer->failed) {
                buffer_deinit(buffer);
                return NULL;
        }
        data = TAKE_PTR(buffer->data);
        *buffer = (Buffer){0};
        return data;
}

void string_list_deinit(StringList *list)
{
        for (size_t i = 0; i < list->count; i++)
                free(list->items[i]);
        free(list->items);
        *list = (StringList){0};
}

int string_list_take(StringList *list, char *text)
{
        if (!text)
                return -ENOMEM;
        if (list->count + 2 > list->capacity) {
                size_t capacity = list->capacity ? list->capacity * 2 : 8;
                char **items = reallocarray(list->items, capacity, sizeof(*items));

                if (!items) {
                        free(text);
                        return -ENOMEM;
                }
                list->items = items;
                list->capacity = capacity;
        }
        list->items[list->count++] = text;
        list->items[list->count] = NULL;
        return 0;
}

int string_list_add(StringList *list, const char *text)
{
        return string_list_take(list, strdup(text));
}

int string_list_addf(StringList *list, const char *format, ...)
{
        va_list arguments;
        char *text = NULL;
        int length;

        va_start(arguments, format);
        length = vasprintf(&text, format, arguments);
        va_end(arguments);
        return string_list_take(list, length < 0 ? NULL : text);
}

int string_list_copy(StringList *list, const StringList *from)
{
        for (size_t i = 0; i < from->count; i++)
                if (string_list_add(list, from->items[i]) < 0)
                        return -ENOMEM;
        return 0;
}

bool string_list_contains(const StringList *list, const char *text)
{
        for (size_t i = 0; i < list->count; i++)
                if (strcmp(list->items[i], text) == 0)
                        return true;
        return false;
}

static size_t string_list_env_find(const StringList *list, const char *name, size_t length)
{
        for (size_t i = 0; i < list->count; i++)
                if (strncmp(list->items[i], name, length) == 0 && list->items[i][length] == '=')
                        return i;
        return SIZE_MAX;
}

const char *string_list_env_get(const StringList *list, const char *name)
{
        size_t length = strlen(name);
        size_t i = string_list_env_find(list, name, length);

        return i == SIZE_MAX ? NULL : list->items[i] + length + 1;
}

int string_list_env_set(StringList *list, const char *assignment)
{
        size_t i = string_list_env_find(list, assignment, strcspn(assignment, "="));

        if (i == SIZE_MAX)
                return string_list_add(list, assignment);
        return text_replace(&list->items[i], assignment);
}

void string_list_env_unset(StringList *list, const char *name)
{
        size_t length = strlen(name), kept = 0;

        for (size_t i = 0; i < list->count; i++) {
                if (strncmp(list->items[i], name, length) == 0 && list->items[i][length] == '=')
                        free(list->items[i]);
                else
                        list->items[kept++] = list->items[i];
        }
        if (list->items)
                list->items[kept] = NULL;
        list->count = kept;
}

const char *text_after(const char *text, const char *prefix)
{
        size_t length = strlen(prefix);

        return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

bool text_ends(const char *text, const char *suffix)
{
        size_t length = strlen(text), suffix_length = strlen(suffix);

        return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

char *text_printf(const char *format, ...)
{
        va_list arguments;
        char *text = NULL;
        int length;

        va_start(arguments, format);
        length = vasprintf(&text, format, arguments);
        va_end(arguments);
        return length < 0 ? NULL : text;
}

int text_replace(char **target, const char *text)
{
        char *copy = NULL;

        if (text) {
                copy = strdup(text);
                if (!copy)
                        return -ENOMEM;
        }
        free(*target);
        *target = copy;
        return 0;
}

int text_to_u64(const char *text, uint64_t maximum, uint64_t *ret)
{
        uint64_t value = 0;

        if (text_empty(text))
                return -EINVAL;
        for (const char *p = text; *p; p++) {
                if (*p < '0' || *p > '9')
                        return -EINVAL;
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value) || value > maximum)
                        return -ERANGE;
        }
        *ret = value;
        return 0;
}

int text_to_i64(const char *text, int64_t *ret)
{
        bool negative = text && text[0] == '-';
        uint64_t value;
        int r;

        r = text_to_u64(negative ? text + 1 : text, INT64_MAX, &value);
        if (r < 0)
                return r;
        *ret = negative ? -(int64_t)value : (int64_t)value;
        return 0;
}

/* Reads digits[.digits] from *text on, scaled by @scale. */
static int parse_scaled(const char **text, long double *ret)
{
        const char *p = *text;
        long double value = 0, unit = 1;

        if (!isdigit((unsigned char)*p))
                return -EINVAL;
        for (; isdigit((unsigned char)*p); p++)
                value = value * 10 + (*p - '0');
        if (*p == '.') {
                p++;
                if (!isdigit((unsigned char)*p))
                        return -EINVAL;
                for (; isdigit((unsigned char)*p); p++)
                        value += (*p - '0') * (unit /= 10);
        }
        *text = p;
        *ret = value;
        return 0;
}

int text_to_size(const char *text, uint64_t *ret)
{
        static const char units[] = "bkmgtpe";
        long double value;
        uint64_t scale = 1;
        const char *unit;
        int r;

        if (!text)
                return -EINVAL;
        r = parse_scaled(&text, &value);
        if (r < 0)
                return r;
        if (*text) {
                unit = strchr(units, tolower((unsigned char)*text));
                if (!unit)
                        return -EINVAL;
                scale = (uint64_t)1 << (10 * (unit - units));
                text++;
                if (scale > 1) {
                        if (*text == 'i')
                                text++;
                        if (*text == 'b' || *text == 'B')
                                text++;
                }
                if (*text)
                        return -EINVAL;
        }
        value *= scale;
        if (value >= 9.2e18L)
                return -ERANGE;
        *ret = (uint64_t)value;
        return 0;
}

int text_to_duration(const char *text, uint64_t *ret_nanoseconds)
{
        static const struct {
                const char *suffix;
                uint64_t nanoseconds;
        } units[] = {
                {"ns", 1},
                {"us", 1000},
                {"ms", 1000000},
                {"s", 1000000000ULL},
                {"m", 60000000000ULL},
                {"h", 3600000000000ULL},
        };
        long double total = 0;

        if (text_empty(text))
                return -EINVAL;
        while (*text) {
                long double value;
                size_t i;
                int r;

                r = parse_scaled(&text, &value);
                if (r < 0)
                        return r;
                if (!*text && total == 0) {
                        total = value * 1e9L;
                        break;
                }
                for (i = 0; i < ELEMENTSOF(units); i++) {
                        const char *rest = text_after(text, units[i].suffix);

                        if (rest && (!*rest || isdigit((unsigned char)*rest))) {
                                text = rest;
                                break;
                        }
                }
                if (i == ELEMENTSOF(units))
                        return -EINVAL;
                total += value * units[i].nanoseconds;
        }
        if (total >= 9.2e18L)
                return -ERANGE;
        *ret_nanoseconds = (uint64_t)total;
        return 0;
}

void text_format_size(uint64_t bytes, char *buffer, size_t size)
{
        static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
        double value = (double)bytes;
        size_t unit = 0;

        /* 999.5 would print as 1e+03 in three digits. */
        while (value >= 999.5 && unit + 1 < ELEMENTSOF(units)) {
                value /= 1000;
                unit++;
        }
        snprintf(buffer, size, "%.3g%s", value, units[unit]);
}

void text_hex(const void *data, size_t length, char *ret)
{
        static const char digits[] = "0123456789abcdef";
        const unsigned char *bytes = data;

        for (size_t i = 0; i < length; i++) {
                ret[2 * i] = digits[bytes[i] >> 4];
                ret[2 * i + 1] = digits[bytes[i] & 15];
        }
        ret[2 * length] = '\0';
}

unsigned text_distance(const char *a, const char *b)
{
        unsigned row[64], diagonal, above;
        size_t a_length = strlen(a), b_length = strlen(b);

        if (a_length >= ELEMENTSOF(row) || b_length >= ELEMENTSOF(row))
                return 255;
        for (size_t j = 0; j <= b_length; j++)
                row[j] = (unsigned)j;
        for (size_t i = 1; i <= a_length; i++) {
                diagonal = row[0];
                row[0] = (unsigned)i;
                for (size_t j = 1; j <= b_length; j++) {
                        unsigned best = diagonal + (a[i - 1] != b[j - 1]);

                        above = row[j];
                        if (above + 1 < best)
                                best = above + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        diagonal = above;
                        row[j] = best;
                }
        }
        return row[b_length];
}

size_t text_printable_length(const char *text)
{
        const unsigned char *p = (const unsigned char *)text;
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        size_t length;
        uint32_t value;

        if (*p < 0x80)
                return *p >= 0x20 && *p != 0x7f;
        if ((*p & 0xe0) == 0xc0)
                length = 2;
        else if ((*p & 0xf0) == 0xe0)
                length = 3;
        else if ((*p & 0xf8) == 0xf0)
                length = 4;
        else
                return 0;
        value = *p & (0x7fU >> length);
        for (size_t i = 1; i < length; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                value = value << 6 | (p[i] & 0x3fU);
        }
        if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ||
            value < 0xa0 || (value >= 0x202a && value <= 0x202e) || (value >= 0x2066 && value <= 0x2069))
                return 0;
        return length;
}

char *text_printable(const char *text)
{
        _cleanup_buffer_ Buffer buffer = {0};
        const unsigned char *p = (const unsigned char *)text;

        while (*p) {
                size_t length = text_printable_length((const char *)p);

                if (length) {
                        buffer_append(&buffer, p, length);
                        p += length;
                } else {
                        buffer_printf(&buffer, "\\x%02x", *p++);
                }
        }
        return buffer_take(&buffer);
}
