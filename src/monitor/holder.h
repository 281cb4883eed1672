/*
 * Holding a container: from its start to its end, its streams between it and whoever is attached, and its
 * output to the log. The one way through for all: `kelp run` in the foreground, whose own descriptors are
 * attached; kelp-monitor, to which clients attach over a socket (frame.h); both at once; and a process of
 * exec.
 *
 * One thread, one poll(2), memory that does not grow: one piece of output is read, logged, and offered to
 * all; the next is read when all have taken it. So a slow reader slows the container down, as a pipe does.
 * One who has attached later and takes nothing at all for a while is let go; the one who started the
 * container is waited for. One piece of input is on its way likewise.
 */
#pragma once

#include "base/cleanup.h"
#include "monitor/local.h"
#include "monitor/log-writer.h"

typedef struct HolderOptions {
        int init;       /* pidfd of the process, a child of ours; belongs to the caller */
        int streams[3]; /* our ends of its 0, 1, 2; -EBADF: none. They become the holder's */
        int terminal;   /* or the master of its terminal, likewise */
        int folder;     /* containers/ID, where the log and the socket are; -EBADF: none; the caller's */
        LogOptions log;
        bool input_once;       /* its input ends when whoever feeds it has ended or gone */
        bool ends_with_reader; /* nobody keeps the output: when the caller's 1 or 2 is closed, so is the
                                  container's, who then gets SIGPIPE as in any pipeline */
        int client;            /* a client that is attached from the beginning; -EBADF: none; the holder's */
        Local *local;          /* the caller's own streams; NULL: none */
} HolderOptions;

typedef struct Holder Holder;

int holder_new(const HolderOptions *options, Holder **ret, Error *err);
/* Until the process has ended, is reaped and all it wrote is in the log. 0; 1: the caller has detached by
 * keys, the process goes on; 2: a signal that is not the container's ended the caller's part, and *ret_status
 * is 128 + its number. */
int holder_run(Holder *holder, int *ret_status, Error *err);
/* Gives whoever is attached what they have not taken yet, and the end. After holder_run() returned 0. */
void holder_finish(Holder *holder);
/* The terminal's master, which the caller takes over to hand it on. */
int holder_take_terminal(Holder *holder);
Holder *holder_free(Holder *holder);
DEFINE_CLEANUP(Holder, holder_free)
#define _cleanup_holder_ _cleanup_(holder_freep)
