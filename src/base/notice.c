#include "base/notice.h"

void notice_list_deinit(NoticeList *notices)
{
        string_list_deinit(&notices->lines);
}

void notice_add(NoticeList *notices, const char *format, ...)
{
        _cleanup_free_ char *line = NULL;
        va_list arguments;

        if (!notices)
                return;
        va_start(arguments, format);
        if (vasprintf(&line, format, arguments) < 0)
                line = NULL;
        va_end(arguments);
        if (line && !string_list_contains(&notices->lines, line))
                (void)string_list_take(&notices->lines, TAKE_PTR(line));
}
