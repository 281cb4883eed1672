/*
 * kelp-switch: a container's TCP connections to the world become sockets of the host, in the moment in which
 * they are made, and have the host's own speed. It gets the calls connect(2), bind(2) and listen(2) of the
 * container (seccomp_unotify(2)), with copies of its descriptors (pidfd_getfd(2)):
 *
 *   container           kelp-switch                                      kernel
 *     | connect(3, …)      |                                               |
 *     |───── waits ──────> | reads the address, once                       |
 *     |                    | goes to the world, by a new TCP socket?       |
 *     |                    |   yes: socket of the host, same options ────> | connect(2)
 *     |                    |        becomes 3 of the container (ADDFD)     |
 *     |                    |   no: connects the container's own socket ──> | as without us
 *     | <──── answer ───── |                                               |
 *
 * What is not switched (UDP, the container's own network, connections to it, whatever is refused or granted
 * by kelp-netd) goes by the network that the container is on. Three rules keep it closed:
 *
 *   1. A socket of the host is given out only for an address that any container may reach
 *      (net_address_forbidden()), by a route that leads out of the host, and is bound to that interface for
 *      ever: nothing that is done with it later reaches the host's loopback, not even elsewhere.
 *   2. A call on a TCP socket never goes on: we make it, with what we have read. Calls on others go on, and
 *      cannot become calls on TCP sockets meanwhile: Landlock refuses those (runtime/switch.h).
 *   3. Calls that connect otherwise (MSG_FASTOPEN, io_uring) are refused by the filter.
 *
 * A socket that is known elsewhere already (another descriptor, an epoll set) is not switched: the other
 * place would keep the old one.
 */
#pragma once

#include "net/address.h"
#include "net/list.h"

#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { SWITCH_ANSWERS = 64 };

typedef struct Switch Switch;

/* Something in the epoll set; the first member of what it stands for. */
typedef struct SwitchSource {
        void (*ready)(Switch *self, struct SwitchSource *source, uint32_t events);
        int fd;
} SwitchSource;

/* A connection was made, but the call that asked for it had been interrupted: the next one gets the answer.
 */
typedef struct SwitchAnswer {
        uint64_t cookie; /* SO_COOKIE; 0: none */
        int result;
} SwitchAnswer;

struct Switch {
        int epoll;
        int proc;              /* /proc, apart from the rest of the host's files */
        int inner_route;       /* NETLINK_ROUTE in the container's network namespace */
        int outer_route;       /* in the host's */
        uint64_t outer_cookie; /* SO_NETNS_COOKIE of the host's */
        int fresh[2];          /* sockets of the container's, IPv4 and IPv6, on which nothing was set */
        SwitchSource listener; /* processes of exec come here */
        ListNode waiting;      /* connections being made for a call that waits */
        ListNode dead;         /* freed at the end of the turn */
        struct ucred owner;    /* who has started us */
        size_t notifiers;      /* filters whose processes live */
        size_t channels;       /* from which a filter is still to come */
        SwitchAnswer answers[SWITCH_ANSWERS];
        size_t answer_next;
};

/* ---- switch-socket.c ---- */

typedef struct SwitchSocket {
        int fd; /* a copy */
        int domain, type, protocol;
        bool outer; /* of the host's network namespace */
        uint64_t inode;
} SwitchSocket;

/* Descriptor @number of thread @tid. 0, or the negative errno that the call is to have. */
int switch_socket_open(const Switch *self, pid_t tid, int number, SwitchSocket *ret);
static inline bool switch_socket_is_stream(const SwitchSocket *socket)
{
        return (socket->domain == AF_INET || socket->domain == AF_INET6) && socket->type == SOCK_STREAM;
}
/* Not connected, not bound, nothing special about it. */
bool switch_socket_is_plain(const SwitchSocket *socket);
/* Another descriptor of the process, or an epoll set of it, has the socket too; true when that cannot be
 * told. */
bool switch_socket_is_shared(const Switch *self, pid_t tid, int number, const SwitchSocket *socket);
/* A non-blocking socket of the host like @socket, on interface @index. Descriptor or a negative errno. */
int switch_socket_make(const Switch *self, const SwitchSocket *socket, uint32_t index);
/* Its effective user and group, as our user namespace numbers them. */
int switch_thread_ids(const Switch *self, pid_t tid, uid_t *ret_uid, gid_t *ret_gid);
/* O_CLOEXEC or 0. */
int switch_descriptor_flags(const Switch *self, pid_t tid, int number);

/* ---- switch-route.c ---- */

int switch_route_open(void);
/* Whether @destination lies in the world for both the container and the host; then *ret_index is the host's
 * interface. */
bool switch_route_leads_out(const Switch *self, const NetAddress *destination, uint32_t *ret_index);

/* ---- switch-call.c ---- */

/* One call that waits. */
void switch_take_call(Switch *self, int notifier);
/* Gives up connections for which nobody waits any more. Milliseconds until the next time, -1: when something
 * happens. */
int switch_sweep(Switch *self);
void switch_collect(Switch *self);
