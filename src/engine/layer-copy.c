/*
 * Both trees are the image's, that is hostile: every entry is opened by name below an open folder, without
 * following a link, and the walk ends at a depth. The target is nobody's but ours while it is made. Content
 * is cloned where the file system can (reflink), else copied inside the kernel.
 */
#include "engine/layer-copy.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <search.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { DEPTH_MAXIMUM = 256, ATTRIBUTES_MAXIMUM = 64 << 10 };

static const char whiteout_prefix[] = ".wh.", opaque_name[] = ".wh..wh..opq";

/* A file with more than one name, and the first of them in the target. */
typedef struct Linked {
        dev_t device;
        ino_t inode;
        char path[];
} Linked;

typedef struct Copy {
        const LayerOwners *owners;
        bool flatten;
        int target; /* the uppermost folder of the copy */
        void *links;
} Copy;

/* One folder of the walk. */
typedef struct Level {
        int from, to;
        const char *path; /* below the uppermost folder; "" for that itself */
        unsigned depth;
} Level;

static int copy_folder(Copy *copy, const Level *level, Error *err);

static uint32_t shift(const IdMap *from, const IdMap *to, uint32_t id)
{
        uint32_t shifted = id_map_to_container(from, id_map_to_host(to, id));

        return shifted == UINT32_MAX ? 0 : shifted;
}

static void owner_of(const Copy *copy, const struct stat *status, uid_t *ret_uid, gid_t *ret_gid)
{
        const LayerOwners *owners = copy->owners;

        *ret_uid = owners ? shift(&owners->from->uids, &owners->to->uids, status->st_uid) : status->st_uid;
        *ret_gid = owners ? shift(&owners->from->gids, &owners->to->gids, status->st_gid) : status->st_gid;
}

/* ---- attributes ---- */

/* File capabilities name the root that they count for; a copy's count for ours. */
static size_t own_capability(char *value, size_t length)
{
        struct vfs_ns_cap_data data;

        if (length != sizeof(data))
                return length;
        memcpy(&data, value, sizeof(data));
        data.magic_etc = (data.magic_etc & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2;
        memcpy(value, &data, XATTR_CAPS_SZ_2);
        return XATTR_CAPS_SZ_2;
}

static int copy_attributes(const Copy *copy, int from, int to)
{
        _cleanup_free_ char *names = malloc(ATTRIBUTES_MAXIMUM), *value = malloc(ATTRIBUTES_MAXIMUM);
        ssize_t length;

        if (!names || !value)
                return -ENOMEM;
        length = flistxattr(from, names, ATTRIBUTES_MAXIMUM);
        for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
                bool capability = text_equal(name, "security.capability");
                ssize_t size;

                if ((!text_after(name, "user.") && !capability) ||
                    (copy->flatten && text_after(name, "user.overlay.")))
                        continue;
                size = fgetxattr(from, name, value, ATTRIBUTES_MAXIMUM);
                if (size < 0)
                        continue;
                if (fsetxattr(to, name, value,
                              capability ? own_capability(value, (size_t)size) : (size_t)size, 0) < 0 &&
                    errno != EOPNOTSUPP && errno != EPERM)
                        return -errno;
        }
        return 0;
}

static int copy_metadata(const Copy *copy, int from, int to, const struct stat *status)
{
        struct timespec times[2] = {status->st_atim, status->st_mtim};
        uid_t uid;
        gid_t gid;
        int r;

        /* The owner first: changing it clears set-id bits and capabilities. */
        owner_of(copy, status, &uid, &gid);
        if (fchown(to, uid, gid) < 0 && errno != EINVAL && errno != EPERM)
                return -errno;
        r = copy_attributes(copy, from, to);
        if (r < 0)
                return r;
        return fchmod(to, status->st_mode & 07777) < 0 || futimens(to, times) < 0 ? -errno : 0;
}

/* ---- links ---- */

static int compare_linked(const void *a, const void *b)
{
        const Linked *one = a, *other = b;

        if (one->inode != other->inode)
                return one->inode < other->inode ? -1 : 1;
        return one->device < other->device ? -1 : one->device > other->device;
}

/* 1: the file is there already under another name, and is linked to; 0: it is to be copied. */
static int link_known(Copy *copy, const Level *level, const char *name, const struct stat *status)
{
        Linked *linked, **found;
        size_t size = strlen(level->path) + strlen(name) + 2;

        if (status->st_nlink < 2 || S_ISDIR(status->st_mode))
                return 0;
        linked = malloc(sizeof(*linked) + size);
        if (!linked)
                return -ENOMEM;
        linked->device = status->st_dev;
        linked->inode = status->st_ino;
        snprintf(linked->path, size, "%s%s%s", level->path, *level->path ? "/" : "", name);
        found = tsearch(linked, &copy->links, compare_linked);
        if (!found || *found == linked)
                return found ? 0 : -ENOMEM;
        free(linked);
        return linkat(copy->target, (*found)->path, level->to, name, 0) < 0 ? -errno : 1;
}

/* ---- entries ---- */

static int copy_content(int from, int to)
{
        bool plain = false;

        if (ioctl(to, FICLONE, from) >= 0)
                return 0;
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

static int copy_file(const Copy *copy, const Level *level, const char *name)
{
        _cleanup_close_ int from = openat(level->from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
                            to = -EBADF;
        struct stat status;
        int r;

        if (from < 0 || fstat(from, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EIO;
        to = openat(level->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        r = copy_content(from, to);
        return r < 0 ? r : copy_metadata(copy, from, to, &status);
}

/* Links, FIFOs and whiteouts: what has an owner, but no content. */
static int copy_special(const Copy *copy, const Level *level, const char *name, const struct stat *status)
{
        struct timespec times[2] = {status->st_atim, status->st_mtim};
        char target[PATH_MAX];
        ssize_t length;
        uid_t uid;
        gid_t gid;

        if (S_ISLNK(status->st_mode)) {
                length = readlinkat(level->from, name, target, sizeof(target) - 1);
                if (length < 0)
                        return -errno;
                target[length] = 0;
                if (symlinkat(target, level->to, name) < 0)
                        return -errno;
        } else if (mknodat(level->to, name, status->st_mode, status->st_rdev) < 0 ||
                   fchmodat(level->to, name, status->st_mode & 07777, 0) < 0) {
                return -errno;
        }
        owner_of(copy, status, &uid, &gid);
        if (fchownat(level->to, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EINVAL && errno != EPERM)
                return -errno;
        return utimensat(level->to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_below(Copy *copy, const Level *level, const char *name, Error *err)
{
        _cleanup_close_ int from = openat(level->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                            to = -EBADF;
        _cleanup_free_ char *path = text_printf("%s%s%s", level->path, *level->path ? "/" : "", name);

        if (!path)
                return fail_memory(err);
        if (level->depth >= DEPTH_MAXIMUM)
                return fail(err, ELOOP, "%s: folders are nested deeper than %d", path, DEPTH_MAXIMUM);
        if (from < 0 || (mkdirat(level->to, name, 0700) < 0 && (errno != EEXIST || !copy->flatten)))
                return fail_errno(err, errno, "%s", path);
        to = openat(level->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (to < 0)
                return fail_errno(err, errno, "%s", path);
        return copy_folder(copy, &(Level){.from = from, .to = to, .path = path, .depth = level->depth + 1},
                           err);
}

static bool is_whiteout(const struct stat *status)
{
        return S_ISCHR(status->st_mode) && status->st_rdev == makedev(0, 0);
}

/* For what this layer has in the place of what is there. 1: it is a whiteout, and no file. */
static int make_room(const Level *level, const char *name, const struct stat *status, Error *err)
{
        struct stat there;

        if (is_whiteout(status) || text_after(name, whiteout_prefix))
                return 1;
        if (fstatat(level->to, name, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
            (S_ISDIR(there.st_mode) && S_ISDIR(status->st_mode)))
                return 0;
        return tree_remove_at(level->to, name, err);
}

static int copy_entry(Copy *copy, const Level *level, const char *name, Error *err)
{
        struct stat status;
        int r;

        if (fstatat(level->from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_errno(err, errno, "%s/%s", level->path, name);
        if (copy->flatten) {
                r = make_room(level, name, &status, err);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        if (S_ISDIR(status.st_mode))
                return copy_below(copy, level, name, err);
        r = link_known(copy, level, name, &status);
        if (r == 0 && S_ISREG(status.st_mode))
                r = copy_file(copy, level, name);
        else if (r == 0 && (S_ISLNK(status.st_mode) || S_ISFIFO(status.st_mode) || is_whiteout(&status)))
                r = copy_special(copy, level, name, &status);
        return r < 0 ? fail_errno(err, -r, "%s/%s", level->path, name) : 0;
}

/* A folder that hides all that the layers below have in it. */
static int clear_opaque(const Level *level, Error *err)
{
        _cleanup_closedir_ DIR *folder = NULL;
        struct dirent *entry;
        char value = 0;
        int r = 0;

        if ((fgetxattr(level->from, "user.overlay.opaque", &value, 1) != 1 || value != 'y') &&
            faccessat(level->from, opaque_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        folder = fdopendir(openat(level->to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!folder)
                return fail_errno(err, errno, "%s", level->path);
        while (r >= 0 && (entry = readdir(folder)))
                if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, ".."))
                        r = tree_remove_at(level->to, entry->d_name, err);
        return r;
}

/* Before anything of this layer is there, which may have the same name. */
static int apply_whiteouts(const Level *level, DIR *folder, Error *err)
{
        struct dirent *entry;
        int r = clear_opaque(level, err);

        while (r >= 0 && (entry = readdir(folder))) {
                const char *hidden = text_after(entry->d_name, whiteout_prefix);
                struct stat status;

                if (!hidden && entry->d_type == DT_CHR &&
                    fstatat(level->from, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) >= 0 &&
                    is_whiteout(&status))
                        hidden = entry->d_name;
                if (hidden && *hidden && !text_equal(hidden, ".") && !text_equal(hidden, ".."))
                        r = tree_remove_at(level->to, hidden, err);
        }
        rewinddir(folder);
        return r;
}

static int copy_folder(Copy *copy, const Level *level, Error *err)
{
        _cleanup_closedir_ DIR *folder = NULL;
        struct dirent *entry;
        struct stat status;
        int r = 0;

        folder = fdopendir(openat(level->from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!folder || fstat(level->from, &status) < 0)
                return fail_errno(err, errno, "%s", level->path);
        if (copy->flatten)
                r = apply_whiteouts(level, folder, err);
        while (r >= 0 && (errno = 0, entry = readdir(folder)))
                if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, ".."))
                        r = copy_entry(copy, level, entry->d_name, err);
        if (r < 0)
                return r;
        r = errno ? -errno : copy_metadata(copy, level->from, level->to, &status);
        return r < 0 ? fail_errno(err, -r, "%s", level->path) : 0;
}

int layer_copy(int from, int to, const LayerOwners *owners, bool flatten, Error *err)
{
        Copy copy = {.owners = owners, .flatten = flatten, .target = to};
        Error error = ERROR_INIT;
        int r;

        r = copy_folder(&copy, &(Level){.from = from, .to = to, .path = ""}, &error);
        tdestroy(copy.links, free);
        if (r < 0 && err)
                *err = error;
        return r;
}
