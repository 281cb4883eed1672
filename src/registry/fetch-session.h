/* Requests to one registry, with its addresses, credentials and second tries: private to kelp-fetch. */
#pragma once

#include "registry/credentials.h"
#include "registry/fetch-http.h"

typedef struct RegistrySession {
        HttpClient *client;
        RegistryConfig *config;
        const char *domain; /* "docker.io" */
        const RegistryCredentials
                *given;        /* to be used instead of the ones that are kept (login); NULL: those */
        const char *authority; /* whose credentials are used: the domain, or a mirror's host */
        const char *base;      /* the address in use; NULL: none, and no credentials are given to anybody */
        char *authorization;   /* for the address in use; NULL: none was asked for */
} RegistrySession;

/* Called before each try with no headers set, to set them. 0 or -ENOMEM. */
typedef int (*SessionPrepare)(void *owner, HttpRequest *request);

/* http_perform() with the session's authorization; a challenge is answered once, and again when more was
 * received since; broken transfers, 429 and 5xx are tried again. 0: there is an answer of whatever status.
 * @prepare gets request->owner; NULL: the headers stay. */
int session_perform(RegistrySession *session, HttpRequest *request, SessionPrepare prepare, HttpResponse *ret,
                    Error *err);

/* Waits before the try number @tries + 1 (from 2), as the registry asks for or ever longer. False: that many
 * are too many, or it wants to be left alone for too long. */
bool session_pause(const HttpResponse *response, int tries);

/* One try under an address: @base ends in "/v2/". *ret_failure says why there was no answer; left alone
 * otherwise. */
typedef int (*SessionAttempt)(RegistrySession *session, const char *base, void *owner,
                              HttpFailure *ret_failure, Error *err);

/* The addresses of the registry in turn (its mirrors first when @mirrors) until an attempt succeeds; the last
 * error. */
int session_each(RegistrySession *session, bool mirrors, SessionAttempt attempt, void *owner, Error *err);

/* Raises what a status that is no success means, with the registry's own words. @what: "manifest 1", "blob
 * sha256:…". */
int session_refused(const HttpResponse *response, const char *path, const char *what, Error *err);
