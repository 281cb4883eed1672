/*
 * How the engine reaches kelp-netd: asking it, starting it, and giving it again what running containers have
 * when it was killed.
 */
#pragma once

#include "engine/network-record.h"
#include "engine/network.h"
#include "net/client.h"
#include "store/containers.h"

/* Zeroed but for its verb; the caller's to free. NULL without memory. */
NetdRequest *network_request_new(NetdVerb verb);
/* A request of kelp-netd as it runs; ERROR_NOT_FOUND when it does not. */
int network_ask(Engine *engine, const NetdRequest *request, NetdAnswer *ret, int *ret_fds, Error *err);
/* Names in @err, which came with @answer, the process of the host that has the port. */
void network_explain_port(const NetdAnswer *answer, Error *err);
/* Starts it in the user namespace of the running containers that use it, and connects these; without such, in
 * the engine's. Harmless when it runs. */
int network_netd_start(Engine *engine, Error *err);

/* What the running container @id was given; ERROR_NOT_FOUND (-ENOENT) when it is on no network. */
int network_read_attach(Engine *engine, const char *id, NetdAttach *ret, Error *err);
int network_save_attach(Engine *engine, const char *id, const NetdAttach *attach, Error *err);

/* A container that runs and is on networks. */
typedef struct NetworkMember {
        NetdRequest *request; /* NETD_ATTACH: to connect it again */
        pid_t pid;
        int pidfd;
} NetworkMember;

/* Calls @function for each; stops when it does not return 0, which is then returned. */
int network_each_member(Engine *engine,
                        int (*function)(Engine *engine, const NetworkMember *member, void *argument),
                        void *argument, Error *err);
