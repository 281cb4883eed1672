/*
 * The way out of the intermediate network namespace: an interface to which its default routes point, whose
 * packets are read and written here. A TUN device (tun(4)-like: TUNSETIFF on /dev/net/tun) where this user
 * may open that, else a pair of veths with a packet(7) socket on the far end. Only what has no socket yet
 * comes this way: the first packet of a connection or flow. The rest stays in the kernel.
 *
 *   bridge ──> default route ──> up0 ──(TUN, or veth up1)──> uplink_read()
 *   bridge <── route          <── up0 <────────────────────── uplink_write()
 */
#pragma once

#include "base/error.h"
#include "sys/netlink.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define UPLINK_NAME "up0"

enum { UPLINK_MTU = 65521, UPLINK_PACKET_MAXIMUM = 65535 };

typedef struct Uplink {
        int fd; /* non-blocking, for epoll */
        bool tun;
        uint32_t index;      /* of up0 */
        uint32_t peer_index; /* of up1 */
        uint8_t mac[6];      /* of up0 */
} Uplink;

#define UPLINK_INIT {.fd = -EBADF}

/* Makes it in the calling thread's network namespace, up and without addresses. @host_root: where dev/net/tun
 * is looked for. */
int uplink_open(Netlink *netlink, int host_root, Uplink *ret, Error *err);
void uplink_deinit(Uplink *uplink);
/* One IP packet; -EAGAIN when there is none. */
ssize_t uplink_read(const Uplink *uplink, void *buffer, size_t size);
/* Hands an IP packet to the namespace, as if it came from outside. Losing one under pressure is what networks
 * do: no error. */
void uplink_write(const Uplink *uplink, const void *packet, size_t length);
