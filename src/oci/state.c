#include "oci/state.h"

#include "base/clock.h"
#include "base/file.h"
#include "sys/cgroup.h"
#include "sys/process.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { STATE_VERSION = 1, STATE_MAXIMUM = 1 << 20, ID_MAXIMUM = 1024 };

static const char *const STATUS_NAMES[] = {
        [OCI_CREATING] = "creating", [OCI_CREATED] = "created", [OCI_RUNNING] = "running",
        [OCI_PAUSED] = "paused",     [OCI_STOPPED] = "stopped",
};

const char *state_status_name(OciStatus status)
{
        return STATUS_NAMES[status];
}

void oci_container_deinit(OciContainer *container)
{
        cleanup_close(&container->folder);
        cleanup_close(&container->pidfd);
        free(container->id);
        free(container->bundle);
        free(container->rootfs);
        free(container->created);
        free(container->cgroup);
        runtime_spec_deinit(&container->spec);
        *container = (OciContainer)OCI_CONTAINER_INIT;
}

/* ---- the root ---- */

bool state_is_host_root(void)
{
        _cleanup_buffer_ Buffer map = {0};
        unsigned inside, outside, count;

        return geteuid() == 0 && (file_read_at(AT_FDCWD, "/proc/self/uid_map", 4096, &map) < 0 ||
                                  (sscanf(map.data ?: "", "%u %u %u", &inside, &outside, &count) == 3 &&
                                   outside == 0 && count == UINT32_MAX));
}

/* Of ours alone: what others could have made there beforehand is not trusted. */
static int check_folder(int fd, const char *path, Error *err)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return fail_errno(err, errno, "%s", path);
        if (status.st_uid != geteuid() || (status.st_mode & 022))
                return fail(err, EPERM,
                            "%s belongs to somebody else or can be written by others: give --root", path);
        return 0;
}

static int default_root(char **ret, Error *err)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        char path[64];

        snprintf(path, sizeof(path), "/run/user/%u", geteuid());
        if (state_is_host_root())
                *ret = strdup("/run/kelp-runtime");
        else if (!text_empty(runtime) && runtime[0] == '/')
                *ret = text_printf("%s/kelp-runtime", runtime);
        else if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
                *ret = text_printf("%s/kelp-runtime", path);
        else
                *ret = text_printf("/tmp/kelp-runtime-%u", geteuid());
        return *ret ? 0 : fail_memory(err);
}

int state_open_root(const OciContext *context, int *ret, Error *err)
{
        _cleanup_free_ char *standard = NULL;
        const char *path = context->root;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (text_empty(path)) {
                r = default_root(&standard, err);
                if (r < 0)
                        return r;
                path = standard;
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                fd = directory_make_open_at(AT_FDCWD, path, 0700, err);
        else if (fd < 0)
                return fail_errno(err, errno, "%s", path);
        if (fd < 0)
                return fd;
        r = standard ? check_folder(fd, path, err) : 0;
        if (r >= 0)
                *ret = TAKE_FD(fd);
        return r;
}

/* ---- one folder ---- */

/* As runc and crun have them; the name becomes that of a folder. */
static int check_id(const char *id, Error *err)
{
        bool valid = *id && strlen(id) <= ID_MAXIMUM && !text_equal(id, ".") && !text_equal(id, "..");

        for (const char *c = id; *c; c++)
                valid = valid && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                                  (*c >= '0' && *c <= '9') || strchr("_+-.", *c));
        return valid ? 0
                     : fail_kind(err, ERROR_USAGE, EINVAL,
                                 "invalid container id '%.64s': letters, digits and _+-. are allowed", id);
}

static int lock_folder(int fd, Error *err)
{
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return fail_errno(err, errno, "lock the container's state");
        return 0;
}

int state_make(const OciContext *context, const char *id, OciContainer *ret, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_close_ int root = -EBADF;
        int r;

        r = check_id(id, err);
        if (r >= 0)
                r = state_open_root(context, &root, err);
        if (r < 0)
                return r;
        if (mkdirat(root, id, 0700) < 0)
                return errno == EEXIST ? fail_kind(err, ERROR_CONFLICT, EEXIST,
                                                   "container with id %s already exists", id)
                                       : fail_errno(err, errno, "make the folder of container %s", id);
        container.folder = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (container.folder < 0)
                return fail_errno(err, errno, "the folder of container %s", id);
        container.owner = geteuid();
        container.id = strdup(id);
        if (!container.id)
                return fail_memory(err);
        r = lock_folder(container.folder, err);
        if (r < 0)
                return r;
        *ret = container;
        container = (OciContainer)OCI_CONTAINER_INIT;
        return 0;
}

static int read_members(json_object *document, OciContainer *container, Error *err)
{
        static const struct {
                const char *key;
                size_t offset;
        } texts[] = {{"bundle", offsetof(OciContainer, bundle)},
                     {"rootfs", offsetof(OciContainer, rootfs)},
                     {"created", offsetof(OciContainer, created)},
                     {"cgroup", offsetof(OciContainer, cgroup)}};
        uint64_t version = 0, pid = 0, owner = 0;
        int r;

        r = json_get_uint64(document, "version", &version, err);
        if (r >= 0 && version < STATE_VERSION)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "version: missing");
        if (r >= 0 && version > STATE_VERSION) {
                fail_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
                          "state.json: version %llu is of a newer kelp-runtime, this one knows %d",
                          (unsigned long long)version, STATE_VERSION);
                return fail_hint(err, "use the kelp-runtime that made the container");
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++) {
                const char *text = NULL;

                r = json_get_string(document, texts[i].key, &text, err);
                if (r > 0 && text_replace((char **)(void *)((char *)container + texts[i].offset), text) < 0)
                        return fail_memory(err);
        }
        if (r >= 0)
                r = json_get_uint64(document, "pid", &pid, err);
        if (r >= 0)
                r = json_get_uint64(document, "start", &container->start, err);
        if (r >= 0)
                r = json_get_uint64(document, "owner", &owner, err);
        container->pid = (pid_t)pid;
        container->owner = (uid_t)owner;
        return r;
}

static int read_state(OciContainer *container, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_json_ json_object *document = NULL;
        int r = file_read_at(container->folder, "state.json", STATE_MAXIMUM, &text);

        if (r == -ENOENT)
                return 0; /* a create that goes on, or was killed */
        if (r < 0)
                return fail_errno(err, -r, "state.json");
        r = json_parse(text.data, text.length, "state.json", &document, err);
        return r < 0 ? r : read_members(document, container, err);
}

static bool is_paused(const OciContainer *container)
{
        _cleanup_close_ int cgroup = -EBADF;

        if (!container->cgroup)
                return false;
        cgroup = open(container->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return cgroup >= 0 && cgroup_is_frozen(cgroup) > 0;
}

/* From what lives, not from what was written. */
static OciStatus find_status(OciContainer *container)
{
        if (!container->pid)
                return OCI_CREATING;
        container->pidfd = process_open(container->pid, container->start);
        if (container->pidfd < 0 || process_wait_end(container->pidfd, 0) != 0)
                return OCI_STOPPED;
        if (faccessat(container->folder, "start", F_OK, 0) == 0)
                return OCI_CREATED;
        return is_paused(container) ? OCI_PAUSED : OCI_RUNNING;
}

int state_load(const OciContext *context, const char *id, bool lock, OciContainer *ret, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_close_ int root = -EBADF;
        int r;

        r = check_id(id, err);
        if (r >= 0)
                r = state_open_root(context, &root, err);
        if (r < 0)
                return r;
        container.folder = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (container.folder < 0)
                return errno == ENOENT ? fail_kind(err, ERROR_NOT_FOUND, ENOENT,
                                                   "container does not exist: there is no container %s", id)
                                       : fail_errno(err, errno, "the folder of container %s", id);
        container.id = strdup(id);
        r = container.id ? 0 : fail_memory(err);
        if (r >= 0 && lock)
                r = lock_folder(container.folder, err);
        if (r >= 0)
                r = read_state(&container, err);
        if (r < 0)
                return fail_wrap(err, r, "container %s", id);
        container.status = find_status(&container);
        *ret = container;
        container = (OciContainer)OCI_CONTAINER_INIT;
        return 0;
}

int state_load_spec(OciContainer *container, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_json_ json_object *document = NULL;
        int r = file_read_at(container->folder, "config.json", JSON_DOCUMENT_MAXIMUM, &text);

        if (r < 0)
                return fail_errno(err, -r, "config.json of container %s", container->id);
        r = json_parse(text.data, text.length, "config.json", &document, err);
        return r < 0 ? r : runtime_spec_parse(document, &container->spec, err);
}

int state_write(OciContainer *container, Error *err)
{
        _cleanup_json_ json_object *document = json_object_new_object();
        const char *text;

        json_set_int64(document, "version", STATE_VERSION);
        json_set_string(document, "bundle", container->bundle);
        json_set_string(document, "rootfs", container->rootfs);
        json_set_string(document, "created", container->created);
        json_set_string(document, "cgroup", container->cgroup);
        json_set_int64(document, "pid", container->pid);
        json_set(document, "start", json_object_new_uint64(container->start));
        json_set_int64(document, "owner", container->owner);
        text = json_text(document);
        return text ? file_replace_at(container->folder, "state.json", text, strlen(text), 0600, false, err)
                    : fail_memory(err);
}

void state_unlock(OciContainer *container)
{
        /* Of the description, which the init has too: closing ours would not do it. */
        flock(container->folder, LOCK_UN);
}

int state_remove(const OciContext *context, OciContainer *container, Error *err)
{
        static const char *const files[] = {"start", "state.json", "config.json"};
        _cleanup_close_ int root = -EBADF;
        int r = state_open_root(context, &root, err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                unlinkat(container->folder, files[i], 0);
        if (unlinkat(root, container->id, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        return tree_remove_at(root, container->id, err);
}

json_object *state_document(const OciContainer *container, const StringList *annotations, const char *version)
{
        json_object *object = json_object_new_object();
        bool alive = container->status != OCI_STOPPED && container->status != OCI_CREATING;

        json_set_string(object, "ociVersion", version);
        json_set_string(object, "id", container->id);
        json_set_int64(object, "pid", alive ? container->pid : 0);
        json_set_string(object, "status", state_status_name(container->status));
        json_set_string(object, "bundle", container->bundle ?: "");
        json_set_string(object, "rootfs", container->rootfs ?: "");
        json_set_string(object, "created", container->created ?: "");
        json_set_string(object, "owner", "");
        json_set(object, "annotations", json_new_map(annotations));
        return object;
}

/* ---- the socket ---- */

/* By the folder's descriptor: a path can be longer than an address. */
static void socket_address(const OciContainer *container, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/start", container->folder);
}

int state_listen(OciContainer *container, int *ret, Error *err)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        socket_address(container, &address);
        fd = fd < 0 ? fd : fd_move_above_stdio(fd);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
                return fail_errno(err, errno, "the socket on which the container waits for its start");
        *ret = TAKE_FD(fd);
        return 0;
}

int state_connect(OciContainer *container, int *ret, Error *err)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        socket_address(container, &address);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return fail_errno(err, errno, "reach the container's init");
        if (unlinkat(container->folder, "start", 0) < 0)
                return fail_errno(err, errno, "mark the container as started");
        *ret = TAKE_FD(fd);
        return 0;
}
