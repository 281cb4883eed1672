/* Making a container's init out of criu's images instead of by runtime_create(). */
#pragma once

#include "oci/criu.h"

typedef struct RestoreOptions {
        CriuOptions criu;
        const char *lsm_profile, *lsm_mount_context;
} RestoreOptions;

/* In the cgroup @cgroup (-EBADF: ours); the init is a child of ours, and runs. Its hooks "prestart" and
 * "createRuntime" run when its namespaces are there. On failure nothing is left running. */
int restore_init(const OciContext *context, const RestoreOptions *options, const OciContainer *container,
                 int cgroup, RuntimeContainer *ret, Error *err);
