/* Links, addresses, routes and rules by rtnetlink(7). */
#include "sys/netlink.h"

#include "base/cleanup.h"

#include <linux/fib_rules.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

enum { CREATE = NLM_F_CREATE | NLM_F_EXCL, MAC_LENGTH = 6 };

static void begin_link(Netlink *netlink, uint16_t type, uint16_t flags, const struct ifinfomsg *header,
                       const char *what, int tolerated)
{
        netlink_begin(netlink, type, flags, header, sizeof(*header), what, tolerated);
}

void netlink_queue_bridge(Netlink *netlink, const char *name, const uint8_t *mac, uint32_t mtu)
{
        struct ifinfomsg header = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};

        begin_link(netlink, RTM_NEWLINK, CREATE, &header, "make the network's bridge", 0);
        netlink_put_text(netlink, IFLA_IFNAME, name);
        if (mac)
                netlink_put(netlink, IFLA_ADDRESS, mac, MAC_LENGTH);
        if (mtu)
                netlink_put_u32(netlink, IFLA_MTU, mtu);
        netlink_nest(netlink, IFLA_LINKINFO);
        netlink_put_text(netlink, IFLA_INFO_KIND, "bridge");
        netlink_nest(netlink, IFLA_INFO_DATA);
        netlink_put_u32(netlink, IFLA_BR_FORWARD_DELAY, 0);
        netlink_put_u32(netlink, IFLA_BR_STP_STATE, 0);
        netlink_put_u8(netlink, IFLA_BR_MCAST_SNOOPING, 0);
        netlink_unnest(netlink);
        netlink_unnest(netlink);
}

void netlink_queue_veth(Netlink *netlink, const NetlinkVeth *veth)
{
        struct ifinfomsg header = {.ifi_change = IFF_UP | IFF_NOARP}, peer = {.ifi_change = IFF_NOARP};

        header.ifi_flags = (veth->up ? IFF_UP : 0U) | (veth->no_arp ? IFF_NOARP : 0U);
        peer.ifi_flags = veth->no_arp ? IFF_NOARP : 0U;
        begin_link(netlink, RTM_NEWLINK, CREATE, &header, "make the container's interface", 0);
        netlink_put_text(netlink, IFLA_IFNAME, veth->name);
        if (veth->mtu)
                netlink_put_u32(netlink, IFLA_MTU, veth->mtu);
        if (veth->master)
                netlink_put_u32(netlink, IFLA_MASTER, veth->master);
        netlink_nest(netlink, IFLA_LINKINFO);
        netlink_put_text(netlink, IFLA_INFO_KIND, "veth");
        netlink_nest(netlink, IFLA_INFO_DATA);
        netlink_nest(netlink, VETH_INFO_PEER);
        netlink_put_raw(netlink, &peer, sizeof(peer));
        netlink_put_text(netlink, IFLA_IFNAME, veth->peer_name);
        if (veth->peer_mac)
                netlink_put(netlink, IFLA_ADDRESS, veth->peer_mac, MAC_LENGTH);
        if (veth->mtu)
                netlink_put_u32(netlink, IFLA_MTU, veth->mtu);
        if (veth->peer_namespace >= 0)
                netlink_put_u32(netlink, IFLA_NET_NS_FD, (uint32_t)veth->peer_namespace);
        netlink_unnest(netlink);
        netlink_unnest(netlink);
        netlink_unnest(netlink);
}

void netlink_queue_link_up(Netlink *netlink, uint32_t index)
{
        struct ifinfomsg header = {.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

        begin_link(netlink, RTM_NEWLINK, 0, &header, "bring an interface up", 0);
}

void netlink_queue_link_mtu(Netlink *netlink, uint32_t index, uint32_t mtu)
{
        struct ifinfomsg header = {.ifi_index = (int)index};

        begin_link(netlink, RTM_NEWLINK, 0, &header, "set an interface's MTU", 0);
        netlink_put_u32(netlink, IFLA_MTU, mtu);
}

void netlink_queue_link_no_autoconf(Netlink *netlink, uint32_t index)
{
        struct ifinfomsg header = {.ifi_index = (int)index};

        /* without IPv6 in the kernel there is nothing to forbid */
        begin_link(netlink, RTM_NEWLINK, 0, &header, "set an interface's IPv6 mode", EAFNOSUPPORT);
        netlink_nest(netlink, IFLA_AF_SPEC);
        netlink_nest(netlink, AF_INET6);
        netlink_put_u8(netlink, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
        netlink_unnest(netlink);
        netlink_unnest(netlink);
}

void netlink_queue_link_delete(Netlink *netlink, const char *name)
{
        struct ifinfomsg header = {0};

        begin_link(netlink, RTM_DELLINK, 0, &header, "remove an interface", ENODEV);
        netlink_put_text(netlink, IFLA_IFNAME, name);
}

void netlink_queue_link_group(Netlink *netlink, const char *name, uint32_t group)
{
        struct ifinfomsg header = {0};

        begin_link(netlink, RTM_NEWLINK, 0, &header, "put an interface into a group", ENODEV);
        netlink_put_text(netlink, IFLA_IFNAME, name);
        netlink_put_u32(netlink, IFLA_GROUP, group);
}

void netlink_queue_group_delete(Netlink *netlink, uint32_t group)
{
        struct ifinfomsg header = {0};

        begin_link(netlink, RTM_DELLINK, 0, &header, "remove a group of interfaces", ENODEV);
        netlink_put_u32(netlink, IFLA_GROUP, group);
}

static void take_statistics(const void *data, size_t length, NetlinkLink *link)
{
        struct rtnl_link_stats64 statistics = {0};

        memcpy(&statistics, data, length < sizeof(statistics) ? length : sizeof(statistics));
        link->rx_bytes = statistics.rx_bytes;
        link->tx_bytes = statistics.tx_bytes;
        link->rx_packets = statistics.rx_packets;
        link->tx_packets = statistics.tx_packets;
        link->rx_dropped = statistics.rx_dropped;
        link->tx_dropped = statistics.tx_dropped;
        link->rx_errors = statistics.rx_errors;
        link->tx_errors = statistics.tx_errors;
}

static int take_link(const struct nlmsghdr *message, void *argument)
{
        NetlinkLink *link = argument;
        struct ifinfomsg *header = NLMSG_DATA(message);
        size_t left = IFLA_PAYLOAD(message);

        if (message->nlmsg_type != RTM_NEWLINK)
                return 0;
        link->index = (uint32_t)header->ifi_index;
        link->up = header->ifi_flags & IFF_UP;
        link->running = header->ifi_flags & IFF_RUNNING;
        for (struct rtattr *item = IFLA_RTA(header); RTA_OK(item, left); item = RTA_NEXT(item, left)) {
                if (item->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(item) == MAC_LENGTH)
                        memcpy(link->mac, RTA_DATA(item), MAC_LENGTH);
                else if (item->rta_type == IFLA_MTU && RTA_PAYLOAD(item) == sizeof(link->mtu))
                        memcpy(&link->mtu, RTA_DATA(item), sizeof(link->mtu));
                else if (item->rta_type == IFLA_STATS64)
                        take_statistics(RTA_DATA(item), RTA_PAYLOAD(item), link);
        }
        return 0;
}

int netlink_link_get(Netlink *netlink, const char *name, NetlinkLink *ret, Error *err)
{
        struct ifinfomsg header = {0};
        NetlinkLink link = {0};
        int r;

        begin_link(netlink, RTM_GETLINK, 0, &header, "look up an interface", 0);
        netlink_put_text(netlink, IFLA_IFNAME, name);
        r = netlink_request(netlink, take_link, &link, err);
        if (r < 0)
                return fail_wrap(err, r, "interface %s", name);
        if (!link.index)
                return fail(err, ENODEV, "interface %s: there is no such", name);
        *ret = link;
        return 0;
}

static size_t address_length(int family)
{
        return family == AF_INET6 ? 16 : 4;
}

void netlink_queue_address(Netlink *netlink, uint32_t index, int family, const void *address, unsigned prefix)
{
        struct ifaddrmsg header = {.ifa_family = (uint8_t)family,
                                   .ifa_prefixlen = (uint8_t)prefix,
                                   .ifa_flags = IFA_F_NODAD,
                                   .ifa_index = index};

        netlink_begin(netlink, RTM_NEWADDR, CREATE, &header, sizeof(header), "give an interface its address",
                      EEXIST);
        netlink_put(netlink, IFA_LOCAL, address, address_length(family));
        netlink_put(netlink, IFA_ADDRESS, address, address_length(family));
}

void netlink_queue_route(Netlink *netlink, const NetlinkRoute *route)
{
        struct rtmsg header = {
                .rtm_family = (uint8_t)route->family,
                .rtm_dst_len = (uint8_t)(route->destination ? route->prefix : 0),
                .rtm_table = (uint8_t)(route->table && route->table < 256 ? route->table : RT_TABLE_MAIN),
                .rtm_protocol = RTPROT_STATIC,
                .rtm_type = route->type ?: RTN_UNICAST,
                .rtm_scope = route->type == RTN_LOCAL                      ? RT_SCOPE_HOST
                             : route->gateway || route->family == AF_INET6 ? RT_SCOPE_UNIVERSE
                                                                           : RT_SCOPE_LINK,
        };

        netlink_begin(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header),
                      "set a route", 0);
        if (route->destination)
                netlink_put(netlink, RTA_DST, route->destination, address_length(route->family));
        if (route->gateway)
                netlink_put(netlink, RTA_GATEWAY, route->gateway, address_length(route->family));
        if (route->index)
                netlink_put_u32(netlink, RTA_OIF, route->index);
        if (route->metric)
                netlink_put_u32(netlink, RTA_PRIORITY, route->metric);
}

void netlink_queue_mark_rule(Netlink *netlink, int family, uint32_t mark, uint32_t table)
{
        struct fib_rule_hdr header = {
                .family = (uint8_t)family, .table = (uint8_t)table, .action = FR_ACT_TO_TBL};

        netlink_begin(netlink, RTM_NEWRULE, CREATE, &header, sizeof(header), "set a rule for marked packets",
                      EEXIST);
        netlink_put_u32(netlink, FRA_FWMARK, mark);
        netlink_put_u32(netlink, FRA_PRIORITY, 100);
}

void netlink_queue_neighbour(Netlink *netlink, uint32_t index, int family, const void *address,
                             const uint8_t mac[static 6])
{
        struct ndmsg header = {
                .ndm_family = (uint8_t)family, .ndm_ifindex = (int)index, .ndm_state = NUD_PERMANENT};

        netlink_begin(netlink, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header),
                      "set a neighbour's address", 0);
        netlink_put(netlink, NDA_DST, address, address_length(family));
        netlink_put(netlink, NDA_LLADDR, mac, MAC_LENGTH);
}
