#include "base/file.h"
#include "engine/container-configure.h"
#include "store/containers.h"

#include <sys/stat.h>

static const ContainerMount *find_destination(const ContainerConfiguration *configuration,
                                              const char *destination)
{
        for (size_t i = 0; i < configuration->mount_count; i++)
                if (text_equal(configuration->mounts[i].destination, destination))
                        return &configuration->mounts[i];
        return NULL;
}

/* Takes the mount over, also on failure. */
static int add_mount(ContainerConfiguration *configuration, ContainerMount *mount, Error *err)
{
        ContainerMount *grown;

        if (find_destination(configuration, mount->destination)) {
                fail_kind(err, ERROR_USAGE, EINVAL, "Duplicate mount point: %s", mount->destination);
                container_mount_deinit(mount);
                return -EINVAL;
        }
        grown = reallocarray(configuration->mounts, configuration->mount_count + 1, sizeof(*grown));
        if (!grown) {
                container_mount_deinit(mount);
                return fail_memory(err);
        }
        configuration->mounts = grown;
        grown[configuration->mount_count++] = *mount;
        *mount = (ContainerMount){0};
        return 0;
}

/* The source must be there now, so that the error comes before anything is made. Whether container root may
 * use it is seen when it is mounted. */
static int check_source(const ContainerMount *mount, Error *err)
{
        struct stat status;

        if (mount->type != MOUNT_BIND || stat(mount->source, &status) == 0 ||
            (mount->make_source && errno == ENOENT))
                return 0;
        if (errno == ENOENT || errno == ENOTDIR) {
                fail_kind(err, ERROR_NOT_FOUND, errno, "bind mount source does not exist: %s", mount->source);
                return fail_hint(err, "make it first: mkdir -p %s", mount->source);
        }
        return fail_errno(err, errno, "bind mount source %s", mount->source);
}

typedef int (*MountParser)(const char *text, ContainerMount *ret, Error *err);

static int add_parsed(const StringList *texts, MountParser parse, ContainerConfiguration *configuration,
                      Error *err)
{
        for (size_t i = 0; i < texts->count; i++) {
                ContainerMount mount = {0};
                int r;

                r = parse(texts->items[i], &mount, err);
                if (r >= 0)
                        r = check_source(&mount, err);
                if (r < 0) {
                        container_mount_deinit(&mount);
                        return r;
                }
                r = add_mount(configuration, &mount, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_mount(const ContainerMount *from, bool read_only, ContainerConfiguration *configuration,
                      Error *err)
{
        _cleanup_mount_ ContainerMount copy = {.type = from->type, .read_only = from->read_only || read_only};

        if (text_replace(&copy.source, from->source) < 0 || text_replace(&copy.name, from->name) < 0 ||
            text_replace(&copy.destination, from->destination) < 0 ||
            text_replace(&copy.mode, from->mode) < 0 || text_replace(&copy.subpath, from->subpath) < 0 ||
            string_list_copy(&copy.options, &from->options) < 0)
                return fail_memory(err);
        return add_mount(configuration, &copy, err);
}

/* --volumes-from CONTAINER[:ro|rw]; mounts that were asked for by name win. */
static int add_volumes_from(Engine *engine, const char *text, ContainerConfiguration *configuration,
                            Error *err)
{
        _cleanup_configuration_ ContainerConfiguration other = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_free_ char *name = strdup(text);
        char *mode = name ? strrchr(name, ':') : NULL;
        Store *store;
        int r;

        if (!name)
                return fail_memory(err);
        if (mode)
                *mode++ = 0;
        if (mode && !text_equal(mode, "ro") && !text_equal(mode, "rw"))
                return fail_kind(err, ERROR_USAGE, EINVAL, "--volumes-from %s: the mode is ro or rw", text);
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_find(store, name, &row, err);
        if (r >= 0)
                r = container_configuration_from_json(row.configuration, &other, err);
        for (size_t i = 0; r >= 0 && i < other.mount_count; i++)
                if (other.mounts[i].type != MOUNT_TMPFS &&
                    !find_destination(configuration, other.mounts[i].destination))
                        r = copy_mount(&other.mounts[i], text_equal(mode, "ro"), configuration, err);
        return r < 0 ? fail_wrap(err, r, "--volumes-from %s", text) : 0;
}

/* What the image declares as VOLUME, and nobody mounted, becomes an anonymous volume. */
static int add_declared(ContainerConfiguration *configuration, Error *err)
{
        for (size_t i = 0; i < configuration->volumes.count; i++) {
                ContainerMount mount = {0};
                int r;

                r = container_mount_parse_volume(configuration->volumes.items[i], &mount, err);
                if (r < 0)
                        return fail_wrap(err, r, "the image's VOLUME");
                if (mount.type != MOUNT_VOLUME || !mount.anonymous) {
                        container_mount_deinit(&mount);
                        return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                         "the image's VOLUME \"%s\" is not a path",
                                         configuration->volumes.items[i]);
                }
                if (find_destination(configuration, mount.destination)) {
                        container_mount_deinit(&mount);
                        continue;
                }
                r = add_mount(configuration, &mount, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int container_configure_mounts(Engine *engine, const ContainerOptions *options,
                               ContainerConfiguration *configuration, Error *err)
{
        int r;

        if (string_list_copy(&configuration->binds, &options->volumes) < 0 ||
            string_list_copy(&configuration->tmpfs, &options->tmpfs) < 0)
                return fail_memory(err);
        r = add_parsed(&options->volumes, container_mount_parse_volume, configuration, err);
        if (r >= 0)
                r = add_parsed(&options->mounts, container_mount_parse_mount, configuration, err);
        if (r >= 0)
                r = add_parsed(&options->tmpfs, container_mount_parse_tmpfs, configuration, err);
        for (size_t i = 0; r >= 0 && i < options->volumes_from.count; i++)
                r = add_volumes_from(engine, options->volumes_from.items[i], configuration, err);
        return r < 0 ? r : add_declared(configuration, err);
}
