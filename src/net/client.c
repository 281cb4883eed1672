#include "net/client.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "net/helper.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { BACKLOG = 128 };

#define NETD_LOCK "netd.lock"
#define NETD_LOG  "netd.log"

static int open_folder(const NetdClient *client, bool make, Error *err)
{
        int fd;

        if (make)
                return directory_make_open_at(AT_FDCWD, client->run, 0700, err);
        fd = open(client->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
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

/* One question and its answer. -ENOTCONN: who was there is ending, or was killed; it accepts connections
 * until all that it had open is closed. @ret_fds NULL: descriptors of the answer are closed. */
static int exchange(int fd, const NetdRequest *request, const int *fds, size_t fd_count, NetdAnswer *ret,
                    int *ret_fds)
{
        int received[NETD_DESCRIPTORS_MAXIMUM] = {-EBADF, -EBADF}, r;

        r = send_request(fd, request, fds, fd_count);
        if (r >= 0)
                r = receive_answer(fd, ret, received);
        for (size_t i = 0; i < NETD_DESCRIPTORS_MAXIMUM; i++)
                if (ret_fds)
                        ret_fds[i] = received[i];
                else
                        cleanup_close(&received[i]);
        return r == -EPIPE || r == -ECONNRESET ? -ENOTCONN : r;
}

int netd_request(const NetdClient *client, const NetdRequest *request, const int *fds, size_t fd_count,
                 NetdAnswer *ret, int *ret_fds, Error *err)
{
        _cleanup_close_ int folder = open_folder(client, false, NULL), fd = -EBADF;
        int r;

        if (folder < 0)
                return -ENOTCONN;
        fd = helper_connect(folder, NETD_SOCKET);
        if (fd == -ENOTCONN)
                return fd;
        if (fd < 0)
                return fail_errno(err, -fd, "connect to kelp-netd (%s/%s)", client->run, NETD_SOCKET);
        r = exchange(fd, request, fds, fd_count, ret, ret_fds);
        if (r < 0)
                return r == -ENOTCONN ? r : fail_errno(err, -r, "talk to kelp-netd");
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

/* Whether somebody answers at the folder's socket. */
static bool answers(int folder)
{
        enum { PATIENCE = 1 }; /* seconds; one that is busy runs */
        static const NetdRequest request = {.version = NETD_VERSION, .verb = NETD_HELLO};
        const struct timeval patience = {.tv_sec = PATIENCE};
        _cleanup_close_ int fd = helper_connect(folder, NETD_SOCKET);
        NetdAnswer answer;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
                return false;
        return exchange(fd, &request, NULL, 0, &answer, NULL) != -ENOTCONN;
}

bool netd_runs(const NetdClient *client)
{
        _cleanup_close_ int folder = open_folder(client, false, NULL);

        return folder >= 0 && answers(folder);
}

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
        _cleanup_close_ int listener = -EBADF, reader = -EBADF, writer = -EBADF, log = -EBADF;
        int ends[2], r;

        if (answers(folder))
                return 0;
        listener = helper_listen(folder, NETD_SOCKET, BACKLOG, "kelp-netd", err);
        if (listener < 0)
                return listener;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "pipe");
        reader = ends[0];
        writer = ends[1];
        log = openat(folder, NETD_LOG, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
                     0600);
        if (log < 0)
                return fail_errno(err, errno, "start kelp-netd");
        /* in the order of NETD_LISTENER_FD and so on */
        r = helper_start(&(HelperStart){.path = client->program,
                                        .name = "kelp-netd",
                                        .log = log,
                                        .fds = (int[]){listener, user_namespace, writer},
                                        .fd_count = 3},
                         err);
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
