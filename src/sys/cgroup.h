/*
 * Control groups, version 2 (cgroups(7), Linux' Documentation/admin-guide/cgroup-v2.rst). On a machine that
 * has both versions the second one's tree has no controllers, but groups processes, freezes and kills them
 * all the same. A group is known by its folder.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where the tree is mounted; NULL: this machine has none. Static storage. *ret_mixed (may be NULL): the
 * controllers are with version 1. */
const char *cgroup_mount(bool *ret_mixed);
/* Our own group's path below that, beginning with a slash. New string. 0 or a negative errno. */
int cgroup_own(char **ret);
/* Makes the group @path (a folder below the mount) and its parents; with @controllers, those that the parents
 * have are given on to their children, where that can be done. *ret: its folder. 0 or a negative errno. */
int cgroup_make(const char *path, bool controllers, int *ret);
/* 1: it has the controller; 0: it has not; or a negative errno. */
int cgroup_has_controller(int cgroup, const char *name);
/* Kills all in it and below. 0 or a negative errno. */
int cgroup_kill(int cgroup);
/* Freezes or thaws all in it and below, and waits until that has happened. 0 or a negative errno. */
int cgroup_freeze(int cgroup, bool frozen);
/* 1: it is frozen. */
int cgroup_is_frozen(int cgroup);
/* Removes the group and those below, when nothing is in them any more; waits for what is being killed.
 * Missing is success. 0 or a negative errno. */
int cgroup_remove(const char *path);

/* A rule about device nodes; the last that matches counts. */
typedef struct CgroupDeviceRule {
        bool allow;
        char type;            /* 'a' (any), 'b', 'c' */
        int64_t major, minor; /* -1: any */
        unsigned access;      /* of CGROUP_DEVICE_… */
} CgroupDeviceRule;

enum { CGROUP_DEVICE_MKNOD = 1, CGROUP_DEVICE_READ = 2, CGROUP_DEVICE_WRITE = 4 };

/* Gives the group a BPF program by these rules (bpf(2)); without a rule that matches, access is refused.
 * Needs privileges on the host. 0 or a negative errno. */
int cgroup_limit_devices(int cgroup, const CgroupDeviceRule *rules, size_t count);
