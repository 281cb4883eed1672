/* Text: a growing buffer, lists of strings, and numbers read strictly. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing byte buffer that always keeps a NUL behind its content. Zero-initialised is empty. Allocation
 * failure is remembered in @failed and makes all later calls do nothing: check once, at the end. */
typedef struct Buffer {
        char *data;
        size_t length;
        size_t capacity;
        bool failed;
} Buffer;

void buffer_deinit(Buffer *buffer);
void buffer_append(Buffer *buffer, const void *data, size_t length);
void buffer_puts(Buffer *buffer, const char *text);
void buffer_putc(Buffer *buffer, char c);
void buffer_printf(Buffer *buffer, const char *format, ...) _printf_(2, 3);
/* Hands the content to the caller (to free), "" when empty; NULL when an allocation failed. */
char *buffer_take(Buffer *buffer);
#define _cleanup_buffer_ _cleanup_(buffer_deinit)

/* A list of strings that it owns; @items is NULL-terminated as soon as it is not NULL (execve can take it).
 * Zero-initialised is empty. */
typedef struct StringList {
        char **items;
        size_t count;
        size_t capacity;
} StringList;

void string_list_deinit(StringList *list);
/* Appends a copy. 0 or -ENOMEM. */
int string_list_add(StringList *list, const char *text);
/* Appends a string, whose ownership passes even on failure; NULL counts as -ENOMEM. */
int string_list_take(StringList *list, char *text);
int string_list_addf(StringList *list, const char *format, ...) _printf_(2, 3);
int string_list_copy(StringList *list, const StringList *from);
bool string_list_contains(const StringList *list, const char *text);
/* The value of NAME in a list of NAME=value, or NULL. */
const char *string_list_env_get(const StringList *list, const char *name);
/* Sets NAME=value (one string) in a list of such, replacing an entry of the same name in place. 0 or -ENOMEM.
 */
int string_list_env_set(StringList *list, const char *assignment);
/* Removes NAME from a list of NAME=value. */
void string_list_env_unset(StringList *list, const char *name);
#define _cleanup_strings_ _cleanup_(string_list_deinit)

static inline bool text_equal(const char *a, const char *b)
{
        return a == b || (a && b && __builtin_strcmp(a, b) == 0);
}

static inline bool text_empty(const char *text)
{
        return !text || !*text;
}

/* The rest of @text behind @prefix, or NULL when it does not start so. */
const char *text_after(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
/* A new string, or NULL without memory. */
char *text_printf(const char *format, ...) _printf_(1, 2);
/* Replaces *target by a copy of @text (NULL clears). 0 or -ENOMEM. */
int text_replace(char **target, const char *text);

/* A whole string of decimal digits (no sign, no blank), at most @maximum. 0, -EINVAL or -ERANGE. */
int text_to_u64(const char *text, uint64_t maximum, uint64_t *ret);
/* As text_to_u64, with an optional minus sign. */
int text_to_i64(const char *text, int64_t *ret);
/* "64m", "1g", "1.5GiB", "512": bytes, units of 1024 as Docker reads --memory and --shm-size. 0, -EINVAL,
 * -ERANGE. */
int text_to_size(const char *text, uint64_t *ret);
/* A Go duration ("1h30m", "10s", "500ms") or bare seconds, in nanoseconds. 0, -EINVAL, -ERANGE. */
int text_to_duration(const char *text, uint64_t *ret_nanoseconds);

/* 437000000 → "437MB" (units of 1000, three significant digits, as Docker prints sizes). */
void text_format_size(uint64_t bytes, char *buffer, size_t size);

/* Lower-case hex of @length bytes into @ret, which has 2 * length + 1 bytes. */
void text_hex(const void *data, size_t length, char *ret);

/* Number of edits between two short strings, for "did you mean"; at most 255. */
unsigned text_distance(const char *a, const char *b);

/* The text made safe to print on a terminal: control bytes and invalid UTF-8 become \xNN. New string or NULL.
 */
char *text_printable(const char *text);
/* Bytes of the printable UTF-8 character that @text begins with; 0: it begins with a control character, one
 * that changes the direction of writing, or no valid character. */
size_t text_printable_length(const char *text);
