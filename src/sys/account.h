/* Users of the host: what /etc/passwd says, and where it says nothing, what getent(1) says. The C library's
 * own lookup would load modules into this process (NSS), which a statically linked program cannot, and which
 * would cost each start of kelp more than reading one file. */
#pragma once

#include "base/cleanup.h"

#include <sys/types.h>

typedef struct Account {
        char *name;
        char *home; /* "" when none is given */
} Account;

void account_deinit(Account *account);
#define _cleanup_account_ _cleanup_(account_deinit)

/* 0; -ENOENT: nobody has this number; or another negative errno. */
int account_find(uid_t uid, Account *ret);

/* The line of passwd(5) in @text (which is taken apart) that belongs to @uid. 0, -ENOENT or -ENOMEM. */
int account_parse(char *text, uid_t uid, Account *ret);
