#include "cli/rows.h"

#include "base/clock.h"

const char *row_text(json_object *item, const char *key)
{
        return json_object_get_string(json_object_object_get(item, key)) ?: "";
}

int64_t row_number(json_object *item, const char *key)
{
        return json_object_get_int64(json_object_object_get(item, key));
}

void row_set_ago(json_object *row, const char *key, int64_t seconds)
{
        char span[CLOCK_TEXT_SIZE], text[CLOCK_TEXT_SIZE + 8];

        if (seconds <= 0) {
                json_set_string(row, key, "N/A");
                return;
        }
        clock_format_span(clock_now() - seconds * 1000000000, span, sizeof(span));
        snprintf(text, sizeof(text), "%s ago", span);
        json_set_string(row, key, text);
}

void row_set_time(json_object *row, const char *key, int64_t seconds)
{
        time_t when = (time_t)seconds;
        char text[64] = "N/A";
        struct tm parts;

        if (seconds > 0 && localtime_r(&when, &parts))
                strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &parts);
        json_set_string(row, key, text);
}

void row_set_size(json_object *row, const char *key, int64_t bytes)
{
        char text[32];

        text_format_size(bytes < 0 ? 0 : (uint64_t)bytes, text, sizeof(text));
        json_set_string(row, key, text);
}

void row_set_id(json_object *row, const char *key, const char *id, bool whole)
{
        char text[80];

        snprintf(text, sizeof(text), whole ? "%s" : "%.12s", whole ? id : text_after(id, "sha256:") ?: id);
        json_set_string(row, key, text);
}

void row_set_labels(json_object *row, json_object *labels)
{
        _cleanup_buffer_ Buffer text = {0};

        if (labels) {
                json_object_object_foreach(labels, key, value) buffer_printf(
                        &text, "%s%s=%s", text.length ? "," : "", key, json_object_get_string(value));
        }
        json_set_string(row, "Labels", text.data ?: "");
        json_object_set_userdata(row, labels, NULL);
}

bool row_wanted(const char *format, const char *field)
{
        return format && (text_equal(format, "json") || strstr(format, "json .") || strstr(format, field));
}

void row_set_short(json_object *row, const char *key, const char *text, size_t limit)
{
        _cleanup_free_ char *shorter = NULL;
        size_t length = 0, cut = 0;

        for (size_t i = 0; text[i]; i++)
                if (((unsigned char)text[i] & 0xc0) != 0x80 && length++ == limit - 1)
                        cut = i;
        shorter = length > limit ? text_printf("%.*s…", (int)cut, text) : strdup(text);
        json_set_string(row, key, shorter);
}
