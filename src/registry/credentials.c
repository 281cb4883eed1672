/* Credentials in docker's config.json: who keeps them, and the members "auths". */
#include "registry/credentials.h"

#include "base/file.h"
#include "registry/credentials-helper.h"
#include "spec/json.h"

#include <fcntl.h>
#include <nettle/base64.h>
#include <sys/stat.h>

enum { CONFIG_MAXIMUM = 4 << 20 };

static void forget(char **secret)
{
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
}

void registry_credentials_deinit(RegistryCredentials *credentials)
{
        forget(&credentials->user);
        forget(&credentials->password);
        forget(&credentials->identity_token);
}

static int config_path(char **ret, Error *err)
{
        const char *folder = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
        char *real;

        if (!text_empty(folder))
                *ret = path_join(folder, "config.json");
        else if (!text_empty(home))
                *ret = path_join(home, ".docker/config.json");
        else
                return 0;
        if (!*ret)
                return fail_memory(err);
        /* A link into a collection of dot files is to stay one when the file is replaced. */
        real = realpath(*ret, NULL);
        if (real) {
                free(*ret);
                *ret = real;
        }
        return 1;
}

/* The whole document, an empty object when there is no file. */
static int read_config(const char *path, json_object **ret, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        int r;

        r = file_read_at(AT_FDCWD, path, CONFIG_MAXIMUM, &text);
        if (r == -ENOENT || r == -ENOTDIR || (r == 0 && text.length == 0)) {
                *ret = json_object_new_object();
                return *ret ? 0 : fail_memory(err);
        }
        if (r < 0) {
                fail_errno(err, -r, "read %s", path);
                return fail_hint(err, "credentials are read from there; DOCKER_CONFIG names another folder");
        }
        r = json_parse(text.data, text.length, path, ret, err);
        explicit_bzero(text.data, text.length);
        if (r >= 0 && !json_object_is_type(*ret, json_type_object))
                return fail_kind(err, ERROR_USAGE, EINVAL, "%s: not an object", path);
        return r;
}

/* Under which name docker keeps the credentials of a domain. */
static const char *server_name(const char *domain)
{
        return text_equal(domain, "docker.io") || text_equal(domain, "index.docker.io") ||
                               text_equal(domain, "registry-1.docker.io")
                       ? "https://index.docker.io/v1/"
                       : domain;
}

/* The host in a key of "auths": older programs wrote addresses there. */
static bool key_means(const char *key, const char *server)
{
        const char *host = text_after(key, "https://") ?: text_after(key, "http://") ?: key;
        const char *wanted = text_after(server, "https://") ?: server;
        size_t length = strcspn(host, "/");

        return length == strcspn(wanted, "/") && strncasecmp(host, wanted, length) == 0;
}

/* The exact name wins over an address that means the same. Belongs to @auths. */
static const char *find_key(json_object *auths, const char *server)
{
        const char *found = NULL;

        if (!auths)
                return NULL;
        if (json_object_object_get_ex(auths, server, NULL))
                return server;
        json_object_object_foreach(auths, key, value)
        {
                (void)value;
                if (!found && key_means(key, server))
                        found = key;
        }
        return found;
}

/* The program that keeps the credentials of @server; *ret stays NULL when the file itself does. */
static int find_helper(json_object *config, const char *server, const char *domain, const char **ret,
                       Error *err)
{
        json_object *table = NULL;
        int r;

        r = json_get_object(config, "credHelpers", &table, err);
        if (r > 0) {
                r = json_get_string(table, domain, ret, err);
                if (r == 0)
                        r = json_get_string(table, server, ret, err);
        }
        if (r == 0)
                r = json_get_string(config, "credsStore", ret, err);
        if (r > 0 && !**ret)
                *ret = NULL;
        return r < 0 ? r : 0;
}

/* "auth": base64 of user:password. */
static int decode_auth(const char *text, RegistryCredentials *ret, Error *err)
{
        struct base64_decode_ctx context;
        size_t length = strlen(text), decoded_length = BASE64_DECODE_LENGTH(length);
        _cleanup_free_ char *decoded = calloc(1, decoded_length + 1);
        char *colon;
        int r = 0;

        if (!decoded)
                return fail_memory(err);
        base64_decode_init(&context);
        if (!base64_decode_update(&context, &decoded_length, (uint8_t *)decoded, length, text) ||
            !base64_decode_final(&context) || !(colon = memchr(decoded, ':', decoded_length)) ||
            memchr(decoded, 0, decoded_length))
                return fail_kind(err, ERROR_USAGE, EINVAL, "\"auth\" is not base64 of user:password");
        decoded[decoded_length] = 0;
        *colon = 0;
        if (text_replace(&ret->user, decoded) < 0 || text_replace(&ret->password, colon + 1) < 0)
                r = fail_memory(err);
        explicit_bzero(decoded, decoded_length);
        return r;
}

static int read_entry(json_object *entry, RegistryCredentials *ret, Error *err)
{
        const char *auth = NULL, *token = NULL, *user = NULL, *password = NULL;
        int r;

        r = json_get_string(entry, "auth", &auth, err);
        if (r >= 0)
                r = json_get_string(entry, "identitytoken", &token, err);
        if (r >= 0)
                r = json_get_string(entry, "username", &user, err);
        if (r >= 0)
                r = json_get_string(entry, "password", &password, err);
        if (r >= 0 && !text_empty(auth))
                r = decode_auth(auth, ret, err);
        if (r < 0)
                return r;
        if (!ret->user && !text_empty(user) &&
            (text_replace(&ret->user, user) < 0 || text_replace(&ret->password, password ?: "") < 0))
                return fail_memory(err);
        if (!text_empty(token) && text_replace(&ret->identity_token, token) < 0)
                return fail_memory(err);
        return !text_empty(ret->user) || ret->identity_token;
}

int registry_credentials_get(const char *domain, RegistryCredentials *ret, Error *err)
{
        const char *server = server_name(domain), *helper = NULL, *key;
        _cleanup_credentials_ RegistryCredentials found = {0};
        _cleanup_free_ char *path = NULL;
        _cleanup_json_ json_object *config = NULL;
        json_object *auths = NULL, *entry = NULL;
        int r;

        r = config_path(&path, err);
        if (r <= 0)
                return r;
        r = read_config(path, &config, err);
        if (r < 0)
                return r;
        r = find_helper(config, server, domain, &helper, err);
        if (r >= 0 && helper)
                r = credentials_helper_get(helper, server, &found, err);
        if (r >= 0 && !found.password && !found.identity_token) {
                r = json_get_object(config, "auths", &auths, err);
                key = find_key(auths, server);
                if (r > 0 && key)
                        r = json_get_object(auths, key, &entry, err);
                if (r >= 0)
                        r = entry ? read_entry(entry, &found, err) : 0;
        }
        if (r < 0)
                return fail_wrap(err, r, "credentials for %s in %s", domain, path);
        if (r > 0) {
                *ret = found;
                found = (RegistryCredentials){0};
        }
        return r;
}

static int write_config(const char *path, json_object *config, Error *err)
{
        const char *text =
                json_object_to_json_string_ext(config, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE);
        _cleanup_free_ char *folder = strdup(path);
        int made, r;

        if (!text || !folder)
                return fail_memory(err);
        folder[strlen(path) - strlen(path_basename(path))] = 0;
        made = directory_make_open_at(AT_FDCWD, *folder ? folder : ".", 0700, err);
        if (made < 0)
                return fail_wrap(err, made, "%s", path);
        r = file_replace_at(made, path_basename(path), text, strlen(text), 0600, true, err);
        close(made);
        return r;
}

static int encode_entry(const RegistryCredentials *credentials, json_object **ret, Error *err)
{
        _cleanup_free_ char *plain =
                text_printf("%s:%s", credentials->user ?: "", credentials->password ?: "");
        _cleanup_free_ char *encoded = plain ? calloc(1, BASE64_ENCODE_RAW_LENGTH(strlen(plain)) + 1) : NULL;
        json_object *entry = encoded ? json_object_new_object() : NULL;

        if (!entry)
                return fail_memory(err);
        base64_encode_raw(encoded, strlen(plain), (const uint8_t *)plain);
        json_set_string(entry, "auth", encoded);
        if (credentials->identity_token)
                json_set_string(entry, "identitytoken", credentials->identity_token);
        explicit_bzero(plain, strlen(plain));
        *ret = entry;
        return 0;
}

/* The member "auths", made when missing. Belongs to @config. */
static int open_auths(json_object *config, json_object **ret, Error *err)
{
        int r = json_get_object(config, "auths", ret, err);

        if (r != 0)
                return r < 0 ? r : 0;
        *ret = json_object_new_object();
        if (!*ret)
                return fail_memory(err);
        json_set(config, "auths", *ret);
        return 0;
}

int registry_credentials_store(const char *domain, const RegistryCredentials *credentials, Error *err)
{
        const char *server = server_name(domain), *helper = NULL, *key;
        _cleanup_free_ char *path = NULL;
        _cleanup_json_ json_object *config = NULL;
        json_object *auths = NULL, *entry = NULL;
        int r;

        r = config_path(&path, err);
        if (r == 0)
                return fail(err, ENOENT,
                            "nowhere to keep credentials: neither HOME nor DOCKER_CONFIG is set");
        if (r > 0)
                r = read_config(path, &config, err);
        if (r >= 0)
                r = find_helper(config, server, domain, &helper, err);
        if (r >= 0)
                r = open_auths(config, &auths, err);
        if (r < 0)
                return fail_wrap(err, r, "keep credentials for %s", domain);
        if (helper) {
                r = credentials_helper_store(helper, server, credentials, err);
                /* The empty entry tells other programs that the helper has something. */
                entry = r >= 0 ? json_object_new_object() : NULL;
        } else {
                r = encode_entry(credentials, &entry, err);
        }
        if (r < 0)
                return fail_wrap(err, r, "keep credentials for %s", domain);
        key = find_key(auths, server);
        if (key && !text_equal(key, server))
                json_object_object_del(auths, key);
        json_set(auths, server, entry);
        return write_config(path, config, err);
}

int registry_credentials_erase(const char *domain, bool *ret_removed, Error *err)
{
        const char *server = server_name(domain), *helper = NULL, *key;
        _cleanup_free_ char *path = NULL;
        _cleanup_json_ json_object *config = NULL;
        json_object *auths = NULL;
        bool removed = false, changed = false;
        int r;

        *ret_removed = false;
        r = config_path(&path, err);
        if (r <= 0)
                return r;
        r = read_config(path, &config, err);
        if (r >= 0)
                r = find_helper(config, server, domain, &helper, err);
        if (r >= 0)
                r = json_get_object(config, "auths", &auths, err);
        if (r >= 0 && helper) {
                r = credentials_helper_erase(helper, server, err);
                removed = r > 0;
        }
        if (r < 0)
                return fail_wrap(err, r, "forget the credentials for %s", domain);
        while (auths && (key = find_key(auths, server))) {
                json_object_object_del(auths, key);
                removed = changed = true;
        }
        if (changed)
                r = write_config(path, config, err);
        if (r >= 0)
                *ret_removed = removed;
        return r < 0 ? r : 0;
}
