#include "engine/container-stats.h"

#include "base/file.h"
#include "engine/container-processes.h"
#include "engine/container-state.h"
#include "engine/network-join.h"
#include "sys/cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>

enum { FILE_MAXIMUM = 1 << 20, TICK_NANOSECONDS = 1000000000, PAGE_KIBIBYTE = 1024 };

/* ---- text of the kernel ---- */

/* The number behind @key at the beginning of a line. */
static bool find_number(const char *text, const char *key, uint64_t *ret)
{
        size_t length = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, key, length) == 0) {
                        *ret = strtoull(line + length, NULL, 10);
                        return true;
                }
        return false;
}

static bool read_key(int folder, const char *file, const char *key, uint64_t *ret)
{
        _cleanup_buffer_ Buffer text = {0};

        return file_read_at(folder, file, FILE_MAXIMUM, &text) >= 0 && text.data &&
               find_number(text.data, key, ret);
}

static bool read_number(int folder, const char *file, uint64_t *ret)
{
        return read_key(folder, file, "", ret);
}

/* ---- a control group ---- */

/* The path of version 2 below the mount. New string or NULL. */
static char *group_of(pid_t pid)
{
        _cleanup_free_ char *path = text_printf("/proc/%d/cgroup", (int)pid);
        _cleanup_buffer_ Buffer text = {0};
        const char *found;

        if (!path || file_read_at(AT_FDCWD, path, FILE_MAXIMUM, &text) < 0 || !text.data)
                return NULL;
        found = text_after(text.data, "0::");
        if (!found) {
                found = strstr(text.data, "\n0::");
                found = found ? found + 4 : NULL;
        }
        return found ? strndup(found, strcspn(found, "\n")) : NULL;
}

/* The folder of the container's own group: one in which its holder is not, with a memory controller. Else
 * -ENOENT. */
static int open_group(const StoreContainer *row)
{
        _cleanup_free_ char *own = group_of(row->pid), *holder = group_of(row->monitor_pid), *path = NULL;
        const char *mount = cgroup_mount(NULL);
        int fd;

        if (!mount || !own || !holder || text_equal(own, holder))
                return -ENOENT;
        path = text_printf("%s%s", mount, own);
        fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -ENOMEM;
        if (fd >= 0 &&
            (faccessat(fd, "memory.current", R_OK, 0) < 0 || faccessat(fd, "cpu.stat", R_OK, 0) < 0)) {
                close(fd);
                return -ENOENT;
        }
        return fd < 0 ? -ENOENT : fd;
}

static void add_group_io(int group, ContainerStats *ret)
{
        _cleanup_buffer_ Buffer text = {0};
        const char *at;

        if (file_read_at(group, "io.stat", FILE_MAXIMUM, &text) < 0 || !text.data)
                return;
        for (at = text.data; (at = strstr(at, "rbytes=")); at += strlen("rbytes="))
                ret->read += strtoull(at + strlen("rbytes="), NULL, 10);
        for (at = text.data; (at = strstr(at, "wbytes=")); at += strlen("wbytes="))
                ret->written += strtoull(at + strlen("wbytes="), NULL, 10);
}

static void ask_group(int group, ContainerStats *ret)
{
        uint64_t microseconds = 0, cache = 0, limit = 0;

        read_key(group, "cpu.stat", "usage_usec ", &microseconds);
        ret->cpu = microseconds * 1000;
        read_number(group, "memory.current", &ret->memory);
        /* as docker: without what can be dropped at once */
        if (read_key(group, "memory.stat", "inactive_file ", &cache) && cache < ret->memory)
                ret->memory -= cache;
        if (read_number(group, "memory.max", &limit) && limit && limit < ret->memory_limit)
                ret->memory_limit = limit;
        read_number(group, "pids.current", &ret->processes);
        add_group_io(group, ret);
        ret->by_group = true;
}

/* ---- processes ---- */

static void add_process(const ContainerProcess *process, void *argument)
{
        ContainerStats *stats = argument;
        uint64_t kibibytes = 0, bytes = 0, tick = TICK_NANOSECONDS / (uint64_t)sysconf(_SC_CLK_TCK);

        stats->processes++;
        stats->cpu += (process->ticks + process->reaped) * tick;
        /* What is shared counts for each by its part; where that is not told, all that is resident. */
        if (read_key(process->folder, "smaps_rollup", "Pss:", &kibibytes) ||
            read_key(process->folder, "status", "VmRSS:", &kibibytes))
                stats->memory += kibibytes * PAGE_KIBIBYTE;
        if (read_key(process->folder, "io", "read_bytes: ", &bytes))
                stats->read += bytes;
        if (read_key(process->folder, "io", "write_bytes: ", &bytes))
                stats->written += bytes;
}

/* ---- together ---- */

int container_stats(Engine *engine, const StoreContainer *row, ContainerStats *ret, Error *err)
{
        _cleanup_close_ int group = -EBADF;
        struct timespec now;
        struct sysinfo host;
        int r = 0;

        *ret = (ContainerStats){0};
        clock_gettime(CLOCK_MONOTONIC, &now);
        ret->time = (uint64_t)now.tv_sec * TICK_NANOSECONDS + (uint64_t)now.tv_nsec;
        if (!text_equal(row->status, "running"))
                return 0;
        if (sysinfo(&host) == 0)
                ret->memory_limit = (uint64_t)host.totalram * host.mem_unit;
        group = open_group(row);
        if (group >= 0)
                ask_group(group, ret);
        else
                r = container_each_process(row, add_process, ret, err);
        if (r == -ESRCH) {
                error_clear(err); /* it has just ended */
                return 0;
        }
        ret->running = r >= 0;
        /* none: it is on no network of kelp's */
        (void)network_counters(engine, row->id, NULL, &ret->network, NULL);
        return r < 0 ? r : 0;
}

double container_stats_cpu(const ContainerStats *before, const ContainerStats *now)
{
        /* What a process of another's has reaped may be missed for a moment. */
        if (now->time <= before->time || now->cpu <= before->cpu)
                return 0;
        return (double)(now->cpu - before->cpu) / (double)(now->time - before->time) * 100;
}

static int take(StoreContainerList *list, StoreContainer *row, Error *err)
{
        StoreContainer *items = reallocarray(list->items, list->count + 1, sizeof(*items));

        if (!items)
                return fail_memory(err);
        list->items = items;
        items[list->count++] = *row;
        *row = (StoreContainer){0};
        return 0;
}

static int find_named(Engine *engine, char **names, size_t count, StoreContainerList *ret, Error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++) {
                _cleanup_store_container_ StoreContainer row = {0};

                r = container_find(engine, names[i], &row, err);
                if (r >= 0)
                        r = take(ret, &row, err);
        }
        return r < 0 ? r : 0;
}

int container_stats_find(Engine *engine, char **names, size_t count, bool all, StoreContainerList *ret,
                         Error *err)
{
        _cleanup_store_containers_ StoreContainerList list = {0};
        Store *store;
        int r;

        r = network_revive(engine, err);
        if (r >= 0 && count)
                return find_named(engine, names, count, ret, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_list(store, &list, err);
        for (size_t i = 0; r >= 0 && i < list.count; i++) {
                int gone = container_refresh(engine, &list.items[i], err);

                r = gone < 0 ? gone : 0;
                if (gone == 0 && (all || text_equal(list.items[i].status, "running")))
                        r = take(ret, &list.items[i], err);
        }
        return r < 0 ? r : 0;
}
