/* Dockerfile instructions that change an image's configuration, as `import --change` takes them. */
#pragma once

#include "base/error.h"
#include "spec/json.h"

/* Applies "CMD [\"sh\"]", "ENV A=b C=d", … to the "config" member of an image configuration. ERROR_USAGE
 * naming what is not understood. */
int image_change_apply(json_object *config, const char *instruction, Error *err);
