/*
 * kelp-init PROGRAM ARG0 [ARG...]: process 1 of a container started with --init. Executes PROGRAM as a child,
 * passes signals on to it, reaps what its descendants leave behind, and ends as it ends. It is statically
 * linked and executed from memory, so that nothing of the image takes part. Alone, it waits until its input
 * ends (sys/userns-nest.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

static _Noreturn void execute(char *const *argv, const sigset_t *mask)
{
        setpgid(0, 0);
        /* With a terminal the payload is its foreground job, so that the keyboard's signals reach it alone.
         */
        if (isatty(STDIN_FILENO)) {
                signal(SIGTTOU, SIG_IGN);
                tcsetpgrp(STDIN_FILENO, getpid());
                signal(SIGTTOU, SIG_DFL);
        }
        sigprocmask(SIG_SETMASK, mask, NULL);
        execv(argv[1], argv + 2);
        dprintf(STDERR_FILENO, "kelp-init: %s: %s\n", argv[2], strerror(errno));
        _exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* Reaps all that have ended. The payload's exit status, or -1 while it runs. */
static int reap(pid_t payload)
{
        int result = -1, status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == payload)
                        result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return result;
}

int main(int argc, char **argv)
{
        static const int own[] = {SIGFPE,  SIGILL, SIGSEGV, SIGBUS, SIGABRT,
                                  SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU};
        sigset_t watched, before;
        pid_t payload;

        if (argc == 1) {
                char byte;

                while (read(STDIN_FILENO, &byte, 1) > 0)
                        ;
                return 0;
        }
        if (argc < 3) {
                dprintf(STDERR_FILENO, "kelp-init: usage: kelp-init PROGRAM ARG0 [ARG...]\n");
                return 125;
        }
        sigfillset(&watched);
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
                sigdelset(&watched, own[i]);
        sigprocmask(SIG_SETMASK, &watched, &before);
        payload = fork();
        if (payload < 0) {
                dprintf(STDERR_FILENO, "kelp-init: fork: %s\n", strerror(errno));
                return 125;
        }
        if (payload == 0)
                execute(argv, &before);
        for (;;) {
                int number, status = -1;

                if (sigwait(&watched, &number) != 0)
                        continue;
                if (number == SIGCHLD)
                        status = reap(payload);
                else
                        kill(payload, number);
                if (status >= 0)
                        return status;
        }
}
