/* IP addresses of both families, and ranges of them. */
#pragma once

#include "base/error.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NET_ADDRESS_TEXT_SIZE = 64 };

typedef struct NetAddress {
        uint16_t family;   /* AF_INET, AF_INET6; 0: none */
        uint8_t bytes[16]; /* network order; the first four for AF_INET, the others 0 */
} NetAddress;

typedef struct NetPrefix {
        NetAddress address; /* as it was given; net_prefix_mask() clears the host part */
        unsigned length;
} NetPrefix;

/* What a socket address call takes and gives. */
typedef union NetSocketAddress {
        struct sockaddr generic;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} NetSocketAddress;

static inline bool net_address_set(const NetAddress *address)
{
        return address->family != 0;
}

static inline size_t net_address_length(const NetAddress *address)
{
        return address->family == AF_INET6 ? 16 : 4;
}

bool net_address_equal(const NetAddress *a, const NetAddress *b);
/* Any of the textual forms of inet_pton(3). 0 or -EINVAL. */
int net_address_parse(const char *text, NetAddress *ret);
void net_address_format(const NetAddress *address, char ret[static NET_ADDRESS_TEXT_SIZE]);
NetAddress net_address_v4(uint32_t host_order);
/* The address @offset behind @address (wraps within the family). */
NetAddress net_address_add(const NetAddress *address, uint64_t offset);
/* ::ffff:a.b.c.d becomes a.b.c.d; all else stays. */
NetAddress net_address_unmap(const NetAddress *address);
bool net_address_is_loopback(const NetAddress *address);

/* "10.1.0.0/16". -EINVAL: no prefix. */
int net_prefix_parse(const char *text, NetPrefix *ret);
void net_prefix_format(const NetPrefix *prefix, char ret[static NET_ADDRESS_TEXT_SIZE]);
/* With the host part cleared. */
NetPrefix net_prefix_mask(const NetPrefix *prefix);
bool net_prefix_contains(const NetPrefix *prefix, const NetAddress *address);
bool net_prefix_overlaps(const NetPrefix *a, const NetPrefix *b);
/* How many addresses, at most UINT64_MAX. */
uint64_t net_prefix_size(const NetPrefix *prefix);

/* @address none: the wildcard of @family. Returns the length. */
socklen_t net_socket_address(const NetAddress *address, int family, uint16_t port, NetSocketAddress *ret);
/* IPv4-mapped addresses come out as IPv4. */
void net_socket_address_split(const NetSocketAddress *from, NetAddress *ret_address, uint16_t *ret_port);

/* Why a container's packet must not be sent to @destination by a socket of the host: static words ("the
 * host's loopback"), or NULL when it may. What a socket of the host reaches is more than what lies outside:
 * the host itself, its links' neighbours, the cloud's metadata. */
const char *net_address_forbidden(const NetAddress *destination);
