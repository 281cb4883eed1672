/*
 * The packet mover: one thread, in the host's network namespace, that joins what containers do to sockets of
 * the host. It never blocks but in epoll_wait(2), and owns everything declared here; other threads change it
 * only through mover_call().
 *
 * Outbound TCP, connect before accept:
 *
 *   container            kernel, intermediate namespace          mover                       outside
 *      | SYN ──> bridge ──> default route ──> uplink ───────────> connect(2) ────────────────> SYN
 *      |                                                          refused: RST <────────────── RST
 *      | <──────────────────────── uplink <─── RST, ICMP ──────── unreachable, …
 *      |                                                          connected  <──────────────── SYN ACK
 *      |            TPROXY to our listener <── uplink <────────── the same SYN again
 *      | <── SYN ACK ── the kernel finishes the handshake ──────> accept(2), splice(2) both ways
 *      | everything but SYNs ──> marked, delivered locally: never seen here
 *
 * So a container gets the answer that a process of the host would get, and the data stays in the kernel.
 *
 * What must not happen: a SYN that is retransmitted must not connect twice (pending table); what is injected
 * must not match the rule that brought it (the rules look at the interface); a connection half made must not
 * stay for ever (sweep); an early-demultiplexed packet must not find a socket in TIME_WAIT of the same tuple
 * (tcp_early_demux is off in the namespace).
 */
#pragma once

#include "net/fragments.h"
#include "net/list.h"
#include "net/packet.h"
#include "net/protocol.h"
#include "net/socket-pool.h"
#include "net/uplink.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/stat.h>

enum {
        MOVER_LISTENER_PORT = 15001, /* in the intermediate namespace */
        MOVER_HASH_SIZE = 4096,      /* a power of two */
        MOVER_PIPES_KEPT = 64,
        MOVER_DATAGRAM_BATCH = 8,
        MOVER_DATAGRAM_SIZE = 65536,
};

typedef struct Mover Mover;
typedef struct MoverSource MoverSource;
typedef struct Container Container;

/* Something in the epoll set; the first member of what it stands for. */
struct MoverSource {
        void (*ready)(Mover *mover, MoverSource *source, uint32_t events);
        int fd;
};

/* ---- what kelp told (directory.c) ---- */

typedef struct Network {
        ListNode node;
        NetdNetwork spec;
        char bridge[16];
        size_t endpoint_count;
        ListNode name_servers; /* of NameServer, name-server.c */
} Network;

typedef struct Endpoint Endpoint;
typedef struct AddressEntry {
        NetAddress address;
        Endpoint *endpoint;
        struct AddressEntry *next;
} AddressEntry;

struct Endpoint {
        Container *container;
        Network *network; /* NULL: it has left */
        NetdEndpoint spec;
        char port[16];           /* its interface on the bridge */
        AddressEntry entries[2]; /* ip4, ip6 in the table */
        uint64_t connections_out, connections_in, flows;
        ListNode pending; /* tcp.c: connections that are not made yet, the oldest first */
        size_t pending_count;
};

struct Container {
        ListNode node;
        char id[NETD_ID_SIZE], name[NETD_NAME_SIZE];
        Endpoint endpoints[NETD_ENDPOINTS_MAXIMUM];
        size_t endpoint_count;
        uint16_t grants[NETD_GRANTS_MAXIMUM];
        size_t grant_count;
        NetAddress servers[NETD_SERVERS_MAXIMUM];
        size_t server_count;
        ListNode publications; /* of Publication, publish.c */
        int namespace_fd;      /* its network namespace */
        int pidfd;
        MoverSource watch; /* the pidfd */
        int diagnosis;     /* NETLINK_SOCK_DIAG in its namespace; -EBADF: none */
};

typedef struct Directory {
        ListNode networks, containers;
        AddressEntry *addresses[MOVER_HASH_SIZE];
} Directory;

void directory_init(Directory *directory);
Network *directory_network(Directory *directory, const char *id);
Container *directory_container(Directory *directory, const char *id);
Endpoint *directory_endpoint(Directory *directory, const NetAddress *address);
/* Enters or removes the addresses of one endpoint. */
void directory_enter(Directory *directory, Endpoint *endpoint);
void directory_leave(Directory *directory, Endpoint *endpoint);

/* ---- the mover ---- */

typedef struct FlowKey {
        NetAddress source, destination;
        uint16_t source_port, destination_port;
        uint8_t protocol;
} FlowKey;

typedef struct Pipe {
        int fds[2];
} Pipe;

typedef struct MoverCall {
        void (*function)(Mover *mover, void *argument);
        void *argument;
} MoverCall;

struct Mover {
        int epoll;
        uint64_t now; /* milliseconds, CLOCK_MONOTONIC, of this turn */
        uint64_t swept;
        Uplink uplink;
        SocketPool *pool;
        Directory directory;
        MoverSource uplink_source;
        MoverSource listeners[2]; /* transparent, IPv4 and IPv6 */
        MoverSource datagram_listeners[2];

        /* tcp.c */
        ListNode tcp_flows; /* the longest idle first */
        ListNode tcp_again; /* more to move, though nothing new was reported */
        ListNode tcp_dead;
        ListNode *tcp_pending; /* MOVER_HASH_SIZE heads */
        size_t tcp_pending_count;
        Pipe pipes[MOVER_PIPES_KEPT];
        size_t pipe_count;
        size_t large_pipes;

        /* datagram.c */
        ListNode datagram_flows; /* the longest idle first */
        ListNode datagram_dead;
        ListNode *datagram_table; /* MOVER_HASH_SIZE heads */
        size_t datagram_count;
        uint8_t *datagrams; /* MOVER_DATAGRAM_BATCH buffers of MOVER_DATAGRAM_SIZE */
        bool echo_allowed[2];
        Fragments fragments; /* of echo requests */
        uint32_t fragment_identification;

        /* publish.c, name-server.c */
        ListNode publications;
        uint64_t publications_next;
        ListNode name_queries;
        size_t name_query_count;
        size_t name_turns[2]; /* which of several addresses comes first: of A and AAAA, which are asked in
                                 pairs */
        NetAddress host_servers[NETD_SERVERS_MAXIMUM];
        size_t host_server_count;
        struct stat host_servers_file; /* resolv.conf when it was read */
        int host_root;                 /* O_PATH, for /etc/resolv.conf */

        /* calls from other threads */
        pthread_mutex_t call_lock;
        pthread_cond_t call_done;
        MoverCall call;
        MoverSource call_source;
        bool stop;
        uint8_t *packet; /* UPLINK_PACKET_MAXIMUM + headers */
        uint64_t evicted;
};

/* @mover->uplink, ->pool, ->listeners[].fd are set by the caller. */
int mover_init(Mover *mover, Error *err);
/* Until @mover->stop. */
int mover_run(Mover *mover, Error *err);
/* Runs @function in the mover's thread and waits for it. From one other thread at a time. */
void mover_call(Mover *mover, void (*function)(Mover *mover, void *argument), void *argument);

int mover_watch(Mover *mover, MoverSource *source, uint32_t events);
/* Out of the epoll set, and closed. */
void mover_forget(Mover *mover, MoverSource *source);
/* A socket could not be made for lack of descriptors: closes the longest idle flow. False: there is none. */
bool mover_make_room(Mover *mover);
/* A socket of the host; makes room when needed. Non-blocking. Descriptor or a negative errno. */
int mover_host_socket(Mover *mover, int family, int type, int protocol);
/* One of the intermediate namespace, from the pool. */
int mover_inner_socket(Mover *mover, int family, int type);
unsigned mover_hash(const FlowKey *key);
bool mover_key_equal(const FlowKey *a, const FlowKey *b);
/* Where a packet of @endpoint goes: the destination itself, the host's own address for the alias that means
 * it, or NULL words in *ret_refusal otherwise. */
int mover_destination(const Endpoint *endpoint, const NetAddress *destination, uint16_t port,
                      uint8_t protocol, NetAddress *ret, const char **ret_refusal);
/* A line for the log of kelp-netd. */
void mover_log(const char *format, ...) _printf_(1, 2);

/* The address that stands for the host in every network (host-gateway). */
#define MOVER_HOST_ALIAS 0xa9fe0102U /* 169.254.1.2 */

/* tcp.c */
void tcp_init(Mover *mover);
void tcp_packet(Mover *mover, const Packet *packet, Endpoint *endpoint);
void tcp_accept(Mover *mover, MoverSource *listener, uint32_t events);
/* A client of a published port: joins @client (owned from here on) with a connection to the container from
 * @source. */
void tcp_publish(Mover *mover, Endpoint *endpoint, int client, const NetAddress *source, uint16_t source_port,
                 uint16_t port);
void tcp_run_again(Mover *mover);
void tcp_sweep(Mover *mover);
void tcp_collect(Mover *mover);
bool tcp_evict(Mover *mover);
uint64_t tcp_oldest(const Mover *mover);
void tcp_drop_endpoint(Mover *mover, const Endpoint *endpoint);

/* datagram.c */
int datagram_init(Mover *mover, Error *err);
/* An echo request from the uplink. */
void datagram_packet(Mover *mover, const Packet *packet, Endpoint *endpoint);
/* The socket that takes UDP without a socket of its own is readable. */
void datagram_listen(Mover *mover, MoverSource *source, uint32_t events);
/* A datagram for a published port came from @client on @host_fd. */
typedef struct DatagramOrigin {
        int host_fd;
        NetAddress client, local;
        uint16_t client_port, port;
} DatagramOrigin;
void datagram_publish(Mover *mover, Endpoint *endpoint, const DatagramOrigin *origin, const uint8_t *data,
                      size_t length);
void datagram_sweep(Mover *mover);
void datagram_collect(Mover *mover);
bool datagram_evict(Mover *mover);
uint64_t datagram_oldest(const Mover *mover);
void datagram_drop_endpoint(Mover *mover, const Endpoint *endpoint);
void datagram_drop_host_fd(Mover *mover, int host_fd);

/* publish.c */
/* @port->host_port 0: chosen and written back. ERROR_CONFLICT names the port; @ret_of_host: it is not a
 * container that has it. */
int publish_add(Mover *mover, Endpoint *endpoint, NetdPort *port, bool *ret_of_host, Error *err);
int publish_remove(Mover *mover, Container *container, const NetdPort *port, Error *err);
void publish_remove_all(Mover *mover, Container *container);
void publish_remove_endpoint(Mover *mover, const Endpoint *endpoint);
/* Looks whether containers listen; returns when to look again (milliseconds from now, -1: never). */
int publish_poll(Mover *mover);

/* name-server.c */
int name_server_start(Mover *mover, Network *network, Error *err);
void name_server_stop(Mover *mover, Network *network);
/* A question to the gateway's address that came the way of all datagrams. */
void name_server_take(Mover *mover, const Endpoint *endpoint, const FlowKey *key, uint8_t *message,
                      size_t length);
void name_server_sweep(Mover *mover);
