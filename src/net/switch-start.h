/*
 * Socket switching (--network switch): kelp's side of kelp-switch, one for each container that asks for it.
 *
 *   kelp          spawns kelp-switch, and gives the init one end of a socket
 *   the init      installs the filter and hands its notifications over (runtime/switch.h)
 *   kelp exec     connects to the container's switch.sock for a process that it runs in it
 *
 * It ends with the last process of the container. Killed, it leaves a container that can make no connection.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define SWITCH_SOCKET "switch.sock"

/* The descriptors with which it is started. */
enum {
        SWITCH_CHANNEL_FD = 3,           /* to the container's init */
        SWITCH_LISTENER_FD = 4,          /* listening, for processes of exec */
        SWITCH_USER_NAMESPACE_FD = 5,    /* that the container's network namespace belongs to */
        SWITCH_NETWORK_NAMESPACE_FD = 6, /* the container's */
};

/* -EOPNOTSUPP, with the reason, where the kernel cannot keep what is switched from being misused. */
int switch_check(Error *err);

typedef struct SwitchOptions {
        const char *program; /* kelp-switch */
        int folder;          /* the container's: where the socket is made */
        int channel;         /* its end of a SOCK_SEQPACKET pair, whose other end the init has */
        int user_namespace, network_namespace;
} SwitchOptions;

/* Starts it; its descriptors stay the caller's. */
int switch_start(const SwitchOptions *options, Error *err);
/* A channel for a process of exec, to the kelp-switch of the container with that folder. */
int switch_connect(int folder, Error *err);
