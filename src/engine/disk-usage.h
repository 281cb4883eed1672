/* How much of the disk things take. */
#pragma once

#include "engine/engine.h"
#include "spec/json.h"

#include <stdint.h>

/* Bytes of the regular files below the store's folder @path (files with several names once), read as the
 * plain user, or by the root of the user namespace what that cannot. A missing folder has none. */
int disk_usage_folder(Engine *engine, const char *path, int64_t *ret, Error *err);

/* {"Images": {"Count", "Active", "Size", "Reclaimable"}, "Containers": …, "Volumes": …} in bytes: for `system
 * df`. */
int disk_usage(Engine *engine, json_object **ret, Error *err);
