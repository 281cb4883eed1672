/*
 * Authorization for a registry, by what it asks for in WWW-Authenticate (RFC 7235): "Basic", or "Bearer",
 * which is distribution's token authentication: the registry names a token server (realm), which gives a
 * token for what is asked (scope) to who shows credentials, or to anybody.
 *
 * The token server is the registry's own choice and is often another host; what protects the credentials is
 * that only the registry itself is listened to (never a host that it redirects to), and that they go nowhere
 * without TLS where the registry has it.
 */
#include "registry/fetch-token.h"

#include "base/cleanup.h"
#include "spec/json.h"

#include <nettle/base64.h>

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

/* Credentials cross no network in the clear, whatever a registry says. */
static int check_realm(const RegistrySession *session, const char *realm, Error *err)
{
        const char *host = text_after(realm, "http://");
        char name[256];

        if (!host)
                return 0; /* an address of another kind is refused when it is asked */
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, "/?#"), host);
        if (registry_config_insecure(session->config, name) ||
            (registry_host_loopback(name) && !http_leaves_tls(session->client, session->base, realm)))
                return 0;
        fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                  "registry %s wants credentials shown to %s without TLS: refused", session->authority, name);
        return fail_hint(err,
                         "if you trust the network, name \"%s\" in \"insecure\" of "
                         "~/.config/kelp/registries.json",
                         name);
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
                                 "registry %s: its challenge names no token server", session->authority);
        r = check_realm(session, realm, err);
        if (r < 0)
                return r;
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
                return fail_wrap(err, r, "token server of %s", session->authority);
        if (response.status != 200) {
                fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                          "registry %s: the token server %s refuses %s (status %ld)", session->authority,
                          response.host, credentials ? "the credentials" : "those without credentials",
                          response.status);
                return fail_hint(err, "give other ones with kelp login %s", session->authority);
        }
        r = json_parse(response.text.data ?: "", response.text.length, "token", &document, err);
        if (r >= 0)
                r = json_get_string(document, "token", &token, err);
        if (r >= 0 && !token)
                r = json_get_string(document, "access_token", &token, err);
        if (r < 0)
                return r;
        if (!token)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s: the token server gave no token", session->authority);
        free(session->authorization);
        session->authorization = text_printf("Bearer %s", token);
        return session->authorization ? 0 : fail_memory(err);
}

/* The best challenge of those that we can answer; NULL: none is such. */
static const char *choose_challenge(const HttpResponse *response)
{
        const char *basic = NULL;

        for (size_t i = 0; i < response->headers.count; i++) {
                const char *challenge = text_after(response->headers.items[i], "www-authenticate: ");

                if (challenge && strncasecmp(challenge, "bearer ", 7) == 0)
                        return challenge;
                if (challenge && strncasecmp(challenge, "basic", 5) == 0)
                        basic = challenge;
        }
        return basic;
}

int token_answer_challenge(RegistrySession *session, const HttpResponse *response, Error *err)
{
        const char *challenge = choose_challenge(response);
        _cleanup_credentials_ RegistryCredentials credentials = {0};
        const RegistryCredentials *known = session->given;

        if (!challenge)
                return fail_kind(err, ERROR_UNAUTHORIZED, EACCES,
                                 "registry %s wants authentication of a kind that kelp does not know: %.100s",
                                 session->authority, http_header(response, "www-authenticate") ?: "unnamed");
        if (!known) {
                int found = registry_credentials_get(session->authority, &credentials, err);

                if (found < 0)
                        return found;
                known = found ? &credentials : NULL;
        }
        if (strncasecmp(challenge, "bearer", 6) == 0)
                return get_token(session, challenge, known, err);
        if (!known || !known->user) {
                fail_kind(err, ERROR_UNAUTHORIZED, EACCES, "registry %s wants credentials",
                          session->authority);
                return fail_hint(err, "give them with kelp login %s", session->authority);
        }
        free(session->authorization);
        session->authorization = basic_authorization(known);
        return session->authorization ? 0 : fail_memory(err);
}
