/*
 * Sockets of the intermediate network namespace for a thread that lives in the host's. A socket belongs for
 * ever to the namespace of the thread that made it, and neither thread may enter the other's namespace; so a
 * small thread in the intermediate one keeps some sockets of each kind ready.
 */
#pragma once

#include "base/error.h"

#include <sys/socket.h>

typedef enum SocketKind {
        SOCKET_STREAM4,
        SOCKET_STREAM6,
        SOCKET_DATAGRAM4,
        SOCKET_DATAGRAM6,
        SOCKET_KIND_COUNT,
} SocketKind;

typedef struct SocketPool SocketPool;

/* Starts the thread; the caller is in the namespace whose sockets are wanted. */
int socket_pool_start(SocketPool **ret, Error *err);
/* From any thread: a non-blocking socket with IP_TRANSPARENT and SO_REUSEADDR, or a negative errno. Waits
 * only when the pool is empty. */
int socket_pool_take(SocketPool *pool, SocketKind kind);
static inline SocketKind socket_kind(int family, int type)
{
        return (SocketKind)((type == SOCK_DGRAM ? SOCKET_DATAGRAM4 : SOCKET_STREAM4) + (family == AF_INET6));
}
