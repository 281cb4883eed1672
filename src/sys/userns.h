/*
 * User namespaces: which ids a container gets, and the namespace that maps them.
 *
 * Three maps, best first: the user's subordinate ranges by newuidmap(1) and newgidmap(1); without them a map
 * of the one id that every user may map; for kelp started by root, a subordinate range of root's (written
 * directly), so that container root is never host root. Started by the root of a user namespace, as in a
 * container, there are the ids of that namespace, whose root is not the host's.
 */
#pragma once

#include "base/error.h"
#include "base/notice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { ID_MAP_MAXIMUM = 8 };

typedef struct IdRange {
        uint32_t inside, outside, count;
} IdRange;

typedef struct IdMap {
        IdRange ranges[ID_MAP_MAXIMUM];
        size_t count;
} IdMap;

typedef struct UserNamespaceMap {
        IdMap uids, gids;
        bool single;     /* only one id is mapped */
        bool privileged; /* written directly by root, without newuidmap */
} UserNamespaceMap;

/* The numbers under which the caller's own ids appear inside (--userns keep-id), where they otherwise are
 * root's. */
typedef struct UserNamespaceKeep {
        uint32_t uid, gid;
} UserNamespaceKeep;

/* Finds the map for the calling user. @keep may be NULL; it needs subordinate ids: ERROR_UNSUPPORTED.
 * @notices gets one line when fewer ids than usual are mapped. */
int userns_plan(const UserNamespaceKeep *keep, UserNamespaceMap *ret, NoticeList *notices, Error *err);

/* The host id that @inside stands for; -1 (UINT32_MAX) when it is not mapped. */
uint32_t id_map_to_host(const IdMap *map, uint32_t inside);
uint32_t id_map_to_container(const IdMap *map, uint32_t outside);

typedef struct UserNamespaceTasks UserNamespaceTasks;

/* A user namespace being made: its helper processes run while the caller does other things. */
typedef struct UserNamespace {
        pid_t holder;      /* the task that keeps it until userns_finish() */
        pid_t mappers[2];  /* newuidmap, newgidmap */
        int mapper_errors; /* what the mappers print */
        int fd;            /* the namespace, when finished */
        UserNamespaceTasks *tasks;
} UserNamespace;

#define USER_NAMESPACE_INIT {.mapper_errors = -EBADF, .fd = -EBADF}

/* Starts making it. Errors name what forbids it (sysctl, AppArmor, limits) and the fix. */
int userns_start(const UserNamespaceMap *map, UserNamespace *ret, Error *err);
/* Runs @function in a task of its own that was born in the namespace, shares our memory and descriptors, and
 * has all signals blocked; we wait until it has returned. Before userns_finish(), while @namespace->holder is
 * not 0; the maps need not be there yet, and the namespace is not left unfinished when anybody else gets into
 * it. */
int userns_call(UserNamespace *namespace, int (*function)(void *argument), void *argument, Error *err);
/* Waits for the maps; afterwards @namespace->fd can be given to setns(2). Harmless when done before. */
int userns_finish(UserNamespace *namespace, Error *err);
/* Ends helpers and closes; accepts an unstarted (USER_NAMESPACE_INIT) or finished one. */
void userns_deinit(UserNamespace *namespace);

/* setns(2) into @fd and become its root: uid and gid 0 there, no supplementary groups (where setgroups is
 * allowed). The calling process must have one thread. 0 or a negative errno. */
int userns_enter(int fd);
