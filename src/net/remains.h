/*
 * What containers leave behind. To remove an interface takes the kernel some 20 ms, in which nobody on the
 * host can make one; but it removes many in the same time. So ports of bridges whose container has ended are
 * only marked, with the network namespaces at their other end, and removed together: when nobody has asked
 * for anything for a moment, when they are many, or when one of their addresses is wanted again. Until then a
 * port keeps its guard, and its addresses are nobody else's.
 */
#pragma once

#include "net/world.h"

enum { REMAINS_MAXIMUM = 32, REMAINS_MILLISECONDS = 100 /* without requests, until they are removed */ };

typedef struct Remains {
        struct Remain {
                NetAddress addresses[2];
                char port[16];
                int namespace_fd; /* owned; -EBADF: another has it */
        } items[REMAINS_MAXIMUM];
        size_t count;
        uint64_t since; /* of the oldest: milliseconds, CLOCK_MONOTONIC */
} Remains;

/* The endpoint's port, with the network namespace at its other end (owned from here on; -EBADF: none). */
void remains_add(Remains *remains, World *world, const Endpoint *endpoint, int namespace_fd);
bool remains_have(const Remains *remains, const NetAddress *address);
/* They have waited long enough, or are many. */
bool remains_due(const Remains *remains);
/* Removes all that is marked, bridges that were given to world_retire() included. */
void remains_remove(Remains *remains, World *world);
