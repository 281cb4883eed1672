#include "sys/terminal.h"

#include "base/cleanup.h"

#include <sys/ioctl.h>

int terminal_make_raw(int fd, TerminalState *ret)
{
        struct termios raw;

        if (tcgetattr(fd, &ret->saved) < 0)
                return -errno;
        raw = ret->saved;
        cfmakeraw(&raw);
        if (tcsetattr(fd, TCSANOW, &raw) < 0)
                return -errno;
        ret->fd = fd;
        return 0;
}

int terminal_hide_input(int fd, TerminalState *ret)
{
        struct termios quiet;

        if (tcgetattr(fd, &ret->saved) < 0)
                return -errno;
        quiet = ret->saved;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        if (tcsetattr(fd, TCSAFLUSH, &quiet) < 0)
                return -errno;
        ret->fd = fd;
        return 0;
}

void terminal_restore(TerminalState *state)
{
        if (state->fd >= 0)
                tcsetattr(state->fd, TCSANOW, &state->saved);
        state->fd = -EBADF;
}

void terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_columns)
{
        struct winsize size = {0};

        if (ioctl(fd, TIOCGWINSZ, &size) < 0)
                size = (struct winsize){0};
        *ret_rows = size.ws_row;
        *ret_columns = size.ws_col;
}

int terminal_resize(int fd, uint16_t rows, uint16_t columns)
{
        struct winsize size = {.ws_row = rows, .ws_col = columns};

        return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}
