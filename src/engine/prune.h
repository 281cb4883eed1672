/* Removal of what is not used. Results have the shape of the Docker Engine API's prune responses, and are the
 * caller's to put. @filters: "until=10m", "until=2026-11-24T08:00:00Z" (what is older), "label=a",
 * "label=a=b", "label!=a". */
#pragma once

#include "engine/engine.h"
#include "spec/json.h"

/* Containers that do not run: {"ContainersDeleted": [ids], "SpaceReclaimed": bytes}. */
int prune_containers(Engine *engine, const StringList *filters, json_object **ret, Error *err);
/* Images without a name, with @all also named ones, that no container uses: {"ImagesDeleted": [{"Untagged":
 * …},
 * {"Deleted": …}], "SpaceReclaimed": bytes}. */
int prune_images(Engine *engine, bool all, const StringList *filters, json_object **ret, Error *err);
/* Volumes that no container uses: those made without a name, with @all the others too: {"VolumesDeleted":
 * [names], "SpaceReclaimed": bytes}. */
int prune_volumes(Engine *engine, bool all, const StringList *filters, json_object **ret, Error *err);
