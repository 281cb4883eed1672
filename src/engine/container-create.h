/* Making a container's row and folder: for `create`, and for `run`, which goes on with what was decided. */
#pragma once

#include "engine/container-configuration.h"
#include "engine/container.h"
#include "store/containers.h"

/* The two halves of container_create(). All that is to be decided; nothing is there yet but volumes. *ret_row
 * and *ret_configuration are the caller's to deinit. */
int container_create_decide(Engine *engine, const ContainerOptions *options, StoreContainer *ret_row,
                            ContainerConfiguration *ret_configuration, Error *err);
/* The row as it is, which gets its name here, and the container's folder. On failure nothing is there. */
int container_create_insert(Engine *engine, const ContainerOptions *options, StoreContainer *row,
                            const ContainerConfiguration *configuration, char ret_id[static 65], Error *err);
