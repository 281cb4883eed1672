/*
 * IP packets that leave containers, read and answered. Everything read here comes from a container: every
 * length is checked against what is there, and what is not understood is refused, never guessed.
 */
#pragma once

#include "net/address.h"

enum {
        PACKET_TCP_FIN = 0x01,
        PACKET_TCP_SYN = 0x02,
        PACKET_TCP_RST = 0x04,
        PACKET_TCP_ACK = 0x10,
        /* what a packet built here needs at most beside its payload */
        PACKET_HEADERS_MAXIMUM = 64,
        /* quoted in an ICMP error: all of RFC 792's and enough for every TCP option */
        PACKET_QUOTE_MAXIMUM = 128,
        PACKET_ERROR_MAXIMUM = PACKET_HEADERS_MAXIMUM + PACKET_QUOTE_MAXIMUM,
};

typedef struct Packet {
        NetAddress source, destination;
        uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6 */
        uint8_t hop_limit;
        uint16_t source_port, destination_port; /* host order; TCP and UDP */
        uint8_t tcp_flags;
        uint32_t tcp_sequence, tcp_acknowledgement;
        uint8_t icmp_type, icmp_code;
        uint16_t icmp_identifier, icmp_sequence; /* of an echo */
        const uint8_t *data;                     /* the whole packet, from the IP header */
        size_t length;                           /* by the IP header; what is behind it is padding */
        size_t transport;                        /* where the transport header starts */
        size_t payload;                          /* where what it carries starts */
} Packet;

/* Reads a packet; *ret points into @data. -EINVAL: malformed, a fragment, or not one of the four protocols.
 */
int packet_parse(const uint8_t *data, size_t length, Packet *ret);
static inline size_t packet_payload_length(const Packet *packet)
{
        return packet->length - packet->payload;
}
/* Sets the checksum of the TCP or UDP header of a copy at @data (as parsed into @packet): a packet that never
 * was on a wire may have none. */
void packet_set_checksum(const Packet *packet, uint8_t *data);

/* All of these write a packet that goes back to the sender of @packet, from its destination, into @ret, and
 * return its length. */

/* The reset that a host answers when nobody listens (RFC 9293, 3.10.7.1). */
size_t packet_build_reset(const Packet *packet, uint8_t ret[static PACKET_ERROR_MAXIMUM]);

typedef struct PacketError {
        uint8_t type, code; /* of ICMP or ICMPv6, by the packet's family */
        uint32_t mtu;       /* of "fragmentation needed" and "packet too big" */
} PacketError;
typedef enum PacketUnreachable {
        PACKET_UNREACHABLE_NETWORK,
        PACKET_UNREACHABLE_HOST,
        PACKET_UNREACHABLE_PORT,
        PACKET_UNREACHABLE_PROHIBITED,
        PACKET_TOO_BIG,
} PacketUnreachable;
PacketError packet_error(int family, PacketUnreachable reason);
/* An ICMP or ICMPv6 error quoting it. @reporter NULL: from its destination. */
size_t packet_build_error(const Packet *packet, const PacketError *error, const NetAddress *reporter,
                          uint8_t ret[static PACKET_ERROR_MAXIMUM]);
/* A UDP header with its IP header for @length bytes of payload from one address to another; the payload is
 * behind it already, at ret + the result of packet_udp_headers(). Returns the whole length. */
size_t packet_udp_headers(int family);
size_t packet_build_udp(const NetAddress *source, uint16_t source_port, const NetAddress *destination,
                        uint16_t destination_port, size_t length, uint8_t *ret);
/* The same for an echo reply or request: the ICMP message of @length bytes is behind the IP header
 * (packet_ip_header()), its checksum is set here. */
size_t packet_ip_header(int family);
size_t packet_build_icmp(const NetAddress *source, const NetAddress *destination, size_t length,
                         uint8_t *ret);

/* What an IPv6 packet of one fragment needs beside its part of the message. */
enum { PACKET_FRAGMENT6_HEADERS = 48 };
/* A fragment of an ICMPv6 message, which has its checksum: @length bytes at @offset of it are behind the
 * headers already, at ret + PACKET_FRAGMENT6_HEADERS. Returns the whole length. */
size_t packet_build_fragment6(const NetAddress *source, const NetAddress *destination,
                              uint32_t identification, size_t offset, size_t length, bool more, uint8_t *ret);
