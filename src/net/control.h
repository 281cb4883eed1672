/* The control thread of kelp-netd: takes kelp's requests (protocol.h), makes what they need in the
 * intermediate namespace (world.h) and tells the mover. */
#pragma once

#include "net/remains.h"

typedef struct Control {
        Mover *mover;
        World world;
        Remains remains;
        int listener;       /* the unix socket, listening */
        int user_namespace; /* in which containers must be made */
        int ready;          /* told once all is made: an Error */
        int epoll;
        bool by_root; /* root of the host started it */
        bool failed;
        NetdRequest *message; /* large: kept for all requests */
        NetdAnswer *answer;
        pthread_t thread;
        pthread_barrier_t made;
} Control;

/* Starts the thread. When the world is made, a NetdAnswer is written to @control->ready and the mover may run
 * (control_await()). */
int control_start(Control *control, Error *err);
/* Blocks until the world is made, and hands its ends to the mover. */
int control_await(Control *control, Error *err);
