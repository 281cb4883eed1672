/* Starting a container: what `run`, `start` and `restart` have in common. */
#pragma once

#include "engine/container-configuration.h"
#include "engine/container-plan.h"
#include "engine/container.h"
#include "engine/network-join.h"
#include "monitor/holder.h"
#include "store/containers.h"

/* A container on its way to its start. */
typedef struct ContainerLaunch {
        ContainerPlan plan;
        RuntimeCreate create;
        RuntimeContainer container;
        int folder;         /* containers/ID; locked as long as anybody has this descriptor */
        bool foreign;       /* another kelp has it: nothing of it is ours to change */
        int user_namespace; /* of kelp-netd, of the container whose namespaces are joined, or of --userns
                               keep-id; -EBADF: the engine's */
        NetworkJoin network;
        int switch_channel; /* kelp-switch's end, until it is started; -EBADF: nothing is switched */
        char *switch_program;
        bool at_once;   /* container_launch_finish() starts it */
        int streams[3]; /* our ends of the payload's 0, 1, 2; -EBADF: none, or a terminal */
        int init_program;
        int root; /* the root file system, when the caller has mounted it; -EBADF: the init does */
} ContainerLaunch;

#define CONTAINER_LAUNCH_INIT                                                                                \
        {.container = RUNTIME_CONTAINER_INIT,                                                                \
         .network = NETWORK_JOIN_INIT,                                                                       \
         .folder = -EBADF,                                                                                   \
         .user_namespace = -EBADF,                                                                           \
         .switch_channel = -EBADF,                                                                           \
         .streams = {-EBADF, -EBADF, -EBADF},                                                                \
         .init_program = -EBADF,                                                                             \
         .root = -EBADF}

void container_launch_deinit(ContainerLaunch *launch);
#define _cleanup_launch_ _cleanup_(container_launch_deinit)

/* The plan, and namespaces of other containers: before the row and the folder are there. */
int container_launch_plan(Engine *engine, const StoreContainer *row,
                          const ContainerConfiguration *configuration, ContainerLaunch *launch, Error *err);
/* The folder and what has to be in it; locked from then on. ERROR_CONFLICT and launch->foreign when another
 * kelp starts or holds the container. */
int container_launch_folder(Engine *engine, const StoreContainer *row,
                            const ContainerConfiguration *configuration, ContainerLaunch *launch, Error *err);
/* Begins to build what was planned, without the store, so that a fork(2) of the caller may do it. The caller
 * is the parent of the init, which ends with the calling thread. @launch stays where it is until
 * container_launch_finish(). */
int container_launch_begin(Engine *engine, const StoreContainer *row,
                           const ContainerConfiguration *configuration, bool at_once, ContainerLaunch *launch,
                           Error *err);
/* Waits until it is built, for which the folder is needed: runtime_start() follows. @at_once: until the
 * payload runs. @name: of the container. */
int container_launch_finish(ContainerLaunch *launch, const char *name, Error *err);

/* kelp-init in a sealed memory file; the caller's to close. */
int container_init_program(Engine *engine, int *ret, Error *err);

/* Makes the row, which is not written, say that it runs, held by this process. */
int container_fill_running(StoreContainer *row, const ContainerLaunch *launch, Error *err);
/* Writes "running" into the row. @holder: the process that holds it. */
int container_set_running(Engine *engine, StoreContainer *row, pid_t pid, uint64_t pid_start, pid_t holder,
                          Error *err);
/* @error: why it could not be started; NULL when it ended by itself. */
int container_set_ended(Engine *engine, StoreContainer *row, const char *status, int exit_code,
                        int64_t finished, const Error *error, Error *err);
/* The exit status that docker gives a container that could not be started. */
int container_failed_status(const Error *error);
/* What the holder of this container is to do with it. The streams stay the launch's until taken. */
void container_holder_options(const ContainerConfiguration *configuration, ContainerLaunch *launch,
                              HolderOptions *ret);

/* container-join.c: the namespaces of other containers that @configuration names go into the plan;
 * *user_namespace is then theirs, and the caller's to close. ERROR_CONFLICT when the other does not run or
 * does not share. */
int container_join(Engine *engine, const ContainerConfiguration *configuration, ContainerPlan *plan,
                   int *user_namespace, Error *err);

/* container-monitor.c */
typedef struct ContainerMonitor {
        pid_t pid; /* a child of ours */
        int pidfd;
        int client; /* the caller's socket, attached from the start; -EBADF: nobody is */
        int init;   /* pidfd of the container's init */
} ContainerMonitor;
#define CONTAINER_MONITOR_INIT {.pidfd = -EBADF, .client = -EBADF, .init = -EBADF}
void container_monitor_deinit(ContainerMonitor *monitor);
#define _cleanup_monitor_ _cleanup_(container_monitor_deinit)
/* Starts it under a kelp-monitor. @local: how the caller is to be attached; NULL: not. What --rm made goes
 * when the start fails. */
int container_monitor_start(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                            const LocalOptions *local, ContainerMonitor *ret, Error *err);

/* container-attach.c: the caller's side, from the options and the configuration; detach keys are parsed. */
int container_local_options(const ContainerStreams *streams, bool terminal, LocalOptions *ret, Error *err);

/* The socket of who holds the running container; @init: pidfd of its init. The descriptor or a negative
 * errno. */
int container_connect(Engine *engine, const StoreContainer *row, int init, Error *err);

/* container-remove.c: the row is known, and nothing runs. */
int container_discard(Engine *engine, const StoreContainer *row, bool volumes, Error *err);

/* container-create.c: Docker's rule for names. ERROR_USAGE. */
int container_check_name(const char *name, Error *err);
