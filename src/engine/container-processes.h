/* The processes of a container, seen from the host: those in the process namespace of its init. With --pid
 * host, or that of another container, the namespace is not its own: then its init and what descends from it.
 */
#pragma once

#include "base/error.h"
#include "store/containers.h"

typedef struct ContainerProcess {
        const char *pid;
        int folder; /* /proc/PID; the caller's only during the call */
        uid_t uid;
        char state;
        int parent, terminal;
        uint64_t ticks, start; /* of CPU; of the clock since boot */
        uint64_t reaped;       /* of CPU, by children that have ended */
} ContainerProcess;

/* Calls @function for each. ERROR_CONFLICT (-ESRCH): it does not run. */
int container_each_process(const StoreContainer *row,
                           void (*function)(const ContainerProcess *process, void *argument), void *argument,
                           Error *err);
