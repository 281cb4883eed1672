#include "net/packet.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

enum {
        IPV4_HEADER = 20,
        IPV6_HEADER = 40,
        TCP_HEADER = 20,
        UDP_HEADER = 8,
        ICMP_HEADER = 8,
        HOP_LIMIT = 64,
        EXTENSIONS_MAXIMUM = 8,
};

static uint16_t get16(const uint8_t *data)
{
        return (uint16_t)(data[0] << 8 | data[1]);
}

static uint32_t get32(const uint8_t *data)
{
        return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void put16(uint8_t *data, uint16_t value)
{
        data[0] = (uint8_t)(value >> 8);
        data[1] = (uint8_t)value;
}

static void put32(uint8_t *data, uint32_t value)
{
        put16(data, (uint16_t)(value >> 16));
        put16(data + 2, (uint16_t)value);
}

/* ---- checksums (RFC 1071) ---- */

static uint64_t sum_bytes(const uint8_t *data, size_t length, uint64_t sum)
{
        for (; length >= 4; data += 4, length -= 4) {
                uint32_t word;

                memcpy(&word, data, sizeof(word));
                sum += word;
        }
        if (length) {
                uint8_t rest[4] = {0};
                uint32_t word;

                memcpy(rest, data, length);
                memcpy(&word, rest, sizeof(word));
                sum += word;
        }
        return sum;
}

/* In memory order, so that it is stored as it is. */
static uint16_t sum_fold(uint64_t sum)
{
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)~sum;
}

static uint64_t sum_pseudo_header(const NetAddress *source, const NetAddress *destination, uint8_t protocol,
                                  size_t length)
{
        uint8_t rest[8] = {0};
        uint64_t sum;

        put32(rest, (uint32_t)length);
        rest[7] = protocol;
        sum = sum_bytes(source->bytes, net_address_length(source), 0);
        sum = sum_bytes(destination->bytes, net_address_length(destination), sum);
        return sum_bytes(rest, sizeof(rest), sum);
}

/* Sets the checksum at @offset of the transport header. */
static void set_transport_checksum(const NetAddress *source, const NetAddress *destination, uint8_t protocol,
                                   uint8_t *transport, size_t length, size_t offset)
{
        uint64_t sum = 0;
        uint16_t folded;

        transport[offset] = transport[offset + 1] = 0;
        /* ICMP of IPv4 is the one that does not cover the addresses */
        if (protocol != IPPROTO_ICMP)
                sum = sum_pseudo_header(source, destination, protocol, length);
        folded = sum_fold(sum_bytes(transport, length, sum));
        if (protocol == IPPROTO_UDP && folded == 0)
                folded = 0xffff;
        memcpy(transport + offset, &folded, sizeof(folded));
}

void packet_set_checksum(const Packet *packet, uint8_t *data)
{
        set_transport_checksum(&packet->source, &packet->destination, packet->protocol,
                               data + packet->transport, packet->length - packet->transport,
                               packet->protocol == IPPROTO_TCP ? 16 : 6);
}

/* ---- reading ---- */

static int parse_v4(const uint8_t *data, size_t length, Packet *packet)
{
        size_t header, total;

        if (length < IPV4_HEADER)
                return -EINVAL;
        header = (size_t)(data[0] & 15) * 4;
        total = get16(data + 2);
        if (header < IPV4_HEADER || total < header || total > length || get16(data + 6) & 0x3fff)
                return -EINVAL;
        packet->source.family = packet->destination.family = AF_INET;
        memcpy(packet->source.bytes, data + 12, 4);
        memcpy(packet->destination.bytes, data + 16, 4);
        packet->hop_limit = data[8];
        packet->protocol = data[9];
        packet->length = total;
        packet->transport = header;
        return packet->protocol == IPPROTO_ICMPV6 ? -EINVAL : 0;
}

/* Past the extension headers that a host may skip (RFC 8200, 4.1). */
static int skip_extensions(const uint8_t *data, Packet *packet)
{
        for (int i = 0; i < EXTENSIONS_MAXIMUM; i++) {
                const uint8_t *extension = data + packet->transport;
                size_t size;

                if (packet->protocol != IPPROTO_HOPOPTS && packet->protocol != IPPROTO_DSTOPTS)
                        return packet->protocol == IPPROTO_ICMP ? -EINVAL : 0;
                if (packet->length - packet->transport < 8)
                        return -EINVAL;
                size = ((size_t)extension[1] + 1) * 8;
                if (size > packet->length - packet->transport)
                        return -EINVAL;
                packet->protocol = extension[0];
                packet->transport += size;
        }
        return -EINVAL;
}

static int parse_v6(const uint8_t *data, size_t length, Packet *packet)
{
        if (length < IPV6_HEADER || get16(data + 4) > length - IPV6_HEADER)
                return -EINVAL;
        packet->source.family = packet->destination.family = AF_INET6;
        memcpy(packet->source.bytes, data + 8, 16);
        memcpy(packet->destination.bytes, data + 24, 16);
        packet->hop_limit = data[7];
        packet->protocol = data[6];
        packet->length = IPV6_HEADER + (size_t)get16(data + 4);
        packet->transport = IPV6_HEADER;
        return skip_extensions(data, packet);
}

static int parse_tcp(const uint8_t *header, size_t available, Packet *packet)
{
        size_t size;

        if (available < TCP_HEADER)
                return -EINVAL;
        size = (size_t)(header[12] >> 4) * 4;
        if (size < TCP_HEADER || size > available)
                return -EINVAL;
        packet->source_port = get16(header);
        packet->destination_port = get16(header + 2);
        packet->tcp_sequence = get32(header + 4);
        packet->tcp_acknowledgement = get32(header + 8);
        packet->tcp_flags = header[13];
        packet->payload = packet->transport + size;
        return 0;
}

static int parse_udp(const uint8_t *header, size_t available, Packet *packet)
{
        size_t size;

        if (available < UDP_HEADER)
                return -EINVAL;
        size = get16(header + 4);
        if (size < UDP_HEADER || size > available)
                return -EINVAL;
        packet->source_port = get16(header);
        packet->destination_port = get16(header + 2);
        packet->payload = packet->transport + UDP_HEADER;
        packet->length = packet->transport + size;
        return 0;
}

static int parse_icmp(const uint8_t *header, size_t available, Packet *packet)
{
        if (available < ICMP_HEADER)
                return -EINVAL;
        packet->icmp_type = header[0];
        packet->icmp_code = header[1];
        packet->icmp_identifier = get16(header + 4);
        packet->icmp_sequence = get16(header + 6);
        packet->payload = packet->transport + ICMP_HEADER;
        return 0;
}

int packet_parse(const uint8_t *data, size_t length, Packet *ret)
{
        Packet packet = {.data = data};
        size_t available;
        int r;

        if (length < 1)
                return -EINVAL;
        r = data[0] >> 4 == 4   ? parse_v4(data, length, &packet)
            : data[0] >> 4 == 6 ? parse_v6(data, length, &packet)
                                : -EINVAL;
        if (r < 0)
                return r;
        available = packet.length - packet.transport;
        switch (packet.protocol) {
        case IPPROTO_TCP:
                r = parse_tcp(data + packet.transport, available, &packet);
                break;
        case IPPROTO_UDP:
                r = parse_udp(data + packet.transport, available, &packet);
                break;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
                r = parse_icmp(data + packet.transport, available, &packet);
                break;
        default:
                r = -EINVAL;
        }
        if (r < 0)
                return r;
        *ret = packet;
        return 0;
}

/* ---- writing ---- */

size_t packet_ip_header(int family)
{
        return family == AF_INET6 ? IPV6_HEADER : IPV4_HEADER;
}

size_t packet_udp_headers(int family)
{
        return packet_ip_header(family) + UDP_HEADER;
}

/* @length: of what is behind the header. Returns the header's size. */
static size_t write_ip_header(const NetAddress *source, const NetAddress *destination, uint8_t protocol,
                              size_t length, uint8_t *ret)
{
        if (source->family == AF_INET6) {
                memset(ret, 0, IPV6_HEADER);
                ret[0] = 6 << 4;
                put16(ret + 4, (uint16_t)length);
                ret[6] = protocol;
                ret[7] = HOP_LIMIT;
                memcpy(ret + 8, source->bytes, 16);
                memcpy(ret + 24, destination->bytes, 16);
                return IPV6_HEADER;
        }
        uint16_t sum;

        memset(ret, 0, IPV4_HEADER);
        ret[0] = 4 << 4 | IPV4_HEADER / 4;
        put16(ret + 2, (uint16_t)(IPV4_HEADER + length));
        ret[8] = HOP_LIMIT;
        ret[9] = protocol;
        memcpy(ret + 12, source->bytes, 4);
        memcpy(ret + 16, destination->bytes, 4);
        sum = sum_fold(sum_bytes(ret, IPV4_HEADER, 0));
        memcpy(ret + 10, &sum, sizeof(sum));
        return IPV4_HEADER;
}

size_t packet_build_reset(const Packet *packet, uint8_t ret[static PACKET_ERROR_MAXIMUM])
{
        size_t header = write_ip_header(&packet->destination, &packet->source, IPPROTO_TCP, TCP_HEADER, ret);
        uint8_t *tcp = ret + header;

        memset(tcp, 0, TCP_HEADER);
        put16(tcp, packet->destination_port);
        put16(tcp + 2, packet->source_port);
        tcp[12] = (TCP_HEADER / 4) << 4;
        tcp[13] = PACKET_TCP_RST;
        if (packet->tcp_flags & PACKET_TCP_ACK) {
                put32(tcp + 4, packet->tcp_acknowledgement);
        } else {
                uint32_t length = (uint32_t)packet_payload_length(packet);

                length += packet->tcp_flags & PACKET_TCP_SYN ? 1U : 0U;
                length += packet->tcp_flags & PACKET_TCP_FIN ? 1U : 0U;
                tcp[13] |= PACKET_TCP_ACK;
                put32(tcp + 8, packet->tcp_sequence + length);
        }
        set_transport_checksum(&packet->destination, &packet->source, IPPROTO_TCP, tcp, TCP_HEADER, 16);
        return header + TCP_HEADER;
}

/* RFC 792 and RFC 4443. */
static const struct {
        uint8_t type4, code4, type6, code6;
} unreachable_table[] = {
        [PACKET_UNREACHABLE_NETWORK] = {3, 0, 1, 0},
        [PACKET_UNREACHABLE_HOST] = {3, 1, 1, 3},
        [PACKET_UNREACHABLE_PORT] = {3, 3, 1, 4},
        [PACKET_UNREACHABLE_PROHIBITED] = {3, 13, 1, 1},
        [PACKET_TOO_BIG] = {3, 4, 2, 0},
};

PacketError packet_error(int family, PacketUnreachable reason)
{
        bool v6 = family == AF_INET6;

        return (PacketError){
                .type = v6 ? unreachable_table[reason].type6 : unreachable_table[reason].type4,
                .code = v6 ? unreachable_table[reason].code6 : unreachable_table[reason].code4,
        };
}

size_t packet_build_error(const Packet *packet, const PacketError *error, const NetAddress *reporter,
                          uint8_t ret[static PACKET_ERROR_MAXIMUM])
{
        const NetAddress *source =
                reporter && reporter->family == packet->source.family ? reporter : &packet->destination;
        size_t header = packet_ip_header(source->family);
        size_t quote = packet->length < PACKET_QUOTE_MAXIMUM ? packet->length : PACKET_QUOTE_MAXIMUM;
        uint8_t *icmp = ret + header;

        memset(icmp, 0, ICMP_HEADER);
        icmp[0] = error->type;
        icmp[1] = error->code;
        if (source->family == AF_INET6)
                put32(icmp + 4, error->mtu);
        else
                put16(icmp + 6, (uint16_t)(error->mtu > 65535 ? 65535 : error->mtu));
        memcpy(icmp + ICMP_HEADER, packet->data, quote);
        return packet_build_icmp(source, &packet->source, ICMP_HEADER + quote, ret);
}

size_t packet_build_udp(const NetAddress *source, uint16_t source_port, const NetAddress *destination,
                        uint16_t destination_port, size_t length, uint8_t *ret)
{
        size_t header = write_ip_header(source, destination, IPPROTO_UDP, UDP_HEADER + length, ret);
        uint8_t *udp = ret + header;

        put16(udp, source_port);
        put16(udp + 2, destination_port);
        put16(udp + 4, (uint16_t)(UDP_HEADER + length));
        set_transport_checksum(source, destination, IPPROTO_UDP, udp, UDP_HEADER + length, 6);
        return header + UDP_HEADER + length;
}

size_t packet_build_icmp(const NetAddress *source, const NetAddress *destination, size_t length, uint8_t *ret)
{
        uint8_t protocol = source->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
        size_t header = write_ip_header(source, destination, protocol, length, ret);

        set_transport_checksum(source, destination, protocol, ret + header, length, 2);
        return header + length;
}

size_t packet_build_fragment6(const NetAddress *source, const NetAddress *destination,
                              uint32_t identification, size_t offset, size_t length, bool more, uint8_t *ret)
{
        size_t header = write_ip_header(source, destination, IPPROTO_FRAGMENT,
                                        PACKET_FRAGMENT6_HEADERS - IPV6_HEADER + length, ret);
        uint8_t *fragment = ret + header;

        fragment[0] = IPPROTO_ICMPV6;
        fragment[1] = 0;
        put16(fragment + 2, (uint16_t)(offset | more));
        put32(fragment + 4, identification);
        return PACKET_FRAGMENT6_HEADERS + length;
}
