/*
 * Layers are unpacked once, under the map in which container root is the user: so the files of an image's
 * root belong to the user on disk. Under a map in which the user is somebody else, and root a subordinate id,
 * they would be that somebody's: set-user-id programs would not work, and every process of the user's could
 * change them. A user namespace cannot shift ids in a mount of the host's file system. So for each such map
 * there is a copy of a layer, beside it, with the owners that it needs; it goes with the layer.
 */
#include "engine/container-userns.h"

#include "base/file.h"
#include "engine/layer-copy.h"
#include "store/images.h"
#include "sys/account.h"
#include "sys/userns-run.h"

#include <fcntl.h>
#include <sys/stat.h>

static int parse_id(const char *text, const char *whole, uint32_t *ret, Error *err)
{
        uint64_t number;

        if (text_to_u64(text, INT32_MAX, &number) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "invalid --userns \"%s\": \"%s\" is not an id",
                                 whole, text);
        *ret = (uint32_t)number;
        return 0;
}

int container_userns_parse(const char *text, UserNamespaceKeep *ret, Error *err)
{
        const char *options = text ? text_after(text, "keep-id") : NULL;
        _cleanup_free_ char *copy = NULL;
        char *save = NULL;
        int r = 0;

        if (!options || (*options && *options != ':'))
                return 0;
        *ret = (UserNamespaceKeep){.uid = geteuid(), .gid = getegid()};
        copy = strdup(options + (*options == ':'));
        if (!copy)
                return fail_memory(err);
        for (char *option = strtok_r(copy, ",", &save); r >= 0 && option;
             option = strtok_r(NULL, ",", &save)) {
                const char *uid = text_after(option, "uid="), *gid = text_after(option, "gid=");

                if (!uid && !gid)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid --userns \"%s\": \"%s\" is neither uid=UID nor gid=GID",
                                         text, option);
                r = parse_id(uid ?: gid, text, uid ? &ret->uid : &ret->gid, err);
        }
        return r < 0 ? r : 1;
}

int container_userns_account(const ContainerConfiguration *configuration, char **ret, Error *err)
{
        _cleanup_account_ Account account = {0};
        UserNamespaceKeep keep;
        int r;

        r = container_userns_parse(configuration->userns, &keep, err);
        if (r <= 0 || account_find(getuid(), &account) < 0)
                return r < 0 ? r : 0;
        /* A file of the user's own is left as it is. */
        for (size_t i = 0; i < configuration->mount_count; i++)
                if (text_equal(configuration->mounts[i].destination, "/etc") ||
                    text_equal(configuration->mounts[i].destination, "/etc/passwd"))
                        return 0;
        /* Names and folders of other characters would be other fields. */
        if (text_empty(account.name) || strpbrk(account.name, ":\n") ||
            strpbrk(configuration->workdir, ":\n"))
                return 0;
        *ret = text_printf("%s:*:%u:%u::%s:/bin/sh\n", account.name, keep.uid, keep.gid,
                           configuration->workdir);
        return *ret ? 0 : fail_memory(err);
}

/* ---- layers ---- */

/* A name for what @map makes of a layer (FNV-1a of its numbers). */
static void name_for(const UserNamespaceMap *map, char *name, size_t size)
{
        const IdMap *maps[] = {&map->uids, &map->gids};
        uint64_t hash = 14695981039346656037u;

        for (size_t i = 0; i < ELEMENTSOF(maps); i++)
                for (size_t j = 0; j < maps[i]->count; j++) {
                        const IdRange *range = &maps[i]->ranges[j];
                        uint32_t numbers[] = {(uint32_t)i, range->inside, range->outside, range->count};

                        for (size_t k = 0; k < ELEMENTSOF(numbers); k++)
                                hash = (hash ^ numbers[k]) * 1099511628211u;
                }
        snprintf(name, size, "diff-%016llx", (unsigned long long)hash);
}

typedef struct LayerTask {
        const char *layer; /* layers/HEX */
        const char *name;  /* of the copy */
        int stage;
        LayerOwners owners;
} LayerTask;

static int copy_task(void *argument, Error *err)
{
        const LayerTask *task = argument;
        _cleanup_close_ int layer = open(task->layer, O_PATH | O_DIRECTORY | O_CLOEXEC), from = -EBADF,
                            to = -EBADF;
        int r;

        if (layer < 0)
                return fail_errno(err, errno, "%s", task->layer);
        from = openat(layer, "diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (from < 0 || mkdirat(task->stage, "diff", 0755) < 0)
                return fail_errno(err, errno, "%s", task->layer);
        to = openat(task->stage, "diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (to < 0)
                return fail_errno(err, errno, "%s", task->layer);
        r = layer_copy(from, to, &task->owners, false, err);
        if (r < 0)
                return r;
        /* It counts once it is in its place, so it must be whole by then, whatever happens to the power. */
        if (syncfs(to) < 0)
                return fail_errno(err, errno, "sync %s", task->layer);
        r = folder_rename_new_at(task->stage, "diff", layer, task->name);
        return r < 0 && r != -EEXIST ? fail_errno(err, -r, "%s/%s", task->layer, task->name) : 0;
}

/* The copy of the layer whose folder is layers/HEX (which "diff" at its end is cut off): made when it is
 * missing. */
static int ensure_copy(Engine *engine, LayerTask *task, int user_namespace, bool *noted, Error *err)
{
        _cleanup_free_ char *path = text_printf("%s/%s", task->layer, task->name);
        StoreStage stage = STORE_STAGE_INIT;
        Store *store;
        int r;

        if (!path)
                return fail_memory(err);
        if (access(path, F_OK) == 0)
                return 0;
        if (!*noted)
                notice_add(&engine->notices, "the image's layers are copied for this map of ids: once, other "
                                             "containers share them");
        *noted = true;
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_stage_begin(store, &stage, err);
        if (r < 0)
                return r;
        task->stage = stage.fd;
        r = userns_run(user_namespace, copy_task, task, err);
        store_stage_abandon(store, &stage);
        return r < 0 ? fail_wrap(err, r, "copy a layer for --userns keep-id") : 0;
}

static int map_layers(Engine *engine, const UserNamespaceMap *map, int user_namespace, ContainerPlan *plan,
                      Error *err)
{
        const UserNamespaceMap *usual;
        char name[32];
        bool noted = false;
        int r;

        name_for(map, name, sizeof(name));
        r = engine_map(engine, &usual, err);
        for (size_t i = 0; r >= 0 && i < plan->lower.count; i++) {
                char *diff = plan->lower.items[i];
                _cleanup_free_ char *layer = strndup(diff, (size_t)(path_basename(diff) - 1 - diff));
                LayerTask task = {.layer = layer, .name = name, .owners = {.from = usual, .to = map}};

                if (!layer)
                        return fail_memory(err);
                /* What is no layer is the store's own, and only mounted upon. */
                if (!text_equal(path_basename(diff), "diff"))
                        continue;
                r = ensure_copy(engine, &task, user_namespace, &noted, err);
                if (r < 0)
                        return r;
                free(diff);
                plan->lower.items[i] = path_join(layer, name);
                if (!plan->lower.items[i])
                        return fail_memory(err);
        }
        return r;
}

int container_userns_plan(Engine *engine, const ContainerConfiguration *configuration, ContainerPlan *plan,
                          int *ret_fd, Error *err)
{
        _cleanup_(userns_deinit) UserNamespace namespace = USER_NAMESPACE_INIT;
        UserNamespaceKeep keep;
        UserNamespaceMap map;
        int r;

        r = container_userns_parse(configuration->userns, &keep, err);
        if (r <= 0)
                return r;
        r = userns_plan(&keep, &map, &engine->notices, err);
        /* On a network of kelp's it is there (network-join.c). */
        if (r >= 0 && *ret_fd >= 0)
                return map_layers(engine, &map, *ret_fd, plan, err);
        if (r >= 0)
                r = userns_start(&map, &namespace, err);
        if (r >= 0)
                r = userns_finish(&namespace, err);
        if (r >= 0)
                r = map_layers(engine, &map, namespace.fd, plan, err);
        if (r >= 0)
                *ret_fd = TAKE_FD(namespace.fd);
        return r;
}

/* ---- the container's own ---- */

static int own_task(void *argument, Error *err)
{
        static const char *const names[] = {"upper", "work"};
        int folder = *(int *)argument, r;

        r = tree_remove_at(folder, "work/work", err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (fchownat(folder, names[i], 0, 0, AT_SYMLINK_NOFOLLOW) < 0)
                        return fail_errno(err, errno, "give %s to the container's root", names[i]);
        return 0;
}

int container_userns_own(const ContainerConfiguration *configuration, int folder, int user_namespace,
                         Error *err)
{
        UserNamespaceKeep keep;
        int r;

        r = container_userns_parse(configuration->userns, &keep, err);
        return r <= 0 ? r : userns_run(user_namespace, own_task, &folder, err);
}
