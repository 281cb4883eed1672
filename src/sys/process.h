/* Processes told apart for good: a pid with its start time says which process was meant even after the number
 * was used again (proc_pid_stat(5), pidfd_open(2)). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Start time of @pid in clock ticks since boot (field 22 of /proc/PID/stat), 0 when there is no such process
 * or it has ended and waits to be reaped. */
uint64_t process_start_time(pid_t pid);

/* The parent of @pid; 0 when there is no such process, or it waits to be reaped. */
pid_t process_parent(pid_t pid);

/* A pidfd of @pid if it is still the process that started at @start; -ESRCH when it is gone, another negative
 * errno. */
int process_open(pid_t pid, uint64_t start);

/* Sends a signal; 0, -ESRCH, or a negative errno. */
int process_signal(int pidfd, int signal);

/* Waits until the process has ended, at most @milliseconds (-1: for ever). 1: it has ended, 0: time is up. */
int process_wait_end(int pidfd, int milliseconds);

/* Reaps the child @pidfd (blocking) and gives its status as shells and docker count it: exit code or 128 +
 * signal. */
int process_reap(int pidfd, int *ret_status);
