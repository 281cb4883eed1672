#include "store/store.h"

#include "base/file.h"
#include "base/identity.h"
#include "store/database.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int store_make_folder(Store *store, int parent, const char *name, mode_t mode)
{
        if (mkdirat(parent, name, 0700) < 0)
                return errno == EEXIST ? 0 : -errno;
        if (fchmodat(parent, name, mode, 0) < 0)
                return -errno;
        if (store->owner != (uid_t)-1 &&
            fchownat(parent, name, store->owner, store->group, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

/* flock(2) knows no second thing to wait for, so a child waits in it: the lock is of the open file, which
 * both have. */
static int wait_with_child(const Interrupt *interrupt, int fd, int operation)
{
        pid_t parent = getpid(), pid = fork();
        _cleanup_close_ int pidfd = -EBADF;
        int status = 1, r;

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
                _exit(getppid() != parent || flock(fd, operation) < 0);
        }
        if (pid < 0)
                return -errno;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        r = pidfd < 0 ? -errno : interrupt_wait(interrupt, pidfd, -1);
        if (r < 0)
                kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (r < 0)
                return r;
        return status == 0 ? 0 : -EINTR;
}

static int wait_for_lock(const Store *store, int fd, int operation)
{
        if (store->interrupt) {
                if (flock(fd, operation | LOCK_NB) == 0)
                        return 0;
                if (errno != EWOULDBLOCK || (operation & LOCK_NB))
                        return -errno;
                return wait_with_child(store->interrupt, fd, operation);
        }
        while (flock(fd, operation) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int store_lock(Store *store, const char *name, int operation)
{
        _cleanup_free_ char *path = path_join("locks", name);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!path)
                return -ENOMEM;
        fd = openat(store->fd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = wait_for_lock(store, fd, operation);
        return r < 0 ? r : TAKE_FD(fd);
}

static int explain_folder(int code, const char *path, Error *err)
{
        fail_errno(err, code, "store %s", path);
        if (code == EROFS || code == EACCES || code == EPERM || code == ENOENT)
                return fail_hint(err, "kelp needs a writable folder: name one with --root or KELP_ROOT");
        if (code == ENOSPC || code == EDQUOT)
                return fail_hint(err,
                                 "free some space, or put kelp's data elsewhere with --root or KELP_ROOT");
        return -code;
}

static int make_file(Store *store, const char *name)
{
        _cleanup_close_ int fd = openat(store->fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0 || fchmod(fd, 0644) < 0)
                return -errno;
        if (store->owner != (uid_t)-1 && fchown(fd, store->owner, store->group) < 0)
                return -errno;
        return 0;
}

static int make_mount_points(Store *store)
{
        static const char *const folders[] = {"", "/dev", "/etc", "/proc", "/sys"};
        static const char *const files[] = {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"};
        char path[64];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(folders); i++) {
                snprintf(path, sizeof(path), STORE_MOUNT_POINTS "%s", folders[i]);
                r = store_make_folder(store, store->fd, path, 0755);
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(files); i++) {
                snprintf(path, sizeof(path), STORE_MOUNT_POINTS "%s", files[i]);
                r = make_file(store, path);
        }
        return r;
}

static int make_folders(Store *store, Error *err)
{
        static const char *const own[] = {"blobs", "blobs/sha256", "locks"};
        static const char *const shared[] = {"layers", "containers", "spare", "volumes", "tmp"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(own); i++)
                if (mkdirat(store->fd, own[i], 0700) < 0 && errno != EEXIST)
                        r = -errno;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(shared); i++)
                r = store_make_folder(store, store->fd, shared[i], 0700);
        if (r >= 0)
                r = make_mount_points(store);
        /* Root's containers reach what is theirs through it, and nobody can list it. */
        if (r >= 0 && fchmod(store->fd, store->owner == (uid_t)-1 ? 0700 : 0711) < 0)
                r = -errno;
        return r < 0 ? explain_folder(-r, store->path, err) : 0;
}

int store_open(const StoreOptions *options, Store **ret, Error *err)
{
        _cleanup_store_ Store *store = calloc(1, sizeof(*store));
        int r;

        if (!store)
                return fail_memory(err);
        store->fd = -EBADF;
        store->owner = options->owner;
        store->group = options->group;
        store->path = strdup(options->path);
        if (!store->path)
                return fail_memory(err);
        store->fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->fd < 0 && errno == ENOENT) {
                Error why = ERROR_INIT;

                store->fd = directory_make_open_at(AT_FDCWD, store->path, 0700, &why);
                if (store->fd < 0)
                        return explain_folder(-store->fd, store->path, err);
        }
        if (store->fd < 0)
                return explain_folder(errno, store->path, err);
        /* The last that is made: where it is, all are. */
        if (faccessat(store->fd, STORE_MOUNT_POINTS "/etc/resolv.conf", F_OK, 0) < 0) {
                r = make_folders(store, err);
                if (r < 0)
                        return r;
        }
        r = database_open(store, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(store);
        return 0;
}

Store *store_close(Store *store)
{
        if (!store)
                return NULL;
        if (store->db)
                database_checkpoint(store);
        sqlite3_close(store->db);
        cleanup_close(&store->fd);
        free(store->path);
        free(store);
        return NULL;
}

void store_set_interrupt(Store *store, const Interrupt *interrupt)
{
        store->interrupt = interrupt;
}

int store_fd(const Store *store)
{
        return store->fd;
}

const char *store_path(const Store *store)
{
        return store->path;
}

/* ---- stages ---- */

int store_stage_begin(Store *store, StoreStage *ret, Error *err)
{
        StoreStage stage = STORE_STAGE_INIT;
        /* Shared among makers, exclusive for the collector, so that it never meets a stage that is not locked
         * yet. */
        _cleanup_close_ int making = store_lock(store, "collect", LOCK_SH);
        char id[IDENTITY_SIZE], path[96];
        int r;

        if (making < 0)
                return explain_folder(-making, store->path, err);
        r = identity_make(id);
        if (r < 0)
                return fail_errno(err, -r, "random name");
        snprintf(stage.name, sizeof(stage.name), "%.32s", id);
        snprintf(path, sizeof(path), "tmp/%s", stage.name);
        r = store_make_folder(store, store->fd, path, 0700);
        if (r < 0)
                return explain_folder(-r, store->path, err);
        stage.fd = openat(store->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        stage.lock = stage.fd < 0 ? -EBADF : fcntl(stage.fd, F_DUPFD_CLOEXEC, 3);
        if (stage.lock < 0 || flock(stage.lock, LOCK_EX | LOCK_NB) < 0) {
                fail_errno(err, errno, "store %s: tmp", store->path);
                store_stage_abandon(store, &stage);
                return err ? -err->code : -EIO;
        }
        *ret = stage;
        return 0;
}

void store_stage_abandon(Store *store, StoreStage *stage)
{
        char path[96];

        if (*stage->name) {
                snprintf(path, sizeof(path), "tmp/%s", stage->name);
                tree_remove_at(store->fd, path, NULL);
        }
        cleanup_close(&stage->fd);
        cleanup_close(&stage->lock);
        cleanup_close(&stage->object_lock);
        *stage->name = 0;
}
