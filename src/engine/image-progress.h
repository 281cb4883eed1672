/* News of pull and push: private to src/engine. */
#pragma once

#include "engine/image.h"

/* Reports one piece of news; @report may be NULL. */
void image_progress_line(ImageProgressReport report, void *owner, const char *format, ...) _printf_(3, 4);
void image_progress_layer(ImageProgressReport report, void *owner, const Digest *blob, const char *text);
void image_progress_bytes(ImageProgressReport report, void *owner, const Digest *blob, const char *text,
                          int64_t current, int64_t total);
