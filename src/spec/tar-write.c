/* Formatting tar headers. Every value that ustar cannot hold goes to a pax header in front of it; the ustar
 * block then carries a shortened value, which a reader without pax shows. */
#include "spec/tar.h"

#include "spec/tar-block.h"

#include <inttypes.h>

static void put_octal(char *field, size_t size, uint64_t value)
{
        /* size - 1 digits and a NUL; what does not fit becomes 0, its pax record has it. */
        if (size < 12 && value >> (3 * (size - 1)))
                value = 0;
        if (size == 12 && value >> 33)
                value = 0;
        field[size - 1] = '\0';
        for (size_t i = size - 1; i-- > 0; value >>= 3)
                field[i] = (char)('0' + (value & 7));
}

/* Copies what fits, without cutting a NUL in: a field may be full. */
static void put_text(char *field, size_t size, const char *text)
{
        memcpy(field, text, strnlen(text, size));
}

/* "LENGTH KEY=VALUE\n", LENGTH counting itself. */
static void put_record(Buffer *out, const char *key, const char *suffix, const void *value, size_t length)
{
        size_t body = strlen(key) + strlen(suffix) + length + 3;
        size_t total = body + 1;
        char digits[24];

        for (;;) {
                size_t next = body + (size_t)snprintf(digits, sizeof(digits), "%zu", total);

                if (next == total)
                        break;
                total = next;
        }
        buffer_printf(out, "%zu %s%s=", total, key, suffix);
        buffer_append(out, value, length);
        buffer_putc(out, '\n');
}

static void put_record_text(Buffer *out, const char *key, const char *value)
{
        put_record(out, key, "", value, strlen(value));
}

static void put_record_number(Buffer *out, const char *key, uint64_t value)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        put_record_text(out, key, text);
}

/* A time may be negative and have a fraction: -0.25 s is written "-0.25", not "-1.75". */
static void put_record_time(Buffer *out, int64_t seconds, uint32_t nanoseconds)
{
        bool negative = seconds < 0;
        uint64_t whole = negative ? (uint64_t)-(seconds + 1) + 1 : (uint64_t)seconds;
        char text[48];

        if (negative && nanoseconds) {
                whole--;
                nanoseconds = 1000000000U - nanoseconds;
        }
        if (nanoseconds)
                snprintf(text, sizeof(text), "%s%" PRIu64 ".%09u", negative ? "-" : "", whole, nanoseconds);
        else
                snprintf(text, sizeof(text), "%s%" PRIu64, negative ? "-" : "", whole);
        put_record_text(out, "mtime", text);
}

/* Splits a long path at a slash into ustar's prefix and name. False when there is no such place. */
static bool split_path(const char *path, TarBlock *block)
{
        size_t length = strlen(path);
        const char *slash;

        if (length <= sizeof(block->name)) {
                put_text(block->name, sizeof(block->name), path);
                return true;
        }
        if (length > sizeof(block->prefix) + 1 + sizeof(block->name))
                return false;
        /* The first slash that leaves a name short enough, with something behind it. */
        slash = strchr(path + length - sizeof(block->name) - 1, '/');
        if (!slash || slash == path || !slash[1] || (size_t)(slash - path) > sizeof(block->prefix))
                return false;
        put_text(block->prefix, sizeof(block->prefix), "");
        memcpy(block->prefix, path, (size_t)(slash - path));
        put_text(block->name, sizeof(block->name), slash + 1);
        return true;
}

static char type_flag(TarType type)
{
        static const char flags[] = {
                [TAR_FILE] = '0',         [TAR_HARD_LINK] = '1',
                [TAR_SYMLINK] = '2',      [TAR_CHARACTER_DEVICE] = '3',
                [TAR_BLOCK_DEVICE] = '4', [TAR_FOLDER] = '5',
                [TAR_FIFO] = '6',
        };

        return flags[type];
}

static void seal(TarBlock *block)
{
        uint32_t sum;
        int32_t ignored;

        memcpy(block->magic, "ustar", 6);
        memcpy(block->version, "00", 2);
        tar_block_checksum(block, &sum, &ignored);
        snprintf(block->checksum, sizeof(block->checksum), "%06o", sum & 0777777U);
        block->checksum[7] = ' ';
}

/* The pax header: a block of type x and its records, padded. */
static void put_pax(Buffer *out, const Buffer *records)
{
        static const char zeros[TAR_BLOCK_SIZE];
        TarBlock block = {};

        put_text(block.name, sizeof(block.name), "PaxHeaders/entry");
        put_octal(block.mode, sizeof(block.mode), 0644);
        put_octal(block.uid, sizeof(block.uid), 0);
        put_octal(block.gid, sizeof(block.gid), 0);
        put_octal(block.size, sizeof(block.size), records->length);
        put_octal(block.mtime, sizeof(block.mtime), 0);
        block.type = 'x';
        seal(&block);
        buffer_append(out, &block, sizeof(block));
        buffer_append(out, records->data, records->length);
        buffer_append(out, zeros, tar_padding((int64_t)records->length));
}

int tar_header_format(const TarEntry *entry, Buffer *out, Error *err)
{
        _cleanup_buffer_ Buffer records = {};
        TarBlock block = {};
        size_t link_length = entry->link ? strlen(entry->link) : 0;

        if (text_empty(entry->path) || strlen(entry->path) >= TAR_PATH_MAXIMUM ||
            link_length >= TAR_PATH_MAXIMUM)
                return fail_kind(err, ERROR_USAGE, EINVAL, "tar: a path must have 1 to %d bytes",
                                 TAR_PATH_MAXIMUM - 1);
        if (!split_path(entry->path, &block)) {
                put_text(block.name, sizeof(block.name), entry->path);
                put_record_text(&records, "path", entry->path);
        }
        if (link_length > 0) {
                put_text(block.link, sizeof(block.link), entry->link);
                if (link_length > sizeof(block.link))
                        put_record_text(&records, "linkpath", entry->link);
        }
        if (entry->size >> 33)
                put_record_number(&records, "size", (uint64_t)entry->size);
        if (entry->uid > 07777777)
                put_record_number(&records, "uid", entry->uid);
        if (entry->gid > 07777777)
                put_record_number(&records, "gid", entry->gid);
        if (entry->mtime < 0 || entry->mtime >> 33 || entry->mtime_nanoseconds)
                put_record_time(&records, entry->mtime, entry->mtime_nanoseconds);
        for (size_t i = 0; i < entry->attribute_count; i++)
                put_record(&records, "SCHILY.xattr.", entry->attributes[i].name, entry->attributes[i].value,
                           entry->attributes[i].length);
        if (records.length > 0)
                put_pax(out, &records);

        put_octal(block.mode, sizeof(block.mode), entry->mode & 07777);
        put_octal(block.uid, sizeof(block.uid), entry->uid);
        put_octal(block.gid, sizeof(block.gid), entry->gid);
        put_octal(block.size, sizeof(block.size), (uint64_t)entry->size);
        put_octal(block.mtime, sizeof(block.mtime), entry->mtime < 0 ? 0 : (uint64_t)entry->mtime);
        put_octal(block.device_major, sizeof(block.device_major), entry->device_major);
        put_octal(block.device_minor, sizeof(block.device_minor), entry->device_minor);
        block.type = type_flag(entry->type);
        seal(&block);
        buffer_append(out, &block, sizeof(block));
        return records.failed || out->failed ? fail_memory(err) : 0;
}
