/*
 * Two system calls that SQLite makes here otherwise than it would by itself; its interface lets us replace
 * them.
 *
 * ftruncate(2). SQLite keeps an index of the WAL in memory that all connections share, a file mapped by each
 * (kelp.db-shm). The first connection of all throws it away and reads the whole WAL to make it anew, since
 * after a crash of the machine the file may tell of a WAL that never reached the disk. kelp's connections
 * live for a millisecond, so each would be the first.
 *
 * But as long as the machine runs the file is what a connection that had stayed open would have left: a
 * process killed at any moment harms others by it no more than it would have then, which is a case that
 * SQLite's protocol is made for (sqlite.org/walformat.html). So the file is kept and marked with the boot in
 * which it was made, and thrown away when the mark is another or none.
 *
 * The only place where SQLite throws it away, with the lock held that keeps others from connecting, is a
 * truncation of the file to 3 bytes, by a function that its interface lets us replace.
 */
#include "base/file.h"
#include "store/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { BOOT_ID_SIZE = 36, DISCARDED_SIZE = 3 };

static const char mark_name[] = "user.kelp.boot";

static bool read_boot_id(char ret[static BOOT_ID_SIZE])
{
        _cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

        return fd >= 0 && file_read_full(fd, ret, BOOT_ID_SIZE) == BOOT_ID_SIZE;
}

/* ftruncate(2), as SQLite calls it. */
static int truncate_unless_valid(int fd, off_t length)
{
        char now[BOOT_ID_SIZE], then[BOOT_ID_SIZE];
        int result;

        if (length != DISCARDED_SIZE)
                return ftruncate(fd, length);
        if (!read_boot_id(now))
                return ftruncate(fd, length);
        if (fgetxattr(fd, mark_name, then, sizeof(then)) == BOOT_ID_SIZE &&
            memcmp(now, then, BOOT_ID_SIZE) == 0)
                return 0;
        result = ftruncate(fd, length);
        /* Where no mark can be set the next connection makes the index anew, as SQLite always does. */
        if (result == 0)
                (void)!fsetxattr(fd, mark_name, now, BOOT_ID_SIZE, 0);
        return result;
}

static int nothing_is_there(const char *path, struct stat *ret)
{
        errno = ENOENT;
        return -1;
}

bool database_index_is_kept(const Store *store)
{
        char path[64], mark[BOOT_ID_SIZE];

        snprintf(path, sizeof(path), "/proc/self/fd/%d/kelp.db-shm", store->fd);
        return getxattr(path, mark_name, mark, sizeof(mark)) == BOOT_ID_SIZE;
}

void database_replace_calls(void)
{
        sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

        if (!vfs || vfs->iVersion < 3)
                return;
        vfs->xSetSystemCall(vfs, "ftruncate", (sqlite3_syscall_ptr)truncate_unless_valid);
        vfs->xSetSystemCall(vfs, "lstat", (sqlite3_syscall_ptr)nothing_is_there);
}
