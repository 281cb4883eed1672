#include "sys/process.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* A numeric field of /proc/PID/stat, counted from 1; 0 when there is no such process, or only its zombie. */
static uint64_t read_stat(pid_t pid, int wanted)
{
        char path[64], text[1024], *save = NULL;
        _cleanup_close_ int fd = -EBADF;
        ssize_t length;
        char *rest;
        uint64_t value;

        if (pid <= 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        length = file_read_full(fd, text, sizeof(text) - 1);
        if (length <= 0)
                return 0;
        text[length] = 0;
        /* The name (field 2) is in parentheses and may hold anything, so count from the last one. */
        rest = strrchr(text, ')');
        if (!rest || rest[1] != ' ' || rest[2] == 'Z' || rest[2] == 'X')
                return 0;
        rest = strtok_r(rest + 1, " ", &save); /* field 3 */
        for (int field = 3; rest && field < wanted; field++)
                rest = strtok_r(NULL, " ", &save);
        if (!rest || text_to_u64(rest, UINT64_MAX, &value) < 0)
                return 0;
        return value;
}

uint64_t process_start_time(pid_t pid)
{
        return read_stat(pid, 22);
}

pid_t process_parent(pid_t pid)
{
        return (pid_t)read_stat(pid, 4);
}

int process_open(pid_t pid, uint64_t start)
{
        int fd;

        if (pid <= 0)
                return -ESRCH;
        fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd < 0)
                return errno == EINVAL ? -ESRCH : -errno;
        /* The descriptor holds whoever has the number now; only then is the start time worth comparing. */
        if (start && process_start_time(pid) != start) {
                close(fd);
                return -ESRCH;
        }
        return fd;
}

int process_signal(int pidfd, int signal)
{
        return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int process_wait_end(int pidfd, int milliseconds)
{
        struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
        int64_t deadline = milliseconds < 0 ? 0 : clock_now() / 1000000 + milliseconds;

        for (;;) {
                int result = poll(&poll_fd, 1, milliseconds);

                if (result > 0)
                        return 1;
                if (result == 0)
                        return 0;
                if (errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (milliseconds >= 0) {
                        int64_t left = deadline - clock_now() / 1000000;

                        milliseconds = left > 0 ? (int)left : 0;
                }
        }
}

int process_reap(int pidfd, int *ret_status)
{
        siginfo_t info = {0};

        while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
                if (errno != EINTR)
                        return -errno;
        *ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        return 0;
}
