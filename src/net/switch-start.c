#include "net/switch-start.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { LANDLOCK_WITH_NETWORK = 4, SOURCES_ABOVE = 10, BACKLOG = 64 };

int switch_check(Error *err)
{
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

        if (version >= LANDLOCK_WITH_NETWORK)
                return 0;
        fail_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
                  "--network switch: this kernel's Landlock does not control TCP (%s), without which a "
                  "container could turn its sockets to addresses that are closed to it",
                  version < 0 ? "it is not enabled" : "that came with Linux 6.7");
        return fail_hint(err, "without --network the container joins the network bridge");
}

/* By descriptor: the folder's path may be longer than a socket's address. */
static struct sockaddr_un socket_address(int folder)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder, SWITCH_SOCKET);
        return address;
}

static int listen_at(int folder, Error *err)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = socket_address(folder);

        /* of its last run */
        if (unlinkat(folder, SWITCH_SOCKET, 0) < 0 && errno != ENOENT)
                return fail_errno(err, errno, "remove the old socket of kelp-switch");
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            fchmodat(folder, SWITCH_SOCKET, 0600, 0) < 0 || listen(fd, BACKLOG) < 0)
                return fail_errno(err, errno, "make the socket of kelp-switch");
        return TAKE_FD(fd);
}

/* @fds become 3, 4, … of the program. */
static int spawn(const char *program, const int *fds, int count, Error *err)
{
        char *const arguments[] = {(char *)"kelp-switch", NULL}, *const environment[] = {NULL};
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
        posix_spawn_file_actions_adddup2(&actions, 0, 2);
        for (int i = 0; i < count; i++)
                posix_spawn_file_actions_adddup2(&actions, fds[i], SWITCH_CHANNEL_FD + i);
        r = posix_spawn(&pid, program, &actions, &attributes, arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        if (r)
                return fail_errno(err, r, "start %s", program);
        /* it forks, so that it is nobody's child */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return 0;
}

int switch_start(const SwitchOptions *options, Error *err)
{
        _cleanup_close_ int listener = listen_at(options->folder, err);
        int sources[] = {options->channel, listener, options->user_namespace, options->network_namespace};
        int r = 0;

        if (listener < 0)
                return listener;
        /* above the targets, which they would overwrite */
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                sources[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, SOURCES_ABOVE);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(sources); i++)
                if (sources[i] < 0)
                        r = fail(err, EMFILE, "start kelp-switch");
        if (r >= 0)
                r = spawn(options->program, sources, (int)ELEMENTSOF(sources), err);
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                cleanup_close(&sources[i]);
        return r;
}

int switch_connect(int folder, Error *err)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = socket_address(folder);

        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                fail_errno(err, errno, "the container's kelp-switch does not answer");
                return fail_hint(err, "it was killed: restart the container");
        }
        return TAKE_FD(fd);
}
