/* Signals and capabilities by name. */
#include "spec/capabilities.h"
#include "spec/signals.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
/* last: it needs the above */
#include <cmocka.h>

static void test_capabilities(void **state)
{
        static const char *const spellings[] = {"CAP_NET_RAW", "net_raw", "NET_RAW", "cap_Net_Raw"};
        unsigned number;
        Error err = ERROR_INIT;

        for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
                number = 0;
                assert_int_equal(capability_parse(spellings[i], &number, NULL), 0);
                assert_int_equal(number, CAP_NET_RAW);
        }
        for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
                assert_int_equal(capability_parse(capability_name(i), &number, NULL), 0);
                assert_int_equal(number, i);
        }
        assert_null(capability_name(CAPABILITY_COUNT));
        assert_string_equal(capability_name(CAP_CHECKPOINT_RESTORE), "CAP_CHECKPOINT_RESTORE");
        assert_int_equal(capability_parse("NET_RAWW", &number, &err), -EINVAL);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.message, "did you mean CAP_NET_RAW?"));
        assert_int_equal(capability_parse("", &number, NULL), -EINVAL);
        assert_int_equal(capability_parse("CAP_", &number, NULL), -EINVAL);
        assert_int_equal(__builtin_popcountll(capability_default_set()), 14);
        assert_false(capability_default_set() & (UINT64_C(1) << CAP_SYS_ADMIN));
        assert_true(capability_full_set() == 0x1ffffffffff);
}

static void test_signals(void **state)
{
        static const struct {
                const char *text;
                int number;
        } good[] = {
                {"TERM", SIGTERM}, {"SIGTERM", SIGTERM}, {"sigterm", SIGTERM}, {"15", 15},
                {"64", 64},        {"CLD", SIGCHLD},     {"rtmin", 34},        {"SIGRTMIN+3", 37},
                {"RTMIN+30", 64},  {"RTMAX-14", 50},
        };
        static const char *const bad[] = {"",      "0",        "65",      "-1",      "SIG",
                                          "TERMX", "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMINX"};
        char buffer[32];
        Error err = ERROR_INIT;
        int number;

        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
                assert_int_equal(signal_parse(good[i].text, &number, NULL), 0);
                assert_int_equal(number, good[i].number);
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(signal_parse(bad[i], &number, &err), -EINVAL);
                assert_int_equal(err.kind, ERROR_USAGE);
        }
        for (int i = 1; i <= 64; i++) {
                if (i == 32 || i == 33) /* the C library's own */
                        continue;
                assert_int_equal(signal_parse(signal_name(i, buffer, sizeof(buffer)), &number, NULL), 0);
                assert_int_equal(number, i);
        }
        assert_string_equal(signal_name(SIGCHLD, buffer, sizeof(buffer)), "SIGCHLD");
        assert_string_equal(signal_name(37, buffer, sizeof(buffer)), "SIGRTMIN+3");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_capabilities),
                cmocka_unit_test(test_signals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
