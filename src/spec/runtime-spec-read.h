/* Inside of the runtime-spec reader: typed reads whose errors name the member by its whole path. */
#pragma once

#include "spec/runtime-spec.h"

/* Puts "@format." before a message that begins with a member's name, so that the path grows outwards:
 * "type: …" → "namespaces[2].type: …" → "linux.namespaces[2].type: …". Returns @result. */
int spec_within(Error *err, int result, const char *format, ...) _printf_(3, 4);
/* Raises "key: message", ERROR_CORRUPT. */
int spec_invalid(Error *err, const char *key, const char *message);
/* Raises "key: … is not supported by kelp", ERROR_UNSUPPORTED, when @object has a non-empty member @key. */
int spec_refuse(json_object *object, const char *key, Error *err);

/* As the json_get_ functions: 1, 0 when missing, or negative. Strings are copied; "" counts as missing. */
int spec_get_string(json_object *object, const char *key, char **ret, Error *err);
/* As spec_get_string; must be absolute. */
int spec_get_path(json_object *object, const char *key, char **ret, Error *err);
int spec_get_u32(json_object *object, const char *key, uint32_t maximum, uint32_t *ret, Error *err);
/* {"a": "b"} as "a=b". */
int spec_get_map(json_object *object, const char *key, StringList *ret, Error *err);
/* An array of absolute paths. */
int spec_get_paths(json_object *object, const char *key, StringList *ret, Error *err);
int spec_get_id_maps(json_object *object, const char *key, RuntimeIdMap **ret, size_t *ret_count, Error *err);

/* Reads one element of an array into a zeroed slot. */
typedef int SpecItemReader(json_object *item, void *slot, Error *err);
/* An array of objects into a new array of @size bytes each; @ret_items is a T **. What was read until a
 * failure stays there, for the owner's deinit. */
int spec_get_items(json_object *object, const char *key, SpecItemReader *reader, size_t size, void *ret_items,
                   size_t *ret_count, Error *err);

/* The sections, each in a file of its own. */
int runtime_spec_read_process(json_object *process, RuntimeProcess *ret, Error *err);
int runtime_spec_read_schedule(json_object *process, RuntimeProcess *ret, Error *err);
int runtime_spec_read_memory_policy(json_object *section, RuntimeSpec *ret, Error *err);
int runtime_spec_read_linux(json_object *section, RuntimeSpec *ret, Error *err);
