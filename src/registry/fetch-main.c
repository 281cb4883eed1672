/*
 * kelp-fetch CONFIG DOMAIN PATH KIND OBJECT MAXIMUM: fetches a manifest or blob by the distribution
 * specification and writes it to descriptor 1 and 4; the outcome goes to 3. Mirrors first, then the registry;
 * HTTPS, and plain HTTP only where that is allowed; the challenge of the registry is answered with the user's
 * credentials; what breaks on the way is resumed where it broke.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "registry/credentials.h"
#include "registry/fetch-http.h"
#include "registry/fetch.h"
#include "spec/json.h"

#include <nettle/base64.h>
#include <poll.h>
#include <signal.h>

enum { TRIES = 5, RETRY_SECONDS_MAXIMUM = 30 };

typedef struct Fetch {
        HttpClient *client;
        RegistryConfig *config;
        const char *domain, *path, *object;
        FetchKind kind;
        int64_t maximum;
        char *authorization; /* for the endpoint in use; NULL: none was asked for */
        bool copying;
        int64_t received; /* bytes of the body that are written */
        int64_t skip;     /* bytes of this answer that are written already */
        DigestStream digest;
} Fetch;

static const char accept_header[] =
        "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json, "
        "application/vnd.docker.distribution.manifest.v2+json";

/* ---- the body ---- */

static int begin_body(void *owner, const HttpResponse *response, Error *err)
{
        Fetch *fetch = owner;

        /* A registry that does not know ranges begins anew. */
        fetch->skip = response->status == 206 ? 0 : fetch->received;
        return 0;
}

static int take_body(void *owner, const void *data, size_t length, Error *err)
{
        Fetch *fetch = owner;
        const char *bytes = data;
        int r;

        if (fetch->skip > 0) {
                size_t skipped = (int64_t)length < fetch->skip ? length : (size_t)fetch->skip;

                fetch->skip -= (int64_t)skipped;
                bytes += skipped;
                length -= skipped;
        }
        digest_stream_update(&fetch->digest, bytes, length);
        r = file_write_all(STDOUT_FILENO, bytes, length);
        if (r < 0)
                return fail_errno(err, -r, "write what was downloaded");
        if (fetch->copying && file_write_all(FETCH_COPY_FD, bytes, length) < 0)
                fetch->copying = false; /* who reads it says why it stopped */
        fetch->received += (int64_t)length;
        return 0;
}

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

static void put_query(Buffer *url, const char *name, const char *value)
{
        buffer_printf(url, "%c%s=", strchr(url->data, '?') ? '&' : '?', name);
        for (; *value; value++)
                if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/,", *value))
                        buffer_putc(url, *value);
                else
                        buffer_printf(url, "%%%02X", (unsigned char)*value);
}

/* Asks the token server that the registry names (distribution's token authentication). */
static int get_token(Fetch *fetch, const char *challenge, const RegistryCredentials *credentials, Error *err)
{
        _cleanup_free_ char *realm = challenge_value(challenge, "realm"),
                            *service = challenge_value(challenge, "service");
        _cleanup_free_ char *scope = challenge_value(challenge, "scope"), *basic = NULL;
        _cleanup_response_ HttpResponse response = {0};
        _cleanup_json_ json_object *document = NULL;
        _cleanup_buffer_ Buffer url = {0};
        HttpRequest request = HTTP_REQUEST_INIT;
        const char *token = NULL;
        int r;

        if (!realm)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s: its challenge names no token server", fetch->domain);
        buffer_puts(&url, realm);
        if (service)
                put_query(&url, "service", service);
        if (scope)
                put_query(&url, "scope", scope);
        if (credentials)
                basic = basic_authorization(credentials);
        request.method = "GET";
        request.url = url.data;
        request.authorization = basic;
        request.maximum = 1 << 20;
        r = http_perform(fetch->client, &request, &response, err);
        if (r < 0)
                return fail_wrap(err, r, "token server of %s", fetch->domain);
        if (response.status != 200)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s: the token server %s refused the credentials (status %ld)",
                                 fetch->domain, response.host, response.status);
        r = json_parse(response.text.data ?: "", response.text.length, "token", &document, err);
        if (r >= 0)
                r = json_get_string(document, "token", &token, err);
        if (r >= 0 && !token)
                r = json_get_string(document, "access_token", &token, err);
        if (r < 0)
                return r;
        if (!token)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s: the token server gave no token", fetch->domain);
        free(fetch->authorization);
        fetch->authorization = text_printf("Bearer %s", token);
        return fetch->authorization ? 0 : fail_memory(err);
}

static int answer_challenge(Fetch *fetch, const HttpResponse *response, Error *err)
{
        const char *challenge = http_header(response, "www-authenticate");
        _cleanup_credentials_ RegistryCredentials credentials = {0};
        int found = registry_credentials_get(fetch->domain, &credentials, err);

        if (found < 0)
                return found;
        if (challenge && strncasecmp(challenge, "bearer", 6) == 0)
                return get_token(fetch, challenge, found ? &credentials : NULL, err);
        if (!found) {
                fail_kind(err, ERROR_UNAUTHORIZED, EACCES, "registry %s wants credentials", fetch->domain);
                return fail_hint(
                        err, "put them into ~/.docker/config.json (docker login, podman login --authfile)");
        }
        free(fetch->authorization);
        fetch->authorization = basic_authorization(&credentials);
        return fetch->authorization ? 0 : fail_memory(err);
}

/* ---- one object ---- */

static int refused(const Fetch *fetch, const HttpResponse *response, Error *err)
{
        _cleanup_json_ json_object *document = json_tokener_parse(response->text.data ?: "");
        json_object *errors = document ? json_object_object_get(document, "errors") : NULL;
        json_object *first =
                json_object_is_type(errors, json_type_array) ? json_object_array_get_idx(errors, 0) : NULL;
        const char *words = first ? json_object_get_string(json_object_object_get(first, "message")) : NULL;
        _cleanup_free_ char *safe = text_printable(words ?: "");
        const char *what = fetch->kind == FETCH_BLOB ? "blob" : "manifest";

        if (response->status == 404)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "registry %s has no %s %s of %s%s%s",
                                 response->host, what, fetch->object, fetch->path, words ? ": " : "",
                                 safe ?: "");
        if (response->status == 401 || response->status == 403) {
                fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                          "registry %s refused access to %s (status %ld)%s%s", response->host, fetch->path,
                          response->status, words ? ": " : "", safe ?: "");
                return fail_hint(err, "it may not exist, or need other credentials in ~/.docker/config.json");
        }
        return fail(err, EIO, "registry %s answered with status %ld for %s %s%s%s", response->host,
                    response->status, what, fetch->object, words ? ": " : "", safe ?: "");
}

static void pause_before_retry(const HttpResponse *response, int try)
{
        const char *after = http_header(response, "retry-after");
        uint64_t seconds = 1ULL << try;

        if (after && text_to_u64(after, UINT32_MAX, &seconds) < 0)
                seconds = 1;
        poll(NULL, 0, (int)(seconds > RETRY_SECONDS_MAXIMUM ? RETRY_SECONDS_MAXIMUM : seconds) * 1000);
}

/* 0: fetched. *ret_failure tells a caller whether another way to the registry is worth a try. */
static int fetch_url(Fetch *fetch, const char *url, HttpFailure *ret_failure, Error *err)
{
        bool challenged = false;

        for (int try = 0;; try++) {
                _cleanup_response_ HttpResponse response = {0};
                HttpRequest request = HTTP_REQUEST_INIT;
                int r;

                request.method = "GET";
                request.url = url;
                request.authorization = fetch->authorization;
                request.begin = begin_body;
                request.take = take_body;
                request.owner = fetch;
                request.maximum = fetch->maximum;
                if (fetch->kind == FETCH_MANIFEST)
                        string_list_add(&request.headers, accept_header);
                if (fetch->received)
                        string_list_addf(&request.headers, "Range: bytes=%lld-", (long long)fetch->received);
                r = http_perform(fetch->client, &request, &response, err);
                string_list_deinit(&request.headers);
                *ret_failure = response.failure;
                if (r < 0 && (response.failure != HTTP_FAILED_TRANSFER || try + 1 >= TRIES))
                        return r;
                if (r >= 0 && (response.status == 200 || response.status == 206))
                        return 0;
                if (r >= 0 && response.status == 401 && !challenged) {
                        challenged = true;
                        error_clear(err);
                        r = answer_challenge(fetch, &response, err);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (r >= 0 && ((response.status != 429 && response.status < 500) || try + 1 >= TRIES))
                        return refused(fetch, &response, err);
                pause_before_retry(&response, try);
                error_clear(err);
        }
}

static int fetch_from(Fetch *fetch, const RegistryEndpoint *endpoint, Error *err)
{
        bool plain_allowed = *endpoint->scheme
                                     ? text_equal(endpoint->scheme, "http")
                                     : registry_host_loopback(endpoint->host) ||
                                               registry_config_insecure(fetch->config, endpoint->host);
        const char *schemes[] = {text_equal(endpoint->scheme, "http") ? "http" : "https",
                                 plain_allowed && !*endpoint->scheme ? "http" : NULL};
        int r = -EIO;

        free(fetch->authorization);
        fetch->authorization = NULL;
        for (size_t i = 0; i < ELEMENTSOF(schemes) && schemes[i]; i++) {
                _cleanup_free_ char *url = text_printf(
                        "%s://%s%s/v2/%s/%s/%s", schemes[i], endpoint->host, endpoint->prefix, fetch->path,
                        fetch->kind == FETCH_BLOB ? "blobs" : "manifests", fetch->object);
                HttpFailure failure;

                if (!url)
                        return fail_memory(err);
                error_clear(err);
                r = fetch_url(fetch, url, &failure, err);
                if (r >= 0 || (failure != HTTP_FAILED_PLAIN && failure != HTTP_FAILED_CONNECT &&
                               failure != HTTP_FAILED_CERTIFICATE))
                        return r;
        }
        return r;
}

static int fetch_object(Fetch *fetch, FetchResult *ret, Error *err)
{
        _cleanup_endpoints_ RegistryEndpointList endpoints = {0};
        Digest wanted;
        int r;

        r = registry_config_endpoints(fetch->config, fetch->domain, true, &endpoints, err);
        if (r < 0)
                return r;
        r = fail(err, ENOENT, "registry %s: no address", fetch->domain);
        for (size_t i = 0; i < endpoints.count; i++) {
                error_clear(err);
                r = fetch_from(fetch, &endpoints.items[i], err);
                if (r >= 0)
                        break;
        }
        if (r < 0)
                return r;
        digest_stream_finish(&fetch->digest, &ret->digest);
        ret->size = fetch->received;
        if (strchr(fetch->object, ':') && digest_parse(fetch->object, &wanted, NULL) >= 0 &&
            !digest_equal(&wanted, &ret->digest))
                return fail_kind(err, ERROR_CORRUPT, EBADMSG,
                                 "registry %s sent wrong content for %s: its digest is %s", fetch->domain,
                                 wanted.text, ret->digest.text);
        return 0;
}

int main(int argc, char **argv)
{
        static FetchReport report;
        Fetch fetch = {.copying = true};
        uint64_t kind, maximum;

        if (argc != 7 || text_to_u64(argv[4], FETCH_BLOB, &kind) < 0 ||
            text_to_u64(argv[6], INT64_MAX, &maximum) < 0) {
                dprintf(STDERR_FILENO, "kelp-fetch is started by kelp, not by hand\n");
                return 125;
        }
        signal(SIGPIPE, SIG_IGN);
        fetch.domain = argv[2];
        fetch.path = argv[3];
        fetch.kind = (FetchKind)kind;
        fetch.object = argv[5];
        fetch.maximum = (int64_t)maximum;
        digest_stream_init(&fetch.digest);
        report.result = registry_config_open(argv[1], &fetch.config, &report.error);
        if (report.result >= 0) {
                fetch.client = http_client_new(fetch.config);
                report.result = fetch.client ? fetch_object(&fetch, &report.done, &report.error)
                                             : fail_memory(&report.error);
        }
        file_write_all(FETCH_REPORT_FD, &report, sizeof(report));
        http_client_free(fetch.client);
        registry_config_free(fetch.config);
        free(fetch.authorization);
        return report.result < 0;
}
