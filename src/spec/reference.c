/*
 * Image references.
 *
 * Two steps, as Docker does them: normalisation decides what of "a/b:c" is a domain and adds what is
 * left out (docker.io, library/, latest); then each part is checked against the grammar of the distribution
 * project's reference documentation:
 *
 *   reference      = [domain "/"] component {"/" component} [":" tag] ["@" digest]
 *   domain         = (label {"." label} | "[" IPv6 "]") [":" port]
 *   component      = lower-alphanumeric run { ("." | "_" | "__" | "-"...) lower-alphanumeric run }
 *   tag            = (letter | digit | "_") up to 127 x (letter | digit | "_" | "." | "-")
 *
 * The first part is a domain when it holds a "." or ":", is "localhost", or has an upper-case letter (which
 * no component may have).
 */
#include "spec/reference.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define LOWER    "abcdefghijklmnopqrstuvwxyz"
#define UPPER    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS   "0123456789"
#define LETTERS  LOWER UPPER
#define HEX_SIZE 64

static const char DEFAULT_DOMAIN[] = "docker.io";
static const char OFFICIAL_FOLDER[] = "library/";

enum {
        NAME_MAXIMUM = 255, /* domain and path together */
        TAG_MAXIMUM = 128,
        INPUT_MAXIMUM = 511,
};

static int invalid(Error *err, const char *text, const char *rule)
{
        return fail_kind(err, ERROR_USAGE, EINVAL, "invalid reference format: '%.256s': %s", text, rule);
}

static bool is_one_of(char c, const char *set)
{
        return c && strchr(set, c);
}

static void lower_copy(const char *text, char *buffer, size_t size)
{
        size_t i;

        for (i = 0; text[i] && i + 1 < size; i++)
                buffer[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
        buffer[i] = '\0';
}

/* NULL, or the rule that @domain breaks. */
static const char *check_domain(const char *domain)
{
        const char *p = domain;

        if (*p == '[') {
                size_t length = strspn(p + 1, DIGITS "abcdefABCDEF:");

                if (length == 0 || p[length + 1] != ']')
                        return "between [ and ] of a registry's address an IPv6 address is expected";
                p += length + 2;
        } else {
                for (;;) {
                        size_t length = strspn(p, LETTERS DIGITS "-");

                        if (length == 0 || p[0] == '-' || p[length - 1] == '-')
                                return "a registry's host name is made of letters, digits and inner hyphens, "
                                       "joined by dots";
                        p += length;
                        if (*p != '.')
                                break;
                        p++;
                }
        }
        if (*p == ':') {
                size_t length = strspn(p + 1, DIGITS);

                if (length == 0 || length > 5)
                        return "a registry's port is a number of up to five digits";
                p += 1 + length;
        }
        return *p ? "a registry's host name is made of letters, digits and inner hyphens, joined by dots"
                  : NULL;
}

/* NULL, or the rule that @path breaks. */
static const char *check_path(const char *path)
{
        const char *p = path;

        for (;;) {
                size_t length = strspn(p, LOWER DIGITS);

                if (length == 0)
                        return *p == '/' || !*p
                                       ? "a part of the name is empty"
                                       : "each part of a name begins with a lower-case letter or a digit";
                p += length;
                if (!*p)
                        return NULL;
                if (*p == '/') {
                        p++;
                        continue;
                }
                if (*p == '-')
                        p += strspn(p, "-");
                else if (p[0] == '_' && p[1] == '_')
                        p += 2;
                else if (*p == '_' || *p == '.')
                        p++;
                else
                        return "a name is made of lower-case letters, digits and single separators . _ __ - "
                               "between them";
                if (!is_one_of(*p, LOWER DIGITS))
                        return "a separator (. _ __ -) in a name stands between letters or digits";
        }
}

/* NULL, or the rule that @tag breaks. */
static const char *check_tag(const char *tag)
{
        size_t length = strlen(tag);

        if (length == 0)
                return "the tag behind ':' is empty";
        if (length > TAG_MAXIMUM)
                return "a tag has at most 128 characters";
        if (!is_one_of(tag[0], LETTERS DIGITS "_"))
                return "a tag begins with a letter, a digit or _";
        if (strspn(tag, LETTERS DIGITS "_.-") != length)
                return "a tag is made of letters, digits, _ . and -";
        return NULL;
}

static bool is_image_id(const char *text)
{
        return strlen(text) == HEX_SIZE && strspn(text, DIGITS "abcdef") == HEX_SIZE;
}

/* Shapes that people paste and that no rule of the grammar explains well. */
static int check_shape(const char *text, Error *err)
{
        const char *scheme = strstr(text, "://");

        if (text_empty(text))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "invalid reference format: the image name is empty");
        if (strlen(text) > INPUT_MAXIMUM)
                return invalid(err, text, "too long");
        if (scheme) {
                invalid(err, text, "an image is named without a scheme");
                fail_hint(err, "write %.256s", scheme + 3);
                return -EINVAL;
        }
        if (is_image_id(text))
                return invalid(err, text, "64 hex digits are an image id, not a name");
        return 0;
}

/* Where the path starts in @name: behind the domain, or at its beginning when there is none. */
static const char *split_domain(const char *name)
{
        const char *slash = strchr(name, '/');
        size_t length;

        if (!slash)
                return name;
        length = (size_t)(slash - name);
        if (strcspn(name, ".:" UPPER) < length || (length == 9 && memcmp(name, "localhost", 9) == 0))
                return slash + 1;
        return name;
}

/* Takes "@digest" and ":tag" off the end of @name. */
static int take_suffixes(char *name, const char *text, ImageReference *ret, Error *err)
{
        char *at = strchr(name, '@'), *colon, *slash;
        const char *broken;
        int r;

        if (at) {
                *at = '\0';
                r = digest_parse(at + 1, &ret->digest, err);
                if (r < 0) {
                        if (err)
                                err->kind = ERROR_USAGE;
                        return fail_wrap(err, r, "invalid reference format: '%.256s'", text);
                }
        }
        slash = strrchr(name, '/');
        colon = strchr(slash ? slash : name, ':');
        if (colon) {
                *colon = '\0';
                broken = check_tag(colon + 1);
                if (broken)
                        return invalid(err, text, broken);
                snprintf(ret->tag, sizeof(ret->tag), "%s", colon + 1);
        } else if (!at) {
                snprintf(ret->tag, sizeof(ret->tag), "latest");
        }
        return 0;
}

static int check_parts(const ImageReference *reference, const char *text, Error *err)
{
        const char *broken = check_domain(reference->domain);

        if (broken)
                return invalid(err, text, broken);
        if (strpbrk(reference->path, UPPER)) {
                char lower[sizeof(reference->path)];

                lower_copy(reference->path, lower, sizeof(lower));
                fail_kind(err, ERROR_USAGE, EINVAL,
                          "invalid reference format: repository name (%.256s) must be lowercase",
                          reference->path);
                if (!check_path(lower)) {
                        ImageReference corrected = *reference;
                        char familiar[REFERENCE_TEXT_SIZE];

                        memcpy(corrected.path, lower, sizeof(lower));
                        reference_format_familiar(&corrected, familiar);
                        fail_hint(err, "write %.400s", familiar);
                }
                return -EINVAL;
        }
        broken = check_path(reference->path);
        if (broken)
                return invalid(err, text, broken);
        if (strlen(reference->domain) + 1 + strlen(reference->path) > NAME_MAXIMUM)
                return invalid(err, text, "the name has more than 255 characters");
        return 0;
}

int reference_parse(const char *text, ImageReference *ret, Error *err)
{
        ImageReference reference = {0};
        char name[INPUT_MAXIMUM + 1];
        const char *path;
        int r;

        r = check_shape(text, err);
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "%s", text);
        r = take_suffixes(name, text, &reference, err);
        if (r < 0)
                return r;
        path = split_domain(name);
        if (strlen(name) > NAME_MAXIMUM)
                return invalid(err, text, "the name has more than 255 characters");
        if (path == name)
                snprintf(reference.domain, sizeof(reference.domain), "%s", DEFAULT_DOMAIN);
        else
                snprintf(reference.domain, sizeof(reference.domain), "%.*s", (int)(path - name - 1), name);
        if (text_equal(reference.domain, "index.docker.io"))
                snprintf(reference.domain, sizeof(reference.domain), "%s", DEFAULT_DOMAIN);
        snprintf(reference.path, sizeof(reference.path), "%s%.256s",
                 text_equal(reference.domain, DEFAULT_DOMAIN) && !strchr(path, '/') ? OFFICIAL_FOLDER : "",
                 path);
        r = check_parts(&reference, text, err);
        if (r < 0)
                return r;
        *ret = reference;
        return 0;
}

static void append_suffixes(const ImageReference *reference, char *text)
{
        size_t length = strlen(text);

        snprintf(text + length, REFERENCE_TEXT_SIZE - length, "%s%s%s%s", reference->tag[0] ? ":" : "",
                 reference->tag, digest_is_set(&reference->digest) ? "@" : "", reference->digest.text);
}

void reference_format(const ImageReference *reference, char ret[static REFERENCE_TEXT_SIZE])
{
        snprintf(ret, REFERENCE_TEXT_SIZE, "%s/%s", reference->domain, reference->path);
        append_suffixes(reference, ret);
}

/* "library/busybox" → "busybox", where that is read as the same again: not for library/a/b, which is not a/b.
 */
static const char *without_library(const char *path)
{
        const char *rest = text_after(path, OFFICIAL_FOLDER);

        return !rest || strchr(rest, '/') || is_image_id(rest) ? path : rest;
}

void reference_format_name(const ImageReference *reference, char ret[static REFERENCE_TEXT_SIZE])
{
        const char *path = reference->path;

        /* Without its domain, docker.io/my.site/a would be one of the registry my.site. */
        if (!text_equal(reference->domain, DEFAULT_DOMAIN) || split_domain(path) != path)
                snprintf(ret, REFERENCE_TEXT_SIZE, "%s/%s", reference->domain, path);
        else
                snprintf(ret, REFERENCE_TEXT_SIZE, "%s", without_library(path));
}

void reference_format_familiar(const ImageReference *reference, char ret[static REFERENCE_TEXT_SIZE])
{
        reference_format_name(reference, ret);
        append_suffixes(reference, ret);
}
