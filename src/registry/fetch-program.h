/* The jobs of kelp-fetch: private to it. Its descriptors are named in fetch.h. */
#pragma once

#include "registry/fetch-session.h"
#include "registry/fetch.h"

typedef struct FetchJob {
        FetchKind kind;
        const char *path;   /* "library/busybox" */
        const char *object; /* tag or digest; an address for FETCH_URL */
        int64_t maximum;    /* bytes that are taken; bytes that are sent */
} FetchJob;

/* FETCH_MANIFEST, FETCH_BLOB, FETCH_URL: to descriptors 1 and 4. */
int fetch_download(RegistrySession *session, const FetchJob *job, FetchResult *ret, Error *err);
/* PUSH_MANIFEST, PUSH_BLOB: from descriptor 0. */
int fetch_upload(RegistrySession *session, const FetchJob *job, FetchResult *ret, Error *err);
/* FETCH_LOGIN: asks the registry whether the credentials on descriptor 0 (user, newline, password) are good.
 */
int fetch_login(RegistrySession *session, Error *err);
