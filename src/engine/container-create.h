/* Making a container's row and folder: for `create`, and for `run`, which goes on with what was decided. */
#pragma once

#include "engine/container-configuration.h"
#include "engine/container.h"
#include "store/containers.h"

/* As container_create(); *ret_row and *ret_configuration are the caller's to deinit. */
int container_create_row(Engine *engine, const ContainerOptions *options, char ret_id[static 65],
                         StoreContainer *ret_row, ContainerConfiguration *ret_configuration, Error *err);
