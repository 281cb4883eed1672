/* Masked and read-only paths, and sysctls: done inside the new root, on the container's own /proc and /sys.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
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

/* A sysctl is a file; what does not belong to a namespace of the container's, the kernel refuses to write. */
int sysctls_write(Init *init, Error *err)
{
        const StringList *sysctls = &init->spec->sysctls;

        for (size_t i = 0; i < sysctls->count; i++) {
                const char *equals = strchr(sysctls->items[i], '=');
                _cleanup_free_ char *path = NULL;
                _cleanup_close_ int proc = -EBADF;
                int length = equals ? (int)(equals - sysctls->items[i]) : 0, r;

                if (!length || asprintf(&path, "sys/%.*s", length, sysctls->items[i]) < 0)
                        return length ? fail_memory(err)
                                      : fail_kind(err, ERROR_USAGE, EINVAL, "sysctl '%s': no value",
                                                  sysctls->items[i]);
                /* "net.ipv4.ip_forward"; with a slash in it the slashes separate and dots belong to names
                 * ("net/ipv4/conf/eth0.1/…"). */
                for (char *c = path + 4; !strchr(path + 4, '/') && *c; c++)
                        if (*c == '.') {
                                for (; *c; c++)
                                        *c = *c == '.' ? '/' : *c;
                                break;
                        }
                if (strstr(path, ".."))
                        return fail_kind(err, ERROR_USAGE, EINVAL, "sysctl '%.*s': no such name", length,
                                         sysctls->items[i]);
                proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (proc < 0)
                        return fail_errno(err, errno, "sysctl: /proc");
                r = file_write_existing_at(proc, path, equals + 1);
                if (r < 0) {
                        fail_errno(err, -r, "sysctl %.*s: write '%s'", length, sysctls->items[i], equals + 1);
                        return r == -EACCES || r == -EPERM
                                       ? fail_hint(err, "it is not one of a namespace of the container's "
                                                        "own: only the host's "
                                                        "administrator can change it")
                                       : r;
                }
        }
        return 0;
}
