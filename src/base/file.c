#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int file_write_all(int fd, const void *data, size_t length)
{
        const char *p = data;

        while (length > 0) {
                ssize_t n = write(fd, p, length);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                p += n;
                length -= (size_t)n;
        }
        return 0;
}

ssize_t file_read_full(int fd, void *data, size_t length)
{
        size_t used = 0;

        while (used < length) {
                ssize_t n = read(fd, (char *)data + used, length - used);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                used += (size_t)n;
        }
        return (ssize_t)used;
}

int file_read_fd(int fd, size_t maximum, Buffer *ret)
{
        char chunk[8192];

        for (;;) {
                ssize_t n = read(fd, chunk, sizeof(chunk));

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                if ((size_t)n > maximum || ret->length > maximum - (size_t)n)
                        return -EFBIG;
                buffer_append(ret, chunk, (size_t)n);
        }
        buffer_append(ret, "", 0);
        return ret->failed ? -ENOMEM : 0;
}

int file_read_at(int directory_fd, const char *path, size_t maximum, Buffer *ret)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        /* O_NONBLOCK: a FIFO that someone put in the file's place must not hang us. */
        fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        return file_read_fd(fd, maximum, ret);
}

int file_write_existing_at(int directory_fd, const char *path, const char *text)
{
        _cleanup_close_ int fd = -EBADF;
        size_t length = strlen(text);
        ssize_t n;

        fd = openat(directory_fd, path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        do
                n = write(fd, text, length);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t)n == length ? 0 : -EIO;
}

/* "path" → "path.tmp-XXXXXXXX" beside it. */
static char *temporary_name(const char *path)
{
        uint32_t salt = 0;

        if (getrandom(&salt, sizeof(salt), 0) < 0)
                salt = (uint32_t)getpid();
        return text_printf("%s.tmp-%08x", path, salt);
}

static int sync_parent(int directory_fd, const char *path)
{
        _cleanup_free_ char *parent = strdup(path);
        _cleanup_close_ int fd = -EBADF;
        char *slash;

        if (!parent)
                return -ENOMEM;
        slash = strrchr(parent, '/');
        if (slash)
                *(slash == parent ? slash + 1 : slash) = '\0';
        fd = openat(directory_fd, slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

int file_replace_at(int directory_fd, const char *path, const void *data, size_t length, mode_t mode,
                    bool durable, Error *err)
{
        _cleanup_free_ char *temporary = temporary_name(path);
        _cleanup_close_ int fd = -EBADF;
        int r = 0;

        if (!temporary)
                return fail_memory(err);
        fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return fail_errno(err, errno, "create %s", temporary);
        if (fchmod(fd, mode) < 0)
                r = -errno;
        if (r >= 0)
                r = file_write_all(fd, data, length);
        if (r >= 0 && durable && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && renameat(directory_fd, temporary, directory_fd, path) < 0)
                r = -errno;
        if (r < 0) {
                unlinkat(directory_fd, temporary, 0);
                return fail_errno(err, -r, "write %s", path);
        }
        if (durable) {
                r = sync_parent(directory_fd, path);
                if (r < 0)
                        return fail_errno(err, -r, "sync the folder of %s", path);
        }
        return 0;
}

int directory_make_open_at(int directory_fd, const char *path, mode_t mode, Error *err)
{
        _cleanup_free_ char *prefix = strdup(path);
        int fd;

        if (!prefix)
                return fail_memory(err);
        fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                return fd;
        for (char *p = prefix + 1; prefix[0] && p[-1]; p++) {
                char saved = *p;

                if (saved != '/' && saved != '\0')
                        continue;
                *p = '\0';
                if (mkdirat(directory_fd, prefix, mode) == 0) {
                        /* The umask must not widen nor narrow what was asked for. */
                        if (fchmodat(directory_fd, prefix, mode, 0) < 0)
                                return fail_errno(err, errno, "set the mode of %s", prefix);
                } else if (errno != EEXIST) {
                        int code = errno;

                        /* A parent that exists on a read-only file system gives EROFS before EEXIST. */
                        if (faccessat(directory_fd, prefix, F_OK, 0) < 0)
                                return fail_errno(err, code, "create folder %s", prefix);
                }
                *p = saved;
                if (!saved)
                        break;
        }
        fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fail_errno(err, errno, "open folder %s", path);
        return fd;
}

static int open_resolved(int directory_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
        struct open_how how = {
                .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
                .mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
                .resolve = resolve,
        };
        int fd;

        for (unsigned tries = 0; tries < 32; tries++) {
                fd = (int)syscall(SYS_openat2, directory_fd, path, &how, sizeof(how));
                /* EAGAIN: a rename somewhere raced with the walk (openat2(2)). */
                if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
                        break;
        }
        return fd < 0 ? -errno : fd;
}

int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
        return open_resolved(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_open_beneath(int directory_fd, const char *path, int flags, mode_t mode)
{
        return open_resolved(directory_fd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

int path_open_no_symlinks(int directory_fd, const char *path, int flags, mode_t mode)
{
        return open_resolved(directory_fd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* The target of the link @path in the root, or -EINVAL when it is none, -ENOENT when nothing is there. */
static int read_link_in_root(int root_fd, const char *path, char target[static PATH_MAX])
{
        _cleanup_close_ int fd = path_open_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0);
        ssize_t length;

        if (fd < 0)
                return fd;
        length = readlinkat(fd, "", target, PATH_MAX - 1);
        /* An empty path at a descriptor of something else. */
        if (length < 0)
                return errno == ENOENT ? -EINVAL : -errno;
        target[length] = 0;
        return 0;
}

int path_resolve_in_root(int root_fd, const char *path, char **ret)
{
        enum { LINKS_MAXIMUM = 40 };
        _cleanup_free_ char *resolved = strdup(""), *rest = strdup(path);
        unsigned links = 0;

        while (resolved && rest) {
                char target[PATH_MAX], *name = rest + strspn(rest, "/");
                size_t length = strcspn(name, "/");
                char *next = NULL, *left = NULL;
                int r;

                if (!length) {
                        *ret = *resolved ? TAKE_PTR(resolved) : strdup("/");
                        return *ret ? 0 : -ENOMEM;
                }
                if ((length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.')) {
                        if (length == 2 && *resolved)
                                *strrchr(resolved, '/') = 0;
                        memmove(rest, name + length, strlen(name + length) + 1);
                        continue;
                }
                next = text_printf("%s/%.*s", resolved, (int)length, name);
                if (!next)
                        return -ENOMEM;
                r = read_link_in_root(root_fd, next, target);
                if (r >= 0) {
                        free(next);
                        if (++links > LINKS_MAXIMUM)
                                return -ELOOP;
                        if (*target == '/')
                                *resolved = 0;
                        left = text_printf("%s/%s", target, name + length);
                } else {
                        /* What is missing is taken by its name; that a file is in the way is seen by who uses
                         * it. */
                        free(resolved);
                        resolved = next;
                        left = strdup(name + length);
                }
                free(rest);
                rest = left;
        }
        return -ENOMEM;
}

int path_make_directory_in_root(int root_fd, const char *path, mode_t mode)
{
        _cleanup_free_ char *prefix = NULL;
        _cleanup_close_ int parent = path_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);
        int r;

        if (parent != -ENOENT)
                return TAKE_FD(parent);
        r = path_resolve_in_root(root_fd, path, &prefix);
        if (r < 0)
                return r;
        parent = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
        if (parent < 0)
                return -errno;
        for (char *p = prefix; *p;) {
                char *end = p + 1 + strcspn(p + 1, "/");
                char saved = *end;
                char *name = strrchr(p, '/') ? p + 1 : p;
                int fd;

                *end = '\0';
                if (!*name)
                        break;
                fd = path_open_in_root(root_fd, prefix, O_PATH | O_DIRECTORY, 0);
                if (fd == -ENOENT) {
                        if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
                                return -errno;
                        fd = path_open_in_root(root_fd, prefix, O_PATH | O_DIRECTORY, 0);
                }
                if (fd < 0)
                        return fd;
                close(parent);
                parent = fd;
                *end = saved;
                p = end;
        }
        return TAKE_FD(parent);
}

char *path_normalize(const char *path)
{
        size_t length = strlen(path), used = 0;
        char *out = malloc(length + 2);

        if (!out)
                return NULL;
        while (*path) {
                size_t n;

                while (*path == '/')
                        path++;
                n = strcspn(path, "/");
                if (n == 0 || (n == 1 && path[0] == '.')) {
                        ;
                } else if (n == 2 && path[0] == '.' && path[1] == '.') {
                        while (used > 0 && out[--used] != '/')
                                ;
                } else {
                        out[used++] = '/';
                        memcpy(out + used, path, n);
                        used += n;
                }
                path += n;
        }
        if (used == 0)
                out[used++] = '/';
        out[used] = '\0';
        return out;
}

char *path_join(const char *folder, const char *name)
{
        size_t length = strlen(folder);

        while (length > 0 && folder[length - 1] == '/')
                length--;
        while (*name == '/')
                name++;
        return text_printf("%.*s/%s", (int)length, folder, name);
}

const char *path_basename(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

int folder_rename_new_at(int from_fd, const char *from, int to_fd, const char *to)
{
        if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) >= 0)
                return 0;
        if (errno != EINVAL)
                return -errno;
        if (faccessat(to_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                return -EEXIST;
        if (renameat(from_fd, from, to_fd, to) >= 0)
                return 0;
        return errno == ENOTEMPTY ? -EEXIST : -errno;
}

enum { TREE_DEPTH_MAXIMUM = 4096 };

static int tree_remove_content(int fd, dev_t device, unsigned depth, int *first_error);

static int tree_remove_entry(int directory_fd, const char *name, dev_t device, bool check_device,
                             unsigned depth, int *first_error)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (unlinkat(directory_fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM && errno != EACCES)
                return -errno;
        /* An empty folder without permission bits (the work folder of overlayfs) goes without being opened.
         */
        if (unlinkat(directory_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
                return -errno;
        fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == EACCES) {
                if (fchmodat(directory_fd, name, 0700, 0) < 0)
                        return -errno;
                fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (check_device && st.st_dev != device)
                return -EXDEV;
        if ((st.st_mode & 0700) != 0700)
                (void)fchmod(fd, 0700);
        if (depth >= TREE_DEPTH_MAXIMUM)
                return -ELOOP;
        tree_remove_content(fd, st.st_dev, depth + 1, first_error);
        if (unlinkat(directory_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

static int tree_remove_content(int fd, dev_t device, unsigned depth, int *first_error)
{
        _cleanup_closedir_ DIR *directory = NULL;
        struct dirent *entry;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        if (copy < 0)
                return -errno;
        directory = fdopendir(copy);
        if (!directory) {
                close(copy);
                return -ENOMEM;
        }
        while ((entry = readdir(directory))) {
                int r;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = tree_remove_entry(fd, entry->d_name, device, true, depth, first_error);
                if (r < 0 && *first_error == 0)
                        *first_error = r;
        }
        return 0;
}

int tree_remove_at(int directory_fd, const char *name, Error *err)
{
        int first_error = 0, r;

        r = tree_remove_entry(directory_fd, name, 0, false, 0, &first_error);
        if (first_error < 0)
                r = first_error;
        return r < 0 ? fail_errno(err, -r, "remove %s", name) : 0;
}

int fd_move_above_stdio(int fd)
{
        int moved, saved;

        if (fd < 0 || fd > 2)
                return fd;
        moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        saved = errno;
        close(fd);
        return moved < 0 ? -saved : moved;
}

int fd_fill_stdio(void)
{
        for (int i = 0; i < 3; i++) {
                if (fcntl(i, F_GETFD) >= 0)
                        continue;
                if (open("/dev/null", O_RDWR) != i)
                        return -EBADF;
        }
        return 0;
}

int fd_memory_file(const char *name, const void *data, size_t length)
{
        _cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r;

        if (fd < 0)
                return -errno;
        r = file_write_all(fd, data, length);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        return TAKE_FD(fd);
}
