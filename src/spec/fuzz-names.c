/* Any text as each of the short names that come from outside: a platform, a digest, a signal, a capability.
 */
#include "base/cleanup.h"
#include "spec/capabilities.h"
#include "spec/digest.h"
#include "spec/image.h"
#include "spec/signals.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = malloc(size + 1);
        Platform platform;
        Digest digest;
        Error err = ERROR_INIT;
        unsigned capability;
        char name[32];
        int signal;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = 0;
        (void)platform_parse(text, &platform, &err);
        if (digest_parse(text, &digest, &err) >= 0 && strcmp(digest.text, text) != 0)
                abort();
        if (signal_parse(text, &signal, &err) >= 0 && !signal_name(signal, name, sizeof(name)))
                abort();
        if (capability_parse(text, &capability, &err) >= 0 && !capability_name(capability))
                abort();
        return 0;
}
