/* Masked and read-only paths, and sysctls: done inside the new root, on the container's own /proc and /sys.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static int attach_over(int tree, const char *path, Error *err)
{
        if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return fail_errno(err, errno, "cover %s", path);
        return 0;
}

int paths_make_readonly(Init *init, Error *err)
{
        const StringList *paths = &init->spec->readonly_paths;

        for (size_t i = 0; i < paths->count; i++) {
                struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
                _cleanup_close_ int tree = open_tree(AT_FDCWD, paths->items[i],
                                                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
                int r;

                if (tree < 0 && (errno == ENOENT || errno == ENOTDIR))
                        continue;
                if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                                              sizeof(attributes)) < 0)
                        return fail_errno(err, errno, "make %s read-only", paths->items[i]);
                r = attach_over(tree, paths->items[i], err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int empty_folder(Error *err)
{
        int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), fd = -1;

        if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "2", 0) >= 0 &&
            fsconfig(fs, FSCONFIG_SET_STRING, "mode", "555", 0) >= 0 &&
            fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) >= 0 &&
            fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) >= 0)
                fd = fsmount(fs, FSMOUNT_CLOEXEC,
                             MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (fd < 0)
                fail_errno(err, errno, "an empty folder to mask paths with");
        if (fs >= 0)
                close(fs);
        return fd < 0 ? -EIO : fd;
}

/* /dev/null, and really that: the image or a volume may have put something else there. */
static int open_null(int *ret, Error *err)
{
        struct stat status;
        int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return fail_errno(err, errno, "/dev/null in the container");
        if (fstat(fd, &status) < 0 || !S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
                close(fd);
                return fail(err, ENODEV,
                            "/dev/null in the container is not the null device, so that no path can be "
                            "masked with it");
        }
        *ret = fd;
        return 0;
}

int paths_mask(Init *init, Error *err)
{
        const StringList *paths = &init->spec->masked_paths;
        _cleanup_close_ int null = -EBADF, folder = -EBADF;
        bool folder_attached = false;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < paths->count; i++) {
                _cleanup_close_ int tree = -EBADF;
                struct stat status;

                if (stat(paths->items[i], &status) < 0) {
                        if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
                                continue;
                        return fail_errno(err, errno, "mask %s", paths->items[i]);
                }
                if (S_ISDIR(status.st_mode) && folder < 0) {
                        folder = empty_folder(err);
                        r = folder < 0 ? folder : attach_over(folder, paths->items[i], err);
                        folder_attached = r >= 0;
                        continue;
                }
                if (!S_ISDIR(status.st_mode) && null < 0)
                        r = open_null(&null, err);
                if (r < 0)
                        return r;
                /* One file system for all folders: an attached mount can be cloned. */
                tree = open_tree(S_ISDIR(status.st_mode) && folder_attached ? folder : null, "",
                                 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
                if (tree < 0)
                        return fail_errno(err, errno, "mask %s", paths->items[i]);
                r = attach_over(tree, paths->items[i], err);
        }
        return r;
}

int proc_write(const char *path, const char *text)
{
        struct open_how how = {.flags = O_WRONLY | O_NOCTTY | O_CLOEXEC,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
        _cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
        size_t length = strlen(text);
        struct statfs fs;
        ssize_t written;

        if (proc < 0 || fstatfs(proc, &fs) < 0)
                return -errno;
        if (fs.f_type != PROC_SUPER_MAGIC)
                return -EXDEV;
        fd = (int)syscall(SYS_openat2, proc, path, &how, sizeof(how));
        if (fd < 0)
                return -errno;
        written = write(fd, text, length);
        return written < 0 ? -errno : (size_t)written == length ? 0 : -EIO;
}

/* ---- sysctls ---- */

/* What belongs to a namespace; all else is the host's, which its root, who may be us, could change. */
static const struct {
        const char *name; /* with a slash at its end: all below */
        NamespaceKind kind;
} namespaced[] = {
        {"net/", NAMESPACE_NETWORK},
        {"fs/mqueue/", NAMESPACE_IPC},
        {"kernel/auto_msgmni", NAMESPACE_IPC},
        {"kernel/msg_next_id", NAMESPACE_IPC},
        {"kernel/msgmax", NAMESPACE_IPC},
        {"kernel/msgmnb", NAMESPACE_IPC},
        {"kernel/msgmni", NAMESPACE_IPC},
        {"kernel/sem", NAMESPACE_IPC},
        {"kernel/sem_next_id", NAMESPACE_IPC},
        {"kernel/shm_next_id", NAMESPACE_IPC},
        {"kernel/shm_rmid_forced", NAMESPACE_IPC},
        {"kernel/shmall", NAMESPACE_IPC},
        {"kernel/shmmax", NAMESPACE_IPC},
        {"kernel/shmmni", NAMESPACE_IPC},
        {"kernel/domainname", NAMESPACE_UTS},
        {"kernel/hostname", NAMESPACE_UTS},
        {"user/", NAMESPACE_USER},
};

static bool is_containers_own(const Init *init, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(namespaced); i++) {
                const char *wanted = namespaced[i].name, *rest = text_after(name, wanted);

                if (rest && (wanted[strlen(wanted) - 1] == '/' ? *rest != 0 : *rest == 0))
                        return (namespaced[i].kind == NAMESPACE_USER && init->in_user_namespace) ||
                               init->spec->namespaces[namespaced[i].kind].mode != NAMESPACE_HOST;
        }
        return false;
}

/* "net.ipv4.ip_forward"; with a slash in it the slashes separate and dots belong to names
 * ("net/ipv4/conf/eth0.1/…"). */
static char *sysctl_path(const char *name, size_t length)
{
        char *path = strndup(name, length);

        for (char *c = path; path && !strchr(path, '/') && *c; c++)
                if (*c == '.') {
                        for (; *c; c++)
                                *c = *c == '.' ? '/' : *c;
                        break;
                }
        return path;
}

static int sysctl_write(const Init *init, const char *sysctl, Error *err)
{
        const char *equals = strchr(sysctl, '=');
        size_t length = equals ? (size_t)(equals - sysctl) : 0;
        _cleanup_free_ char *path = sysctl_path(sysctl, length), *file = NULL;
        int r;

        if (!path)
                return fail_memory(err);
        if (!length)
                return fail_kind(err, ERROR_USAGE, EINVAL, "sysctl '%s': no value", sysctl);
        if (strstr(path, "..") || strstr(path, "//") || !is_containers_own(init, path)) {
                fail_kind(err, ERROR_USAGE, EPERM, "sysctl %.*s: refused", (int)length, sysctl);
                return fail_hint(err, "it is not one of a namespace of the container's own: only the host's "
                                      "administrator can change it");
        }
        file = path_join("sys", path);
        if (!file)
                return fail_memory(err);
        r = proc_write(file, equals + 1);
        if (r == -EXDEV)
                return fail(err, EXDEV, "sysctl %.*s: /proc of the container is no procfs, or covered",
                            (int)length, sysctl);
        return r < 0 ? fail_errno(err, -r, "sysctl %.*s: write '%s'", (int)length, sysctl, equals + 1) : 0;
}

int sysctls_write(Init *init, Error *err)
{
        const StringList *sysctls = &init->spec->sysctls;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sysctls->count; i++)
                r = sysctl_write(init, sysctls->items[i], err);
        return r;
}
