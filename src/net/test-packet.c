/* Packets read and written: what is built parses back, checksums hold, malformed ones are refused. */
#include "net/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The one's complement sum over header and pseudo header is zero. */
static uint16_t sum(const uint8_t *data, size_t length, uint32_t start)
{
        uint32_t total = start;

        for (size_t i = 0; i < length; i++)
                total += i % 2 ? data[i] : (uint32_t)data[i] << 8;
        while (total >> 16)
                total = (total & 0xffff) + (total >> 16);
        return (uint16_t)total;
}

static uint32_t pseudo(const uint8_t *ip, uint8_t protocol, size_t length)
{
        bool v6 = ip[0] >> 4 == 6;

        return (uint32_t)sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, 0) + protocol + (uint32_t)length;
}

static NetAddress address(const char *text)
{
        NetAddress parsed;

        assert_int_equal(net_address_parse(text, &parsed), 0);
        return parsed;
}

static size_t build_syn(const char *source, const char *destination, uint8_t *ret)
{
        NetAddress from = address(source), to = address(destination);
        size_t header = packet_ip_header(from.family), length;

        memset(ret + header, 0, 20);
        length = packet_build_icmp(&from, &to, 20, ret); /* its IP header; what it carries is overwritten */
        memset(ret + header, 0, 20);
        ret[from.family == AF_INET6 ? 6 : 9] = IPPROTO_TCP;
        ret[header] = 0x12;
        ret[header + 1] = 0x34;
        ret[header + 3] = 80;
        ret[header + 7] = 9; /* sequence */
        ret[header + 12] = 5 << 4;
        ret[header + 13] = PACKET_TCP_SYN;
        return length;
}

static void test_syn_and_its_reset(void **state)
{
        static const char *const pairs[][2] = {{"10.1.2.3", "192.0.2.9"}, {"fd00::1", "2001:db8::2"}};

        for (size_t i = 0; i < 2; i++) {
                uint8_t syn[128], reset[PACKET_ERROR_MAXIMUM];
                size_t length = build_syn(pairs[i][0], pairs[i][1], syn), answered, header;
                NetAddress from = address(pairs[i][0]), to = address(pairs[i][1]);
                Packet packet, answer;

                assert_int_equal(packet_parse(syn, length, &packet), 0);
                assert_int_equal(packet.protocol, IPPROTO_TCP);
                assert_true(net_address_equal(&packet.source, &from) &&
                            net_address_equal(&packet.destination, &to));
                assert_int_equal(packet.source_port, 0x1234);
                assert_int_equal(packet.destination_port, 80);
                assert_int_equal(packet.tcp_flags, PACKET_TCP_SYN);
                packet_set_checksum(&packet, syn);
                header = packet_ip_header(from.family);
                assert_int_equal(sum(syn + header, 20, pseudo(syn, IPPROTO_TCP, 20)), 0xffff);

                answered = packet_build_reset(&packet, reset);
                assert_int_equal(packet_parse(reset, answered, &answer), 0);
                assert_int_equal(answer.tcp_flags, PACKET_TCP_RST | PACKET_TCP_ACK);
                assert_int_equal(answer.tcp_acknowledgement, 10);
                assert_int_equal(answer.destination_port, 0x1234);
                assert_true(net_address_equal(&answer.source, &to));
                assert_int_equal(sum(reset + header, 20, pseudo(reset, IPPROTO_TCP, 20)), 0xffff);
        }
}

static void test_errors_quote_the_packet(void **state)
{
        uint8_t data[64], error[PACKET_ERROR_MAXIMUM];
        NetAddress from = address("10.1.2.3"), to = address("192.0.2.9"), router = address("192.0.2.1");
        size_t length = packet_build_udp(&from, 1000, &to, 53, 5, data), built;
        PacketError reason = packet_error(AF_INET, PACKET_TOO_BIG);
        Packet packet, answer;

        memset(data + packet_udp_headers(AF_INET), 'x', 5);
        assert_int_equal(packet_parse(data, length, &packet), 0);
        assert_int_equal(packet_payload_length(&packet), 5);
        reason.mtu = 1280;
        built = packet_build_error(&packet, &reason, &router, error);
        assert_int_equal(packet_parse(error, built, &answer), 0);
        assert_true(net_address_equal(&answer.source, &router) &&
                    net_address_equal(&answer.destination, &from));
        assert_int_equal(answer.icmp_type, 3);
        assert_int_equal(answer.icmp_code, 4);
        assert_int_equal(error[20 + 6] << 8 | error[20 + 7], 1280);
        assert_memory_equal(error + 28, data, length);
        assert_int_equal(sum(error + 20, built - 20, 0), 0xffff);
        assert_int_equal(sum(error, 20, 0), 0xffff);
}

static void test_malformed(void **state)
{
        uint8_t syn[128], copy[128];
        size_t length = build_syn("10.1.2.3", "192.0.2.9", syn);
        Packet packet;

        for (size_t i = 0; i < length; i++)
                assert_int_equal(packet_parse(syn, i, &packet), -EINVAL);
        memcpy(copy, syn, length);
        copy[0] = 4 << 4 | 4; /* a header of 16 bytes */
        assert_int_equal(packet_parse(copy, length, &packet), -EINVAL);
        memcpy(copy, syn, length);
        copy[20 + 12] = 15 << 4; /* options past the end */
        assert_int_equal(packet_parse(copy, length, &packet), -EINVAL);
        memcpy(copy, syn, length);
        copy[6] = 0x20; /* a fragment */
        assert_int_equal(packet_parse(copy, length, &packet), -EINVAL);
        memcpy(copy, syn, length);
        copy[9] = 47; /* GRE */
        assert_int_equal(packet_parse(copy, length, &packet), -EINVAL);
}

static void test_forbidden_destinations(void **state)
{
        static const char *const refused[] = {"127.0.0.1",
                                              "127.9.9.9",
                                              "0.0.0.0",
                                              "169.254.169.254",
                                              "224.0.0.1",
                                              "255.255.255.255",
                                              "::1",
                                              "::",
                                              "fe80::1",
                                              "ff02::1",
                                              "::ffff:127.0.0.1",
                                              "::127.0.0.1",
                                              "64:ff9b::7f00:1",
                                              "2002:7f00:1::",
                                              "fd00:ec2::254",
                                              "100.100.100.200"};
        static const char *const allowed[] = {"10.0.0.1",    "192.0.2.1", "8.8.8.8",
                                              "2001:db8::1", "fd00::1",   "64:ff9b::808:808"};

        for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
                NetAddress parsed = address(refused[i]);

                if (!net_address_forbidden(&parsed))
                        fail_msg("%s is allowed", refused[i]);
        }
        for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
                NetAddress parsed = address(allowed[i]);

                if (net_address_forbidden(&parsed))
                        fail_msg("%s is refused: %s", allowed[i], net_address_forbidden(&parsed));
        }
}

static void test_prefixes(void **state)
{
        NetPrefix a, b;
        NetAddress next;
        char text[NET_ADDRESS_TEXT_SIZE];

        assert_int_equal(net_prefix_parse("10.1.2.3/20", &a), 0);
        b = net_prefix_mask(&a);
        net_prefix_format(&b, text);
        assert_string_equal(text, "10.1.0.0/20");
        assert_int_equal(net_prefix_size(&a), 4096);
        assert_int_equal(net_prefix_parse("10.1.15.0/24", &b), 0);
        assert_true(net_prefix_overlaps(&a, &b) && net_prefix_overlaps(&b, &a));
        assert_int_equal(net_prefix_parse("10.1.16.0/24", &b), 0);
        assert_false(net_prefix_overlaps(&a, &b));
        assert_int_equal(net_prefix_parse("10.1.0.0/33", &b), -EINVAL);
        assert_int_equal(net_prefix_parse("10.1.0.0", &b), -EINVAL);
        next = address("10.0.0.255");
        next = net_address_add(&next, 1);
        net_address_format(&next, text);
        assert_string_equal(text, "10.0.1.0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_syn_and_its_reset), cmocka_unit_test(test_errors_quote_the_packet),
                cmocka_unit_test(test_malformed),         cmocka_unit_test(test_forbidden_destinations),
                cmocka_unit_test(test_prefixes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
