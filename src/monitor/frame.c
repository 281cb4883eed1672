#include "monitor/frame.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

union Control {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
};

int frame_send(int socket, FrameHeader header, const void *data, size_t length, int fd)
{
        struct iovec parts[] = {{.iov_base = &header, .iov_len = sizeof(header)},
                                {.iov_base = (void *)data, .iov_len = length}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = length ? 2 : 1};
        union Control control = {0};

        if (fd >= 0) {
                message.msg_control = control.space;
                message.msg_controllen = sizeof(control.space);
                control.header = (struct cmsghdr){
                        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
                memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
        }
        while (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int frame_receive(int socket, FrameHeader *ret, void *data, size_t *ret_length, int *ret_fd)
{
        struct iovec parts[] = {{.iov_base = ret, .iov_len = sizeof(*ret)},
                                {.iov_base = data, .iov_len = FRAME_DATA_MAXIMUM}};
        union Control control;
        struct msghdr message = {.msg_iov = parts,
                                 .msg_iovlen = 2,
                                 .msg_control = control.space,
                                 .msg_controllen = sizeof(control.space)};
        struct cmsghdr *rights;
        _cleanup_close_ int fd = -EBADF;
        ssize_t length;

        /* The other side has closed before it read what we sent: that is told once, and in front of what it
         * sent before. */
        do
                length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (length < 0 && (errno == EINTR || errno == ECONNRESET));
        if (length <= 0)
                return length < 0 ? -errno : 0;
        rights = CMSG_FIRSTHDR(&message); /* there is room for one, the kernel drops others */
        if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
            rights->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(&fd, CMSG_DATA(rights), sizeof(int));
        if (length < (ssize_t)sizeof(*ret) || message.msg_flags & MSG_TRUNC)
                return -EBADMSG;
        *ret_length = (size_t)length - sizeof(*ret);
        if (ret_fd)
                *ret_fd = TAKE_FD(fd);
        return 1;
}

int frame_pair(int ret[static 2])
{
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}

/* By way of the folder's descriptor: a store's path may be longer than the 107 bytes that an address holds.
 */
static void address_of(int folder_fd, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", folder_fd, ATTACH_SOCKET);
}

int frame_listen(int folder_fd)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address;
        int r;

        if (fd < 0)
                return -errno;
        address_of(folder_fd, &address);
        r = bind(fd, (struct sockaddr *)&address, sizeof(address));
        if (r < 0 && errno == EADDRINUSE && unlinkat(folder_fd, ATTACH_SOCKET, 0) >= 0)
                r = bind(fd, (struct sockaddr *)&address, sizeof(address));
        if (r < 0 || listen(fd, 16) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int frame_connect(int folder_fd)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        if (fd < 0)
                return -errno;
        address_of(folder_fd, &address);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int frame_accept(int listener)
{
        _cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct ucred peer = {.uid = (uid_t)-1};
        socklen_t size = sizeof(peer);

        if (fd < 0)
                return -EAGAIN;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
                return -EAGAIN;
        return TAKE_FD(fd);
}
