/* The system call filter of a spec. */
#pragma once

#include "spec/runtime-spec.h"

/* Compiles and installs the filter that @spec asks for, or none. @capabilities: the process's bounding set,
 * for kelp's own policy. */
int filter_install(const RuntimeSpec *spec, uint64_t capabilities, Error *err);
