/* The system call filter of a spec. */
#pragma once

#include "spec/runtime-spec.h"

#include <linux/filter.h>

/* Compiles the filter that @spec asks for; @ret is empty (no filter) when it asks for none; its
 * memory is the process's, not to be freed (what was compiled by the build is constant). @capabilities:
 * the process's bounding set, for kelp's own policy. */
int filter_compile(const RuntimeSpec *spec, uint64_t capabilities, struct sock_fprog *ret, Error *err);
int filter_install(const RuntimeSpec *spec, const struct sock_fprog *program, Error *err);
