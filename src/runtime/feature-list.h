/* What src/runtime knows, for `kelp-runtime features`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The names of mount options by number. False: there are no more. */
bool feature_mount_option(size_t index, char ret[static 32]);
