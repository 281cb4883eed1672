#include "registry/credentials.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static int make_folder(void **state)
{
        char *folder = strdup("/tmp/kelp-test-credentials-XXXXXX");

        *state = mkdtemp(folder);
        return *state ? setenv("DOCKER_CONFIG", folder, 1) : -1;
}

static int remove_folder(void **state)
{
        int r = tree_remove_at(AT_FDCWD, *state, NULL);

        free(*state);
        return r;
}

static void write_file(const char *folder, const char *name, const char *text, mode_t mode)
{
        _cleanup_free_ char *path = path_join(folder, name);

        assert_int_equal(file_replace_at(AT_FDCWD, path, text, strlen(text), mode, false, NULL), 0);
}

static void read_config(const char *folder, Buffer *ret)
{
        _cleanup_free_ char *path = path_join(folder, "config.json");

        assert_int_equal(file_read_at(AT_FDCWD, path, 1 << 20, ret), 0);
}

static void test_get(void **state)
{
        _cleanup_credentials_ RegistryCredentials a = {0}, hub = {0}, old = {0}, none = {0};

        write_file(*state, "config.json",
                   "{\"auths\": {\"a.example:5000\": {\"auth\": \"YW5uOnNlOmNyZXQ=\"},"
                   "\"https://old.example/v1/\": {\"username\": \"u\", \"password\": \"p\"},"
                   "\"https://index.docker.io/v1/\": {\"auth\": \"YTpi\", \"identitytoken\": \"t\"}}}",
                   0600);
        assert_int_equal(registry_credentials_get("a.example:5000", &a, NULL), 1);
        assert_string_equal(a.user, "ann");
        assert_string_equal(a.password, "se:cret");
        assert_int_equal(registry_credentials_get("docker.io", &hub, NULL), 1);
        assert_string_equal(hub.identity_token, "t");
        assert_int_equal(registry_credentials_get("old.example", &old, NULL), 1);
        assert_string_equal(old.password, "p");
        /* another port is another registry */
        assert_int_equal(registry_credentials_get("a.example", &none, NULL), 0);
        assert_null(none.user);
}

static void test_store_keeps_the_rest(void **state)
{
        _cleanup_credentials_ RegistryCredentials found = {0};
        const RegistryCredentials given = {.user = (char *)"bob", .password = (char *)"geheim"};
        _cleanup_free_ char *path = path_join(*state, "config.json");
        _cleanup_buffer_ Buffer text = {0};
        struct stat status;
        bool removed = false;

        write_file(*state, "config.json", "{\"detachKeys\": \"ctrl-x\", \"auths\": {\"b.example\": {}}}",
                   0644);
        assert_int_equal(registry_credentials_store("c.example", &given, NULL), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        read_config(*state, &text);
        assert_non_null(strstr(text.data, "ctrl-x"));
        assert_non_null(strstr(text.data, "b.example"));
        assert_null(strstr(text.data, "geheim"));
        assert_int_equal(registry_credentials_get("c.example", &found, NULL), 1);
        assert_string_equal(found.user, "bob");
        assert_string_equal(found.password, "geheim");
        assert_int_equal(registry_credentials_erase("c.example", &removed, NULL), 0);
        assert_true(removed);
        assert_int_equal(registry_credentials_erase("c.example", &removed, NULL), 0);
        assert_false(removed);
}

static void test_helper(void **state)
{
        static const char program[] = "#!/bin/sh\n"
                                      "cd \"$DOCKER_CONFIG\" || exit 1\n"
                                      "case $1 in\n"
                                      "store) cat > kept ;;\n"
                                      "get) if [ -e kept ]; then cat kept; else\n"
                                      "     echo credentials not found in native keychain; exit 1; fi ;;\n"
                                      "erase) rm kept ;;\n"
                                      "esac\n";
        const RegistryCredentials given = {.user = (char *)"eve", .password = (char *)"pw"};
        _cleanup_credentials_ RegistryCredentials found = {0}, none = {0};
        _cleanup_free_ char *before = strdup(getenv("PATH")),
                            *path = text_printf("%s:%s", (char *)*state, before);
        _cleanup_buffer_ Buffer text = {0};
        bool removed = false;

        write_file(*state, "docker-credential-fake", program, 0755);
        write_file(*state, "config.json", "{\"credHelpers\": {\"d.example\": \"fake\"}}", 0600);
        setenv("PATH", path, 1);
        assert_int_equal(registry_credentials_get("d.example", &none, NULL), 0);
        assert_int_equal(registry_credentials_store("d.example", &given, NULL), 0);
        read_config(*state, &text);
        assert_null(strstr(text.data, "\"auth\""));
        assert_int_equal(registry_credentials_get("d.example", &found, NULL), 1);
        assert_string_equal(found.user, "eve");
        assert_string_equal(found.password, "pw");
        assert_int_equal(registry_credentials_erase("d.example", &removed, NULL), 0);
        assert_true(removed);
        setenv("PATH", before, 1);
}

static void test_bad(void **state)
{
        _cleanup_credentials_ RegistryCredentials found = {0};
        Error error = ERROR_INIT;

        write_file(*state, "config.json", "{\"credsStore\": \"../x\"}", 0600);
        assert_true(registry_credentials_get("e.example", &found, &error) < 0);
        assert_non_null(strstr(error.message, "not a name"));
        write_file(*state, "config.json", "{\"credsStore\": \"kelp-has-no-such\"}", 0600);
        assert_true(registry_credentials_get("e.example", &found, &error) < 0);
        assert_non_null(strstr(error.message, "docker-credential-kelp-has-no-such"));
        write_file(*state, "config.json", "{\"auths\": {\"e.example\": {\"auth\": \"%%\"}}}", 0600);
        assert_true(registry_credentials_get("e.example", &found, &error) < 0);
        write_file(*state, "config.json", "{\"auths\": {\"e.example\": {\"auth\": \"YWI=\"}}}", 0600);
        assert_true(registry_credentials_get("e.example", &found, &error) < 0);
        assert_null(found.user);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_get, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_store_keeps_the_rest, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_helper, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_bad, make_folder, remove_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
