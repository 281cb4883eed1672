/*
 * Fills an empty folder from the image, for new volumes and tmpcopyup. Both trees are the image's or the
 * user's, that is hostile: every entry is opened by name below an open folder, without following a link, and
 * the walk ends at a depth.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { DEPTH_MAXIMUM = 256 };

static int copy_folder(int from, int to, unsigned depth, const char *where, Error *err);

static int copy_content(int from, int to)
{
        bool plain = false;

        for (;;) {
                ssize_t length = plain ? sendfile(to, from, NULL, 1 << 20)
                                       : copy_file_range(from, NULL, to, NULL, 1 << 30, 0);

                if (length == 0)
                        return 0;
                if (length > 0 || errno == EINTR)
                        continue;
                if (plain)
                        return -errno;
                plain = true;
        }
}

/* Only attributes that mean something to programs; what the target cannot hold is left out, as cp -a does. */
static void copy_attributes(int from, int to)
{
        char names[4096], value[4096];
        ssize_t length = flistxattr(from, names, sizeof(names));

        for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
                ssize_t size;

                if (!text_after(name, "user.") && !text_equal(name, "security.capability"))
                        continue;
                if (text_after(name, "user.overlay."))
                        continue;
                size = fgetxattr(from, name, value, sizeof(value));
                if (size >= 0 && fsetxattr(to, name, value, (size_t)size, 0) < 0)
                        continue;
        }
}

static int copy_metadata(int to, const struct stat *status)
{
        struct timespec times[2] = {status->st_atim, status->st_mtim};

        /* The owner first: changing it clears set-id bits. */
        if (fchown(to, status->st_uid, status->st_gid) < 0 && errno != EINVAL && errno != EPERM)
                return -errno;
        if (fchmod(to, status->st_mode & 07777) < 0 || futimens(to, times) < 0)
                return -errno;
        return 0;
}

static int copy_file(int from_folder, const char *name, int to_folder)
{
        _cleanup_close_ int from = openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
                            to = -EBADF;
        struct stat status;
        int r;

        if (from < 0 || fstat(from, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EIO;
        to = openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        r = copy_content(from, to);
        if (r >= 0)
                r = copy_metadata(to, &status);
        if (r >= 0)
                copy_attributes(from, to);
        return r;
}

static int copy_link(int from_folder, const char *name, int to_folder, const struct stat *status)
{
        char target[PATH_MAX];
        ssize_t length = readlinkat(from_folder, name, target, sizeof(target) - 1);

        if (length < 0)
                return -errno;
        target[length] = 0;
        if (symlinkat(target, to_folder, name) < 0)
                return -errno;
        if (fchownat(to_folder, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
            errno != EINVAL && errno != EPERM)
                return -errno;
        return 0;
}

static int copy_below(int from_folder, const char *name, int to_folder, unsigned depth, Error *err)
{
        _cleanup_close_ int from = openat(from_folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                            to = -EBADF;

        if (from < 0)
                return fail_errno(err, errno, "%s", name);
        if (depth >= DEPTH_MAXIMUM)
                return fail(err, ELOOP, "%s: folders are nested deeper than %d", name, DEPTH_MAXIMUM);
        if (mkdirat(to_folder, name, 0700) < 0)
                return fail_errno(err, errno, "%s", name);
        to = openat(to_folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (to < 0)
                return fail_errno(err, errno, "%s", name);
        return copy_folder(from, to, depth + 1, name, err);
}

static int copy_entry(int from, const char *name, int to, unsigned depth, Error *err)
{
        struct stat status;
        int r = 0;

        if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_errno(err, errno, "%s", name);
        if (S_ISDIR(status.st_mode))
                return copy_below(from, name, to, depth, err);
        if (S_ISREG(status.st_mode))
                r = copy_file(from, name, to);
        else if (S_ISLNK(status.st_mode))
                r = copy_link(from, name, to, &status);
        else if (S_ISFIFO(status.st_mode))
                r = mkfifoat(to, name, status.st_mode & 0777) < 0 ? -errno : 0;
        /* Sockets and devices are of no use in a copy. */
        return r < 0 ? fail_errno(err, -r, "%s", name) : 0;
}

static int copy_folder(int from, int to, unsigned depth, const char *where, Error *err)
{
        _cleanup_closedir_ DIR *folder = NULL;
        struct dirent *entry;
        struct stat status;
        int fd = fcntl(from, F_DUPFD_CLOEXEC, 3), r = 0;

        if (fd >= 0)
                folder = fdopendir(fd);
        if (!folder)
                return fail_errno(err, errno, "%s", where);
        while (r >= 0 && (errno = 0, entry = readdir(folder)))
                if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, ".."))
                        r = copy_entry(from, entry->d_name, to, depth, err);
        if (r >= 0 && errno)
                r = fail_errno(err, errno, "%s", where);
        if (r >= 0 && fstat(from, &status) < 0)
                r = fail_errno(err, errno, "%s", where);
        if (r >= 0) {
                copy_attributes(from, to);
                r = copy_metadata(to, &status);
                if (r < 0)
                        fail_errno(err, -r, "%s", where);
        }
        return r;
}

static int is_empty(int fd)
{
        _cleanup_closedir_ DIR *folder = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *entry;

        if (!folder)
                return -errno;
        while ((entry = readdir(folder)))
                if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, ".."))
                        return 0;
        return 1;
}

int copy_up(int root, const char *path, int target, Error *err)
{
        _cleanup_close_ int from = path_open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0),
                            to = -EBADF;
        int r;

        if (from == -ENOENT || from == -ENOTDIR)
                return 0;
        if (from < 0)
                return fail_errno(err, -from, "%s in the image", path);
        to = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = to < 0 ? -errno : is_empty(to);
        if (r <= 0)
                return r < 0 ? fail_errno(err, -r, "the folder to fill") : 0;
        return copy_folder(from, to, 0, path, err);
}
