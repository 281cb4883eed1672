/* Sockets of other programs (unix(7)). */
#pragma once

#include "base/error.h"

#include <stddef.h>

enum { SOCKET_FDS_MAXIMUM = 4 };

/* Sends @length bytes with @count descriptors (at most SOCKET_FDS_MAXIMUM); 0 or a negative errno. */
int socket_send_fds(int socket, const void *data, size_t length, const int *fds, size_t count);
/* Receives one byte with exactly @count descriptors, which become close-on-exec. @flags: of recvmsg(2).
 * -EPIPE: nothing came; -EBADF: not so many descriptors. */
int socket_receive_fds(int socket, int flags, int *ret, size_t count);
/* Connects to the stream socket @path and sends @fd with @text. */
int socket_send_fd(const char *path, int fd, const char *text, Error *err);
