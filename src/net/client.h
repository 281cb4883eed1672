/* kelp's side of kelp-netd: starting it, and asking it (protocol.h). */
#pragma once

#include "net/protocol.h"

typedef struct NetdClient {
        const char *run;     /* the run folder, absolute; made when missing (0700) */
        const char *program; /* kelp-netd */
} NetdClient;

/* One request; up to two descriptors go along. @ret_fds (NETD_DESCRIPTORS_MAXIMUM, may be NULL): those that
 * came with the answer, or -EBADF; untouched when it could not be asked. What kelp-netd refused is the error.
 * -ENOTCONN, without an Error: it does not run. */
int netd_request(const NetdClient *client, const NetdRequest *request, const int *fds, size_t fd_count,
                 NetdAnswer *ret, int *ret_fds, Error *err);
/* It runs and takes requests. */
bool netd_runs(const NetdClient *client);
/* Starts it, with @user_namespace; waits until it answers. 0 when it runs already: then containers are to be
 * made in its user namespace (NETD_HELLO). 1 when it was started. Safe against others that start it at the
 * same moment. */
int netd_start(const NetdClient *client, int user_namespace, Error *err);
/* Its user namespace; -ENOTCONN (no Error) when it does not run. */
int netd_hello(const NetdClient *client, int *ret_user_namespace, NetdAnswer *ret_answer, Error *err);
