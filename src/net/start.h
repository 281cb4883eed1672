/* The descriptors with which kelp-netd is started. */
#pragma once

enum {
        NETD_LISTENER_FD = 3,       /* listening on the socket of protocol.h */
        NETD_USER_NAMESPACE_FD = 4, /* that containers are made in */
        NETD_READY_FD = 5,          /* a pipe: one NetdAnswer when all is made, or why not */
};
