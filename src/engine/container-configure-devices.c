/*
 * --device, and the devices of --privileged.
 *
 * A container's root is a plain user of the host. It may use a device that this user may open by the device's
 * own mode or access list: its node is bound into the container, and the kernel checks as ever. No node of
 * the container's own and no device rule can give more, so what cannot be opened is refused here, with the
 * reason, instead of failing later inside.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "engine/container-configure.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { FOLDER_DEPTH = 4, GROUPS_MAXIMUM = 1024 };

/* Who the container's root is on the host, and whether it keeps the caller's other groups. */
typedef struct DeviceUser {
        uint32_t uid, gid;
        bool keeps_groups;
} DeviceUser;

/* What of --device HOST[:INSIDE[:PERMISSIONS]] is one. */
typedef struct DeviceRequest {
        const char *text; /* as typed; NULL: --privileged */
        char *host, *inside, *permissions;
} DeviceRequest;

static bool in_other_group(gid_t gid)
{
        gid_t groups[GROUPS_MAXIMUM];
        int count = getgroups(GROUPS_MAXIMUM, groups);

        for (int i = 0; i < count; i++)
                if (groups[i] == gid)
                        return true;
        return false;
}

/* Whether container root may open it to read and write. *ret_by_group: only through a group of the caller's
 * that a container does not have. */
static bool may_open(const DeviceUser *user, const char *path, const struct stat *status, bool *ret_by_group)
{
        unsigned bits = status->st_mode;

        *ret_by_group = false;
        if (status->st_uid == user->uid)
                return (bits & 0600) == 0600;
        if (status->st_gid == user->gid)
                return (bits & 0060) == 0060;
        if ((bits & 0006) == 0006)
                return true;
        if (geteuid() != user->uid || access(path, R_OK | W_OK) < 0)
                return false;
        *ret_by_group = !user->keeps_groups && in_other_group(status->st_gid) && (bits & 0060) == 0060 &&
                        getxattr(path, "system.posix_acl_access", NULL, 0) < 0;
        return !*ret_by_group;
}

static int refuse_device(const DeviceRequest *request, const char *path, const struct stat *status,
                         bool by_group, Error *err)
{
        fail_kind(
                err, ERROR_UNSUPPORTED, EACCES,
                "--device %s: the file mode of %s (%04o, owner %u, group %u) does not let you open it, and a "
                "container can do no more than you",
                request->text, path, status->st_mode & 07777, status->st_uid, status->st_gid);
        if (by_group)
                return fail_hint(err, "you may open it through a group, which a container does not have: "
                                      "--group-add keep-groups keeps your groups");
        return fail_hint(err, "ask the administrator for access: a udev rule, or a group whose members may "
                              "open it");
}

static int add_device(ContainerConfiguration *configuration, const char *host, const char *inside, Error *err)
{
        return string_list_addf(&configuration->devices, "%s:%s:rwm", host, inside) < 0 ? fail_memory(err)
                                                                                        : 0;
}

/* What every container has in its /dev already, or what belongs to the host's terminals. */
static bool is_own(const char *name)
{
        static const char *const names[] = {"null",   "zero",    "full",    "random",   "urandom",
                                            "tty",    "console", "ptmx",    "pts",      "shm",
                                            "mqueue", "fd",      "stdin",   "stdout",   "stderr",
                                            "core",   "log",     "initctl", "hugepages"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (text_equal(name, names[i]))
                        return true;
        return false;
}

/* All devices in a folder that container root may open; *ret_count gets how many. */
static int add_folder(const DeviceUser *user, const char *host, const char *inside, bool whole_dev,
                      unsigned depth, ContainerConfiguration *configuration, size_t *ret_count, Error *err)
{
        _cleanup_closedir_ DIR *folder = opendir(host);
        struct dirent *entry;
        int r = 0;

        while (folder && r >= 0 && (entry = readdir(folder))) {
                _cleanup_free_ char *path = path_join(host, entry->d_name),
                                    *below = path_join(inside, entry->d_name);
                struct stat status;
                bool by_group;

                if (!path || !below)
                        return fail_memory(err);
                if (entry->d_name[0] == '.' || (whole_dev && is_own(entry->d_name)) ||
                    lstat(path, &status) < 0)
                        continue;
                if (S_ISDIR(status.st_mode) && depth < FOLDER_DEPTH)
                        r = add_folder(user, path, below, false, depth + 1, configuration, ret_count, err);
                if ((!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) ||
                    !may_open(user, path, &status, &by_group))
                        continue;
                r = add_device(configuration, path, below, err);
                ++*ret_count;
        }
        return r;
}

/* Cuts a copy of the text into its parts. */
static int parse_request(const char *text, char *copy, DeviceRequest *ret, Error *err)
{
        DeviceRequest request = {.text = text, .host = copy};

        request.inside = strchr(copy, ':');
        if (request.inside)
                *request.inside++ = 0;
        request.permissions = request.inside ? strchr(request.inside, ':') : NULL;
        if (request.permissions)
                *request.permissions++ = 0;
        if (request.inside && !request.permissions && *request.inside != '/') {
                request.permissions = request.inside;
                request.inside = NULL;
        }
        request.inside = request.inside ?: request.host;
        if (*request.host != '/' || *request.inside != '/')
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--device %s: the form is /dev/HOST[:/dev/INSIDE[:rwm]]", text);
        if (request.permissions &&
            (!*request.permissions || request.permissions[strspn(request.permissions, "rwm")]))
                return fail_kind(err, ERROR_USAGE, EINVAL, "--device %s: the permissions are letters of rwm",
                                 text);
        if (request.permissions && (!strchr(request.permissions, 'r') || !strchr(request.permissions, 'w')))
                return fail_kind(err, ERROR_UNSUPPORTED, EINVAL,
                                 "--device %s: less than rw needs the device controller of the host's root; "
                                 "what the file mode of the device allows you is what the container gets",
                                 text);
        *ret = request;
        return 0;
}

static int configure_device(const DeviceUser *user, const char *text, ContainerConfiguration *configuration,
                            Error *err)
{
        _cleanup_free_ char *copy = strdup(text);
        DeviceRequest request = {0};
        struct stat status;
        bool by_group;
        size_t count = 0;
        int r;

        if (!copy)
                return fail_memory(err);
        r = parse_request(text, copy, &request, err);
        if (r < 0)
                return r;
        if (stat(request.host, &status) < 0)
                return fail_kind(err, ERROR_NOT_FOUND, errno, "--device %s: %s: %s", text, request.host,
                                 strerror(errno));
        if (S_ISDIR(status.st_mode)) {
                r = add_folder(user, request.host, request.inside, false, 0, configuration, &count, err);
                return r < 0 || count
                               ? r
                               : fail_kind(err, ERROR_UNSUPPORTED, EACCES,
                                           "--device %s: the folder has no device that you may open", text);
        }
        if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
                return fail_kind(err, ERROR_USAGE, EINVAL, "--device %s: %s is not a device", text,
                                 request.host);
        if (!may_open(user, request.host, &status, &by_group))
                return refuse_device(&request, request.host, &status, by_group, err);
        return add_device(configuration, request.host, request.inside, err);
}

int container_configure_devices(Engine *engine, const ContainerOptions *options,
                                ContainerConfiguration *configuration, Error *err)
{
        DeviceUser user = {.keeps_groups = string_list_contains(&options->group_add, "keep-groups")};
        const UserNamespaceMap *map;
        size_t count = 0;
        int r = 0;

        if (!options->privileged && !options->devices.count)
                return 0;
        r = engine_map(engine, &map, err);
        if (r < 0)
                return r;
        user.uid = id_map_to_host(&map->uids, 0);
        user.gid = id_map_to_host(&map->gids, 0);
        for (size_t i = 0; r >= 0 && i < options->devices.count; i++)
                r = configure_device(&user, options->devices.items[i], configuration, err);
        if (r >= 0 && options->privileged)
                r = add_folder(&user, "/dev", "/dev", true, 0, configuration, &count, err);
        return r;
}
