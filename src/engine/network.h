/*
 * Networks as users know them. JSON results have the shape of the Docker Engine API's Network and are the
 * caller's to put. A network is a row of the store; it comes into being in kelp-netd with the first container
 * that joins it (net/protocol.h), which ends with the last. The network "bridge" is made when it is first
 * used.
 */
#pragma once

#include "engine/engine.h"
#include "net/protocol.h"
#include "spec/json.h"
#include "store/networks.h"

typedef struct NetworkCreateOptions {
        const char *name;
        const char *driver;                   /* bridge, the only one */
        StringList subnets, gateways, ranges; /* of either family */
        StringList labels;                    /* name=value */
        StringList options;                   /* -o name=value: mtu, com.docker.network.driver.mtu */
        bool internal, ipv6;
} NetworkCreateOptions;

/* ERROR_CONFLICT: the name, or a subnet that overlaps with another network or an interface of the host.
 * ERROR_USAGE: malformed addresses, a gateway outside, unknown options. */
int network_create(Engine *engine, const NetworkCreateOptions *options, char ret_id[static 65], Error *err);

typedef struct NetworkListOptions {
        StringList
                filters; /* "name=…", "id=…", "driver=…", "label=…", "dangling=true", "type=custom|builtin" */
} NetworkListOptions;
int network_list(Engine *engine, const NetworkListOptions *options, json_object **ret, Error *err);
/* With the containers that are on it, and what each has received and sent ("Counters"). */
int network_inspect(Engine *engine, const char *name, json_object **ret, Error *err);
/* ERROR_CONFLICT while running containers are on it. */
int network_remove(Engine *engine, const char *name, Error *err);
/* Those without containers: their names. */
int network_prune(Engine *engine, const StringList *filters, StringList *ret, Error *err);

typedef struct NetworkConnectOptions {
        const char *ip, *ip6;
        StringList aliases;
} NetworkConnectOptions;
/* A running container at once, any other at its next start. */
int network_connect(Engine *engine, const char *network, const char *container,
                    const NetworkConnectOptions *options, Error *err);
int network_disconnect(Engine *engine, const char *network, const char *container, Error *err);
/* @port as for -p, of a running container. *ret: what it became, "0.0.0.0:49153" lines. */
int network_publish(Engine *engine, const char *container, const char *port, StringList *ret, Error *err);
int network_unpublish(Engine *engine, const char *container, const char *port, Error *err);
/* "80/tcp -> 0.0.0.0:8080" lines of a running container; @port ("80", "80/udp") or NULL. */
int network_ports(Engine *engine, const char *container, const char *port, StringList *ret, Error *err);
/* A packet(7) socket on the network's bridge. */
int network_capture(Engine *engine, const char *name, int *ret_fd, Error *err);
/* What a running container has received and sent on all networks (@network_id NULL) or one. */
int network_counters(Engine *engine, const char *container_id, const char *network_id, NetdCounters *ret,
                     Error *err);

/* ---- for the engine ---- */

/* The row of a network, "bridge" made when it is missing, as kelp-netd takes it. */
int network_find(Engine *engine, const char *name, NetdNetwork *ret, Error *err);
/* The name is a network: not none, host, or container:X. */
bool network_is_bridge(const char *mode);
/* "switch" and "switch:NAME" are the networks "bridge" and NAME with socket switching (net/switch-start.h):
 * their plain name. */
const char *network_plain_name(const char *name);
bool network_name_switches(const char *name);
/* The networks' row as kelp-netd takes it. */
int network_from_row(const StoreNetwork *row, NetdNetwork *ret, Error *err);
