/* Four texts separated by NUL: USER, an extra group, the passwd file, the group file. */
#include "spec/users.h"

#include "base/cleanup.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        enum { TEXTS = 4 };
        _cleanup_free_ char *copy = malloc(size + TEXTS);
        char *texts[TEXTS], *next = copy;
        Error err = ERROR_INIT;
        ContainerUser user;

        if (!copy)
                return 0;
        memcpy(copy, data, size);
        memset(copy + size, 0, TEXTS);
        for (size_t i = 0; i < TEXTS; i++) {
                texts[i] = next;
                next += strlen(next) + 1;
        }
        if (user_resolve(texts[0], texts[2], texts[3], &texts[1], *texts[1] ? 1 : 0, &user, &err) < 0) {
                if (!err.code)
                        abort();
                return 0;
        }
        if (user.uid > INT32_MAX || user.gid > INT32_MAX || user.group_count > USER_GROUPS_MAXIMUM)
                abort();
        for (size_t i = 0; i < user.group_count; i++)
                if (user.groups[i] > INT32_MAX || user.groups[i] == user.gid)
                        abort();
        return 0;
}
