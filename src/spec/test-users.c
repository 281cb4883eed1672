#include "spec/users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* last: it needs the above */
#include <cmocka.h>

static const char PASSWD[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "\n"
                             "# comment\n"
                             "broken:x\n"
                             "evil:x:zero:0::/:/bin/sh\n"
                             "empty:x::0::/:/bin/sh\n"
                             "  user:x:1000:1000:U,,:/home/user:/bin/sh\r\n"
                             "user:x:0:0:second:/root:\n"
                             "short:x:5:6\n"
                             "large:x:2147483648:1::/:\n"
                             "1234:x:99:99::/n:\n"
                             "last:x:7:8::/last:/bin/sh";
static const char GROUP[] = "root:x:0:\n"
                            "wheel:x:10:root,user\n"
                            "audio:x:63:user,last\n"
                            "own:x:1000:user\n"
                            "audio2:x:63:user\n"
                            "user2:x:64:users\n"
                            "bad:x:ten:user\n"
                            "1234:x:77:\n";

static void test_resolve(void **state)
{
        static const struct {
                const char *user, *name, *home;
                uint32_t uid, gid;
                size_t group_count;
                uint32_t groups[3];
        } cases[] = {
                {"", "root", "/root", 0, 0, 1, {10}},
                {"root", "root", "/root", 0, 0, 1, {10}},
                {"user", "user", "/home/user", 1000, 1000, 2, {10, 63}},
                {"1000", "user", "/home/user", 1000, 1000, 2, {10, 63}},
                {"01000", "user", "/home/user", 1000, 1000, 2, {10, 63}},
                {"user:wheel", "user", "/home/user", 1000, 10, 0, {0}},
                {"user:4321", "user", "/home/user", 1000, 4321, 0, {0}},
                {"user:", "user", "/home/user", 1000, 1000, 2, {10, 63}},
                {":audio", "root", "/root", 0, 63, 0, {0}},
                {"1001", "", "/", 1001, 0, 0, {0}},
                {"1001:0", "", "/", 1001, 0, 0, {0}},
                {"short", "short", "/", 5, 6, 0, {0}},
                {"last", "last", "/last", 7, 8, 1, {63}},
                /* a number is a number, whatever a file says */
                {"1234", "", "/", 1234, 0, 0, {0}},
                {"1234:1234", "", "/", 1234, 1234, 0, {0}},
                {"2147483647", "", "/", 2147483647, 0, 0, {0}},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ContainerUser user;

                assert_int_equal(user_resolve(cases[i].user, PASSWD, GROUP, NULL, 0, &user, NULL), 0);
                assert_string_equal(user.name, cases[i].name);
                assert_string_equal(user.home, cases[i].home);
                assert_int_equal(user.uid, cases[i].uid);
                assert_int_equal(user.gid, cases[i].gid);
                assert_int_equal(user.group_count, cases[i].group_count);
                for (size_t k = 0; k < cases[i].group_count; k++)
                        assert_int_equal(user.groups[k], cases[i].groups[k]);
        }
}

static void test_refused(void **state)
{
        static const char *const missing[] = {"nobody",       "broken",   "evil", "empty",
                                              "user:nogroup", "user:bad", "-1",   "+0"};
        static const char *const out_of_range[] = {"2147483648", "99999999999999999999999", "0:4294967295",
                                                   "large"};
        ContainerUser user;
        Error err = ERROR_INIT;

        for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
                assert_int_equal(user_resolve(missing[i], PASSWD, GROUP, NULL, 0, &user, &err), -ENOENT);
                assert_int_equal(err.kind, ERROR_NOT_FOUND);
        }
        for (size_t i = 0; i < sizeof(out_of_range) / sizeof(out_of_range[0]); i++) {
                assert_int_equal(user_resolve(out_of_range[i], PASSWD, GROUP, NULL, 0, &user, &err), -EINVAL);
                assert_non_null(strstr(err.message, "0-2147483647"));
        }
        assert_int_equal(user_resolve("nobody", PASSWD, GROUP, NULL, 0, &user, &err), -ENOENT);
        assert_string_equal(err.message, "unable to find user nobody: no matching entries in passwd file");
        assert_int_equal(user_resolve("user:none", PASSWD, GROUP, NULL, 0, &user, &err), -ENOENT);
        assert_string_equal(err.message, "unable to find group none: no matching entries in group file");
}

static void test_no_files(void **state)
{
        ContainerUser user;

        assert_int_equal(user_resolve("", NULL, NULL, NULL, 0, &user, NULL), 0);
        assert_int_equal(user.uid, 0);
        assert_string_equal(user.home, "/");
        assert_int_equal(user_resolve("1001:5", NULL, NULL, NULL, 0, &user, NULL), 0);
        assert_int_equal(user.gid, 5);
        assert_int_equal(user_resolve("root", NULL, NULL, NULL, 0, &user, NULL), -ENOENT);
}

static void test_extra_groups(void **state)
{
        static char audio[] = "audio", number[] = "4000", again[] = "63", own[] = "1000", missing[] = "none";
        char *good[] = {audio, number, again, own}, *bad[] = {missing};
        ContainerUser user;

        assert_int_equal(user_resolve("user:user2", PASSWD, GROUP, good, 4, &user, NULL), 0);
        assert_int_equal(user.gid, 64);
        assert_int_equal(user.group_count, 3);
        assert_int_equal(user.groups[1], 4000);
        assert_int_equal(user_resolve("user", PASSWD, GROUP, bad, 1, &user, NULL), -ENOENT);
}

static void test_too_much(void **state)
{
        static char group[16384], passwd[2048];
        ContainerUser user;
        size_t used = 0;

        for (int i = 1; i <= USER_GROUPS_MAXIMUM; i++)
                used += (size_t)snprintf(group + used, sizeof(group) - used, "g%d:x:%d:root\n", i, i);
        assert_int_equal(user_resolve("root", PASSWD, group, NULL, 0, &user, NULL), 0);
        assert_int_equal(user.group_count, USER_GROUPS_MAXIMUM);
        snprintf(group + used, sizeof(group) - used, "one:x:9999:root\n");
        assert_int_equal(user_resolve("root", PASSWD, group, NULL, 0, &user, NULL), -E2BIG);
        snprintf(passwd, sizeof(passwd), "a:x:1:1::/%01000d:\n", 0);
        assert_int_equal(user_resolve("a", passwd, GROUP, NULL, 0, &user, NULL), -ENAMETOOLONG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_resolve),  cmocka_unit_test(test_refused),
                cmocka_unit_test(test_no_files), cmocka_unit_test(test_extra_groups),
                cmocka_unit_test(test_too_much),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
