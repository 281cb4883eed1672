#include "base/cleanup.h"
#include "base/file.h"
#include "store/database.h"
#include "store/images.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { BLOB_PATH_SIZE = 96 };

static void blob_path(const Digest *digest, char ret[static BLOB_PATH_SIZE])
{
        snprintf(ret, BLOB_PATH_SIZE, "blobs/sha256/%s", digest_hex(digest));
}

bool store_blob_exists(Store *store, const Digest *digest)
{
        char path[BLOB_PATH_SIZE];

        blob_path(digest, path);
        return digest_is_set(digest) && faccessat(store->fd, path, R_OK, 0) == 0;
}

int store_blob_open(Store *store, const Digest *digest, int *ret_fd, Error *err)
{
        char path[BLOB_PATH_SIZE];
        int fd;

        blob_path(digest, path);
        fd = openat(store->fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "blob %s is not in the store", digest->text);
        if (fd < 0)
                return fail_errno(err, errno, "store %s: blob %s", store->path, digest->text);
        *ret_fd = fd;
        return 0;
}

int store_blob_create(Store *store, StoreStage *stage, const char *name, Error *err)
{
        int fd = openat(stage->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

        return fd < 0 ? fail_errno(err, errno, "store %s: new file in tmp", store->path) : fd;
}

static int sync_folder(Store *store, const char *name)
{
        _cleanup_close_ int fd = openat(store->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int store_blob_commit(Store *store, StoreStage *stage, const char *name, const Digest *digest, Error *err)
{
        _cleanup_close_ int fd = openat(stage->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        char path[BLOB_PATH_SIZE];
        int r;

        blob_path(digest, path);
        /* The content first: a name must never stand for a file that a power cut could empty. */
        if (fd < 0 || fdatasync(fd) < 0 || renameat(stage->fd, name, store->fd, path) < 0)
                return fail_errno(err, errno, "store %s: blob %s", store->path, digest->text);
        r = sync_folder(store, "blobs/sha256");
        return r < 0 ? fail_errno(err, -r, "store %s: blobs", store->path) : 0;
}

int store_blob_put(Store *store, const void *data, size_t length, Digest *ret, Error *err)
{
        char path[BLOB_PATH_SIZE];
        Digest digest;
        int r;

        digest_of(data, length, &digest);
        if (!store_blob_exists(store, &digest)) {
                blob_path(&digest, path);
                r = file_replace_at(store->fd, path, data, length, 0600, true, err);
                if (r < 0)
                        return fail_wrap(err, r, "store %s: blob", store->path);
        }
        *ret = digest;
        return 0;
}

int store_blob_read(Store *store, const Digest *digest, size_t maximum, Buffer *ret, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = store_blob_open(store, digest, &fd, err);
        if (r < 0)
                return r;
        r = file_read_fd(fd, maximum, ret);
        return r < 0 ? fail_errno(err, -r, "store %s: blob %s", store->path, digest->text) : 0;
}
