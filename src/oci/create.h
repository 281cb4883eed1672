/* Making a container of a bundle, starting it, and taking it away again. */
#pragma once

#include "oci/restore.h"

typedef struct CreateOptions {
        const char *id, *bundle; /* NULL: the current folder */
        const char *config;      /* relative to the bundle; NULL: config.json */
        const char *console_socket, *pidfd_socket, *pid_file;
        int64_t preserve_fds;
        bool no_pivot, no_new_keyring;
        bool detached;                 /* whoever starts it is another process, or does not wait for it */
        bool listens;                  /* another process */
        const RestoreOptions *restore; /* out of criu's images: it runs then; NULL: made anew */
} CreateOptions;

/* The container's folder, its cgroup and its init, which waits before the payload. On failure nothing is
 * left. */
int create_container(const OciContext *context, const CreateOptions *options, OciContainer *ret,
                     RuntimeContainer *ret_init, Error *err);
/* What is left of a container that has ended, or is to: its processes, its cgroup, its folder; then the
 * poststop hooks. */
int destroy_container(const OciContext *context, OciContainer *container, Error *err);
