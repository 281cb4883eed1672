/* Questions read, answers written; what is malformed is refused. */
#include "net/dns-message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t query[] =
        "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03Web\x04test\x00\x00\x01\x00\x01";
enum { QUERY = sizeof(query) - 1 };

static void test_question(void **state)
{
        DnsQuestion question;
        bool forwardable;

        assert_int_equal(dns_question_parse(query, QUERY, &question, &forwardable), 0);
        assert_string_equal(question.name, "web.test");
        assert_int_equal(question.type, DNS_TYPE_A);
        assert_int_equal(question.end, QUERY);
        for (size_t i = 0; i < QUERY; i++)
                assert_int_equal(dns_question_parse(query, i, &question, &forwardable), -EINVAL);
}

static void test_answer(void **state)
{
        NetAddress addresses[2] = {net_address_v4(0x0a000001), net_address_v4(0x0a000002)};
        uint8_t answer[DNS_PLAIN_MAXIMUM];
        DnsQuestion question;
        bool forwardable;
        size_t length;

        assert_int_equal(dns_question_parse(query, QUERY, &question, &forwardable), 0);
        length = dns_answer_addresses(query, &question, addresses, 2, 1, answer, sizeof(answer));
        assert_int_equal(length, QUERY + 32);
        assert_memory_equal(answer, query, 2);
        assert_int_equal(answer[2] & 0x80, 0x80);
        assert_int_equal(answer[7], 2);
        assert_int_equal(answer[QUERY + 15], 2); /* the second address first */
        length = dns_answer_addresses(query, &question, addresses, 2, 0, answer, QUERY + 20);
        assert_int_equal(answer[7], 1);
        assert_true(dns_is_truncated(answer, length));
        length = dns_answer_status(query, QUERY, &question, DNS_NAME_ERROR, answer);
        assert_int_equal(answer[3] & 15, DNS_NAME_ERROR);
        assert_int_equal(length, QUERY);
}

static void test_malformed(void **state)
{
        uint8_t copy[QUERY];
        DnsQuestion question;
        bool forwardable;

        memcpy(copy, query, QUERY);
        copy[12] = 0xc0; /* a pointer */
        assert_int_equal(dns_question_parse(copy, QUERY, &question, &forwardable), -EINVAL);
        assert_false(forwardable);
        memcpy(copy, query, QUERY);
        copy[2] |= 0x80; /* a response */
        assert_int_equal(dns_question_parse(copy, QUERY, &question, &forwardable), -EINVAL);
        memcpy(copy, query, QUERY);
        copy[13] = ' ';
        assert_int_equal(dns_question_parse(copy, QUERY, &question, &forwardable), -EINVAL);
        assert_true(forwardable);
}

static void test_reverse(void **state)
{
        NetAddress address;
        char text[NET_ADDRESS_TEXT_SIZE];

        assert_int_equal(dns_reverse_parse("4.3.2.1.in-addr.arpa", &address), 0);
        net_address_format(&address, text);
        assert_string_equal(text, "1.2.3.4");
        assert_int_equal(
                dns_reverse_parse("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                                  &address),
                0);
        net_address_format(&address, text);
        assert_string_equal(text, "2001:db8::1");
        assert_int_equal(dns_reverse_parse("x.in-addr.arpa", &address), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_question),
                cmocka_unit_test(test_answer),
                cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_reverse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
