#include "oci/processes.h"

#include "base/cleanup.h"
#include "sys/process.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void process_list_deinit(ProcessList *list)
{
        free(list->pids);
        *list = (ProcessList){0};
}

static int list_add(ProcessList *list, pid_t pid)
{
        pid_t *pids = reallocarray(list->pids, list->count + 1, sizeof(*pids));

        if (!pids)
                return -ENOMEM;
        list->pids = pids;
        pids[list->count++] = pid;
        return 0;
}

/* Inode of a process's pid namespace; 0 when it may not be looked at. */
static ino_t pid_namespace(const char *pid)
{
        char path[64];
        struct stat status;

        snprintf(path, sizeof(path), "/proc/%.20s/ns/pid", pid);
        return stat(path, &status) < 0 ? 0 : status.st_ino;
}

static bool descends(pid_t pid, pid_t ancestor)
{
        for (int depth = 0; pid > 1 && depth < 4096; depth++, pid = process_parent(pid))
                if (pid == ancestor)
                        return true;
        return false;
}

/* What tells a container's processes from others. */
typedef struct Membership {
        pid_t init;
        ino_t namespace; /* 0: the container has no pid namespace of its own, its processes descend from the
                            init */
} Membership;

static Membership membership(const OciContainer *container)
{
        Membership ret = {.init = container->pid};
        char init[16];

        snprintf(init, sizeof(init), "%d", container->pid);
        ret.namespace = pid_namespace(init);
        if (ret.namespace == pid_namespace("self"))
                ret.namespace = 0;
        return ret;
}

static bool belongs(const Membership *membership, const char *name, pid_t pid)
{
        return membership->namespace ? pid_namespace(name) == membership->namespace
                                     : descends(pid, membership->init);
}

int processes_list(const OciContainer *container, ProcessList *ret, Error *err)
{
        _cleanup_process_list_ ProcessList list = {0};
        _cleanup_closedir_ DIR *proc = NULL;
        struct dirent *entry;
        Membership members;

        *ret = (ProcessList){0};
        if (container->pidfd < 0)
                return 0;
        members = membership(container);
        proc = opendir("/proc");
        if (!proc)
                return fail_errno(err, errno, "/proc");
        while ((entry = readdir(proc))) {
                uint64_t pid;

                if (text_to_u64(entry->d_name, INT32_MAX, &pid) < 0 ||
                    !belongs(&members, entry->d_name, (pid_t)pid))
                        continue;
                if (list_add(&list, (pid_t)pid) < 0)
                        return fail_memory(err);
        }
        *ret = list;
        list = (ProcessList){0};
        return 0;
}

int processes_signal(const OciContainer *container, int signal, Error *err)
{
        _cleanup_process_list_ ProcessList list = {0};
        Membership members = membership(container);
        int r = processes_list(container, &list, err);

        if (r < 0)
                return r;
        if (!list.count)
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "container not running: %s is not running",
                                 container->id);
        for (size_t i = 0; i < list.count; i++) {
                char name[16];
                _cleanup_close_ int pidfd = process_open(list.pids[i], 0);

                /* The number may be another's meanwhile: looked at again when it is held. */
                snprintf(name, sizeof(name), "%d", list.pids[i]);
                if (pidfd >= 0 && belongs(&members, name, list.pids[i]))
                        process_signal(pidfd, signal);
        }
        return 0;
}
