/* TCP: connect before accept, then splice. The order of things is drawn in mover.h. */
#include "net/mover.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

enum {
        PENDING_MAXIMUM = 16384,    /* beyond, SYNs are lost and come again */
        PENDING_OF_ENDPOINT = 1024, /* of one container: its oldest give way */
        OFFER_MILLISECONDS = 30000,
        ACCEPT_BATCH = 64,
        TURNS_MAXIMUM = 16, /* moves of one flow before others get a turn */
        LARGE_PIPE = 1 << 20,
        LARGE_PIPES_MAXIMUM =
                24, /* of the 64 MiB that a user's pipes may have in all (pipe-user-pages-soft) */
        SPLICE_LENGTH = 1 << 20,
};

typedef enum TcpState {
        TCP_FLOW_CONNECTING, /* the outer connection is being made */
        TCP_FLOW_OFFERED,    /* it is there, and the SYN has been given back to the kernel */
        TCP_FLOW_JOINED,
        TCP_FLOW_DEAD,
} TcpState;

typedef struct TcpFlow TcpFlow;

typedef struct TcpSide {
        MoverSource source; /* the socket */
        TcpFlow *flow;
        bool readable, writable;
} TcpSide;

/* From one side to the other. A pipe is held only while there is something in it. */
typedef struct TcpStream {
        Pipe pipe;
        size_t held;
        bool ended;  /* the source has no more */
        bool closed; /* the target was told */
} TcpStream;

struct TcpFlow {
        ListNode node;        /* mover->tcp_flows or ->tcp_dead */
        ListNode again;       /* mover->tcp_again */
        ListNode pending;     /* a bucket of mover->tcp_pending */
        ListNode of_endpoint; /* endpoint->pending */
        TcpSide sides[2];     /* the container's (or the inner one), the outer one */
        TcpStream streams[2]; /* by the side that they come from */
        TcpState state;
        FlowKey key; /* of pending ones */
        Endpoint *endpoint;
        uint64_t since, active;
        bool broken; /* the outer connection was reset before the container's was made */
        size_t syn_length;
        uint8_t *syn;
};

enum { INNER, OUTER };

void tcp_init(Mover *mover)
{
        list_init(&mover->tcp_flows);
        list_init(&mover->tcp_again);
        list_init(&mover->tcp_dead);
        for (size_t i = 0; i < MOVER_HASH_SIZE; i++)
                list_init(&mover->tcp_pending[i]);
}

/* ---- pipes ---- */

static int pipe_take(Mover *mover, Pipe *ret)
{
        if (mover->pipe_count) {
                *ret = mover->pipes[--mover->pipe_count];
                return 0;
        }
        while (pipe2(ret->fds, O_NONBLOCK | O_CLOEXEC) < 0) {
                if ((errno != EMFILE && errno != ENFILE) || !mover_make_room(mover))
                        return -errno;
        }
        if (mover->large_pipes < LARGE_PIPES_MAXIMUM && fcntl(ret->fds[0], F_SETPIPE_SZ, LARGE_PIPE) > 0)
                mover->large_pipes++;
        return 0;
}

static void pipe_close(Mover *mover, Pipe *pipe)
{
        if (fcntl(pipe->fds[0], F_GETPIPE_SZ) >= LARGE_PIPE && mover->large_pipes)
                mover->large_pipes--;
        cleanup_close(&pipe->fds[0]);
        cleanup_close(&pipe->fds[1]);
}

/* An empty one. */
static void pipe_give(Mover *mover, Pipe *pipe)
{
        if (mover->pipe_count < MOVER_PIPES_KEPT) {
                mover->pipes[mover->pipe_count++] = *pipe;
                pipe->fds[0] = pipe->fds[1] = -EBADF;
        } else {
                pipe_close(mover, pipe);
        }
}

/* ---- flows ---- */

static void side_ready(Mover *mover, MoverSource *source, uint32_t events);

static TcpFlow *flow_new(Mover *mover, Endpoint *endpoint)
{
        TcpFlow *flow = calloc(1, sizeof(*flow));

        if (!flow)
                return NULL;
        for (size_t i = 0; i < 2; i++) {
                flow->sides[i] = (TcpSide){.source = {.ready = side_ready, .fd = -EBADF}, .flow = flow};
                flow->streams[i].pipe = (Pipe){{-EBADF, -EBADF}};
        }
        flow->endpoint = endpoint;
        flow->since = flow->active = mover->now;
        list_append(&mover->tcp_flows, &flow->node);
        return flow;
}

static void flow_leave_pending(Mover *mover, TcpFlow *flow)
{
        if (!list_linked(&flow->pending))
                return;
        list_remove(&flow->pending);
        list_remove(&flow->of_endpoint);
        flow->endpoint->pending_count--;
        mover->tcp_pending_count--;
        free(flow->syn);
        flow->syn = NULL;
}

/* Freed at the end of the turn: events of it may still be in hand. */
static void flow_close(Mover *mover, TcpFlow *flow)
{
        if (flow->state == TCP_FLOW_DEAD)
                return;
        flow_leave_pending(mover, flow);
        for (size_t i = 0; i < 2; i++) {
                TcpStream *stream = &flow->streams[i];

                if (stream->pipe.fds[0] >= 0 && stream->held)
                        pipe_close(mover, &stream->pipe);
                else if (stream->pipe.fds[0] >= 0)
                        pipe_give(mover, &stream->pipe);
                mover_forget(mover, &flow->sides[i].source);
        }
        flow->state = TCP_FLOW_DEAD;
        list_remove(&flow->again);
        list_move_last(&mover->tcp_dead, &flow->node);
}

/* Both peers see a reset. */
static void flow_reset(Mover *mover, TcpFlow *flow)
{
        struct linger now = {.l_onoff = 1};

        for (size_t i = 0; i < 2; i++)
                if (flow->sides[i].source.fd >= 0)
                        setsockopt(flow->sides[i].source.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        flow_close(mover, flow);
}

static int flow_watch(Mover *mover, TcpFlow *flow, size_t side)
{
        int yes = 1;

        setsockopt(flow->sides[side].source.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        return mover_watch(mover, &flow->sides[side].source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

void tcp_collect(Mover *mover)
{
        while (!list_empty(&mover->tcp_dead)) {
                TcpFlow *flow = list_element(mover->tcp_dead.next, TcpFlow, node);

                list_remove(&flow->node);
                free(flow);
        }
}

/* ---- moving ---- */

/* Fills the pipe. 1: something moved, 0: nothing to move, or a negative errno of the source. */
static int stream_fill(Mover *mover, TcpSide *from, TcpStream *stream)
{
        ssize_t length;
        int r;

        if (stream->ended || !from->readable)
                return 0;
        if (stream->pipe.fds[0] < 0) {
                r = pipe_take(mover, &stream->pipe);
                if (r < 0)
                        return r;
        }
        length = splice(from->source.fd, NULL, stream->pipe.fds[1], NULL, SPLICE_LENGTH,
                        SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (length > 0) {
                stream->held += (size_t)length;
                return 1;
        }
        if (length == 0) {
                stream->ended = true;
                return 1;
        }
        if (errno != EAGAIN)
                return -errno;
        /* With something in the pipe it may be the pipe that is full. */
        if (!stream->held)
                from->readable = false;
        return 0;
}

static int stream_drain(TcpStream *stream, TcpSide *to)
{
        ssize_t length;

        if (!stream->held || !to->writable)
                return 0;
        length = splice(stream->pipe.fds[0], NULL, to->source.fd, NULL, stream->held,
                        SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (length > 0) {
                stream->held -= (size_t)length;
                return 1;
        }
        if (length < 0 && errno != EAGAIN)
                return -errno;
        to->writable = false;
        return 0;
}

/* 1: it would go on. */
static int stream_move(Mover *mover, TcpFlow *flow, size_t side)
{
        TcpStream *stream = &flow->streams[side];
        TcpSide *from = &flow->sides[side], *to = &flow->sides[!side];

        for (int turn = 0; turn < TURNS_MAXIMUM; turn++) {
                int filled = stream_fill(mover, from, stream), drained;

                if (filled < 0)
                        return filled;
                drained = stream_drain(stream, to);
                if (drained < 0)
                        return drained;
                if (!stream->held && stream->pipe.fds[0] >= 0)
                        pipe_give(mover, &stream->pipe);
                if (stream->ended && !stream->held && !stream->closed) {
                        shutdown(to->source.fd, SHUT_WR);
                        stream->closed = true;
                }
                if (!filled && !drained)
                        return 0;
        }
        return 1;
}

static void flow_move(Mover *mover, TcpFlow *flow)
{
        int more = 0;

        flow->active = mover->now;
        list_move_last(&mover->tcp_flows, &flow->node);
        for (size_t side = 0; side < 2; side++) {
                int r = stream_move(mover, flow, side);

                if (flow->state == TCP_FLOW_DEAD)
                        return;
                if (r < 0) {
                        flow_reset(mover, flow);
                        return;
                }
                more |= r;
        }
        if (flow->streams[INNER].closed && flow->streams[OUTER].closed)
                flow_close(mover, flow);
        else if (more)
                list_move_last(&mover->tcp_again, &flow->again);
}

void tcp_run_again(Mover *mover)
{
        ListNode turn;

        if (list_empty(&mover->tcp_again))
                return;
        /* those that are there now; who still has more lines up anew */
        list_init(&turn);
        while (!list_empty(&mover->tcp_again))
                list_move_last(&turn, mover->tcp_again.next);
        while (!list_empty(&turn)) {
                TcpFlow *flow = list_element(turn.next, TcpFlow, again);

                list_remove(&flow->again);
                flow_move(mover, flow);
        }
}

/* ---- outbound ---- */

/* What a router would say, or nothing. */
static int unreachable_reason(int code, PacketUnreachable *ret)
{
        switch (code) {
        case EHOSTUNREACH:
        case EHOSTDOWN:
                *ret = PACKET_UNREACHABLE_HOST;
                return 0;
        case ENETUNREACH:
        case ENETDOWN:
        case EINVAL:
        case EAFNOSUPPORT:
                *ret = PACKET_UNREACHABLE_NETWORK;
                return 0;
        case EACCES:
        case EPERM:
                *ret = PACKET_UNREACHABLE_PROHIBITED;
                return 0;
        default:
                /* ETIMEDOUT: the container's own timeout is at its end as well. Lack of something here: the
                 * SYN comes again. */
                return -ENOENT;
        }
}

static void answer_failure(Mover *mover, const Packet *syn, int code)
{
        uint8_t answer[PACKET_ERROR_MAXIMUM];
        PacketUnreachable reason;

        if (code == ECONNREFUSED || code == ECONNRESET) {
                uplink_write(&mover->uplink, answer, packet_build_reset(syn, answer));
        } else if (unreachable_reason(code, &reason) == 0) {
                PacketError error = packet_error(syn->source.family, reason);

                uplink_write(&mover->uplink, answer, packet_build_error(syn, &error, NULL, answer));
        }
}

static void flow_fail(Mover *mover, TcpFlow *flow, int code)
{
        Packet syn;

        if (flow->syn && packet_parse(flow->syn, flow->syn_length, &syn) >= 0)
                answer_failure(mover, &syn, code);
        flow_close(mover, flow);
}

static TcpFlow *find_pending(Mover *mover, const FlowKey *key)
{
        ListNode *bucket = &mover->tcp_pending[mover_hash(key)];

        list_for_each(node, bucket)
        {
                TcpFlow *flow = list_element(node, TcpFlow, pending);

                if (mover_key_equal(&flow->key, key))
                        return flow;
        }
        return NULL;
}

static int remember_syn(TcpFlow *flow, const Packet *packet)
{
        flow->syn = malloc(packet->length);
        if (!flow->syn)
                return -ENOMEM;
        memcpy(flow->syn, packet->data, packet->length);
        flow->syn_length = packet->length;
        packet_set_checksum(packet, flow->syn);
        return 0;
}

static int start_connection(Mover *mover, TcpFlow *flow, const NetAddress *destination, uint16_t port)
{
        MoverSource *outer = &flow->sides[OUTER].source;
        NetSocketAddress address;
        socklen_t length = net_socket_address(destination, 0, port, &address);

        outer->fd = mover_host_socket(mover, destination->family, SOCK_STREAM, 0);
        if (outer->fd < 0)
                return outer->fd;
        if (connect(outer->fd, &address.generic, length) < 0 && errno != EINPROGRESS)
                return -errno;
        return flow_watch(mover, flow, OUTER);
}

static void take_syn(Mover *mover, const Packet *packet, Endpoint *endpoint, const FlowKey *key)
{
        NetAddress destination;
        const char *refusal;
        TcpFlow *flow;
        int r;

        r = mover_destination(endpoint, &packet->destination, packet->destination_port, IPPROTO_TCP,
                              &destination, &refusal);
        if (r < 0) {
                answer_failure(mover, packet, -r);
                return;
        }
        if (mover->tcp_pending_count >= PENDING_MAXIMUM)
                return;
        if (endpoint->pending_count >= PENDING_OF_ENDPOINT)
                flow_reset(mover, list_element(endpoint->pending.next, TcpFlow, of_endpoint));
        flow = flow_new(mover, endpoint);
        if (!flow)
                return;
        flow->key = *key;
        list_append(&mover->tcp_pending[mover_hash(key)], &flow->pending);
        list_append(&endpoint->pending, &flow->of_endpoint);
        endpoint->pending_count++;
        mover->tcp_pending_count++;
        r = remember_syn(flow, packet);
        if (r >= 0)
                r = start_connection(mover, flow, &destination, packet->destination_port);
        if (r < 0)
                flow_fail(mover, flow, -r);
}

void tcp_packet(Mover *mover, const Packet *packet, Endpoint *endpoint)
{
        const uint8_t kinds = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_RST | PACKET_TCP_FIN;
        FlowKey key = {packet->source, packet->destination, packet->source_port, packet->destination_port,
                       IPPROTO_TCP};
        TcpFlow *flow;

        if ((packet->tcp_flags & kinds) != PACKET_TCP_SYN) {
                /* The rules keep these from the uplink; a reset must not be answered by one. */
                if (!(packet->tcp_flags & PACKET_TCP_RST))
                        answer_failure(mover, packet, ECONNRESET);
                return;
        }
        flow = find_pending(mover, &key);
        if (!flow)
                take_syn(mover, packet, endpoint, &key);
        else if (flow->state == TCP_FLOW_OFFERED)
                uplink_write(&mover->uplink, flow->syn, flow->syn_length);
}

/* The outer connection is made, or is not. One that was made and has been reset since is offered all the
 * same, so that the container sees both, in that order: the kernel tells it from a refused one by the errno
 * (tcp(7)). */
static void finish_connection(Mover *mover, TcpFlow *flow)
{
        int code = 0;
        socklen_t length = sizeof(code);

        if (getsockopt(flow->sides[OUTER].source.fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0)
                code = errno;
        flow->broken = code == ECONNRESET || code == EPIPE;
        if (code && !flow->broken) {
                flow_fail(mover, flow, code);
                return;
        }
        flow->state = TCP_FLOW_OFFERED;
        flow->since = mover->now;
        uplink_write(&mover->uplink, flow->syn, flow->syn_length);
}

static void side_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        TcpSide *side = (TcpSide *)source;
        TcpFlow *flow = side->flow;

        if (flow->state == TCP_FLOW_DEAD)
                return;
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                side->readable = true;
        if (events & EPOLLOUT)
                side->writable = true;
        if (flow->state == TCP_FLOW_CONNECTING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
                finish_connection(mover, flow);
        else if (flow->state == TCP_FLOW_JOINED)
                flow_move(mover, flow);
}

static void join_accepted(Mover *mover, int fd, const FlowKey *key)
{
        TcpFlow *flow = find_pending(mover, key);
        struct linger now = {.l_onoff = 1};

        if (!flow || flow->state != TCP_FLOW_OFFERED) {
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
                close(fd);
                return;
        }
        flow_leave_pending(mover, flow);
        flow->sides[INNER].source.fd = fd;
        flow->state = TCP_FLOW_JOINED;
        flow->endpoint->connections_out++;
        if (flow->broken || flow_watch(mover, flow, INNER) < 0)
                flow_reset(mover, flow);
        else
                flow_move(mover, flow);
}

void tcp_accept(Mover *mover, MoverSource *listener, uint32_t events)
{
        for (int i = 0; i < ACCEPT_BATCH; i++) {
                FlowKey key = {.protocol = IPPROTO_TCP};
                NetSocketAddress peer, own;
                socklen_t length = sizeof(peer);
                int fd = accept4(listener->fd, &peer.generic, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd < 0 && (errno == EMFILE || errno == ENFILE) && mover_make_room(mover))
                        continue;
                if (fd < 0)
                        return;
                length = sizeof(own);
                if (getsockname(fd, &own.generic, &length) < 0) {
                        close(fd);
                        continue;
                }
                net_socket_address_split(&peer, &key.source, &key.source_port);
                net_socket_address_split(&own, &key.destination, &key.destination_port);
                join_accepted(mover, fd, &key);
        }
}

/* ---- inbound ---- */

static int connect_inside(Mover *mover, TcpFlow *flow, const NetAddress *source, uint16_t source_port,
                          uint16_t port)
{
        MoverSource *inner = &flow->sides[INNER].source;
        const NetAddress *target =
                source->family == AF_INET6 ? &flow->endpoint->spec.ip6 : &flow->endpoint->spec.ip4;
        NetSocketAddress from, to;
        socklen_t from_length = net_socket_address(source, 0, source_port, &from),
                  to_length = net_socket_address(target, 0, port, &to);

        inner->fd = mover_inner_socket(mover, source->family, SOCK_STREAM);
        if (inner->fd < 0)
                return inner->fd;
        if (bind(inner->fd, &from.generic, from_length) < 0) {
                /* the same client's port is in use or in TIME_WAIT: its address is kept, the port is another
                 */
                from_length = net_socket_address(source, 0, 0, &from);
                if (bind(inner->fd, &from.generic, from_length) < 0)
                        return -errno;
        }
        if (connect(inner->fd, &to.generic, to_length) < 0 && errno != EINPROGRESS)
                return -errno;
        return flow_watch(mover, flow, INNER);
}

void tcp_publish(Mover *mover, Endpoint *endpoint, int client, const NetAddress *source, uint16_t source_port,
                 uint16_t port)
{
        TcpFlow *flow = flow_new(mover, endpoint);
        int r;

        if (!flow) {
                close(client);
                return;
        }
        flow->state = TCP_FLOW_JOINED;
        flow->sides[OUTER].source.fd = client;
        endpoint->connections_in++;
        r = connect_inside(mover, flow, source, source_port, port);
        if (r >= 0)
                r = flow_watch(mover, flow, OUTER);
        if (r < 0)
                flow_reset(mover, flow);
}

/* ---- upkeep ---- */

void tcp_sweep(Mover *mover)
{
        list_for_each(node, &mover->tcp_flows)
        {
                TcpFlow *flow = list_element(node, TcpFlow, node);

                /* the container did not finish its handshake */
                if (flow->state == TCP_FLOW_OFFERED && mover->now - flow->since > OFFER_MILLISECONDS)
                        flow_reset(mover, flow);
        }
}

uint64_t tcp_oldest(const Mover *mover)
{
        return list_empty(&mover->tcp_flows) ? UINT64_MAX
                                             : list_element(mover->tcp_flows.next, TcpFlow, node)->active;
}

bool tcp_evict(Mover *mover)
{
        if (list_empty(&mover->tcp_flows))
                return false;
        flow_reset(mover, list_element(mover->tcp_flows.next, TcpFlow, node));
        return true;
}

void tcp_drop_endpoint(Mover *mover, const Endpoint *endpoint)
{
        list_for_each(node, &mover->tcp_flows)
        {
                TcpFlow *flow = list_element(node, TcpFlow, node);

                if (flow->endpoint == endpoint)
                        flow_reset(mover, flow);
        }
}
