/* Volumes as users know them. JSON results have the shape of the Docker Engine API's Volume and are the
 * caller's to put. */
#pragma once

#include "engine/engine.h"
#include "spec/json.h"

typedef struct VolumeListOptions {
        StringList filters; /* "name=…", "dangling=true", "driver=local", "label=…" */
        bool size;          /* UsageData too */
} VolumeListOptions;

/* By name: Name, Driver, Mountpoint, CreatedAt, Labels, Scope, Options, with @size UsageData {Size,
 * RefCount}. */
int volume_list(Engine *engine, const VolumeListOptions *options, json_object **ret, Error *err);
/* ERROR_NOT_FOUND. */
int volume_inspect(Engine *engine, const char *name, json_object **ret, Error *err);
/* @name NULL: one without a name, whose 64 digits *ret_name gets (to free). One that exists already stays as
 * it is.
 * @labels: name=value. */
int volume_create(Engine *engine, const char *name, const StringList *labels, char **ret_name, Error *err);
/* ERROR_CONFLICT while a container uses it. */
int volume_remove(Engine *engine, const char *name, Error *err);
