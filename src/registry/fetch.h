/* kelp-fetch: the program that speaks to registries, so that nothing else links a TLS library. One process
 * fetches one object. */
#pragma once

#include "base/error.h"
#include "spec/digest.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum FetchKind {
        FETCH_MANIFEST,
        FETCH_BLOB,
        FETCH_URL,     /* any file: @object is its address */
        PUSH_BLOB,     /* @object: its digest, or "DIGEST,PATH" with a repository that may have it */
        PUSH_MANIFEST, /* @object: "TAG,MEDIA-TYPE" (or a digest for TAG) */
        FETCH_LOGIN,   /* are the credentials on @input ("USER\nPASSWORD") good? */
} FetchKind;

typedef struct FetchRequest {
        const char *program; /* path of kelp-fetch */
        const char *config;  /* kelp's configuration folder */
        const char *domain;  /* "docker.io" */
        const char *path;    /* "library/busybox" */
        const char *object;  /* tag or digest */
        FetchKind kind;
        int64_t maximum; /* bytes of the body: a registry that sends more is refused; when pushing its exact
                            size */
        int input;       /* what is sent; its offset moves along. -EBADF: nothing */
        int output;      /* the body is written here; -EBADF: nowhere */
        int copy;        /* and here; a reader that goes away is no error. -EBADF: nowhere */
} FetchRequest;

typedef struct FetchResult {
        Digest digest; /* of the body; checked when @object was a digest */
        int64_t size;
        bool existing; /* PUSH_BLOB: the repository had it */
        bool mounted;  /* PUSH_BLOB: the registry had it in the other one */
} FetchResult;

typedef struct FetchProcess {
        pid_t pid;
        int pidfd;
        int report;
} FetchProcess;

#define FETCH_PROCESS_INIT {.pidfd = -EBADF, .report = -EBADF}

/* What comes back through the report pipe. */
typedef struct FetchReport {
        int result;
        Error error;
        FetchResult done;
} FetchReport;

enum { FETCH_REPORT_FD = 3, FETCH_COPY_FD = 4 };

/* Starts it; the caller closes its own descriptors. */
int fetch_start(const FetchRequest *request, FetchProcess *ret, Error *err);
/* Waits for the end. ERROR_NOT_FOUND, ERROR_UNAUTHORIZED, ERROR_CORRUPT, … with the registry's own words. */
int fetch_finish(FetchProcess *process, FetchResult *ret, Error *err);
/* Kills what still runs. */
void fetch_process_deinit(FetchProcess *process);
#define _cleanup_fetch_ _cleanup_(fetch_process_deinit)
