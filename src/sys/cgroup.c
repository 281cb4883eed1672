#include "sys/cgroup.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

enum { FILE_MAXIMUM = 1 << 20, END_MILLISECONDS = 10000 };

const char *cgroup_mount(bool *ret_mixed)
{
        static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
        struct statfs fs;

        for (size_t i = 0; i < ELEMENTSOF(mounts); i++)
                if (statfs(mounts[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
                        if (ret_mixed)
                                *ret_mixed = i > 0;
                        return mounts[i];
                }
        return NULL;
}

int cgroup_own(char **ret)
{
        _cleanup_buffer_ Buffer text = {0};
        int r = file_read_at(AT_FDCWD, "/proc/self/cgroup", FILE_MAXIMUM, &text);
        char *save = NULL;

        if (r < 0)
                return r;
        for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *path = text_after(line, "0::");

                if (path) {
                        *ret = strdup(path);
                        return *ret ? 0 : -ENOMEM;
                }
        }
        return -ENODEV;
}

static int contains_word(int cgroup, const char *file, const char *word)
{
        _cleanup_buffer_ Buffer text = {0};
        int r = file_read_at(cgroup, file, FILE_MAXIMUM, &text);
        char *save = NULL;

        if (r < 0)
                return r;
        for (char *name = strtok_r(text.data ?: (char[]){""}, " \n", &save); name;
             name = strtok_r(NULL, " \n", &save))
                if (text_equal(name, word))
                        return 1;
        return 0;
}

int cgroup_has_controller(int cgroup, const char *name)
{
        return contains_word(cgroup, "cgroup.controllers", name);
}

/* But for the root of the hierarchy, which may have both, processes and controllers for children. Of a group
 * with processes the kernel would take "cpu" and "pids", and then let nobody into its children any more
 * (cgroup-v2, "Threads": they are "domain invalid"). */
static bool has_processes(int cgroup)
{
        _cleanup_buffer_ Buffer text = {0};

        return faccessat(cgroup, "cgroup.type", F_OK, 0) == 0 &&
               file_read_at(cgroup, "cgroup.procs", FILE_MAXIMUM, &text) >= 0 && text.length > 0;
}

/* As many as can be had: one that is refused must not keep back the others. */
static void delegate_controllers(int cgroup)
{
        _cleanup_buffer_ Buffer text = {0};
        char *save = NULL;

        if (has_processes(cgroup) || file_read_at(cgroup, "cgroup.controllers", FILE_MAXIMUM, &text) < 0 ||
            !text.data)
                return;
        for (char *name = strtok_r(text.data, " \n", &save); name; name = strtok_r(NULL, " \n", &save)) {
                char word[64];

                if (contains_word(cgroup, "cgroup.subtree_control", name) > 0)
                        continue;
                snprintf(word, sizeof(word), "+%.60s", name);
                file_write_existing_at(cgroup, "cgroup.subtree_control", word);
        }
}

int cgroup_make(const char *path, bool controllers, int *ret)
{
        const char *mount = cgroup_mount(NULL), *rest = mount ? text_after(path, mount) : NULL;
        _cleanup_free_ char *names = rest ? strdup(rest) : NULL;
        _cleanup_close_ int folder = -EBADF;
        char *save = NULL;

        if (!rest)
                return -ENODEV;
        if (!names)
                return -ENOMEM;
        folder = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
                return -errno;
        for (char *name = strtok_r(names, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
                int next;

                if (text_equal(name, ".") || text_equal(name, ".."))
                        return -EINVAL;
                if (controllers)
                        delegate_controllers(folder);
                if (mkdirat(folder, name, 0755) < 0 && errno != EEXIST)
                        return -errno;
                next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (next < 0)
                        return -errno;
                close(folder);
                folder = next;
        }
        *ret = TAKE_FD(folder);
        return 0;
}

/* A line "NAME 1" of cgroup.events. */
static int event_is(int cgroup, const char *name)
{
        _cleanup_buffer_ Buffer text = {0};
        int r = file_read_at(cgroup, "cgroup.events", FILE_MAXIMUM, &text);
        const char *line;

        if (r < 0)
                return r;
        line = text.data ? strstr(text.data, name) : NULL;
        return line && text_after(line + strlen(name), " 1") ? 1 : 0;
}

/* The kernel says when the file changes. */
static int await_event(int cgroup, const char *name, int wanted)
{
        _cleanup_close_ int fd = openat(cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC);
        struct pollfd events = {.fd = fd, .events = POLLPRI};
        char text[512];

        if (fd < 0)
                return -errno;
        for (;;) {
                int is, r;

                /* Read first: a change behind it wakes the poll. */
                if (pread(fd, text, sizeof(text), 0) < 0)
                        return -errno;
                is = event_is(cgroup, name);
                if (is < 0 || is == wanted)
                        return is < 0 ? is : 0;
                r = poll(&events, 1, END_MILLISECONDS);
                if (r == 0)
                        return -ETIMEDOUT;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
}

int cgroup_freeze(int cgroup, bool frozen)
{
        int r = file_write_existing_at(cgroup, "cgroup.freeze", frozen ? "1" : "0");

        return r < 0 ? r : await_event(cgroup, "frozen", frozen);
}

int cgroup_is_frozen(int cgroup)
{
        return event_is(cgroup, "frozen");
}

/* Before Linux 5.14: one by one, until none comes from a fork meanwhile. */
static int kill_each(int cgroup)
{
        for (int round = 0; round < 100; round++) {
                _cleanup_buffer_ Buffer text = {0};
                int r = file_read_at(cgroup, "cgroup.procs", FILE_MAXIMUM, &text);
                char *save = NULL;

                if (r < 0 || !text.length)
                        return r;
                for (char *line = strtok_r(text.data, "\n", &save); line;
                     line = strtok_r(NULL, "\n", &save)) {
                        uint64_t pid;

                        if (text_to_u64(line, INT32_MAX, &pid) == 0 && pid > 0)
                                kill((pid_t)pid, SIGKILL);
                }
        }
        return -EBUSY;
}

int cgroup_kill(int cgroup)
{
        int r = file_write_existing_at(cgroup, "cgroup.kill", "1");

        return r == -ENOENT ? kill_each(cgroup) : r;
}

static int remove_below(int parent, const char *name)
{
        _cleanup_close_ int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_closedir_ DIR *list = NULL;
        struct dirent *entry;

        if (folder < 0)
                return errno == ENOENT ? 0 : -errno;
        list = fdopendir(dup(folder));
        if (!list)
                return -errno;
        while ((entry = readdir(list)))
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
                        int r = remove_below(folder, entry->d_name);

                        if (r < 0)
                                return r;
                }
        await_event(folder, "populated", 0);
        return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(const char *path)
{
        return remove_below(AT_FDCWD, path);
}
