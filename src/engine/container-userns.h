/* --userns keep-id: the user's own ids appear in a container under their own numbers (or others), instead of
 * root's. */
#pragma once

#include "engine/container-launch.h"

/* Reads "keep-id[:uid=UID,gid=GID]". 1: it is one; 0: it is another mode. ERROR_USAGE. */
int container_userns_parse(const char *text, UserNamespaceKeep *ret, Error *err);
/* The line of passwd(5) for the user in such a container; *ret stays NULL for other modes. New string. */
int container_userns_account(const ContainerConfiguration *configuration, char **ret, Error *err);
/* Makes the user namespace of such a container, unless *ret_fd is it already (*ret_fd, the caller's;
 * untouched for other modes), and has
 * @plan use layers whose owners fit it, which are copied when they are needed for the first time. */
int container_userns_plan(Engine *engine, const ContainerConfiguration *configuration, ContainerPlan *plan,
                          int *ret_fd, Error *err);
/* Gives what is made in the container's folder, "upper" above all, to that namespace's root. */
int container_userns_own(const ContainerConfiguration *configuration, int folder, int user_namespace,
                         Error *err);
