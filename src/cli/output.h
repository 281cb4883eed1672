/* Rows of things, as docker prints them: aligned columns, --format templates, JSON. */
#pragma once

#include "base/error.h"
#include "spec/json.h"

typedef struct Column {
        const char *title; /* "CONTAINER ID" */
        const char *field; /* member of a row: "ID" */
} Column;

/* Prints @rows (an array of objects). @format NULL: @columns with a title line; "json": one object a line;
 * "table TEMPLATE": aligned with titles; else the template for each row. ERROR_USAGE for a template that
 * cannot be understood. */
int output_rows(json_object *rows, const Column *columns, size_t count, const char *format, Error *err);
/* One object by a template: text with {{.Field.Field}}, {{json .Field}}, {{len .Field}} and {{.}}; \t and \n
 * are tab and newline. Appends to @ret. */
int template_expand(const char *format, json_object *object, Buffer *ret, Error *err);
