/*
 * Errors.
 *
 * A function that can fail returns 0 (or a documented positive value) for success and a negative errno for
 * failure, and fills the Error that its caller owns. The Error has a fixed size and no pointers: it can be
 * filled after clone() in a child, and travels over a socket as it is.
 *
 *   fail()       raises: sets code, kind and message, returns -code.
 *   fail_wrap()  adds context in front of what a callee raised: "pull busybox: layer 2: connection refused".
 *   fail_hint()  adds what the user can do about it, printed on a line of its own.
 *
 * A message names the thing and the layer that refused; it carries no final full stop and no newline.
 * Every function here accepts err == NULL (the caller only wants the number).
 */
#pragma once

#include <errno.h>
#include <stddef.h>

#define _printf_(string_index, first_to_check) __attribute__((format(printf, string_index, first_to_check)))

/* What class of failure it is, for callers that act on it (exit status, HTTP status, retry). */
typedef enum ErrorKind {
        ERROR_GENERIC,
        ERROR_USAGE,             /* the request itself is malformed */
        ERROR_NOT_FOUND,         /* the named object does not exist */
        ERROR_CONFLICT,          /* name taken, object in use or in the wrong state */
        ERROR_UNAUTHORIZED,      /* a registry refused the credentials */
        ERROR_UNSUPPORTED,       /* this host cannot do it */
        ERROR_CORRUPT,           /* content does not match its digest or format */
        ERROR_COMMAND_NOT_FOUND, /* the container's command does not exist: exit status 127 */
        ERROR_NOT_EXECUTABLE,    /* the container's command cannot be executed: exit status 126 */
        ERROR_NO_OVERLAY,        /* layers cannot be mounted on top of each other on this host */
        ERROR_KIND_COUNT,
} ErrorKind;

enum {
        ERROR_MESSAGE_SIZE = 1024,
        ERROR_HINT_SIZE = 512,
};

typedef struct Error {
        int code; /* a positive errno; 0: no error */
        ErrorKind kind;
        char message[ERROR_MESSAGE_SIZE];
        char hint[ERROR_HINT_SIZE];
} Error;

#define ERROR_INIT {0}

/* Raises: fills *err with the positive errno @code and the message; kind ERROR_GENERIC (ERROR_NOT_FOUND is
 * never guessed from ENOENT). Returns -code. */
int fail(Error *err, int code, const char *format, ...) _printf_(3, 4);

/* As fail(), with a kind. */
int fail_kind(Error *err, ErrorKind kind, int code, const char *format, ...) _printf_(4, 5);

/* As fail(), and appends ": " and the text of the errno @code. */
int fail_errno(Error *err, int code, const char *format, ...) _printf_(3, 4);

/* Puts "context: " in front of the message that a callee raised with result @result (negative errno) and
 * returns @result. When the callee left no message, its errno text becomes the message. */
int fail_wrap(Error *err, int result, const char *format, ...) _printf_(3, 4);

/* Sets the hint (what to do about it) of an error already raised; returns -err->code, or -EINVAL when err is
 * NULL or empty. */
int fail_hint(Error *err, const char *format, ...) _printf_(2, 3);

/* Raises "out of memory". Returns -ENOMEM. */
int fail_memory(Error *err);

/* Forgets what was raised. */
void error_clear(Error *err);

#if defined(__clang_analyzer__) && !defined(ERROR_DEFINITIONS)
/* The analyzer sees one file at a time: what it has to know of error.c is that a failure is negative. */
#define fail(...)        (fail(__VA_ARGS__), -1)
#define fail_kind(...)   (fail_kind(__VA_ARGS__), -1)
#define fail_errno(...)  (fail_errno(__VA_ARGS__), -1)
#define fail_hint(...)   (fail_hint(__VA_ARGS__), -1)
#define fail_memory(...) (fail_memory(__VA_ARGS__), -1)
#endif
