#include "spec/digest.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

static const char ALGORITHM[] = "sha256:";

enum { ALGORITHM_LENGTH = sizeof(ALGORITHM) - 1, HEX_LENGTH = 2 * SHA256_DIGEST_SIZE };

static_assert(ALGORITHM_LENGTH + HEX_LENGTH < DIGEST_SIZE, "a digest in text form fits");

/* "sha512:…" and the like: well-formed, but not what kelp can check. */
static bool other_algorithm(const char *text)
{
        size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+._-");

        return length > 0 && text[length] == ':' && !text_after(text, ALGORITHM);
}

int digest_parse(const char *text, Digest *ret, Error *err)
{
        const char *hex;
        size_t digits;

        if (text_empty(text))
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "a digest is missing");
        if (other_algorithm(text))
                return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                 "digest '%.128s': the algorithm %.*s is not supported, only sha256 is", text,
                                 (int)strcspn(text, ":"), text);
        hex = text_after(text, ALGORITHM);
        if (!hex)
                return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                 "'%.128s' is not a digest (sha256: and %d hex digits)", text, HEX_LENGTH);
        digits = strspn(hex, "0123456789abcdef");
        if (hex[digits])
                return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                 "digest '%.128s': only lower-case hex digits may follow 'sha256:'", text);
        if (digits != HEX_LENGTH)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "digest '%.128s': %zu hex digits instead of %d",
                                 text, digits, HEX_LENGTH);
        *ret = (Digest){0};
        memcpy(ret->text, text, ALGORITHM_LENGTH + HEX_LENGTH);
        return 0;
}

const char *digest_hex(const Digest *digest)
{
        return digest_is_set(digest) ? digest->text + ALGORITHM_LENGTH : "";
}

bool digest_equal(const Digest *a, const Digest *b)
{
        return strcmp(a->text, b->text) == 0;
}

bool digest_is_set(const Digest *digest)
{
        return digest->text[0] != '\0';
}

/* Nettle picks its SHA-NI code at run time (Debian's is a fat build): 1.6 GB/s, as fast as libcrypto, and a
 * hundred times smaller to link. */
void digest_stream_init(DigestStream *stream)
{
        sha256_init(&stream->context);
}

void digest_stream_update(DigestStream *stream, const void *data, size_t length)
{
        if (length)
                sha256_update(&stream->context, length, data);
}

void digest_stream_finish(DigestStream *stream, Digest *ret)
{
        uint8_t binary[SHA256_DIGEST_SIZE];

        sha256_digest(&stream->context, sizeof(binary), binary);
        *ret = (Digest){0};
        memcpy(ret->text, ALGORITHM, ALGORITHM_LENGTH);
        text_hex(binary, sizeof(binary), ret->text + ALGORITHM_LENGTH);
}

void digest_of(const void *data, size_t length, Digest *ret)
{
        DigestStream stream;

        digest_stream_init(&stream);
        digest_stream_update(&stream, data, length);
        digest_stream_finish(&stream, ret);
}
