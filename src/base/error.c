#define ERROR_DEFINITIONS
#include "base/error.h"

#include <stdarg.h>
#include <string.h>

static void error_set(Error *err, ErrorKind kind, int code, const char *format, va_list arguments)
{
        err->code = code;
        err->kind = kind;
        err->hint[0] = '\0';
        vsnprintf(err->message, sizeof(err->message), format, arguments);
}

static void error_append(Error *err, const char *text)
{
        size_t used = strlen(err->message);

        snprintf(err->message + used, sizeof(err->message) - used, "%s", text);
}

int fail(Error *err, int code, const char *format, ...)
{
        va_list arguments;

        if (!err)
                return -code;
        va_start(arguments, format);
        error_set(err, ERROR_GENERIC, code, format, arguments);
        va_end(arguments);
        return -code;
}

int fail_kind(Error *err, ErrorKind kind, int code, const char *format, ...)
{
        va_list arguments;

        if (!err)
                return -code;
        va_start(arguments, format);
        error_set(err, kind, code, format, arguments);
        va_end(arguments);
        return -code;
}

int fail_errno(Error *err, int code, const char *format, ...)
{
        va_list arguments;

        if (!err)
                return -code;
        va_start(arguments, format);
        error_set(err, ERROR_GENERIC, code, format, arguments);
        va_end(arguments);
        error_append(err, ": ");
        error_append(err, strerror(code));
        return -code;
}

int fail_wrap(Error *err, int result, const char *format, ...)
{
        char context[ERROR_MESSAGE_SIZE];
        char message[ERROR_MESSAGE_SIZE];
        va_list arguments;

        if (!err)
                return result;
        if (!err->code) {
                err->code = -result;
                err->kind = ERROR_GENERIC;
                err->hint[0] = '\0';
                snprintf(err->message, sizeof(err->message), "%s", strerror(-result));
        }
        va_start(arguments, format);
        vsnprintf(context, sizeof(context), format, arguments);
        va_end(arguments);
        memcpy(message, err->message, sizeof(message));
        err->message[0] = '\0';
        error_append(err, context);
        error_append(err, ": ");
        error_append(err, message);
        return result;
}

int fail_hint(Error *err, const char *format, ...)
{
        va_list arguments;

        if (!err || !err->code)
                return -EINVAL;
        va_start(arguments, format);
        vsnprintf(err->hint, sizeof(err->hint), format, arguments);
        va_end(arguments);
        return -err->code;
}

int fail_memory(Error *err)
{
        return fail(err, ENOMEM, "out of memory");
}

void error_clear(Error *err)
{
        if (!err)
                return;
        err->code = 0;
        err->kind = ERROR_GENERIC;
        err->message[0] = '\0';
        err->hint[0] = '\0';
}
