#include "base/identity.h"

#include "base/text.h"

#include <sys/random.h>

int identity_make(char ret[static IDENTITY_SIZE])
{
        unsigned char bytes[32];

        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
                return -errno;
        text_hex(bytes, sizeof(bytes), ret);
        return 0;
}

void identity_make_name(char ret[static IDENTITY_NAME_SIZE])
{
        static const char *const adjectives[] = {
                "amber",  "brisk",  "calm",   "clear",  "coastal", "deep",  "drifting", "eager",
                "gentle", "golden", "green",  "hardy",  "hidden",  "keen",  "lively",   "lucid",
                "mellow", "misty",  "nimble", "placid", "quiet",   "rapid", "salty",    "serene",
                "silver", "smooth", "steady", "sunlit", "swaying", "tidal", "vivid",    "wandering",
        };
        static const char *const nouns[] = {
                "abalone", "anchor",  "barnacle", "beacon",   "coral",     "cormorant", "crab",    "current",
                "dolphin", "dulse",   "estuary",  "fjord",    "garibaldi", "gull",      "harbor",  "heron",
                "lagoon",  "limpet",  "lobster",  "mussel",   "nautilus",  "otter",     "pelican", "plankton",
                "reef",    "sardine", "seal",     "starfish", "tern",      "urchin",    "whelk",   "wrasse",
        };
        uint16_t random = 0;

        (void)!getrandom(&random, sizeof(random), 0);
        snprintf(ret, IDENTITY_NAME_SIZE, "%s_%s", adjectives[random % ELEMENTSOF(adjectives)],
                 nouns[(random / ELEMENTSOF(adjectives)) % ELEMENTSOF(nouns)]);
}
