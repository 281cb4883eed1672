#include "monitor/detach-keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What is passed on of @typed; "!" at the end when it detaches. */
static void type(DetachKeys *keys, const char *typed, char *ret)
{
        for (; *typed; typed++) {
                char passed[DETACH_KEYS_MAXIMUM];
                size_t length;

                if (detach_keys_take(keys, *typed, passed, &length)) {
                        *ret++ = '!';
                        break;
                }
                memcpy(ret, passed, length);
                ret += length;
        }
        *ret = 0;
}

static void test_take(void **state)
{
        static const struct {
                const char *keys, *typed, *passed;
        } table[] = {
                {NULL, "abc", "abc"},
                {"", "\x10\x11", "!"},
                {NULL, "a\x10\x11z", "a!"},
                {NULL, "\x10z", "\x10z"},
                {NULL, "\x10\x10\x11", "\x10!"},
                {"a,a,b", "aaab", "a!"},
                {"a,b,a,c", "ababac", "ab!"},
                {"ctrl-@", "x", "x"},
                {"ctrl-\\,ctrl-]", "\x1c\x1d", "!"},
        };

        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                DetachKeys keys;
                char passed[64];

                assert_int_equal(detach_keys_parse(table[i].keys, &keys, NULL), 0);
                type(&keys, table[i].typed, passed);
                assert_string_equal(passed, table[i].passed);
        }
}

static void test_refused(void **state)
{
        static const char *const bad[] = {
                "ctrl-p,", ",",  "ctrl-",         "ctrl-P",
                "ctrl-1",  "ab", "ctrl-p ctrl-q", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"};

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                Error error = ERROR_INIT;
                DetachKeys keys;

                assert_int_equal(detach_keys_parse(bad[i], &keys, &error) < 0, 1);
                assert_int_equal(error.kind, ERROR_USAGE);
                assert_non_null(strstr(error.message, "invalid detach keys"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_take), cmocka_unit_test(test_refused)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
