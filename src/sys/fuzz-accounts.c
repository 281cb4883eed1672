/* Any bytes as passwd and as subuid. */
#include "sys/account.h"
/* for a static function */
#include "sys/userns-plan.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        enum { CAPACITY = 4 };
        _cleanup_free_ char *text = malloc(size + 1), *copy = NULL;
        _cleanup_account_ Account account = {0};
        IdRange ranges[CAPACITY] = {0};
        size_t count;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = 0;
        copy = strdup(text);
        if (!copy)
                return 0;
        if (account_parse(text, 1000, &account) >= 0 && (!account.name || !account.home))
                abort();
        count = subids_parse(copy, "user", 1000, ranges, CAPACITY);
        for (size_t i = 0; i < count; i++)
                if (ranges[i].count == 0 || ranges[i].outside + ranges[i].count < ranges[i].outside)
                        abort();
        return 0;
}
