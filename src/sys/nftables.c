#include "sys/nftables.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

enum { REGISTER = NFT_REG_1, NAME_SIZE = 16 };

static uint16_t message_type(uint16_t message)
{
        return (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | message);
}

static void begin(Netlink *netlink, uint16_t type, uint16_t flags, uint8_t family, const char *what,
                  int tolerated)
{
        struct nfgenmsg header = {.nfgen_family = family, .version = NFNETLINK_V0};

        netlink_begin(netlink, type, flags, &header, sizeof(header), what, tolerated);
}

static void put_be32(Netlink *netlink, uint16_t attribute, uint32_t value)
{
        netlink_put_u32(netlink, attribute, htonl(value));
}

void nft_begin(Netlink *netlink)
{
        struct nfgenmsg header = {.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};

        netlink_begin(netlink, NFNL_MSG_BATCH_BEGIN, 0, &header, sizeof(header), NULL, 0);
}

int nft_commit(Netlink *netlink, Error *err)
{
        struct nfgenmsg header = {.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};

        netlink_begin(netlink, NFNL_MSG_BATCH_END, 0, &header, sizeof(header), NULL, 0);
        return netlink_flush(netlink, err);
}

void nft_table(Netlink *netlink, uint8_t family, const char *name)
{
        begin(netlink, message_type(NFT_MSG_NEWTABLE), NLM_F_CREATE, family, "nftables: make a table", 0);
        netlink_put_text(netlink, NFTA_TABLE_NAME, name);
}

void nft_chain(Netlink *netlink, const NftChain *chain)
{
        begin(netlink, message_type(NFT_MSG_NEWCHAIN), NLM_F_CREATE, chain->family, "nftables: make a chain",
              0);
        netlink_put_text(netlink, NFTA_CHAIN_TABLE, chain->table);
        netlink_put_text(netlink, NFTA_CHAIN_NAME, chain->name);
        netlink_nest(netlink, NFTA_CHAIN_HOOK);
        put_be32(netlink, NFTA_HOOK_HOOKNUM, chain->hook);
        put_be32(netlink, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
        if (chain->device)
                netlink_put_text(netlink, NFTA_HOOK_DEV, chain->device);
        netlink_unnest(netlink);
        put_be32(netlink, NFTA_CHAIN_POLICY, chain->policy);
        netlink_put_text(netlink, NFTA_CHAIN_TYPE, "filter");
}

void nft_chain_delete(Netlink *netlink, uint8_t family, const char *table, const char *name)
{
        begin(netlink, message_type(NFT_MSG_DELCHAIN), 0, family, "nftables: remove a chain", ENOENT);
        netlink_put_text(netlink, NFTA_CHAIN_TABLE, table);
        netlink_put_text(netlink, NFTA_CHAIN_NAME, name);
}

void nft_rule_begin(Netlink *netlink, uint8_t family, const char *table, const char *chain)
{
        begin(netlink, message_type(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND, family,
              "nftables: make a rule (does the kernel have nf_tables, nft_tproxy and nft_socket?)", 0);
        netlink_put_text(netlink, NFTA_RULE_TABLE, table);
        netlink_put_text(netlink, NFTA_RULE_CHAIN, chain);
        netlink_nest(netlink, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(Netlink *netlink)
{
        netlink_unnest(netlink);
}

static void expression_begin(Netlink *netlink, const char *name)
{
        netlink_nest(netlink, NFTA_LIST_ELEM);
        netlink_put_text(netlink, NFTA_EXPR_NAME, name);
        netlink_nest(netlink, NFTA_EXPR_DATA);
}

static void expression_end(Netlink *netlink)
{
        netlink_unnest(netlink);
        netlink_unnest(netlink);
}

static void put_value(Netlink *netlink, uint16_t attribute, const void *value, uint32_t length)
{
        netlink_nest(netlink, attribute);
        netlink_put(netlink, NFTA_DATA_VALUE, value, length);
        netlink_unnest(netlink);
}

static void compare(Netlink *netlink, const void *value, uint32_t length, bool equal)
{
        expression_begin(netlink, "cmp");
        put_be32(netlink, NFTA_CMP_SREG, REGISTER);
        put_be32(netlink, NFTA_CMP_OP, equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
        put_value(netlink, NFTA_CMP_DATA, value, length);
        expression_end(netlink);
}

static void load_meta(Netlink *netlink, uint32_t key)
{
        expression_begin(netlink, "meta");
        put_be32(netlink, NFTA_META_DREG, REGISTER);
        put_be32(netlink, NFTA_META_KEY, key);
        expression_end(netlink);
}

void nft_match_interface(Netlink *netlink, uint32_t key, const char *name, bool prefix)
{
        char padded[NAME_SIZE] = "";
        size_t length = strlen(name);

        memcpy(padded, name, length < NAME_SIZE ? length : NAME_SIZE - 1);
        load_meta(netlink, key);
        compare(netlink, padded, prefix ? (uint32_t)length : NAME_SIZE, true);
}

void nft_match_meta(Netlink *netlink, uint32_t key, const void *value, uint32_t length, bool equal)
{
        load_meta(netlink, key);
        compare(netlink, value, length, equal);
}

static void mask_register(Netlink *netlink, const void *mask, uint32_t length)
{
        static const uint8_t nothing[16];

        expression_begin(netlink, "bitwise");
        put_be32(netlink, NFTA_BITWISE_SREG, REGISTER);
        put_be32(netlink, NFTA_BITWISE_DREG, REGISTER);
        put_be32(netlink, NFTA_BITWISE_LEN, length);
        put_value(netlink, NFTA_BITWISE_MASK, mask, length);
        put_value(netlink, NFTA_BITWISE_XOR, nothing, length);
        expression_end(netlink);
}

void nft_match_payload(Netlink *netlink, uint32_t base, uint32_t offset, const void *value, const void *mask,
                       uint32_t length, bool equal)
{
        expression_begin(netlink, "payload");
        put_be32(netlink, NFTA_PAYLOAD_DREG, REGISTER);
        put_be32(netlink, NFTA_PAYLOAD_BASE, base);
        put_be32(netlink, NFTA_PAYLOAD_OFFSET, offset);
        put_be32(netlink, NFTA_PAYLOAD_LEN, length);
        expression_end(netlink);
        if (mask)
                mask_register(netlink, mask, length);
        compare(netlink, value, length, equal);
}

void nft_match_transparent_socket(Netlink *netlink)
{
        const uint8_t one = 1;

        expression_begin(netlink, "socket");
        put_be32(netlink, NFTA_SOCKET_KEY, NFT_SOCKET_TRANSPARENT);
        put_be32(netlink, NFTA_SOCKET_DREG, REGISTER);
        expression_end(netlink);
        compare(netlink, &one, sizeof(one), true);
}

static void load_immediate(Netlink *netlink, uint32_t reg, const void *value, uint32_t length)
{
        expression_begin(netlink, "immediate");
        put_be32(netlink, NFTA_IMMEDIATE_DREG, reg);
        put_value(netlink, NFTA_IMMEDIATE_DATA, value, length);
        expression_end(netlink);
}

void nft_set_mark(Netlink *netlink, uint32_t mark)
{
        load_immediate(netlink, REGISTER, &mark, sizeof(mark));
        expression_begin(netlink, "meta");
        put_be32(netlink, NFTA_META_KEY, NFT_META_MARK);
        put_be32(netlink, NFTA_META_SREG, REGISTER);
        expression_end(netlink);
}

void nft_tproxy(Netlink *netlink, uint8_t family, const void *address, uint16_t port)
{
        uint16_t network_order = htons(port);

        load_immediate(netlink, REGISTER, address, family == NFPROTO_IPV6 ? 16 : 4);
        load_immediate(netlink, NFT_REG_2, &network_order, sizeof(network_order));
        expression_begin(netlink, "tproxy");
        put_be32(netlink, NFTA_TPROXY_FAMILY, family);
        put_be32(netlink, NFTA_TPROXY_REG_ADDR, REGISTER);
        put_be32(netlink, NFTA_TPROXY_REG_PORT, NFT_REG_2);
        expression_end(netlink);
}

void nft_verdict(Netlink *netlink, uint32_t verdict)
{
        expression_begin(netlink, "immediate");
        put_be32(netlink, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        netlink_nest(netlink, NFTA_IMMEDIATE_DATA);
        netlink_nest(netlink, NFTA_DATA_VERDICT);
        put_be32(netlink, NFTA_VERDICT_CODE, verdict);
        netlink_unnest(netlink);
        netlink_unnest(netlink);
        expression_end(netlink);
}
