#include "spec/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* last: it needs the above */
#include <cmocka.h>

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_good(void **state)
{
        static const struct {
                const char *text, *full, *familiar, *name;
        } cases[] = {
                {"busybox", "docker.io/library/busybox:latest", "busybox:latest", "busybox"},
                {"library/busybox:1", "docker.io/library/busybox:1", "busybox:1", "busybox"},
                {"index.docker.io/a", "docker.io/library/a:latest", "a:latest", "a"},
                {"a/b:c", "docker.io/a/b:c", "a/b:c", "a/b"},
                {"localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost/x"},
                {"localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b:1",
                 "localhost:5000/a/b"},
                {"[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest", "[::1]:5000/a"},
                {"Foo/bar", "Foo/bar:latest", "Foo/bar:latest", "Foo/bar"},
                {"a__b/c---d.e", "docker.io/a__b/c---d.e:latest", "a__b/c---d.e:latest", "a__b/c---d.e"},
                {"x@sha256:" HEX, "docker.io/library/x@sha256:" HEX, "x@sha256:" HEX, "x"},
                {"x:T.1-_@sha256:" HEX, "docker.io/library/x:T.1-_@sha256:" HEX, "x:T.1-_@sha256:" HEX, "x"},
                /* shorter, they would be read as something else */
                {"docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest",
                 "library/a/b"},
                {"docker.io/my.site/a", "docker.io/my.site/a:latest", "docker.io/my.site/a:latest",
                 "docker.io/my.site/a"},
                {"library/" HEX, "docker.io/library/" HEX ":latest", "library/" HEX ":latest",
                 "library/" HEX},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char text[REFERENCE_TEXT_SIZE];
                ImageReference reference;

                assert_int_equal(reference_parse(cases[i].text, &reference, NULL), 0);
                reference_format(&reference, text);
                assert_string_equal(text, cases[i].full);
                reference_format_familiar(&reference, text);
                assert_string_equal(text, cases[i].familiar);
                reference_format_name(&reference, text);
                assert_string_equal(text, cases[i].name);
        }
}

static void test_bad(void **state)
{
        static const char *const bad[] = {
                "",          "-rm",         "--help",
                "a//b",      "a/",          "/a",
                "a:",        "a:-x",        ":x",
                "a b",       "a___b",       "a..b",
                "a-",        "_a",          "a/-b",
                "a@",        "a@sha256:12", ("a@md5:" HEX),
                HEX,         "x.io:80:1/a", "-x.io/a",
                "x..io/a",   "x.io:/a",     "x.io:123456/a",
                "[::1/a",    "[zz]:1/a",    "https://x.io/a",
                "../../etc", "a/../b",      "a\nb",
                "a\xc3\xa4",
        };

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                ImageReference reference = {.path = "untouched"};
                Error err = ERROR_INIT;

                assert_int_equal(reference_parse(bad[i], &reference, &err), -EINVAL);
                assert_int_equal(err.kind, ERROR_USAGE);
                assert_non_null(strstr(err.message, "invalid reference format"));
                assert_string_equal(reference.path, "untouched");
        }
}

static void test_advice(void **state)
{
        ImageReference reference;
        Error err = ERROR_INIT;

        assert_int_equal(reference_parse("BusyBox:1", &reference, &err), -EINVAL);
        assert_string_equal(err.message,
                            "invalid reference format: repository name (library/BusyBox) must be lowercase");
        assert_string_equal(err.hint, "write busybox:1");
        assert_int_equal(reference_parse("docker://x.io/a", &reference, &err), -EINVAL);
        assert_string_equal(err.hint, "write x.io/a");
}

static void test_lengths(void **state)
{
        char text[600];
        ImageReference reference;

        /* docker.io/library/ has 18 characters of the 255. */
        memset(text, 'a', sizeof(text));
        text[237] = '\0';
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        text[237] = 'a';
        text[238] = '\0';
        assert_int_equal(reference_parse(text, &reference, NULL), -EINVAL);
        text[238] = 'a';
        text[599] = '\0';
        assert_int_equal(reference_parse(text, &reference, NULL), -EINVAL);
        text[1] = ':';
        text[130] = '\0';
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        text[130] = 'a';
        text[131] = '\0';
        assert_int_equal(reference_parse(text, &reference, NULL), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_advice),
                cmocka_unit_test(test_lengths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
