/*
 * System call filters (seccomp(2)): a policy compiled to classic BPF.
 *
 * The program refuses other ABIs of the machine (ia32, x32) and numbers newer than this build knows with
 * ENOSYS, so that programs fall back as on an older kernel; finds the call by a binary search over ranges;
 * and then compares arguments. Arguments that the kernel takes as 32 bits are compared as 32 bits: what is
 * above would let AF_VSOCK | 1 << 32 pass for another family.
 */
#pragma once

#include "base/error.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum SeccompCompare {
        SECCOMP_COMPARE_NE,
        SECCOMP_COMPARE_LT,
        SECCOMP_COMPARE_LE,
        SECCOMP_COMPARE_EQ,
        SECCOMP_COMPARE_GE,
        SECCOMP_COMPARE_GT,
        SECCOMP_COMPARE_MASKED, /* (argument & mask) == value */
} SeccompCompare;

typedef struct SeccompCondition {
        unsigned argument; /* 0 … 5 */
        SeccompCompare compare;
        uint64_t value, mask;
} SeccompCondition;

enum { SECCOMP_CONDITIONS_MAXIMUM = 6 };

/* For one call: when all conditions hold, @action (a SECCOMP_RET_… with its data). The first entry that holds
 * wins; entries with conditions come before the one without. */
typedef struct SeccompEntry {
        int call; /* __NR_… */
        uint32_t action;
        size_t condition_count;
        SeccompCondition conditions[SECCOMP_CONDITIONS_MAXIMUM];
} SeccompEntry;

typedef struct SeccompPolicy {
        uint32_t default_action;
        SeccompEntry *entries;
        size_t count, capacity;
} SeccompPolicy;

void seccomp_policy_deinit(SeccompPolicy *policy);
/* Appends a copy. 0 or -ENOMEM. */
int seccomp_policy_add(SeccompPolicy *policy, const SeccompEntry *entry);
/* The number of a call, -1 when this machine has no such. */
int seccomp_call_number(const char *name);

/* kelp's own policy for containers: everything of ordinary programs, as Docker's default allows it, without
 * io_uring, kernel keyrings, AF_ALG and AF_VSOCK, new user namespaces; @capabilities (bits) adds what they
 * are for. */
int seccomp_policy_default(uint64_t capabilities, SeccompPolicy *ret, Error *err);

/* Compiles; *ret->filter is the caller's to free. */
int seccomp_compile(const SeccompPolicy *policy, struct sock_fprog *ret, Error *err);
/* Installs it for the calling thread and its children. Needs no_new_privs or CAP_SYS_ADMIN in its user
 * namespace. With SECCOMP_FILTER_FLAG_NEW_LISTENER the descriptor of
 * its notifications is returned. */
int seccomp_install(const struct sock_fprog *program, unsigned flags, Error *err);
