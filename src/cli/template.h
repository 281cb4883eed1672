/* --format templates: the part of Go's text/template that docker's users type, over JSON values.
 *
 *   {{.State.Status}} {{json .}} {{index .Names 0}} {{len .Mounts}} {{printf "%-10s" .Name}} {{.Name |
 * upper}}
 *   {{range .Mounts}}…{{else}}…{{end}} {{range $key, $value := .Labels}}…{{end}} {{if eq .A "b"}}…{{else if
 * .C}}…{{end}}
 *   {{with .State}}…{{end}} {{$x := .Id}} {{break}} {{continue}} {{- trim -}} comments
 *
 * Functions: and or not eq ne lt le gt ge index slice len print println printf json split join title lower
 * upper pad truncate. Fields that differ from the document only in letter case are found (.ID for "Id"), as
 * Go's names and docker's JSON differ. A field that the whole value does not have is an error; one further
 * down prints "<no value>". */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "spec/json.h"

typedef struct Template Template;

typedef struct TemplateOptions {
        bool escapes; /* \t and \n outside of {{}} are tab and newline (lists have it, inspect has not) */
        bool titles;  /* the value is a row of column titles: functions that form text pass it on as it is */
} TemplateOptions;

/* ERROR_USAGE with the position and what was expected there. */
int template_parse(const char *text, const TemplateOptions *options, Template **ret, Error *err);
/* Appends to @ret. @value: a row; its userdata may be an object of labels, for {{.Label "name"}}. */
int template_execute(const Template *template, json_object *value, Buffer *ret, Error *err);
Template *template_free(Template *template);
DEFINE_CLEANUP(Template, template_free)
#define _cleanup_template_ _cleanup_(template_freep)
