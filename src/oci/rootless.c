#include "oci/rootless.h"

#include "sys/userns.h"

#include <stdlib.h>
#include <unistd.h>

static int set_maps(const IdMap *map, RuntimeIdMap **ret, size_t *ret_count, Error *err)
{
        RuntimeIdMap *maps = calloc(map->count, sizeof(*maps));

        if (!maps)
                return fail_memory(err);
        for (size_t i = 0; i < map->count; i++) {
                const IdRange *range = &map->ranges[i];

                maps[i] = (RuntimeIdMap){range->inside, range->outside, range->count};
        }
        *ret = maps;
        *ret_count = map->count;
        return 0;
}

/* The one id that needs nobody's permission. */
static void map_self(const RuntimeProcess *process, UserNamespaceMap *ret)
{
        *ret = (UserNamespaceMap){.uids = {.ranges = {{process->uid, geteuid(), 1}}, .count = 1},
                                  .gids = {.ranges = {{process->gid, getegid(), 1}}, .count = 1}};
}

int rootless_complete(RuntimeSpec *spec, Error *err)
{
        RuntimeNamespace *user = &spec->namespaces[NAMESPACE_USER];
        UserNamespaceKeep keep = {spec->process.uid, spec->process.gid};
        UserNamespaceMap map;
        int r;

        if (geteuid() == 0 || user->mode == NAMESPACE_JOIN || spec->uid_map_count)
                return 0;
        user->mode = NAMESPACE_NEW;
        r = userns_plan(&keep, &map, NULL, err);
        if (r == -EPERM) {
                error_clear(err);
                map_self(&spec->process, &map);
                r = 0;
        }
        if (r >= 0)
                r = set_maps(&map.uids, &spec->uid_maps, &spec->uid_map_count, err);
        if (r >= 0)
                r = set_maps(&map.gids, &spec->gid_maps, &spec->gid_map_count, err);
        return r;
}
