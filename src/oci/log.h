/* Messages of kelp-runtime: to standard error, and to the file of --log in the form of runc's, which callers
 * read. */
#pragma once

#include "oci/oci.h"

/* @level: "error", "warning". A log that cannot be written loses the line. */
void log_write(const OciContext *context, const char *level, const char *message);
