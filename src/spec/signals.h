/* Signal names as Docker takes them: "TERM", "SIGTERM", "15", "rtmin+3". */
#pragma once

#include "base/error.h"

int signal_parse(const char *text, int *ret, Error *err);
/* "SIGTERM"; "SIGRTMIN+3"; static storage or the buffer. */
const char *signal_name(int number, char *buffer, size_t size);
