/* The system call filter of a spec. */
#pragma once

#include "runtime/hooks.h"
#include "spec/runtime-spec.h"

#include <linux/filter.h>

/* Compiles the filter that @spec asks for; @ret is empty (no filter) when it asks for none; its
 * memory is the process's, not to be freed (what was compiled by the build is constant). @capabilities:
 * the process's bounding set, for kelp's own policy. */
int filter_compile(const RuntimeSpec *spec, uint64_t capabilities, struct sock_fprog *ret, Error *err);
/* Installs it. With actions of notification the result is their descriptor, for linux.seccomp.listenerPath; 0
 * otherwise. */
int filter_install(const RuntimeSpec *spec, const struct sock_fprog *program, Error *err);
/* Tells the agent at listenerPath of the process @pid, whose notifications @listener has. */
int filter_tell_agent(const RuntimeSpec *spec, const HookState *state, int listener, Error *err);
