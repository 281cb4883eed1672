/* Starting kelp-unpack, the confined program that reads hostile archives. The caller feeds it through a pipe
 * or file. */
#pragma once

#include "base/error.h"
#include "spec/digest.h"
#include "spec/image.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum UnpackMode {
        UNPACK_LAYER,   /* an image layer, with owners, modes, whiteouts → overlay form */
        UNPACK_ARCHIVE, /* an archive of `save`: plain files and folders and relative symlinks only, owned by
                           the caller */
} UnpackMode;

typedef struct UnpackOptions {
        const char *program; /* path of kelp-unpack */
        UnpackMode mode;
        int user_namespace; /* in which it runs; -EBADF: the caller's (UNPACK_ARCHIVE) */
        bool single_id;     /* only id 0 is mapped: other owners are squashed and recorded in "owners" */
        int input;  /* compressed or plain stream; detected by its magic (a plain tar never looks compressed)
                     */
        int target; /* an empty folder: gets "diff" (and "owners") in layer mode, the files in archive mode */
        int64_t maximum_bytes; /* of the plain stream; 0: no limit */
} UnpackOptions;

typedef struct UnpackProcess {
        pid_t pid;
        int pidfd;
        int result; /* the result comes through this pipe */
} UnpackProcess;

typedef struct UnpackResult {
        Digest diff_id; /* of the whole uncompressed stream, trailing padding included */
        int64_t size;   /* bytes of file content, for `kelp images` */
        uint64_t entries;
        uint64_t squashed; /* entries whose owner is not mapped here */
        uint64_t skipped;  /* device nodes, which an unprivileged user cannot make */
} UnpackResult;

#define UNPACK_PROCESS_INIT {.pidfd = -EBADF, .result = -EBADF}

/* Starts it; takes duplicates, so that the caller closes its own descriptors. */
int unpack_start(const UnpackOptions *options, UnpackProcess *ret, Error *err);
/* Waits for the end. The error is the program's own ("layer entry 'x/../../y': …", ERROR_CORRUPT), or says
 * that it was killed. */
int unpack_finish(UnpackProcess *process, UnpackResult *ret, Error *err);
/* Kills what still runs. */
void unpack_process_deinit(UnpackProcess *process);
#define _cleanup_unpack_ _cleanup_(unpack_process_deinit)
