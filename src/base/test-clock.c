#include "base/clock.h"
#include "base/nearest.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
/* last: it needs the above */
#include <cmocka.h>

static int64_t point(const char *text)
{
        int64_t time = -1;

        return clock_parse_point(text, &time) == 0 ? time : -1;
}

static void test_points(void **state)
{
        int64_t before = clock_now(), ago;

        setenv("TZ", "UTC", 1);
        tzset();
        assert_int_equal(point("2026-11-24T08:00:00Z"), INT64_C(1795507200) * 1000000000);
        assert_int_equal(point("2026-11-24T10:00:00+02:00"), INT64_C(1795507200) * 1000000000);
        assert_int_equal(point("2026-11-24T08:00:00.5Z"), INT64_C(1795507200500) * 1000000);
        assert_int_equal(point("2026-11-24T08:00:00"), INT64_C(1795507200) * 1000000000);
        assert_int_equal(point("2026-11-24T08:00"), INT64_C(1795507200) * 1000000000);
        assert_int_equal(point("2026-11-24"), INT64_C(1795478400) * 1000000000);
        assert_int_equal(point("1795507200"), INT64_C(1795507200) * 1000000000);
        assert_int_equal(point("1795507200.25"), INT64_C(1795507200250) * 1000000);
        ago = point("1h30m");
        assert_true(ago >= before - INT64_C(5400) * 1000000000 &&
                    ago <= clock_now() - INT64_C(5400) * 1000000000);
}

static void test_format(void **state)
{
        /* Some 29 hours apart, until 2260: leap days, ends of months and years. */
        for (int64_t seconds = 1; seconds < INT64_C(9151000000); seconds += 104729) {
                char text[CLOCK_TEXT_SIZE], expected[64];
                time_t time = (time_t)seconds;
                struct tm tm;

                gmtime_r(&time, &tm);
                strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000007Z", &tm);
                clock_format(seconds * 1000000000 + 7, text);
                assert_string_equal(text, expected);
        }
}

static void test_no_points(void **state)
{
        static const char *const wrong[] = {"",    "yesterday", "2026-13-01", "2026-11-24T",
                                            "12x", "-5",        "1.2.3",      "10m ago"};

        for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
                assert_int_equal(point(wrong[i]), -1);
}

static const char *nearest(const char *wanted, const char *const *names, size_t count)
{
        Nearest best = {.wanted = wanted};

        for (size_t i = 0; i < count; i++)
                nearest_consider(&best, names[i]);
        return best.name;
}

static void test_nearest(void **state)
{
        static const char *const commands[] = {"ps", "run", "top", "logs"};
        static const char *const names[] = {"format", "filter", "no-trunc", "quiet", "a"};

        assert_string_equal(nearest("fromat", names, 5), "format");
        assert_string_equal(nearest("qiet", names, 5), "quiet");
        assert_string_equal(nearest("filt", names, 5), "filter");
        assert_string_equal(nearest("formatted", names, 5), "format");
        assert_string_equal(nearest("sp", commands, 4), "ps");
        assert_string_equal(nearest("rnu", commands, 4), "run");
        assert_string_equal(nearest("lgos", commands, 4), "logs");
        assert_null(nearest("foo", commands, 4));
        assert_null(nearest("xyz", names, 5));
        assert_null(nearest("something", names, 5));
}

static void test_printable(void **state)
{
        assert_int_equal(text_printable_length("a"), 1);
        assert_int_equal(text_printable_length("\xc3\xa9x"), 2);
        assert_int_equal(text_printable_length("\xe2\x82\xac"), 3);
        assert_int_equal(text_printable_length("\xf0\x9f\x90\x99"), 4);
        assert_int_equal(text_printable_length(""), 0);
        assert_int_equal(text_printable_length("\x1b[31m"), 0);
        assert_int_equal(text_printable_length("\x7f"), 0);
        assert_int_equal(text_printable_length("\xc2\x9b"), 0);     /* CSI of C1 */
        assert_int_equal(text_printable_length("\xe2\x80\xae"), 0); /* turns the direction of writing */
        assert_int_equal(text_printable_length("\xc0\xaf"), 0);     /* longer than it need be */
        assert_int_equal(text_printable_length("\xe2\x82"), 0);     /* cut off */
        assert_int_equal(text_printable_length("\xff"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_points),    cmocka_unit_test(test_format),
                cmocka_unit_test(test_no_points), cmocka_unit_test(test_nearest),
                cmocka_unit_test(test_printable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
