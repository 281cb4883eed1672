/* The one who is attached to a container that another process holds: between the caller's own streams and the
 * holder's socket. */
#pragma once

#include "monitor/local.h"

typedef struct ClientOptions {
        int socket; /* to the holder (frame.h) */
        int init;   /* pidfd of the container's init, for signals */
        Local *local;
        bool redraw; /* the container has run before we came: its program is to draw its screen again */
} ClientOptions;

/* Says which streams are wanted. For the one who starts a container: before the start, so that nothing is
 * missed. 0 or a negative errno. */
int client_hello(int socket, const LocalOptions *local);
/* Until the container has ended. 0 with its status; 1: detached by keys; 2: a signal that is not the
 * container's ended our part, *ret_status is 128 + its number. ERROR_CONFLICT when the holder has refused us.
 */
int client_run(const ClientOptions *options, int *ret_status, Error *err);
