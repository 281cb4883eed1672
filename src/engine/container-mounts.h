/* What -v, --mount, --tmpfs and an image's VOLUME ask for, in one form. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "spec/json.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ContainerMountType { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS } ContainerMountType;

typedef struct ContainerMount {
        ContainerMountType type;
        char *source;      /* bind: absolute host path; volume: its _data folder, once made; tmpfs: NULL */
        char *name;        /* volume; NULL: anonymous, to be named when the container is created */
        char *subpath;     /* volume: only this part of it; NULL: all */
        char *destination; /* absolute, normalised */
        bool read_only;
        bool anonymous;
        bool no_copy;       /* volume: do not fill a new one from the image */
        bool make_source;   /* bind: -v makes a missing folder */
        bool copy_up;       /* the volume is new and empty: fill it at the first start */
        StringList options; /* for the runtime: "rbind", "rprivate", "noexec", "size=…", … */
        char *mode;         /* what Docker shows as Mode: "ro", "z", … */
} ContainerMount;

void container_mount_deinit(ContainerMount *mount);
#define _cleanup_mount_ _cleanup_(container_mount_deinit)

/* Reads `-v [SOURCE:]DESTINATION[:OPTIONS]`. A SOURCE that starts with "." is below the current folder, as
 * docker takes it; one without a slash is a volume's name. ERROR_USAGE naming the part that is wrong. */
int container_mount_parse_volume(const char *text, ContainerMount *ret, Error *err);
/* Reads `--mount type=…,source=…,target=…,…` (CSV with quotes). */
int container_mount_parse_mount(const char *text, ContainerMount *ret, Error *err);
/* Reads `--tmpfs DESTINATION[:OPTIONS]`. */
int container_mount_parse_tmpfs(const char *text, ContainerMount *ret, Error *err);

/* As in Docker's container inspect (MountPoint), with what kelp needs to start it again. The caller's to put.
 */
json_object *container_mount_to_json(const ContainerMount *mount);
int container_mount_from_json(json_object *object, ContainerMount *ret, Error *err);
