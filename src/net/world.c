#include "net/world.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "sys/nftables.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <netinet/udp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

enum {
        LOOPBACK = 1,
        LOCAL_MARK = 1,
        LOCAL_TABLE = 100,
        LISTEN_BACKLOG = 4096,
        DEFAULT_MTU = 1500,
        RETIRED_GROUP = 7
};

#define TABLE            "kelp"
#define BRIDGES          "kb" /* networks with a way out */
#define INTERNAL_BRIDGES "ki"

/* Writes below /proc/sys/net, of the namespace that the thread is in. */
static int set_sysctl(const World *world, const char *name, const char *value)
{
        char path[128];

        snprintf(path, sizeof(path), "sys/net/%s", name);
        return file_write_existing_at(world->proc, path, value);
}

/* ---- the namespace ---- */

static int set_sysctls(const World *world, Error *err)
{
        static const struct {
                const char *name, *value;
                bool optional;
        } table[] = {
                {"ipv4/ip_forward", "1", false},
                {"ipv4/conf/all/rp_filter", "0", false},
                {"ipv4/conf/default/rp_filter", "0", false},
                {"ipv4/conf/up0/rp_filter", "0", false},
                {"ipv4/conf/all/send_redirects", "0", false},
                {"ipv4/conf/default/send_redirects", "0", false},
                {"ipv4/conf/all/accept_redirects", "0", false},
                /* a tuple in TIME_WAIT would swallow the SYN that uses it again */
                {"ipv4/tcp_early_demux", "0", false},
                /* ICMP errors are the answers of a host here, not an attack to be throttled */
                {"ipv4/icmp_ratelimit", "0", true},
                {"ipv6/icmp/ratelimit", "0", true},
                {"ipv4/igmp_link_local_mcast_reports", "0", true},
                /* what stays on one bridge is not routed, whatever br_netfilter makes of it */
                {"bridge/bridge-nf-call-iptables", "0", true},
                {"bridge/bridge-nf-call-ip6tables", "0", true},
                {"bridge/bridge-nf-call-arptables", "0", true},
                {"ipv6/conf/all/accept_ra", "0", true},
                {"ipv6/conf/default/accept_ra", "0", true},
                {"ipv6/conf/all/accept_redirects", "0", true},
                {"ipv6/conf/default/accept_redirects", "0", true},
                {"ipv6/conf/all/forwarding", "1", true},
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                int r = set_sysctl(world, table[i].name, table[i].value);

                if (r < 0 && !table[i].optional)
                        return fail_errno(err, -r, "set net/%s in the network namespace", table[i].name);
        }
        return 0;
}

static int set_routes(World *world, Error *err)
{
        static const int families[2] = {AF_INET, AF_INET6};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < 2; i++) {
                netlink_queue_route(&world->route,
                                    &(NetlinkRoute){.family = families[i], .index = world->uplink.index});
                netlink_queue_mark_rule(&world->route, families[i], LOCAL_MARK, LOCAL_TABLE);
                netlink_queue_route(&world->route, &(NetlinkRoute){.family = families[i],
                                                                   .index = LOOPBACK,
                                                                   .table = LOCAL_TABLE,
                                                                   .type = RTN_LOCAL});
                /* a kernel without IPv6 serves IPv4 */
                r = netlink_flush(&world->route, families[i] == AF_INET ? err : NULL);
                if (families[i] == AF_INET6)
                        r = 0;
        }
        return r;
}

static void match_bridges(Netlink *filter)
{
        nft_match_interface(filter, NFT_META_IIFNAME, BRIDGES, true);
}

static void match_protocol(Netlink *filter, uint8_t protocol)
{
        nft_match_meta(filter, NFT_META_L4PROTO, &protocol, sizeof(protocol), true);
}

/* SYN without ACK, RST, FIN; or (@syn false) all else. */
static void match_syn(Netlink *filter, bool syn)
{
        const uint8_t value = PACKET_TCP_SYN,
                      mask = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_RST | PACKET_TCP_FIN;

        match_protocol(filter, IPPROTO_TCP);
        nft_match_payload(filter, NFT_PAYLOAD_TRANSPORT_HEADER, 13, &value, &mask, 1, syn);
}

static void begin_rule(Netlink *filter, const char *chain)
{
        nft_rule_begin(filter, NFPROTO_INET, TABLE, chain);
}

static void accept_marked(Netlink *filter)
{
        nft_set_mark(filter, LOCAL_MARK);
        nft_verdict(filter, NF_ACCEPT);
        nft_rule_end(filter);
}

static const uint8_t loopback4[4] = {127, 0, 0, 1}, loopback6[16] = {[15] = 1};

/* A datagram of a flow that has no socket yet. */
static void queue_datagrams(Netlink *filter, uint8_t family, const void *loopback)
{
        begin_rule(filter, "prerouting");
        match_bridges(filter);
        nft_match_meta(filter, NFT_META_NFPROTO, &family, sizeof(family), true);
        match_protocol(filter, IPPROTO_UDP);
        nft_tproxy(filter, family, loopback, MOVER_LISTENER_PORT);
        accept_marked(filter);
}

/* A SYN that the mover gave back goes to our listener, on an address that no container can reach. */
static void queue_offer(Netlink *filter, uint8_t family, const void *loopback)
{
        begin_rule(filter, "prerouting");
        nft_match_interface(filter, NFT_META_IIFNAME, UPLINK_NAME, false);
        nft_match_meta(filter, NFT_META_NFPROTO, &family, sizeof(family), true);
        match_syn(filter, true);
        nft_tproxy(filter, family, loopback, MOVER_LISTENER_PORT);
        accept_marked(filter);
}

static void queue_prerouting(Netlink *filter)
{
        nft_chain(filter, &(NftChain){.family = NFPROTO_INET,
                                      .table = TABLE,
                                      .name = "prerouting",
                                      .hook = NF_INET_PRE_ROUTING,
                                      .priority = -150,
                                      .policy = NF_ACCEPT});
        queue_offer(filter, NFPROTO_IPV4, loopback4);
        queue_offer(filter, NFPROTO_IPV6, loopback6);

        begin_rule(filter, "prerouting");
        match_bridges(filter);
        match_syn(filter, false);
        accept_marked(filter);

        begin_rule(filter, "prerouting");
        match_bridges(filter);
        match_protocol(filter, IPPROTO_UDP);
        nft_match_transparent_socket(filter);
        accept_marked(filter);
        queue_datagrams(filter, NFPROTO_IPV4, loopback4);
        queue_datagrams(filter, NFPROTO_IPV6, loopback6);
}

static void queue_forward(Netlink *filter)
{
        nft_chain(filter, &(NftChain){.family = NFPROTO_INET,
                                      .table = TABLE,
                                      .name = "forward",
                                      .hook = NF_INET_FORWARD,
                                      .policy = NF_DROP});
        begin_rule(filter, "forward");
        match_bridges(filter);
        nft_match_interface(filter, NFT_META_OIFNAME, UPLINK_NAME, false);
        nft_verdict(filter, NF_ACCEPT);
        nft_rule_end(filter);
        begin_rule(filter, "forward");
        nft_match_interface(filter, NFT_META_IIFNAME, UPLINK_NAME, false);
        nft_verdict(filter, NF_ACCEPT);
        nft_rule_end(filter);
}

static int set_rules(World *world, Error *err)
{
        Netlink *filter = &world->filter;

        nft_begin(filter);
        nft_table(filter, NFPROTO_NETDEV, TABLE);
        nft_table(filter, NFPROTO_INET, TABLE);
        queue_prerouting(filter);
        queue_forward(filter);
        return nft_commit(filter, err);
}

static bool set_flag(int fd, int level, int option)
{
        int yes = 1;

        return setsockopt(fd, level, option, &yes, sizeof(yes)) >= 0;
}

static bool set_datagram_flags(int fd, int family)
{
        int size = 4 << 20;

        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        (void)set_flag(fd, SOL_UDP, UDP_GRO);
        if (family == AF_INET6)
                return set_flag(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR) &&
                       set_flag(fd, SOL_IPV6, IPV6_RECVHOPLIMIT);
        return set_flag(fd, SOL_IP, IP_RECVORIGDSTADDR) && set_flag(fd, SOL_IP, IP_RECVTTL);
}

/* On loopback, to which only TPROXY leads. */
static int open_listener(int family, int type, Error *err)
{
        NetAddress loopback = family == AF_INET ? net_address_v4(INADDR_LOOPBACK)
                                                : (NetAddress){.family = AF_INET6, .bytes = {[15] = 1}};
        NetSocketAddress address;
        socklen_t length = net_socket_address(&loopback, family, MOVER_LISTENER_PORT, &address);
        _cleanup_close_ int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0 && family == AF_INET6)
                return -EBADF;
        if (fd < 0 || !set_flag(fd, SOL_SOCKET, SO_REUSEADDR) ||
            !set_flag(fd, family == AF_INET6 ? SOL_IPV6 : SOL_IP,
                      family == AF_INET6 ? IPV6_TRANSPARENT : IP_TRANSPARENT) ||
            (type == SOCK_DGRAM && !set_datagram_flags(fd, family)) ||
            bind(fd, &address.generic, length) < 0 || (type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) < 0))
                return fail_errno(err, errno, "listen for what containers send");
        return TAKE_FD(fd);
}

static int open_listeners(World *world, Error *err)
{
        static const int families[2] = {AF_INET, AF_INET6};

        for (size_t i = 0; i < 2; i++) {
                world->listeners[i] = open_listener(families[i], SOCK_STREAM, err);
                if (world->listeners[i] < 0 && world->listeners[i] != -EBADF)
                        return world->listeners[i];
                world->datagram_listeners[i] = open_listener(families[i], SOCK_DGRAM, err);
                if (world->datagram_listeners[i] < 0 && world->datagram_listeners[i] != -EBADF)
                        return world->datagram_listeners[i];
        }
        return 0;
}

int world_make(World *world, Error *err)
{
        int r;

        if (unshare(CLONE_NEWNET) < 0) {
                fail_errno(err, errno, "make the network namespace of your networks");
                if (errno == ENOSPC)
                        fail_hint(err, "the limit user.max_net_namespaces is reached; an administrator can "
                                       "raise it");
                return -err->code;
        }
        world->namespace_fd = openat(world->proc, "thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (world->namespace_fd < 0)
                return fail_errno(err, errno, "open the network namespace");
        r = netlink_open(NETLINK_ROUTE, &world->route, err);
        if (r >= 0)
                r = netlink_open(NETLINK_NETFILTER, &world->filter, err);
        if (r >= 0) {
                netlink_queue_link_up(&world->route, LOOPBACK);
                r = netlink_flush(&world->route, err);
        }
        if (r >= 0)
                r = uplink_open(&world->route, world->host_root, &world->uplink, err);
        if (r >= 0)
                r = set_sysctls(world, err);
        if (r >= 0)
                r = set_routes(world, err);
        if (r >= 0)
                r = set_rules(world, err);
        if (r >= 0)
                r = open_listeners(world, err);
        if (r >= 0)
                r = socket_pool_start(&world->pool, err);
        return r;
}

/* ---- networks ---- */

/* Docker's manner: 02:42 and the address, so that one address always has one MAC. */
static void mac_from_address(const NetAddress *ip4, const NetAddress *ip6, uint8_t ret[static 6])
{
        ret[0] = 0x02;
        ret[1] = 0x42;
        memcpy(ret + 2, net_address_set(ip4) ? ip4->bytes : ip6->bytes + 12, 4);
}

int world_add_network(World *world, const NetdNetwork *network, char *ret_bridge, Error *err)
{
        uint8_t mac[6];
        NetlinkLink link;
        char text[64];
        int r;

        snprintf(ret_bridge, 16, "%s%.10s", network->internal ? INTERNAL_BRIDGES : BRIDGES, network->id);
        mac_from_address(&network->gateway4, &network->gateway6, mac);
        netlink_queue_bridge(&world->route, ret_bridge, mac, network->mtu ?: DEFAULT_MTU);
        r = netlink_flush(&world->route, err);
        if (r >= 0)
                r = netlink_link_get(&world->route, ret_bridge, &link, err);
        if (r < 0)
                return r;
        snprintf(text, sizeof(text), "ipv4/conf/%s/rp_filter", ret_bridge);
        (void)set_sysctl(world, text, "0");
        if (net_address_set(&network->subnet4.address))
                netlink_queue_address(&world->route, link.index, AF_INET, network->gateway4.bytes,
                                      network->subnet4.length);
        if (net_address_set(&network->subnet6.address))
                netlink_queue_address(&world->route, link.index, AF_INET6, network->gateway6.bytes,
                                      network->subnet6.length);
        r = netlink_flush(&world->route, err);
        if (r < 0)
                world_remove_network(world, ret_bridge);
        return r;
}

void world_remove_network(World *world, const char *bridge)
{
        netlink_queue_link_delete(&world->route, bridge);
        (void)netlink_flush(&world->route, NULL);
}

void world_retire(World *world, const char *interface)
{
        netlink_queue_link_group(&world->route, interface, RETIRED_GROUP);
        (void)netlink_flush(&world->route, NULL);
}

void world_remove_retired(World *world)
{
        netlink_queue_group_delete(&world->route, RETIRED_GROUP);
        (void)netlink_flush(&world->route, NULL);
}

/* ---- the guard at a port ---- */

typedef struct Guard {
        Netlink *filter;
        const char *chain;
} Guard;

static void guard_begin(const Guard *guard, uint16_t protocol)
{
        const uint16_t network_order = htons(protocol);

        nft_rule_begin(guard->filter, NFPROTO_NETDEV, TABLE, guard->chain);
        if (protocol)
                nft_match_meta(guard->filter, NFT_META_PROTOCOL, &network_order, sizeof(network_order), true);
}

static void guard_end(const Guard *guard, uint32_t verdict)
{
        nft_verdict(guard->filter, verdict);
        nft_rule_end(guard->filter);
}

/* One of @protocol whose bytes at @offset of the network header are others than @value is dropped. */
static void guard_bytes(const Guard *guard, uint16_t protocol, uint32_t offset, const void *value,
                        uint32_t length)
{
        guard_begin(guard, protocol);
        nft_match_payload(guard->filter, NFT_PAYLOAD_NETWORK_HEADER, offset, value, NULL, length, false);
        guard_end(guard, NF_DROP);
}

static void guard_accept(const Guard *guard, uint16_t protocol)
{
        guard_begin(guard, protocol);
        guard_end(guard, NF_ACCEPT);
}

/* IPv6: its own address, the unspecified one (looking for duplicates) and link-local ones of its MAC; never
 * as a router. */
static void guard_v6(const Guard *guard, const Endpoint *endpoint)
{
        static const uint8_t router_advertisement = 134, redirect = 137, icmp = IPPROTO_ICMPV6;
        static const uint8_t unspecified[16];
        const uint8_t *forbidden[] = {&router_advertisement, &redirect};
        const uint8_t *mac = endpoint->spec.mac;
        uint8_t local[16] = {0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2],
                             0xff, 0xfe, mac[3],           mac[4], mac[5]};
        const uint8_t *sources[] = {endpoint->spec.ip6.bytes, local, unspecified};

        for (size_t i = 0; i < ELEMENTSOF(forbidden); i++) {
                guard_begin(guard, ETH_P_IPV6);
                nft_match_meta(guard->filter, NFT_META_L4PROTO, &icmp, sizeof(icmp), true);
                nft_match_payload(guard->filter, NFT_PAYLOAD_TRANSPORT_HEADER, 0, forbidden[i], NULL, 1,
                                  true);
                guard_end(guard, NF_DROP);
        }
        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                guard_begin(guard, ETH_P_IPV6);
                nft_match_payload(guard->filter, NFT_PAYLOAD_NETWORK_HEADER, 8, sources[i], NULL, 16, true);
                guard_end(guard, NF_ACCEPT);
        }
}

/* The policy is to drop: what is neither IP nor ARP (VLANs, other protocols) is nobody's. */
static int set_guard(World *world, const Endpoint *endpoint, Error *err)
{
        const Guard guard = {&world->filter, endpoint->port};
        const NetdEndpoint *spec = &endpoint->spec;

        nft_begin(&world->filter);
        nft_chain(&world->filter, &(NftChain){.family = NFPROTO_NETDEV,
                                              .table = TABLE,
                                              .name = endpoint->port,
                                              .hook = NF_NETDEV_INGRESS,
                                              .device = endpoint->port,
                                              .policy = NF_DROP});
        guard_begin(&guard, 0);
        nft_match_payload(&world->filter, NFT_PAYLOAD_LL_HEADER, 6, spec->mac, NULL, 6, false);
        guard_end(&guard, NF_DROP);
        if (net_address_set(&spec->ip4)) {
                guard_bytes(&guard, ETH_P_IP, 12, spec->ip4.bytes, 4);
                guard_accept(&guard, ETH_P_IP);
                guard_bytes(&guard, ETH_P_ARP, 8, spec->mac, 6);
                guard_bytes(&guard, ETH_P_ARP, 14, spec->ip4.bytes, 4);
                guard_accept(&guard, ETH_P_ARP);
        }
        if (net_address_set(&spec->ip6))
                guard_v6(&guard, endpoint);
        return nft_commit(&world->filter, err);
}

void world_remove_guards(World *world, const char *const *ports, size_t count)
{
        if (count == 0)
                return;
        nft_begin(&world->filter);
        for (size_t i = 0; i < count; i++)
                nft_chain_delete(&world->filter, NFPROTO_NETDEV, TABLE, ports[i]);
        (void)nft_commit(&world->filter, NULL);
}

/* ---- containers ---- */

static int leave(const World *world)
{
        return setns(world->namespace_fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* What an interface gets before it is up: no routers are believed. */
static void set_interface_sysctls(const World *world, const Endpoint *endpoint)
{
        char path[64];

        if (net_address_set(&endpoint->spec.ip6)) {
                snprintf(path, sizeof(path), "ipv6/conf/%s/accept_ra", endpoint->spec.interface);
                (void)set_sysctl(world, path, "0");
        } else {
                snprintf(path, sizeof(path), "ipv6/conf/%s/disable_ipv6", endpoint->spec.interface);
                (void)set_sysctl(world, path, "1");
        }
}

static void queue_default_route(Netlink *netlink, const NetAddress *gateway, uint32_t index)
{
        netlink_queue_route(
                netlink,
                &(NetlinkRoute){.family = gateway->family, .gateway = gateway->bytes, .index = index});
}

/* In the container's namespace. */
static int configure_interface(const World *world, const Network *network, const Endpoint *endpoint,
                               bool default_route, Error *err)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;
        const NetdNetwork *spec = &network->spec;
        NetlinkLink link;
        int r;

        r = netlink_open(NETLINK_ROUTE, &netlink, err);
        if (r >= 0)
                r = netlink_link_get(&netlink, endpoint->spec.interface, &link, err);
        if (r < 0)
                return r;
        set_interface_sysctls(world, endpoint);
        netlink_queue_link_up(&netlink, link.index);
        if (net_address_set(&endpoint->spec.ip4))
                netlink_queue_address(&netlink, link.index, AF_INET, endpoint->spec.ip4.bytes,
                                      spec->subnet4.length);
        if (net_address_set(&endpoint->spec.ip6))
                netlink_queue_address(&netlink, link.index, AF_INET6, endpoint->spec.ip6.bytes,
                                      spec->subnet6.length);
        if (default_route && !spec->internal && net_address_set(&endpoint->spec.ip4))
                queue_default_route(&netlink, &spec->gateway4, link.index);
        if (default_route && !spec->internal && net_address_set(&endpoint->spec.ip6))
                queue_default_route(&netlink, &spec->gateway6, link.index);
        return netlink_flush(&netlink, err);
}

/* The container may still have the other end of a veth of a kelp-netd that was killed: the kernel takes down
 * the namespace of the dead when it has time. */
static int remove_remains(const World *world, const char *interface, int namespace_fd, Error *err)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;
        int r, left;

        if (setns(namespace_fd, CLONE_NEWNET) < 0)
                return fail_errno(err, errno, "enter the container's network namespace");
        r = netlink_open(NETLINK_ROUTE, &netlink, err);
        if (r >= 0) {
                netlink_queue_link_delete(&netlink, interface);
                r = netlink_flush(&netlink, err);
        }
        left = leave(world);
        return left < 0 ? fail_errno(err, -left, "return from the container's network namespace") : r;
}

static int make_veth(World *world, const NetlinkVeth *veth, Error *err)
{
        int r;

        netlink_queue_veth(&world->route, veth);
        r = netlink_flush(&world->route, err);
        if (r != -EEXIST)
                return r;
        error_clear(err);
        r = remove_remains(world, veth->peer_name, veth->peer_namespace, err);
        if (r < 0)
                return r;
        netlink_queue_veth(&world->route, veth);
        return netlink_flush(&world->route, err);
}

int world_attach(World *world, const Network *network, Endpoint *endpoint, int namespace_fd,
                 bool default_route, Error *err)
{
        NetdEndpoint *spec = &endpoint->spec;
        NetlinkLink bridge;
        int r, left;

        if (!spec->mac[0] && !spec->mac[1] && !spec->mac[2])
                mac_from_address(&spec->ip4, &spec->ip6, spec->mac);
        snprintf(endpoint->port, sizeof(endpoint->port), "kv%u", world->ports++);
        r = netlink_link_get(&world->route, network->bridge, &bridge, err);
        if (r < 0)
                return r;
        r = make_veth(world,
                      &(NetlinkVeth){.name = endpoint->port,
                                     .peer_name = spec->interface,
                                     .master = bridge.index,
                                     .peer_namespace = namespace_fd,
                                     .peer_mac = spec->mac,
                                     .mtu = network->spec.mtu ?: DEFAULT_MTU,
                                     .up = true},
                      err);
        if (r < 0)
                return r;
        r = set_guard(world, endpoint, err);
        if (r >= 0 && setns(namespace_fd, CLONE_NEWNET) < 0)
                r = fail_errno(err, errno, "enter the container's network namespace");
        if (r >= 0) {
                r = configure_interface(world, network, endpoint, default_route, err);
                left = leave(world);
                if (left < 0)
                        r = fail_errno(err, -left, "return from the container's network namespace");
        }
        if (r < 0)
                world_detach(world, endpoint);
        return r;
}

void world_detach(World *world, const Endpoint *endpoint)
{
        netlink_queue_link_delete(&world->route, endpoint->port);
        (void)netlink_flush(&world->route, NULL);
        world_remove_guards(world, (const char *[]){endpoint->port}, 1);
}

int world_make_container(const World *world, int *ret_namespace_fd, Error *err)
{
        int fd, left;

        if (unshare(CLONE_NEWNET) < 0)
                return fail_errno(err, errno, "make the container's network namespace");
        fd = openat(world->proc, "thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        left = leave(world);
        *ret_namespace_fd = fd;
        if (fd < 0 || left < 0)
                return fail_errno(err, EIO, "open the container's network namespace");
        return 0;
}

int world_prepare(const World *world, int namespace_fd, int *ret_diagnosis, Error *err)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;
        int r, left;

        if (setns(namespace_fd, CLONE_NEWNET) < 0)
                return fail_errno(err, errno,
                                  "enter the container's network namespace (was it made in the user "
                                  "namespace of kelp-netd?)");
        r = netlink_open(NETLINK_ROUTE, &netlink, err);
        if (r >= 0) {
                netlink_queue_link_up(&netlink, LOOPBACK);
                r = netlink_flush(&netlink, err);
        }
        /* as docker: any user of the container may ping and take low ports */
        (void)set_sysctl(world, "ipv4/ip_unprivileged_port_start", "0");
        if (set_sysctl(world, "ipv4/ping_group_range", "0 65535") < 0)
                (void)set_sysctl(world, "ipv4/ping_group_range", "0 0");
        *ret_diagnosis = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        left = leave(world);
        return left < 0 ? fail_errno(err, -left, "return from the container's network namespace") : r;
}

int world_counters(World *world, const Endpoint *endpoint, NetdCounters *counters, Error *err)
{
        NetlinkLink link;
        int r;

        r = netlink_link_get(&world->route, endpoint->port, &link, err);
        if (r < 0)
                return r;
        /* seen from the container: what the port receives is what it sent */
        counters->rx_bytes += link.tx_bytes;
        counters->tx_bytes += link.rx_bytes;
        counters->rx_packets += link.tx_packets;
        counters->tx_packets += link.rx_packets;
        counters->rx_dropped += link.tx_dropped;
        counters->tx_dropped += link.rx_dropped;
        counters->rx_errors += link.tx_errors;
        counters->tx_errors += link.rx_errors;
        return 0;
}

int world_capture(World *world, const Network *network, int *ret_fd, Error *err)
{
        struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
        _cleanup_close_ int fd = -EBADF;
        NetlinkLink bridge;
        int r;

        r = netlink_link_get(&world->route, network->bridge, &bridge, err);
        if (r < 0)
                return r;
        address.sll_ifindex = (int)bridge.index;
        fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return fail_errno(err, errno, "packet socket on the network's bridge");
        *ret_fd = TAKE_FD(fd);
        return 0;
}
