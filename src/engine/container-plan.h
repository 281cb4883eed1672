/* From a container's configuration to what the runtime takes: the specification, built directly, and the
 * overlay. */
#pragma once

#include "engine/container-configuration.h"
#include "engine/engine.h"
#include "engine/network-join.h"
#include "runtime/container.h"

typedef struct ContainerPlan {
        RuntimeSpec spec;
        RuntimeOverlay overlay; /* points into the members below */
        StringList lower;
        char *upper, *work;
        char *folder; /* absolute path of containers/ID */
} ContainerPlan;

void container_plan_deinit(ContainerPlan *plan);
#define _cleanup_plan_ _cleanup_(container_plan_deinit)

/* @folder: the container's own folder, which has upper/ and work/ and the files of container_files_write().
 * @network: may be NULL. ERROR_NOT_FOUND when a layer is missing. */
int container_plan_make(Engine *engine, const char *id, const char *folder,
                        const ContainerConfiguration *configuration, const NetworkJoin *network,
                        ContainerPlan *ret, Error *err);

/* Makes upper/ and work/ and, unless the container goes with its end, writes hostname, hosts and resolv.conf
 * into its folder, before each start. */
int container_files_write(int folder_fd, const char *id, const ContainerConfiguration *configuration,
                          const NetworkJoin *network, Error *err);

/* The text of "hostname", "hosts" or "resolv.conf" of /etc. New string. */
int container_file_text(const ContainerConfiguration *configuration, const NetworkJoin *network,
                        const char *name, char **ret, Error *err);
