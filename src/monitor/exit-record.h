/* How a container ended, as the one who held it writes it down: a small file in the container's folder, there
 * as a whole or not at all. The next command that looks takes it into the database. */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

typedef struct ExitRecord {
        pid_t pid;      /* which init it was: a record of an earlier run does not count … */
        uint64_t start; /* … told apart by its start time */
        int status;     /* as docker counts it */
        int64_t finished;
} ExitRecord;

/* Written, synced, and renamed into place. */
int exit_record_write(int folder_fd, const ExitRecord *record, Error *err);
/* The record of the init @pid that started at @start. 1: here it is, 0: there is none. */
int exit_record_read(int folder_fd, pid_t pid, uint64_t start, ExitRecord *ret);
