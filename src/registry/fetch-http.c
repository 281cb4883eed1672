/*
 * HTTP on one libcurl handle.
 *
 * Redirects are followed here and not by libcurl, because everything that is bound to a host has to be chosen
 * anew for each hop: which authority is trusted, which client certificate is shown, whether Authorization may
 * be sent (only to the origin that was asked), and whether the hop may leave HTTPS (only to what is listed as
 * insecure; loopback is no exception, or any registry could make us call services of this machine).
 *
 * There is no limit on the time of a transfer: layers are large and lines slow. What counts as dead is
 * silence for as long as registries.json says.
 */
#include "registry/fetch-http.h"

#include <ctype.h>
#include <curl/curl.h>

enum {
        REDIRECTS_MAXIMUM = 8,
        CONNECT_SECONDS = 30,
        HEADERS_MAXIMUM = 200,
        HEADER_BYTES_MAXIMUM = 256 << 10,
        REFUSAL_MAXIMUM = 64 << 10,
        TAKE_SIZE = 128 << 10,
};

struct HttpClient {
        CURL *easy;
        const RegistryConfig *config;
};

/* One hop: what libcurl's callbacks need. */
typedef struct Exchange {
        const HttpRequest *request;
        HttpResponse *response;
        CURL *easy;
        Error *err;
        Error refusal; /* the sink's own */
        int64_t sent;
        size_t header_bytes;
        bool begun;
        bool refused;
} Exchange;

HttpClient *http_client_new(const RegistryConfig *config)
{
        _cleanup_http_client_ HttpClient *client = calloc(1, sizeof(*client));

        if (!client)
                return NULL;
        client->config = config;
        client->easy = curl_easy_init();
        return client->easy ? TAKE_PTR(client) : NULL;
}

HttpClient *http_client_free(HttpClient *client)
{
        if (!client)
                return NULL;
        curl_easy_cleanup(client->easy);
        free(client);
        return NULL;
}

void http_request_deinit(HttpRequest *request)
{
        string_list_deinit(&request->headers);
}

void http_response_deinit(HttpResponse *response)
{
        string_list_deinit(&response->headers);
        buffer_deinit(&response->text);
}

const char *http_header(const HttpResponse *response, const char *name)
{
        for (size_t i = 0; i < response->headers.count; i++) {
                const char *value = text_after(response->headers.items[i], name);

                value = value ? text_after(value, ": ") : NULL;
                if (value)
                        return value;
        }
        return NULL;
}

/* ---- callbacks ---- */

static size_t on_header(char *data, size_t size, size_t count, void *owner)
{
        Exchange *exchange = owner;
        HttpResponse *response = exchange->response;
        size_t length = size * count, name = 0, value;
        _cleanup_free_ char *line = NULL;

        exchange->header_bytes += length;
        if (exchange->header_bytes > HEADER_BYTES_MAXIMUM) {
                fail_kind(&exchange->refusal, ERROR_CORRUPT, EFBIG, "registry %s sends headers without end",
                          response->host);
                exchange->refused = true;
                return 0;
        }
        /* A new response (after "100 Continue", or a proxy's): what came before is not its. */
        if (length >= 5 && memcmp(data, "HTTP/", 5) == 0) {
                string_list_deinit(&response->headers);
                return length;
        }
        while (name < length && data[name] != ':')
                name++;
        if (name == length || response->headers.count >= HEADERS_MAXIMUM || memchr(data, 0, length))
                return length;
        for (value = name + 1; value < length && (data[value] == ' ' || data[value] == '\t'); value++)
                ;
        while (length > value && isspace((unsigned char)data[length - 1]))
                length--;
        line = text_printf("%.*s: %.*s", (int)name, data, (int)(length - value), data + value);
        if (!line)
                return 0;
        for (size_t i = 0; i < name; i++)
                line[i] = (char)tolower((unsigned char)line[i]);
        return string_list_take(&response->headers, TAKE_PTR(line)) < 0 ? 0 : size * count;
}

static size_t refuse(Exchange *exchange)
{
        exchange->refused = true;
        return CURL_WRITEFUNC_ERROR;
}

static size_t on_data(char *data, size_t size, size_t count, void *owner)
{
        Exchange *exchange = owner;
        const HttpRequest *request = exchange->request;
        HttpResponse *response = exchange->response;
        size_t length = size * count;

        if (!exchange->begun) {
                exchange->begun = true;
                curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &response->status);
                if (response->status / 100 == 2 && request->begin &&
                    request->begin(request->owner, response, &exchange->refusal) < 0)
                        return refuse(exchange);
        }
        if (response->status / 100 != 2) {
                size_t room = REFUSAL_MAXIMUM - response->text.length;

                buffer_append(&response->text, data, length < room ? length : room);
                return length;
        }
        response->received += (int64_t)length;
        if (response->received > request->maximum) {
                fail_kind(&exchange->refusal, ERROR_CORRUPT, EFBIG,
                          "registry %s sent more than the %lld bytes expected", response->host,
                          (long long)request->maximum);
                return refuse(exchange);
        }
        if (!request->take) {
                buffer_append(&response->text, data, length);
                return response->text.failed ? 0 : length;
        }
        return request->take(request->owner, data, length, &exchange->refusal) < 0 ? refuse(exchange)
                                                                                   : length;
}

static size_t on_send(char *buffer, size_t size, size_t count, void *owner)
{
        Exchange *exchange = owner;
        const HttpRequest *request = exchange->request;
        int64_t left = request->body_size - exchange->sent;
        size_t length = size * count;
        ssize_t got;

        if ((int64_t)length > left)
                length = (size_t)left;
        do
                got = pread(request->body_fd, buffer, length, request->body_offset + exchange->sent);
        while (got < 0 && errno == EINTR);
        if (got < 0 || (got == 0 && length > 0)) {
                fail_errno(&exchange->refusal, got < 0 ? errno : EIO, "read what is to be sent");
                exchange->refused = true;
                return CURL_READFUNC_ABORT;
        }
        exchange->sent += got;
        if (request->sent)
                request->sent(request->owner, request->body_offset + exchange->sent);
        return (size_t)got;
}

/* libcurl would send a body again from its start, on a connection that turned out to be closed, or was closed
 * in the middle of it. */
static int on_seek(void *owner, curl_off_t offset, int origin)
{
        Exchange *exchange = owner;

        if (origin != SEEK_SET || exchange->request->once)
                return CURL_SEEKFUNC_FAIL;
        exchange->sent = offset;
        return CURL_SEEKFUNC_OK;
}

/* ---- one hop ---- */

static void set_body(Exchange *exchange)
{
        const HttpRequest *request = exchange->request;
        CURL *easy = exchange->easy;

        if (text_equal(request->method, "HEAD")) {
                curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
                return;
        }
        if (text_equal(request->method, "GET"))
                return;
        if (request->body_fd >= 0) {
                curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
                curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
                curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
                curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
                curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
                curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
        } else {
                curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                 (curl_off_t)(request->body ? strlen(request->body) : 0));
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ?: "");
        }
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static int set_security(HttpClient *client, const char *host, Error *err)
{
        _cleanup_certificates_ RegistryCertificates certificates = {0};
        long verify = !registry_config_insecure(client->config, host);
        int r;

        r = registry_config_certificates(client->config, host, &certificates, err);
        if (r < 0)
                return r;
        curl_easy_setopt(client->easy, CURLOPT_SSL_VERIFYPEER, verify);
        curl_easy_setopt(client->easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
        curl_easy_setopt(client->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        /* The system's authorities stay trusted besides: they come by the folder (CURLOPT_CAPATH). */
        if (certificates.authority)
                curl_easy_setopt(client->easy, CURLOPT_CAINFO, certificates.authority);
        if (certificates.certificate) {
                curl_easy_setopt(client->easy, CURLOPT_SSLCERT, certificates.certificate);
                curl_easy_setopt(client->easy, CURLOPT_SSLKEY, certificates.key);
        }
        if (registry_host_loopback(host))
                curl_easy_setopt(client->easy, CURLOPT_NOPROXY, "*");
        return 0;
}

static int set_headers(const HttpRequest *request, bool authorize, struct curl_slist **ret)
{
        struct curl_slist *list = NULL, *longer;
        _cleanup_free_ char *authorization = NULL;

        /* An empty value takes out what libcurl would add by itself. */
        list = curl_slist_append(NULL, "Expect:");
        for (size_t i = 0; list && i < request->headers.count; i++) {
                longer = curl_slist_append(list, request->headers.items[i]);
                if (!longer)
                        goto failed;
                list = longer;
        }
        if (list && authorize && request->authorization) {
                authorization = text_printf("Authorization: %s", request->authorization);
                longer = authorization ? curl_slist_append(list, authorization) : NULL;
                if (!longer)
                        goto failed;
                list = longer;
        }
        if (list) {
                *ret = list;
                return 0;
        }
failed:
        curl_slist_free_all(list);
        return -ENOMEM;
}

static HttpFailure failure_of(CURLcode code)
{
        switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
                return HTTP_FAILED_CONNECT;
        case CURLE_SSL_CONNECT_ERROR:
                return HTTP_FAILED_PLAIN;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
                return HTTP_FAILED_CERTIFICATE;
        case CURLE_OPERATION_TIMEDOUT:
                return HTTP_FAILED_STALL;
        case CURLE_PARTIAL_FILE:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_SEND_FAIL_REWIND:
        case CURLE_RECV_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
                return HTTP_FAILED_TRANSFER;
        default:
                return HTTP_FAILED_OTHER;
        }
}

/* A failure of the exchange that libcurl says in @code and @detail. */
static HttpFailure classify(const Exchange *exchange, CURLcode code, const char *detail)
{
        HttpFailure failure = failure_of(code);
        curl_off_t connected = 0;

        curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
        /* There was nobody, or nobody who finishes a handshake. */
        if (failure == HTTP_FAILED_STALL && connected == 0)
                return HTTP_FAILED_CONNECT;
        /* With TLS 1.3 a server refuses our certificate, or that there is none, after the handshake. */
        if (failure == HTTP_FAILED_TRANSFER && strstr(detail, "certificate"))
                return HTTP_FAILED_CERTIFICATE;
        return failure;
}

static int report(const Exchange *exchange, CURLcode code, const char *detail, int seconds, Error *err)
{
        HttpFailure failure = exchange->response->failure;
        const char *host = exchange->response->host;
        int number = failure == HTTP_FAILED_CONNECT       ? ECONNREFUSED
                     : failure == HTTP_FAILED_CERTIFICATE ? EACCES
                     : failure == HTTP_FAILED_STALL       ? ETIMEDOUT
                                                          : EIO;

        if (failure == HTTP_FAILED_STALL)
                return fail(err, number, "registry %s has sent nothing for %d seconds", host, seconds);
        fail(err, number, "registry %s: %s", host, *detail ? detail : curl_easy_strerror(code));
        if (failure == HTTP_FAILED_CERTIFICATE && code == CURLE_RECV_ERROR)
                fail_hint(err,
                          "it wants to see a certificate of yours: put client.cert and client.key into "
                          "~/.config/kelp/certs.d/%s/",
                          host);
        else if (code == CURLE_COULDNT_RESOLVE_HOST)
                fail_hint(err, "check the name and this machine's DNS; proxies are taken from https_proxy "
                               "and no_proxy");
        else if (failure == HTTP_FAILED_CERTIFICATE)
                fail_hint(err,
                          "put the certificate of its authority at ~/.config/kelp/certs.d/%s/ca.crt, or "
                          "allow \"%s\" "
                          "unverified in \"insecure\" of ~/.config/kelp/registries.json",
                          host, host);
        else if (failure == HTTP_FAILED_PLAIN)
                fail_hint(err,
                          "if it speaks plain HTTP and you trust the network, name \"%s\" in \"insecure\" of "
                          "~/.config/kelp/registries.json",
                          host);
        return err ? -err->code : -number;
}

static int perform_hop(HttpClient *client, const HttpRequest *request, const char *url, bool authorize,
                       HttpResponse *response, Error *err)
{
        char detail[CURL_ERROR_SIZE] = "";
        Exchange exchange = {.request = request, .response = response, .easy = client->easy};
        struct curl_slist *headers = NULL;
        int silence = registry_config_timeout(client->config), r;
        CURL *easy = client->easy;
        CURLcode code;

        string_list_deinit(&response->headers);
        buffer_deinit(&response->text);
        response->status = 0;
        response->received = 0;
        response->failure = HTTP_FAILED_OTHER;
        curl_easy_reset(easy);
        r = set_security(client, response->host, err);
        if (r < 0)
                return r;
        if (set_headers(request, authorize, &headers) < 0)
                return fail_memory(err);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "kelp/" KELP_VERSION);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
                         (long)(silence < CONNECT_SECONDS ? silence : CONNECT_SECONDS));
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)silence);
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)TAKE_SIZE);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
        set_body(&exchange);
        code = curl_easy_perform(easy);
        curl_slist_free_all(headers);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response->status);
        if (exchange.refused) {
                response->failure = HTTP_FAILED_SINK;
                if (err)
                        *err = exchange.refusal;
                return exchange.refusal.code ? -exchange.refusal.code : -EIO;
        }
        if (code != CURLE_OK) {
                response->failure = classify(&exchange, code, detail);
                return report(&exchange, code, detail, silence, err);
        }
        response->failure = HTTP_ANSWERED;
        if (!exchange.begun && response->status / 100 == 2 && request->begin) {
                r = request->begin(request->owner, response, err);
                if (r < 0)
                        response->failure = HTTP_FAILED_SINK;
                return r;
        }
        return 0;
}

/* ---- redirects ---- */

typedef struct Address {
        char *scheme, *host, *port, *url;
        bool default_port;
} Address;

static void address_deinit(Address *address)
{
        curl_free(address->scheme);
        curl_free(address->host);
        curl_free(address->port);
        curl_free(address->url);
        *address = (Address){0};
}
#define _cleanup_address_ _cleanup_(address_deinit)

/* Takes @location, which may be relative to @base, apart. */
static int read_address(const char *base, const char *location, Address *ret)
{
        CURLU *handle = curl_url();
        char *port = NULL;
        bool fine;

        fine = handle && curl_url_set(handle, CURLUPART_URL, base, 0) == CURLUE_OK &&
               (!location || curl_url_set(handle, CURLUPART_URL, location, 0) == CURLUE_OK) &&
               /* credentials in an address that a server made up are not the user's */
               curl_url_set(handle, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
               curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
               curl_url_get(handle, CURLUPART_SCHEME, &ret->scheme, 0) == CURLUE_OK &&
               curl_url_get(handle, CURLUPART_HOST, &ret->host, 0) == CURLUE_OK &&
               curl_url_get(handle, CURLUPART_PORT, &ret->port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
               curl_url_get(handle, CURLUPART_URL, &ret->url, 0) == CURLUE_OK &&
               (text_equal(ret->scheme, "https") || text_equal(ret->scheme, "http"));
        ret->default_port = curl_url_get(handle, CURLUPART_PORT, &port, 0) != CURLUE_OK;
        curl_free(port);
        curl_url_cleanup(handle);
        return fine ? 0 : -EINVAL;
}

static void host_of(const Address *address, char *ret, size_t size)
{
        if (address->default_port)
                snprintf(ret, size, "%s", address->host);
        else
                snprintf(ret, size, "%s:%s", address->host, address->port);
}

static bool same_origin(const Address *a, const Address *b)
{
        return text_equal(a->scheme, b->scheme) && text_equal(a->port, b->port) &&
               strcasecmp(a->host, b->host) == 0;
}

static bool leaves_tls(const HttpClient *client, const Address *from, const Address *to)
{
        char host[256];

        host_of(to, host, sizeof(host));
        return text_equal(from->scheme, "https") && text_equal(to->scheme, "http") &&
               !registry_config_insecure(client->config, host);
}

static bool redirects(const HttpRequest *request, long status)
{
        if (status == 307 || status == 308)
                return true;
        return (status == 301 || status == 302 || status == 303) &&
               (text_equal(request->method, "GET") || text_equal(request->method, "HEAD"));
}

/* May the next hop go there? */
static int check_hop(const HttpClient *client, const HttpRequest *request, const Address *current,
                     const Address *next, const char *from, const char *to, Error *err)
{
        if (leaves_tls(client, current, next))
                return fail(err, EPROTO, "registry %s redirects to %s without TLS: refused", from, to);
        /* such a text is a secret of the user's for one host */
        if (request->body && !same_origin(current, next))
                return fail(err, EPROTO, "registry %s redirects a request with credentials to %s: refused",
                            from, to);
        return 0;
}

int http_perform(HttpClient *client, const HttpRequest *request, HttpResponse *ret, Error *err)
{
        _cleanup_address_ Address origin = {0}, current = {0};

        ret->failure = HTTP_FAILED_OTHER;
        if (read_address(request->url, NULL, &origin) < 0 || read_address(request->url, NULL, &current) < 0)
                return fail(err, EINVAL, "\"%s\" is not an address of a registry", request->url);
        host_of(&current, ret->host, sizeof(ret->host));
        for (int hop = 0; hop <= REDIRECTS_MAXIMUM; hop++) {
                _cleanup_address_ Address next = {0};
                const char *location;
                char host[256];
                int r;

                ret->elsewhere = !same_origin(&origin, &current);
                r = perform_hop(client, request, current.url, !ret->elsewhere, ret, err);
                if (r < 0)
                        return r;
                location = http_header(ret, "location");
                if (!redirects(request, ret->status) || !location)
                        return 0;
                ret->failure = HTTP_FAILED_OTHER;
                if (read_address(current.url, location, &next) < 0)
                        return fail(err, EPROTO, "registry %s redirects to a bad address", ret->host);
                host_of(&next, host, sizeof(host));
                r = check_hop(client, request, &current, &next, ret->host, host, err);
                if (r < 0)
                        return r;
                memcpy(ret->host, host, sizeof(host));
                address_deinit(&current);
                current = next;
                next = (Address){0};
        }
        return fail(err, ELOOP, "registry %s redirects more than %d times", ret->host, REDIRECTS_MAXIMUM);
}

int http_resolve(const char *base, const char *location, char **ret)
{
        _cleanup_address_ Address address = {0};

        if (read_address(base, location, &address) < 0)
                return -EPROTO;
        *ret = strdup(address.url);
        return *ret ? 0 : -ENOMEM;
}

bool http_same_origin(const char *a, const char *b)
{
        _cleanup_address_ Address first = {0}, second = {0};

        return read_address(a, NULL, &first) >= 0 && read_address(b, NULL, &second) >= 0 &&
               same_origin(&first, &second);
}

bool http_leaves_tls(const HttpClient *client, const char *from, const char *to)
{
        _cleanup_address_ Address first = {0}, second = {0};

        return read_address(from, NULL, &first) >= 0 && read_address(to, NULL, &second) >= 0 &&
               leaves_tls(client, &first, &second);
}
