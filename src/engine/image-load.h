/* Images on their way into the store: shared by load, import and pull. */
#pragma once

#include "engine/engine.h"
#include "spec/digest.h"
#include "spec/image.h"

/* What a layer of @size compressed bytes may unpack to: more is taken for a bomb. KELP_LAYER_MAXIMUM says
 * otherwise. */
int64_t image_layer_maximum(int64_t size);
/* Unpacks the layer that @input yields (compressed or plain) unless the store has it; *ret_diff_id: its
 * digest. */
int image_unpack_new_layer(Engine *engine, int input, Digest *ret_diff_id, Error *err);
/* Copies all of @from to @to. @what is what the error names. */
int image_copy(int from, int to, const char *what, Digest *ret, Error *err);
/* Appends the layer that is the blob @digest of the store, by its size and compression. */
int image_manifest_add_layer(Store *store, const Digest *digest, ImageManifest *manifest, Error *err);
/* For images that came without one: a manifest of the registry's kind, as a blob of the store. */
int image_make_manifest(Store *store, const Digest *config_digest, const ImageManifest *manifest, Digest *ret,
                        Error *err);
