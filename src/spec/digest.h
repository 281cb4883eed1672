/* Content digests, "sha256:" and 64 hex digits (OCI image-spec, descriptor.md#digests), and streaming
 * SHA-256. */
#pragma once

#include "base/error.h"

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_SIZE = 72 };

/* A checked digest in text form; "" is none. Plain value: copy by assignment. */
typedef struct Digest {
        char text[DIGEST_SIZE];
} Digest;

typedef struct DigestStream {
        struct sha256_ctx context;
} DigestStream;

/* Checks and stores @text. Other algorithms than sha256 are refused with a clear error. */
int digest_parse(const char *text, Digest *ret, Error *err);
/* The 64 hex digits. */
const char *digest_hex(const Digest *digest);
bool digest_equal(const Digest *a, const Digest *b);
bool digest_is_set(const Digest *digest);

void digest_stream_init(DigestStream *stream);
void digest_stream_update(DigestStream *stream, const void *data, size_t length);
void digest_stream_finish(DigestStream *stream, Digest *ret);
void digest_of(const void *data, size_t length, Digest *ret);
