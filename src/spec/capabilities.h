/* Names of Linux capabilities: capabilities(7). */
#pragma once

#include "base/error.h"

#include <stdint.h>

enum { CAPABILITY_COUNT = 41 };

/* "CAP_NET_RAW", "net_raw" → its number. Unknown: ERROR_USAGE with the nearest name. */
int capability_parse(const char *name, unsigned *ret, Error *err);
/* "CAP_NET_RAW"; NULL past the last. */
const char *capability_name(unsigned number);
/* Docker's default set of 14. */
uint64_t capability_default_set(void);
/* Every capability known here. */
uint64_t capability_full_set(void);
