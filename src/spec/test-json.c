#include "spec/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* last: it needs the above */
#include <cmocka.h>

static int parse(const char *text, json_object **ret, Error *err)
{
        return json_parse(text, strlen(text), "doc", ret, err);
}

static void test_grammar(void **state)
{
        static const char *const good[] = {"{}",    " [1, 2]\n",    "12",
                                           "\"x\"", "{\"a\":null}", "[-1.5e3,true,false]"};
        static const char *const bad[] = {
                "",
                " ",
                "{",
                "[1,]",
                "[1 2]",
                "{'a':1}",
                "[NaN]",
                "[Infinity]",
                "-Infinity",
                "// x\n1",
                "[01]",
                "[1]x",
                "[\"a\nb\"]",
                "[\"\\x\"]",
                "nul",
                "\"\xff\"",
                "\"\xc0\x80\"",
                "{\"a\":\"\\u0000\"}",
                "{\"\\u0000\":1}",
                "[\"\\",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_json_ json_object *document = NULL;

                assert_int_equal(parse(good[i], &document, NULL), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_object *document = NULL;
                Error err = ERROR_INIT;

                assert_int_equal(parse(bad[i], &document, &err), -EINVAL);
                assert_int_equal(err.kind, ERROR_CORRUPT);
                assert_non_null(strstr(err.message, "doc: "));
                assert_null(document);
        }
        assert_int_equal(json_parse("[1]\0[", 5, "doc", &(json_object *){NULL}, NULL), -EINVAL);
}

static void test_duplicates(void **state)
{
        json_object *document = NULL;

        assert_int_equal(parse("{\"a\":1,\"a\":1}", &document, NULL), -EINVAL);
        assert_int_equal(parse("[{\"b\":{\"a\":1,\"\\u0061\":{\"c\":2}}}]", &document, NULL), -EINVAL);
        assert_null(document);
        assert_int_equal(parse("[{\"a\":\":\"},{\"a\":{\"a\":1}}]", &document, NULL), 0);
        json_object_put(document);
}

static void test_limits(void **state)
{
        _cleanup_free_ char *text = malloc(JSON_DOCUMENT_MAXIMUM + 2);
        json_object *document = NULL;

        assert_non_null(text);
        for (size_t depth = JSON_DEPTH_MAXIMUM; depth <= JSON_DEPTH_MAXIMUM + 1; depth++) {
                memset(text, '[', depth);
                text[depth] = '1';
                memset(text + depth + 1, ']', depth);
                text[2 * depth + 1] = '\0';
                assert_int_equal(parse(text, &document, NULL), depth == JSON_DEPTH_MAXIMUM ? 0 : -EINVAL);
        }
        json_object_put(document);
        document = NULL;
        memset(text, ' ', JSON_DOCUMENT_MAXIMUM + 1);
        text[0] = '1';
        assert_int_equal(json_parse(text, JSON_DOCUMENT_MAXIMUM + 1, "doc", &document, NULL), -EFBIG);
        /* what would take json-c a gigabyte */
        text[0] = '[';
        for (size_t i = 1; i + 3 < JSON_DOCUMENT_MAXIMUM; i += 3)
                memcpy(text + i, "{},", 3);
        assert_int_equal(json_parse(text, JSON_DOCUMENT_MAXIMUM, "doc", &document, NULL), -EINVAL);
        assert_null(document);
}

static void test_reads(void **state)
{
        _cleanup_json_ json_object *document = NULL;
        _cleanup_strings_ StringList list = {0};
        const char *text = "before";
        json_object *object;
        uint64_t big = 0;
        int64_t number = 7;
        bool flag = false;
        Error err = ERROR_INIT;

        assert_int_equal(parse("{\"s\":\"x\",\"n\":-5,\"b\":true,\"o\":{},\"a\":[\"1\",\"2\"],\"z\":null,"
                               "\"m\":[\"1\",2],"
                               "\"u\":18446744073709551615,\"f\":1.0}",
                               &document, NULL),
                         0);
        assert_int_equal(json_get_string(document, "missing", &text, &err), 0);
        assert_int_equal(json_get_string(document, "z", &text, &err), 0);
        assert_string_equal(text, "before");
        assert_int_equal(json_get_string(document, "s", &text, &err), 1);
        assert_string_equal(text, "x");
        assert_int_equal(json_get_int64(document, "n", &number, &err), 1);
        assert_int_equal(number, -5);
        assert_int_equal(json_get_bool(document, "b", &flag, &err), 1);
        assert_true(flag);
        assert_int_equal(json_get_object(document, "o", &object, &err), 1);
        assert_int_equal(json_get_strings(document, "a", &list, &err), 1);
        assert_int_equal(list.count, 2);
        assert_int_equal(json_get_uint64(document, "u", &big, &err), 1);
        assert_true(big == UINT64_MAX);
        assert_int_equal(err.code, 0);

        assert_int_equal(json_get_int64(document, "u", &number, &err), -EINVAL);
        assert_int_equal(json_get_uint64(document, "n", &big, &err), -EINVAL);
        assert_int_equal(json_get_int64(document, "f", &number, &err), -EINVAL);
        assert_int_equal(json_get_strings(document, "m", &list, &err), -EINVAL);
        assert_string_equal(err.message, "m[1]: expected a string, found a number");
        assert_int_equal(json_get_array(document, "o", &object, &err), -EINVAL);
        assert_string_equal(err.message, "o: expected an array, found an object");
        assert_int_equal(err.kind, ERROR_CORRUPT);
}

static void test_building(void **state)
{
        _cleanup_json_ json_object *object = json_object_new_object(), *again = NULL;
        _cleanup_strings_ StringList list = {0};

        assert_int_equal(string_list_add(&list, "a=b=c"), 0);
        assert_int_equal(string_list_add(&list, "d"), 0);
        json_set_string(object, "path", "/x\xff");
        json_set_string(object, "none", NULL);
        json_set_int64(object, "n", -1);
        json_set_bool(object, "b", true);
        json_set(object, "list", json_new_strings(&list));
        json_set(object, "map", json_new_map(&list));
        assert_string_equal(json_text(object),
                            "{\"path\":\"/x\xef\xbf\xbd\",\"none\":null,\"n\":-1,\"b\":true,"
                            "\"list\":[\"a=b=c\",\"d\"],\"map\":{\"a\":\"b=c\",\"d\":\"\"}}");
        /* what we write we read */
        assert_int_equal(parse(json_text(object), &again, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_grammar),  cmocka_unit_test(test_duplicates),
                cmocka_unit_test(test_limits),   cmocka_unit_test(test_reads),
                cmocka_unit_test(test_building),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
