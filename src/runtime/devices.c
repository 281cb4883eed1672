/* /dev: a user namespace cannot make device nodes, so the host's are bound one by one; and the container's
 * terminal. */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"
#include "sys/terminal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

/* Binds what @source (a path of the host's, or "" with @source_fd) is on the file @path inside, which is made
 * when missing. */
static int bind_node(Init *init, int source_fd, const char *source, const char *path, Error *err)
{
        _cleanup_close_ int tree = -EBADF, target = -EBADF;

        tree = open_tree(source_fd, source,
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*source ? 0 : AT_EMPTY_PATH));
        if (tree < 0)
                return fail_kind(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_GENERIC, errno,
                                 "device %s: %s", *source ? source : path, strerror(errno));
        target = path_open_in_root(init->root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
        if (target == -ENOENT) {
                _cleanup_free_ char *folder = strndup(path, (size_t)(path_basename(path) - path));
                int fd = folder ? path_make_directory_in_root(init->root, folder, 0755) : -ENOMEM;

                if (fd < 0)
                        return fail_errno(err, -fd, "device %s: make its folder", path);
                close(fd);
                target = path_open_in_root(init->root, path,
                                           O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
        }
        if (target < 0)
                return fail_errno(err, -target, "device %s", path);
        if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return fail_errno(err, errno, "device %s: mount it", path);
        return 0;
}

/* What a bundle has by that name is taken when it is that node, and no link or file in its place. */
static bool is_wanted(int folder, const char *name, mode_t kind, dev_t number)
{
        struct stat status;

        return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               (status.st_mode & S_IFMT) == kind && (kind == S_IFIFO || status.st_rdev == number);
}

/* With real privileges a node is a node; -EPERM otherwise. */
static int make_node(Init *init, const RuntimeDevice *device)
{
        _cleanup_free_ char *folder =
                strndup(device->path, (size_t)(path_basename(device->path) - device->path));
        _cleanup_close_ int parent = folder ? path_make_directory_in_root(init->root, folder, 0755) : -ENOMEM;
        mode_t kind = device->type == 'b' ? S_IFBLK : device->type == 'p' ? S_IFIFO : S_IFCHR;
        mode_t mode = device->has_mode ? device->mode & 07777 : 0666;
        dev_t number = makedev((unsigned)device->major, (unsigned)device->minor);
        const char *name = path_basename(device->path);

        if (parent < 0)
                return parent;
        if (mknodat(parent, name, kind | mode, number) < 0 &&
            (errno != EEXIST || !is_wanted(parent, name, kind, number)))
                return -errno;
        if (fchownat(parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

static bool is_node(const char *path, const RuntimeDevice *device)
{
        struct stat status;

        return stat(path, &status) == 0 && S_ISBLK(status.st_mode) == (device->type == 'b') &&
               status.st_rdev == makedev((unsigned)device->major, (unsigned)device->minor);
}

/* Where the host has the node of these numbers, as the kernel names it; "" when it knows none. */
static void find_node(const RuntimeDevice *device, char *ret, size_t size)
{
        _cleanup_buffer_ Buffer text = {0};
        const char *name;
        char path[96];

        *ret = 0;
        snprintf(path, sizeof(path), "/sys/dev/%s/%lld:%lld/uevent", device->type == 'b' ? "block" : "char",
                 (long long)device->major, (long long)device->minor);
        if (file_read_at(AT_FDCWD, path, 4096, &text) < 0 || !text.data)
                return;
        name = strstr(text.data, "DEVNAME=");
        if (name)
                snprintf(ret, size, "/dev/%.*s", (int)strcspn(name + 8, "\n"), name + 8);
}

static int make_device(Init *init, const RuntimeDevice *device, Error *err)
{
        bool wants_node =
                device->type == 'p' || (!device->host_path && !init->in_user_namespace && device->type);
        const char *source = device->host_path ?: device->path;
        char found[64];
        int r;

        if (wants_node) {
                r = make_node(init, device);
                if (r >= 0)
                        return 0;
                if (r != -EPERM)
                        return fail_errno(err, -r, "device %s", device->path);
        }
        if (!device->host_path && device->type && !is_node(source, device)) {
                find_node(device, found, sizeof(found));
                source = found;
        }
        if (!device->host_path && device->type && !is_node(source, device))
                return fail_kind(err, ERROR_UNSUPPORTED, ENOENT,
                                 "device %s: the host has no such node %lld:%lld, and a user namespace "
                                 "cannot make one",
                                 device->path, (long long)device->major, (long long)device->minor);
        return bind_node(init, AT_FDCWD, source, device->path, err);
}

/* True when /dev is a folder of the container's own, to be filled; false when the user mounted one there or
 * none is. */
static bool fills_dev(const RuntimeSpec *spec)
{
        bool own = false;

        for (size_t i = 0; i < spec->mount_count; i++)
                if (text_equal(spec->mounts[i].destination, "/dev"))
                        own = !runtime_mount_is_bind(&spec->mounts[i]);
        return own;
}

/* One of those that every container has, in the folder /dev of its own. 1: something of that name is there
 * already. */
static int make_standard(Init *init, int dev, const char *name, dev_t number, Error *err)
{
        _cleanup_close_ int tree = -EBADF;
        struct stat status;
        char source[32];

        if (!init->in_user_namespace) {
                if (mknodat(dev, name, S_IFCHR | 0666, number) == 0)
                        return 0;
                if (errno != EPERM)
                        return errno == EEXIST ? 1 : fail_errno(err, errno, "device /dev/%s", name);
        }
        snprintf(source, sizeof(source), "/dev/%s", name);
        tree = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0 || fstat(tree, &status) < 0)
                return fail_kind(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_GENERIC, errno,
                                 "device %s: %s", source, strerror(errno));
        if (!S_ISCHR(status.st_mode) || status.st_rdev != number)
                return fail_kind(
                        err, ERROR_UNSUPPORTED, ENOENT,
                        "device %s: the host has no such node %u:%u, and a user namespace cannot make one",
                        source, major(number), minor(number));
        if (mknodat(dev, name, S_IFREG | 0666, 0) < 0)
                return errno == EEXIST ? 1 : fail_errno(err, errno, "device %s", source);
        if (move_mount(tree, "", dev, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return fail_errno(err, errno, "device %s: mount it", source);
        return 0;
}

static int fill_dev(Init *init, Error *err)
{
        static const struct {
                const char *name;
                unsigned major, minor;
        } devices[] = {
                {"null", 1, 3}, {"zero", 1, 5},    {"full", 1, 7},
                {"tty", 5, 0},  {"urandom", 1, 9}, {"random", 1, 8},
        };
        static const char *const links[][2] = {
                {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
                {"/proc/self/fd/2", "stderr"}, {"/proc/kcore", "core"},      {"pts/ptmx", "ptmx"},
        };
        _cleanup_close_ int dev = path_open_in_root(init->root, "/dev", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

        if (dev < 0)
                return fail_errno(err, -dev, "/dev");
        for (size_t i = 0; i < ELEMENTSOF(devices); i++) {
                int r = make_standard(init, dev, devices[i].name, makedev(devices[i].major, devices[i].minor),
                                      err);

                if (r > 0) {
                        char path[32];
                        RuntimeDevice device = {.path = path,
                                                .type = 'c',
                                                .major = devices[i].major,
                                                .minor = devices[i].minor};

                        snprintf(path, sizeof(path), "/dev/%s", devices[i].name);
                        r = make_device(init, &device, err);
                }
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                if (symlinkat(links[i][0], dev, links[i][1]) < 0 && errno != EEXIST)
                        return fail_errno(err, errno, "/dev/%s", links[i][1]);
        return 0;
}

int devices_make(Init *init, Error *err)
{
        int r = fills_dev(init->spec) ? fill_dev(init, err) : 0;

        for (size_t i = 0; r >= 0 && i < init->spec->device_count; i++)
                r = make_device(init, &init->spec->devices[i], err);
        return r;
}

/* ---- terminal ---- */

int terminal_make(int root, const RuntimeProcess *process, int *ret_master, int *ret_slave, Error *err)
{
        _cleanup_close_ int master = -EBADF, slave = -EBADF;
        struct statfs fs;
        int unlocked = 0;

        master = path_open_in_root(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
        if (master < 0)
                return fail_errno(err, -master, "terminal: /dev/pts/ptmx of the container");
        /* A container that has run for a while may have put anything there. */
        if (fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
                return fail(err, EPERM, "terminal: /dev/pts of the container is no devpts");
        if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
                return fail_errno(err, errno, "terminal: unlock");
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0)
                return fail_errno(err, errno, "terminal: open the other side");
        if (process->console_height || process->console_width)
                terminal_resize(master, process->console_height, process->console_width);
        *ret_master = TAKE_FD(master);
        *ret_slave = TAKE_FD(slave);
        return 0;
}

int terminal_open(Init *init, Error *err)
{
        int r;

        if (!init->process->terminal)
                return 0;
        r = terminal_make(init->root, init->process, &init->master, &init->terminal, err);
        if (r >= 0 && !init->exec && fills_dev(init->spec))
                r = bind_node(init, init->terminal, "", "/dev/console", err);
        return r;
}

int terminal_attach(Init *init, Error *err)
{
        if (init->terminal < 0)
                return 0;
        /* As login(1) leaves it: the user's own, writable by the group tty. */
        if (fchown(init->terminal, init->user.uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM)
                return fail_errno(err, errno, "terminal: make it the user's");
        if (ioctl(init->terminal, TIOCSCTTY, 0) < 0)
                return fail_errno(err, errno, "terminal: make it the controlling one");
        return 0;
}
