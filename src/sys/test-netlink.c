/* Links, addresses, routes and packet rules in a user and network namespace of this test's own. */
#include "base/cleanup.h"
#include "sys/netlink.h"
#include "sys/nftables.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static int enter(void **state)
{
        return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

static int raise_loopback(void **state)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;

        assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink, NULL), 0);
        netlink_queue_link_up(&netlink, 1);
        return netlink_flush(&netlink, NULL);
}

static void test_bridge_and_veth(void **state)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;
        const uint8_t mac[6] = {2, 0x42, 1, 2, 3, 4};
        NetlinkLink bridge, peer, port;
        Error error = ERROR_INIT;

        assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink, &error), 0);
        netlink_queue_bridge(&netlink, "kb1", mac, 1400);
        assert_int_equal(netlink_flush(&netlink, &error), 0);
        assert_int_equal(netlink_link_get(&netlink, "kb1", &bridge, &error), 0);
        assert_memory_equal(bridge.mac, mac, 6);
        assert_true(bridge.up);
        assert_int_equal(bridge.mtu, 1400);

        netlink_queue_veth(&netlink, &(NetlinkVeth){.name = "v0",
                                                    .peer_name = "eth0",
                                                    .master = bridge.index,
                                                    .peer_namespace = -EBADF,
                                                    .peer_mac = (const uint8_t[]){2, 0, 0, 0, 0, 9},
                                                    .mtu = 1400,
                                                    .up = true});
        assert_int_equal(netlink_flush(&netlink, &error), 0);
        assert_int_equal(netlink_link_get(&netlink, "eth0", &peer, &error), 0);
        assert_int_equal(peer.mac[5], 9);
        assert_false(peer.up);
        netlink_queue_link_up(&netlink, peer.index);
        netlink_queue_link_mtu(&netlink, peer.index, 1300);
        netlink_queue_link_no_autoconf(&netlink, peer.index);
        assert_int_equal(netlink_flush(&netlink, &error), 0);
        assert_int_equal(netlink_link_get(&netlink, "v0", &port, &error), 0);
        assert_true(port.up);
        netlink_queue_link_delete(&netlink, "v0");
        netlink_queue_link_delete(&netlink, "v0"); /* gone already: tolerated */
        netlink_queue_link_delete(&netlink, "kb1");
        assert_int_equal(netlink_flush(&netlink, &error), 0);
        assert_int_equal(netlink_link_get(&netlink, "v0", &port, &error), -ENODEV);
        assert_non_null(strstr(error.message, "interface v0"));
}

static void test_addresses_and_routes(void **state)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)}, from;
        struct in_addr address, remote;
        struct in6_addr address6;
        socklen_t length = sizeof(from);
        Error error = ERROR_INIT;
        NetlinkLink dummy;
        int fd;

        inet_pton(AF_INET, "10.9.0.1", &address);
        inet_pton(AF_INET, "192.0.2.7", &remote);
        inet_pton(AF_INET6, "fd09::1", &address6);
        assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink, NULL), 0);
        netlink_queue_bridge(&netlink, "d0", NULL, 0);
        netlink_queue_veth(
                &netlink,
                &(NetlinkVeth){.name = "d1", .peer_name = "d2", .peer_namespace = -EBADF, .up = true});
        assert_int_equal(netlink_flush(&netlink, NULL), 0);
        assert_int_equal(netlink_link_get(&netlink, "d1", &dummy, NULL), 0);
        netlink_queue_address(&netlink, dummy.index, AF_INET, &address, 24);
        netlink_queue_address(&netlink, dummy.index, AF_INET6, &address6, 64);
        netlink_queue_route(&netlink, &(NetlinkRoute){.family = AF_INET, .index = dummy.index});
        netlink_queue_route(&netlink, &(NetlinkRoute){.family = AF_INET6, .index = dummy.index});
        netlink_queue_mark_rule(&netlink, AF_INET, 1, 100);
        netlink_queue_route(&netlink,
                            &(NetlinkRoute){.family = AF_INET, .index = 1, .table = 100, .type = RTN_LOCAL});
        netlink_queue_neighbour(&netlink, dummy.index, AF_INET, &remote, (const uint8_t[]){2, 0, 0, 0, 0, 1});
        if (netlink_flush(&netlink, &error) < 0)
                fail_msg("%s", error.message);

        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        to.sin_addr = remote;
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&from, &length), 0);
        assert_int_equal(from.sin_addr.s_addr, address.s_addr);
        close(fd);
}

static void test_refusals_name_what_was_asked(void **state)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;
        Error error = ERROR_INIT;

        assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink, NULL), 0);
        netlink_queue_bridge(&netlink, "twice", NULL, 0);
        netlink_queue_bridge(&netlink, "twice", NULL, 0);
        netlink_queue_bridge(&netlink, "after", NULL, 0);
        assert_int_equal(netlink_flush(&netlink, &error), -EEXIST);
        assert_non_null(strstr(error.message, "make the network's bridge"));
        assert_true(if_nametoindex("after") > 0); /* the others were done */
        assert_int_equal(netlink_flush(&netlink, &error), 0);
}

/* The rules act: a connection to the loopback port that they drop is not refused but unanswered. */
static void test_rules(void **state)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const uint8_t tcp = IPPROTO_TCP;
        const uint16_t port = htons(7);
        Error error = ERROR_INIT;
        int fd, code = 0;
        socklen_t length = sizeof(code);

        assert_int_equal(netlink_open(NETLINK_NETFILTER, &netlink, NULL), 0);
        nft_begin(&netlink);
        nft_table(&netlink, NFPROTO_INET, "kelp");
        nft_chain(&netlink, &(NftChain){.family = NFPROTO_INET,
                                        .table = "kelp",
                                        .name = "in",
                                        .hook = NF_INET_LOCAL_IN,
                                        .policy = NF_ACCEPT});
        nft_rule_begin(&netlink, NFPROTO_INET, "kelp", "in");
        nft_match_interface(&netlink, NFT_META_IIFNAME, "lo", false);
        nft_match_meta(&netlink, NFT_META_L4PROTO, &tcp, 1, true);
        nft_match_payload(&netlink, NFT_PAYLOAD_TRANSPORT_HEADER, 2, &port, NULL, 2, true);
        nft_verdict(&netlink, NF_DROP);
        nft_rule_end(&netlink);
        if (nft_commit(&netlink, &error) < 0)
                fail_msg("%s", error.message);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        to.sin_port = port;
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
        assert_int_equal(errno, EINPROGRESS);
        close(fd);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        to.sin_port = htons(8);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
        assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 10000), 1);
        assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length), 0);
        assert_int_equal(code, ECONNREFUSED);
        close(fd);

        nft_begin(&netlink);
        nft_chain_delete(&netlink, NFPROTO_INET, "kelp", "in");
        assert_int_equal(nft_commit(&netlink, &error), 0);
}

static void test_rules_are_atomic(void **state)
{
        _cleanup_netlink_ Netlink netlink = NETLINK_INIT;
        Error error = ERROR_INIT;

        assert_int_equal(netlink_open(NETLINK_NETFILTER, &netlink, NULL), 0);
        nft_begin(&netlink);
        nft_table(&netlink, NFPROTO_INET, "half");
        nft_rule_begin(&netlink, NFPROTO_INET, "half", "missing");
        nft_verdict(&netlink, NF_DROP);
        nft_rule_end(&netlink);
        assert_int_equal(nft_commit(&netlink, &error), -ENOENT);
        nft_begin(&netlink);
        nft_chain(&netlink, &(NftChain){.family = NFPROTO_INET, .table = "half", .name = "in"});
        assert_int_equal(nft_commit(&netlink, &error), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bridge_and_veth),
                cmocka_unit_test(test_addresses_and_routes),
                cmocka_unit_test(test_refusals_name_what_was_asked),
                cmocka_unit_test_setup(test_rules, raise_loopback),
                cmocka_unit_test(test_rules_are_atomic),
        };

        return cmocka_run_group_tests(tests, enter, NULL);
}
