#include "sys/send-descriptor.h"

#include "base/cleanup.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The header's alignment, and room for SOCKET_FDS_MAXIMUM descriptors. */
typedef union Control {
        struct cmsghdr header;
        char space[CMSG_SPACE(SOCKET_FDS_MAXIMUM * sizeof(int))];
} Control;

int socket_send_fds(int socket, const void *data, size_t length, const int *fds, size_t count)
{
        Control control = {0};
        struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.space,
                                 .msg_controllen = CMSG_SPACE(count * sizeof(int))};

        if (count > SOCKET_FDS_MAXIMUM)
                return -E2BIG;
        control.header = (struct cmsghdr){
                .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
        while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int socket_receive_fds(int socket, int flags, int *ret, size_t count)
{
        Control control;
        char byte;
        struct iovec part = {.iov_base = &byte, .iov_len = 1};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.space,
                                 .msg_controllen = sizeof(control.space)};
        int received[SOCKET_FDS_MAXIMUM];
        struct cmsghdr *header;
        size_t got;

        if (count > SOCKET_FDS_MAXIMUM)
                return -E2BIG;
        if (recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC) <= 0)
                return -EPIPE;
        header = CMSG_FIRSTHDR(&message);
        if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
                return -EBADF;
        got = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(received, CMSG_DATA(header), got * sizeof(int));
        if (got == count) {
                memcpy(ret, received, count * sizeof(int));
                return 0;
        }
        for (size_t i = 0; i < got; i++)
                close(received[i]);
        return -EBADF;
}

int socket_send_fd(const char *path, int fd, const char *text, Error *err)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return fail_kind(err, ERROR_USAGE, ENAMETOOLONG, "socket %s: the path is too long", path);
        memcpy(address.sun_path, path, strlen(path));
        if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof(address)) < 0)
                return fail_errno(err, errno, "socket %s", path);
        r = socket_send_fds(connection, text, strlen(text), &fd, 1);
        return r < 0 ? fail_errno(err, -r, "socket %s: send a descriptor", path) : 0;
}
