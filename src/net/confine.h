/* What kelp-netd gives up before it meets a container's packets. */
#pragma once

#include "base/error.h"
#include "sys/seccomp.h"

/* Nothing of the host's files is in view; capabilities but those over networks of the user namespace are
 * gone, so is the way to new ones; Landlock lets it read resolv.conf and write sysctls of networks. Before
 * the first thread. */
int confine_view(int host_root, Error *err);
/* Only the system calls that moving packets takes, for all threads. */
int confine_calls(Error *err);

/* ---- the parts, also for kelp-switch ---- */

/* A mount namespace whose root is an empty, read-only tmpfs. */
int confine_empty_view(Error *err);
/* No capability but @keep (bits); no_new_privs; not dumpable. */
int confine_capabilities(uint64_t keep, Error *err);
/* Adds to @policy the calls @names; a call with one value of an argument. 0 or -ENOMEM. */
int confine_allow(SeccompPolicy *policy, const char *const *names, size_t count);
int confine_allow_value(SeccompPolicy *policy, const char *name, unsigned argument, uint64_t value);
/* All other calls are refused from now on. */
int confine_install(SeccompPolicy *policy, Error *err);
