/* The json-file log of a container: one JSON object a line, as Docker's driver writes it. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTAINER_LOG_FILE "log.json"

enum { LOG_FILES_MAXIMUM = 1000 };

typedef struct LogOptions {
        bool none;         /* --log-driver none: a writer that writes nothing */
        uint64_t max_size; /* bytes; 0: no limit. A log that has reached it is rotated at the end of a line */
        unsigned max_files; /* log.json, log.json.1, …; 1: a full log is emptied */
} LogOptions;

typedef struct LogWriter LogWriter;
/* Opens (or goes on with) the log in the container's folder, which must stay open as long. */
int log_writer_open(int folder_fd, const LogOptions *options, LogWriter **ret, Error *err);
/* Takes output of @stream (1 or 2): whole lines are written, the rest is kept for the next call. A full disk
 * loses log, never the container. */
void log_writer_write(LogWriter *writer, int stream, const char *data, size_t length);
/* Writes what has no newline yet; frees. Accepts NULL. */
LogWriter *log_writer_close(LogWriter *writer);
