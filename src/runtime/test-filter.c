/* The filter that the build has compiled is the one that would be compiled now; other capabilities have
 * another. */
#include "runtime/filter.h"
#include "spec/capabilities.h"
#include "sys/seccomp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void compile_now(uint64_t capabilities, struct sock_fprog *ret)
{
        SeccompPolicy policy = {0};

        assert_int_equal(seccomp_policy_default(capabilities, &policy, NULL), 0);
        assert_int_equal(seccomp_compile(&policy, ret, NULL), 0);
        seccomp_policy_deinit(&policy);
}

static void assert_same(const struct sock_fprog *a, const struct sock_fprog *b)
{
        assert_int_equal(a->len, b->len);
        assert_memory_equal(a->filter, b->filter, a->len * sizeof(*a->filter));
}

static void test_default(void **state)
{
        RuntimeSpec spec = {.has_seccomp = true, .seccomp_default = true};
        struct sock_fprog built = {0}, now = {0};

        assert_int_equal(filter_compile(&spec, capability_default_set(), &built, NULL), 0);
        compile_now(capability_default_set(), &now);
        assert_same(&built, &now);
        free(now.filter);
}

static void test_other_capabilities(void **state)
{
        static const uint64_t sets[] = {0, 1ULL << 21 /* CAP_SYS_ADMIN */};
        RuntimeSpec spec = {.has_seccomp = true, .seccomp_default = true};

        for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
                struct sock_fprog compiled = {0}, now = {0};

                assert_int_equal(filter_compile(&spec, sets[i], &compiled, NULL), 0);
                compile_now(sets[i], &now);
                assert_same(&compiled, &now);
                free(compiled.filter);
                free(now.filter);
        }
}

static void test_none(void **state)
{
        RuntimeSpec spec = {0};
        struct sock_fprog program = {.len = 7};

        assert_int_equal(filter_compile(&spec, capability_default_set(), &program, NULL), 0);
        assert_null(program.filter);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_default),
                cmocka_unit_test(test_other_capabilities),
                cmocka_unit_test(test_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
