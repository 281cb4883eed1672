/*
 * Containers on networks. What a container is to have is in its configuration; what it has, while it runs, is
 * in a record (network-record.h) of what was asked of kelp-netd, with everything decided. So when kelp-netd
 * was killed, the next command starts it again and asks for the same anew.
 */
#pragma once

#include "engine/container-configuration.h"
#include "engine/container.h"
#include "engine/network.h"
#include "store/containers.h"

/* A container on its way to its networks: kelp-netd has made its network namespace, with everything in it,
 * and takes it back when this process ends before network_join_hold(). */
typedef struct NetworkJoin {
        NetdRequest *request; /* NULL: it has none */
        char *run;            /* the run folder */
        int namespace_fd;     /* to be joined */
        bool held;
        bool missing;       /* it was to have one, which cannot be had: it gets none */
        char *hosts;        /* lines for /etc/hosts */
        char *name_servers; /* lines for /etc/resolv.conf */
} NetworkJoin;

#define NETWORK_JOIN_INIT {.namespace_fd = -EBADF}

void network_join_deinit(NetworkJoin *join);

/* --network, -p, -P, --expose, --ip, --ip6, --mac-address, --network-alias, --link, --allow-host: checked,
 * and written into @configuration. */
int network_configure(Engine *engine, const ContainerOptions *options, ContainerConfiguration *configuration,
                      Error *err);
/* Reads one -p: ports (of ranges, one each) appended to @ports, of which there are *count. ERROR_USAGE. */
int network_port_parse(const char *text, NetdPort ports[static NETD_PORTS_MAXIMUM], uint32_t *count,
                       Error *err);
/* "name=x,alias=y,ip=…": docker's long form of --network. Adds to *ret. */
int network_endpoint_parse(const char *text, char name[static NETD_NAME_SIZE], NetdEndpoint *ret, Error *err);
/* "80/tcp". */
void network_port_name(const NetdPort *port, char *buffer, size_t size);

/* kelp-netd runs. */
bool network_netd_runs(Engine *engine);
/* Has kelp-netd, which is started when it does not run, make the container's network namespace;
 * *ret_user_namespace is the one in which the container must be made (the caller's to close). Nothing is done
 * for a container without such networks. When this host cannot serve it, a container that is on the default
 * network because nobody asked for another, and publishes nothing, gets none, with a notice. */
int network_join_prepare(Engine *engine, const StoreContainer *row,
                         const ContainerConfiguration *configuration, NetworkJoin *ret,
                         int *ret_user_namespace, Error *err);
/* From now on it has its networks as long as the process @pidfd lives, under the name @name. @folder:
 * containers/ID. */
int network_join_hold(NetworkJoin *join, const char *name, int pidfd, int folder, Error *err);
/* Whether its sockets are switched. */
bool network_is_switched(const ContainerConfiguration *configuration);
/* A channel to the kelp-switch of the running container @id, for a process of exec. */
int network_exec_switch(Engine *engine, const char *id, int *ret_channel, Error *err);
/* When kelp-netd was killed while containers use it: starts it again, and says so, or why it could not. Cheap
 * otherwise. */
int network_revive(Engine *engine, Error *err);

/* The networks that @configuration names, as kelp-netd takes them; appended to @attach. */
int network_fill_endpoints(Engine *engine, const ContainerConfiguration *configuration, NetdAttach *attach,
                           Error *err);
/* "Containers" of docker's network inspect. */
int network_describe_containers(Engine *engine, const char *network_id, json_object *object, Error *err);
/* "Counters" of each of these. */
int network_describe_counters(Engine *engine, const char *network_id, json_object *object, Error *err);
/* "NetworkSettings" of docker's container inspect; @running: with what it has now. */
int network_describe_settings(Engine *engine, const StoreContainer *row,
                              const ContainerConfiguration *configuration, json_object *object, Error *err);
/* "Ports" of docker's container list. */
int network_describe_ports(Engine *engine, const StoreContainer *row, json_object *ports, Error *err);
