#include "engine/container-processes.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* The fields of /proc/PID/stat behind the name, which may have anything in it. 0 or a negative errno. */
static int read_stat(int folder, ContainerProcess *ret)
{
        _cleanup_buffer_ Buffer text = {0};
        unsigned long long user, kernel, start;
        long long reaped_user, reaped_kernel;
        const char *rest;
        int r = file_read_at(folder, "stat", 4096, &text);

        if (r < 0)
                return r;
        rest = text.data ? strrchr(text.data, ')') : NULL;
        if (!rest ||
            sscanf(rest,
                   ") %c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d %*d %*d %llu",
                   &ret->state, &ret->parent, &ret->terminal, &user, &kernel, &reaped_user, &reaped_kernel,
                   &start) != 8)
                return -EINVAL;
        ret->ticks = user + kernel;
        ret->reaped = (uint64_t)(reaped_user + reaped_kernel);
        ret->start = start;
        return 0;
}

/* The container whose processes are looked for. */
typedef struct Wanted {
        struct stat namespace;
        bool shared; /* the namespace is not the container's own */
        pid_t init;
} Wanted;

static bool descends(pid_t pid, pid_t ancestor)
{
        /* Parents end, but a list that changes meanwhile must not keep us. */
        for (int steps = 0; pid > 1 && steps < 4096; steps++) {
                char path[64];
                _cleanup_close_ int folder = -EBADF;
                ContainerProcess process;

                if (pid == ancestor)
                        return true;
                snprintf(path, sizeof(path), "/proc/%d", (int)pid);
                folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (folder < 0 || read_stat(folder, &process) < 0)
                        return false;
                pid = process.parent;
        }
        return false;
}

static void look_at(const char *pid, const Wanted *wanted,
                    void (*function)(const ContainerProcess *process, void *argument), void *argument)
{
        _cleanup_free_ char *path = text_printf("/proc/%s", pid);
        _cleanup_close_ int folder = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        ContainerProcess process = {.pid = pid, .folder = folder};
        struct stat owner, its;

        if (folder < 0 || fstat(folder, &owner) < 0 || fstatat(folder, "ns/pid", &its, 0) < 0 ||
            its.st_ino != wanted->namespace.st_ino || its.st_dev != wanted->namespace.st_dev ||
            read_stat(folder, &process) < 0)
                return;
        if (wanted->shared && !descends((pid_t)strtol(pid, NULL, 10), wanted->init))
                return;
        process.uid = owner.st_uid;
        function(&process, argument);
}

/* It is process 1 of its namespace. */
static bool is_first(pid_t init)
{
        _cleanup_free_ char *path = text_printf("/proc/%d", (int)init);
        _cleanup_close_ int folder = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        _cleanup_buffer_ Buffer text = {0};
        const char *line;

        if (folder < 0 || file_read_at(folder, "status", 1 << 16, &text) < 0 || !text.data)
                return false;
        line = strstr(text.data, "\nNSpid:");
        line = line ? strndupa(line + 1, strcspn(line + 1, "\n")) : "";
        return text_ends(line, "\t1");
}

int container_each_process(const StoreContainer *row,
                           void (*function)(const ContainerProcess *process, void *argument), void *argument,
                           Error *err)
{
        _cleanup_closedir_ DIR *processes = NULL;
        struct dirent *entry;
        Wanted wanted;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)row->pid);
        if (!text_equal(row->status, "running") || stat(path, &wanted.namespace) < 0)
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "container %s is not running", row->name);
        wanted.init = row->pid;
        wanted.shared = !is_first(row->pid);
        processes = opendir("/proc");
        if (!processes)
                return fail_errno(err, errno, "/proc");
        while ((entry = readdir(processes)))
                if (*entry->d_name >= '1' && *entry->d_name <= '9')
                        look_at(entry->d_name, &wanted, function, argument);
        return 0;
}
