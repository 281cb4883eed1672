#include "registry/config.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static int make_folder(void **state)
{
        char *folder = strdup("/tmp/kelp-test-config-XXXXXX");

        *state = mkdtemp(folder);
        /* HOME has certs.d of its own on some machines. */
        return *state ? setenv("HOME", "/nonexistent", 1) : -1;
}

static int remove_folder(void **state)
{
        int r = tree_remove_at(AT_FDCWD, *state, NULL);

        free(*state);
        return r;
}

static void write_file(const char *folder, const char *name, const char *text)
{
        _cleanup_free_ char *path = path_join(folder, name);

        assert_int_equal(file_replace_at(AT_FDCWD, path, text, strlen(text), 0600, false, NULL), 0);
}

static void test_endpoints(void **state)
{
        _cleanup_registry_config_ RegistryConfig *config = NULL;
        _cleanup_endpoints_ RegistryEndpointList list = {0}, plain = {0};

        write_file(*state, "registries.json",
                   "{\"insecure\": [\"lan.example:5000\", \"box.example\"],"
                   " \"mirrors\": {\"docker.io\": [\"https://mirror.example/hub/\", \"http://[::1]:7\"]}}");
        assert_int_equal(registry_config_open(*state, &config, NULL), 0);
        assert_int_equal(registry_config_endpoints(config, "docker.io", true, &list, NULL), 0);
        assert_int_equal(list.count, 3);
        assert_string_equal(list.items[0].scheme, "https");
        assert_string_equal(list.items[0].host, "mirror.example");
        assert_string_equal(list.items[0].prefix, "/hub");
        assert_true(list.items[0].mirror);
        assert_string_equal(list.items[1].scheme, "http");
        assert_string_equal(list.items[1].host, "[::1]:7");
        assert_string_equal(list.items[2].host, "registry-1.docker.io");
        assert_string_equal(list.items[2].scheme, "");
        assert_false(list.items[2].mirror);

        assert_int_equal(registry_config_endpoints(config, "docker.io", false, &plain, NULL), 0);
        assert_int_equal(plain.count, 1);

        assert_true(registry_config_insecure(config, "lan.example:5000"));
        assert_false(registry_config_insecure(config, "lan.example:5001"));
        assert_false(registry_config_insecure(config, "lan.example"));
        assert_true(registry_config_insecure(config, "BOX.example:99"));
        assert_false(registry_config_insecure(config, "box.example.org"));
        assert_int_equal(registry_config_timeout(config), 60);
}

static void test_bad_settings(void **state)
{
        static const char *const bad[] = {"[]",
                                          "{\"insecure\": true}",
                                          "{\"mirror\": {}}",
                                          "{",
                                          "{\"insecure\":[1]}",
                                          "{\"timeout\":0}",
                                          "{\"timeout\":\"1\"}"};
        _cleanup_registry_config_ RegistryConfig *config = NULL;
        _cleanup_endpoints_ RegistryEndpointList list = {0};

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Error error = ERROR_INIT;

                write_file(*state, "registries.json", bad[i]);
                assert_true(registry_config_open(*state, &config, &error) < 0);
                assert_non_null(strstr(error.message, "registries.json"));
        }
        write_file(*state, "registries.json",
                   "{\"mirrors\": {\"a.example\": [\"https://user:pw@b.example\"]}}");
        assert_int_equal(registry_config_open(*state, &config, NULL), 0);
        assert_true(registry_config_endpoints(config, "a.example", true, &list, NULL) < 0);
}

static void test_loopback(void **state)
{
        assert_true(registry_host_loopback("localhost"));
        assert_true(registry_host_loopback("LOCALHOST:5000"));
        assert_true(registry_host_loopback("127.0.0.1:5000"));
        assert_true(registry_host_loopback("127.9.9.9"));
        assert_true(registry_host_loopback("[::1]:5000"));
        assert_false(registry_host_loopback("localhost.example"));
        assert_false(registry_host_loopback("127.0.0.1.example:5000"));
        assert_false(registry_host_loopback("127.example"));
        assert_false(registry_host_loopback("10.0.0.1"));
        assert_false(registry_host_loopback("[::2]:5000"));
}

static void test_certificates(void **state)
{
        _cleanup_registry_config_ RegistryConfig *config = NULL;
        _cleanup_certificates_ RegistryCertificates found = {0}, none = {0}, bad = {0};
        _cleanup_free_ char *folder = path_join(*state, "certs.d/a.example:5000");
        Error error = ERROR_INIT;
        int fd = directory_make_open_at(AT_FDCWD, folder, 0700, NULL);

        assert_true(fd >= 0);
        close(fd);
        write_file(folder, "ca.crt", "x");
        write_file(folder, "client.cert", "x");
        assert_int_equal(registry_config_open(*state, &config, NULL), 0);
        assert_int_equal(registry_config_certificates(config, "a.example", &none, NULL), 0);
        assert_null(none.authority);
        /* a certificate without its key */
        assert_true(registry_config_certificates(config, "a.example:5000", &bad, &error) < 0);
        assert_non_null(strstr(error.message, "client.key"));
        assert_null(bad.certificate);
        write_file(folder, "client.key", "x");
        assert_int_equal(registry_config_certificates(config, "a.example:5000", &found, NULL), 0);
        assert_true(text_ends(found.authority, "a.example:5000/ca.crt"));
        assert_true(text_ends(found.certificate, "/client.cert"));
        assert_true(text_ends(found.key, "/client.key"));
        assert_true(registry_config_certificates(config, "../x", &none, NULL) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_endpoints, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_bad_settings, make_folder, remove_folder),
                cmocka_unit_test(test_loopback),
                cmocka_unit_test_setup_teardown(test_certificates, make_folder, remove_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
