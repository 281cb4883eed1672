#include "net/client.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "net/start.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { BACKLOG = 128 };

#define NETD_LOCK "netd.lock"
#define NETD_LOG  "netd.log"

/* By descriptor of the folder: a run folder may be longer than a socket's address. */
static int socket_address(int folder, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", folder, NETD_SOCKET);
        return 0;
}

static int open_folder(const NetdClient *client, bool make, Error *err)
{
        int fd;

        if (make)
                return directory_make_open_at(AT_FDCWD, client->run, 0700, err);
        fd = open(client->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* -ENOTCONN: nobody listens. */
static int connect_to(int folder)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        socket_address(folder, &address);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return errno == ENOENT || errno == ECONNREFUSED ? -ENOTCONN : -errno;
        return TAKE_FD(fd);
}

static int send_request(int fd, const NetdRequest *request, const int *fds, size_t count)
{
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(NETD_DESCRIPTORS_MAXIMUM * sizeof(int))] = {0};
        struct iovec vector = {(void *)(uintptr_t)request, sizeof(*request)};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

        if (count) {
                struct cmsghdr *header = (void *)control;

                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(count * sizeof(int));
                memcpy(CMSG_DATA(header), fds, count * sizeof(int));
                message.msg_control = control;
                message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        }
        return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_answer(int fd, NetdAnswer *ret, int ret_fds[static NETD_DESCRIPTORS_MAXIMUM])
{
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(NETD_DESCRIPTORS_MAXIMUM * sizeof(int))];
        struct iovec vector = {ret, sizeof(*ret)};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        struct cmsghdr *header;
        ssize_t length;

        do
                length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        while (length < 0 && errno == EINTR);
        if (length < 0)
                return -errno;
        header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS)
                memcpy(ret_fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
        /* What says why not begins alike in all builds. */
        if (length >= (ssize_t)offsetof(NetdAnswer, endpoint_count) && ret->result < 0)
                return 0;
        return length == (ssize_t)sizeof(*ret) ? 0 : -EPIPE;
}

int netd_request(const NetdClient *client, const NetdRequest *request, const int *fds, size_t fd_count,
                 NetdAnswer *ret, int *ret_fds, Error *err)
{
        _cleanup_close_ int folder = open_folder(client, false, NULL), fd = -EBADF;
        int received[NETD_DESCRIPTORS_MAXIMUM] = {-EBADF, -EBADF}, r;

        if (folder < 0)
                return -ENOTCONN;
        fd = connect_to(folder);
        if (fd == -ENOTCONN)
                return fd;
        if (fd < 0)
                return fail_errno(err, -fd, "connect to kelp-netd (%s/%s)", client->run, NETD_SOCKET);
        r = send_request(fd, request, fds, fd_count);
        if (r >= 0)
                r = receive_answer(fd, ret, received);
        for (size_t i = 0; i < NETD_DESCRIPTORS_MAXIMUM; i++)
                if (ret_fds)
                        ret_fds[i] = received[i];
                else
                        cleanup_close(&received[i]);
        /* It was just ending, or was killed: as if it did not run. */
        if (r == -EPIPE || r == -ECONNRESET)
                return -ENOTCONN;
        if (r < 0)
                return fail_errno(err, -r, "talk to kelp-netd");
        if (ret->result < 0 && err)
                *err = ret->error;
        return ret->result;
}

int netd_hello(const NetdClient *client, int *ret_user_namespace, NetdAnswer *ret_answer, Error *err)
{
        const NetdRequest request = {.version = NETD_VERSION, .verb = NETD_HELLO};

        int fds[NETD_DESCRIPTORS_MAXIMUM] = {-EBADF, -EBADF}, r;

        r = netd_request(client, &request, NULL, 0, ret_answer, fds, err);
        *ret_user_namespace = fds[0];
        return r;
}

bool netd_runs(const NetdClient *client)
{
        enum { PATIENCE = 1000 }; /* milliseconds; one that is busy runs */
        const NetdRequest request = {.version = NETD_VERSION, .verb = NETD_HELLO};
        _cleanup_close_ int folder = open_folder(client, false, NULL),
                            fd = folder < 0 ? -EBADF : connect_to(folder);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int received[NETD_DESCRIPTORS_MAXIMUM] = {-EBADF, -EBADF}, r;
        NetdAnswer answer;

        /* One that was killed accepts connections until all that it had open is closed: only an answer tells.
         */
        if (fd < 0 || send_request(fd, &request, NULL, 0) < 0)
                return false;
        if (poll(&wait, 1, PATIENCE) <= 0)
                return true;
        r = receive_answer(fd, &answer, received);
        for (size_t i = 0; i < NETD_DESCRIPTORS_MAXIMUM; i++)
                cleanup_close(&received[i]);
        return r != -EPIPE && r != -ECONNRESET;
}

static int listen_at(int folder, Error *err)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        socket_address(folder, &address);
        if (unlinkat(folder, NETD_SOCKET, 0) < 0 && errno != ENOENT)
                return fail_errno(err, errno, "remove the old socket of kelp-netd");
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            fchmodat(folder, NETD_SOCKET, 0600, 0) < 0 || listen(fd, BACKLOG) < 0)
                return fail_errno(err, errno, "make the socket of kelp-netd");
        return TAKE_FD(fd);
}

static int spawn(const char *program, int listener, int user_namespace, int ready, int log, Error *err)
{
        char *const arguments[] = {(char *)"kelp-netd", NULL}, *const environment[] = {NULL};
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
        posix_spawn_file_actions_adddup2(&actions, log, 2);
        /* the targets lie below 10, the sources were moved above */
        posix_spawn_file_actions_adddup2(&actions, listener, NETD_LISTENER_FD);
        posix_spawn_file_actions_adddup2(&actions, user_namespace, NETD_USER_NAMESPACE_FD);
        posix_spawn_file_actions_adddup2(&actions, ready, NETD_READY_FD);
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

enum { SOURCES_ABOVE = 10 };

static int await_ready(int reader, Error *err)
{
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));

        if (!answer)
                return fail_memory(err);
        if (file_read_full(reader, answer, sizeof(*answer)) != (ssize_t)sizeof(*answer))
                return fail(err, EIO, "kelp-netd ended before it was ready");
        if (answer->result < 0 && err)
                *err = answer->error;
        return answer->result;
}

static int start_locked(const NetdClient *client, int folder, int user_namespace, Error *err)
{
        _cleanup_close_ int listener = -EBADF, space = -EBADF, reader = -EBADF, writer = -EBADF, log = -EBADF;
        int ends[2], r;

        r = connect_to(folder);
        if (r >= 0) {
                close(r);
                return 0;
        }
        r = listen_at(folder, err);
        if (r < 0)
                return r;
        listener = fcntl(r, F_DUPFD_CLOEXEC, SOURCES_ABOVE);
        close(r);
        space = fcntl(user_namespace, F_DUPFD_CLOEXEC, SOURCES_ABOVE);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "pipe");
        reader = ends[0];
        writer = fcntl(ends[1], F_DUPFD_CLOEXEC, SOURCES_ABOVE);
        close(ends[1]);
        r = openat(folder, NETD_LOG, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
        log = r < 0 ? r : fcntl(r, F_DUPFD_CLOEXEC, SOURCES_ABOVE);
        if (r >= 0)
                close(r);
        if (listener < 0 || space < 0 || writer < 0 || log < 0)
                return fail_errno(err, errno, "start kelp-netd");
        r = spawn(client->program, listener, space, writer, log, err);
        cleanup_close(&writer);
        cleanup_close(&listener);
        if (r >= 0)
                r = await_ready(reader, err);
        return r < 0 ? fail_wrap(err, r, "kelp-netd") : 1;
}

int netd_start(const NetdClient *client, int user_namespace, Error *err)
{
        _cleanup_close_ int folder = open_folder(client, true, err), lock = -EBADF;

        if (folder < 0)
                return fail_wrap(err, folder, "run folder");
        lock = openat(folder, NETD_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (lock < 0)
                return fail_errno(err, errno, "%s/%s", client->run, NETD_LOCK);
        while (flock(lock, LOCK_EX) < 0)
                if (errno != EINTR)
                        return fail_errno(err, errno, "lock %s/%s", client->run, NETD_LOCK);
        return start_locked(client, folder, user_namespace, err);
}
