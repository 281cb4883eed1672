#include "spec/image.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

static const struct {
        const char *name, *normal, *variant;
} ALIASES[] = {
        {"x86_64", "amd64", NULL},  {"x86-64", "amd64", NULL},
        {"i386", "386", NULL},      {"i486", "386", NULL},
        {"i586", "386", NULL},      {"i686", "386", NULL},
        {"aarch64", "arm64", NULL}, {"armhf", "arm", "v7"},
        {"armel", "arm", "v6"},     {"armv5l", "arm", "v5"},
        {"armv6l", "arm", "v6"},    {"armv7l", "arm", "v7"},
        {"armv8l", "arm", "v8"},    {"loongarch64", "loong64", NULL},
};

static const char *const ARCHITECTURES[] = {
        "386",    "amd64",    "arm",   "arm64",   "loong64", "mips",  "mips64",
        "mipsle", "mips64le", "ppc64", "ppc64le", "riscv64", "s390x", "wasm",
};

static const char *const SYSTEMS[] = {"linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "wasip1"};

static bool listed(const char *const *list, size_t count, const char *text)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(list[i], text) == 0)
                        return true;
        return false;
}

static void lower(char *text)
{
        for (; *text; text++)
                if (*text >= 'A' && *text <= 'Z')
                        *text = (char)(*text - 'A' + 'a');
}

void platform_normalize(Platform *platform)
{
        lower(platform->os);
        lower(platform->architecture);
        lower(platform->variant);
        if (strcmp(platform->os, "macos") == 0)
                snprintf(platform->os, sizeof(platform->os), "darwin");
        for (size_t i = 0; i < ELEMENTSOF(ALIASES); i++) {
                if (strcmp(platform->architecture, ALIASES[i].name) != 0)
                        continue;
                snprintf(platform->architecture, sizeof(platform->architecture), "%s", ALIASES[i].normal);
                if (ALIASES[i].variant && !platform->variant[0])
                        snprintf(platform->variant, sizeof(platform->variant), "%s", ALIASES[i].variant);
        }
        /* "7" is written for "v7". */
        if (platform->variant[0] >= '0' && platform->variant[0] <= '9' && !platform->variant[1]) {
                platform->variant[1] = platform->variant[0];
                platform->variant[0] = 'v';
                platform->variant[2] = '\0';
        }
        if (strcmp(platform->architecture, "arm") == 0 && !platform->variant[0])
                snprintf(platform->variant, sizeof(platform->variant), "v7");
        else if (strcmp(platform->architecture, "arm64") == 0 && !platform->variant[0])
                snprintf(platform->variant, sizeof(platform->variant), "v8");
        else if (strcmp(platform->architecture, "amd64") == 0 && strcmp(platform->variant, "v1") == 0)
                platform->variant[0] = '\0';
}

void platform_host(Platform *ret)
{
        struct utsname name;

        *ret = (Platform){.os = "linux"};
        if (uname(&name) == 0)
                snprintf(ret->architecture, sizeof(ret->architecture), "%.31s", name.machine);
        platform_normalize(ret);
        /* A 64-bit ARM machine runs 32-bit programs under the name armv8l. */
        if (strcmp(ret->architecture, "arm") == 0 && strcmp(ret->variant, "v8") == 0)
                snprintf(ret->variant, sizeof(ret->variant), "v7");
}

/* One part of a platform into a field; false when it does not fit or is no name. */
static bool take_part(const char *text, size_t length, char *ret, size_t size)
{
        if (length == 0 || length >= size)
                return false;
        for (size_t i = 0; i < length; i++) {
                char c = text[i];

                if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
                    c != '_' && c != '.' && c != '-')
                        return false;
        }
        memcpy(ret, text, length);
        ret[length] = '\0';
        return true;
}

static int bad_platform(Error *err, const char *text)
{
        fail_kind(err, ERROR_USAGE, EINVAL, "'%.128s' is not a platform", text);
        fail_hint(err,
                  "a platform is written OS/ARCHITECTURE[/VARIANT], as in linux/amd64 or linux/arm64/v8");
        return -EINVAL;
}

/* "linux" or "amd64" alone: which of both it is, and the other from the machine. */
static int parse_single(const char *text, Platform *platform, Error *err)
{
        char part[sizeof(platform->os)];
        Platform host;

        platform_host(&host);
        if (!take_part(text, strlen(text), part, sizeof(part)))
                return bad_platform(err, text);
        snprintf(platform->os, sizeof(platform->os), "%s", part);
        platform_normalize(platform);
        if (listed(SYSTEMS, ELEMENTSOF(SYSTEMS), platform->os)) {
                snprintf(platform->architecture, sizeof(platform->architecture), "%s", host.architecture);
                snprintf(platform->variant, sizeof(platform->variant), "%s", host.variant);
                return 0;
        }
        *platform = host;
        platform->variant[0] = '\0';
        snprintf(platform->architecture, sizeof(platform->architecture), "%s", part);
        platform_normalize(platform);
        if (!listed(ARCHITECTURES, ELEMENTSOF(ARCHITECTURES), platform->architecture))
                return bad_platform(err, text);
        return 0;
}

int platform_parse(const char *text, Platform *ret, Error *err)
{
        Platform platform = {0};
        const char *architecture = strchr(text, '/'), *variant;
        int r;

        if (!architecture) {
                r = parse_single(text, &platform, err);
                if (r < 0)
                        return r;
        } else {
                size_t length;

                architecture++;
                length = strcspn(architecture, "/");
                variant = architecture[length] ? architecture + length + 1 : NULL;
                if (!take_part(text, (size_t)(architecture - text - 1), platform.os, sizeof(platform.os)) ||
                    !take_part(architecture, length, platform.architecture, sizeof(platform.architecture)) ||
                    (variant &&
                     !take_part(variant, strlen(variant), platform.variant, sizeof(platform.variant))))
                        return bad_platform(err, text);
                platform_normalize(&platform);
        }
        *ret = platform;
        return 0;
}

void platform_format(const Platform *platform, char *buffer, size_t size)
{
        snprintf(buffer, size, "%s/%s%s%s", platform->os, platform->architecture,
                 platform->variant[0] ? "/" : "", platform->variant);
}

/* "v7" → 7, "" → 1, anything else → -1. */
static int variant_level(const char *variant)
{
        if (!variant[0])
                return 1;
        if (variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9' && !variant[2])
                return variant[1] - '0';
        return -1;
}

int platform_distance(const Platform *wanted, const Platform *offered)
{
        int have = variant_level(wanted->variant), need = variant_level(offered->variant);

        if (strcmp(wanted->os, offered->os) != 0)
                return -1;
        if (strcmp(wanted->architecture, offered->architecture) == 0) {
                if (strcmp(wanted->variant, offered->variant) == 0)
                        return 0;
                return have < 0 || need < 0 || need > have ? -1 : have - need;
        }
        if (strcmp(wanted->architecture, "amd64") == 0 && strcmp(offered->architecture, "386") == 0)
                return 20;
        if (strcmp(wanted->architecture, "arm64") == 0 && strcmp(offered->architecture, "arm") == 0)
                return need < 0 || need > 8 ? -1 : 20 + 8 - need;
        return -1;
}
