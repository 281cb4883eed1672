/* Users and groups of a container: the USER string, /etc/passwd and /etc/group as text (hostile input). Pure.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { USER_GROUPS_MAXIMUM = 128 };

typedef struct ContainerUser {
        uint32_t uid;
        uint32_t gid;
        uint32_t groups[USER_GROUPS_MAXIMUM]; /* supplementary, without gid */
        size_t group_count;
        char home[512]; /* "/" when no passwd entry says otherwise, as Docker */
        char name[64];  /* "" without an entry */
} ContainerUser;

/* Resolves "", "user", "uid", "user:group", "uid:gid" as Docker does, with the texts of /etc/passwd and
 * /etc/group (NULL: the file is absent) and extra groups (--group-add; names or numbers). A bare numeric uid
 * that no passwd names gets gid 0 and no groups; numeric ids are limited to 2^31-1. A name that is missing:
 * ERROR_NOT_FOUND, "unable to find user NAME: no matching entries in passwd file". Allocates nothing (usable
 * after clone). */
int user_resolve(const char *user, const char *passwd, const char *group, char *const *extra_groups,
                 size_t extra_count, ContainerUser *ret, Error *err);
