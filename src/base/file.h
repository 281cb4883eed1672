/* Files and descriptors: whole reads and writes, safe paths below a folder, removal of trees. All descriptors
 * that these functions return are O_CLOEXEC. */
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all of it, across short writes and EINTR. 0 or a negative errno. */
int file_write_all(int fd, const void *data, size_t length);
/* Reads until @length bytes or the end: the number read, or a negative errno. */
ssize_t file_read_full(int fd, void *data, size_t length);
/* Reads a descriptor to its end. -EFBIG when there is more than @maximum bytes. */
int file_read_fd(int fd, size_t maximum, Buffer *ret);
/* Reads a regular file below @directory_fd (AT_FDCWD allowed); a FIFO, device or folder gives -EINVAL without
 * blocking. -EFBIG past @maximum. No Error: callers say what the file was for. */
int file_read_at(int directory_fd, const char *path, size_t maximum, Buffer *ret);
/* Writes a short text into an existing file (proc, sysfs, cgroup) with one write(2). 0 or a negative errno.
 */
int file_write_existing_at(int directory_fd, const char *path, const char *text);
/* Replaces a file so that after a crash it is either the old or the new one: temporary file beside it, fsync
 * when @durable, rename, fsync of the folder when @durable. Mode is exact, whatever the umask. */
int file_replace_at(int directory_fd, const char *path, const void *data, size_t length, mode_t mode,
                    bool durable, Error *err);

/* Opens a folder below @directory_fd, making it (and missing parents) with @mode whatever the umask.
 * The descriptor or a negative errno. Existing folders keep their mode. */
int directory_make_open_at(int directory_fd, const char *path, mode_t mode, Error *err);

/* openat2(2) with RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS: @path as a process sees it whose root is @root_fd;
 * symlinks are followed inside it. */
int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode);
/* openat2(2) with RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS: -EXDEV when the path or a symlink in it leads out.
 */
int path_open_beneath(int directory_fd, const char *path, int flags, mode_t mode);
/* As path_open_beneath, and no symlink at all may be on the way: -ELOOP. */
int path_open_no_symlinks(int directory_fd, const char *path, int flags, mode_t mode);
/* @path without links, as a process sees it whose root is @root_fd: what is missing, behind a link that leads
 * to nothing, say, stays as it is written. New string. 0, -ELOOP, -ENOMEM. */
int path_resolve_in_root(int root_fd, const char *path, char **ret);
/* Opens the folder @path in the root, making what is missing (0755), also where a link leads to nothing: all
 * inside the root. Descriptor or negative errno. */
int path_make_directory_in_root(int root_fd, const char *path, mode_t mode);
/* "/a//b/./../c" → "/a/c", purely textual, never above "/". New string with a leading slash, or NULL. */
char *path_normalize(const char *path);
/* "a" + "b" with exactly one slash between. New string or NULL. */
char *path_join(const char *folder, const char *name);
/* The part behind the last slash (never NULL). */
const char *path_basename(const char *path);

/* Renames a folder unless something is there: -EEXIST. Also where the file system has no way to say so (NFS,
 * FUSE); there only an empty folder might be replaced. 0 or a negative errno. */
int folder_rename_new_at(int from_fd, const char *from, int to_fd, const char *to);

/* Removes the entry @name below @directory_fd and all below it, never following a symlink nor crossing a
 * mount point. Missing is success. Folders without permission bits are opened by a chmod first. The first
 * failure is reported, the rest still removed. */
int tree_remove_at(int directory_fd, const char *name, Error *err);

/* Moves a descriptor above 2 when it is 0, 1 or 2, so that it can never be mistaken for stdio. Consumes @fd;
 * the descriptor or a negative errno. */
int fd_move_above_stdio(int fd);
/* Opens /dev/null on those of 0, 1, 2 that are closed. 0 or a negative errno. */
int fd_fill_stdio(void);
/* A sealed memfd with that content, at offset 0. Descriptor or a negative errno. */
int fd_memory_file(const char *name, const void *data, size_t length);
