#include "oci/criu-message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The bytes are those that protoc makes of the same fields. */
static void test_writes(void **state)
{
        static const char expected[] = "\x08\x02\x12\x0b\x08\xac\x02\x6a\x06/a/b/c";
        _cleanup_buffer_ Buffer request = {0}, options = {0};

        criu_put_number(&options, CRIU_IMAGES_DIR_FD, 300);
        criu_put_text(&options, CRIU_ROOT, "/a/b/c");
        criu_put_number(&request, 1, CRIU_RESTORE);
        criu_put_message(&request, 2, &options);
        assert_false(request.failed);
        assert_int_equal(request.length, sizeof(expected) - 1);
        assert_memory_equal(request.data, expected, sizeof(expected) - 1);
}

static void test_reads(void **state)
{
        static const char restored[] = "\x08\x02\x10\x01\x22\x03\x08\xd2\x09";
        static const char notified[] = "\x08\x06\x10\x01\x2a\x07\x0a\x02go\x10\xac\x02\x3d\x01\x02\x03\x04";
        CriuAnswer answer;

        assert_int_equal(criu_read_answer(restored, sizeof(restored) - 1, &answer), 0);
        assert_int_equal(answer.type, CRIU_RESTORE);
        assert_true(answer.success);
        assert_int_equal(answer.pid, 1234);
        assert_int_equal(criu_read_answer(notified, sizeof(notified) - 1, &answer), 0);
        assert_int_equal(answer.type, CRIU_NOTIFY);
        assert_string_equal(answer.script, "go");
        assert_int_equal(answer.pid, 300);
}

static void test_refuses_what_is_cut_off(void **state)
{
        static const char whole[] = "\x08\x06\x10\x01\x2a\x07\x0a\x02go\x10\xac\x02";
        CriuAnswer answer;

        for (size_t length = 0; length < sizeof(whole) - 1; length++)
                if (length != 0 && length != 2 && length != 4)
                        assert_int_equal(criu_read_answer(whole, length, &answer), -EBADMSG);
        assert_int_equal(criu_read_answer("\x2a\x02\x0a\x7f", 4, &answer), -EBADMSG);
        assert_int_equal(criu_read_answer("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, &answer),
                         -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_writes), cmocka_unit_test(test_reads),
                                           cmocka_unit_test(test_refuses_what_is_cut_off)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
