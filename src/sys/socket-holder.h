/* Who has a port of this host (proc(5): /proc/net/tcp, /proc/PID/fd). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct SocketHolder {
        uid_t uid;
        pid_t pid;     /* 0: of another user, whose descriptors cannot be seen */
        char name[16]; /* of the process */
} SocketHolder;

/* @protocol IPPROTO_TCP (who listens) or IPPROTO_UDP (who is bound). False: nobody that can be seen. */
bool socket_holder_find(int protocol, uint16_t port, SocketHolder *ret);
