/*
 * Files that exist for one container and as long as it does (/etc/hosts and the like of --rm): in a tmpfs of
 * their own, bound one by one. Files of the host's disk, made at each start and removed at each end, would
 * cost more than all other mounts together.
 *
 * Only a mount that is attached can be cloned. So the tmpfs is attached to a folder that nobody needs any
 * more, in the host's tree as this process sees it, and goes with that tree at pivot_root(2); the clones
 * stay.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"

#include <fcntl.h>
#include <sys/mount.h>

static int open_file_system(Init *init, Error *err)
{
        const RuntimeOverlay *overlay = init->create->overlay;
        _cleanup_close_ int fs = -EBADF, fd = -EBADF;

        if (init->memory_files >= 0)
                return 0;
        if (!overlay || !overlay->work)
                return fail_kind(err, ERROR_UNSUPPORTED, EINVAL,
                                 "files in memory need a layered root file system");
        fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
        if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "size", "16m", 0) < 0 ||
            fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
            fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return fail_errno(err, errno, "a tmpfs for the container's own files");
        fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (fd < 0 || move_mount(fd, "", AT_FDCWD, overlay->work, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return fail_errno(err, errno, "mount the tmpfs for the container's own files");
        init->memory_files = TAKE_FD(fd);
        return 0;
}

int memory_file_make(Init *init, const char *text, int *ret, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        char name[16];
        int r;

        r = open_file_system(init, err);
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "%u", init->memory_file_count++);
        fd = openat(init->memory_files, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        r = fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
        if (r < 0)
                return fail_errno(err, -r, "write one of the container's own files");
        *ret = open_tree(init->memory_files, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        return *ret < 0 ? fail_errno(err, errno, "mount one of the container's own files") : 0;
}
