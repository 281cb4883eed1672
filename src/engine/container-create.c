#include "engine/container-create.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/identity.h"
#include "engine/container-configure.h"
#include "engine/container-launch.h"
#include "engine/container-plan.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

int container_check_name(const char *name, Error *err)
{
        const char *c = name;

        if (*c == '/')
                c++;
        if (isalnum((unsigned char)*c) && c[1])
                for (c++; isalnum((unsigned char)*c) || (*c && strchr("_.-", *c)); c++)
                        ;
        else
                c = "?";
        return *c ? fail_kind(err, ERROR_USAGE, EINVAL,
                              "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at "
                              "least two of them",
                              name)
                  : 0;
}

/* --platform must be what the image in the store is for; otherwise the caller pulls the right one. */
static int check_platform(const ContainerOptions *options, const StoreImage *image, Error *err)
{
        Platform wanted, offered = image->config.platform;
        char text[96];
        int r;

        if (text_empty(options->platform))
                return 0;
        r = platform_parse(options->platform, &wanted, err);
        if (r < 0)
                return r;
        platform_normalize(&offered);
        if (platform_distance(&wanted, &offered) >= 0)
                return 0;
        platform_format(&offered, text, sizeof(text));
        return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "image %s in the store is for %s, not for %s",
                         options->image, text, options->platform);
}

/* The command as `ps` shows it: one line, words as given. */
static int command_line(const ContainerConfiguration *configuration, char **ret, Error *err)
{
        _cleanup_strings_ StringList words = {0};
        _cleanup_buffer_ Buffer text = {0};
        int r;

        r = container_configuration_arguments(configuration, &words, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < words.count; i++)
                buffer_printf(&text, "%s%s", i ? " " : "", words.items[i]);
        *ret = buffer_take(&text);
        return *ret ? 0 : fail_memory(err);
}

/* -v makes the folder of the host that is not there, as docker does, but as the user and no more. */
static int ensure_source(const ContainerMount *mount, Error *err)
{
        Error reason = ERROR_INIT;
        struct stat status;
        int fd;

        if (!mount->make_source || stat(mount->source, &status) == 0)
                return 0;
        fd = directory_make_open_at(AT_FDCWD, mount->source, 0755, &reason);
        if (fd < 0) {
                fail_kind(err, ERROR_NOT_FOUND, -fd,
                          "bind mount source %s does not exist, and making it failed: %s", mount->source,
                          strerror(-fd));
                return fail_hint(err, "name a folder that you may write, or one that exists");
        }
        close(fd);
        return 0;
}

static int ensure_volumes(Store *store, ContainerConfiguration *configuration, Error *err)
{
        for (size_t i = 0; i < configuration->mount_count; i++) {
                ContainerMount *mount = &configuration->mounts[i];
                char id[IDENTITY_SIZE];
                char *path = NULL;
                bool is_new;
                int r;

                if (mount->type == MOUNT_BIND) {
                        r = ensure_source(mount, err);
                        if (r < 0)
                                return r;
                }
                if (mount->type != MOUNT_VOLUME)
                        continue;
                if (!mount->name) {
                        r = identity_make(id);
                        if (r < 0)
                                return fail_errno(err, -r, "random name of a volume");
                        mount->name = strdup(id);
                        if (!mount->name)
                                return fail_memory(err);
                }
                r = store_volume_ensure(store, mount->name, mount->anonymous, &path, &is_new, err);
                if (r < 0)
                        return fail_wrap(err, r, "volume %s", mount->name);
                free(mount->source);
                mount->source = path;
                /* An empty volume is filled from the image, as Docker does; the start looks whether it is. */
                mount->copy_up = !mount->no_copy && !mount->subpath;
        }
        return 0;
}

static int attach_volumes(Store *store, const char *id, const ContainerConfiguration *configuration,
                          Error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < configuration->mount_count; i++)
                if (configuration->mounts[i].type == MOUNT_VOLUME)
                        r = store_volume_attach(store, configuration->mounts[i].name, id, err);
        return r;
}

static int fill_row(const ContainerOptions *options, const StoreImage *image,
                    const ContainerConfiguration *configuration, const char *id, StoreContainer *row,
                    Error *err)
{
        _cleanup_json_ json_object *labels = json_new_map(&configuration->labels);
        _cleanup_json_ json_object *document = container_configuration_to_json(configuration);

        if (!labels || !document)
                return fail_memory(err);
        row->image = image->id;
        row->created = clock_now();
        row->auto_remove = options->remove;
        if (text_replace(&row->id, id) < 0 || text_replace(&row->image_name, options->image) < 0 ||
            text_replace(&row->labels, json_text(labels)) < 0 ||
            text_replace(&row->configuration, json_text(document)) < 0 ||
            text_replace(&row->status, "created") < 0)
                return fail_memory(err);
        return command_line(configuration, &row->command, err);
}

/* A random name may be taken: then another is tried, the last with digits of the id. */
static int insert_row(Store *store, const ContainerOptions *options, StoreContainer *row, Error *err)
{
        enum { TRIES = 8 };
        int r = 0;

        if (options->name) {
                if (text_replace(&row->name, options->name + (*options->name == '/')) < 0)
                        return fail_memory(err);
                return store_container_insert(store, row, STORE_FAST, err);
        }
        for (int i = 0; i < TRIES; i++) {
                char name[IDENTITY_NAME_SIZE + 8];
                Error conflict = ERROR_INIT;

                identity_make_name(name);
                if (i + 1 == TRIES)
                        snprintf(name + strlen(name), 8, "_%.6s", row->id);
                if (text_replace(&row->name, name) < 0)
                        return fail_memory(err);
                r = store_container_insert(store, row, STORE_FAST, &conflict);
                if (r >= 0)
                        return 0;
                if (conflict.kind != ERROR_CONFLICT || i + 1 == TRIES) {
                        if (err)
                                *err = conflict;
                        return r;
                }
        }
        return r;
}

static int write_cidfile(const char *path, const char *id, Error *err)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        int r;

        if (fd < 0 && errno == EEXIST)
                return fail_kind(
                        err, ERROR_CONFLICT, EEXIST,
                        "container ID file found, make sure the other container isn't running or delete %s",
                        path);
        if (fd < 0)
                return fail_errno(err, errno, "--cidfile %s", path);
        r = file_write_all(fd, id, strlen(id));
        return r < 0 ? fail_errno(err, -r, "--cidfile %s", path) : 0;
}

static int prepare(Engine *engine, const ContainerOptions *options, Store **ret_store, StoreImage *image,
                   Error *err)
{
        int r = 0;

        if (options->name)
                r = container_check_name(options->name, err);
        if (r >= 0)
                r = engine_store(engine, ret_store, err);
        if (r >= 0)
                r = store_image_find(*ret_store, options->image, image, err);
        if (r >= 0)
                r = check_platform(options, image, err);
        return r;
}

int container_create_decide(Engine *engine, const ContainerOptions *options, StoreContainer *ret_row,
                            ContainerConfiguration *ret_configuration, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_store_image_ StoreImage image = {0};
        char id[IDENTITY_SIZE];
        Store *store = NULL;
        int r;

        r = prepare(engine, options, &store, &image, err);
        if (r < 0)
                return r;
        r = identity_make(id);
        if (r < 0)
                return fail_errno(err, -r, "random id of the container");
        r = container_configure(engine, options, &image, id, &configuration, err);
        if (r >= 0)
                r = ensure_volumes(store, &configuration, err);
        if (r >= 0)
                r = fill_row(options, &image, &configuration, id, &row, err);
        if (r < 0)
                return r;
        *ret_row = row;
        *ret_configuration = configuration;
        row = (StoreContainer){0};
        configuration = (ContainerConfiguration){0};
        return 0;
}

int container_create_insert(Engine *engine, const ContainerOptions *options, StoreContainer *row,
                            const ContainerConfiguration *configuration, char ret_id[static 65], Error *err)
{
        Store *store = NULL;
        int r;

        *ret_id = 0;
        r = engine_store(engine, &store, err);
        if (r >= 0 && options->cidfile)
                r = write_cidfile(options->cidfile, row->id, err);
        if (r < 0)
                return r;
        r = insert_row(store, options, row, err);
        if (r >= 0) {
                r = attach_volumes(store, row->id, configuration, err);
                if (r < 0)
                        store_container_delete(store, row->id, STORE_FAST, NULL);
        }
        if (r < 0) {
                if (options->cidfile)
                        unlink(options->cidfile);
                return r;
        }
        memcpy(ret_id, row->id, IDENTITY_SIZE);
        return 0;
}

int container_create(Engine *engine, const ContainerOptions *options, char ret_id[static 65], Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        int r;

        *ret_id = 0;
        r = container_create_decide(engine, options, &row, &configuration, err);
        return r < 0 ? r : container_create_insert(engine, options, &row, &configuration, ret_id, err);
}
