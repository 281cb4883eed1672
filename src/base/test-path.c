#include "base/cleanup.h"
#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int make_root(char *path)
{
        int root;

        assert_non_null(mkdtemp(path));
        root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(root >= 0);
        assert_int_equal(mkdirat(root, "real", 0755), 0);
        assert_int_equal(symlinkat("/real", root, "absolute"), 0);
        assert_int_equal(symlinkat("../../../../real", root, "chain"), 0);
        assert_int_equal(symlinkat("/made/up", root, "nowhere"), 0);
        assert_int_equal(symlinkat("loop", root, "loop"), 0);
        assert_int_equal(symlinkat("../nowhere/x", root, "real/back"), 0);
        return root;
}

static void test_resolve(void **state)
{
        static const char *const cases[][2] = {
                {"/", "/"},
                {"", "/"},
                {"/real/", "/real"},
                {"absolute/x", "/real/x"},
                {"/chain/../chain/./x", "/real/x"},
                {"/../../etc", "/etc"},
                {"/nowhere", "/made/up"},
                {"/nowhere/../y", "/made/y"},
                {"/real/back/z", "/made/up/x/z"},
                {"/missing/../../real", "/real"},
        };
        char path[] = "/tmp/kelp-path.XXXXXX";
        _cleanup_close_ int root = make_root(path);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *resolved = NULL;

                assert_int_equal(path_resolve_in_root(root, cases[i][0], &resolved), 0);
                assert_string_equal(resolved, cases[i][1]);
        }

        _cleanup_free_ char *none = NULL;
        assert_int_equal(path_resolve_in_root(root, "/loop/x", &none), -ELOOP);
        assert_int_equal(tree_remove_at(AT_FDCWD, path, NULL), 0);
}

/* Behind a link that leads to nothing, the folder is made: in the root. */
static void test_make_directory(void **state)
{
        char path[] = "/tmp/kelp-path.XXXXXX";
        _cleanup_close_ int root = make_root(path), made = -EBADF, file = -EBADF;
        struct stat one, other;

        made = path_make_directory_in_root(root, "/nowhere/below", 0755);
        assert_true(made >= 0);
        assert_int_equal(fstat(made, &one), 0);
        assert_int_equal(fstatat(root, "made/up/below", &other, 0), 0);
        assert_int_equal(one.st_ino, other.st_ino);

        file = openat(root, "real/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(file >= 0);
        assert_int_equal(path_make_directory_in_root(root, "/absolute/file/x", 0755), -ENOTDIR);
        assert_int_equal(tree_remove_at(AT_FDCWD, path, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_resolve),
                cmocka_unit_test(test_make_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
