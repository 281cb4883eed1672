/*
 * Entries become files below a root. Paths of the archive are hostile: each is normalised as text, may not
 * climb above the root, and its folder is opened with openat2(2) RESOLVE_IN_ROOT, so that links of the
 * archive lead nowhere else. The last component is never followed.
 */
#include "base/file.h"
#include "unpack/program.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>

struct FolderTimes {
        char *path;
        struct timespec mtime;
};

static int entry_error(const TarEntry *entry, int code, Error *err)
{
        fail_errno(err, code, "layer entry '%s'", entry->path);
        return code == ENOSPC || code == EDQUOT
                       ? fail_hint(err,
                                   "the disk is full: free some space, or put kelp's data elsewhere with "
                                   "--root or KELP_ROOT")
                       : -code;
}

static int leaves_root(const TarEntry *entry, const char *path, Error *err)
{
        return fail_kind(err, ERROR_CORRUPT, EXDEV, "layer entry '%s': %s%s%s leaves the root of the image",
                         entry->path, path == entry->path ? "its path" : "its link to '",
                         path == entry->path ? "" : path, path == entry->path ? "" : "'");
}

/* "./a//b/../c/" → folder "a", name "c". An empty name is the root itself. */
static int split_path(const TarEntry *entry, const char *path, char folder[static TAR_PATH_MAXIMUM],
                      char name[static 256], Error *err)
{
        size_t length = 0;

        if (strlen(path) >= TAR_PATH_MAXIMUM)
                return fail_kind(err, ERROR_CORRUPT, ENAMETOOLONG, "a layer entry's path is too long");
        folder[0] = 0;
        while (*path) {
                size_t part = strcspn(path, "/");

                if (part == 2 && memcmp(path, "..", 2) == 0) {
                        if (!length)
                                return leaves_root(entry, path == entry->path ? path : entry->path, err);
                        while (length && folder[--length] != '/')
                                ;
                } else if (part && !(part == 1 && *path == '.')) {
                        if (part > NAME_MAX)
                                return fail_kind(err, ERROR_CORRUPT, ENAMETOOLONG,
                                                 "layer entry '%.64s…': a name in it is too long",
                                                 entry->path);
                        folder[length++] = '/';
                        memcpy(folder + length, path, part);
                        length += part;
                }
                folder[length] = 0;
                path += part + (path[part] == '/');
        }
        if (!length) {
                name[0] = 0;
                return 0;
        }
        path = strrchr(folder, '/');
        snprintf(name, 256, "%s", path + 1);
        folder[path - folder] = 0;
        return 0;
}

/* The folder in which the entry lies, made when the archive has not named it. */
static int open_parent(Tree *tree, const TarEntry *entry, Error *err)
{
        char folder[TAR_PATH_MAXIMUM];
        int r;

        r = split_path(entry, entry->path, folder, tree->name, err);
        if (r < 0)
                return r;
        if (tree->parent >= 0 && text_equal(folder, tree->parent_path))
                return 0;
        cleanup_close(&tree->parent);
        tree->parent =
                path_open_in_root(tree->root, *folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (tree->parent == -ENOENT)
                tree->parent = path_make_directory_in_root(tree->root, folder, 0755);
        if (tree->parent < 0)
                return entry_error(entry, -tree->parent, err);
        memcpy(tree->parent_path, folder, sizeof(folder));
        return 0;
}

/* Whatever an earlier entry of that name has left goes; a folder stays for a folder. */
static int make_room(Tree *tree, const TarEntry *entry, Error *err)
{
        struct stat status;
        int r = 0;

        if (fstatat(tree->parent, tree->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : entry_error(entry, errno, err);
        if (S_ISDIR(status.st_mode) && entry->type == TAR_FOLDER)
                return 1;
        if (S_ISDIR(status.st_mode)) {
                r = tree_remove_at(tree->parent, tree->name, err);
                /* What is cached may be what went. */
        } else if (unlinkat(tree->parent, tree->name, 0) < 0) {
                r = entry_error(entry, errno, err);
        }
        return r;
}

static int set_owner(Tree *tree, const TarEntry *entry, int fd, Error *err)
{
        int result;

        if (tree->mode == UNPACK_ARCHIVE)
                return 0;
        result = fd >= 0 ? fchown(fd, entry->uid, entry->gid)
                         : fchownat(tree->parent, tree->name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW);
        if (result == 0)
                return 0;
        if (errno != EINVAL && !(errno == EPERM && tree->single_id))
                return entry_error(entry, errno, err);
        /* Not mapped here: it stays the container root's, and the owner that was meant is written down. */
        tree->counts->squashed++;
        buffer_printf(&tree->owners, "%u %u %s/%s\n", entry->uid, entry->gid, tree->parent_path, tree->name);
        return tree->owners.failed ? fail_memory(err) : 0;
}

static int set_attributes(Tree *tree, const TarEntry *entry, int fd, Error *err)
{
        for (size_t i = 0; tree->mode == UNPACK_LAYER && i < entry->attribute_count; i++) {
                const TarAttribute *attribute = &entry->attributes[i];

                /* The image's may be users' and file capabilities; overlay's own would change what the layers
                 * mean. */
                if ((!text_after(attribute->name, "user.") || text_after(attribute->name, "user.overlay.")) &&
                    !text_equal(attribute->name, "security.capability"))
                        continue;
                if (fsetxattr(fd, attribute->name, attribute->value, attribute->length, 0) < 0 &&
                    errno != EOPNOTSUPP && errno != EPERM)
                        return entry_error(entry, errno, err);
        }
        return 0;
}

static struct timespec entry_time(const TarEntry *entry)
{
        return (struct timespec){.tv_sec = entry->mtime, .tv_nsec = (long)entry->mtime_nanoseconds};
}

/* Owner before mode (a change of owner clears set-id bits) and before capabilities. */
static int set_metadata(Tree *tree, const TarEntry *entry, int fd, Error *err)
{
        struct timespec times[2] = {entry_time(entry), entry_time(entry)};
        mode_t mode = tree->mode == UNPACK_ARCHIVE
                              ? (entry->mode & 0700) | 0600 | (entry->type == TAR_FOLDER ? 0700 : 0)
                              : entry->mode;
        int r;

        r = set_owner(tree, entry, fd, err);
        if (r >= 0)
                r = set_attributes(tree, entry, fd, err);
        if (r < 0)
                return r;
        if (fchmod(fd, mode & 07777) < 0 || (entry->type == TAR_FILE && futimens(fd, times) < 0))
                return entry_error(entry, errno, err);
        return 0;
}

static int remember_folder(Tree *tree, const TarEntry *entry, Error *err)
{
        if (tree->folder_count == tree->folder_capacity) {
                size_t capacity = tree->folder_capacity ? tree->folder_capacity * 2 : 256;
                struct FolderTimes *grown = reallocarray(tree->folders, capacity, sizeof(*grown));

                if (!grown)
                        return fail_memory(err);
                tree->folders = grown;
                tree->folder_capacity = capacity;
        }
        tree->folders[tree->folder_count].path = text_printf("%s/%s", tree->parent_path, tree->name);
        tree->folders[tree->folder_count].mtime = entry_time(entry);
        return tree->folders[tree->folder_count++].path ? 0 : fail_memory(err);
}

static int add_folder(Tree *tree, const TarEntry *entry, bool exists, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (*tree->name && !exists && mkdirat(tree->parent, tree->name, 0700) < 0)
                return entry_error(entry, errno, err);
        fd = openat(tree->parent, *tree->name ? tree->name : ".",
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return entry_error(entry, errno, err);
        r = set_metadata(tree, entry, fd, err);
        return r < 0 ? r : remember_folder(tree, entry, err);
}

static int add_hard_link(Tree *tree, const TarEntry *entry, Error *err)
{
        char folder[TAR_PATH_MAXIMUM], name[256];
        _cleanup_close_ int parent = -EBADF;
        int r;

        if (tree->mode == UNPACK_ARCHIVE)
                return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                 "archive entry '%s' is a hard link: not in an image archive", entry->path);
        r = split_path(entry, entry->link, folder, name, err);
        if (r < 0)
                return r;
        parent = path_open_in_root(tree->root, *folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (parent < 0 || linkat(parent, name, tree->parent, tree->name, 0) < 0)
                return fail_kind(err, ERROR_CORRUPT, parent < 0 ? -parent : errno,
                                 "layer entry '%s': hard link to '%s': %s", entry->path, entry->link,
                                 strerror(parent < 0 ? -parent : errno));
        return 0;
}

static int add_symlink(Tree *tree, const TarEntry *entry, Error *err)
{
        struct timespec times[2] = {entry_time(entry), entry_time(entry)};
        int r;

        if (tree->mode == UNPACK_ARCHIVE && *entry->link == '/')
                return fail_kind(err, ERROR_CORRUPT, EXDEV,
                                 "archive entry '%s' is a link to '%s', out of the archive", entry->path,
                                 entry->link);
        if (symlinkat(entry->link, tree->parent, tree->name) < 0)
                return entry_error(entry, errno, err);
        r = set_owner(tree, entry, -EBADF, err);
        if (r >= 0 && utimensat(tree->parent, tree->name, times, AT_SYMLINK_NOFOLLOW) < 0)
                r = entry_error(entry, errno, err);
        return r;
}

/* ".wh.NAME" hides NAME of the layers below, ".wh..wh..opq" all that the folder has there (image-spec,
 * layer.md#whiteouts). */
static int add_whiteout(Tree *tree, const TarEntry *entry, const char *hidden, Error *err)
{
        if (text_equal(hidden, ".wh..opq"))
                return fsetxattr(tree->parent, "user.overlay.opaque", "y", 1, 0) < 0
                               ? entry_error(entry, errno, err)
                               : 0;
        if (text_after(hidden, ".wh."))
                return 0; /* aufs's own */
        if (!*hidden || text_equal(hidden, ".") || text_equal(hidden, ".."))
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "layer entry '%s' hides no name", entry->path);
        memmove(tree->name, hidden, strlen(hidden) + 1);
        if (faccessat(tree->parent, tree->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return 0; /* the layer itself has it, which hides the lower one already */
        return mknodat(tree->parent, tree->name, S_IFCHR, 0) < 0 ? entry_error(entry, errno, err) : 0;
}

static int add_fifo(Tree *tree, const TarEntry *entry, Error *err)
{
        if (mknodat(tree->parent, tree->name, S_IFIFO | (entry->mode & 0777), 0) < 0 ||
            fchmodat(tree->parent, tree->name, entry->mode & 0777, 0) < 0)
                return entry_error(entry, errno, err);
        return set_owner(tree, entry, -EBADF, err);
}

int tree_add(Tree *tree, const TarEntry *entry, Error *err)
{
        const char *hidden;
        int r;

        tree->counts->entries++;
        r = open_parent(tree, entry, err);
        if (r < 0)
                return r;
        if (!*tree->name && entry->type != TAR_FOLDER)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "layer entry '%s' is the root, but no folder",
                                 entry->path);
        hidden = tree->mode == UNPACK_LAYER ? text_after(tree->name, ".wh.") : NULL;
        if (hidden)
                return add_whiteout(tree, entry, hidden, err);
        if (entry->type == TAR_CHARACTER_DEVICE || entry->type == TAR_BLOCK_DEVICE ||
            (entry->type == TAR_FIFO && tree->mode == UNPACK_ARCHIVE)) {
                tree->counts->skipped++;
                return 0;
        }
        r = *tree->name ? make_room(tree, entry, err) : 1;
        if (r < 0)
                return r;
        switch (entry->type) {
        case TAR_FOLDER:
                return add_folder(tree, entry, r > 0, err);
        case TAR_HARD_LINK:
                return add_hard_link(tree, entry, err);
        case TAR_SYMLINK:
                return add_symlink(tree, entry, err);
        case TAR_FIFO:
                return add_fifo(tree, entry, err);
        default:
                tree->file = openat(tree->parent, tree->name,
                                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                return tree->file < 0 ? entry_error(entry, errno, err) : 0;
        }
}

int tree_write(Tree *tree, const void *data, size_t length, Error *err)
{
        int r = tree->file >= 0 ? file_write_all(tree->file, data, length) : 0;

        if (r < 0) {
                fail_errno(err, -r, "layer entry '%s/%s'", tree->parent_path, tree->name);
                return r == -ENOSPC || r == -EDQUOT ? fail_hint(err, "the disk is full: free some space, or "
                                                                     "put kelp's data elsewhere with "
                                                                     "--root or KELP_ROOT")
                                                    : r;
        }
        tree->counts->size += (int64_t)length;
        return 0;
}

int tree_end(Tree *tree, const TarEntry *entry, Error *err)
{
        int r = 0;

        if (tree->file >= 0)
                r = set_metadata(tree, entry, tree->file, err);
        cleanup_close(&tree->file);
        return r;
}

int tree_finish(Tree *tree, Error *err)
{
        _cleanup_close_ int owners = -EBADF;
        int r;

        /* Innermost last named, first set: setting a time below changes none above. */
        for (size_t i = tree->folder_count; i > 0; i--) {
                struct FolderTimes *folder = &tree->folders[i - 1];
                struct timespec times[2] = {folder->mtime, folder->mtime};
                _cleanup_close_ int fd = path_open_no_symlinks(tree->root, folder->path + 1,
                                                               O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

                /* Later entries may have replaced it. */
                if (fd >= 0)
                        futimens(fd, times);
                free(folder->path);
        }
        free(tree->folders);
        tree->folders = NULL;
        cleanup_close(&tree->parent);
        if (!tree->owners.length)
                return 0;
        owners = openat(tree->target, "owners", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = owners < 0 ? -errno : file_write_all(owners, tree->owners.data, tree->owners.length);
        buffer_deinit(&tree->owners);
        return r < 0 ? fail_errno(err, -r, "write down the owners that are not mapped") : 0;
}
