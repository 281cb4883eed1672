/*
 * The intermediate network namespace: one bridge for each kelp network, on which containers hang by veths;
 * the way out (uplink.h); the rules that tell what stays in the kernel; and the guard at each port of a
 * bridge. Made and changed by one thread, which lives in it and visits containers' namespaces to set up their
 * end.
 *
 *   prerouting   from up0, SYN                      → our listener (TPROXY)     a SYN that the mover gave
 * back from a bridge, TCP but no SYN      → local delivery            established, or answered by a reset
 *                from a bridge, UDP with a socket   → local delivery            a flow that is known
 *                from a bridge, other UDP           → our socket (TPROXY)       a new flow
 *   forward      from a bridge to up0; from up0     → accepted                  first packets, injected
 * answers all else                           → dropped                   other networks; internal ones out
 *   port guard   from a container                   → dropped unless the source addresses are its own
 *
 * Bridges of internal networks have another prefix, so no rule has to know them.
 */
#pragma once

#include "net/mover.h"
#include "sys/netlink.h"

typedef struct World {
        Netlink route, filter;
        Uplink uplink;
        SocketPool *pool;
        int listeners[2]; /* IPv4, IPv6 (-EBADF: the kernel has none) */
        int datagram_listeners[2];
        int namespace_fd;
        int proc; /* O_PATH: /proc and /, as they were before the view of mounts was emptied */
        int host_root;
        uint32_t ports;
} World;

#define WORLD_INIT                                                                                           \
        {.route = NETLINK_INIT,                                                                              \
         .filter = NETLINK_INIT,                                                                             \
         .uplink = UPLINK_INIT,                                                                              \
         .listeners = {-EBADF, -EBADF},                                                                      \
         .datagram_listeners = {-EBADF, -EBADF},                                                             \
         .namespace_fd = -EBADF,                                                                             \
         .proc = -EBADF,                                                                                     \
         .host_root = -EBADF}

/* The calling thread leaves for a new network namespace; @world->proc and ->host_root are set before. */
int world_make(World *world, Error *err);

/* A bridge with the network's gateway addresses. @ret_bridge has 16 bytes. */
int world_add_network(World *world, const NetdNetwork *network, char *ret_bridge, Error *err);
void world_remove_network(World *world, const char *bridge);
/* Marks a port of a bridge, or a bridge, for world_remove_retired(), which removes all of them at once. */
void world_retire(World *world, const char *interface);
void world_remove_retired(World *world);

/* Gives the network namespace @namespace_fd an interface on the network, with addresses and routes;
 * @default_route: this network is its way out. Fills endpoint->port. */
int world_attach(World *world, const Network *network, Endpoint *endpoint, int namespace_fd,
                 bool default_route, Error *err);
void world_detach(World *world, const Endpoint *endpoint);
/* The guards of ports that have gone. */
void world_remove_guards(World *world, const char *const *ports, size_t count);
/* A new network namespace. The descriptor is the caller's. */
int world_make_container(const World *world, int *ret_namespace_fd, Error *err);
/* Once for each container: loopback, limits of unprivileged users in it; a socket for sock_diag(7) in it. */
int world_prepare(const World *world, int namespace_fd, int *ret_diagnosis, Error *err);
int world_counters(World *world, const Endpoint *endpoint, NetdCounters *counters, Error *err);
/* A packet(7) socket that sees all on the bridge. */
int world_capture(World *world, const Network *network, int *ret_fd, Error *err);
