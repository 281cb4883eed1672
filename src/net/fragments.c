#include "net/fragments.h"

#include "base/cleanup.h"

#include <string.h>

enum {
        IPV4_HEADER = 20,
        IPV6_HEADER = 40,
        FRAGMENT_HEADER = 8,
        HEADER_SPACE = 64, /* more than any header that is kept */
        UNIT = 8,
        UNITS_MAXIMUM = 8192,
        MORE4 = 0x2000,
        OFFSET4 = 0x1fff,
};

typedef struct Fragment {
        NetAddress source, destination;
        uint32_t identification;
        const uint8_t *header, *payload;
        size_t header_length, offset, length;
        bool more;
} Fragment;

static uint16_t get16(const uint8_t *data)
{
        return (uint16_t)(data[0] << 8 | data[1]);
}

static int read_v4(const uint8_t *data, size_t length, Fragment *ret)
{
        size_t header, total;
        uint16_t field;

        if (length < IPV4_HEADER)
                return 0;
        field = get16(data + 6);
        if (!(field & (MORE4 | OFFSET4)))
                return 0;
        header = (size_t)(data[0] & 15) * 4;
        total = get16(data + 2);
        if (header < IPV4_HEADER || total <= header || total > length || data[9] != IPPROTO_ICMP)
                return -EINVAL;
        ret->source.family = ret->destination.family = AF_INET;
        memcpy(ret->source.bytes, data + 12, 4);
        memcpy(ret->destination.bytes, data + 16, 4);
        ret->identification = get16(data + 4);
        ret->header_length = header;
        ret->payload = data + header;
        ret->length = total - header;
        ret->offset = (size_t)(field & OFFSET4) * UNIT;
        ret->more = field & MORE4;
        return 1;
}

/* The fragment header first: hosts have no reason for others in front of it. */
static int read_v6(const uint8_t *data, size_t length, Fragment *ret)
{
        const uint8_t *fragment = data + IPV6_HEADER;
        size_t payload;

        if (length < IPV6_HEADER || data[6] != IPPROTO_FRAGMENT)
                return 0;
        payload = get16(data + 4);
        if (payload > length - IPV6_HEADER || payload <= FRAGMENT_HEADER || fragment[0] != IPPROTO_ICMPV6)
                return -EINVAL;
        ret->source.family = ret->destination.family = AF_INET6;
        memcpy(ret->source.bytes, data + 8, 16);
        memcpy(ret->destination.bytes, data + 24, 16);
        ret->identification = (uint32_t)get16(fragment + 4) << 16 | get16(fragment + 6);
        ret->header_length = IPV6_HEADER;
        ret->payload = fragment + FRAGMENT_HEADER;
        ret->length = payload - FRAGMENT_HEADER;
        ret->offset = get16(fragment + 2) & 0xfff8U;
        ret->more = fragment[3] & 1;
        return 1;
}

static int read_fragment(const uint8_t *data, size_t length, Fragment *ret)
{
        int r;

        *ret = (Fragment){.header = data};
        r = length < 1          ? 0
            : data[0] >> 4 == 4 ? read_v4(data, length, ret)
            : data[0] >> 4 == 6 ? read_v6(data, length, ret)
                                : 0;
        if (r <= 0)
                return r;
        if ((ret->more && ret->length % UNIT) ||
            ret->header_length + ret->offset + ret->length > FRAGMENTS_PACKET_MAXIMUM)
                return -EINVAL;
        return 1;
}

static void datagram_free(FragmentsDatagram *datagram)
{
        free(datagram->data);
        free(datagram->received);
        *datagram = (FragmentsDatagram){0};
}

void fragments_deinit(Fragments *fragments)
{
        for (size_t i = 0; i < FRAGMENTS_MAXIMUM; i++)
                datagram_free(&fragments->datagrams[i]);
}

void fragments_sweep(Fragments *fragments, uint64_t now)
{
        for (size_t i = 0; i < FRAGMENTS_MAXIMUM; i++)
                if (fragments->datagrams[i].data &&
                    now - fragments->datagrams[i].since > FRAGMENTS_MILLISECONDS)
                        datagram_free(&fragments->datagrams[i]);
}

/* The one that @fragment belongs to, or a new one in the place of a free or the oldest one. */
static FragmentsDatagram *find(Fragments *fragments, const Fragment *fragment, uint64_t now)
{
        FragmentsDatagram *place = &fragments->datagrams[0];

        for (size_t i = 0; i < FRAGMENTS_MAXIMUM; i++) {
                FragmentsDatagram *datagram = &fragments->datagrams[i];

                if (datagram->data && datagram->identification == fragment->identification &&
                    net_address_equal(&datagram->source, &fragment->source) &&
                    net_address_equal(&datagram->destination, &fragment->destination))
                        return datagram;
                if (place->data && (!datagram->data || datagram->since < place->since))
                        place = datagram;
        }
        datagram_free(place);
        *place = (FragmentsDatagram){.source = fragment->source,
                                     .destination = fragment->destination,
                                     .identification = fragment->identification,
                                     .since = now,
                                     .data = malloc(HEADER_SPACE + FRAGMENTS_PACKET_MAXIMUM),
                                     .received = calloc(1, UNITS_MAXIMUM / 8)};
        if (!place->data || !place->received) {
                datagram_free(place);
                return NULL;
        }
        return place;
}

/* False: some of it was there already, or lies behind the end. */
static bool mark(FragmentsDatagram *datagram, const Fragment *fragment)
{
        size_t first = fragment->offset / UNIT, count = (fragment->length + UNIT - 1) / UNIT;

        if (!fragment->more) {
                if (datagram->total)
                        return false;
                datagram->total = fragment->offset + fragment->length;
        }
        for (size_t i = first; i < first + count; i++) {
                if (i >= UNITS_MAXIMUM || datagram->received[i / 8] & 1U << i % 8)
                        return false;
                datagram->received[i / 8] |= (uint8_t)(1U << i % 8);
        }
        datagram->units += count;
        return true;
}

/* The header of one packet. */
static void finish_header(FragmentsDatagram *datagram, uint8_t *header)
{
        size_t length = datagram->total;

        if (datagram->source.family == AF_INET6) {
                header[4] = (uint8_t)(length >> 8);
                header[5] = (uint8_t)length;
                header[6] = IPPROTO_ICMPV6;
                return;
        }
        length += datagram->header;
        header[2] = (uint8_t)(length >> 8);
        header[3] = (uint8_t)length;
        header[6] = header[7] = 0;
}

int fragments_take(Fragments *fragments, const uint8_t *data, size_t length, uint64_t now, uint8_t **ret_data,
                   size_t *ret_length)
{
        FragmentsDatagram *datagram;
        Fragment fragment;
        int r = read_fragment(data, length, &fragment);

        if (r <= 0)
                return r;
        datagram = find(fragments, &fragment, now);
        if (!datagram)
                return -EAGAIN;
        if (!mark(datagram, &fragment)) {
                datagram_free(datagram);
                return -EINVAL;
        }
        memcpy(datagram->data + HEADER_SPACE + fragment.offset, fragment.payload, fragment.length);
        if (fragment.offset == 0) {
                datagram->header = fragment.header_length;
                memcpy(datagram->data + HEADER_SPACE - datagram->header, fragment.header, datagram->header);
        }
        if (!datagram->header || !datagram->total || datagram->units != (datagram->total + UNIT - 1) / UNIT ||
            datagram->header + datagram->total > FRAGMENTS_PACKET_MAXIMUM)
                return -EAGAIN;
        *ret_data = datagram->data + HEADER_SPACE - datagram->header;
        *ret_length = datagram->header + datagram->total;
        finish_header(datagram, *ret_data);
        /* It stays readable, as the next one to give way. */
        datagram->since = 0;
        datagram->identification = ~datagram->identification;
        datagram->source.family = 0;
        return 1;
}
