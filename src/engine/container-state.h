/* What is true of a container now: its row, and what became of its processes since it was written. */
#pragma once

#include "engine/engine.h"
#include "store/containers.h"

/* As store_container_find(), then container_refresh(). */
int container_find(Engine *engine, const char *name, StoreContainer *ret, Error *err);
/* A row that says "running" although its processes have gone, or its holder has, is put right: it ended as
 * the holder has recorded; where there is no record the holder was killed, and so is what is left, and it
 * counts as exited with 137. Costs nothing for others. 1: it was --rm and has been removed. */
int container_refresh(Engine *engine, StoreContainer *row, Error *err);
