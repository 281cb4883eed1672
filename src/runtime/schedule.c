#include "runtime/schedule.h"

#include <sys/syscall.h>
#include <unistd.h>

/* sched_setattr(2); glibc 2.36 has no such struct. */
typedef struct SchedulerAttributes {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
} SchedulerAttributes;

static int set_scheduler(const RuntimeScheduler *scheduler, Error *err)
{
        SchedulerAttributes attributes = {
                .size = sizeof(attributes),
                .policy = scheduler->policy,
                .flags = scheduler->flags,
                .nice = scheduler->nice,
                .priority = (uint32_t)scheduler->priority,
                .runtime = scheduler->runtime,
                .deadline = scheduler->deadline,
                .period = scheduler->period,
        };
        int code;

        if (syscall(SYS_sched_setattr, 0, &attributes, 0) >= 0)
                return 0;
        code = errno;
        fail_errno(err, code, "process.scheduler: sched_setattr");
        return code == EPERM
                       ? fail_hint(err, "real-time policies and a nice value below the present one need "
                                        "privileges on the host (CAP_SYS_NICE), or a limit that allows them "
                                        "(ulimit -r, ulimit -e)")
                       : -code;
}

int schedule_apply(const RuntimeProcess *process, const RuntimeSpec *spec, Error *err)
{
        if (process->has_scheduler) {
                int r = set_scheduler(&process->scheduler, err);

                if (r < 0)
                        return r;
        }
        if (process->has_io_priority &&
            syscall(SYS_ioprio_set, 1 /* a process */, 0, process->io_priority) < 0)
                return fail_errno(err, errno, "process.ioPriority: ioprio_set");
        if (spec->has_memory_policy && syscall(SYS_set_mempolicy, spec->memory_policy,
                                               spec->memory_nodes.given ? spec->memory_nodes.bits : NULL,
                                               spec->memory_nodes.given ? RUNTIME_NUMBER_MAXIMUM : 0) < 0)
                return fail_errno(err, errno, "linux.memoryPolicy: set_mempolicy");
        return 0;
}

int schedule_set_affinity(const RuntimeNumberSet *cpus, const char *member, Error *err)
{
        if (!cpus->given)
                return 0;
        if (syscall(SYS_sched_setaffinity, 0, sizeof(cpus->bits), cpus->bits) < 0)
                return fail_errno(err, errno, "%s: sched_setaffinity", member);
        return 0;
}
