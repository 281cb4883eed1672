#include "oci/external.h"

#include "base/file.h"
#include "spec/json.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- mounts ---- */

/* "mnt[KEY]:VALUE": at a checkpoint the place and its name, at a restore the name and the source. */
static void put_mounts(const OciContainer *container, bool restore, Buffer *message)
{
        const RuntimeSpec *spec = &container->spec;

        for (size_t i = 0; i < spec->mount_count; i++)
                if (runtime_mount_is_bind(&spec->mounts[i]))
                        criu_put_textf(message, CRIU_EXTERNAL, "mnt[%s]:%s", spec->mounts[i].destination,
                                       restore ? spec->mounts[i].source : spec->mounts[i].destination);
}

/* ---- namespaces ---- */

/* Those that criu can leave to us. */
static const struct {
        NamespaceKind kind;
        const char *file, *name;
} namespaces[] = {{NAMESPACE_NETWORK, "net", "kelp-network"}, {NAMESPACE_PID, "pid", "kelp-pid"}};

int external_put(const OciContainer *container, Criu *criu, Error *err)
{
        put_mounts(container, false, &criu->options);
        for (size_t i = 0; i < ELEMENTSOF(namespaces); i++) {
                char path[64];
                struct stat status;

                if (container->spec.namespaces[namespaces[i].kind].mode != NAMESPACE_JOIN)
                        continue;
                snprintf(path, sizeof(path), "/proc/%d/ns/%s", container->pid, namespaces[i].file);
                if (stat(path, &status) < 0)
                        return fail_errno(err, errno, "%s namespace of container %s", namespaces[i].file,
                                          container->id);
                criu_put_textf(&criu->options, CRIU_EXTERNAL, "%s[%llu]:%s", namespaces[i].file,
                               (unsigned long long)status.st_ino, namespaces[i].name);
        }
        return 0;
}

/* ---- standard streams ---- */

int external_save_streams(const OciContainer *container, int images, Error *err)
{
        _cleanup_json_ json_object *streams = json_object_new_array();
        const char *text;

        for (int i = 0; i < 3; i++) {
                char path[64], target[4096];
                ssize_t length;

                snprintf(path, sizeof(path), "/proc/%d/fd/%d", container->pid, i);
                length = readlink(path, target, sizeof(target) - 1);
                target[length < 0 ? 0 : length] = 0;
                json_object_array_add(streams, json_object_new_string(target));
        }
        text = json_text(streams);
        return text ? file_replace_at(images, "streams.json", text, strlen(text), 0600, false, err)
                    : fail_memory(err);
}

static int inherit(Criu *criu, External *external, const char *key, int fd, Error *err)
{
        _cleanup_buffer_ Buffer message = {0};

        if (fd < 0 || external->count == ELEMENTSOF(external->fds))
                return fail_errno(err, fd < 0 ? errno : E2BIG, "descriptor for %s", key);
        criu_put_text(&message, 1, key);
        criu_put_number(&message, 2, CRIU_FIRST_INHERITED + external->count);
        criu_put_message(&criu->options, CRIU_INHERIT_FD, &message);
        external->fds[external->count++] = fd;
        return 0;
}

/* Pipes become ours; what was in the container's own file systems or a terminal is in the images. */
static int restore_streams(Criu *criu, External *external, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_json_ json_object *streams = NULL;
        int r = file_read_at(criu->images, "streams.json", 1 << 16, &text);

        if (r < 0)
                return fail_errno(err, -r, "--image-path: streams.json");
        r = json_parse(text.data ?: "", text.length, "streams.json", &streams, err);
        if (r >= 0 && !json_object_is_type(streams, json_type_array))
                r = fail_kind(err, ERROR_CORRUPT, EINVAL, "streams.json: expected an array");
        for (size_t i = 0; r >= 0 && i < 3 && i < json_object_array_length(streams); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(streams, i));
                bool seen = false;

                for (size_t j = 0; j < i; j++)
                        seen = seen || text_equal(name, json_object_get_string(
                                                                json_object_array_get_idx(streams, j)));
                if (name && !seen && (text_after(name, "pipe:[") || text_after(name, "socket:[")))
                        r = inherit(criu, external, name, fcntl((int)i, F_DUPFD_CLOEXEC, 3), err);
        }
        return r;
}

int external_restore(const OciContainer *container, Criu *criu, External *ret, Error *err)
{
        int r = 0;

        *ret = (External){0};
        put_mounts(container, true, &criu->options);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(namespaces); i++) {
                const RuntimeNamespace *namespace = &container->spec.namespaces[namespaces[i].kind];

                if (namespace->mode == NAMESPACE_JOIN)
                        r = inherit(criu, ret, namespaces[i].name,
                                    open(namespace->path, O_RDONLY | O_CLOEXEC), err);
        }
        if (r >= 0)
                r = restore_streams(criu, ret, err);
        criu->inherited = ret->fds;
        criu->inherited_count = ret->count;
        return r;
}

void external_deinit(External *external)
{
        for (size_t i = 0; i < external->count; i++)
                cleanup_close(&external->fds[i]);
        external->count = 0;
}
