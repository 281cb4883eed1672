/* The start of kelp-monitor, the program that holds a container in the background. */
#pragma once

#include "monitor/holder.h"

/* What it needs; all descriptors are inherited. */
typedef struct MonitorOptions {
        const char *id; /* shows in ps */
        pid_t pid;      /* the init, which is our child */
        uint64_t start; /* its start time (sys/process.h) */
        HolderOptions holder;
        const char *remove_program, *remove_root; /* --rm: `kelp --root ROOT rm` at the end; NULL: no */
} MonitorOptions;

/* Becomes kelp-monitor, the program @fd; returns a negative errno when that fails. All descriptors but those
 * named are close-on-exec before. */
int monitor_execute(int fd, const MonitorOptions *options);
