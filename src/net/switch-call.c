/* The calls of a container that wait for kelp-switch: what is answered, and when. */
#include "net/switch.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

enum { SWEEP_MILLISECONDS = 1000 };

typedef struct Call {
        Switch *self;
        int notifier;
        uint64_t id;
        pid_t tid;
        int number; /* the descriptor */
        SwitchSocket socket;
        union {
                struct sockaddr_storage storage;
                NetSocketAddress ip;
        } address;
        socklen_t address_length;
} Call;

/* A connection being made, while the call waits. */
typedef struct Waiting {
        SwitchSource source; /* the socket that is connected */
        ListNode node;       /* self->waiting, ->dead */
        Call call;
        bool switched;     /* the socket is one of the host, to be given out */
        bool in_place;     /* it is the container's, which blocks again when we are done */
        uint64_t deadline; /* SO_SNDTIMEO; 0: none */
} Waiting;

static uint64_t milliseconds(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* ---- answers ---- */

/* False: nobody waits for it any more. */
static bool answer(const Call *call, int result)
{
        struct seccomp_notif_resp response = {.id = call->id, .error = result};

        return ioctl(call->notifier, SECCOMP_IOCTL_NOTIF_SEND, &response) >= 0;
}

/* Only for sockets that are not TCP: see switch.h. */
static void let_go_on(const Call *call)
{
        struct seccomp_notif_resp response = {.id = call->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

        (void)ioctl(call->notifier, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static bool is_waited_for(const Call *call)
{
        return ioctl(call->notifier, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) >= 0;
}

static uint64_t socket_cookie(int fd)
{
        uint64_t cookie = 0;
        socklen_t length = sizeof(cookie);

        return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0 ? 0 : cookie;
}

/* The socket takes the place of the descriptor, with its flags. */
static void give_out(const Call *call, int fd, int result)
{
        Switch *self = call->self;
        struct seccomp_notif_addfd order = {.id = call->id,
                                            .flags = SECCOMP_ADDFD_FLAG_SETFD,
                                            .srcfd = (uint32_t)fd,
                                            .newfd = (uint32_t)call->number};
        int flags = fcntl(call->socket.fd, F_GETFL);

        order.newfd_flags = (uint32_t)switch_descriptor_flags(self, call->tid, call->number);
        if (!(flags & O_NONBLOCK))
                (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        if (ioctl(call->notifier, SECCOMP_IOCTL_NOTIF_ADDFD, &order) < 0) {
                (void)answer(call, -errno);
                return;
        }
        /* A signal came in between: the call is made once more, on the new socket. */
        if (!answer(call, result)) {
                self->answers[self->answer_next] = (SwitchAnswer){socket_cookie(fd), result};
                self->answer_next = (self->answer_next + 1) % SWITCH_ANSWERS;
        }
}

/* 1 and the result, when it had one that was not heard. */
static int find_answer(const Call *call, int *ret)
{
        uint64_t cookie = socket_cookie(call->socket.fd);

        for (size_t i = 0; cookie && i < SWITCH_ANSWERS; i++) {
                SwitchAnswer *known = &call->self->answers[i];

                if (known->cookie != cookie)
                        continue;
                known->cookie = 0;
                *ret = known->result;
                return 1;
        }
        return 0;
}

/* ---- connections that take their time ---- */

static void set_blocking(int fd, bool blocking)
{
        int flags = fcntl(fd, F_GETFL);

        if (flags >= 0)
                (void)fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static void waiting_close(Switch *self, Waiting *waiting)
{
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, waiting->source.fd, NULL);
        if (waiting->in_place)
                set_blocking(waiting->source.fd, true);
        if (waiting->source.fd != waiting->call.socket.fd)
                cleanup_close(&waiting->source.fd);
        waiting->source.fd = -EBADF;
        cleanup_close(&waiting->call.socket.fd);
        list_move_last(&self->dead, &waiting->node);
}

static void waiting_finish(Switch *self, Waiting *waiting, int result)
{
        if (waiting->in_place)
                set_blocking(waiting->source.fd, true);
        waiting->in_place = false;
        if (waiting->switched && (result == 0 || result == -EINPROGRESS))
                give_out(&waiting->call, waiting->source.fd, result);
        else
                (void)answer(&waiting->call, result);
        waiting_close(self, waiting);
}

static int connect_now(const Call *call, int fd)
{
        return connect(fd, (const struct sockaddr *)&call->address, call->address_length) < 0 ? -errno : 0;
}

/* Asked once more, the kernel tells how it went, and remembers that it was told. */
static void waiting_ready(Switch *self, SwitchSource *source, uint32_t events)
{
        Waiting *waiting = (Waiting *)source;

        waiting_finish(self, waiting, connect_now(&waiting->call, source->fd));
}

/* Takes @fd (the call's own, or one of the host) and the call's descriptor. */
static void wait_for_connection(const Call *call, int fd, bool switched)
{
        Switch *self = call->self;
        struct epoll_event event = {.events = EPOLLOUT};
        struct timeval patience = {0};
        socklen_t length = sizeof(patience);
        Waiting *waiting = calloc(1, sizeof(*waiting));

        if (!waiting) {
                (void)answer(call, -ENOMEM);
                if (switched)
                        close(fd);
                else
                        set_blocking(fd, true);
                close(call->socket.fd);
                return;
        }
        *waiting = (Waiting){.source = {.ready = waiting_ready, .fd = fd},
                             .call = *call,
                             .switched = switched,
                             .in_place = !switched};
        if (getsockopt(call->socket.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, &length) >= 0 &&
            (patience.tv_sec || patience.tv_usec))
                waiting->deadline = milliseconds() + (uint64_t)patience.tv_sec * 1000 +
                                    (uint64_t)patience.tv_usec / 1000 + 1;
        list_append(&self->waiting, &waiting->node);
        event.data.ptr = &waiting->source;
        if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                waiting_finish(self, waiting, -errno);
}

int switch_sweep(Switch *self)
{
        uint64_t now = milliseconds();
        int next = -1;

        list_for_each(node, &self->waiting)
        {
                Waiting *waiting = list_element(node, Waiting, node);

                if (!is_waited_for(&waiting->call)) {
                        waiting_close(self, waiting);
                        continue;
                }
                if (waiting->deadline && waiting->deadline <= now) {
                        waiting_finish(self, waiting, -EINPROGRESS);
                        continue;
                }
                if (next < 0 || next > SWEEP_MILLISECONDS)
                        next = SWEEP_MILLISECONDS;
                if (waiting->deadline && waiting->deadline - now < (uint64_t)next)
                        next = (int)(waiting->deadline - now);
        }
        return next;
}

void switch_collect(Switch *self)
{
        while (!list_empty(&self->dead)) {
                Waiting *waiting = list_element(self->dead.next, Waiting, node);

                list_remove(&waiting->node);
                free(waiting);
        }
}

/* ---- connect ---- */

/* 0, or what the call is to have. What is not there now never was there for us. */
static int read_address(Call *call, uint64_t pointer, uint64_t length)
{
        struct iovec own = {&call->address, (size_t)(uint32_t)length},
                     other = {(void *)(uintptr_t)pointer, (size_t)(uint32_t)length};

        /* an int, as the kernel takes it */
        if ((int)length < 0 || (uint32_t)length > sizeof(call->address))
                return -EINVAL;
        call->address_length = (socklen_t)length;
        if (length && syscall(SYS_process_vm_readv, call->tid, &own, 1, &other, 1, 0) != (long)own.iov_len)
                return -EFAULT;
        return is_waited_for(call) ? 0 : -EINTR;
}

/* The address is one that sockets of the host may be given out for. */
static bool leads_out(const Call *call, uint32_t *ret_index)
{
        sa_family_t family = call->address.storage.ss_family;
        size_t needed = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        NetAddress destination;
        uint16_t port;

        if ((family != AF_INET && family != AF_INET6) || family != call->socket.domain ||
            call->address_length < needed)
                return false;
        net_socket_address_split(&call->address.ip, &destination, &port);
        return port != 0 && switch_route_leads_out(call->self, &destination, ret_index);
}

/* By the container's own socket. */
static void connect_in_place(const Call *call)
{
        bool blocks = !(fcntl(call->socket.fd, F_GETFL) & O_NONBLOCK);
        int r;

        if (blocks)
                set_blocking(call->socket.fd, false);
        r = connect_now(call, call->socket.fd);
        if (blocks && (r == -EINPROGRESS || r == -EALREADY)) {
                wait_for_connection(call, call->socket.fd, false);
                return;
        }
        if (blocks)
                set_blocking(call->socket.fd, true);
        (void)answer(call, r);
        close(call->socket.fd);
}

static void connect_outside(const Call *call, uint32_t index)
{
        bool blocks = !(fcntl(call->socket.fd, F_GETFL) & O_NONBLOCK);
        int fd = switch_socket_make(call->self, &call->socket, index);
        int r = fd < 0 ? fd : connect_now(call, fd);

        if (r == -EINPROGRESS && blocks) {
                wait_for_connection(call, fd, true);
                return;
        }
        if (r == 0 || r == -EINPROGRESS)
                give_out(call, fd, r);
        else
                (void)answer(call, r);
        cleanup_close(&fd);
        close(call->socket.fd);
}

static void take_connect(Call *call, const struct seccomp_notif *notification)
{
        bool out = false, unspecified;
        uint32_t index = 0;
        int r = read_address(call, notification->data.args[1], notification->data.args[2]);

        if (r == 0 && call->socket.outer && find_answer(call, &r) > 0) {
                (void)answer(call, r);
                close(call->socket.fd);
                return;
        }
        if (r < 0) {
                (void)answer(call, r);
                close(call->socket.fd);
                return;
        }
        unspecified =
                call->address_length >= sizeof(sa_family_t) && call->address.storage.ss_family == AF_UNSPEC;
        if (!unspecified)
                out = leads_out(call, &index);
        if (call->socket.outer && !unspecified && !out) {
                /* What a container's own socket would be told by kelp-netd. */
                (void)answer(call, -EACCES);
                close(call->socket.fd);
        } else if (!call->socket.outer && out && switch_socket_is_plain(&call->socket) &&
                   !switch_socket_is_shared(call->self, call->tid, call->number, &call->socket)) {
                connect_outside(call, index);
        } else {
                connect_in_place(call);
        }
}

/* ---- bind, listen ---- */

/* A socket of the host would be bound there. */
static void take_bind(Call *call, const struct seccomp_notif *notification)
{
        int r = read_address(call, notification->data.args[1], notification->data.args[2]);

        if (r == 0 && call->socket.outer)
                r = -EINVAL;
        if (r == 0 &&
            bind(call->socket.fd, (const struct sockaddr *)&call->address, call->address_length) < 0)
                r = -errno;
        (void)answer(call, r);
        close(call->socket.fd);
}

/* Clients of a unix socket see who has called listen(2) on it: the user who asks does. */
static int listen_as(const Call *call, int backlog)
{
        uid_t own_uid = geteuid(), uid = own_uid;
        gid_t own_gid = getegid(), gid = own_gid;
        int r;

        if (switch_thread_ids(call->self, call->tid, &uid, &gid) < 0)
                return -EPERM;
        /* the group first, and last: it takes the privileges of the user */
        if (syscall(SYS_setresgid, -1, gid, -1) < 0 || syscall(SYS_setresuid, -1, uid, -1) < 0)
                return -EPERM;
        r = listen(call->socket.fd, backlog) < 0 ? -errno : 0;
        if (syscall(SYS_setresuid, -1, own_uid, -1) < 0 || syscall(SYS_setresgid, -1, own_gid, -1) < 0)
                _exit(1);
        return r;
}

static void take_listen(Call *call, const struct seccomp_notif *notification)
{
        int backlog = (int)notification->data.args[1];

        if (call->socket.outer && switch_socket_is_stream(&call->socket))
                (void)answer(call, -EINVAL);
        else if (switch_socket_is_stream(&call->socket))
                (void)answer(call, listen(call->socket.fd, backlog) < 0 ? -errno : 0);
        else
                (void)answer(call, listen_as(call, backlog));
        close(call->socket.fd);
}

void switch_take_call(Switch *self, int notifier)
{
        struct seccomp_notif notification = {0};
        Call call = {.self = self, .notifier = notifier};
        int r;

        if (ioctl(notifier, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0)
                return; /* interrupted meanwhile */
        call.id = notification.id;
        call.tid = (pid_t)notification.pid;
        call.number = (int)notification.data.args[0];
        r = switch_socket_open(self, call.tid, call.number, &call.socket);
        if (r < 0)
                (void)answer(&call, r);
        else if (notification.data.nr == SYS_listen)
                take_listen(&call, &notification);
        else if (!switch_socket_is_stream(&call.socket)) {
                let_go_on(&call);
                close(call.socket.fd);
        } else if (notification.data.nr == SYS_bind)
                take_bind(&call, &notification);
        else
                take_connect(&call, &notification);
}
