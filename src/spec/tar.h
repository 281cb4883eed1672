/*
 * Tar archives: header blocks ↔ a structure. Pure: bytes come from and go to the caller, nothing is opened.
 *
 * Read: v7, ustar (POSIX.1-1988), pax (POSIX.1-2001), GNU long names and links, base-256 numbers, star's
 * prefix, as Docker's reader understands them. Sparse files and multi-volume archives are refused by name.
 * Written: ustar, with a pax header where a value does not fit.
 *
 *      while ((event = tar_reader_next(reader, &data, &length, &item, err)) > 0) { … }
 *      if (event == TAR_MORE) feed the next bytes; at the end of the bytes: tar_reader_finish()
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        TAR_BLOCK_SIZE = 512,
        TAR_END_SIZE = 1024,          /* two blocks of zeros end an archive */
        TAR_PAX_MAXIMUM = 1 << 20,    /* bytes in one pax header */
        TAR_PATH_MAXIMUM = 4096,      /* bytes in a path or link target, NUL included */
        TAR_ATTRIBUTES_MAXIMUM = 256, /* extended attributes of one entry */
};

typedef enum TarType {
        TAR_FILE,
        TAR_HARD_LINK,
        TAR_SYMLINK,
        TAR_CHARACTER_DEVICE,
        TAR_BLOCK_DEVICE,
        TAR_FOLDER,
        TAR_FIFO,
} TarType;

/* An extended attribute (pax records SCHILY.xattr.NAME). */
typedef struct TarAttribute {
        const char *name;
        const void *value;
        size_t length;
} TarAttribute;

typedef struct TarEntry {
        TarType type;
        const char *path; /* as the archive says: may be absolute, hold "..", end in slashes */
        const char *link; /* of links: the target, as the archive says; else "" */
        uint32_t mode;    /* permission bits, 07777 */
        uint32_t uid, gid;
        int64_t size;  /* bytes of content that follow; 0 unless TAR_FILE */
        int64_t mtime; /* seconds since 1970 */
        uint32_t mtime_nanoseconds;
        uint32_t device_major, device_minor;
        const TarAttribute *attributes;
        size_t attribute_count;
} TarEntry;

/* ---- reading ---- */

typedef struct TarReader TarReader;

/* What tar_reader_next() found. */
typedef enum TarEvent {
        TAR_MORE = 0,      /* all bytes are used: give more */
        TAR_ENTRY = 1,     /* item.entry; valid until the next TAR_ENTRY */
        TAR_CONTENT = 2,   /* item.content: a piece of the entry's content, a part of the caller's bytes */
        TAR_ENTRY_END = 3, /* the entry's content is complete; follows each TAR_ENTRY */
        TAR_PADDING = 4,   /* item.content: bytes behind the archive's end */
} TarEvent;

typedef struct TarItem {
        TarEntry entry;
        const void *content;
        size_t content_length;
} TarItem;

/* NULL without memory. */
TarReader *tar_reader_new(void);
TarReader *tar_reader_free(TarReader *reader);
DEFINE_CLEANUP(TarReader, tar_reader_free)
#define _cleanup_tar_reader_ _cleanup_(tar_reader_freep)

/* Takes bytes from *@data (advancing both) until there is something to tell. A TarEvent, or a negative errno
 * with ERROR_CORRUPT or ERROR_UNSUPPORTED that names the entry where it has a name; after an error only
 * tar_reader_free() is allowed. */
int tar_reader_next(TarReader *reader, const uint8_t **data, size_t *length, TarItem *ret, Error *err);

/* The bytes have ended: ERROR_CORRUPT when that is inside an entry. An archive without its two closing blocks
 * is accepted when it ends between entries, as other readers do. */
int tar_reader_finish(const TarReader *reader, Error *err);

/* ---- writing ---- */

/* Appends the header block(s) of @entry to @out: ustar, with a pax header before it for what does not fit
 * (long names, sizes of 8 GiB and more, big ids, fractions of seconds, attributes). The caller then writes
 * entry->size bytes of content and tar_padding(entry->size) zeros, and TAR_END_SIZE zeros behind the last
 * entry. -EINVAL for an empty or too long path, -ENOMEM. */
int tar_header_format(const TarEntry *entry, Buffer *out, Error *err);

/* How many zeros follow @size bytes of content. */
static inline size_t tar_padding(int64_t size)
{
        return (size_t)(-(uint64_t)size & (TAR_BLOCK_SIZE - 1));
}
