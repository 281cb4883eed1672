/* json-c, with limits for hostile documents and typed reads with errors that name the field. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        JSON_DEPTH_MAXIMUM = 64,
        JSON_DOCUMENT_MAXIMUM = 4 << 20, /* bytes: the limit registries use for manifests */
};

static inline void json_putp(json_object **object)
{
        if (*object)
                json_object_put(*object);
}
#define _cleanup_json_ _cleanup_(json_putp)

/* Parses one whole document of at most JSON_DOCUMENT_MAXIMUM bytes and JSON_DEPTH_MAXIMUM levels; valid UTF-8
 * only; trailing garbage, NaN, NUL characters and duplicate keys (the last would win silently) are refused.
 * @what names it in errors. On success *ret is the caller's to put. ERROR_CORRUPT. */
int json_parse(const char *data, size_t length, const char *what, json_object **ret, Error *err);

/* Typed reads of @object's member @key. A missing or null member gives 0 and leaves *ret as it was; a present
 * one of the right type gives 1; of another type, -EINVAL (ERROR_CORRUPT) naming the key. Returned pointers
 * belong to @object. */
int json_get_string(json_object *object, const char *key, const char **ret, Error *err);
int json_get_int64(json_object *object, const char *key, int64_t *ret, Error *err);
int json_get_uint64(json_object *object, const char *key, uint64_t *ret, Error *err);
int json_get_bool(json_object *object, const char *key, bool *ret, Error *err);
int json_get_object(json_object *object, const char *key, json_object **ret, Error *err);
int json_get_array(json_object *object, const char *key, json_object **ret, Error *err);
/* Appends an array of strings to *ret. */
int json_get_strings(json_object *object, const char *key, StringList *ret, Error *err);

/* Building: members that are NULL or cannot be allocated become null; bytes that are no UTF-8 become U+FFFD.
 */
void json_set_string(json_object *object, const char *key, const char *value);
void json_set_int64(json_object *object, const char *key, int64_t value);
void json_set_bool(json_object *object, const char *key, bool value);
/* Takes ownership of @value. */
void json_set(json_object *object, const char *key, json_object *value);
json_object *json_new_strings(const StringList *list);
/* {"a": "b"} from a list of "a=b". */
json_object *json_new_map(const StringList *list);
/* Compact text without escaped slashes; belongs to @object. */
const char *json_text(json_object *object);
