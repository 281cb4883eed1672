/* kelp-switch (switch.h): one for each container with --network switch, started by kelp with the descriptors
 * of switch-start.h. It has the container's processes in its hands, so it has little else: no files but
 * /proc, no socket but TCP. */
#include "base/cleanup.h"
#include "base/file.h"
#include "net/confine.h"
#include "net/helper.h"
#include "net/switch-start.h"
#include "net/switch.h"
#include "sys/send-descriptor.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
/* of newer headers: the container's thread and we take turns on one processor */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      _IOW('!', 4, uint64_t)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

enum { EVENTS = 32 };

/* ---- what it starts with ---- */

static int netns_cookie(int fd, uint64_t *ret)
{
        socklen_t length = sizeof(*ret);

        return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &length) < 0 ? -errno : 0;
}

/* A thread of its own, which goes: nobody could return from there. */
static void *open_inner(void *argument)
{
        static const int families[2] = {AF_INET, AF_INET6};
        Switch *self = argument;

        if (setns(SWITCH_NETWORK_NAMESPACE_FD, CLONE_NEWNET) < 0)
                return NULL;
        for (size_t i = 0; i < 2; i++)
                self->fresh[i] = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
        self->inner_route = switch_route_open();
        return NULL;
}

static int open_sockets(Switch *self, Error *err)
{
        _cleanup_close_ int outer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        uint64_t inner_cookie = 0;
        pthread_t thread;
        int r = pthread_create(&thread, NULL, open_inner, self);

        if (r)
                return fail_errno(err, r, "start a thread");
        pthread_join(thread, NULL);
        self->outer_route = switch_route_open();
        if (self->fresh[0] < 0 || self->inner_route < 0 || self->outer_route < 0)
                return fail(err, EIO, "look at the container's network namespace");
        if (netns_cookie(outer, &self->outer_cookie) < 0 || netns_cookie(self->fresh[0], &inner_cookie) < 0 ||
            inner_cookie == self->outer_cookie)
                return fail(err, EOPNOTSUPP, "this kernel does not tell network namespaces apart");
        return 0;
}

/* A copy of the mounts on /proc that hang on nothing: ".." ends there. */
static int open_proc(Switch *self, Error *err)
{
        enum { CLONE = 1, RECURSIVE = 0x8000 };

        if (unshare(CLONE_NEWNS) < 0)
                return fail_errno(err, errno, "make a mount namespace");
        self->proc = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc", CLONE | RECURSIVE | O_CLOEXEC);
        return self->proc < 0 ? fail_errno(err, errno, "copy the mount of /proc") : 0;
}

static int confine(Error *err)
{
        static const char *const allowed[] = {
                "read",
                "write",
                "close",
                "fstat",
                "newfstatat",
                "openat",
                "getdents64",
                "readlinkat",
                "lseek",
                "mmap",
                "munmap",
                "mremap",
                "mprotect",
                "madvise",
                "brk",
                "futex",
                "epoll_ctl",
                "epoll_wait",
                "epoll_pwait",
                "accept4",
                "connect",
                "bind",
                "listen",
                "getsockname",
                "getpeername",
                "setsockopt",
                "getsockopt",
                "sendto",
                "recvfrom",
                "sendmsg",
                "recvmsg",
                "fcntl",
                "ioctl",
                "pidfd_open",
                "pidfd_getfd",
                "kcmp",
                "getpid",
                "geteuid",
                "getegid",
                "setresuid",
                "setresgid",
                "clock_gettime",
                "process_vm_readv",
                "exit",
                "exit_group",
                "rt_sigreturn",
                "rt_sigprocmask",
                "restart_syscall",
                "getrandom",
                "sched_yield",
        };
        const uint64_t keep = 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
        SeccompPolicy policy = {0};
        int r = confine_empty_view(err);

        if (r >= 0)
                r = confine_capabilities(keep, err);
        if (r < 0)
                return r;
        r = confine_allow(&policy, allowed, ELEMENTSOF(allowed));
        if (r >= 0)
                r = confine_allow_value(&policy, "socket", 0, AF_INET);
        if (r >= 0)
                r = confine_allow_value(&policy, "socket", 0, AF_INET6);
        r = r < 0 ? fail_memory(err) : confine_install(&policy, err);
        seccomp_policy_deinit(&policy);
        return r;
}

static int prepare(Switch *self, Error *err)
{
        int r;

        socklen_t length = sizeof(self->owner);

        helper_raise_limits();
        signal(SIGPIPE, SIG_IGN);
        list_init(&self->waiting);
        list_init(&self->dead);
        self->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (self->epoll < 0)
                return fail_errno(err, errno, "epoll");
        r = userns_enter(SWITCH_USER_NAMESPACE_FD);
        if (r < 0)
                return fail_errno(err, -r, "enter the user namespace of your containers");
        (void)getsockopt(SWITCH_CHANNEL_FD, SOL_SOCKET, SO_PEERCRED, &self->owner, &length);
        r = open_sockets(self, err);
        if (r >= 0)
                r = open_proc(self, err);
        if (r >= 0)
                r = confine(err);
        close(SWITCH_USER_NAMESPACE_FD);
        close(SWITCH_NETWORK_NAMESPACE_FD);
        return r;
}

/* ---- what comes ---- */

static int watch(Switch *self, void (*ready)(Switch *, SwitchSource *, uint32_t), int fd)
{
        struct epoll_event event = {.events = EPOLLIN};
        SwitchSource *source = calloc(1, sizeof(*source));

        if (!source)
                return -ENOMEM;
        *source = (SwitchSource){.ready = ready, .fd = fd};
        event.data.ptr = source;
        if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
                free(source);
                return -errno;
        }
        return 0;
}

static void forget(Switch *self, SwitchSource *source)
{
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, source->fd, NULL);
        close(source->fd);
        free(source);
}

static void notifier_ready(Switch *self, SwitchSource *source, uint32_t events)
{
        if (events & EPOLLIN)
                switch_take_call(self, source->fd);
        else if (events & (EPOLLHUP | EPOLLERR)) {
                /* the last process with this filter has gone */
                forget(self, source);
                self->notifiers--;
        }
}

static void channel_ready(Switch *self, SwitchSource *source, uint32_t events)
{
        int fd, r = socket_receive_fds(source->fd, MSG_DONTWAIT, &fd, 1);
        Error answer = ERROR_INIT;

        if (r >= 0) {
                (void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
                r = watch(self, notifier_ready, fd);
                if (r >= 0)
                        self->notifiers++;
                else
                        fail_errno(&answer, -r, "kelp-switch: watch the container's calls");
                (void)send(source->fd, &answer, sizeof(answer), MSG_NOSIGNAL);
                if (r < 0)
                        close(fd);
        }
        forget(self, source);
        self->channels--;
}

static void listener_ready(Switch *self, SwitchSource *source, uint32_t events)
{
        int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct ucred credentials;
        socklen_t length = sizeof(credentials);

        if (fd < 0)
                return;
        /* the folder is the user's alone already */
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0 ||
            credentials.uid != self->owner.uid || watch(self, channel_ready, fd) < 0)
                close(fd);
        else
                self->channels++;
}

static int loop(Switch *self)
{
        struct epoll_event events[EVENTS];

        while (self->notifiers || self->channels) {
                int count = epoll_wait(self->epoll, events, EVENTS, switch_sweep(self));

                if (count < 0 && errno != EINTR)
                        return 1;
                for (int i = 0; i < count; i++) {
                        SwitchSource *source = events[i].data.ptr;

                        if (source->fd >= 0)
                                source->ready(self, source, events[i].events);
                }
                switch_collect(self);
        }
        return 0;
}

int main(void)
{
        static Switch self = {.proc = -EBADF,
                              .inner_route = -EBADF,
                              .outer_route = -EBADF,
                              .fresh = {-EBADF, -EBADF},
                              .channels = 1};
        Error failed = ERROR_INIT;
        char byte;
        int r;

        if (fcntl(SWITCH_CHANNEL_FD, F_GETFD) < 0 || fcntl(SWITCH_NETWORK_NAMESPACE_FD, F_GETFD) < 0) {
                dprintf(STDERR_FILENO, "kelp-switch is started by kelp, not by hand\n");
                return 125;
        }
        if (fork() != 0)
                _exit(0);
        prctl(PR_SET_NAME, "kelp-switch");
        for (int fd = SWITCH_CHANNEL_FD; fd <= SWITCH_NETWORK_NAMESPACE_FD; fd++)
                (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        r = prepare(&self, &failed);
        if (r >= 0 && (watch(&self, channel_ready, SWITCH_CHANNEL_FD) < 0 ||
                       watch(&self, listener_ready, SWITCH_LISTENER_FD) < 0))
                r = fail(&failed, EIO, "epoll");
        if (r >= 0)
                return loop(&self);
        /* The init is told instead of being served. */
        fail_wrap(&failed, r, "kelp-switch");
        if (recv(SWITCH_CHANNEL_FD, &byte, 1, 0) == 1)
                (void)send(SWITCH_CHANNEL_FD, &failed, sizeof(failed), MSG_NOSIGNAL);
        return 1;
}
