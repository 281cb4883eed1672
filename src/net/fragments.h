/*
 * Fragments of ICMP messages that leave containers, put together (RFC 791, RFC 8200 4.5): pings that are
 * larger than the network's MTU. All else that comes in fragments is put together by the kernel.
 *
 * What containers send is hostile: a few datagrams at a time, the oldest gives way; fragments that overlap
 * end their datagram (RFC 5722), so that nothing depends on their order.
 */
#pragma once

#include "net/address.h"

enum { FRAGMENTS_MAXIMUM = 16, FRAGMENTS_PACKET_MAXIMUM = 65535, FRAGMENTS_MILLISECONDS = 30000 };

typedef struct FragmentsDatagram {
        NetAddress source, destination;
        uint32_t identification;
        uint64_t since;    /* milliseconds */
        size_t header;     /* of its IP header, in front of the payload; 0: the first fragment is missing */
        size_t total;      /* of the payload; 0: the last fragment is missing */
        size_t units;      /* of 8 bytes, received */
        uint8_t *data;     /* NULL: free; FRAGMENTS_HEADER bytes, then the payload */
        uint8_t *received; /* a bit for each unit */
} FragmentsDatagram;

typedef struct Fragments {
        FragmentsDatagram datagrams[FRAGMENTS_MAXIMUM];
} Fragments;

void fragments_deinit(Fragments *fragments);
/* Takes a packet. 0: it is no fragment. 1: it was, and completed a datagram, which is at *ret_data until the
 * next call. -EAGAIN: it was, and more is to come. -EINVAL: it is malformed, or not of an ICMP message. */
int fragments_take(Fragments *fragments, const uint8_t *data, size_t length, uint64_t now, uint8_t **ret_data,
                   size_t *ret_length);
/* Forgets what was not completed in time. */
void fragments_sweep(Fragments *fragments, uint64_t now);
