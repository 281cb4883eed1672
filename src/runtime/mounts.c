/*
 * The mounts of a spec. Each is made detached, given its flags, and only then attached, by descriptors on
 * both sides: a destination is opened inside the container's root once (openat2(2), RESOLVE_IN_ROOT), so that
 * no symlink of the image leads out and nothing can be exchanged between look and mount.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"
#include "runtime/mount-options.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

/* The files of /proc on which other engines' users mount; everything else there could be used to fool a
 * process of the container's about itself, or the runtime about the process. */
static bool may_cover_proc(const char *destination)
{
        static const char *const names[] = {"/proc/cpuinfo", "/proc/diskstats",
                                            "/proc/meminfo", "/proc/stat",
                                            "/proc/swaps",   "/proc/uptime",
                                            "/proc/loadavg", "/proc/slabinfo",
                                            "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
                                            "/proc/version"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (text_equal(destination, names[i]))
                        return true;
        return false;
}

/* The common case of a missing destination: a folder in one that is there, and nothing by its name, not even
 * a link. Its descriptor, or negative. */
static int make_in_parent(int root, const char *destination)
{
        _cleanup_close_ int parent = -EBADF;
        const char *name = path_basename(destination);
        char folder[PATH_MAX];

        if (!*name || text_equal(name, ".") || text_equal(name, "..") ||
            strlen(destination) >= sizeof(folder))
                return -EINVAL;
        snprintf(folder, sizeof(folder), "%.*s", (int)(name - destination), destination);
        parent = path_open_in_root(root, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (parent < 0 || mkdirat(parent, name, 0755) < 0)
                return -EINVAL;
        return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Makes the missing destination: a folder, or an empty file for a source that is no folder. */
static int make_destination(int root, const char *destination, bool folder, Error *err)
{
        _cleanup_free_ char *path = NULL;
        char *slash;
        int fd;

        fd = path_resolve_in_root(root, destination, &path);
        if (fd < 0)
                return fail_errno(err, -fd, "mount destination %s", destination);
        slash = strrchr(path, '/');
        if (!folder && slash != path) {
                *slash = 0;
                fd = path_make_directory_in_root(root, path, 0755);
                *slash = '/';
                if (fd < 0)
                        return fail_errno(err, -fd, "mount destination %s: make its folder", destination);
                close(fd);
        }
        fd = folder ? path_make_directory_in_root(root, path, 0755)
                    : path_open_in_root(root, path,
                                        O_CREAT | O_NOFOLLOW | O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                                        0644);
        if (fd < 0) {
                fail_errno(err, -fd, "mount destination %s: make it in the image's file system", destination);
                if (fd == -EROFS)
                        fail_hint(err, "it lies below a read-only mount: make it there first");
                return fd;
        }
        close(fd);
        return 0;
}

static int open_destination(int root, const char *destination, bool folder, int *ret, Error *err)
{
        _cleanup_close_ int fd = path_open_in_root(root, destination, O_PATH | O_CLOEXEC, 0);
        struct statfs fs;
        struct stat status;
        int r;

        if (fd == -ENOENT && folder) {
                /* A folder that could be made is none of a /proc's. */
                int made = make_in_parent(root, destination);

                if (made >= 0) {
                        *ret = made;
                        return 0;
                }
        }
        if (fd == -ENOENT) {
                r = make_destination(root, destination, folder, err);
                if (r < 0)
                        return r;
                fd = path_open_in_root(root, destination, O_PATH | O_CLOEXEC, 0);
        }
        if (fd < 0)
                return fail_errno(err, -fd, "mount destination %s", destination);
        if (fstat(fd, &status) < 0 || fstatfs(fd, &fs) < 0)
                return fail_errno(err, errno, "mount destination %s", destination);
        if (folder && !S_ISDIR(status.st_mode))
                return fail_kind(err, ERROR_USAGE, ENOTDIR,
                                 "mount destination %s is not a folder, but what is to be mounted there is",
                                 destination);
        if (!folder && S_ISDIR(status.st_mode))
                return fail_kind(
                        err, ERROR_USAGE, EISDIR,
                        "mount destination %s is a folder, but what is to be mounted there is a file",
                        destination);
        if (fs.f_type == PROC_SUPER_MAGIC && !may_cover_proc(destination))
                return fail_kind(
                        err, ERROR_USAGE, EPERM,
                        "mount destination %s leads into /proc: refused, a container could be deceived by it",
                        destination);
        *ret = TAKE_FD(fd);
        return 0;
}

/* Flags and propagation on a mount that is not attached yet. */
static int apply_attributes(int mount_fd, const MountOptions *options, bool is_bind, const char *destination,
                            Error *err)
{
        struct mount_attr own = {.attr_set = options->set, .attr_clr = options->clear};
        struct mount_attr below = {.attr_set = options->recursive_set, .attr_clr = options->recursive_clear};
        struct mount_attr propagation = {.propagation = options->propagation};

        /* A bind of a source that the host holds read-only stays so whatever is asked: "rw" only means not to
         * add to that. */
        own.attr_clr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
        if (own.attr_clr & MOUNT_ATTR__ATIME)
                own.attr_clr |= MOUNT_ATTR__ATIME;
        if (below.attr_clr & MOUNT_ATTR__ATIME)
                below.attr_clr |= MOUNT_ATTR__ATIME;
        if (is_bind && (own.attr_set || own.attr_clr) &&
            mount_setattr(mount_fd, "", AT_EMPTY_PATH, &own, sizeof(own)) < 0) {
                fail_errno(err, errno, "mount %s: set its flags", destination);
                return errno == EPERM ? fail_hint(err, "the host mounted the source with flags that a "
                                                       "container cannot take back "
                                                       "(noexec, nosuid, nodev, atime)")
                                      : -errno;
        }
        if ((below.attr_set || below.attr_clr) &&
            mount_setattr(mount_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &below, sizeof(below)) < 0)
                return fail_errno(err, errno, "mount %s: set the flags of all below it", destination);
        if (propagation.propagation &&
            mount_setattr(mount_fd, "", AT_EMPTY_PATH | (options->propagation_recursive ? AT_RECURSIVE : 0),
                          &propagation, sizeof(propagation)) < 0)
                return fail_errno(err, errno, "mount %s: set its propagation", destination);
        return 0;
}

/* ---- binds ---- */

/* A part of the source: no link in it leads out. */
static int open_source_below(const RuntimeMount *mount, bool recursive, int *ret, Error *err)
{
        _cleanup_close_ int whole = open(mount->source ?: "", O_PATH | O_DIRECTORY | O_CLOEXEC),
                            part = -EBADF;

        if (whole < 0)
                return fail_errno(err, errno, "mount source %s", mount->source);
        part = path_open_beneath(whole, mount->source_below, O_PATH | O_CLOEXEC, 0);
        if (part == -ENOENT || part == -ENOTDIR)
                return fail_kind(err, ERROR_NOT_FOUND, -part, "mount on %s: there is no %s in the volume",
                                 mount->destination, mount->source_below);
        if (part < 0)
                return fail_errno(err, -part, "mount on %s: %s leads out of the volume", mount->destination,
                                  mount->source_below);
        *ret = open_tree(part, "",
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                 (recursive ? AT_RECURSIVE : 0));
        return *ret < 0 ? fail_errno(err, errno, "mount source %s", mount->source) : 0;
}

static int open_source(const RuntimeMount *mount, bool recursive, int *ret, Error *err)
{
        const char *source = mount->source ?: "";
        int fd, code;

        if (mount->has_tree) {
                *ret = fcntl(mount->tree, F_DUPFD_CLOEXEC, 3);
                return *ret < 0 ? fail_errno(err, errno, "mount on %s", mount->destination) : 0;
        }
        if (mount->source_below)
                return open_source_below(mount, recursive, ret, err);
        fd = open_tree(AT_FDCWD, source,
                       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
        code = errno;
        if (fd >= 0) {
                *ret = fd;
                return 0;
        }
        if (code == ENOENT)
                return fail_kind(err, ERROR_NOT_FOUND, code, "mount source %s does not exist", source);
        fail_errno(err, code, "mount source %s", source);
        if (code == EINVAL && !recursive)
                return fail_hint(err, "it has mounts below it, which a user namespace may not leave out: "
                                      "mount it with rbind");
        if (code == EACCES)
                return fail_hint(err, "you, or the ids of your containers, may not enter a folder on the way "
                                      "to it (file mode)");
        return -code;
}

static int mount_bind(Init *init, const RuntimeMount *mount, const MountOptions *options, Error *err)
{
        _cleanup_close_ int source = -EBADF, destination = -EBADF;
        struct stat status;
        int r;

        r = mount->content ? memory_file_make(init, mount->content, &source, err)
                           : open_source(mount, options->recursive, &source, err);
        if (r < 0)
                return r;
        if (fstat(source, &status) < 0)
                return fail_errno(err, errno, "mount source %s", mount->source);
        if (mount->copy_up) {
                r = copy_up(init->root, mount->destination, source, err);
                if (r < 0)
                        return fail_wrap(err, r, "fill the volume at %s from the image", mount->destination);
        }
        r = open_destination(init->root, mount->destination, S_ISDIR(status.st_mode), &destination, err);
        if (r >= 0)
                r = apply_attributes(source, options, true, mount->destination, err);
        if (r >= 0 &&
            move_mount(source, "", destination, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                r = fail_errno(err, errno, "mount %s on %s", mount->source, mount->destination);
        return r;
}

/* ---- file systems ---- */

static int configure(int fs, const StringList *data, const char *skip)
{
        for (size_t i = 0; i < data->count; i++) {
                _cleanup_free_ char *name = strdup(data->items[i]);
                char *value;

                if (!name)
                        return -ENOMEM;
                if (skip && text_after(name, skip))
                        continue;
                value = strchr(name, '=');
                if (value)
                        *value++ = 0;
                if (fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, name, value, 0) < 0)
                        return -errno;
        }
        return 0;
}

/* Mounts a new file system, detached. Options of @data that begin with @skip are left out. The descriptor or
 * a negative errno. */
static int make_file_system(const char *type, const char *source, const MountOptions *options,
                            const char *skip)
{
        _cleanup_close_ int fs = fsopen(type, FSOPEN_CLOEXEC);
        int fd, r;

        if (fs < 0)
                return -errno;
        if (!text_empty(source) && fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
                return -errno;
        if ((options->set & MOUNT_ATTR_RDONLY) && !text_equal(type, "cgroup2") &&
            !text_equal(type, "sysfs") && !text_equal(type, "proc") && !options->copy_up &&
            fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
                return -errno;
        r = configure(fs, &options->data, skip);
        if (r < 0)
                return r;
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)options->set);
        return fd < 0 ? -errno : fd;
}

/* The host's own tree at @path, where a new file system of that kind cannot be had; read-only with all below.
 */
static int bind_from_host(const char *path)
{
        struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                                    MOUNT_ATTR_NOEXEC};
        _cleanup_close_ int fd =
                open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

        if (fd < 0 ||
            mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int host_cgroup_is_unified(void)
{
        struct statfs fs;

        return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* What a kind of file system needs besides its name. The descriptor or a negative errno. */
static int make_special(const RuntimeMount *mount, const MountOptions *options)
{
        const char *type = mount->type ?: "";
        int fd;

        if (text_equal(type, "cgroup") || text_equal(type, "cgroup2")) {
                fd = host_cgroup_is_unified() ? make_file_system("cgroup2", "cgroup", options, NULL)
                                              : -ENODEV;
                return fd >= 0 ? fd : bind_from_host("/sys/fs/cgroup");
        }
        fd = make_file_system(type, mount->source, options, NULL);
        /* A sysfs belongs to a network namespace of one's own. */
        if (fd == -EPERM && text_equal(type, "sysfs"))
                return bind_from_host("/sys");
        /* The group "tty" is not mapped. */
        if (fd == -EINVAL && text_equal(type, "devpts"))
                return make_file_system(type, mount->source, options, "gid=");
        return fd;
}

/* A tmpfs has the mode of the folder that it covers unless told otherwise. */
static int tmpfs_add_mode(int root, const RuntimeMount *mount, MountOptions *options)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat status;

        if (!text_equal(mount->type, "tmpfs") || options->has_mode)
                return 0;
        fd = path_open_in_root(root, mount->destination, O_PATH | O_CLOEXEC, 0);
        if (fd < 0 || fstat(fd, &status) < 0)
                return 0;
        return string_list_addf(&options->data, "mode=%o", status.st_mode & 07777);
}

/* Of file systems that have no labels of their own. */
static int add_label(const RuntimeSpec *spec, const RuntimeMount *mount, MountOptions *options)
{
        if (text_empty(spec->mount_label) ||
            !(text_equal(mount->type, "tmpfs") || text_equal(mount->type, "devpts") ||
              text_equal(mount->type, "mqueue")))
                return 0;
        return string_list_addf(&options->data, "context=%s", spec->mount_label);
}

static int mount_failed(const RuntimeMount *mount, int code, Error *err)
{
        fail_errno(err, code, "mount %s on %s", mount->type ?: "(no type)", mount->destination);
        if (code == EPERM && text_equal(mount->type, "proc"))
                return fail_hint(err, "the kernel refuses a new /proc where the host's own is partly "
                                      "covered, as in a container: "
                                      "give that container an uncovered /proc, or share it with --pid host");
        if (code == EPERM || code == ENODEV)
                return fail_hint(err, "a user namespace cannot mount this kind of file system");
        if (code == EINVAL)
                return fail_hint(err, "one of its options is unknown to the file system");
        return -code;
}

/* The folders that say what a process is: a link would put them where the image wants. */
static int refuse_link(int root, const char *destination, Error *err)
{
        static const char *const names[] = {"/proc", "/sys", "/dev"};
        struct stat status;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                if (!text_equal(destination, names[i]))
                        continue;
                if (fstatat(root, names[i] + 1, &status, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISLNK(status.st_mode))
                        return fail_kind(err, ERROR_CORRUPT, ELOOP,
                                         "mount destination %s is a link in the image: it must be a folder",
                                         destination);
        }
        return 0;
}

static int mount_file_system(Init *init, const RuntimeMount *mount, MountOptions *options, Error *err)
{
        _cleanup_close_ int fd = -EBADF, destination = -EBADF;
        int r = refuse_link(init->root, mount->destination, err);

        if (r < 0)
                return r;
        if (tmpfs_add_mode(init->root, mount, options) < 0 || add_label(init->spec, mount, options) < 0)
                return fail_memory(err);
        if (init->prepared)
                fd = TAKE_FD(init->prepared[mount - init->spec->mounts]);
        if (fd < 0)
                fd = make_special(mount, options);
        if (fd < 0)
                return mount_failed(mount, -fd, err);
        if (options->copy_up) {
                r = copy_up(init->root, mount->destination, fd, err);
                if (r < 0)
                        return fail_wrap(err, r, "fill the tmpfs at %s from the image", mount->destination);
        }
        r = open_destination(init->root, mount->destination, true, &destination, err);
        if (r >= 0)
                r = apply_attributes(fd, options, false, mount->destination, err);
        if (r >= 0 &&
            move_mount(fd, "", destination, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                r = fail_errno(err, errno, "attach the %s at %s", mount->type, mount->destination);
        return r;
}

/* Of the file systems that ask for no id, those that take time. What fails here is tried again in its turn,
 * which reports. */
int mounts_prepare(Init *init, Error *err)
{
        const RuntimeSpec *spec = init->spec;

        if (!init->awaits_word || !spec->mount_count)
                return 0;
        init->prepared = calloc(spec->mount_count, sizeof(*init->prepared));
        if (!init->prepared)
                return fail_memory(err);
        for (size_t i = 0; i < spec->mount_count; i++) {
                _cleanup_mount_options_ MountOptions options = {0};
                const char *type = spec->mounts[i].type;

                init->prepared[i] = -EBADF;
                if (!text_equal(type, "proc") && !text_equal(type, "sysfs"))
                        continue;
                if (mount_options_parse(&spec->mounts[i].options, &options) < 0)
                        return fail_memory(err);
                if (!options.bind)
                        init->prepared[i] = make_special(&spec->mounts[i], &options);
        }
        return 0;
}

int mounts_make(Init *init, Error *err)
{
        for (size_t i = 0; i < init->spec->mount_count; i++) {
                const RuntimeMount *mount = &init->spec->mounts[i];
                _cleanup_mount_options_ MountOptions options = {0};
                int r;

                if (mount_options_parse(&mount->options, &options) < 0)
                        return fail_memory(err);
                r = options.bind || text_equal(mount->type, "bind")
                            ? mount_bind(init, mount, &options, err)
                            : mount_file_system(init, mount, &options, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
