/* Sockets of other programs (unix(7)). */
#pragma once

#include "base/error.h"

/* Connects to the stream socket @path and sends @fd with @text. */
int socket_send_fd(const char *path, int fd, const char *text, Error *err);
