/*
 * Netlink (netlink(7), rtnetlink(7)): messages of nested attributes, sent in batches and acknowledged one by
 * one; and what kelp makes with it: links, addresses, routes, rules.
 *
 * A Netlink belongs to the network namespace that the thread was in when it was opened. A function without
 * _queue in its name sends and waits for the kernel's answer; the _queue functions only add to the batch, and
 * netlink_flush() sends all of it with one system call and reports the first refusal, with the words that
 * were given when the message was queued. So a container's interface is made with two calls, not twenty.
 */
#pragma once

#include "base/error.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NETLINK_BATCH_SIZE = 32 << 10, NETLINK_BATCH_MESSAGES = 128, NETLINK_NEST_MAXIMUM = 16 };

typedef struct NetlinkMessageNote {
        const char *what; /* static words for an error: "make the bridge" */
        int tolerated;    /* a positive errno that counts as success; 0: none */
} NetlinkMessageNote;

typedef struct Netlink {
        int fd;
        uint32_t sequence; /* of the first message of the batch */
        size_t length;     /* bytes used of the batch */
        size_t count;      /* messages in the batch */
        size_t expected;   /* acknowledgements that it will bring */
        size_t message;    /* offset of the message being built */
        size_t nests[NETLINK_NEST_MAXIMUM];
        size_t depth;
        bool overflow;
        NetlinkMessageNote notes[NETLINK_BATCH_MESSAGES];
        uint8_t *batch; /* NETLINK_BATCH_SIZE bytes */
} Netlink;

#define NETLINK_INIT {.fd = -EBADF}

/* @protocol: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_SOCK_DIAG. */
int netlink_open(int protocol, Netlink *ret, Error *err);
void netlink_deinit(Netlink *netlink);
#define _cleanup_netlink_ _cleanup_(netlink_deinit)

/* ---- messages ---- */

/* Starts a message in the batch; @header (@header_size bytes) is the family's own header. @what: static words
 * for errors; NULL: the message is not acknowledged (it frames others). @flags beside NLM_F_REQUEST and
 * NLM_F_ACK.
 * @tolerated: an errno that is no failure (EEXIST, ENOENT), or 0. */
void netlink_begin(Netlink *netlink, uint16_t type, uint16_t flags, const void *header, size_t header_size,
                   const char *what, int tolerated);
void netlink_put(Netlink *netlink, uint16_t attribute, const void *data, size_t length);
void netlink_put_text(Netlink *netlink, uint16_t attribute, const char *text);
void netlink_put_u8(Netlink *netlink, uint16_t attribute, uint8_t value);
void netlink_put_u16(Netlink *netlink, uint16_t attribute, uint16_t value);
void netlink_put_u32(Netlink *netlink, uint16_t attribute, uint32_t value);
/* Attributes until the matching netlink_unnest() are inside @attribute. */
void netlink_nest(Netlink *netlink, uint16_t attribute);
void netlink_unnest(Netlink *netlink);
/* A bare header or structure inside a nest (the peer of a veth). */
void netlink_put_raw(Netlink *netlink, const void *data, size_t length);
/* Sends the batch and reads an acknowledgement for each message. The first refusal is the error; the messages
 * behind it were tried all the same. The batch is empty afterwards. */
int netlink_flush(Netlink *netlink, Error *err);

/* Called for each message of an answer; the return value stops when it is not 0. */
typedef int (*NetlinkReceive)(const struct nlmsghdr *message, void *argument);
/* Sends the one message of the batch as a dump or get request and hands over the answers. */
int netlink_request(Netlink *netlink, NetlinkReceive receive, void *argument, Error *err);

/* ---- links ---- */

typedef struct NetlinkVeth {
        const char *name, *peer_name;
        uint32_t master;         /* index of the bridge; 0: none */
        int peer_namespace;      /* descriptor; -EBADF: here */
        const uint8_t *peer_mac; /* 6 bytes; NULL: the kernel's choice */
        uint32_t mtu;            /* 0: the kernel's choice */
        bool up;                 /* this end; a peer cannot be up before its veth exists */
        bool no_arp;             /* both ends */
} NetlinkVeth;

/* An empty MAC: the kernel chooses. The bridge is up, without multicast snooping or spanning tree. */
void netlink_queue_bridge(Netlink *netlink, const char *name, const uint8_t *mac, uint32_t mtu);
void netlink_queue_veth(Netlink *netlink, const NetlinkVeth *veth);
void netlink_queue_link_up(Netlink *netlink, uint32_t index);
void netlink_queue_link_mtu(Netlink *netlink, uint32_t index, uint32_t mtu);
/* No automatic link-local IPv6 address (IN6_ADDR_GEN_MODE_NONE). */
void netlink_queue_link_no_autoconf(Netlink *netlink, uint32_t index);
void netlink_queue_link_delete(Netlink *netlink, const char *name);
/* Links are in group 0 unless they are put into another; those of one are deleted together. */
void netlink_queue_link_group(Netlink *netlink, const char *name, uint32_t group);
void netlink_queue_group_delete(Netlink *netlink, uint32_t group);

typedef struct NetlinkLink {
        uint32_t index;
        uint8_t mac[6];
        bool up, running;
        uint32_t mtu;
        uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, rx_dropped, tx_dropped, rx_errors, tx_errors;
} NetlinkLink;
/* -ENODEV when there is no such link (an Error too). */
int netlink_link_get(Netlink *netlink, const char *name, NetlinkLink *ret, Error *err);

/* ---- addresses and routes ---- */

/* @family AF_INET (4 bytes) or AF_INET6 (16). IPv6 addresses are usable at once (no duplicate detection). */
void netlink_queue_address(Netlink *netlink, uint32_t index, int family, const void *address,
                           unsigned prefix);

typedef struct NetlinkRoute {
        int family;
        const void *destination; /* NULL: default */
        unsigned prefix;
        const void *gateway; /* NULL: none */
        uint32_t index;      /* of the outgoing link */
        uint32_t table;      /* 0: main */
        uint8_t type;        /* RTN_UNICAST, RTN_LOCAL, RTN_UNREACHABLE, … ; 0: RTN_UNICAST */
        uint32_t metric;     /* 0: the kernel's choice */
} NetlinkRoute;
void netlink_queue_route(Netlink *netlink, const NetlinkRoute *route);
/* What carries @mark is looked up in @table. */
void netlink_queue_mark_rule(Netlink *netlink, int family, uint32_t mark, uint32_t table);
void netlink_queue_neighbour(Netlink *netlink, uint32_t index, int family, const void *address,
                             const uint8_t mac[static 6]);
