#include "spec/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* last: it needs the above */
#include <cmocka.h>

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC   "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_parse(void **state)
{
        static const char *const bad[] = {
                "",
                "sha256",
                "sha256:",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
                (EMPTY "0"),
                "sha256:E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "sha256:../../../../../../../../../../../../../../../../../../../../../a",
        };
        Digest digest = {0};
        Error err = ERROR_INIT;

        assert_false(digest_is_set(&digest));
        assert_string_equal(digest_hex(&digest), "");
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                error_clear(&err);
                assert_int_equal(digest_parse(bad[i], &digest, &err), -EINVAL);
                assert_int_equal(err.kind, ERROR_CORRUPT);
                assert_false(digest_is_set(&digest));
        }
        assert_int_equal(digest_parse("sha512:00", &digest, &err), -EINVAL);
        assert_non_null(strstr(err.message, "sha512 is not supported"));
        assert_int_equal(digest_parse(EMPTY, &digest, NULL), 0);
        assert_string_equal(digest.text, EMPTY);
        assert_string_equal(digest_hex(&digest), &EMPTY[7]);
}

static void test_stream(void **state)
{
        DigestStream stream;
        Digest whole, pieces;
        char million[1000];

        digest_of("", 0, &whole);
        assert_string_equal(whole.text, EMPTY);
        digest_stream_init(&stream);
        digest_stream_update(&stream, "a", 1);
        digest_stream_update(&stream, NULL, 0);
        digest_stream_update(&stream, "bc", 2);
        digest_stream_finish(&stream, &pieces);
        digest_of("abc", 3, &whole);
        assert_true(digest_equal(&whole, &pieces));
        assert_string_equal(whole.text, ABC);
        /* FIPS 180-2: a million times "a". */
        memset(million, 'a', sizeof(million));
        digest_stream_init(&stream);
        for (int i = 0; i < 1000; i++)
                digest_stream_update(&stream, million, sizeof(million));
        digest_stream_finish(&stream, &pieces);
        assert_string_equal(digest_hex(&pieces),
                            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
        assert_false(digest_equal(&whole, &pieces));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_stream),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
