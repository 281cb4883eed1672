/* How the kernel schedules the calling process and where it puts its memory. */
#pragma once

#include "spec/runtime-spec.h"

/* process.scheduler and ioPriority, linux.memoryPolicy (set_mempolicy(2)). Errors name the member. */
int schedule_apply(const RuntimeProcess *process, const RuntimeSpec *spec, Error *err);
/* Does nothing when @cpus is not given. @member is for errors. */
int schedule_set_affinity(const RuntimeNumberSet *cpus, const char *member, Error *err);
