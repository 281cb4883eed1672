/* Copies of unpacked layers, where a layer cannot be used as it is: for a map of ids that is not the one it
 * was unpacked under, and where layers cannot be put on top of each other by a mount. */
#pragma once

#include "base/error.h"
#include "sys/userns.h"

#include <stdbool.h>

/* Owners are numbers of a container. The source has them as @from maps them to the host, the copy as @to
 * does, which must be the map of the calling process's own user namespace. */
typedef struct LayerOwners {
        const UserNamespaceMap *from, *to;
} LayerOwners;

/* Copies what is below the folder @from into the folder @to, which gets the owner and mode of @from, too.
 * @owners: NULL leaves them as they are. @flatten: @to has the layers below already; what this one hides is
 * removed there; otherwise whiteouts are copied. To be called as root of a user namespace. Hard links stay
 * links; sockets are left out. */
int layer_copy(int from, int to, const LayerOwners *owners, bool flatten, Error *err);
