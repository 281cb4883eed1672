#include "oci/sockets.h"

#include "sys/send-descriptor.h"

#include <unistd.h>

int sockets_tell(const char *console, const char *pidfd, RuntimeContainer *process, Error *err)
{
        int r = 0;

        if (console) {
                r = socket_send_fd(console, process->terminal, "/dev/ptmx", err);
                r = r < 0 ? fail_wrap(err, r, "--console-socket") : r;
                cleanup_close(&process->terminal);
        }
        if (r >= 0 && pidfd) {
                r = socket_send_fd(pidfd, process->pidfd, "pidfd", err);
                r = r < 0 ? fail_wrap(err, r, "--pidfd-socket") : r;
        }
        return r;
}

unsigned socket_listen_fds(void)
{
        const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
        uint64_t number, meant;

        if (!count || text_to_u64(count, 1024, &number) < 0)
                return 0;
        if (pid && (text_to_u64(pid, INT32_MAX, &meant) < 0 || (pid_t)meant != getpid()))
                return 0;
        return (unsigned)number;
}
