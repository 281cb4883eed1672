/* The sockets that callers give to kelp-runtime. */
#pragma once

#include "oci/oci.h"

/* --console-socket, --pidfd-socket: connects to the stream socket @path and sends @fd with @text. @what names
 * the option in errors. */
int socket_send_fd(const char *what, const char *path, int fd, const char *text, Error *err);
/* Sockets that systemd or another caller has opened from descriptor 3 on for this process (LISTEN_FDS,
 * LISTEN_PID; sd_listen_fds(3)): how many. */
unsigned socket_listen_fds(void);
