/* Id-mapped mounts (mount_setattr(2), MOUNT_ATTR_IDMAP). The kernel wants privileges over the file system
 * itself, which the container's init has no more: so the caller makes these mounts, detached, before. */
#include "base/cleanup.h"
#include "runtime/init.h"
#include "runtime/mount-options.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static int convert(const RuntimeIdMap *maps, size_t count, IdMap *ret)
{
        return count ? runtime_id_map(maps, count, ret) : -E2BIG;
}

/* The mount's own maps, else the container's. */
static int choose_maps(const RuntimeSpec *spec, const RuntimeMount *mount, UserNamespaceMap *ret, Error *err)
{
        bool own = mount->uid_map_count > 0;
        int r;

        if (!own && !spec->uid_map_count)
                return fail_kind(
                        err, ERROR_USAGE, EINVAL,
                        "mount %s: idmap needs uidMappings and gidMappings, of the mount or of a new "
                        "user namespace of the container",
                        mount->destination);
        r = convert(own ? mount->uid_maps : spec->uid_maps, own ? mount->uid_map_count : spec->uid_map_count,
                    &ret->uids);
        if (r >= 0)
                r = convert(own ? mount->gid_maps : spec->gid_maps,
                            own ? mount->gid_map_count : spec->gid_map_count, &ret->gids);
        if (r < 0)
                return fail_kind(err, ERROR_UNSUPPORTED, -r, "mount %s: more than %d id mappings",
                                 mount->destination, ID_MAP_MAXIMUM);
        ret->privileged = true;
        return 0;
}

static int refused(const RuntimeMount *mount, int code, Error *err)
{
        fail_kind(err, ERROR_UNSUPPORTED, code, "mount %s: the kernel refuses an id-mapped mount of %s: %s",
                  mount->destination, mount->source ?: "", strerror(code));
        if (code == EPERM)
                return fail_hint(err, "id-mapped mounts need CAP_SYS_ADMIN over the source's file system, "
                                      "which a plain user does not have: leave out idmap and the mount's "
                                      "uidMappings and gidMappings");
        if (code == EINVAL)
                return fail_hint(err, "the source's file system does not take id-mapped mounts");
        return -code;
}

static int map_mount(const RuntimeSpec *spec, RuntimeMount *mount, const MountOptions *options, Error *err)
{
        _cleanup_(userns_deinit) UserNamespace namespace = USER_NAMESPACE_INIT;
        _cleanup_close_ int tree = -EBADF;
        struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP};
        UserNamespaceMap map = {0};
        int r = choose_maps(spec, mount, &map, err);

        if (r < 0)
                return r;
        if (geteuid() != 0)
                return refused(mount, EPERM, err);
        tree = open_tree(AT_FDCWD, mount->source ?: "",
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (options->recursive ? AT_RECURSIVE : 0));
        if (tree < 0 && errno == ENOENT)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "mount source %s does not exist",
                                 mount->source ?: "");
        if (tree < 0)
                return refused(mount, errno, err);
        r = userns_start(&map, &namespace, err);
        if (r >= 0)
                r = userns_finish(&namespace, err);
        if (r < 0)
                return fail_wrap(err, r, "mount %s: its id mappings", mount->destination);
        attributes.userns_fd = (uint64_t)namespace.fd;
        if (mount_setattr(tree, "", AT_EMPTY_PATH | (options->idmap_recursive ? AT_RECURSIVE : 0),
                          &attributes, sizeof(attributes)) < 0)
                return refused(mount, errno, err);
        mount->tree = TAKE_FD(tree);
        mount->has_tree = true;
        return 0;
}

int runtime_map_mounts(RuntimeSpec *spec, Error *err)
{
        for (size_t i = 0; i < spec->mount_count; i++) {
                _cleanup_mount_options_ MountOptions options = {0};
                RuntimeMount *mount = &spec->mounts[i];
                int r = 0;

                if (mount_options_parse(&mount->options, &options) < 0)
                        return fail_memory(err);
                if (!options.idmap && !mount->uid_map_count)
                        continue;
                if (!options.bind && !text_equal(mount->type, "bind"))
                        return fail_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
                                         "mount %s: only a bind mount can be id-mapped", mount->destination);
                if (!mount->has_tree)
                        r = map_mount(spec, mount, &options, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
