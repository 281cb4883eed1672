#include "base/file.h"
#include "unpack/program.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

enum { INPUT_SIZE = 256 << 10, OUTPUT_SIZE = 512 << 10, WINDOW_LOG_MAXIMUM = 25 };

typedef enum StreamKind { STREAM_PLAIN, STREAM_GZIP, STREAM_ZSTD } StreamKind;

struct Stream {
        int fd;
        StreamKind kind;
        bool end;             /* of the input */
        bool inside;          /* a compressed member has begun and not ended */
        size_t start, length; /* unread part of input */
        struct inflate_state gzip;
        ZSTD_DStream *zstd;
        uint8_t input[INPUT_SIZE];
        uint8_t output[OUTPUT_SIZE];
};

static int fill(Stream *stream, Error *err)
{
        ssize_t length;

        if (stream->length || stream->end)
                return 0;
        do
                length = read(stream->fd, stream->input, INPUT_SIZE);
        while (length < 0 && errno == EINTR);
        if (length < 0)
                return fail_errno(err, errno, "read the layer");
        stream->start = 0;
        stream->length = (size_t)length;
        stream->end = length == 0;
        return 0;
}

/* A frame, or one that is to be skipped (RFC 8878, 3.1.2), which may come first. */
static bool is_zstd(const uint8_t start[static 4])
{
        return memcmp(start, "\x28\xb5\x2f\xfd", 4) == 0 ||
               ((start[0] & 0xf0) == 0x50 && memcmp(start + 1, "\x2a\x4d\x18", 3) == 0);
}

/* Known to tar, but not to images. */
static int refuse_others(const uint8_t *start, size_t length, Error *err)
{
        static const struct {
                const char *magic, *name;
        } others[] = {{"\xfd"
                       "7zX",
                       "xz"},
                      {"BZh", "bzip2"}};

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (length >= strlen(others[i].magic) &&
                    memcmp(start, others[i].magic, strlen(others[i].magic)) == 0) {
                        fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP,
                                  "it is compressed with %s, kelp knows gzip and zstd", others[i].name);
                        return fail_hint(err, "decompress it first: %s -d", others[i].name);
                }
        return 0;
}

int stream_open(int fd, Stream **ret, Error *err)
{
        Stream *stream = calloc(1, sizeof(*stream));
        ssize_t length;

        if (!stream)
                return fail_memory(err);
        stream->fd = fd;
        /* A few bytes tell what it is; a tar never begins like this, the first field being a name or zeros.
         */
        length = file_read_full(fd, stream->input, 4);
        if (length < 0) {
                free(stream);
                return fail_errno(err, (int)-length, "read the layer");
        }
        stream->length = (size_t)length;
        if (refuse_others(stream->input, stream->length, err) < 0) {
                free(stream);
                return -ENOTSUP;
        }
        if (length >= 2 && stream->input[0] == 0x1f && stream->input[1] == 0x8b)
                stream->kind = STREAM_GZIP;
        else if (length == 4 && is_zstd(stream->input))
                stream->kind = STREAM_ZSTD;
        if (stream->kind == STREAM_ZSTD) {
                stream->zstd = ZSTD_createDStream();
                if (!stream->zstd) {
                        free(stream);
                        return fail_memory(err);
                }
                ZSTD_DCtx_setParameter(stream->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAXIMUM);
        }
        *ret = stream;
        return 0;
}

Stream *stream_close(Stream *stream)
{
        if (stream)
                ZSTD_freeDStream(stream->zstd);
        free(stream);
        return NULL;
}

static int truncated(Error *err)
{
        return fail_kind(err, ERROR_CORRUPT, EBADMSG, "the compressed data is truncated");
}

/* One step of inflate; the number of bytes made. A file of several gzip members is their joined content (RFC
 * 1952, 2.2). */
static ssize_t step_gzip(Stream *stream, Error *err)
{
        struct inflate_state *state = &stream->gzip;
        int result;

        if (!stream->inside) {
                isal_inflate_init(state);
                state->crc_flag = ISAL_GZIP;
                stream->inside = true;
        }
        state->next_in = stream->input + stream->start;
        state->avail_in = (uint32_t)stream->length;
        state->next_out = stream->output;
        state->avail_out = OUTPUT_SIZE;
        result = isal_inflate(state);
        if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT)
                return fail_kind(err, ERROR_CORRUPT, EBADMSG, "the gzip data is damaged (error %d)", result);
        stream->start += stream->length - state->avail_in;
        stream->length = state->avail_in;
        if (state->block_state == ISAL_BLOCK_FINISH)
                stream->inside = false;
        return OUTPUT_SIZE - state->avail_out;
}

static ssize_t step_zstd(Stream *stream, Error *err)
{
        ZSTD_inBuffer in = {stream->input + stream->start, stream->length, 0};
        ZSTD_outBuffer out = {stream->output, OUTPUT_SIZE, 0};
        size_t result = ZSTD_decompressStream(stream->zstd, &out, &in);

        if (ZSTD_isError(result))
                return fail_kind(err, ERROR_CORRUPT, EBADMSG, "the zstd data is damaged: %s",
                                 ZSTD_getErrorName(result));
        stream->start += in.pos;
        stream->length -= in.pos;
        stream->inside = result != 0;
        return (ssize_t)out.pos;
}

int stream_read(Stream *stream, const uint8_t **ret_data, size_t *ret_length, Error *err)
{
        for (;;) {
                ssize_t made;
                int r;

                r = fill(stream, err);
                if (r < 0)
                        return r;
                if (stream->kind == STREAM_PLAIN) {
                        *ret_data = stream->input + stream->start;
                        *ret_length = stream->length;
                        stream->length = 0;
                        return *ret_length > 0;
                }
                if (!stream->length && stream->end && !stream->inside)
                        return 0;
                made = stream->kind == STREAM_GZIP ? step_gzip(stream, err) : step_zstd(stream, err);
                if (made < 0)
                        return (int)made;
                if (made > 0) {
                        *ret_data = stream->output;
                        *ret_length = (size_t)made;
                        return 1;
                }
                if (!stream->length && stream->end)
                        return stream->inside ? truncated(err) : 0;
        }
}
