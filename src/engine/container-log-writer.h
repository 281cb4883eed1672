/* The json-file log of a container: one JSON object a line, as Docker's driver writes it. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_LOG_FILE "log.json"

typedef struct LogWriter LogWriter;
/* Opens (or goes on with) the log in the container's folder. @driver "none": a writer that writes nothing. */
int log_writer_open(int folder_fd, const char *driver, LogWriter **ret, Error *err);
/* Takes output of @stream (1 or 2): whole lines are written, the rest is kept for the next call. A full disk
 * loses log, never the container. */
void log_writer_write(LogWriter *writer, int stream, const char *data, size_t length);
/* Writes what has no newline yet; frees. Accepts NULL. */
LogWriter *log_writer_close(LogWriter *writer);
