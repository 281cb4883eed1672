/*
 * A user namespace inside of another one, with a network namespace of its own: for a container whose map of
 * ids is not that of kelp-netd's namespace, in which kelp-netd is to change its network all the same.
 */
#pragma once

#include "sys/userns.h"

/* @outer: a descriptor of the namespace in which it is made, which has the map @outer_map; @map is in ids of
 * the host, all of which @outer must have. @program: a descriptor of kelp-init, which keeps the namespace
 * until it is mapped (kelp itself, seen from a container, must not be in it). The descriptors are the
 * caller's. ERROR_UNSUPPORTED: @outer lacks an id. */
int userns_nest(int outer, const UserNamespaceMap *outer_map, const UserNamespaceMap *map, int program,
                int *ret_user, int *ret_network, Error *err);
