#include "net/mover.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

enum { EVENTS = 128, UPLINK_BATCH = 64, SWEEP_MILLISECONDS = 1000, EVICTIONS_PER_LINE = 100 };

static uint64_t milliseconds(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

void mover_log(const char *format, ...)
{
        char line[512];
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vsnprintf(line, sizeof(line) - 1, format, arguments);
        va_end(arguments);
        if (length < 0)
                return;
        if ((size_t)length > sizeof(line) - 2)
                length = sizeof(line) - 2;
        line[length++] = '\n';
        if (write(STDERR_FILENO, line, (size_t)length) < 0)
                return;
}

/* ---- the epoll set ---- */

int mover_watch(Mover *mover, MoverSource *source, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.ptr = source};

        return epoll_ctl(mover->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0 ? -errno : 0;
}

void mover_forget(Mover *mover, MoverSource *source)
{
        if (source->fd < 0)
                return;
        epoll_ctl(mover->epoll, EPOLL_CTL_DEL, source->fd, NULL);
        cleanup_close(&source->fd);
}

/* ---- sockets ---- */

bool mover_make_room(Mover *mover)
{
        bool made = tcp_oldest(mover) <= datagram_oldest(mover) ? tcp_evict(mover) || datagram_evict(mover)
                                                                : datagram_evict(mover) || tcp_evict(mover);

        if (!made)
                return false;
        if (mover->evicted++ % EVICTIONS_PER_LINE == 0)
                mover_log("out of descriptors: the longest idle connections are closed (%llu so far); raise "
                          "ulimit -n",
                          (unsigned long long)mover->evicted);
        return true;
}

int mover_host_socket(Mover *mover, int family, int type, int protocol)
{
        int fd;

        do
                fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
        while (fd < 0 && (errno == EMFILE || errno == ENFILE) && mover_make_room(mover));
        return fd < 0 ? -errno : fd;
}

int mover_inner_socket(Mover *mover, int family, int type)
{
        int fd;

        do
                fd = socket_pool_take(mover->pool, socket_kind(family, type));
        while ((fd == -EMFILE || fd == -ENFILE) && mover_make_room(mover));
        return fd;
}

unsigned mover_hash(const FlowKey *key)
{
        uint32_t hash = key->protocol;

        for (size_t i = 0; i < net_address_length(&key->source); i++)
                hash = hash * 31 + key->source.bytes[i];
        for (size_t i = 0; i < net_address_length(&key->destination); i++)
                hash = hash * 31 + key->destination.bytes[i];
        hash = (hash ^ ((uint32_t)key->source_port << 16 | key->destination_port)) * 2654435761U;
        return (hash >> 16) & (MOVER_HASH_SIZE - 1);
}

bool mover_key_equal(const FlowKey *a, const FlowKey *b)
{
        return a->protocol == b->protocol && a->source_port == b->source_port &&
               a->destination_port == b->destination_port && net_address_equal(&a->source, &b->source) &&
               net_address_equal(&a->destination, &b->destination);
}

/* The address by which this host would reach the world: where its services listen that are not on loopback.
 */
static int own_address(NetAddress *ret)
{
        NetAddress world = net_address_v4(0xc0000201); /* 192.0.2.1, only looked up */
        NetSocketAddress address;
        socklen_t length = net_socket_address(&world, AF_INET, 9, &address);
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        uint16_t port;

        if (fd < 0 || connect(fd, &address.generic, length) < 0)
                return -errno;
        length = sizeof(address);
        if (getsockname(fd, &address.generic, &length) < 0)
                return -errno;
        net_socket_address_split(&address, ret, &port);
        return 0;
}

static bool granted(const Container *container, uint16_t port)
{
        for (size_t i = 0; i < container->grant_count; i++)
                if (container->grants[i] == port)
                        return true;
        return false;
}

int mover_destination(const Endpoint *endpoint, const NetAddress *destination, uint16_t port,
                      uint8_t protocol, NetAddress *ret, const char **ret_refusal)
{
        NetAddress alias = net_address_v4(MOVER_HOST_ALIAS);

        *ret_refusal = NULL;
        if (net_address_equal(destination, &alias)) {
                if (granted(endpoint->container, port)) {
                        *ret = net_address_v4(INADDR_LOOPBACK);
                        return 0;
                }
                if (own_address(ret) < 0)
                        *ret_refusal = "the host has no address of its own";
                return *ret_refusal ? -EHOSTUNREACH : 0;
        }
        *ret_refusal = net_address_forbidden(destination);
        if (*ret_refusal)
                return -EACCES;
        *ret = *destination;
        return 0;
}

/* ---- packets without a socket ---- */

static void take_packet(Mover *mover, const uint8_t *data, size_t length)
{
        Endpoint *endpoint;
        Packet packet;
        uint8_t *whole;
        size_t whole_length;
        int r = fragments_take(&mover->fragments, data, length, mover->now, &whole, &whole_length);

        if (r < 0)
                return;
        if (r > 0) {
                data = whole;
                length = whole_length;
        }
        if (packet_parse(data, length, &packet) < 0)
                return;
        /* The rules of the bridge let only true sources through; what comes from nobody is not answered. */
        endpoint = directory_endpoint(&mover->directory, &packet.source);
        if (!endpoint || endpoint->network->spec.internal)
                return;
        if (packet.protocol == IPPROTO_TCP)
                tcp_packet(mover, &packet, endpoint);
        else if (packet.protocol != IPPROTO_UDP &&
                 packet.icmp_type == (packet.protocol == IPPROTO_ICMP ? 8 : 128))
                datagram_packet(mover, &packet, endpoint);
}

static void uplink_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        for (int i = 0; i < UPLINK_BATCH; i++) {
                ssize_t length = uplink_read(&mover->uplink, mover->packet, UPLINK_PACKET_MAXIMUM);

                if (length < 0)
                        break;
                take_packet(mover, mover->packet, (size_t)length);
        }
}

/* ---- calls ---- */

static void take_call(Mover *mover)
{
        uint64_t count;

        if (read(mover->call_source.fd, &count, sizeof(count)) < 0)
                return;
        pthread_mutex_lock(&mover->call_lock);
        if (mover->call.function) {
                mover->call.function(mover, mover->call.argument);
                mover->call.function = NULL;
                pthread_cond_signal(&mover->call_done);
        }
        pthread_mutex_unlock(&mover->call_lock);
}

void mover_call(Mover *mover, void (*function)(Mover *mover, void *argument), void *argument)
{
        uint64_t one = 1;

        pthread_mutex_lock(&mover->call_lock);
        mover->call = (MoverCall){function, argument};
        if (write(mover->call_source.fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
                while (mover->call.function)
                        pthread_cond_wait(&mover->call_done, &mover->call_lock);
        pthread_mutex_unlock(&mover->call_lock);
}

/* ---- the loop ---- */

static int make_tables(Mover *mover, Error *err)
{
        mover->packet = malloc(UPLINK_PACKET_MAXIMUM + PACKET_HEADERS_MAXIMUM);
        mover->tcp_pending = calloc(MOVER_HASH_SIZE, sizeof(*mover->tcp_pending));
        if (!mover->packet || !mover->tcp_pending)
                return fail_memory(err);
        directory_init(&mover->directory);
        list_init(&mover->publications);
        list_init(&mover->name_queries);
        tcp_init(mover);
        return datagram_init(mover, err);
}

int mover_init(Mover *mover, Error *err)
{
        int r;

        pthread_mutex_init(&mover->call_lock, NULL);
        pthread_cond_init(&mover->call_done, NULL);
        r = make_tables(mover, err);
        if (r < 0)
                return r;
        mover->now = milliseconds();
        mover->epoll = epoll_create1(EPOLL_CLOEXEC);
        mover->call_source = (MoverSource){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (mover->epoll < 0 || mover->call_source.fd < 0)
                return fail_errno(err, errno, "epoll");
        r = mover_watch(mover, &mover->call_source, EPOLLIN);
        return r < 0 ? fail_errno(err, -r, "epoll") : 0;
}

/* What comes from the intermediate namespace, once it is there. */
static int watch_world(Mover *mover, Error *err)
{
        int r;

        mover->uplink_source = (MoverSource){.ready = uplink_ready, .fd = mover->uplink.fd};
        r = mover_watch(mover, &mover->uplink_source, EPOLLIN);
        for (size_t i = 0; r >= 0 && i < 2; i++) {
                mover->listeners[i].ready = tcp_accept;
                mover->datagram_listeners[i].ready = datagram_listen;
                if (mover->listeners[i].fd >= 0)
                        r = mover_watch(mover, &mover->listeners[i], EPOLLIN);
                if (r >= 0 && mover->datagram_listeners[i].fd >= 0)
                        r = mover_watch(mover, &mover->datagram_listeners[i], EPOLLIN);
        }
        return r < 0 ? fail_errno(err, -r, "epoll") : 0;
}

static void sweep(Mover *mover)
{
        if (mover->now - mover->swept < SWEEP_MILLISECONDS)
                return;
        mover->swept = mover->now;
        tcp_sweep(mover);
        datagram_sweep(mover);
        fragments_sweep(&mover->fragments, mover->now);
        name_server_sweep(mover);
}

/* How long epoll may sleep. */
static int patience(Mover *mover)
{
        int wait = publish_poll(mover);

        if (!list_empty(&mover->tcp_again))
                return 0;
        if (mover->tcp_pending_count || mover->datagram_count || mover->name_query_count)
                wait = wait < 0 || wait > SWEEP_MILLISECONDS ? SWEEP_MILLISECONDS : wait;
        return wait;
}

int mover_run(Mover *mover, Error *err)
{
        struct epoll_event events[EVENTS];
        int r = watch_world(mover, err);

        while (r >= 0 && !mover->stop) {
                int count = epoll_wait(mover->epoll, events, EVENTS, patience(mover));
                bool called = false;

                if (count < 0 && errno != EINTR)
                        return fail_errno(err, errno, "epoll_wait");
                mover->now = milliseconds();
                for (int i = 0; i < count; i++) {
                        MoverSource *source = events[i].data.ptr;

                        if (source == &mover->call_source)
                                called = true;
                        else if (source->fd >= 0) /* not forgotten earlier in this turn */
                                source->ready(mover, source, events[i].events);
                }
                /* Last: a call may free what events of this turn were about. */
                if (called)
                        take_call(mover);
                tcp_run_again(mover);
                sweep(mover);
                tcp_collect(mover);
                datagram_collect(mover);
        }
        return r;
}
