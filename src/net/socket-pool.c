#include "net/socket-pool.h"

#include "base/cleanup.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

enum { POOL_SIZE = 24, POOL_LOW = 12 };

typedef struct Shelf {
        int fds[POOL_SIZE];
        size_t count;
        int failed; /* errno of the last attempt; 0: none */
} Shelf;

struct SocketPool {
        pthread_mutex_t lock;
        pthread_cond_t wanted, filled;
        Shelf shelves[SOCKET_KIND_COUNT];
        pthread_t thread;
        bool running;
};

static int make_socket(SocketKind kind)
{
        bool v6 = kind == SOCKET_STREAM6 || kind == SOCKET_DATAGRAM6;
        int type = kind == SOCKET_STREAM4 || kind == SOCKET_STREAM6 ? SOCK_STREAM : SOCK_DGRAM, yes = 1;
        int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
            (v6 ? setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) < 0 ||
                             setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &yes, sizeof(yes)) < 0
                : setsockopt(fd, SOL_IP, IP_TRANSPARENT, &yes, sizeof(yes)) < 0)) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

/* The shelf that most needs filling; SOCKET_KIND_COUNT: none. */
static SocketKind find_low(const SocketPool *pool)
{
        SocketKind lowest = SOCKET_KIND_COUNT;

        for (int kind = 0; kind < SOCKET_KIND_COUNT; kind++) {
                const Shelf *shelf = &pool->shelves[kind];

                if (shelf->count >= POOL_SIZE || shelf->failed)
                        continue;
                if (lowest == SOCKET_KIND_COUNT || shelf->count < pool->shelves[lowest].count)
                        lowest = (SocketKind)kind;
        }
        return lowest;
}

static void *pool_main(void *argument)
{
        SocketPool *pool = argument;

        pthread_mutex_lock(&pool->lock);
        pool->running = true;
        pthread_cond_broadcast(&pool->filled);
        for (;;) {
                SocketKind kind = find_low(pool);
                int fd;

                if (kind == SOCKET_KIND_COUNT) {
                        pthread_cond_wait(&pool->wanted, &pool->lock);
                        continue;
                }
                pthread_mutex_unlock(&pool->lock);
                fd = make_socket(kind);
                pthread_mutex_lock(&pool->lock);
                if (fd >= 0)
                        pool->shelves[kind].fds[pool->shelves[kind].count++] = fd;
                else
                        pool->shelves[kind].failed = -fd;
                pthread_cond_broadcast(&pool->filled);
        }
        return NULL;
}

int socket_pool_start(SocketPool **ret, Error *err)
{
        SocketPool *pool = calloc(1, sizeof(*pool));
        pthread_attr_t attributes;
        int r;

        if (!pool)
                return fail_memory(err);
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->wanted, NULL);
        pthread_cond_init(&pool->filled, NULL);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 64 << 10);
        r = pthread_create(&pool->thread, &attributes, pool_main, pool);
        pthread_attr_destroy(&attributes);
        if (r != 0) {
                free(pool);
                return fail_errno(err, r, "start a thread");
        }
        /* What a thread does before its function may be more than the filter allows, which comes soon. */
        pthread_mutex_lock(&pool->lock);
        while (!pool->running)
                pthread_cond_wait(&pool->filled, &pool->lock);
        pthread_mutex_unlock(&pool->lock);
        *ret = pool;
        return 0;
}

int socket_pool_take(SocketPool *pool, SocketKind kind)
{
        Shelf *shelf = &pool->shelves[kind];
        int fd;

        pthread_mutex_lock(&pool->lock);
        if (shelf->count == 0) {
                shelf->failed = 0;
                pthread_cond_signal(&pool->wanted);
                while (shelf->count == 0 && !shelf->failed)
                        pthread_cond_wait(&pool->filled, &pool->lock);
        }
        if (shelf->count > 0)
                fd = shelf->fds[--shelf->count];
        else
                fd = -shelf->failed;
        if (shelf->count < POOL_LOW)
                pthread_cond_signal(&pool->wanted);
        pthread_mutex_unlock(&pool->lock);
        return fd;
}
