/* Any bytes as docker's config.json and as registries.json, in a folder of this process's own. */
#include "base/file.h"
#include "registry/config.h"
#include "registry/credentials.h"

#include <fcntl.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/kelp-fuzz-XXXXXX";

static void remove_folder(void)
{
        (void)tree_remove_at(AT_FDCWD, folder, NULL);
}

/* Helpers are looked for by PATH: none is found there. */
static void prepare(void)
{
        if (!mkdtemp(folder) || setenv("DOCKER_CONFIG", folder, 1) < 0 || setenv("PATH", folder, 1) < 0 ||
            atexit(remove_folder) != 0)
                abort();
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
        _cleanup_free_ char *path = path_join(folder, name);
        _cleanup_close_ int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -ENOMEM;

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
}

static void read_settings(void)
{
        _cleanup_registry_config_ RegistryConfig *config = NULL;
        _cleanup_endpoints_ RegistryEndpointList list = {0};
        _cleanup_certificates_ RegistryCertificates certificates = {0};
        Error err = ERROR_INIT;

        if (registry_config_open(folder, &config, &err) < 0) {
                if (!err.code)
                        abort();
                return;
        }
        if (registry_config_endpoints(config, "docker.io", true, &list, &err) >= 0 && list.count == 0)
                abort();
        (void)registry_config_insecure(config, "a.example:5000");
        (void)registry_config_timeout(config);
        (void)registry_config_certificates(config, "a.example:5000", &certificates, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const RegistryCredentials given = {.user = (char *)"eve", .password = (char *)"secret"};
        _cleanup_credentials_ RegistryCredentials found = {0}, again = {0};
        Error err = ERROR_INIT;
        static bool prepared;
        bool removed;
        int r;

        if (!prepared)
                prepare();
        prepared = true;
        write_file("registries.json", data, size);
        read_settings();
        write_file("config.json", data, size);
        r = registry_credentials_get("a.example", &found, &err);
        if ((r < 0 && !err.code) || (r > 0 && !found.identity_token && (!found.user || !found.password)))
                abort();
        if (registry_credentials_store("a.example", &given, NULL) >= 0 &&
            (registry_credentials_get("a.example", &again, NULL) != 1 || strcmp(again.user, "eve") != 0))
                abort();
        (void)registry_credentials_erase("a.example", &removed, NULL);
        return 0;
}
