/* Cells that several lists have. */
#pragma once

#include "spec/json.h"

/* The member as text; "" when there is none. */
const char *row_text(json_object *item, const char *key);
int64_t row_number(json_object *item, const char *key);
/* Sets @key to "3 minutes ago". @seconds since 1970; 0, which images say that have no time: "N/A". */
void row_set_ago(json_object *row, const char *key, int64_t seconds);
/* "2026-11-24 05:18:20 +0000 UTC", in the caller's time zone. */
void row_set_time(json_object *row, const char *key, int64_t seconds);
/* "437MB" */
void row_set_size(json_object *row, const char *key, int64_t bytes);
/* The first 12 digits of an id without "sha256:"; all of it when @whole. */
void row_set_id(json_object *row, const char *key, const char *id, bool whole);
/* "a=b,c=d", and the labels themselves for {{.Label "a"}}, which belong to @labels' owner. */
void row_set_labels(json_object *row, json_object *labels);
/* Whether a --format template (NULL allowed) names the field, or all of them as JSON. */
bool row_wanted(const char *format, const char *field);
/* At most @limit characters, the last of them "…" when there were more. */
void row_set_short(json_object *row, const char *key, const char *text, size_t limit);
