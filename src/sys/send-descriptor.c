#include "sys/send-descriptor.h"

#include "base/cleanup.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int socket_send_fd(const char *path, int fd, const char *text, Error *err)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = control.space,
                                .msg_controllen = sizeof(control.space)};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                return fail_kind(err, ERROR_USAGE, ENAMETOOLONG, "socket %s: the path is too long", path);
        memcpy(address.sun_path, path, strlen(path));
        if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof(address)) < 0)
                return fail_errno(err, errno, "socket %s", path);
        control.header = (struct cmsghdr){
                .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
        while (sendmsg(connection, &header, MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return fail_errno(err, errno, "socket %s: send a descriptor", path);
        return 0;
}
