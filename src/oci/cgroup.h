/* The cgroup of a container. */
#pragma once

#include "oci/state.h"

/* Chooses the group's folder from linux.cgroupsPath and the options (container->cgroup; NULL: the container
 * stays in the caller's), to be recorded before it is made. */
int container_cgroup_plan(const OciContext *context, OciContainer *container, Error *err);
/* A path with ".." in it: no group of a container's own. */
bool cgroup_path_leads_up(const char *path);
/* Makes it and applies linux.resources; *ret is its folder, or -EBADF without one. What this machine cannot
 * limit is a warning, with --strict-cgroups an error. */
int container_cgroup_make(const OciContext *context, OciContainer *container, int *ret, Error *err);
/* Opens it; ERROR_UNSUPPORTED when the container has none. */
int container_cgroup_open(const OciContainer *container, int *ret, Error *err);
/* Kills what is in it and removes it. */
void container_cgroup_remove(const OciContainer *container);
