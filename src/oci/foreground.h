/* Waiting for a process in the foreground: signals go to it, and its terminal is ours meanwhile. */
#pragma once

#include "oci/oci.h"

#include <signal.h>

typedef struct Foreground {
        sigset_t before;
} Foreground;

/* Before the process is made, so that no signal is lost. */
void foreground_begin(Foreground *foreground);
/* Until @process, a child of ours, has ended and is reaped; its status as shells count it. */
int foreground_wait(RuntimeContainer *process, int *ret_status, Error *err);
void foreground_end(Foreground *foreground);
/* The size of our own terminal for one of the process's that has none given. */
void foreground_window(RuntimeProcess *process);
