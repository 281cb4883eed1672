/* One HTTP exchange, on libcurl: TLS as configured for the host, redirects, limits. Who asks again after a
 * failure, and with which credentials, is fetch-session.h's. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "registry/config.h"

#include <stdbool.h>
#include <stdint.h>

/* A connection pool; used by one thread. */
typedef struct HttpClient HttpClient;

/* @config must outlive it. NULL: out of memory. */
HttpClient *http_client_new(const RegistryConfig *config);
HttpClient *http_client_free(HttpClient *client);
DEFINE_CLEANUP(HttpClient, http_client_free)
#define _cleanup_http_client_ _cleanup_(http_client_freep)

/* Why there is no response. */
typedef enum HttpFailure {
        HTTP_ANSWERED,
        HTTP_FAILED_SINK,        /* what took the body, or gave it, refused; not the network's fault */
        HTTP_FAILED_CONNECT,     /* name unknown, connection refused: nothing is there */
        HTTP_FAILED_PLAIN,       /* it does not speak TLS */
        HTTP_FAILED_CERTIFICATE, /* it speaks TLS and cannot prove who it is */
        HTTP_FAILED_TRANSFER,    /* broken on the way: another try may succeed */
        HTTP_FAILED_STALL,       /* connected, and then silence */
        HTTP_FAILED_OTHER,
} HttpFailure;

typedef struct HttpResponse {
        HttpFailure failure;
        long status;
        char host[256];   /* which answered last, after redirects; with port when it was given */
        bool elsewhere;   /* a redirect has led to another origin: what it asks for is not the registry's wish
                           */
        int64_t received; /* bytes of a success's body that were taken */
        StringList headers; /* "name: value", names in lower case, of the last response */
        Buffer text;        /* the body when nothing else took it, at most 64 KiB of it unless a success */
} HttpResponse;

void http_response_deinit(HttpResponse *response);
#define _cleanup_response_ _cleanup_(http_response_deinit)
/* The value of the first such header (@name in lower case), or NULL. */
const char *http_header(const HttpResponse *response, const char *name);

typedef struct HttpRequest {
        const char *method; /* GET, HEAD, POST, PUT, PATCH */
        const char *url;
        StringList headers;        /* "Name: value" */
        const char *authorization; /* value of that header, sent to the host in @url and to no other; may be
                                      NULL */

        /* what is sent, with POST, PUT and PATCH: a text, which goes to no other origin, or @body_size bytes
         * of a file from @body_offset; NULL and -EBADF: nothing */
        const char *body;
        int body_fd;
        int64_t body_offset, body_size;
        bool once; /* who takes the body keeps what came of it before a failure: not to be sent again as it is
                    */

        /* Take the body of a success (2xx); NULL: it goes to response->text, at most @maximum bytes. begin()
         * is called first, when the status is known. Negative results end the exchange. */
        int (*begin)(void *owner, const HttpResponse *response, Error *err);
        int (*take)(void *owner, const void *data, size_t length, Error *err);
        /* How much of the body has been sent. */
        void (*sent)(void *owner, int64_t bytes);
        void *owner;
        int64_t maximum;
} HttpRequest;

#define HTTP_REQUEST_INIT {.body_fd = -EBADF}

void http_request_deinit(HttpRequest *request);
#define _cleanup_request_ _cleanup_(http_request_deinit)

/* 0: there is a response, of whatever status; negative: response->failure says which kind of failure. */
int http_perform(HttpClient *client, const HttpRequest *request, HttpResponse *ret, Error *err);
/* The absolute address of @location, which may be relative to @base. New string; -EPROTO for what is no http
 * address. */
int http_resolve(const char *base, const char *location, char **ret);
/* Would who follows from @from to @to give up TLS, where plain HTTP is not allowed? Always false for what is
 * no address. */
bool http_leaves_tls(const HttpClient *client, const char *from, const char *to);
/* True when both addresses have the same scheme, host and port. */
bool http_same_origin(const char *a, const char *b);
