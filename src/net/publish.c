/*
 * Published ports. The host's socket is bound as long as the port is published, so that nobody else can take
 * it; for TCP it listens exactly while the container does, which is looked up in the container's namespace
 * (sock_diag(7)): often at first, then now and then. shutdown(2) of a listening socket ends the listening and
 * keeps the port. A client of the host's loopback appears as the network's gateway, all others as themselves.
 */
#include "net/mover.h"

#include "base/cleanup.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

enum {
        LISTEN_BACKLOG = 4096,
        ACCEPT_BATCH = 64,
        LOOK_FIRST = 10, /* milliseconds between looks: a part of the age, within these */
        LOOK_LAST = 250,
        LOOK_PART = 16,
        DUMP_SIZE = 16 << 10,
        PORT_TRIES = 16,
        DATAGRAM_BATCH = 32,
        TCP_STATE_LISTEN = 10,
};

typedef struct PublicationSocket {
        MoverSource source;
        struct Publication *publication;
        bool listening;
} PublicationSocket;

typedef struct Publication {
        ListNode node; /* container->publications */
        ListNode all;  /* mover->publications */
        Endpoint *endpoint;
        NetdPort port;
        PublicationSocket sockets[2]; /* IPv4, IPv6 */
        uint64_t since;
} Publication;

static const int families[2] = {AF_INET, AF_INET6};

static void ready_tcp(Mover *mover, MoverSource *source, uint32_t events);
static void ready_udp(Mover *mover, MoverSource *source, uint32_t events);

/* ---- sockets of the host ---- */

static int explain_bind(Mover *mover, const NetdPort *port, int code, bool *ret_of_host, Error *err)
{
        const char *protocol = port->protocol == IPPROTO_UDP ? "udp" : "tcp";
        char address[NET_ADDRESS_TEXT_SIZE] = "0.0.0.0";

        if (net_address_set(&port->address))
                net_address_format(&port->address, address);
        if (code == EACCES) {
                fail_kind(err, ERROR_UNSUPPORTED, code,
                          "publish %s:%u/%s: this host lets plain users take ports from "
                          "net.ipv4.ip_unprivileged_port_start on only",
                          address, port->host_port, protocol);
                return fail_hint(
                        err,
                        "ask the administrator for: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=%u; "
                        "or "
                        "publish a higher port, and have the low one redirected to it: sudo nft add rule ip "
                        "nat prerouting %s dport %u redirect to :PORT",
                        port->host_port, protocol, port->host_port);
        }
        if (code != EADDRINUSE)
                return fail_errno(err, code, "publish %s:%u/%s", address, port->host_port, protocol);
        list_for_each(node, &mover->publications)
        {
                const Publication *other = list_element(node, Publication, all);

                if (other->port.host_port == port->host_port && other->port.protocol == port->protocol)
                        return fail_kind(
                                err, ERROR_CONFLICT, code,
                                "Bind for %s:%u failed: port is already allocated: container %s publishes "
                                "it",
                                address, port->host_port, other->endpoint->container->name);
        }
        *ret_of_host = true;
        fail_kind(err, ERROR_CONFLICT, code,
                  "Bind for %s:%u failed: port is already allocated: a process of the host has it", address,
                  port->host_port);
        return fail_hint(err, "ss -ln%cp 'sport = :%u' shows which", *protocol, port->host_port);
}

static int open_socket(Mover *mover, const NetdPort *port, size_t index, uint16_t number, int *ret)
{
        bool tcp = port->protocol == IPPROTO_TCP, v6 = families[index] == AF_INET6;
        NetSocketAddress address;
        socklen_t length = net_socket_address(&port->address, families[index], number, &address);
        int yes = 1, fd = mover_host_socket(mover, families[index], tcp ? SOCK_STREAM : SOCK_DGRAM, 0), r;

        if (fd < 0)
                return fd;
        if (!tcp)
                setsockopt(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &yes, sizeof(yes));
        if (v6)
                setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
        r = bind(fd, &address.generic, length);
        /* Only where it must be: two that allow it and do not listen yet could share a port. */
        if (r < 0 && errno == EADDRINUSE && tcp) {
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
                r = bind(fd, &address.generic, length);
        }
        if (r < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        *ret = fd;
        return 0;
}

static uint16_t bound_port(int fd)
{
        NetSocketAddress address;
        socklen_t length = sizeof(address);
        NetAddress own;
        uint16_t port = 0;

        if (getsockname(fd, &address.generic, &length) == 0)
                net_socket_address_split(&address, &own, &port);
        return port;
}

static bool wants_family(const NetdPort *port, size_t index)
{
        return !net_address_set(&port->address) || port->address.family == families[index];
}

static bool is_published(const Mover *mover, const NetdPort *port, uint16_t number)
{
        list_for_each(node, &mover->publications)
        {
                const NetdPort *other = &list_element(node, Publication, all)->port;

                if (number && other->host_port == number && other->protocol == port->protocol &&
                    (!net_address_set(&other->address) || !net_address_set(&port->address) ||
                     net_address_equal(&other->address, &port->address)))
                        return true;
        }
        return false;
}

/* Both families on one number. */
static int open_sockets(Mover *mover, Publication *publication, uint16_t number)
{
        uint16_t chosen = number;

        if (is_published(mover, &publication->port, number))
                return -EADDRINUSE;

        for (size_t i = 0; i < 2; i++) {
                MoverSource *source = &publication->sockets[i].source;
                int r;

                if (!wants_family(&publication->port, i))
                        continue;
                r = open_socket(mover, &publication->port, i, chosen, &source->fd);
                if (r == -EAFNOSUPPORT || (r == -EADDRNOTAVAIL && i == 1))
                        continue; /* a host without IPv6 */
                if (r < 0) {
                        for (size_t k = 0; k < i; k++)
                                cleanup_close(&publication->sockets[k].source.fd);
                        return r;
                }
                chosen = bound_port(source->fd);
        }
        publication->port.host_port = chosen;
        publication->port.host_last = 0;
        return chosen ? 0 : -EADDRNOTAVAIL;
}

static void publication_free(Mover *mover, Publication *publication)
{
        for (size_t i = 0; i < 2; i++) {
                if (publication->sockets[i].source.fd >= 0 && publication->port.protocol == IPPROTO_UDP)
                        datagram_drop_host_fd(mover, publication->sockets[i].source.fd);
                mover_forget(mover, &publication->sockets[i].source);
        }
        list_remove(&publication->node);
        list_remove(&publication->all);
        free(publication);
}

int publish_add(Mover *mover, Endpoint *endpoint, NetdPort *port, bool *ret_of_host, Error *err)
{
        uint32_t last = port->host_last ? port->host_last : port->host_port;
        Publication *publication = calloc(1, sizeof(*publication));
        int r = -EADDRINUSE;

        if (!publication)
                return fail_memory(err);
        publication->endpoint = endpoint;
        publication->port = *port;
        publication->since = mover->now;
        for (size_t i = 0; i < 2; i++)
                publication->sockets[i] = (PublicationSocket){
                        .source = {.ready = port->protocol == IPPROTO_TCP ? ready_tcp : ready_udp,
                                   .fd = -EBADF},
                        .publication = publication};
        if (port->host_port)
                for (uint32_t number = port->host_port; r == -EADDRINUSE && number <= last; number++)
                        r = open_sockets(mover, publication, (uint16_t)number);
        else
                for (int i = 0; r == -EADDRINUSE && i < PORT_TRIES; i++)
                        r = open_sockets(mover, publication, 0);
        for (size_t i = 0; r >= 0 && i < 2; i++)
                if (port->protocol == IPPROTO_UDP && publication->sockets[i].source.fd >= 0)
                        r = mover_watch(mover, &publication->sockets[i].source, EPOLLIN);
        if (r < 0) {
                publication_free(mover, publication);
                return explain_bind(mover, port, -r, ret_of_host, err);
        }
        *port = publication->port;
        list_append(&endpoint->container->publications, &publication->node);
        list_append(&mover->publications, &publication->all);
        mover->publications_next = 0;
        return 0;
}

int publish_remove(Mover *mover, Container *container, const NetdPort *port, Error *err)
{
        list_for_each(node, &container->publications)
        {
                Publication *publication = list_element(node, Publication, node);

                if (publication->port.protocol != port->protocol ||
                    publication->port.container_port != port->container_port ||
                    (port->host_port && publication->port.host_port != port->host_port))
                        continue;
                publication_free(mover, publication);
                return 0;
        }
        return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "container %s does not publish port %u/%s",
                         container->name, port->container_port,
                         port->protocol == IPPROTO_UDP ? "udp" : "tcp");
}

void publish_remove_all(Mover *mover, Container *container)
{
        while (!list_empty(&container->publications))
                publication_free(mover, list_element(container->publications.next, Publication, node));
}

void publish_remove_endpoint(Mover *mover, const Endpoint *endpoint)
{
        list_for_each(node, &endpoint->container->publications)
        {
                Publication *publication = list_element(node, Publication, node);

                if (publication->endpoint == endpoint)
                        publication_free(mover, publication);
        }
}

/* ---- does the container listen? ---- */

/* Marks the publications of @container whose port is listened on, by one dump of a family. */
static void look_family(const Container *container, int family, bool *ret_listening)
{
        struct {
                struct nlmsghdr header;
                struct inet_diag_req_v2 request;
        } request = {
                .header = {.nlmsg_len = sizeof(request),
                           .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                           .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                .request = {.sdiag_family = (uint8_t)family,
                            .sdiag_protocol = IPPROTO_TCP,
                            .idiag_states = 1U << TCP_STATE_LISTEN},
        };
        _Alignas(struct nlmsghdr) uint8_t buffer[DUMP_SIZE];

        if (send(container->diagnosis, &request, sizeof(request), 0) < 0)
                return;
        for (;;) {
                ssize_t length = recv(container->diagnosis, buffer, sizeof(buffer), 0);
                size_t left = length > 0 ? (size_t)length : 0;

                if (length <= 0)
                        return;
                for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, left);
                     header = NLMSG_NEXT(header, left)) {
                        const struct inet_diag_msg *message = NLMSG_DATA(header);
                        NetAddress bound = {.family = (uint16_t)family};
                        size_t index = 0;

                        if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
                                return;
                        memcpy(bound.bytes, message->id.idiag_src, family == AF_INET6 ? 16 : 4);
                        list_for_each(node, &container->publications)
                        {
                                Publication *publication = list_element(node, Publication, node);

                                if (ntohs(message->id.idiag_sport) == publication->port.container_port &&
                                    !net_address_is_loopback(&bound))
                                        ret_listening[index] = true;
                                index++;
                        }
                }
        }
}

static void set_listening(Mover *mover, Publication *publication, bool listening)
{
        int reuse = listening;

        for (size_t i = 0; i < 2; i++) {
                PublicationSocket *socket = &publication->sockets[i];

                if (socket->source.fd < 0 || socket->listening == listening)
                        continue;
                /* Connections inherit it: those in TIME_WAIT are then not in the way of who binds the port
                 * anew. */
                setsockopt(socket->source.fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
                if (listening) {
                        if (listen(socket->source.fd, LISTEN_BACKLOG) < 0 ||
                            mover_watch(mover, &socket->source, EPOLLIN) < 0)
                                continue;
                } else {
                        epoll_ctl(mover->epoll, EPOLL_CTL_DEL, socket->source.fd, NULL);
                        shutdown(socket->source.fd, SHUT_RDWR);
                }
                socket->listening = listening;
        }
}

static void look(Mover *mover, Container *container)
{
        bool listening[NETD_PORTS_MAXIMUM * 2] = {false};
        size_t index = 0;

        if (container->diagnosis >= 0) {
                look_family(container, AF_INET, listening);
                look_family(container, AF_INET6, listening);
        } else {
                memset(listening, true, sizeof(listening)); /* a kernel that does not tell */
        }
        list_for_each(node, &container->publications)
        {
                Publication *publication = list_element(node, Publication, node);

                if (publication->port.protocol == IPPROTO_TCP)
                        set_listening(mover, publication, listening[index]);
                index++;
        }
}

int publish_poll(Mover *mover)
{
        uint64_t soonest = UINT64_MAX;

        if (list_empty(&mover->publications))
                return -1;
        if (mover->now < mover->publications_next)
                return (int)(mover->publications_next - mover->now);
        list_for_each(node, &mover->directory.containers)
        {
                Container *container = list_element(node, Container, node);
                uint64_t age, wait;

                if (list_empty(&container->publications))
                        continue;
                look(mover, container);
                age = mover->now - list_element(container->publications.previous, Publication, node)->since;
                wait = age / LOOK_PART;
                wait = wait < LOOK_FIRST ? LOOK_FIRST : wait > LOOK_LAST ? LOOK_LAST : wait;
                soonest = wait < soonest ? wait : soonest;
        }
        if (soonest == UINT64_MAX)
                return -1;
        mover->publications_next = mover->now + soonest;
        return (int)soonest;
}

/* ---- clients ---- */

/* Who the container sees: the client, unless that is an address that would not find the way back. */
static void choose_source(const Endpoint *endpoint, NetAddress *source, uint16_t *port)
{
        const NetdNetwork *network = &endpoint->network->spec;
        bool v6 = source->family == AF_INET6;
        const NetAddress *target = v6 ? &endpoint->spec.ip6 : &endpoint->spec.ip4;

        if (!net_address_set(target)) {
                *source = v6 ? network->gateway4 : network->gateway6;
                *port = 0;
        } else if (net_address_is_loopback(source) ||
                   net_prefix_contains(v6 ? &network->subnet6 : &network->subnet4, source)) {
                *source = v6 ? network->gateway6 : network->gateway4;
                *port = 0;
        }
}

static void ready_tcp(Mover *mover, MoverSource *source, uint32_t events)
{
        Publication *publication = ((PublicationSocket *)source)->publication;

        for (int i = 0; i < ACCEPT_BATCH; i++) {
                NetSocketAddress peer;
                socklen_t length = sizeof(peer);
                int fd = accept4(source->fd, &peer.generic, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
                NetAddress address;
                uint16_t port;

                if (fd < 0 && (errno == EMFILE || errno == ENFILE) && mover_make_room(mover))
                        continue;
                if (fd < 0)
                        return;
                net_socket_address_split(&peer, &address, &port);
                choose_source(publication->endpoint, &address, &port);
                tcp_publish(mover, publication->endpoint, fd, &address, port,
                            publication->port.container_port);
        }
}

/* Where the client sent it, which is where answers must come from. */
static NetAddress local_address(struct msghdr *message)
{
        NetAddress address = {0};

        for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
             control = CMSG_NXTHDR(message, control)) {
                if (control->cmsg_level == SOL_IP && control->cmsg_type == IP_PKTINFO) {
                        struct in_pktinfo info;

                        memcpy(&info, CMSG_DATA(control), sizeof(info));
                        address.family = AF_INET;
                        memcpy(address.bytes, &info.ipi_addr, 4);
                } else if (control->cmsg_level == SOL_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
                        struct in6_pktinfo info;

                        memcpy(&info, CMSG_DATA(control), sizeof(info));
                        address.family = AF_INET6;
                        memcpy(address.bytes, &info.ipi6_addr, 16);
                }
        }
        return address;
}

static void ready_udp(Mover *mover, MoverSource *source, uint32_t events)
{
        Publication *publication = ((PublicationSocket *)source)->publication;

        for (int i = 0; i < DATAGRAM_BATCH; i++) {
                _Alignas(struct cmsghdr) uint8_t control[128];
                NetSocketAddress peer;
                struct iovec vector = {mover->datagrams, MOVER_DATAGRAM_SIZE};
                struct msghdr message = {.msg_name = &peer,
                                         .msg_namelen = sizeof(peer),
                                         .msg_iov = &vector,
                                         .msg_iovlen = 1,
                                         .msg_control = control,
                                         .msg_controllen = sizeof(control)};
                DatagramOrigin origin = {.host_fd = source->fd, .port = publication->port.container_port};
                ssize_t length = recvmsg(source->fd, &message, MSG_DONTWAIT);

                if (length < 0)
                        return;
                net_socket_address_split(&peer, &origin.client, &origin.client_port);
                origin.local = local_address(&message);
                datagram_publish(mover, publication->endpoint, &origin, mover->datagrams, (size_t)length);
        }
}
