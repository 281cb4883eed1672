#include "spec/capabilities.h"

#include "base/text.h"

#include <assert.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* By number: include/uapi/linux/capability.h. */
static const char *const NAMES[] = {
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETPCAP",
        "CAP_LINUX_IMMUTABLE",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN",
        "CAP_NET_RAW",
        "CAP_IPC_LOCK",
        "CAP_IPC_OWNER",
        "CAP_SYS_MODULE",
        "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE",
        "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT",
        "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME",
        "CAP_SYS_TTY_CONFIG",
        "CAP_MKNOD",
        "CAP_LEASE",
        "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP",
        "CAP_MAC_OVERRIDE",
        "CAP_MAC_ADMIN",
        "CAP_SYSLOG",
        "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ",
        "CAP_PERFMON",
        "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
};

static_assert(ELEMENTSOF(NAMES) == CAPABILITY_COUNT, "one name for each capability");

enum { PREFIX_LENGTH = 4 }; /* "CAP_" */

static const char *nearest_name(const char *name)
{
        const char *best = NULL;
        unsigned best_distance = 4; /* farther off is no help */
        char upper[64];
        size_t length = strlen(name);

        if (length >= sizeof(upper))
                return NULL;
        for (size_t i = 0; i <= length; i++)
                upper[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
        for (size_t i = 0; i < ELEMENTSOF(NAMES); i++) {
                unsigned distance = text_distance(upper, NAMES[i] + PREFIX_LENGTH);

                if (distance < best_distance) {
                        best_distance = distance;
                        best = NAMES[i];
                }
        }
        return best;
}

int capability_parse(const char *name, unsigned *ret, Error *err)
{
        const char *bare = name, *nearest;

        if (strncasecmp(bare, "CAP_", PREFIX_LENGTH) == 0)
                bare += PREFIX_LENGTH;
        for (unsigned i = 0; i < ELEMENTSOF(NAMES); i++) {
                if (strcasecmp(bare, NAMES[i] + PREFIX_LENGTH) == 0) {
                        *ret = i;
                        return 0;
                }
        }
        nearest = nearest_name(bare);
        if (nearest)
                return fail_kind(err, ERROR_USAGE, EINVAL, "unknown capability '%.64s' (did you mean %s?)",
                                 name, nearest);
        fail_kind(err, ERROR_USAGE, EINVAL, "unknown capability '%.64s'", name);
        fail_hint(err, "capabilities(7) lists the names; they are written NET_RAW or CAP_NET_RAW");
        return -EINVAL;
}

const char *capability_name(unsigned number)
{
        return number < ELEMENTSOF(NAMES) ? NAMES[number] : NULL;
}

uint64_t capability_default_set(void)
{
        static const unsigned members[] = {
                CAP_AUDIT_WRITE, CAP_CHOWN,   CAP_DAC_OVERRIDE,     CAP_FOWNER,     CAP_FSETID,
                CAP_KILL,        CAP_MKNOD,   CAP_NET_BIND_SERVICE, CAP_NET_RAW,    CAP_SETFCAP,
                CAP_SETGID,      CAP_SETPCAP, CAP_SETUID,           CAP_SYS_CHROOT,
        };
        uint64_t set = 0;

        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                set |= UINT64_C(1) << members[i];
        return set;
}

uint64_t capability_full_set(void)
{
        return (UINT64_C(1) << CAPABILITY_COUNT) - 1;
}
