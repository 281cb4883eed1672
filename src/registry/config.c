/* Settings for registries: registries.json and the folders certs.d. */
#include "registry/config.h"

#include "base/file.h"
#include "spec/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { SETTINGS_MAXIMUM = 1 << 20, TIMEOUT_USUAL = 60, TIMEOUT_MAXIMUM = 24 * 3600 };

struct RegistryConfig {
        char *folder;
        json_object *document; /* registries.json; NULL: there is none */
        StringList insecure;
        int64_t timeout;
};

RegistryConfig *registry_config_free(RegistryConfig *config)
{
        if (!config)
                return NULL;
        free(config->folder);
        json_object_put(config->document);
        string_list_deinit(&config->insecure);
        free(config);
        return NULL;
}

/* 1: read, 0: there is no such file. */
static int read_settings(RegistryConfig *config, const char *folder, Error *err)
{
        _cleanup_free_ char *path = path_join(folder, "registries.json");
        _cleanup_buffer_ Buffer text = {0};
        int r;

        if (!path)
                return fail_memory(err);
        r = file_read_at(AT_FDCWD, path, SETTINGS_MAXIMUM, &text);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return fail_errno(err, -r, "read %s", path);
        r = json_parse(text.data ?: "", text.length, path, &config->document, err);
        if (r < 0)
                return r;
        if (!json_object_is_type(config->document, json_type_object))
                return fail_kind(err, ERROR_USAGE, EINVAL, "%s: not an object", path);

        json_object *mirrors = NULL;

        json_object_object_foreach(config->document, key, value)
        {
                if (!text_equal(key, "insecure") && !text_equal(key, "mirrors") &&
                    !text_equal(key, "timeout"))
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "%s: unknown member \"%s\" (known: insecure, mirrors, timeout)",
                                         path, key);
                (void)value;
        }
        r = json_get_strings(config->document, "insecure", &config->insecure, err);
        if (r >= 0)
                r = json_get_object(config->document, "mirrors", &mirrors, err);
        if (r >= 0)
                r = json_get_int64(config->document, "timeout", &config->timeout, err);
        if (r > 0 && (config->timeout < 1 || config->timeout > TIMEOUT_MAXIMUM))
                r = fail_kind(err, ERROR_USAGE, EINVAL, "timeout: %lld is no number of seconds from 1 to %d",
                              (long long)config->timeout, TIMEOUT_MAXIMUM);
        return r < 0 ? fail_wrap(err, r, "%s", path) : 1;
}

int registry_config_open(const char *folder, RegistryConfig **ret, Error *err)
{
        _cleanup_registry_config_ RegistryConfig *config = calloc(1, sizeof(*config));
        int r;

        if (!config || !(config->folder = strdup(folder)))
                return fail_memory(err);
        config->timeout = TIMEOUT_USUAL;
        r = read_settings(config, folder, err);
        if (r == 0)
                r = read_settings(config, "/etc/kelp", err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(config);
        return 0;
}

void registry_endpoint_list_deinit(RegistryEndpointList *list)
{
        free(list->items);
        *list = (RegistryEndpointList){0};
}

/* "https://mirror.example:5000/prefix", or without the scheme. */
static int read_mirror(const char *text, RegistryEndpoint *ret, Error *err)
{
        RegistryEndpoint endpoint = {.mirror = true};
        const char *rest, *host = text, *slash;
        size_t length;

        if ((rest = text_after(text, "https://"))) {
                host = rest;
                memcpy(endpoint.scheme, "https", sizeof("https"));
        } else if ((rest = text_after(text, "http://"))) {
                host = rest;
                memcpy(endpoint.scheme, "http", sizeof("http"));
        }
        slash = strchrnul(host, '/');
        length = slash - host;
        if (length == 0 || length >= sizeof(endpoint.host) || strcspn(host, "@?# \t\r\n%\\") != strlen(host))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "registries.json: mirror \"%s\": expected https://HOST[:PORT][/PATH]", text);
        memcpy(endpoint.host, host, length);
        length = strlen(slash);
        while (length > 0 && slash[length - 1] == '/')
                length--;
        if (length >= sizeof(endpoint.prefix))
                return fail_kind(err, ERROR_USAGE, EINVAL, "registries.json: mirror \"%s\": too long", text);
        memcpy(endpoint.prefix, slash, length);
        *ret = endpoint;
        return 0;
}

int registry_config_endpoints(const RegistryConfig *config, const char *domain, bool mirrors,
                              RegistryEndpointList *ret, Error *err)
{
        /* Docker Hub's registry has another name than its images. */
        const char *host = text_equal(domain, "docker.io") || text_equal(domain, "index.docker.io")
                                   ? "registry-1.docker.io"
                                   : domain;
        _cleanup_endpoints_ RegistryEndpointList list = {0};
        _cleanup_strings_ StringList names = {0};
        json_object *table = NULL;
        int r = 0;

        if (mirrors && config->document) {
                r = json_get_object(config->document, "mirrors", &table, err);
                if (r > 0)
                        r = json_get_strings(table, domain, &names, err);
                if (r < 0)
                        return fail_wrap(err, r, "registries.json: mirrors");
        }
        list.items = calloc(names.count + 1, sizeof(*list.items));
        if (!list.items)
                return fail_memory(err);
        for (size_t i = 0; i < names.count; i++) {
                r = read_mirror(names.items[i], &list.items[list.count++], err);
                if (r < 0)
                        return r;
        }
        snprintf(list.items[list.count++].host, sizeof(list.items[0].host), "%s", host);
        *ret = list;
        list = (RegistryEndpointList){0};
        return 0;
}

/* Length of the name in "name", "name:port", "[v6]:port". */
static size_t host_name_length(const char *host)
{
        const char *end = *host == '[' ? strchr(host, ']') : NULL;

        return end ? (size_t)(end + 1 - host) : strcspn(host, ":");
}

int registry_config_timeout(const RegistryConfig *config)
{
        return (int)config->timeout;
}

bool registry_config_insecure(const RegistryConfig *config, const char *host)
{
        size_t length = host_name_length(host);

        for (size_t i = 0; i < config->insecure.count; i++) {
                const char *entry = config->insecure.items[i];

                if (strcasecmp(entry, host) == 0)
                        return true;
                if (strlen(entry) == length && strncasecmp(entry, host, length) == 0)
                        return true;
        }
        return false;
}

bool registry_host_loopback(const char *host)
{
        size_t length = host_name_length(host);
        unsigned parts[4];
        int end = 0;

        if (length == strlen("localhost") && strncasecmp(host, "localhost", length) == 0)
                return true;
        if (length == strlen("[::1]") && strncmp(host, "[::1]", length) == 0)
                return true;
        /* All four numbers must be there: "127.evil.example" is a name. */
        return sscanf(host, "%3u.%3u.%3u.%3u%n", &parts[0], &parts[1], &parts[2], &parts[3], &end) == 4 &&
               (size_t)end == length && parts[0] == 127;
}

void registry_certificates_deinit(RegistryCertificates *certificates)
{
        free(certificates->authority);
        free(certificates->certificate);
        free(certificates->key);
        *certificates = (RegistryCertificates){0};
}

/* Reads one folder. Of several files with one ending the first by name counts. */
static int read_certificates(const char *folder, DIR *directory, RegistryCertificates *ret, Error *err)
{
        _cleanup_free_ char *authority = NULL, *certificate = NULL;
        struct dirent *entry;

        while ((entry = readdir(directory))) {
                char **slot = text_ends(entry->d_name, ".crt")    ? &authority
                              : text_ends(entry->d_name, ".cert") ? &certificate
                                                                  : NULL;

                if (!slot || (*slot && strcmp(*slot, entry->d_name) <= 0))
                        continue;
                if (text_replace(slot, entry->d_name) < 0)
                        return fail_memory(err);
        }
        if (authority && !(ret->authority = path_join(folder, authority)))
                return fail_memory(err);
        if (!certificate)
                return 0;
        ret->certificate = path_join(folder, certificate);
        ret->key = ret->certificate
                           ? text_printf("%.*s.key", (int)(strlen(ret->certificate) - strlen(".cert")),
                                         ret->certificate)
                           : NULL;
        if (!ret->key)
                return fail_memory(err);
        if (access(ret->key, R_OK) < 0)
                return fail_errno(err, errno, "%s has no readable key %s", ret->certificate, ret->key);
        return 0;
}

int registry_config_certificates(const RegistryConfig *config, const char *host, RegistryCertificates *ret,
                                 Error *err)
{
        const char *home = getenv("HOME");
        const char *const roots[] = {config->folder, home && *home == '/' ? home : NULL, "/etc/kelp",
                                     "/etc/containers", "/etc/docker"};

        /* It becomes a folder's name. */
        if (strchr(host, '/') || *host == '.')
                return fail_kind(err, ERROR_USAGE, EINVAL, "registry \"%s\": not a host", host);
        for (size_t i = 0; i < ELEMENTSOF(roots); i++) {
                _cleanup_closedir_ DIR *directory = NULL;
                _cleanup_free_ char *folder = NULL;
                int r;

                if (!roots[i])
                        continue;
                folder = text_printf("%s%s/certs.d/%s", roots[i],
                                     roots[i] == home ? "/.config/containers" : "", host);
                if (!folder)
                        return fail_memory(err);
                directory = opendir(folder);
                if (!directory && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
                        continue;
                if (!directory)
                        return fail_errno(err, errno, "open %s", folder);
                r = read_certificates(folder, directory, ret, err);
                if (r < 0)
                        registry_certificates_deinit(ret);
                return r;
        }
        return 0;
}
