/* Terminals: raw mode with a way back, and window sizes (termios(3), ioctl_tty(2)). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

typedef struct TerminalState {
        int fd; /* -EBADF: nothing to restore */
        struct termios saved;
} TerminalState;

#define TERMINAL_STATE_INIT {.fd = -EBADF}

/* Puts the terminal @fd into raw mode (input as typed; output processing stays off too, the container's
 * terminal does it) and keeps the old mode. 0 or a negative errno. */
int terminal_make_raw(int fd, TerminalState *ret);
/* What is typed is not shown (passwords); keeps the old mode. 0 or a negative errno. */
int terminal_hide_input(int fd, TerminalState *ret);
/* Back to the old mode; harmless when there is none. */
void terminal_restore(TerminalState *state);
/* Reads the window size; zeros when @fd is no terminal. */
void terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_columns);
/* 0 or a negative errno. */
int terminal_resize(int fd, uint16_t rows, uint16_t columns);
