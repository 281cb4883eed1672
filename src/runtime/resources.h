/* linux.resources of a configuration → files of a version 2 cgroup; values of version 1's are translated. */
#pragma once

#include "base/text.h"
#include "spec/json.h"

/* True when @resources asks for a limit: more than rules about devices. */
bool resources_limit(json_object *resources);
/* Writes the limits. A file that the group does not have, because its controller is not to be had here, is
 * ERROR_UNSUPPORTED with the names of member and controller. Errors name the member. */
int resources_apply(int cgroup, json_object *resources, Error *err);
/* The rules of resources.devices, with what every container may use, as a program of the group's. Does
 * nothing without such rules. */
int resources_limit_devices(int cgroup, json_object *resources, Error *err);
