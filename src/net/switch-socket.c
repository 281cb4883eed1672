/* Sockets of the container, looked at by a copy of their descriptor; and sockets of the host like them. */
#include "net/switch.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

enum { DESCRIPTORS_MAXIMUM = 4096, OPTION_SIZE = 32, TEXT_SIZE = 1024 };

/* ---- of the container ---- */

/* The start of the file @name of a thread in /proc, as text. */
static int read_file(const Switch *self, pid_t tid, const char *name, char text[static TEXT_SIZE])
{
        char path[64];
        ssize_t length;
        int fd;

        snprintf(path, sizeof(path), "%d/%s", tid, name);
        fd = openat(self->proc, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        length = read(fd, text, TEXT_SIZE - 1);
        close(fd);
        if (length <= 0)
                return -ESRCH;
        text[length] = 0;
        return 0;
}

/* The number at @index behind "NAME:"; -1: there is none. */
static long read_number(const char *text, const char *name, int index, int base)
{
        const char *place = strstr(text, name);
        long value = -1;

        if (!place)
                return -1;
        place += strlen(name);
        for (int i = 0; i <= index; i++) {
                char *end;

                value = strtol(place, &end, base);
                if (end == place)
                        return -1;
                place = end;
        }
        return value;
}

static pid_t thread_group(const Switch *self, pid_t tid)
{
        char text[TEXT_SIZE];
        int r = read_file(self, tid, "status", text);

        return r < 0 ? r : (pid_t)read_number(text, "\nTgid:", 0, 10);
}

int switch_thread_ids(const Switch *self, pid_t tid, uid_t *ret_uid, gid_t *ret_gid)
{
        char text[TEXT_SIZE];
        int r = read_file(self, tid, "status", text);
        long uid, gid;

        if (r < 0)
                return r;
        uid = read_number(text, "\nUid:", 1, 10);
        gid = read_number(text, "\nGid:", 1, 10);
        if (uid < 0 || gid < 0)
                return -ESRCH;
        *ret_uid = (uid_t)uid;
        *ret_gid = (gid_t)gid;
        return 0;
}

int switch_descriptor_flags(const Switch *self, pid_t tid, int number)
{
        char name[32], text[TEXT_SIZE];

        snprintf(name, sizeof(name), "fdinfo/%d", number);
        if (read_file(self, tid, name, text) < 0)
                return 0;
        return (int)read_number(text, "flags:", 0, 8) & O_CLOEXEC;
}

/* Older kernels have pidfds of processes only. */
static int open_thread(const Switch *self, pid_t tid)
{
        int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
        pid_t group;

        if (fd >= 0 || errno != EINVAL)
                return fd < 0 ? -errno : fd;
        group = thread_group(self, tid);
        fd = group > 0 ? (int)syscall(SYS_pidfd_open, group, 0) : group;
        return fd < 0 ? -errno : fd;
}

static int get_option(int fd, int level, int name)
{
        int value = 0;
        socklen_t length = sizeof(value);

        return getsockopt(fd, level, name, &value, &length) < 0 ? -errno : value;
}

int switch_socket_open(const Switch *self, pid_t tid, int number, SwitchSocket *ret)
{
        _cleanup_close_ int thread = open_thread(self, tid), fd = -EBADF;
        uint64_t cookie = 0;
        socklen_t length = sizeof(cookie);
        struct stat status;

        if (thread < 0)
                return thread;
        fd = (int)syscall(SYS_pidfd_getfd, thread, number, 0);
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        *ret = (SwitchSocket){.domain = get_option(fd, SOL_SOCKET, SO_DOMAIN),
                              .type = get_option(fd, SOL_SOCKET, SO_TYPE),
                              .protocol = get_option(fd, SOL_SOCKET, SO_PROTOCOL),
                              .inode = status.st_ino};
        if (ret->domain < 0)
                return ret->domain; /* ENOTSOCK */
        if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0)
                return -errno;
        ret->outer = cookie == self->outer_cookie;
        ret->fd = TAKE_FD(fd);
        return 0;
}

bool switch_socket_is_plain(const SwitchSocket *socket)
{
        struct tcp_info info = {0};
        NetSocketAddress own = {0};
        socklen_t length = sizeof(info), own_length = sizeof(own);
        NetAddress address;
        uint16_t port;

        if (socket->protocol != IPPROTO_TCP || fcntl(socket->fd, F_GETFL) & O_ASYNC)
                return false;
        if (getsockopt(socket->fd, SOL_TCP, TCP_INFO, &info, &length) < 0 || info.tcpi_state != TCP_CLOSE)
                return false;
        if (getsockname(socket->fd, &own.generic, &own_length) < 0)
                return false;
        net_socket_address_split(&own, &address, &port);
        return port == 0 && get_option(socket->fd, SOL_SOCKET, SO_BINDTOIFINDEX) == 0 &&
               get_option(socket->fd, SOL_SOCKET, SO_MARK) == 0 &&
               get_option(socket->fd, SOL_SOCKET, SO_GET_FILTER) <= 0;
}

/* The epoll set @set of the process has @number, which is @fd of ours. Kernels that do not tell: yes. */
static bool is_watched(pid_t tid, int set, int number, int fd)
{
        const struct kcmp_epoll_slot slot = {.efd = (uint32_t)set, .tfd = (uint32_t)number};

        return syscall(SYS_kcmp, getpid(), tid, KCMP_EPOLL_TFD, fd, &slot) >= 0 ||
               (errno != ENOENT && errno != EINVAL && errno != EBADF);
}

bool switch_socket_is_shared(const Switch *self, pid_t tid, int number, const SwitchSocket *socket)
{
        char path[32], own[32], link[64];
        const struct dirent *entry;
        bool shared = false;
        size_t count = 0;
        DIR *folder;
        int fd;

        snprintf(path, sizeof(path), "%d/fd", tid);
        snprintf(own, sizeof(own), "socket:[%llu]", (unsigned long long)socket->inode);
        fd = openat(self->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        folder = fd < 0 ? NULL : fdopendir(fd);
        if (!folder) {
                cleanup_close(&fd);
                return true;
        }
        while (!shared && (entry = readdir(folder))) {
                ssize_t length = readlinkat(dirfd(folder), entry->d_name, link, sizeof(link) - 1);
                int other = (int)strtol(entry->d_name, NULL, 10);

                if (length < 0)
                        continue; /* . and .., or closed */
                link[length] = 0;
                shared = ++count > DESCRIPTORS_MAXIMUM || (other != number && strcmp(link, own) == 0) ||
                         (strcmp(link, "anon_inode:[eventpoll]") == 0 &&
                          is_watched(tid, other, number, socket->fd));
        }
        closedir(folder);
        return shared;
}

/* ---- of the host ---- */

/* What a program may have set before it connects. */
static const struct {
        int level, name;
} options[] = {
        {SOL_SOCKET, SO_KEEPALIVE},
        {SOL_SOCKET, SO_LINGER},
        {SOL_SOCKET, SO_OOBINLINE},
        {SOL_SOCKET, SO_PRIORITY},
        {SOL_SOCKET, SO_RCVLOWAT},
        {SOL_SOCKET, SO_RCVTIMEO},
        {SOL_SOCKET, SO_SNDTIMEO},
        {SOL_SOCKET, SO_REUSEADDR},
        {SOL_SOCKET, SO_TIMESTAMP},
        {SOL_SOCKET, SO_BUSY_POLL},
        {SOL_SOCKET, SO_ZEROCOPY},
        {SOL_SOCKET, SO_MAX_PACING_RATE},
        {SOL_SOCKET, SO_DONTROUTE},
        {SOL_SOCKET, SO_RCVBUF},
        {SOL_SOCKET, SO_SNDBUF},
        {SOL_TCP, TCP_NODELAY},
        {SOL_TCP, TCP_CORK},
        {SOL_TCP, TCP_KEEPIDLE},
        {SOL_TCP, TCP_KEEPINTVL},
        {SOL_TCP, TCP_KEEPCNT},
        {SOL_TCP, TCP_SYNCNT},
        {SOL_TCP, TCP_LINGER2},
        {SOL_TCP, TCP_MAXSEG},
        {SOL_TCP, TCP_WINDOW_CLAMP},
        {SOL_TCP, TCP_QUICKACK},
        {SOL_TCP, TCP_CONGESTION},
        {SOL_TCP, TCP_USER_TIMEOUT},
        {SOL_TCP, TCP_NOTSENT_LOWAT},
        {SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS},
        {SOL_IP, IP_TOS},
        {SOL_IP, IP_TTL},
        {SOL_IP, IP_MTU_DISCOVER},
        {SOL_IP, IP_RECVERR},
        {SOL_IPV6, IPV6_TCLASS},
        {SOL_IPV6, IPV6_UNICAST_HOPS},
        {SOL_IPV6, IPV6_MTU_DISCOVER},
        {SOL_IPV6, IPV6_RECVERR},
        {SOL_IPV6, IPV6_V6ONLY},
};

/* The kernel tells twice what was set (socket(7)). */
static bool is_doubled(int level, int name)
{
        return level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_SNDBUF);
}

/* Only what differs from a socket on which nothing was set: the host's own defaults stay. */
static void copy_options(const Switch *self, const SwitchSocket *from, int to)
{
        int fresh = self->fresh[from->domain == AF_INET6];

        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                uint8_t set[OPTION_SIZE] = {0}, usual[OPTION_SIZE] = {0};
                socklen_t length = sizeof(set), usual_length = sizeof(usual);
                int level = options[i].level, name = options[i].name, value;

                if (getsockopt(from->fd, level, name, set, &length) < 0 ||
                    getsockopt(fresh, level, name, usual, &usual_length) < 0 ||
                    (length == usual_length && memcmp(set, usual, length) == 0))
                        continue;
                if (is_doubled(level, name)) {
                        memcpy(&value, set, sizeof(value));
                        value /= 2;
                        memcpy(set, &value, sizeof(value));
                }
                (void)setsockopt(to, level, name, set, length);
        }
}

int switch_socket_make(const Switch *self, const SwitchSocket *like, uint32_t index)
{
        _cleanup_close_ int fd = socket(like->domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int interface = (int)index;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &interface, sizeof(interface)) < 0)
                return -errno;
        copy_options(self, like, fd);
        return TAKE_FD(fd);
}
