/* Work that cleans up behind itself when the user ends it: while it lasts, SIGINT, SIGTERM and SIGHUP are
 * kept waiting; who waits for something sees that one has come and returns; interrupt_end() lets it act, by
 * default by ending the process with the status that shells expect. */
#pragma once

#include "base/error.h"

#include <signal.h>

typedef struct Interrupt {
        int fd; /* readable as soon as a signal waits; -EBADF: not begun */
        sigset_t before;
} Interrupt;

#define INTERRUPT_INIT {.fd = -EBADF}

/* Signals that are ignored (nohup) stay so. Accepts a begun one: 0, and nothing changes. */
int interrupt_begin(Interrupt *interrupt, Error *err);
void interrupt_end(Interrupt *interrupt);
/* Waits until @fd is readable or at its end, at most @milliseconds (-1: for ever). 1: it is, 0: time is up,
 * -EINTR: a signal has come. */
int interrupt_wait(const Interrupt *interrupt, int fd, int milliseconds);
