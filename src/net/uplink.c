#include "net/uplink.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define UPLINK_PEER "up1"

static int open_tun(Netlink *netlink, int host_root, Uplink *uplink, Error *err)
{
        struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
        NetlinkLink link;
        int r;

        uplink->fd = openat(host_root, "dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (uplink->fd < 0)
                return -errno; /* no Error: there is the other way */
        memcpy(request.ifr_name, UPLINK_NAME, sizeof(UPLINK_NAME));
        if (ioctl(uplink->fd, TUNSETIFF, &request) < 0) {
                r = -errno;
                cleanup_close(&uplink->fd);
                return r;
        }
        uplink->tun = true;
        r = netlink_link_get(netlink, UPLINK_NAME, &link, err);
        if (r < 0)
                return r;
        uplink->index = link.index;
        netlink_queue_link_mtu(netlink, link.index, UPLINK_MTU);
        netlink_queue_link_no_autoconf(netlink, link.index);
        netlink_queue_link_up(netlink, link.index);
        return netlink_flush(netlink, err);
}

/* What leaves by up0 is read as it is: with its checksum, and not joined with others. */
static void switch_offloads_off(int fd)
{
        static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO};

        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                struct ethtool_value value = {.cmd = commands[i]};
                struct ifreq request = {.ifr_data = (void *)&value};

                memcpy(request.ifr_name, UPLINK_NAME, sizeof(UPLINK_NAME));
                (void)ioctl(fd, SIOCETHTOOL, &request);
        }
}

static int open_veth(Netlink *netlink, Uplink *uplink, Error *err)
{
        const NetlinkVeth veth = {.name = UPLINK_NAME,
                                  .peer_name = UPLINK_PEER,
                                  .peer_namespace = -EBADF,
                                  .mtu = UPLINK_MTU,
                                  .no_arp = true};
        struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
        NetlinkLink link, peer;
        int yes = 1, size = 4 << 20, r;

        netlink_queue_veth(netlink, &veth);
        r = netlink_flush(netlink, err);
        if (r >= 0)
                r = netlink_link_get(netlink, UPLINK_NAME, &link, err);
        if (r >= 0)
                r = netlink_link_get(netlink, UPLINK_PEER, &peer, err);
        if (r < 0)
                return r;
        uplink->index = link.index;
        uplink->peer_index = peer.index;
        memcpy(uplink->mac, link.mac, sizeof(uplink->mac));
        netlink_queue_link_no_autoconf(netlink, link.index);
        netlink_queue_link_no_autoconf(netlink, peer.index);
        netlink_queue_link_up(netlink, link.index);
        netlink_queue_link_up(netlink, peer.index);
        r = netlink_flush(netlink, err);
        if (r < 0)
                return r;
        uplink->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        address.sll_ifindex = (int)peer.index;
        if (uplink->fd < 0 ||
            setsockopt(uplink->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) < 0 ||
            bind(uplink->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return fail_errno(err, errno, "packet socket on the way out of the network");
        setsockopt(uplink->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        switch_offloads_off(uplink->fd);
        return 0;
}

int uplink_open(Netlink *netlink, int host_root, Uplink *ret, Error *err)
{
        Uplink uplink = UPLINK_INIT;
        int r;

        r = open_tun(netlink, host_root, &uplink, err);
        if (r < 0 && !uplink.tun)
                r = open_veth(netlink, &uplink, err);
        if (r < 0) {
                uplink_deinit(&uplink);
                return r;
        }
        *ret = uplink;
        return 0;
}

void uplink_deinit(Uplink *uplink)
{
        cleanup_close(&uplink->fd);
}

ssize_t uplink_read(const Uplink *uplink, void *buffer, size_t size)
{
        ssize_t length = uplink->tun ? read(uplink->fd, buffer, size) : recv(uplink->fd, buffer, size, 0);

        return length < 0 ? -errno : length;
}

void uplink_write(const Uplink *uplink, const void *packet, size_t length)
{
        struct sockaddr_ll to = {.sll_family = AF_PACKET,
                                 .sll_ifindex = (int)uplink->peer_index,
                                 .sll_halen = sizeof(uplink->mac)};

        if (length == 0)
                return;
        if (uplink->tun) {
                if (write(uplink->fd, packet, length) < 0)
                        return;
        } else {
                to.sll_protocol = htons(*(const uint8_t *)packet >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
                memcpy(to.sll_addr, uplink->mac, sizeof(uplink->mac));
                (void)sendto(uplink->fd, packet, length, 0, (struct sockaddr *)&to, sizeof(to));
        }
}
