/* Capability sets of the calling thread (capabilities(7), capset(2), prctl(2)). Sets are bits by number, 1 <<
 * CAP_…. */
#pragma once

#include <stdint.h>

typedef struct CapabilitySets {
        uint64_t bounding, effective, inheritable, permitted, ambient;
} CapabilitySets;

/* Drops from the bounding set what is not in @keep. Needs CAP_SETPCAP. 0 or a negative errno. */
int capabilities_bound(uint64_t keep);
/* Sets permitted, effective and inheritable, then exactly the ambient set. Bits that the kernel does not
 * know, and those that the caller himself does not have, are left out. */
int capabilities_apply(const CapabilitySets *sets);
