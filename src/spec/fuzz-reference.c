/* Any text: what parses, prints to something that parses to the same. */
#include "spec/reference.h"

#include "base/cleanup.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = strndup((const char *)data, size);
        ImageReference first, second;
        char full[REFERENCE_TEXT_SIZE], familiar[REFERENCE_TEXT_SIZE], again[REFERENCE_TEXT_SIZE];
        Error err = ERROR_INIT;

        if (!text || reference_parse(text, &first, &err) < 0)
                return 0;
        reference_format(&first, full);
        reference_format_familiar(&first, familiar);
        if (reference_parse(full, &second, &err) < 0)
                abort();
        reference_format(&second, again);
        if (strcmp(full, again) != 0)
                abort();
        if (reference_parse(familiar, &second, &err) < 0)
                abort();
        reference_format(&second, again);
        if (strcmp(full, again) != 0)
                abort();
        return 0;
}
