#include "runtime/handshake.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"

#include <string.h>
#include <sys/socket.h>

int handshake_pair(int ret[static 2])
{
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
                return -errno;
        ret[0] = fd_move_above_stdio(ret[0]);
        ret[1] = fd_move_above_stdio(ret[1]);
        if (ret[0] >= 0 && ret[1] >= 0)
                return 0;
        cleanup_close(&ret[0]);
        cleanup_close(&ret[1]);
        return -EMFILE;
}

int handshake_send(int channel, HandshakeType type, const Error *error, int fd)
{
        HandshakeMessage message = {.type = type};
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec part = {.iov_base = &message, .iov_len = error ? sizeof(message) : sizeof(message.type)};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

        if (error)
                message.error = *error;
        if (fd >= 0) {
                header.msg_control = control.space;
                header.msg_controllen = sizeof(control.space);
                control.header = (struct cmsghdr){
                        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
                memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
        }
        while (sendmsg(channel, &header, MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

/* The first descriptor of @header; others are closed. */
static int take_descriptor(struct msghdr *header)
{
        int found = -EBADF;

        for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
                size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < count; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
                        if (found < 0)
                                found = fd;
                        else
                                close(fd);
                }
        }
        return found;
}

int handshake_go_on(int channel, pid_t pid)
{
        HandshakeMessage message = {.type = HANDSHAKE_GO_ON, .pid = pid};

        while (send(channel, &message, offsetof(HandshakeMessage, error), MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int handshake_receive(int channel, HandshakeMessage *ret, int *ret_fd)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(4 * sizeof(int))];
        } control;
        struct iovec part = {.iov_base = ret, .iov_len = sizeof(*ret)};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = control.space,
                                .msg_controllen = sizeof(control.space)};
        _cleanup_close_ int fd = -EBADF;
        ssize_t length;

        *ret = (HandshakeMessage){0};
        /* ECONNRESET comes once, and first, when the other side has ended without reading all of ours: its
         * last message, which says why, is still there. */
        do
                length = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
        while (length < 0 && (errno == EINTR || errno == ECONNRESET));
        if (length <= 0)
                return length < 0 ? -errno : 0;
        fd = take_descriptor(&header);
        if (length < (ssize_t)sizeof(ret->type))
                return -EBADMSG;
        /* Whoever sent it may be a container's: no string is taken without its end. */
        ret->error.message[sizeof(ret->error.message) - 1] = 0;
        ret->error.hint[sizeof(ret->error.hint) - 1] = 0;
        if (ret->type == HANDSHAKE_NOT_EXECUTED) {
                char program[sizeof(ret->error.message)];

                memcpy(program, ret->error.message, sizeof(program));
                process_exec_failed(program, ret->error.code, &ret->error);
                ret->type = HANDSHAKE_FAILED;
        }
        if (ret_fd)
                *ret_fd = TAKE_FD(fd);
        return 1;
}
