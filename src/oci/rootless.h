/* What a plain user's configuration leaves out, as crun completes it. */
#pragma once

#include "spec/runtime-spec.h"

/* A plain user makes no namespace without a user namespace of its own: without one in @spec it gets a new
 * one. A new one without mappings gets the default: process.user is the caller, the other ids come from the
 * caller's subordinate ranges (subuid(5)), if there are any. For root and for a namespace that is joined
 * nothing is changed. */
int rootless_complete(RuntimeSpec *spec, Error *err);
