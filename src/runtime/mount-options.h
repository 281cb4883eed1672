/* The words of a mount's options (mount(8); runtime-spec, config.md#linux-mount-options) as the mount system
 * calls take them. */
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct MountOptions {
        bool bind, recursive;                    /* bind, rbind */
        uint64_t set, clear;                     /* MOUNT_ATTR_… of this mount */
        uint64_t recursive_set, recursive_clear; /* and of all below it */
        uint64_t propagation;                    /* MS_PRIVATE, …; 0: as it is */
        bool propagation_recursive;
        bool idmap, idmap_recursive; /* idmap, ridmap */
        bool copy_up;                /* tmpcopyup */
        bool has_mode;               /* mode=… is among the data */
        StringList data;             /* for the file system: "name=value" or "name" */
} MountOptions;

void mount_options_deinit(MountOptions *options);
#define _cleanup_mount_options_ _cleanup_(mount_options_deinit)

/* 0 or -ENOMEM; words that are none of mount(8)'s go to data, where the file system refuses what it does not
 * know. */
int mount_options_parse(const StringList *words, MountOptions *ret);
