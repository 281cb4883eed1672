#include "sys/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITY_BITS = 64 };

int capabilities_bound(uint64_t keep)
{
        for (int number = 0; number < CAPABILITY_BITS; number++) {
                int code;

                if ((keep >> number & 1) || prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0)
                        continue;
                code = errno;
                if (code == EINVAL)
                        return 0; /* past the last that the kernel knows */
                if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) > 0)
                        return -code;
        }
        return 0;
}

static int set(const CapabilitySets *sets, uint64_t within)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];

        for (int i = 0; i < 2; i++)
                data[i] = (struct __user_cap_data_struct){
                        .effective = (uint32_t)((sets->effective & within) >> (32 * i)),
                        .permitted = (uint32_t)((sets->permitted & within) >> (32 * i)),
                        .inheritable = (uint32_t)((sets->inheritable & within) >> (32 * i)),
                };
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static uint64_t permitted(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {0};

        if (syscall(SYS_capget, &header, data) < 0)
                return 0;
        return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

int capabilities_apply(const CapabilitySets *sets)
{
        uint64_t within = UINT64_MAX;
        int r = set(sets, within);

        if (r == -EPERM) {
                within = permitted();
                r = set(sets, within);
        }
        if (r < 0)
                return r;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        for (int number = 0; number < CAPABILITY_BITS; number++)
                if ((sets->ambient & within) >> number & 1 &&
                    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0 && errno != EINVAL)
                        return -errno;
        return 0;
}
