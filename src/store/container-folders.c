/*
 * The folders of containers, and a few that wait for the next.
 *
 * A folder that a container of --rm has left as it found it is kept under spare/ and becomes that of the next
 * container: a rename at each end instead of a dozen folders and files made and removed, which on a file
 * system that discards what is freed means to wait for the disk as often.
 *
 * Only the upper folder is seen by a container, as its root. When it is empty it is put aside, and removed
 * and made anew before the next container is mounted (beside newuidmap, when nobody waits for the disk): who
 * still has something open in the union of a container that has ended, by a descriptor that was handed on or
 * processes that are shared, could write to the next one's by it. In a folder that is gone nothing can be
 * made; and the same holds for work/work.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "store/database.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { SPARE_COUNT = 4 };

static void spare_path(int number, char ret[static 32])
{
        snprintf(ret, 32, "spare/%d", number);
}

int container_folder_make(Store *store, const char *path)
{
        char spare[32];

        for (int i = 0; i < SPARE_COUNT; i++) {
                spare_path(i, spare);
                if (renameat(store->fd, spare, store->fd, path) == 0)
                        return 0;
                if (errno != ENOENT)
                        break;
        }
        return store_make_folder(store, store->fd, path, 0700);
}

static bool is_empty(int folder, const char *name)
{
        _cleanup_closedir_ DIR *names = NULL;
        struct dirent *entry;
        int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0)
                names = fdopendir(fd);
        if (!names)
                return false;
        while ((entry = readdir(names)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        return false;
        return true;
}

/* Puts the upper folder aside, when there is nothing in it. */
static bool leave_nothing(int folder)
{
        _cleanup_close_ int work = openat(folder, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat outer, model, inner;

        if (work < 0 || fstat(work, &model) < 0 || fstat(folder, &outer) < 0)
                return false;
        /* Given to the root of a map of its own, it is of no use to others. */
        if (model.st_uid != outer.st_uid)
                return false;
        /* overlayfs's own, to be removed before the next mount: root of a container with a map of its own has
         * made it */
        if (fstatat(work, "work", &inner, AT_SYMLINK_NOFOLLOW) == 0 && inner.st_uid != model.st_uid)
                return false;
        return is_empty(folder, "upper") && renameat(folder, "upper", folder, STORE_USED_UPPER) == 0;
}

/* Removes all but what leave_nothing() leaves, and an empty log, which the next container makes anyway. */
static int remove_rest(int folder)
{
        _cleanup_closedir_ DIR *names = NULL;
        struct dirent *entry;
        struct stat status;
        int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (copy >= 0)
                names = fdopendir(copy);
        if (!names)
                return -errno;
        while ((entry = readdir(names))) {
                if (entry->d_type == DT_DIR && *entry->d_name != '.' && strcmp(entry->d_name, "work") != 0 &&
                    strcmp(entry->d_name, STORE_USED_UPPER) != 0)
                        return -EEXIST; /* a root file system that is no overlay */
                if (entry->d_type == DT_DIR)
                        continue;
                if (strcmp(entry->d_name, "log.json") == 0 &&
                    fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISREG(status.st_mode) && status.st_size == 0)
                        continue;
                if (unlinkat(folder, entry->d_name, 0) < 0)
                        return -errno;
        }
        return 0;
}

static int keep(Store *store, int folder, const char *path)
{
        char spare[32];

        if (!leave_nothing(folder) || remove_rest(folder) < 0)
                return 0;
        for (int i = 0; i < SPARE_COUNT; i++) {
                spare_path(i, spare);
                int r = folder_rename_new_at(store->fd, path, store->fd, spare);

                if (r == 0)
                        return 1;
                if (r != -EEXIST)
                        break;
        }
        return 0;
}

int store_container_folder_retire(Store *store, const char *id, char **ret, Error *err)
{
        _cleanup_free_ char *path = path_join("containers", id), *retired = text_printf("tmp/%.32s", id);
        _cleanup_close_ int folder = -EBADF;

        *ret = NULL;
        if (!path || !retired)
                return fail_memory(err);
        folder = openat(store->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0)
                return errno == ENOENT ? 0 : fail_errno(err, errno, "folder of container %.12s", id);
        /* As a stage that is alive: a collection of somebody else's keeps away. */
        flock(folder, LOCK_EX | LOCK_NB);
        if (renameat(store->fd, path, store->fd, retired) < 0)
                return errno == ENOENT ? 0 : fail_errno(err, errno, "folder of container %.12s", id);
        if (!keep(store, folder, retired))
                *ret = TAKE_PTR(retired);
        return 0;
}
