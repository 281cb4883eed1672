/*
 * What of a container is the host's, and so not in criu's images: sources of bind mounts, namespaces that
 * were joined, pipes of its standard streams. Both times it goes by a name: a mount by its destination, a
 * namespace by its kind, a pipe by what /proc/PID/fd shows, which is kept in the file streams.json beside the
 * images.
 */
#pragma once

#include "oci/criu.h"

/* For a checkpoint. */
int external_put(const OciContainer *container, Criu *criu, Error *err);
int external_save_streams(const OciContainer *container, int images, Error *err);

typedef struct External {
        int fds[8];
        size_t count;
} External;

/* For a restore; @ret has the descriptors that criu inherits, and criu->inherited leads there. */
int external_restore(const OciContainer *container, Criu *criu, External *ret, Error *err);
void external_deinit(External *external);
