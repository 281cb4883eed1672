/*
 * Passing streams between a container and the caller's own descriptors until the container has ended, and its
 * output to the log. One thread, one poll(2). Output to a slow reader blocks the container's writer, not
 * memory of ours: there is no queue.
 */
#include "base/file.h"
#include "engine/container-launch.h"
#include "engine/container-log-writer.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

enum { PIECE_SIZE = 64 << 10 };

typedef struct Relay {
        ContainerLaunch *launch;
        const ContainerStreams *streams;
        LogWriter *log;
        int output[2];  /* where the payload's 1 and 2 come from */
        int input;      /* where its 0 is written to */
        bool own_input; /* our 0 is still read */
        bool shown[2];  /* our 1 and 2 still take output */
        bool terminal;
        char piece[PIECE_SIZE];
} Relay;

void container_relay_block_signals(void *ret_mask)
{
        sigset_t mask;

        sigemptyset(&mask);
        for (int number = 1; number < SIGRTMAX; number++)
                if (number != SIGKILL && number != SIGSTOP && number != SIGCHLD && number != SIGSEGV &&
                    number != SIGBUS && number != SIGFPE && number != SIGILL && number != SIGABRT &&
                    number != SIGTRAP && number != SIGSYS && number != SIGTSTP && number != SIGTTIN &&
                    number != SIGTTOU && number != SIGCONT)
                        sigaddset(&mask, number);
        sigprocmask(SIG_BLOCK, &mask, ret_mask);
}

static void resize(const Relay *relay)
{
        uint16_t rows, columns;

        terminal_size(STDIN_FILENO, &rows, &columns);
        if (relay->terminal && (rows || columns))
                terminal_resize(relay->launch->container.terminal, rows, columns);
}

/* 0 when the source has ended. */
static int pass_output(Relay *relay, int which)
{
        ssize_t length = read(relay->output[which], relay->piece, PIECE_SIZE);

        if (length < 0 && (errno == EINTR || errno == EAGAIN))
                return 1;
        if (length <= 0) /* a terminal whose other side is closed says EIO */
                return 0;
        log_writer_write(relay->log, which + 1, relay->piece, (size_t)length);
        if (relay->shown[which] && file_write_all(which + 1, relay->piece, (size_t)length) < 0)
                relay->shown[which] = false;
        return 1;
}

static void end_input(Relay *relay)
{
        relay->own_input = false;
        /* A terminal stays open: it is the container's output, too. */
        if (!relay->terminal) {
                cleanup_close(&relay->launch->streams[0]);
                relay->input = -EBADF;
        }
}

static void pass_input(Relay *relay)
{
        ssize_t length = read(STDIN_FILENO, relay->piece, PIECE_SIZE);

        if (length < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (length <= 0 || file_write_all(relay->input, relay->piece, (size_t)length) < 0)
                end_input(relay);
}

static void pass_signal(Relay *relay, int signals)
{
        struct signalfd_siginfo info;

        if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
                return;
        if (info.ssi_signo == SIGWINCH)
                resize(relay);
        else if (info.ssi_signo != SIGPIPE && (relay->streams->signal_proxy || info.ssi_signo != SIGHUP))
                process_signal(relay->launch->container.pidfd, (int)info.ssi_signo);
}

/* What is in the pipes when the container has ended. */
static void drain(Relay *relay)
{
        for (int which = 0; which < 2; which++) {
                struct pollfd poll_fd = {.fd = relay->output[which], .events = POLLIN};

                while (relay->output[which] >= 0 && poll(&poll_fd, 1, 0) > 0 && pass_output(relay, which) > 0)
                        ;
        }
}

static int relay_until_end(Relay *relay, int signals, int *ret_status, Error *err)
{
        enum { END, SIGNALS, OUTPUT, ERRORS, INPUT, COUNT };
        int r;

        for (;;) {
                struct pollfd fds[COUNT] = {
                        [END] = {.fd = relay->launch->container.pidfd, .events = POLLIN},
                        [SIGNALS] = {.fd = signals, .events = POLLIN},
                        [OUTPUT] = {.fd = relay->output[0], .events = POLLIN},
                        [ERRORS] = {.fd = relay->output[1], .events = POLLIN},
                        [INPUT] = {.fd = relay->own_input ? STDIN_FILENO : -1, .events = POLLIN},
                };

                if (poll(fds, COUNT, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return fail_errno(err, errno, "poll");
                }
                if (fds[SIGNALS].revents)
                        pass_signal(relay, signals);
                for (int which = 0; which < 2; which++)
                        if (fds[OUTPUT + which].revents && !pass_output(relay, which))
                                relay->output[which] = -EBADF;
                if (fds[INPUT].revents)
                        pass_input(relay);
                if (fds[END].revents)
                        break;
        }
        drain(relay);
        r = process_reap(relay->launch->container.pidfd, ret_status);
        if (r < 0)
                return fail_errno(err, -r, "wait for the container");
        cleanup_close(&relay->launch->container.pidfd);
        relay->launch->container.pid = 0;
        return 0;
}

int container_relay(const ContainerConfiguration *configuration, ContainerLaunch *launch,
                    const ContainerStreams *streams, int *ret_status, Error *err)
{
        Relay *relay = calloc(1, sizeof(*relay));
        TerminalState saved = TERMINAL_STATE_INIT;
        _cleanup_close_ int signals = -EBADF;
        sigset_t mask;
        int r;

        if (!relay)
                return fail_memory(err);
        relay->launch = launch;
        relay->streams = streams;
        relay->terminal = configuration->terminal;
        relay->output[0] = relay->terminal ? launch->container.terminal : launch->streams[1];
        relay->output[1] = relay->terminal ? -EBADF : launch->streams[2];
        relay->input = relay->terminal ? launch->container.terminal : launch->streams[0];
        relay->own_input = streams->input && relay->input >= 0 && configuration->open_stdin;
        relay->shown[0] = streams->output;
        relay->shown[1] = streams->error;
        r = log_writer_open(launch->folder, configuration->log_driver, &relay->log, err);
        sigprocmask(SIG_BLOCK, NULL, &mask);
        if (r >= 0) {
                signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
                r = signals < 0 ? fail_errno(err, errno, "signalfd") : 0;
        }
        if (r >= 0) {
                if (relay->terminal && streams->input) {
                        terminal_make_raw(STDIN_FILENO, &saved);
                        resize(relay);
                }
                r = relay_until_end(relay, signals, ret_status, err);
                terminal_restore(&saved);
        }
        log_writer_close(relay->log);
        free(relay);
        return r;
}
