#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_sizes(void **state)
{
        uint64_t size = 0;

        assert_int_equal(text_to_size("64m", &size), 0);
        assert_int_equal(size, 64 << 20);
        assert_int_equal(text_to_size("1.5GiB", &size), 0);
        assert_int_equal(size, 3 << 29);
        assert_int_equal(text_to_size("-1", &size), -EINVAL);
        assert_int_equal(text_to_size("", &size), -EINVAL);
        assert_int_equal(text_to_size("99999999999999999999g", &size), -ERANGE);
}

static void test_numbers(void **state)
{
        uint64_t number = 7;

        assert_int_equal(text_to_u64("255", 255, &number), 0);
        assert_int_equal(number, 255);
        assert_int_equal(text_to_u64("256", 255, &number), -ERANGE);
        assert_int_equal(text_to_u64("+1", 255, &number), -EINVAL);
        assert_int_equal(text_to_u64(" 1", 255, &number), -EINVAL);
        assert_int_equal(text_to_u64("", 255, &number), -EINVAL);
        assert_int_equal(number, 255);
}

static void test_environment(void **state)
{
        _cleanup_strings_ StringList list = {0};

        assert_int_equal(string_list_env_set(&list, "A=1"), 0);
        assert_int_equal(string_list_env_set(&list, "AB=2"), 0);
        assert_int_equal(string_list_env_set(&list, "A=3"), 0);
        assert_int_equal(list.count, 2);
        assert_string_equal(list.items[0], "A=3");
        assert_string_equal(string_list_env_get(&list, "AB"), "2");
        assert_null(string_list_env_get(&list, "B"));
        assert_null(list.items[2]);
}

static void test_printable(void **state)
{
        _cleanup_free_ char *escaped = text_printable("a\033[31m\xffz");

        assert_string_equal(escaped, "a\\x1b[31m\\xffz");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_environment),
                cmocka_unit_test(test_printable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
