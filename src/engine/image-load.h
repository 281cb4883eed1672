/* Layers on their way into the store: shared by load, import and pull. */
#pragma once

#include "engine/engine.h"
#include "spec/digest.h"

/* Unpacks the layer that @input yields (compressed or plain) unless the store has it; ERROR_CORRUPT when its
 * content is not @diff_id. */
int image_unpack_layer(Engine *engine, int input, const Digest *diff_id, Error *err);
