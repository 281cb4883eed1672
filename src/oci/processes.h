/* All processes of a container. */
#pragma once

#include "oci/state.h"

typedef struct ProcessList {
        pid_t *pids;
        size_t count;
} ProcessList;

void process_list_deinit(ProcessList *list);
#define _cleanup_process_list_ _cleanup_(process_list_deinit)

/* Those of its pid namespace, of its init's alone where that is the host's. */
int processes_list(const OciContainer *container, ProcessList *ret, Error *err);
/* Sends a signal to all of them. */
int processes_signal(const OciContainer *container, int signal, Error *err);
