/*
 * Requests to one registry: the challenge is answered with the user's credentials, once a request and again
 * when a token has run out in the middle of a transfer; what may pass is tried again, as Retry-After says or
 * with growing pauses; mirrors come first, then the registry, each by HTTPS and by plain HTTP only where that
 * is allowed.
 */
#include "registry/fetch-session.h"

#include "base/cleanup.h"
#include "registry/fetch-token.h"
#include "spec/json.h"

#include <curl/curl.h>
#include <poll.h>
#include <time.h>

enum {
        TRIES = 5,                  /* of one request, without anything that came of it */
        SILENT_TRIES = 2,           /* when each is a wait for nothing */
        REQUESTS_MAXIMUM = 200,     /* however much comes in between */
        PROGRESS_BYTES = 16 << 10,  /* what counts as something */
        PAUSE_MILLISECONDS = 500,   /* before the second try; doubled then */
        PAUSE_SECONDS_MAXIMUM = 30, /* a registry that wants to be left alone for longer is believed */
};

/* ---- requests ---- */

/* Retry-After in seconds or as a date (RFC 9110, 10.2.3); -1: there is none. */
static int64_t retry_after(const HttpResponse *response)
{
        const char *text = http_header(response, "retry-after");
        uint64_t seconds;
        time_t date;

        if (!text)
                return -1;
        if (text_to_u64(text, INT32_MAX, &seconds) >= 0)
                return (int64_t)seconds;
        date = curl_getdate(text, NULL);
        return date < 0 ? -1 : date > time(NULL) ? date - time(NULL) : 0;
}

/* How the tries of one request went so far. */
typedef struct Tries {
        int requests, tries, silent;
        bool challenged;
} Tries;

/* Is there a point in asking again? */
static bool worth_another(const HttpRequest *request, const HttpResponse *response, const Tries *tries)
{
        if (request->once || tries->requests >= REQUESTS_MAXIMUM || tries->tries >= TRIES)
                return false;
        if (response->failure == HTTP_FAILED_STALL)
                return tries->silent < SILENT_TRIES;
        if (response->failure != HTTP_ANSWERED)
                return response->failure == HTTP_FAILED_TRANSFER;
        return (response->status == 429 || response->status >= 500) &&
               retry_after(response) <= PAUSE_SECONDS_MAXIMUM;
}

static void pause_before(const HttpResponse *response, int tries)
{
        int64_t seconds = retry_after(response);

        if (response->received >= PROGRESS_BYTES)
                return;
        poll(NULL, 0, seconds >= 0 ? (int)seconds * 1000 : PAUSE_MILLISECONDS << (tries - 1));
}

bool session_pause(const HttpResponse *response, int tries)
{
        if (tries >= TRIES || retry_after(response) > PAUSE_SECONDS_MAXIMUM)
                return false;
        pause_before(response, tries);
        return true;
}

static void count_try(Tries *tries, const HttpResponse *response)
{
        tries->requests++;
        /* A transfer that goes on piece by piece may take as many tries as it needs, and outlive its token.
         */
        if (response->received >= PROGRESS_BYTES)
                *tries = (Tries){.requests = tries->requests};
        tries->tries++;
        tries->silent += response->failure == HTTP_FAILED_STALL;
}

int session_perform(RegistrySession *session, HttpRequest *request, SessionPrepare prepare, HttpResponse *ret,
                    Error *err)
{
        /* A place to upload to may be at another host, which is not to see what is meant for the registry. */
        bool own = session->base && http_same_origin(session->base, request->url);
        Tries tries = {0};

        for (;;) {
                int r;

                http_response_deinit(ret);
                *ret = (HttpResponse){0};
                request->authorization = own ? session->authorization : NULL;
                if (prepare) {
                        string_list_deinit(&request->headers);
                        if (prepare(request->owner, request) < 0)
                                return fail_memory(err);
                }
                r = http_perform(session->client, request, ret, err);
                count_try(&tries, ret);
                /* Credentials are not for whom the registry sent us to. */
                if (r >= 0 && ret->status == 401 && own && !ret->elsewhere && !tries.challenged) {
                        tries.challenged = true;
                        error_clear(err);
                        r = token_answer_challenge(session, ret, err);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (!worth_another(request, ret, &tries))
                        return r;
                pause_before(ret, tries.tries);
                error_clear(err);
        }
}

/* By HTTPS, and by HTTP where that is allowed. */
static int try_endpoint(RegistrySession *session, const RegistryEndpoint *endpoint, SessionAttempt attempt,
                        void *owner, HttpFailure *ret_failure, Error *err)
{
        bool plain_allowed = *endpoint->scheme
                                     ? text_equal(endpoint->scheme, "http")
                                     : registry_host_loopback(endpoint->host) ||
                                               registry_config_insecure(session->config, endpoint->host);
        const char *schemes[] = {text_equal(endpoint->scheme, "http") ? "http" : "https",
                                 plain_allowed && !*endpoint->scheme ? "http" : NULL};
        Error first = ERROR_INIT;
        int r = -EIO;

        free(session->authorization);
        session->authorization = NULL;
        session->authority = endpoint->mirror ? endpoint->host : session->domain;
        for (size_t i = 0; i < ELEMENTSOF(schemes) && schemes[i]; i++) {
                _cleanup_free_ char *base =
                        text_printf("%s://%s%s/v2/", schemes[i], endpoint->host, endpoint->prefix);
                HttpFailure failure = HTTP_ANSWERED;

                if (!base)
                        return fail_memory(err);
                error_clear(err);
                session->base = base;
                r = attempt(session, base, owner, &failure, err);
                session->base = NULL;
                if (r >= 0 || (i == 0 && failure != HTTP_FAILED_PLAIN && failure != HTTP_FAILED_CONNECT &&
                               failure != HTTP_FAILED_CERTIFICATE)) {
                        *ret_failure = failure;
                        return r;
                }
                /* Who has a certificate speaks TLS: what is wrong with it is the matter, not what the same
                 * port says to plain HTTP. */
                if (i == 0 && failure == HTTP_FAILED_CERTIFICATE && err)
                        first = *err;
        }
        if (first.code && err)
                *err = first;
        return first.code ? -first.code : r;
}

int session_each(RegistrySession *session, bool mirrors, SessionAttempt attempt, void *owner, Error *err)
{
        _cleanup_endpoints_ RegistryEndpointList endpoints = {0};
        int r;

        r = registry_config_endpoints(session->config, session->domain, mirrors, &endpoints, err);
        if (r < 0)
                return r;
        r = fail(err, ENOENT, "registry %s: no address", session->domain);
        for (size_t i = 0; r < 0 && i < endpoints.count; i++) {
                HttpFailure failure = HTTP_FAILED_OTHER;

                error_clear(err);
                r = try_endpoint(session, &endpoints.items[i], attempt, owner, &failure, err);
                /* What cannot be written here, no other address can help. */
                if (failure == HTTP_FAILED_SINK)
                        break;
        }
        return r;
}

int session_refused(const HttpResponse *response, const char *path, const char *what, Error *err)
{
        _cleanup_json_ json_object *document = json_tokener_parse(response->text.data ?: "");
        json_object *errors = document ? json_object_object_get(document, "errors") : NULL;
        json_object *first =
                json_object_is_type(errors, json_type_array) ? json_object_array_get_idx(errors, 0) : NULL;
        const char *words = first ? json_object_get_string(json_object_object_get(first, "message")) : NULL;
        _cleanup_free_ char *safe = text_printable(words ?: "");

        if (response->status == 404)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "registry %s has no %s of %s%s%s",
                                 response->host, what, path, words ? ": " : "", safe ?: "");
        if (response->status == 401 || response->status == 403) {
                fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                          "registry %s refused access to %s (status %ld)%s%s", response->host, path,
                          response->status, words ? ": " : "", safe ?: "");
                return fail_hint(err, "it may not exist, or need other credentials: kelp login %s",
                                 response->host);
        }
        if (retry_after(response) > PAUSE_SECONDS_MAXIMUM)
                return fail(err, EAGAIN,
                            "registry %s asks to be left alone for %lld seconds (status %ld)%s%s",
                            response->host, (long long)retry_after(response), response->status,
                            words ? ": " : "", safe ?: "");
        return fail(err, EIO, "registry %s answered with status %ld for %s%s%s", response->host,
                    response->status, what, words ? ": " : "", safe ?: "");
}
