/* The sockets that callers give to kelp-runtime. */
#pragma once

#include "oci/oci.h"

/* --console-socket and --pidfd-socket (NULL: not given): sends the terminal's master, which is closed then,
 * and the pidfd. */
int sockets_tell(const char *console, const char *pidfd, RuntimeContainer *process, Error *err);
/* Sockets that systemd or another caller has opened from descriptor 3 on for this process (LISTEN_FDS,
 * LISTEN_PID; sd_listen_fds(3)): how many. */
unsigned socket_listen_fds(void);
