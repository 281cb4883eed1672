/*
 * Requests to one registry: the challenge is answered with the user's credentials, once a request; what may
 * pass is tried again, as Retry-After says or with growing pauses; mirrors come first, then the registry,
 * each by HTTPS and by plain HTTP only where that is allowed.
 */
#include "registry/fetch-session.h"

#include "base/cleanup.h"
#include "spec/json.h"

#include <nettle/base64.h>
#include <poll.h>

enum { TRIES = 5, RETRY_SECONDS_MAXIMUM = 30 };

/* ---- credentials ---- */

static char *basic_authorization(const RegistryCredentials *credentials)
{
        _cleanup_free_ char *plain =
                text_printf("%s:%s", credentials->user ?: "", credentials->password ?: "");
        size_t length = plain ? strlen(plain) : 0;
        _cleanup_free_ char *encoded = calloc(1, BASE64_ENCODE_RAW_LENGTH(length) + 1);

        if (!plain || !encoded)
                return NULL;
        base64_encode_raw(encoded, length, (const uint8_t *)plain);
        return text_printf("Basic %s", encoded);
}

/* name="value" in a challenge (RFC 7235). New string, NULL when it is not there. */
static char *challenge_value(const char *challenge, const char *name)
{
        size_t length = strlen(name);

        for (const char *at = challenge; (at = strcasestr(at, name)); at += length)
                if ((at == challenge || strchr(" ,", at[-1])) && at[length] == '=') {
                        const char *value = at + length + 1;

                        return *value == '"' ? strndup(value + 1, strcspn(value + 1, "\""))
                                             : strndup(value, strcspn(value, ", "));
                }
        return NULL;
}

static void put_pair(Buffer *url, char separator, const char *name, const char *value)
{
        buffer_printf(url, "%c%s=", separator, name);
        for (; *value; value++)
                if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/,", *value))
                        buffer_putc(url, *value);
                else
                        buffer_printf(url, "%%%02X", (unsigned char)*value);
}

/* The body of a request for a token by a refresh token (OAuth 2, RFC 6749). */
static void refresh_form(const char *token, const char *service, const char *scope, Buffer *ret)
{
        buffer_puts(ret, "grant_type=refresh_token&client_id=kelp");
        put_pair(ret, '&', "refresh_token", token);
        if (service)
                put_pair(ret, '&', "service", service);
        if (scope)
                put_pair(ret, '&', "scope", scope);
}

static void put_query(Buffer *url, const char *name, const char *value)
{
        put_pair(url, strchr(url->data, '?') ? '&' : '?', name, value);
}

/* Asks the token server that the registry names (distribution's token authentication). */
static int get_token(RegistrySession *session, const char *challenge, const RegistryCredentials *credentials,
                     Error *err)
{
        _cleanup_free_ char *realm = challenge_value(challenge, "realm"),
                            *service = challenge_value(challenge, "service");
        _cleanup_free_ char *scope = challenge_value(challenge, "scope"), *basic = NULL;
        _cleanup_response_ HttpResponse response = {0};
        _cleanup_json_ json_object *document = NULL;
        _cleanup_buffer_ Buffer url = {0}, form = {0};
        _cleanup_request_ HttpRequest request = HTTP_REQUEST_INIT;
        const char *token = NULL;
        int r;

        if (!realm)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s: its challenge names no token server", session->domain);
        buffer_puts(&url, realm);
        if (service)
                put_query(&url, "service", service);
        if (scope)
                put_query(&url, "scope", scope);
        request.method = "GET";
        if (credentials && !text_empty(credentials->identity_token)) {
                refresh_form(credentials->identity_token, service, scope, &form);
                request.method = "POST";
                request.body = form.data;
                string_list_add(&request.headers, "Content-Type: application/x-www-form-urlencoded");
        } else if (credentials) {
                basic = basic_authorization(credentials);
                request.authorization = basic;
        }
        request.url = request.body ? realm : url.data;
        request.maximum = 1 << 20;
        r = http_perform(session->client, &request, &response, err);
        if (r < 0)
                return fail_wrap(err, r, "token server of %s", session->domain);
        if (response.status != 200)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s: the token server %s refused the credentials (status %ld)",
                                 session->domain, response.host, response.status);
        r = json_parse(response.text.data ?: "", response.text.length, "token", &document, err);
        if (r >= 0)
                r = json_get_string(document, "token", &token, err);
        if (r >= 0 && !token)
                r = json_get_string(document, "access_token", &token, err);
        if (r < 0)
                return r;
        if (!token)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s: the token server gave no token", session->domain);
        free(session->authorization);
        session->authorization = text_printf("Bearer %s", token);
        return session->authorization ? 0 : fail_memory(err);
}

static int answer_challenge(RegistrySession *session, const HttpResponse *response, Error *err)
{
        const char *challenge = http_header(response, "www-authenticate");
        _cleanup_credentials_ RegistryCredentials credentials = {0};
        const RegistryCredentials *known = session->given;

        if (!known) {
                int found = registry_credentials_get(session->domain, &credentials, err);

                if (found < 0)
                        return found;
                known = found ? &credentials : NULL;
        }
        if (challenge && strncasecmp(challenge, "bearer", 6) == 0)
                return get_token(session, challenge, known, err);
        if (!known) {
                fail_kind(err, ERROR_UNAUTHORIZED, EACCES, "registry %s wants credentials", session->domain);
                return fail_hint(err, "give them with kelp login %s", session->domain);
        }
        free(session->authorization);
        session->authorization = basic_authorization(known);
        return session->authorization ? 0 : fail_memory(err);
}

/* ---- requests ---- */

static void pause_before_retry(const HttpResponse *response, int try)
{
        const char *after = http_header(response, "retry-after");
        uint64_t seconds = 1ULL << try;

        if (after && text_to_u64(after, UINT32_MAX, &seconds) < 0)
                seconds = 1;
        poll(NULL, 0, (int)(seconds > RETRY_SECONDS_MAXIMUM ? RETRY_SECONDS_MAXIMUM : seconds) * 1000);
}

int session_perform(RegistrySession *session, HttpRequest *request, SessionPrepare prepare, HttpResponse *ret,
                    Error *err)
{
        /* A place to upload to may be at another host, which is not to see what is meant for the registry. */
        bool own = session->base && http_same_origin(session->base, request->url), challenged = !own;

        for (int try = 0;; try++) {
                bool again;
                int r;

                http_response_deinit(ret);
                request->authorization = own ? session->authorization : NULL;
                if (prepare) {
                        string_list_deinit(&request->headers);
                        if (prepare(request->owner, request) < 0)
                                return fail_memory(err);
                }
                r = http_perform(session->client, request, ret, err);
                if (r >= 0 && ret->status == 401 && !challenged) {
                        challenged = true;
                        error_clear(err);
                        r = answer_challenge(session, ret, err);
                        if (r < 0)
                                return r;
                        continue;
                }
                again = r < 0 ? ret->failure == HTTP_FAILED_TRANSFER
                              : ret->status == 429 || ret->status >= 500;
                if (!again || try + 1 >= TRIES)
                        return r;
                pause_before_retry(ret, try);
                error_clear(err);
        }
}

/* By HTTPS, and by HTTP where that is allowed. */
static int try_endpoint(RegistrySession *session, const RegistryEndpoint *endpoint, SessionAttempt attempt,
                        void *owner, Error *err)
{
        bool plain_allowed = *endpoint->scheme
                                     ? text_equal(endpoint->scheme, "http")
                                     : registry_host_loopback(endpoint->host) ||
                                               registry_config_insecure(session->config, endpoint->host);
        const char *schemes[] = {text_equal(endpoint->scheme, "http") ? "http" : "https",
                                 plain_allowed && !*endpoint->scheme ? "http" : NULL};
        int r = -EIO;

        free(session->authorization);
        session->authorization = NULL;
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
                if (r >= 0 || (failure != HTTP_FAILED_PLAIN && failure != HTTP_FAILED_CONNECT &&
                               failure != HTTP_FAILED_CERTIFICATE))
                        return r;
        }
        return r;
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
                error_clear(err);
                r = try_endpoint(session, &endpoints.items[i], attempt, owner, err);
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
        return fail(err, EIO, "registry %s answered with status %ld for %s%s%s", response->host,
                    response->status, what, words ? ": " : "", safe ?: "");
}
