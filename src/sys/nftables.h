/*
 * Packet rules (nft(8)) over nfnetlink: one atomic batch of tables, chains and rules. Only the expressions
 * that kelp's networks need; each nft_match_… loads into a register and compares, so a rule is a sequence of
 * calls that ends in a verdict:
 *
 *      nft_rule_begin(nl, NFPROTO_INET, "kelp", "forward");
 *      nft_match_interface(nl, NFT_META_IIFNAME, "kb", true);
 *      nft_verdict(nl, NF_ACCEPT);
 *      nft_rule_end(nl);
 */
#pragma once

#include "sys/netlink.h"

/* before the kernel's headers, which then leave its definitions out */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/* @netlink was opened with NETLINK_NETFILTER. Everything until nft_commit() happens or nothing does. */
void nft_begin(Netlink *netlink);
int nft_commit(Netlink *netlink, Error *err);

void nft_table(Netlink *netlink, uint8_t family, const char *name);

typedef struct NftChain {
        uint8_t family;
        const char *table, *name;
        uint32_t hook;      /* NF_INET_PRE_ROUTING, NF_NETDEV_INGRESS, … */
        int32_t priority;   /* NF_IP_PRI_… */
        const char *device; /* for NFPROTO_NETDEV */
        uint32_t policy;    /* NF_ACCEPT, NF_DROP */
} NftChain;
void nft_chain(Netlink *netlink, const NftChain *chain);
/* With its rules. A chain that is not there is no error. */
void nft_chain_delete(Netlink *netlink, uint8_t family, const char *table, const char *name);

void nft_rule_begin(Netlink *netlink, uint8_t family, const char *table, const char *chain);
void nft_rule_end(Netlink *netlink);

/* @key NFT_META_IIFNAME or NFT_META_OIFNAME; @prefix: names that begin so. */
void nft_match_interface(Netlink *netlink, uint32_t key, const char *name, bool prefix);
/* A value of meta (NFT_META_L4PROTO, NFT_META_NFPROTO, NFT_META_PROTOCOL) of @length bytes; @equal or not. */
void nft_match_meta(Netlink *netlink, uint32_t key, const void *value, uint32_t length, bool equal);
/* Bytes of the packet: @base NFT_PAYLOAD_LL_HEADER, _NETWORK_HEADER, _TRANSPORT_HEADER. @mask NULL: all bits;
 * @length at most 16. */
void nft_match_payload(Netlink *netlink, uint32_t base, uint32_t offset, const void *value, const void *mask,
                       uint32_t length, bool equal);
/* The packet belongs to a socket with IP_TRANSPARENT. */
void nft_match_transparent_socket(Netlink *netlink);
void nft_set_mark(Netlink *netlink, uint32_t mark);
/* Hands the packet to the local listener on @address (of @family, network order) and @port. */
void nft_tproxy(Netlink *netlink, uint8_t family, const void *address, uint16_t port);
void nft_verdict(Netlink *netlink, uint32_t verdict);
