/* The processes of a container, seen from the host: those in the process namespace of its init. With --pid
 * host that is the namespace of all; then its init and what descends from it. */
#include "base/clock.h"
#include "base/file.h"
#include "engine/container-state.h"
#include "engine/container.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

typedef struct Process {
        char state;
        int parent, terminal;
        uint64_t ticks, start; /* of CPU; of the clock since boot */
} Process;

/* The fields of /proc/PID/stat behind the name, which may have anything in it. 0 or a negative errno. */
static int read_stat(int folder, Process *ret)
{
        _cleanup_buffer_ Buffer text = {0};
        unsigned long long user, kernel, start;
        const char *rest;
        int r = file_read_at(folder, "stat", 4096, &text);

        if (r < 0)
                return r;
        rest = text.data ? strrchr(text.data, ')') : NULL;
        if (!rest ||
            sscanf(rest, ") %c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu",
                   &ret->state, &ret->parent, &ret->terminal, &user, &kernel, &start) != 6)
                return -EINVAL;
        ret->ticks = user + kernel;
        ret->start = start;
        return 0;
}

static void add_text(json_object *row, const char *text)
{
        json_object_array_add(row, json_object_new_string(text));
}

static void add_number(json_object *row, int64_t number)
{
        char text[24];

        snprintf(text, sizeof(text), "%lld", (long long)number);
        add_text(row, text);
}

/* CPU in percent of the time since the start; the clock at the start; the terminal; the CPU time. */
static void add_times(json_object *row, const Process *process)
{
        uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);
        uint64_t seconds = process->ticks / per_second;
        struct timespec up;
        time_t started;
        int64_t age;
        struct tm parts;
        char text[64] = "";

        clock_gettime(CLOCK_BOOTTIME, &up);
        age = up.tv_sec - (int64_t)(process->start / per_second);
        add_number(row, age > 0 ? (int64_t)seconds * 100 / age : 0);
        started = (time_t)(clock_now() / 1000000000 - age);
        if (localtime_r(&started, &parts))
                strftime(text, sizeof(text), age < 86400 ? "%H:%M" : "%b%d", &parts);
        add_text(row, text);
        /* Unix98 terminals have the majors from 136 on. */
        snprintf(text, sizeof(text), "pts/%u",
                 minor((dev_t)process->terminal) + (major((dev_t)process->terminal) - 136) * 256);
        add_text(row, process->terminal ? text : "?");
        snprintf(text, sizeof(text), "%02llu:%02llu:%02llu", (unsigned long long)(seconds / 3600),
                 (unsigned long long)(seconds / 60 % 60), (unsigned long long)(seconds % 60));
        add_text(row, text);
}

/* The words of its command line; its name in brackets when it has none. */
static void add_command(json_object *row, int folder)
{
        _cleanup_buffer_ Buffer text = {0}, name = {0};
        _cleanup_free_ char *bracketed = NULL;

        if (file_read_at(folder, "cmdline", 1 << 20, &text) >= 0 && text.length) {
                for (size_t i = 0; i + 1 < text.length; i++)
                        if (!text.data[i])
                                text.data[i] = ' ';
                add_text(row, text.data);
                return;
        }
        file_read_at(folder, "comm", 64, &name);
        bracketed = text_printf("[%.*s]", (int)strcspn(name.data ?: "", "\n"), name.data ?: "");
        add_text(row, bracketed ?: "");
}

/* The container whose processes are looked for. */
typedef struct Wanted {
        struct stat namespace;
        bool shared; /* the namespace is the caller's own */
        pid_t init;
} Wanted;

static bool descends(pid_t pid, pid_t ancestor)
{
        /* Parents end, but a list that changes meanwhile must not keep us. */
        for (int steps = 0; pid > 1 && steps < 4096; steps++) {
                char path[64];
                _cleanup_close_ int folder = -EBADF;
                Process process;

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

/* A row when the process is the container's. */
static void add_process(const char *pid, const Wanted *wanted, json_object *rows)
{
        _cleanup_free_ char *path = text_printf("/proc/%s", pid);
        _cleanup_close_ int folder = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        struct stat owner, its;
        Process process;
        json_object *row;

        if (folder < 0 || fstat(folder, &owner) < 0 || fstatat(folder, "ns/pid", &its, 0) < 0 ||
            its.st_ino != wanted->namespace.st_ino || its.st_dev != wanted->namespace.st_dev ||
            read_stat(folder, &process) < 0)
                return;
        if (wanted->shared && !descends((pid_t)strtol(pid, NULL, 10), wanted->init))
                return;
        row = json_object_new_array();
        add_number(row, owner.st_uid);
        add_text(row, pid);
        add_number(row, process.parent);
        add_times(row, &process);
        add_command(row, folder);
        json_object_array_add(rows, row);
}

int container_top(Engine *engine, const char *name, json_object **ret, Error *err)
{
        static const char *const titles[] = {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_json_ json_object *result = NULL;
        _cleanup_closedir_ DIR *processes = NULL;
        json_object *names, *rows;
        struct dirent *entry;
        struct stat own;
        Wanted wanted;
        char path[64];
        int r;

        r = container_find(engine, name, &row, err);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)row.pid);
        if (!text_equal(row.status, "running") || stat(path, &wanted.namespace) < 0)
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "container %s is not running", name);
        wanted.init = row.pid;
        wanted.shared = stat("/proc/self/ns/pid", &own) == 0 && own.st_ino == wanted.namespace.st_ino;
        processes = opendir("/proc");
        if (!processes)
                return fail_errno(err, errno, "/proc");
        result = json_object_new_object();
        names = json_object_new_array();
        rows = json_object_new_array();
        json_set(result, "Titles", names);
        json_set(result, "Processes", rows);
        for (size_t i = 0; i < ELEMENTSOF(titles); i++)
                add_text(names, titles[i]);
        while ((entry = readdir(processes)))
                if (*entry->d_name >= '1' && *entry->d_name <= '9')
                        add_process(entry->d_name, &wanted, rows);
        *ret = TAKE_PTR(result);
        return 0;
}
