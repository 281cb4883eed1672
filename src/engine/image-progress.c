#include "engine/image-progress.h"

#include <stdarg.h>
#include <stdio.h>

void image_progress_line(ImageProgressReport report, void *owner, const char *format, ...)
{
        char line[512];
        va_list arguments;

        if (!report)
                return;
        va_start(arguments, format);
        vsnprintf(line, sizeof(line), format, arguments);
        va_end(arguments);
        report(owner, &(ImageProgress){.text = line});
}

void image_progress_bytes(ImageProgressReport report, void *owner, const Digest *blob, const char *text,
                          int64_t current, int64_t total)
{
        char id[16];

        if (!report)
                return;
        snprintf(id, sizeof(id), "%.12s", digest_hex(blob));
        report(owner, &(ImageProgress){.id = id, .text = text, .current = current, .total = total});
}

void image_progress_layer(ImageProgressReport report, void *owner, const Digest *blob, const char *text)
{
        image_progress_bytes(report, owner, blob, text, 0, 0);
}
