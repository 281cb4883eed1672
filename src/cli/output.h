/* Rows of things, as docker prints them: aligned columns, --format templates, JSON; whole documents for
 * inspect; and text out of images and containers made harmless for a terminal. */
#pragma once

#include "base/error.h"
#include "spec/json.h"

typedef struct Column {
        const char *title; /* "CONTAINER ID" */
        const char *field; /* member of a row: "ID" */
} Column;

typedef struct OutputTable {
        const Column *columns; /* all that templates can name */
        size_t count;
        const char *standard; /* template of the usual table: "{{.ID}}\t{{.Image}}" */
} OutputTable;

/* Prints @rows (an array of objects). @format NULL or "table": the usual table with a title line; "json": one
 * object a line; "table TEMPLATE": aligned with titles; else the template for each row. In tables, and on a
 * terminal, control characters are escaped. ERROR_USAGE for a template that cannot be understood. */
int output_rows(json_object *rows, const OutputTable *table, const char *format, Error *err);
/* Prints lines with tabs between cells as columns; control characters are to be escaped before. */
void output_aligned(const char *text);
/* Prints @list as inspect does: a JSON array; @format "json": the same on one line; else the template for
 * each. */
int output_documents(json_object *list, const char *format, Error *err);
/* Prints one object: @format "json" on one line, else a template. */
int output_object(json_object *object, const char *format, Error *err);

/* Prints a value as JSON with a newline behind it: on one line, or @pretty, with four blanks a level as
 * docker's. On a terminal no control character is left in it. */
void output_json(json_object *value, bool pretty);

bool output_is_terminal(FILE *stream);
/* Prints text that comes from an image, container or registry: on a terminal, control characters (but
 * newlines and tabs) and invalid UTF-8 become \xNN. */
void output_text(const char *text, FILE *stream);
