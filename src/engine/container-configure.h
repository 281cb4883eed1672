/* From options and image to a container's configuration: the checks of `run` and `create`, in four parts. */
#pragma once

#include "engine/container-configuration.h"
#include "engine/container.h"
#include "engine/engine.h"
#include "store/images.h"

/* All of it. @image has its configuration read; @id is the new container's. Nothing is made in the store. */
int container_configure(Engine *engine, const ContainerOptions *options, const StoreImage *image,
                        const char *id, ContainerConfiguration *ret, Error *err);

/* --privileged, --cap-add, --cap-drop, --security-opt. */
int container_configure_security(const ContainerOptions *options, ContainerConfiguration *configuration,
                                 Error *err);
/* --ulimit, --sysctl, --oom-score-adj, --shm-size and --log-driver. */
int container_configure_limits(const ContainerOptions *options, ContainerConfiguration *configuration,
                               Error *err);
/* --device, and what --privileged finds in /dev. ERROR_UNSUPPORTED for what the user may not open. */
int container_configure_devices(Engine *engine, const ContainerOptions *options,
                                ContainerConfiguration *configuration, Error *err);
/* --network, --pid, --ipc, --uts, --userns, --cgroupns, --hostname. */
int container_configure_namespaces(Engine *engine, const ContainerOptions *options, const char *id,
                                   ContainerConfiguration *configuration, Error *err);
/* -v, --mount, --tmpfs, --volumes-from and the image's VOLUMEs. */
int container_configure_mounts(Engine *engine, const ContainerOptions *options,
                               ContainerConfiguration *configuration, Error *err);

/* Reads a limit "name=soft[:hard]" ("-1": unlimited). ERROR_USAGE. */
int container_ulimit_parse(const char *text, int *ret_resource, uint64_t *ret_soft, uint64_t *ret_hard,
                           Error *err);
