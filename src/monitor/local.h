/*
 * The caller's own side of a container's streams: its descriptors 0, 1 and 2, its terminal, its signals. The
 * terminal is raw while the container has one of its own, and as it was before afterwards, whatever ends it.
 */
#pragma once

#include "monitor/detach-keys.h"
#include "sys/terminal.h"

#include <signal.h>
#include <sys/types.h>

typedef struct LocalOptions {
        bool input, output, errors; /* pass 0, 1, 2 */
        bool terminal;              /* the container has a terminal: raw mode, window size, detach keys */
        bool signal_proxy;          /* signals are the container's; otherwise they end the caller's part */
        DetachKeys detach_keys;
} LocalOptions;

typedef struct Local {
        LocalOptions options; /* .input, .output, .errors: as long as they still are */
        TerminalState saved;
        int signals;    /* signalfd */
        int outputs[3]; /* 1 and 2, which do not block where that can be had; [0] is not used */
        bool is_socket[3];
} Local;

#define LOCAL_INIT                                                                                           \
        {                                                                                                    \
                .saved = TERMINAL_STATE_INIT, .signals = -EBADF, .outputs = { -EBADF, -EBADF, -EBADF }       \
        }

/* Blocks the signals that are read from then on. To be called before the container's processes are made, so
 * that none is lost; *ret_before is for sigprocmask(SIG_SETMASK) when all is over. */
void local_block_signals(sigset_t *ret_before);

int local_open(const LocalOptions *options, Local *ret, Error *err);
void local_close(Local *local);
#define _cleanup_local_ _cleanup_(local_close)

/* Reads 0, which poll(2) has found readable, at most @size bytes (more than DETACH_KEYS_MAXIMUM). The length
 * to be passed on, which may be 0 while detach keys are being typed; -ENODATA at the end; -ECANCELED: the
 * detach keys. */
ssize_t local_read(Local *local, char *ret, size_t size);
/* Writes to 1 or 2. The number of bytes taken; -EAGAIN: poll(2) local->outputs[stream]; another negative
 * errno: it takes no more, ever. */
ssize_t local_write(Local *local, int stream, const char *data, size_t length);

typedef struct LocalSignal {
        int pass;     /* to be sent to the container; 0: none */
        int end;      /* ends the caller's part; 0: none */
        bool resized; /* the window has another size */
        uint16_t rows, columns;
} LocalSignal;
/* Reads one signal. */
void local_take_signal(Local *local, LocalSignal *ret);
/* The window's size now; false: there is none to be passed on. */
bool local_window(const Local *local, uint16_t *ret_rows, uint16_t *ret_columns);
