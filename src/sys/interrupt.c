#include "sys/interrupt.h"

#include "base/cleanup.h"

#include <poll.h>
#include <sys/signalfd.h>

int interrupt_begin(Interrupt *interrupt, Error *err)
{
        static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
        struct sigaction action;
        sigset_t set;

        if (interrupt->fd >= 0)
                return 0;
        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
                        sigaddset(&set, ends[i]);
        if (sigprocmask(SIG_BLOCK, &set, &interrupt->before) < 0)
                return fail_errno(err, errno, "block signals");
        interrupt->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (interrupt->fd >= 0)
                return 0;
        fail_errno(err, errno, "signalfd");
        sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
        return err ? -err->code : -EMFILE;
}

void interrupt_end(Interrupt *interrupt)
{
        if (interrupt->fd < 0)
                return;
        cleanup_close(&interrupt->fd);
        sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
}

int interrupt_wait(const Interrupt *interrupt, int fd, int milliseconds)
{
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = interrupt->fd, .events = POLLIN}};
        int r;

        do
                r = poll(fds, ELEMENTSOF(fds), milliseconds);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        return fds[1].revents ? -EINTR : fds[0].revents != 0;
}
