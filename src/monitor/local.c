#include "monitor/local.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { TYPED_MAXIMUM = 4 << 10 };

static void signal_set(sigset_t *ret)
{
        static const int own[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGSEGV, SIGBUS,  SIGFPE,
                                  SIGILL,  SIGABRT, SIGTRAP, SIGSYS,  SIGTTIN, SIGTTOU};

        sigfillset(ret);
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                sigdelset(ret, own[i]);
        sigdelset(ret, SIGCONT);
}

void local_block_signals(sigset_t *ret_before)
{
        sigset_t mask;

        signal_set(&mask);
        sigprocmask(SIG_BLOCK, &mask, ret_before);
}

/* A description of our own of the pipe or terminal behind @fd: the flag O_NONBLOCK on the one that we got
 * would be seen by all who share it. Where there is none (sockets, files) the old one does. */
static int open_output(int fd, bool *ret_socket)
{
        struct stat status;
        char path[32];
        int own;

        if (fstat(fd, &status) < 0)
                return -EBADF;
        *ret_socket = S_ISSOCK(status.st_mode);
        if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode))
                return fcntl(fd, F_DUPFD_CLOEXEC, 3);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int local_open(const LocalOptions *options, Local *ret, Error *err)
{
        Local local = LOCAL_INIT;
        sigset_t mask;

        local.options = *options;
        signal_set(&mask);
        local.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (local.signals < 0)
                return fail_errno(err, errno, "signalfd");
        if (options->terminal && options->input)
                terminal_make_raw(STDIN_FILENO, &local.saved);
        *ret = local;
        return 0;
}

void local_close(Local *local)
{
        terminal_restore(&local->saved);
        cleanup_close(&local->signals);
        for (int i = 0; i < 3; i++)
                cleanup_close(&local->outputs[i]);
}

ssize_t local_read(Local *local, char *ret, size_t size)
{
        DetachKeys *keys = &local->options.detach_keys;
        char typed[TYPED_MAXIMUM], passed[DETACH_KEYS_MAXIMUM];
        bool terminal = local->options.terminal;
        size_t length = 0, more;
        ssize_t count;

        /* What is held back of earlier bytes comes on top of what is read. */
        if (terminal)
                count = read(STDIN_FILENO, typed,
                             size < sizeof(typed) ? size - keys->count : sizeof(typed) - keys->count);
        else
                count = read(STDIN_FILENO, ret, size);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        if (count <= 0) {
                local->options.input = false;
                return -ENODATA;
        }
        for (ssize_t i = 0; terminal && i < count; i++) {
                if (detach_keys_take(keys, typed[i], passed, &more))
                        return -ECANCELED;
                memcpy(ret + length, passed, more);
                length += more;
        }
        return terminal ? (ssize_t)length : count;
}

ssize_t local_write(Local *local, int stream, const char *data, size_t length)
{
        int *fd = &local->outputs[stream];
        ssize_t count;

        if (*fd < 0) /* opened when it is first used: many containers print nothing */
                *fd = open_output(stream, &local->is_socket[stream]);
        count = local->is_socket[stream] ? send(*fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL)
                                         : write(*fd, data, length);
        if (count < 0 && errno == EINTR)
                return -EAGAIN;
        return count < 0 ? -errno : count;
}

bool local_window(const Local *local, uint16_t *ret_rows, uint16_t *ret_columns)
{
        terminal_size(STDIN_FILENO, ret_rows, ret_columns);
        if (!*ret_rows && !*ret_columns)
                terminal_size(STDOUT_FILENO, ret_rows, ret_columns);
        return local->options.terminal && (*ret_rows || *ret_columns);
}

/* Ctrl-Z does not reach us from a raw terminal, but kill -TSTP does: the shell gets its terminal back. */
static void stop(Local *local)
{
        bool raw = local->saved.fd >= 0;

        terminal_restore(&local->saved);
        raise(SIGSTOP);
        if (raw)
                terminal_make_raw(STDIN_FILENO, &local->saved);
}

void local_take_signal(Local *local, LocalSignal *ret)
{
        struct signalfd_siginfo info;

        *ret = (LocalSignal){0};
        if (read(local->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
                return;
        switch (info.ssi_signo) {
        case SIGPIPE:
        case SIGURG:
        case SIGALRM:
                return;
        case SIGTSTP:
                stop(local);
                ret->resized = local_window(local, &ret->rows, &ret->columns);
                return;
        case SIGWINCH:
                ret->resized = local_window(local, &ret->rows, &ret->columns);
                return;
        default:
                if (local->options.signal_proxy)
                        ret->pass = (int)info.ssi_signo;
                else if (info.ssi_signo < 32 && info.ssi_signo != SIGIO && info.ssi_signo != SIGPWR)
                        ret->end = (int)info.ssi_signo;
        }
}
