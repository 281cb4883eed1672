/* What kelp-netd gives up before it meets a container's packets. */
#pragma once

#include "base/error.h"

/* Nothing of the host's files is in view; capabilities but those over networks of the user namespace are
 * gone, so is the way to new ones; Landlock lets it read resolv.conf and write sysctls of networks. Before
 * the first thread. */
int confine_view(int host_root, Error *err);
/* Only the system calls that moving packets takes, for all threads. */
int confine_calls(Error *err);
