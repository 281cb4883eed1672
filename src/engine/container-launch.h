/* Starting a container and holding it until it ends: what `run`, `start` and `restart` have in common. */
#pragma once

#include "engine/container-configuration.h"
#include "engine/container-plan.h"
#include "engine/container.h"
#include "store/containers.h"

/* A container that has been built and waits for its start. */
typedef struct ContainerLaunch {
        ContainerPlan plan;
        RuntimeContainer container;
        int folder;     /* containers/ID */
        int streams[3]; /* our ends of the payload's 0, 1, 2; -EBADF: none, or a terminal */
        int init_program;
} ContainerLaunch;

#define CONTAINER_LAUNCH_INIT                                                                                \
        {.container = RUNTIME_CONTAINER_INIT,                                                                \
         .folder = -EBADF,                                                                                   \
         .streams = {-EBADF, -EBADF, -EBADF},                                                                \
         .init_program = -EBADF}

void container_launch_deinit(ContainerLaunch *launch);
#define _cleanup_launch_ _cleanup_(container_launch_deinit)

/* Builds it. The caller is the parent of the init, which ends with the calling thread. */
int container_launch(Engine *engine, const StoreContainer *row, const ContainerConfiguration *configuration,
                     ContainerLaunch *ret, Error *err);

/* Starts what was built, keeps the row up to date, passes the streams until the end; *ret_status as docker
 * counts it. @streams: the caller's own; all false when nobody is attached. @ready (-EBADF: none): closed
 * when the payload runs. */
int container_hold(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                   ContainerLaunch *launch, const ContainerStreams *streams, int *ready, int *ret_status,
                   Error *err);

/* container-relay.c: until the init has ended. */
int container_relay(const ContainerConfiguration *configuration, ContainerLaunch *launch,
                    const ContainerStreams *streams, int *ret_status, Error *err);
/* Blocks the signals that the relay takes; before the start, so that none is lost. Gives the mask of before.
 */
void container_relay_block_signals(void *ret_mask);

/* container-remove.c: the row is known, and nothing runs. */
int container_discard(Engine *engine, const StoreContainer *row, bool volumes, Error *err);

/* container-create.c: Docker's rule for names. ERROR_USAGE. */
int container_check_name(const char *name, Error *err);
