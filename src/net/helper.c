#include "net/helper.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { FIRST_FD = 3, FDS_MAXIMUM = 4, SOURCES_ABOVE = 10 };

/* By descriptor: the folder's path may be longer than a socket's address. */
static struct sockaddr_un socket_address(int folder, const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder, name);
        return address;
}

int helper_listen(int folder, const char *name, int backlog, const char *program, Error *err)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = socket_address(folder, name);

        if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
                return fail_errno(err, errno, "remove the old socket of %s", program);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            fchmodat(folder, name, 0600, 0) < 0 || listen(fd, backlog) < 0)
                return fail_errno(err, errno, "make the socket of %s", program);
        return TAKE_FD(fd);
}

int helper_connect(int folder, const char *name)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = socket_address(folder, name);

        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return errno == ENOENT || errno == ECONNREFUSED ? -ENOTCONN : -errno;
        return TAKE_FD(fd);
}

/* @sources are above all targets. @log: as in HelperStart. */
static int spawn(const HelperStart *start, int log, const int *sources, Error *err)
{
        char *const arguments[] = {(char *)start->name, NULL}, *const environment[] = {NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none;
        pid_t pid;
        int r;

        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&actions, 0, 1);
        posix_spawn_file_actions_adddup2(&actions, log < 0 ? 0 : log, 2);
        for (size_t i = 0; i < start->fd_count; i++)
                posix_spawn_file_actions_adddup2(&actions, sources[i], FIRST_FD + (int)i);
        r = posix_spawn(&pid, start->path, &actions, &attributes, arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        if (r)
                return fail_errno(err, r, "start %s", start->path);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return 0;
}

int helper_start(const HelperStart *start, Error *err)
{
        _cleanup_close_ int log = start->log < 0 ? -EBADF : fcntl(start->log, F_DUPFD_CLOEXEC, SOURCES_ABOVE);
        int sources[FDS_MAXIMUM], r = 0;

        if (start->fd_count > FDS_MAXIMUM)
                return fail(err, E2BIG, "start %s", start->name);
        if (start->log >= 0 && log < 0)
                r = fail_errno(err, errno, "start %s", start->name);
        for (size_t i = 0; i < start->fd_count; i++) {
                sources[i] = fcntl(start->fds[i], F_DUPFD_CLOEXEC, SOURCES_ABOVE);
                if (r >= 0 && sources[i] < 0)
                        r = fail_errno(err, errno, "start %s", start->name);
        }
        if (r >= 0)
                r = spawn(start, log, sources, err);
        for (size_t i = 0; i < start->fd_count; i++)
                cleanup_close(&sources[i]);
        return r;
}

void helper_raise_limits(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}
