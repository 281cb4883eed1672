/* Root file systems where the kernel cannot put layers on top of each other: by fuse-overlayfs, or by a copy.
 */
#pragma once

#include "engine/container-launch.h"

/* Whether overlays work on this store, as far as is known. */
bool container_root_can_overlay(Engine *engine);
/* Writes down that they do not, after a start that failed for the reason @error. 1: this is news, another
 * start may work; 0: it failed for another reason, or this was known. */
int container_root_note(Engine *engine, const Error *error);
/* Where they do not: mounts or copies the root of a container whose folder is there, and has @launch use it.
 */
int container_root_make(Engine *engine, const ContainerConfiguration *configuration, ContainerLaunch *launch,
                        Error *err);
