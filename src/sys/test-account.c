#include "sys/account.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
                             "# a comment\n"
                             "+::::::\n"
                             "broken:x:12\n"
                             ":x:1000:1000::/home/nameless:/bin/sh\n"
                             "signed:x:+1000:1000::/home/signed:/bin/sh\n"
                             "anna:x:1000:1000:Anna, A:/home/anna:/bin/sh\n"
                             "second:x:1000:1000::/home/second:/bin/sh\n"
                             "last:x:4294967294:0:::";

static void check(uid_t uid, int expected, const char *name, const char *home)
{
        char text[sizeof(passwd)];
        Account account = {0};

        memcpy(text, passwd, sizeof(passwd));
        assert_int_equal(account_parse(text, uid, &account), expected);
        if (expected == 0) {
                assert_string_equal(account.name, name);
                assert_string_equal(account.home, home);
        }
        account_deinit(&account);
}

static void test_parse(void **state)
{
        check(0, 0, "root", "/root");
        check(1000, 0, "anna", "/home/anna"); /* the first whole line wins */
        check(4294967294U, 0, "last", "");
        check(12, 0, "broken", "");
        check(7, -ENOENT, NULL, NULL);
}

static void test_find(void **state)
{
        Account account = {0};

        assert_int_equal(account_find(0, &account), 0);
        assert_string_equal(account.name, "root");
        account_deinit(&account);
        /* in no file: getent(1) is asked, and knows nobody either */
        assert_int_equal(account_find(4042322161U, &account), -ENOENT);
        assert_null(account.name);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_find),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
