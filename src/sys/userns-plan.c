/* Which ids a container gets: see userns.h. */
#include "sys/userns.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "sys/account.h"

#include <fcntl.h>

enum {
        SUBID_FILE_MAXIMUM = 4 << 20,
        ROOT_RANGE_FIRST =
                1879048192, /* where kelp started by root puts containers without a range of root's own */
        RANGE_SIZE = 65536,
};

uint32_t id_map_to_host(const IdMap *map, uint32_t inside)
{
        for (size_t i = 0; i < map->count; i++) {
                const IdRange *range = &map->ranges[i];

                if (inside >= range->inside && inside - range->inside < range->count)
                        return range->outside + (inside - range->inside);
        }
        return UINT32_MAX;
}

uint32_t id_map_to_container(const IdMap *map, uint32_t outside)
{
        for (size_t i = 0; i < map->count; i++) {
                const IdRange *range = &map->ranges[i];

                if (outside >= range->outside && outside - range->outside < range->count)
                        return range->inside + (outside - range->outside);
        }
        return UINT32_MAX;
}

/* ---- which ids ---- */

/* The ranges of one user in the text of /etc/subuid or /etc/subgid (subuid(5)): lines
 * "name-or-uid:first:count". */
static size_t subids_parse(char *text, const char *name, uid_t uid, IdRange *ranges, size_t capacity)
{
        char number[16];
        size_t count = 0;

        snprintf(number, sizeof(number), "%u", uid);
        for (char *line; count < capacity && (line = strsep(&text, "\n"));) {
                char *owner = strsep(&line, ":"), *first = strsep(&line, ":"), *size = line;
                uint64_t first_id, id_count;

                if (!owner || !first || !size || (!text_equal(owner, name) && !text_equal(owner, number)))
                        continue;
                if (text_to_u64(first, UINT32_MAX - 1, &first_id) < 0 ||
                    text_to_u64(size, UINT32_MAX, &id_count) < 0 || id_count == 0 ||
                    first_id + id_count > UINT32_MAX)
                        continue;
                ranges[count++] = (IdRange){.outside = (uint32_t)first_id, .count = (uint32_t)id_count};
        }
        return count;
}

static size_t subids_read(const char *path, const char *name, uid_t uid, IdRange *ranges, size_t capacity)
{
        _cleanup_buffer_ Buffer text = {0};

        if (file_read_at(AT_FDCWD, path, SUBID_FILE_MAXIMUM, &text) < 0 || !text.data)
                return 0;
        return subids_parse(text.data, name, uid, ranges, capacity);
}

static bool program_exists(const char *name)
{
        static const char *const folders[] = {"/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"};
        char path[64];

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                snprintf(path, sizeof(path), "%s/%s", folders[i], name);
                if (access(path, X_OK) == 0)
                        return true;
        }
        return false;
}

static void id_map_add(IdMap *map, uint32_t inside, uint32_t outside, uint32_t count)
{
        if (count > 0 && map->count < ID_MAP_MAXIMUM)
                map->ranges[map->count++] = (IdRange){inside, outside, count};
}

/* 0 → the caller, 1… → the ranges, one behind the other. */
static void id_map_plan(IdMap *map, uint32_t self, const IdRange *ranges, size_t count)
{
        uint32_t next = 1;

        id_map_add(map, 0, self, 1);
        for (size_t i = 0; i < count; i++) {
                id_map_add(map, next, ranges[i].outside, ranges[i].count);
                next += ranges[i].count;
        }
}

/* The caller under the number @inside; the ranges fill the ids below and above it. */
static void id_map_plan_keep(IdMap *map, uint32_t inside, uint32_t self, const IdRange *ranges, size_t count)
{
        uint32_t next = 0;

        for (size_t i = 0; i < count; i++) {
                uint32_t outside = ranges[i].outside, left = ranges[i].count;

                if (next < inside) {
                        uint32_t below = left < inside - next ? left : inside - next;

                        id_map_add(map, next, outside, below);
                        next += below;
                        outside += below;
                        left -= below;
                }
                if (next == inside && left > 0) {
                        id_map_add(map, inside, self, 1);
                        next = inside + 1;
                }
                if (left > 0 && next > inside) {
                        id_map_add(map, next, outside, left);
                        next += left;
                }
        }
        if (next <= inside)
                id_map_add(map, inside, self, 1);
}

static void plan_for_root(UserNamespaceMap *map)
{
        IdRange uids[1], gids[1];
        IdRange fallback = {.outside = ROOT_RANGE_FIRST, .count = RANGE_SIZE};

        if (subids_read("/etc/subuid", "root", 0, uids, 1) == 0 || uids[0].outside == 0)
                uids[0] = fallback;
        if (subids_read("/etc/subgid", "root", 0, gids, 1) == 0 || gids[0].outside == 0)
                gids[0] = fallback;
        id_map_add(&map->uids, 0, uids[0].outside, uids[0].count);
        id_map_add(&map->gids, 0, gids[0].outside, gids[0].count);
        map->privileged = true;
}

/* The ids of this process's own user namespace, from its map: each stands for itself one level further in. 1
 * when they are all ids, that is when the namespace is the host's. */
static int own_ids(const char *path, IdMap *ret)
{
        _cleanup_buffer_ Buffer text = {0};
        unsigned inside, outside, count;
        char *save = NULL;

        if (file_read_at(AT_FDCWD, path, SUBID_FILE_MAXIMUM, &text) < 0 || !text.data)
                return 1;
        for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                if (sscanf(line, "%u %u %u", &inside, &outside, &count) != 3)
                        continue;
                if (inside == 0 && outside == 0 && count == UINT32_MAX)
                        return 1;
                id_map_add(ret, inside, inside, count);
        }
        return 0;
}

/* Root of a user namespace, as in a container: its ids are all that there is, and its root is not the host's.
 * False when this process is the host's root. */
static bool plan_for_nested_root(UserNamespaceMap *map)
{
        if (own_ids("/proc/self/uid_map", &map->uids) > 0 || own_ids("/proc/self/gid_map", &map->gids) > 0) {
                *map = (UserNamespaceMap){0};
                return false;
        }
        map->single = map->uids.count == 1 && map->uids.ranges[0].count == 1;
        map->privileged = !map->single;
        return true;
}

static int keep_needs_ids(const char *lost, const char *name, Error *err)
{
        fail_kind(err, ERROR_UNSUPPORTED, EPERM, "--userns keep-id needs subordinate ids beside your own: %s",
                  lost);
        return fail_hint(err,
                         "sudo apt-get install uidmap && sudo usermod --add-subuids 100000-165535 "
                         "--add-subgids 100000-165535 %s",
                         *name ? name : "USER");
}

int userns_plan(const UserNamespaceKeep *keep, UserNamespaceMap *ret, NoticeList *notices, Error *err)
{
        UserNamespaceMap map = {0};
        uid_t uid = geteuid();
        gid_t gid = getegid();
        IdRange uids[ID_MAP_MAXIMUM / 2], gids[ID_MAP_MAXIMUM / 2];
        size_t uid_count = 0, gid_count = 0;
        const char *lost = NULL;

        if (uid == 0) {
                if (keep)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "--userns keep-id: root's own id is never mapped into a container");
                if (!plan_for_nested_root(&map))
                        plan_for_root(&map);
                *ret = map;
                return 0;
        }

        /* The environment's USER is not to be trusted for ids. */
        _cleanup_account_ Account account = {0};
        const char *name = account_find(uid, &account) >= 0 ? account.name : "";

        uid_count = subids_read("/etc/subuid", name, uid, uids, ELEMENTSOF(uids));
        gid_count = subids_read("/etc/subgid", name, uid, gids, ELEMENTSOF(gids));
        if (uid_count == 0 || gid_count == 0)
                lost = uid_count == 0 ? "/etc/subuid has no range for you"
                                      : "/etc/subgid has no range for you";
        else if (!program_exists("newuidmap") || !program_exists("newgidmap"))
                lost = "newuidmap and newgidmap are not installed";
        if (lost) {
                if (keep)
                        return keep_needs_ids(lost, name, err);
                map.single = true;
                id_map_add(&map.uids, 0, uid, 1);
                id_map_add(&map.gids, 0, gid, 1);
                notice_add(
                        notices,
                        "only one user id is available in containers (%s); files of other owners appear as "
                        "root's. "
                        "For more: sudo apt-get install uidmap && sudo usermod --add-subuids 100000-165535 "
                        "--add-subgids 100000-165535 %s",
                        lost, *name ? name : "USER");
        } else if (keep) {
                id_map_plan_keep(&map.uids, keep->uid, uid, uids, uid_count);
                id_map_plan_keep(&map.gids, keep->gid, gid, gids, gid_count);
        } else {
                id_map_plan(&map.uids, uid, uids, uid_count);
                id_map_plan(&map.gids, gid, gids, gid_count);
        }
        *ret = map;
        return 0;
}
