/*
 * UDP and ICMP echo. The first datagram of a flow is handed to one socket that takes all (TPROXY, which puts
 * fragments together); a pair of sockets is made for the flow:
 *
 *   container <──> inner (transparent: has the far end's address) <── copied here ──> outer (the host's) <──>
 * world
 *
 * From then on the kernel delivers to the inner socket by itself (the rule "socket transparent"), several
 * datagrams at once where they were sent so (UDP_GRO), and they leave as such (UDP_SEGMENT). ICMP errors of
 * the outer socket's error queue are given to the container with their type, code and sender, by the uplink.
 * A flow of a published port has no outer socket of its own but the client's address on the published one.
 * Echo requests come and are answered by the uplink: a socket cannot be transparent for them.
 */
#include "net/mover.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

enum {
        FLOWS_MAXIMUM = 8192,
        UNANSWERED_MILLISECONDS = 30000,
        ANSWERED_MILLISECONDS = 180000,
        NAME_MILLISECONDS = 10000, /* of port 53: one answer is all */
        ROUNDS = 8,                /* batches of one flow before others get a turn */
        BUFFER_SIZE = 4 << 20,
        CONTROL_SIZE = 256,
        HOPS_TAKEN_OVER = 32, /* a hop limit below is meant (traceroute) and kept */
        DNS_PORT = 53,
        ECHO_REQUEST4 = 8,
        ECHO_REQUEST6 = 128,
        ECHO_PIECE = 8192, /* a fragment of a large echo reply */
};

typedef struct DatagramFlow DatagramFlow;

typedef struct DatagramSide {
        MoverSource source;
        DatagramFlow *flow;
} DatagramSide;

struct DatagramFlow {
        ListNode node;  /* mover->datagram_flows or ->datagram_dead */
        ListNode table; /* a bucket */
        FlowKey key;    /* as the container sees it; echo: the identifier is the source port */
        Endpoint *endpoint;
        DatagramSide inner, outer;
        DatagramOrigin origin; /* of a published port; host_fd -EBADF: none */
        uint64_t active;
        bool answered, dead;
};

int datagram_init(Mover *mover, Error *err)
{
        static const struct {
                int family, protocol;
        } echoes[2] = {{AF_INET, IPPROTO_ICMP}, {AF_INET6, IPPROTO_ICMPV6}};

        list_init(&mover->datagram_flows);
        list_init(&mover->datagram_dead);
        mover->datagram_table = calloc(MOVER_HASH_SIZE, sizeof(*mover->datagram_table));
        mover->datagrams = malloc((size_t)MOVER_DATAGRAM_BATCH * MOVER_DATAGRAM_SIZE);
        if (!mover->datagram_table || !mover->datagrams)
                return fail_memory(err);
        for (size_t i = 0; i < MOVER_HASH_SIZE; i++)
                list_init(&mover->datagram_table[i]);
        for (size_t i = 0; i < 2; i++) {
                int fd = socket(echoes[i].family, SOCK_DGRAM | SOCK_CLOEXEC, echoes[i].protocol);

                mover->echo_allowed[i] = fd >= 0;
                if (fd >= 0)
                        close(fd);
        }
        return 0;
}

/* ---- flows ---- */

static DatagramFlow *find_flow(Mover *mover, const FlowKey *key, int host_fd)
{
        list_for_each(node, &mover->datagram_table[mover_hash(key)])
        {
                DatagramFlow *flow = list_element(node, DatagramFlow, table);

                if (flow->origin.host_fd == host_fd && mover_key_equal(&flow->key, key))
                        return flow;
        }
        return NULL;
}

static void flow_close(Mover *mover, DatagramFlow *flow)
{
        if (flow->dead)
                return;
        flow->dead = true;
        mover_forget(mover, &flow->inner.source);
        mover_forget(mover, &flow->outer.source);
        list_remove(&flow->table);
        list_move_last(&mover->datagram_dead, &flow->node);
        mover->datagram_count--;
}

void datagram_collect(Mover *mover)
{
        while (!list_empty(&mover->datagram_dead)) {
                DatagramFlow *flow = list_element(mover->datagram_dead.next, DatagramFlow, node);

                list_remove(&flow->node);
                free(flow);
        }
}

static void inner_ready(Mover *mover, MoverSource *source, uint32_t events);
static void outer_ready(Mover *mover, MoverSource *source, uint32_t events);

static DatagramFlow *flow_new(Mover *mover, Endpoint *endpoint, const FlowKey *key)
{
        DatagramFlow *flow;

        if (mover->datagram_count >= FLOWS_MAXIMUM && !datagram_evict(mover))
                return NULL;
        flow = calloc(1, sizeof(*flow));
        if (!flow)
                return NULL;
        flow->key = *key;
        flow->endpoint = endpoint;
        flow->origin.host_fd = -EBADF;
        flow->inner = (DatagramSide){.source = {.ready = inner_ready, .fd = -EBADF}, .flow = flow};
        flow->outer = (DatagramSide){.source = {.ready = outer_ready, .fd = -EBADF}, .flow = flow};
        flow->active = mover->now;
        list_append(&mover->datagram_flows, &flow->node);
        list_append(&mover->datagram_table[mover_hash(key)], &flow->table);
        mover->datagram_count++;
        endpoint->flows++;
        return flow;
}

static void set_buffers(int fd)
{
        int size = BUFFER_SIZE, yes = 1;

        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        setsockopt(fd, SOL_UDP, UDP_GRO, &yes, sizeof(yes));
}

/* Bound to what the container takes for the far end, and connected to the container. */
static int open_inner(Mover *mover, DatagramFlow *flow, const NetAddress *own, uint16_t own_port,
                      const NetAddress *container, uint16_t container_port)
{
        NetSocketAddress from, to;
        socklen_t from_length = net_socket_address(own, 0, own_port, &from),
                  to_length = net_socket_address(container, 0, container_port, &to);
        int fd = mover_inner_socket(mover, own->family, SOCK_DGRAM);

        flow->inner.source.fd = fd;
        if (fd < 0)
                return fd;
        set_buffers(fd);
        if (bind(fd, &from.generic, from_length) < 0 || connect(fd, &to.generic, to_length) < 0)
                return -errno;
        return mover_watch(mover, &flow->inner.source, EPOLLIN);
}

static int open_outer(Mover *mover, DatagramFlow *flow, const NetAddress *destination, uint16_t port,
                      int protocol)
{
        NetSocketAddress to;
        socklen_t length = net_socket_address(destination, 0, port, &to);
        int fd = mover_host_socket(mover, destination->family, SOCK_DGRAM, protocol), yes = 1;

        flow->outer.source.fd = fd;
        if (fd < 0)
                return fd;
        if (destination->family == AF_INET6)
                setsockopt(fd, SOL_IPV6, IPV6_RECVERR, &yes, sizeof(yes));
        else
                setsockopt(fd, SOL_IP, IP_RECVERR, &yes, sizeof(yes));
        if (protocol == IPPROTO_UDP)
                set_buffers(fd);
        if (connect(fd, &to.generic, length) < 0)
                return -errno;
        return mover_watch(mover, &flow->outer.source, EPOLLIN);
}

/* ---- errors ---- */

/* What the container sent, as far as an error quotes it. */
static void rebuild_packet(const FlowKey *key, uint8_t data[static PACKET_HEADERS_MAXIMUM], Packet *ret)
{
        bool v6 = key->source.family == AF_INET6;
        size_t header = packet_ip_header(key->source.family), length;

        if (key->protocol == IPPROTO_UDP) {
                length = packet_build_udp(&key->source, key->source_port, &key->destination,
                                          key->destination_port, 0, data);
        } else {
                uint8_t echo[8] = {
                        v6 ? ECHO_REQUEST6 : ECHO_REQUEST4, 0, 0, 0, (uint8_t)(key->source_port >> 8),
                        (uint8_t)key->source_port};

                memcpy(data + header, echo, sizeof(echo));
                length = packet_build_icmp(&key->source, &key->destination, sizeof(echo), data);
        }
        if (packet_parse(data, length, ret) < 0)
                *ret = (Packet){0};
}

static void send_error(Mover *mover, const Packet *packet, const PacketError *error,
                       const NetAddress *reporter)
{
        uint8_t answer[PACKET_ERROR_MAXIMUM];

        if (packet->data)
                uplink_write(&mover->uplink, answer, packet_build_error(packet, error, reporter, answer));
}

static void send_errno(Mover *mover, const FlowKey *key, int code)
{
        uint8_t data[PACKET_HEADERS_MAXIMUM];
        PacketError error;
        Packet packet;

        switch (code) {
        case EACCES:
        case EPERM:
                error = packet_error(key->source.family, PACKET_UNREACHABLE_PROHIBITED);
                break;
        case EHOSTUNREACH:
                error = packet_error(key->source.family, PACKET_UNREACHABLE_HOST);
                break;
        case ECONNREFUSED:
                error = packet_error(key->source.family, PACKET_UNREACHABLE_PORT);
                break;
        default:
                error = packet_error(key->source.family, PACKET_UNREACHABLE_NETWORK);
                break;
        }
        rebuild_packet(key, data, &packet);
        send_error(mover, &packet, &error, NULL);
}

/* One entry of the error queue. */
static void take_error(Mover *mover, DatagramFlow *flow, struct msghdr *message)
{
        for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
             control = CMSG_NXTHDR(message, control)) {
                bool v4 = control->cmsg_level == SOL_IP && control->cmsg_type == IP_RECVERR;
                bool v6 = control->cmsg_level == SOL_IPV6 && control->cmsg_type == IPV6_RECVERR;
                uint8_t data[PACKET_HEADERS_MAXIMUM];
                struct sock_extended_err extended;
                NetAddress reporter = {0};
                PacketError error;
                Packet packet;
                uint16_t port;

                if (!v4 && !v6)
                        continue;
                memcpy(&extended, CMSG_DATA(control), sizeof(extended));
                rebuild_packet(&flow->key, data, &packet);
                error = (PacketError){extended.ee_type, extended.ee_code, 0};
                if (extended.ee_errno == EMSGSIZE) {
                        error = packet_error(packet.source.family, PACKET_TOO_BIG);
                        error.mtu = extended.ee_info;
                } else if (extended.ee_origin != SO_EE_ORIGIN_ICMP &&
                           extended.ee_origin != SO_EE_ORIGIN_ICMP6) {
                        send_errno(mover, &flow->key, (int)extended.ee_errno);
                        continue;
                } else {
                        NetSocketAddress offender;

                        memcpy(&offender, CMSG_DATA(control) + sizeof(extended),
                               v4 ? sizeof(offender.v4) : sizeof(offender.v6));
                        if (offender.generic.sa_family == packet.source.family)
                                net_socket_address_split(&offender, &reporter, &port);
                }
                send_error(mover, &packet, &error, net_address_set(&reporter) ? &reporter : NULL);
        }
}

static void take_errors(Mover *mover, DatagramFlow *flow)
{
        for (int i = 0; i < ROUNDS; i++) {
                uint8_t payload[8], control[CONTROL_SIZE];
                struct iovec vector = {payload, sizeof(payload)};
                struct msghdr message = {.msg_iov = &vector,
                                         .msg_iovlen = 1,
                                         .msg_control = control,
                                         .msg_controllen = sizeof(control)};

                if (recvmsg(flow->outer.source.fd, &message, MSG_ERRQUEUE) < 0)
                        return;
                take_error(mover, flow, &message);
        }
}

/* ---- moving ---- */

/* How a datagram is sent: to whom on an unconnected socket, and from which address. */
typedef struct Target {
        int fd;
        NetSocketAddress to;
        socklen_t to_length; /* 0: connected */
        NetAddress from;     /* none: the kernel's choice */
} Target;

static void add_control(struct msghdr *message, int level, int type, const void *data, size_t length)
{
        struct cmsghdr *control =
                (struct cmsghdr *)(void *)((uint8_t *)message->msg_control + message->msg_controllen);

        control->cmsg_level = level;
        control->cmsg_type = type;
        control->cmsg_len = CMSG_LEN(length);
        memcpy(CMSG_DATA(control), data, length);
        message->msg_controllen += CMSG_SPACE(length);
}

static void add_source(struct msghdr *message, const NetAddress *from, int family)
{
        if (family == AF_INET6) {
                struct in6_pktinfo info = {0};

                if (from->family == AF_INET6) {
                        memcpy(&info.ipi6_addr, from->bytes, 16);
                        add_control(message, SOL_IPV6, IPV6_PKTINFO, &info, sizeof(info));
                }
                return;
        }
        struct in_pktinfo info = {0};

        memcpy(&info.ipi_spec_dst, from->bytes, 4);
        add_control(message, SOL_IP, IP_PKTINFO, &info, sizeof(info));
}

/* @segment: @data is several datagrams of that size, the last one perhaps shorter; 0: one. */
static int send_datagrams(const Target *target, uint8_t *data, size_t length, uint16_t segment)
{
        union {
                struct cmsghdr align;
                uint8_t bytes[CONTROL_SIZE];
        } control = {0};
        struct iovec vector = {data, length};
        struct msghdr message = {.msg_name = target->to_length ? (void *)(uintptr_t)&target->to : NULL,
                                 .msg_namelen = target->to_length,
                                 .msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes};
        ssize_t sent;

        if (net_address_set(&target->from))
                add_source(&message, &target->from, target->to.generic.sa_family);
        if (segment && length > segment)
                add_control(&message, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
        if (message.msg_controllen == 0)
                message.msg_control = NULL;
        sent = sendmsg(target->fd, &message, MSG_NOSIGNAL);
        if (sent >= 0)
                return 0;
        if (!segment || length <= segment || (errno != EINVAL && errno != EMSGSIZE && errno != EIO))
                return -errno;
        /* The way out does not take them at once (a smaller MTU): one by one. */
        for (size_t offset = 0; offset < length; offset += segment) {
                size_t size = length - offset < segment ? length - offset : segment;
                int r = send_datagrams(target, data + offset, size, 0);

                if (r < 0)
                        return r;
        }
        return 0;
}

static uint16_t segment_size(struct msghdr *message)
{
        for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
             control = CMSG_NXTHDR(message, control)) {
                int size;

                if (control->cmsg_level != SOL_UDP || control->cmsg_type != UDP_GRO)
                        continue;
                memcpy(&size, CMSG_DATA(control), sizeof(size));
                return (uint16_t)size;
        }
        return 0;
}

/* One batch. The number received, or a negative errno. */
static int receive_batch(Mover *mover, int fd, struct mmsghdr messages[static MOVER_DATAGRAM_BATCH],
                         struct iovec vectors[static MOVER_DATAGRAM_BATCH],
                         uint8_t controls[static MOVER_DATAGRAM_BATCH][CONTROL_SIZE])
{
        int count;

        for (size_t i = 0; i < MOVER_DATAGRAM_BATCH; i++) {
                vectors[i] = (struct iovec){mover->datagrams + i * MOVER_DATAGRAM_SIZE, MOVER_DATAGRAM_SIZE};
                messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i],
                                                           .msg_iovlen = 1,
                                                           .msg_control = controls[i],
                                                           .msg_controllen = CONTROL_SIZE}};
        }
        count = recvmmsg(fd, messages, MOVER_DATAGRAM_BATCH, MSG_DONTWAIT, NULL);
        return count < 0 ? -errno : count;
}

static void move_datagrams(Mover *mover, DatagramFlow *flow, int from, const Target *target, bool outward)
{
        struct mmsghdr messages[MOVER_DATAGRAM_BATCH];
        struct iovec vectors[MOVER_DATAGRAM_BATCH];
        _Alignas(struct cmsghdr) uint8_t controls[MOVER_DATAGRAM_BATCH][CONTROL_SIZE];

        flow->active = mover->now;
        list_move_last(&mover->datagram_flows, &flow->node);
        for (int round = 0; round < ROUNDS; round++) {
                int count = receive_batch(mover, from, messages, vectors, controls);

                for (int i = 0; i < count; i++) {
                        int r = send_datagrams(target, vectors[i].iov_base, messages[i].msg_len,
                                               segment_size(&messages[i].msg_hdr));

                        /* An error of an earlier datagram was reported instead of sending this one. */
                        if (r < 0 && r != -EAGAIN && outward && flow->outer.source.fd >= 0) {
                                take_errors(mover, flow);
                                (void)send_datagrams(target, vectors[i].iov_base, messages[i].msg_len,
                                                     segment_size(&messages[i].msg_hdr));
                        }
                }
                if (count < MOVER_DATAGRAM_BATCH)
                        return;
        }
}

static void inner_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        DatagramFlow *flow = ((DatagramSide *)source)->flow;
        Target target = {.fd = flow->outer.source.fd};

        if (flow->dead)
                return;
        if (flow->origin.host_fd >= 0) {
                target.fd = flow->origin.host_fd;
                target.to_length =
                        net_socket_address(&flow->origin.client, 0, flow->origin.client_port, &target.to);
                target.from = flow->origin.local;
                flow->answered = true;
        }
        move_datagrams(mover, flow, source->fd, &target, true);
}

/* IPv4 is cut by the kernel where the container's network has a smaller MTU; IPv6 by who sends. */
static void write_echo_reply(Mover *mover, const DatagramFlow *flow, size_t length)
{
        const FlowKey *key = &flow->key;
        size_t header = packet_ip_header(key->source.family), mtu = flow->endpoint->network->spec.mtu ?: 1500;
        size_t part = (mtu - PACKET_FRAGMENT6_HEADERS) & ~(size_t)7;
        uint8_t piece[ECHO_PIECE];

        packet_build_icmp(&key->destination, &key->source, length, mover->packet);
        if (key->source.family == AF_INET || header + length <= mtu) {
                uplink_write(&mover->uplink, mover->packet, header + length);
                return;
        }
        if (part > sizeof(piece) - PACKET_FRAGMENT6_HEADERS)
                part = sizeof(piece) - PACKET_FRAGMENT6_HEADERS;
        mover->fragment_identification++;
        for (size_t offset = 0; offset < length; offset += part) {
                size_t size = length - offset < part ? length - offset : part;

                memcpy(piece + PACKET_FRAGMENT6_HEADERS, mover->packet + header + offset, size);
                uplink_write(&mover->uplink, piece,
                             packet_build_fragment6(&key->destination, &key->source,
                                                    mover->fragment_identification, offset, size,
                                                    offset + size < length, piece));
        }
}

static void take_echo_replies(Mover *mover, DatagramFlow *flow)
{
        const FlowKey *key = &flow->key;
        size_t header = packet_ip_header(key->source.family);

        for (int i = 0; i < ROUNDS; i++) {
                ssize_t length = recv(flow->outer.source.fd, mover->packet + header,
                                      UPLINK_PACKET_MAXIMUM - header, MSG_DONTWAIT);

                if (length < 8)
                        return;
                mover->packet[header + 4] = (uint8_t)(key->source_port >> 8);
                mover->packet[header + 5] = (uint8_t)key->source_port;
                write_echo_reply(mover, flow, (size_t)length);
        }
}

static void outer_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        DatagramFlow *flow = ((DatagramSide *)source)->flow;
        Target target = {.fd = flow->inner.source.fd};

        if (flow->dead)
                return;
        if (events & EPOLLERR)
                take_errors(mover, flow);
        if (!(events & EPOLLIN))
                return;
        flow->answered = true;
        if (flow->key.protocol == IPPROTO_UDP)
                move_datagrams(mover, flow, source->fd, &target, false);
        else
                take_echo_replies(mover, flow);
}

/* ---- first datagrams ---- */

static void take_over_hops(const DatagramFlow *flow, int hops)
{
        if (hops <= 0 || hops >= HOPS_TAKEN_OVER)
                return;
        if (flow->key.source.family == AF_INET6)
                setsockopt(flow->outer.source.fd, SOL_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops));
        else
                setsockopt(flow->outer.source.fd, SOL_IP, IP_TTL, &hops, sizeof(hops));
}

/* What came without a socket of its own, from a container: UDP's payload, or a whole ICMP echo request. */
typedef struct FirstDatagram {
        FlowKey key;
        int hops;
        uint8_t *data;
        size_t length;
        uint16_t segment;
} FirstDatagram;

static void send_first(Mover *mover, DatagramFlow *flow, const FirstDatagram *first)
{
        const Target target = {.fd = flow->outer.source.fd};
        int r;

        flow->active = mover->now;
        take_over_hops(flow, first->hops);
        r = send_datagrams(&target, first->data, first->length, first->segment);
        if (r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EPERM)
                send_errno(mover, &first->key, -r);
        else if (r < 0)
                take_errors(mover, flow);
}

static int open_flow(Mover *mover, DatagramFlow *flow, const NetAddress *destination)
{
        const FlowKey *key = &flow->key;
        int r = open_outer(mover, flow, destination, key->destination_port, key->protocol);

        if (r >= 0 && key->protocol == IPPROTO_UDP)
                r = open_inner(mover, flow, &key->destination, key->destination_port, &key->source,
                               key->source_port);
        return r;
}

static void take_first(Mover *mover, Endpoint *endpoint, const FirstDatagram *first)
{
        const FlowKey *key = &first->key;
        DatagramFlow *flow = find_flow(mover, key, -EBADF);
        NetAddress destination;
        const char *refusal;
        int r;

        if (flow) {
                send_first(mover, flow, first);
                return;
        }
        r = mover_destination(endpoint, &key->destination, key->destination_port, key->protocol, &destination,
                              &refusal);
        if (r >= 0 && key->protocol != IPPROTO_UDP && !mover->echo_allowed[key->source.family == AF_INET6])
                r = -EPERM;
        if (r < 0) {
                send_errno(mover, key, -r);
                return;
        }
        flow = flow_new(mover, endpoint, key);
        if (!flow)
                return;
        r = open_flow(mover, flow, &destination);
        if (r >= 0) {
                send_first(mover, flow, first);
                return;
        }
        send_errno(mover, key, -r);
        flow_close(mover, flow);
}

void datagram_packet(Mover *mover, const Packet *packet, Endpoint *endpoint)
{
        const FirstDatagram first = {
                .key = {packet->source, packet->destination, packet->icmp_identifier, 0, packet->protocol},
                .hops = packet->hop_limit,
                .data = (uint8_t *)(uintptr_t)packet->data + packet->transport,
                .length = packet->length - packet->transport};

        take_first(mover, endpoint, &first);
}

/* Where it was sent to, and its hop limit. */
static void read_controls(struct msghdr *message, FirstDatagram *first)
{
        for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
             control = CMSG_NXTHDR(message, control)) {
                bool v4 = control->cmsg_level == SOL_IP, v6 = control->cmsg_level == SOL_IPV6;

                if ((v4 && control->cmsg_type == IP_ORIGDSTADDR) ||
                    (v6 && control->cmsg_type == IPV6_ORIGDSTADDR)) {
                        NetSocketAddress address = {0};

                        memcpy(&address, CMSG_DATA(control), v4 ? sizeof(address.v4) : sizeof(address.v6));
                        net_socket_address_split(&address, &first->key.destination,
                                                 &first->key.destination_port);
                } else if ((v4 && control->cmsg_type == IP_TTL) ||
                           (v6 && control->cmsg_type == IPV6_HOPLIMIT)) {
                        memcpy(&first->hops, CMSG_DATA(control), sizeof(first->hops));
                }
        }
}

static void take_unknown(Mover *mover, struct msghdr *message, size_t length)
{
        FirstDatagram first = {.key.protocol = IPPROTO_UDP,
                               .data = message->msg_iov->iov_base,
                               .length = length,
                               .segment = segment_size(message)};
        Endpoint *endpoint;

        net_socket_address_split(message->msg_name, &first.key.source, &first.key.source_port);
        read_controls(message, &first);
        endpoint = directory_endpoint(&mover->directory, &first.key.source);
        if (!endpoint || !net_address_set(&first.key.destination))
                return;
        if (net_address_equal(&first.key.destination, &endpoint->network->spec.gateway4) ||
            net_address_equal(&first.key.destination, &endpoint->network->spec.gateway6)) {
                if (first.key.destination_port == DNS_PORT)
                        name_server_take(mover, endpoint, &first.key, first.data, length);
                else
                        send_errno(mover, &first.key, ECONNREFUSED);
                return;
        }
        take_first(mover, endpoint, &first);
}

void datagram_listen(Mover *mover, MoverSource *source, uint32_t events)
{
        for (int i = 0; i < MOVER_DATAGRAM_BATCH * ROUNDS; i++) {
                _Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
                NetSocketAddress peer = {0};
                struct iovec vector = {mover->datagrams, MOVER_DATAGRAM_SIZE};
                struct msghdr message = {.msg_name = &peer,
                                         .msg_namelen = sizeof(peer),
                                         .msg_iov = &vector,
                                         .msg_iovlen = 1,
                                         .msg_control = control,
                                         .msg_controllen = sizeof(control)};
                ssize_t length = recvmsg(source->fd, &message, MSG_DONTWAIT);

                if (length < 0)
                        return;
                take_unknown(mover, &message, (size_t)length);
        }
}

void datagram_publish(Mover *mover, Endpoint *endpoint, const DatagramOrigin *origin, const uint8_t *data,
                      size_t length)
{
        const NetAddress *container =
                origin->client.family == AF_INET6 ? &endpoint->spec.ip6 : &endpoint->spec.ip4;
        const NetAddress *gateway = origin->client.family == AF_INET6 ? &endpoint->network->spec.gateway6
                                                                      : &endpoint->network->spec.gateway4;
        bool hidden = net_address_is_loopback(&origin->client);
        FlowKey key = {origin->client, *container, origin->client_port, origin->port, IPPROTO_UDP};
        DatagramFlow *flow = find_flow(mover, &key, origin->host_fd);

        if (!flow) {
                int r;

                flow = flow_new(mover, endpoint, &key);
                if (!flow)
                        return;
                flow->origin = *origin;
                r = open_inner(mover, flow, hidden ? gateway : &origin->client,
                               hidden ? 0 : origin->client_port, container, origin->port);
                if (r < 0) {
                        flow_close(mover, flow);
                        return;
                }
        }
        flow->active = mover->now;
        list_move_last(&mover->datagram_flows, &flow->node);
        if (send(flow->inner.source.fd, data, length, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
                (void)send(flow->inner.source.fd, data, length, MSG_NOSIGNAL);
}

/* ---- upkeep ---- */

static uint64_t patience(const DatagramFlow *flow)
{
        if (!flow->answered)
                return UNANSWERED_MILLISECONDS;
        return flow->key.destination_port == DNS_PORT || flow->key.protocol != IPPROTO_UDP
                       ? NAME_MILLISECONDS
                       : ANSWERED_MILLISECONDS;
}

void datagram_sweep(Mover *mover)
{
        list_for_each(node, &mover->datagram_flows)
        {
                DatagramFlow *flow = list_element(node, DatagramFlow, node);

                if (mover->now - flow->active > patience(flow))
                        flow_close(mover, flow);
        }
}

uint64_t datagram_oldest(const Mover *mover)
{
        return list_empty(&mover->datagram_flows)
                       ? UINT64_MAX
                       : list_element(mover->datagram_flows.next, DatagramFlow, node)->active;
}

bool datagram_evict(Mover *mover)
{
        if (list_empty(&mover->datagram_flows))
                return false;
        flow_close(mover, list_element(mover->datagram_flows.next, DatagramFlow, node));
        return true;
}

void datagram_drop_endpoint(Mover *mover, const Endpoint *endpoint)
{
        list_for_each(node, &mover->datagram_flows)
        {
                DatagramFlow *flow = list_element(node, DatagramFlow, node);

                if (flow->endpoint == endpoint)
                        flow_close(mover, flow);
        }
}

void datagram_drop_host_fd(Mover *mover, int host_fd)
{
        list_for_each(node, &mover->datagram_flows)
        {
                DatagramFlow *flow = list_element(node, DatagramFlow, node);

                if (flow->origin.host_fd == host_fd)
                        flow_close(mover, flow);
        }
}
