/*
 * What kelp and kelp-netd say to each other: one request and one answer at a time, each one message of a
 * SOCK_SEQPACKET socket in the user's run folder (0700), whose peer must have the same uid. The structures
 * are fixed; both sides come from one build, and NETD_VERSION tells when they do not.
 */
#pragma once

#include "base/error.h"
#include "net/address.h"

enum {
        NETD_VERSION = 2,
        NETD_ID_SIZE = 65,
        NETD_NAME_SIZE = 129,
        NETD_NAMES_SIZE = 1024, /* names of an endpoint, each with its NUL, an empty one at the end */
        NETD_ENDPOINTS_MAXIMUM = 8,
        NETD_PORTS_MAXIMUM = 256,
        NETD_DESCRIPTORS_MAXIMUM = 2,
        NETD_GRANTS_MAXIMUM = 16,
        NETD_SERVERS_MAXIMUM = 4,
};

#define NETD_SOCKET "netd.sock"

/* The address that stands for the host in every network (host-gateway): no address of a network. */
#define NETD_HOST_ALIAS "169.254.1.2"

typedef enum NetdVerb {
        NETD_HELLO, /* answer: the user namespace in which containers must be made */
        /* Descriptors: a pidfd, with whose process the attachment ends; and when the container runs already
         * its network namespace. Answer: the user namespace, and the network namespace that was made for it.
         */
        NETD_ATTACH,
        NETD_HOLD, /* descriptor: another pidfd, of the container's init; attach.name is its name from now on
                    */
        NETD_CONNECT, /* attach: an endpoint more */
        NETD_DETACH,  /* from all networks, or from one */
        NETD_PUBLISH,
        NETD_UNPUBLISH,
        NETD_STATUS,  /* of a container, on all networks or one */
        NETD_CAPTURE, /* answer: a packet socket on the network's bridge */
        NETD_VERB_COUNT,
} NetdVerb;

typedef struct NetdNetwork {
        char id[NETD_ID_SIZE];
        char name[NETD_NAME_SIZE];
        NetPrefix subnet4, subnet6; /* address none: the family is not used */
        NetPrefix range4;           /* where addresses are taken from; none: the subnet */
        NetAddress gateway4, gateway6;
        uint32_t mtu;
        bool internal;
        bool names; /* its containers find each other by name */
} NetdNetwork;

typedef struct NetdEndpoint {
        char network[NETD_ID_SIZE];
        NetAddress ip4, ip6; /* none: kelp-netd chooses */
        uint8_t mac[6];      /* zero: made from the address */
        char interface[16];  /* eth0 */
        char names[NETD_NAMES_SIZE];
} NetdEndpoint;

typedef struct NetdPort {
        uint8_t protocol;   /* IPPROTO_TCP, IPPROTO_UDP */
        NetAddress address; /* of the host; none: all, both families */
        uint16_t host_port,
                host_last; /* one of these (host_last 0: the first); host_port 0: any that is free */
        uint16_t container_port;
} NetdPort;

typedef struct NetdAttach {
        char container[NETD_ID_SIZE];
        char name[NETD_NAME_SIZE];
        uint32_t endpoint_count, port_count, grant_count, server_count;
        NetdEndpoint endpoints[NETD_ENDPOINTS_MAXIMUM];
        NetdNetwork networks[NETD_ENDPOINTS_MAXIMUM]; /* of each endpoint; made when they are not there */
        NetdPort ports[NETD_PORTS_MAXIMUM];
        uint16_t grants[NETD_GRANTS_MAXIMUM];     /* ports of the host's loopback that it may reach */
        NetAddress servers[NETD_SERVERS_MAXIMUM]; /* --dns; none: the host's */
} NetdAttach;

typedef struct NetdCounters {
        uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, rx_dropped, tx_dropped, rx_errors, tx_errors;
        uint64_t connections_out, connections_in, flows;
} NetdCounters;

typedef struct NetdRequest {
        uint32_t version;
        NetdVerb verb;
        char container[NETD_ID_SIZE]; /* for all but NETD_ATTACH and NETD_CONNECT */
        char network[NETD_ID_SIZE];
        union {
                NetdAttach attach;
                NetdPort port;
        };
} NetdRequest;

typedef struct NetdAnswer {
        int32_t result;
        Error error;
        /* what was decided: addresses, MACs, ports */
        uint32_t endpoint_count, port_count;
        NetdEndpoint endpoints[NETD_ENDPOINTS_MAXIMUM];
        NetdPort ports[NETD_PORTS_MAXIMUM];
        /* ports[port_count] could not be published since a process of the host, not a container, has its
         * host_port. */
        bool port_of_host;
        NetdCounters counters;
        bool raw_echo; /* ping works on this host */
        bool tun;
} NetdAnswer;
