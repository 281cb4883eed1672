/* What kelp-netd and kelp-switch have in common as programs that kelp starts and then asks by a socket. */
#pragma once

#include "base/error.h"

#include <stddef.h>

/* A socket that listens as @name in @folder, instead of one of an earlier run. @program: who errors name. */
int helper_listen(int folder, const char *name, int backlog, const char *program, Error *err);
/* -ENOTCONN: nobody listens there. */
int helper_connect(int folder, const char *name);

typedef struct HelperStart {
        const char *path, *name;
        int log;        /* its standard error; -EBADF: /dev/null, as its other streams are */
        const int *fds; /* become 3, 4, … */
        size_t fd_count;
} HelperStart;

/* Starts it in a session of its own, with no environment and no signal blocked, and waits until it has
 * forked: it is nobody's child. All descriptors stay the caller's. */
int helper_start(const HelperStart *start, Error *err);

/* In the helper: as many descriptors as may be had. */
void helper_raise_limits(void);
