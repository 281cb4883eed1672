/* Fragments in any order make one packet; those that overlap, or are none, make nothing. */
#include "net/fragments.h"
#include "net/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAYLOAD = 4000, PIECE = 1480 };

typedef struct Piece {
        uint8_t data[2000];
        size_t length;
} Piece;

/* An echo request of PAYLOAD bytes in three pieces, and as a whole. */
static void cut(int family, Piece pieces[static 3], uint8_t whole[static 8192], size_t *ret_length)
{
        NetAddress from, to;
        size_t header = packet_ip_header(family);

        assert_int_equal(net_address_parse(family == AF_INET6 ? "fd00::1" : "10.0.0.1", &from), 0);
        assert_int_equal(net_address_parse(family == AF_INET6 ? "fd00::2" : "10.0.0.2", &to), 0);
        for (size_t i = 0; i < PAYLOAD; i++)
                whole[header + i] = (uint8_t)(i * 7);
        whole[header] = family == AF_INET6 ? 128 : 8;
        *ret_length = packet_build_icmp(&from, &to, PAYLOAD, whole);
        for (size_t i = 0; i < 3; i++) {
                size_t offset = i * PIECE, size = i < 2 ? PIECE : PAYLOAD - 2 * PIECE;
                size_t extra = family == AF_INET6 ? 8 : 0;
                uint8_t *data = pieces[i].data;

                memcpy(data, whole, header);
                memcpy(data + header + extra, whole + header + offset, size);
                pieces[i].length = header + extra + size;
                if (family == AF_INET6) {
                        data[4] = (uint8_t)((size + 8) >> 8);
                        data[5] = (uint8_t)(size + 8);
                        data[6] = IPPROTO_FRAGMENT;
                        memset(data + header, 0, 8);
                        data[header] = IPPROTO_ICMPV6;
                        data[header + 2] = (uint8_t)(offset >> 8);
                        data[header + 3] = (uint8_t)(offset | (i < 2));
                        data[header + 7] = 9;
                } else {
                        data[2] = (uint8_t)(pieces[i].length >> 8);
                        data[3] = (uint8_t)pieces[i].length;
                        data[5] = 9;
                        data[6] = (uint8_t)((offset / 8) >> 8 | (i < 2 ? 0x20 : 0));
                        data[7] = (uint8_t)(offset / 8);
                }
        }
}

static int take(Fragments *fragments, const Piece *piece, uint8_t **ret, size_t *ret_length)
{
        return fragments_take(fragments, piece->data, piece->length, 1, ret, ret_length);
}

static void test_any_order(void **state)
{
        static const size_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
        static const int families[] = {AF_INET, AF_INET6};

        for (size_t f = 0; f < 2; f++)
                for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
                        Fragments fragments = {0};
                        uint8_t whole[8192], *got;
                        size_t header = packet_ip_header(families[f]), length, got_length;
                        Piece pieces[3];
                        Packet packet;

                        cut(families[f], pieces, whole, &length);
                        assert_int_equal(take(&fragments, &pieces[orders[i][0]], &got, &got_length), -EAGAIN);
                        assert_int_equal(take(&fragments, &pieces[orders[i][1]], &got, &got_length), -EAGAIN);
                        assert_int_equal(take(&fragments, &pieces[orders[i][2]], &got, &got_length), 1);
                        assert_int_equal(got_length, length);
                        assert_memory_equal(got + header, whole + header, PAYLOAD);
                        assert_int_equal(packet_parse(got, got_length, &packet), 0);
                        /* once is enough */
                        assert_int_equal(take(&fragments, &pieces[0], &got, &got_length), -EAGAIN);
                        fragments_deinit(&fragments);
                }
}

static void test_overlaps_make_nothing(void **state)
{
        Fragments fragments = {0};
        uint8_t whole[8192], *got;
        size_t length;
        Piece pieces[3];

        cut(AF_INET, pieces, whole, &length);
        assert_int_equal(take(&fragments, &pieces[0], &got, &length), -EAGAIN);
        pieces[1].data[7]--; /* eight bytes earlier */
        assert_int_equal(take(&fragments, &pieces[1], &got, &length), -EINVAL);
        assert_int_equal(take(&fragments, &pieces[2], &got, &length), -EAGAIN);
        fragments_deinit(&fragments);
}

static void test_malformed(void **state)
{
        Fragments fragments = {0};
        uint8_t whole[8192], *got;
        size_t length;
        Piece pieces[3];

        cut(AF_INET, pieces, whole, &length);
        assert_int_equal(fragments_take(&fragments, whole, length, 1, &got, &length), 0);
        pieces[2].data[6] |= 0x1f; /* past 64 KiB */
        pieces[2].data[7] = 0xff;
        assert_int_equal(take(&fragments, &pieces[2], &got, &length), -EINVAL);
        pieces[0].data[9] = IPPROTO_UDP;
        assert_int_equal(take(&fragments, &pieces[0], &got, &length), -EINVAL);
        assert_int_equal(fragments_take(&fragments, pieces[1].data, 21, 1, &got, &length), -EINVAL);
        for (unsigned i = 0; i < 100; i++) {
                /* others wait for their rest: none of them for ever */
                cut(AF_INET, pieces, whole, &length);
                pieces[0].data[5] = (uint8_t)i;
                assert_int_equal(take(&fragments, &pieces[0], &got, &length), -EAGAIN);
        }
        fragments_sweep(&fragments, FRAGMENTS_MILLISECONDS + 2);
        for (size_t i = 0; i < FRAGMENTS_MAXIMUM; i++)
                assert_null(fragments.datagrams[i].data);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_any_order),
                cmocka_unit_test(test_overlaps_make_nothing),
                cmocka_unit_test(test_malformed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
