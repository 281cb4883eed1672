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

enum {
        ENTRIES_MAXIMUM = 5000000, /* of one layer: each costs an inode, and next to nothing in the archive */
        SPILL_SIZE = 64 << 10,
};

static const char full[] =
        "the disk is full: free some space, or put kelp's data elsewhere with --root or KELP_ROOT";

/* In the list of folders, with the path and a NUL behind it. */
typedef struct FolderTime {
        int64_t seconds;
        uint32_t nanoseconds;
        uint32_t length;
} FolderTime;

static int write_error(int code, Error *err)
{
        return code == ENOSPC || code == EDQUOT || code == EFBIG ? fail_hint(err, "%s", full) : -code;
}

static int entry_error(const TarEntry *entry, int code, Error *err)
{
        _cleanup_free_ char *shown = text_printable(entry->path);

        fail_errno(err, code, "layer entry '%.300s'", shown ?: "?");
        return write_error(code, err);
}

/* Raises what is wrong with the archive itself. @what may go on with @detail. */
static int entry_corrupt(const TarEntry *entry, int code, const char *what, const char *detail, Error *err)
{
        _cleanup_free_ char *shown = text_printable(entry->path), *more = text_printable(detail);

        return fail_kind(err, ERROR_CORRUPT, code, "layer entry '%.300s'%s%.300s", shown ?: "?", what,
                         more ?: "?");
}

static int leaves_root(const TarEntry *entry, const char *path, Error *err)
{
        if (path == entry->path)
                return entry_corrupt(entry, EXDEV, ": its path leaves the root of the image", "", err);
        return entry_corrupt(entry, EXDEV, ": its link leaves the root of the image: ", path, err);
}

static int spill_flush(const Tree *tree, Spill *spill, const char *name, Error *err)
{
        int r;

        if (spill->buffer.failed)
                return fail_memory(err);
        if (spill->fd < 0)
                spill->fd =
                        openat(tree->target, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = spill->fd < 0 ? -errno
                          : file_write_all(spill->fd, spill->buffer.data ?: "", spill->buffer.length);
        spill->buffer.length = 0;
        if (r >= 0)
                return 0;
        fail_errno(err, -r, "write the layer's %s", name);
        return write_error(-r, err);
}

/* "./a//b/../c/" → folder "a", name "c". An empty name is the root itself. */
static int split_path(const TarEntry *entry, const char *path, char folder[static TAR_PATH_MAXIMUM],
                      char name[static 256], Error *err)
{
        const char *whole = path;
        size_t length = 0;

        if (strlen(path) >= TAR_PATH_MAXIMUM)
                return fail_kind(err, ERROR_CORRUPT, ENAMETOOLONG, "a layer entry's path is too long");
        folder[0] = 0;
        while (*path) {
                size_t part = strcspn(path, "/");

                if (part == 2 && memcmp(path, "..", 2) == 0) {
                        if (!length)
                                return leaves_root(entry, whole, err);
                        while (length && folder[--length] != '/')
                                ;
                } else if (part && !(part == 1 && *path == '.')) {
                        if (part > NAME_MAX)
                                return entry_corrupt(entry, ENAMETOOLONG, ": a name in it is too long", "",
                                                     err);
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

static bool is_whiteout(const struct stat *status)
{
        return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

/* What earlier entries of that name have left. */
typedef enum Found { FOUND_NOTHING, FOUND_FOLDER, FOUND_WHITEOUT } Found;

/* Whatever there was goes; a folder stays for a folder. A Found or a negative errno. */
static int make_room(Tree *tree, const TarEntry *entry, Error *err)
{
        struct stat status;
        int r = FOUND_NOTHING;

        if (fstatat(tree->parent, tree->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? FOUND_NOTHING : entry_error(entry, errno, err);
        if (S_ISDIR(status.st_mode) && entry->type == TAR_FOLDER)
                return FOUND_FOLDER;
        if (S_ISDIR(status.st_mode))
                r = tree_remove_at(tree->parent, tree->name, err);
        else if (unlinkat(tree->parent, tree->name, 0) < 0)
                r = entry_error(entry, errno, err);
        return r >= 0 && is_whiteout(&status) ? FOUND_WHITEOUT : r;
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
        buffer_printf(&tree->owners.buffer, "%u %u %s/%s\n", entry->uid, entry->gid, tree->parent_path,
                      tree->name);
        return tree->owners.buffer.length < SPILL_SIZE && !tree->owners.buffer.failed
                       ? 0
                       : spill_flush(tree, &tree->owners, "owners", err);
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
        Buffer *list = &tree->folders.buffer;
        FolderTime record = {.seconds = entry->mtime,
                             .nanoseconds = entry->mtime_nanoseconds,
                             .length = (uint32_t)(strlen(tree->parent_path) + strlen(tree->name) + 2)};

        if (tree->mode == UNPACK_ARCHIVE)
                return 0;
        buffer_append(list, &record, sizeof(record));
        buffer_printf(list, "%s/%s", tree->parent_path, tree->name);
        buffer_putc(list, 0);
        return list->length < SPILL_SIZE && !list->failed ? 0
                                                          : spill_flush(tree, &tree->folders, "folders", err);
}

/* Where the file system keeps no attributes, or makes no devices for us (it is an overlay itself, say), the
 * kernel cannot mount layers either. fuse-overlayfs, and who copies them, read the names that an archive has
 * for it. */
static int keep_name(const TarEntry *entry, int folder, const char *name, int code, Error *err)
{
        _cleanup_close_ int fd = -EBADF;

        if (code != EPERM && code != EOPNOTSUPP)
                return entry_error(entry, code, err);
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd < 0 && errno != EEXIST ? entry_error(entry, errno, err) : 0;
}

/* The folder at @fd hides all that lower layers have there. */
static int make_opaque(const TarEntry *entry, int fd, Error *err)
{
        return fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0
                       ? keep_name(entry, fd, ".wh..wh..opq", errno, err)
                       : 0;
}

static int add_folder(Tree *tree, const TarEntry *entry, Found found, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (*tree->name && found != FOUND_FOLDER && mkdirat(tree->parent, tree->name, 0700) < 0)
                return entry_error(entry, errno, err);
        fd = openat(tree->parent, *tree->name ? tree->name : ".",
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return entry_error(entry, errno, err);
        r = set_metadata(tree, entry, fd, err);
        /* hidden first and then made anew */
        if (r >= 0 && found == FOUND_WHITEOUT)
                r = make_opaque(entry, fd, err);
        return r < 0 ? r : remember_folder(tree, entry, err);
}

static int hard_link_error(const TarEntry *entry, int code, Error *err)
{
        _cleanup_free_ char *target = text_printable(entry->link);

        if (code == ENOSPC || code == EDQUOT)
                return entry_error(entry, code, err);
        return entry_corrupt(entry, code,
                             ": hard link to what is not there or cannot be linked: ", target ?: "?", err);
}

static int add_hard_link(Tree *tree, const TarEntry *entry, Error *err)
{
        char folder[TAR_PATH_MAXIMUM], name[256];
        _cleanup_close_ int parent = -EBADF;
        int r;

        if (tree->mode == UNPACK_ARCHIVE)
                return entry_corrupt(entry, EINVAL, " is a hard link: not in an image archive", "", err);
        r = split_path(entry, entry->link, folder, name, err);
        if (r < 0)
                return r;
        parent = path_open_in_root(tree->root, *folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (parent < 0 || linkat(parent, name, tree->parent, tree->name, 0) < 0)
                return hard_link_error(entry, parent < 0 ? -parent : errno, err);
        return 0;
}

static int add_symlink(Tree *tree, const TarEntry *entry, Error *err)
{
        struct timespec times[2] = {entry_time(entry), entry_time(entry)};
        int r;

        if (tree->mode == UNPACK_ARCHIVE && *entry->link == '/')
                return entry_corrupt(entry, EXDEV, " is a link out of the archive, to ", entry->link, err);
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
        _cleanup_close_ int folder = -EBADF;
        _cleanup_free_ char *name = NULL;
        int code;

        if (text_equal(hidden, ".wh..opq"))
                return make_opaque(entry, tree->parent, err);
        if (text_after(hidden, ".wh."))
                return 0; /* aufs's own */
        if (!*hidden || text_equal(hidden, ".") || text_equal(hidden, ".."))
                return entry_corrupt(entry, EINVAL, " hides no name", "", err);
        memmove(tree->name, hidden, strlen(hidden) + 1);
        /* What the layer itself has there hides the lower one already; of a folder its content, too. */
        folder = openat(tree->parent, tree->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder >= 0)
                return make_opaque(entry, folder, err);
        if (faccessat(tree->parent, tree->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        if (mknodat(tree->parent, tree->name, S_IFCHR, 0) >= 0)
                return 0;
        code = errno;
        name = text_printf(".wh.%s", tree->name);
        return name ? keep_name(entry, tree->parent, name, code, err) : fail_memory(err);
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

        if (++tree->counts->entries > ENTRIES_MAXIMUM)
                return fail_kind(err, ERROR_CORRUPT, EFBIG, "the layer has more than %d entries",
                                 ENTRIES_MAXIMUM);
        r = open_parent(tree, entry, err);
        if (r < 0)
                return r;
        if (!*tree->name && entry->type != TAR_FOLDER)
                return entry_corrupt(entry, EINVAL, " is the root, but no folder", "", err);
        hidden = tree->mode == UNPACK_LAYER ? text_after(tree->name, ".wh.") : NULL;
        if (hidden)
                return add_whiteout(tree, entry, hidden, err);
        if (entry->type == TAR_CHARACTER_DEVICE || entry->type == TAR_BLOCK_DEVICE ||
            (entry->type == TAR_FIFO && tree->mode == UNPACK_ARCHIVE)) {
                tree->counts->skipped++;
                return 0;
        }
        r = *tree->name ? make_room(tree, entry, err) : FOUND_FOLDER;
        if (r < 0)
                return r;
        switch (entry->type) {
        case TAR_FOLDER:
                return add_folder(tree, entry, (Found)r, err);
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
                _cleanup_free_ char *shown = text_printable(tree->name);

                fail_errno(err, -r, "layer entry '%s/%s'", tree->parent_path, shown ?: "?");
                return write_error(-r, err);
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

/* Setting a time changes none of another folder; of several for one the last counts. */
static void set_folder_time(const Tree *tree, const FolderTime *time, const char *path)
{
        struct timespec times[2] = {{.tv_sec = time->seconds, .tv_nsec = time->nanoseconds}};
        _cleanup_close_ int fd = path_open_no_symlinks(tree->root, path[1] ? path + 1 : ".",
                                                       O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

        times[1] = times[0];
        /* Later entries may have replaced it. */
        if (fd >= 0)
                futimens(fd, times);
}

static int set_folder_times(Tree *tree, Error *err)
{
        Buffer *rest = &tree->folders.buffer;
        char path[TAR_PATH_MAXIMUM + 256];
        FolderTime time;
        FILE *list;
        int r;

        if (tree->folders.fd >= 0) {
                r = spill_flush(tree, &tree->folders, "folders", err);
                if (r < 0)
                        return r;
                if (unlinkat(tree->target, "folders", 0) < 0 || lseek(tree->folders.fd, 0, SEEK_SET) < 0)
                        return fail_errno(err, errno, "read the layer's folders");
                list = fdopen(TAKE_FD(tree->folders.fd), "r");
        } else {
                list = fmemopen(rest->data, rest->length, "r");
        }
        if (!list)
                return fail_errno(err, errno, "read the layer's folders");
        while (fread(&time, sizeof(time), 1, list) == 1 && time.length <= sizeof(path) &&
               fread(path, time.length, 1, list) == 1)
                set_folder_time(tree, &time, path);
        fclose(list);
        return 0;
}

int tree_finish(Tree *tree, Error *err)
{
        int r = 0;

        cleanup_close(&tree->parent);
        if (tree->folders.buffer.length || tree->folders.fd >= 0)
                r = set_folder_times(tree, err);
        if (r >= 0 && tree->owners.buffer.length)
                r = spill_flush(tree, &tree->owners, "owners", err);
        buffer_deinit(&tree->folders.buffer);
        buffer_deinit(&tree->owners.buffer);
        cleanup_close(&tree->owners.fd);
        return r;
}
