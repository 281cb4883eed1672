/*
 * Reading tar archives, as a state machine that is fed with bytes.
 *
 *   header ─┬─► x (pax), L, K (long name, link): collect the content in memory, parse it, back to header
 *           ├─► g (global pax): skip; Docker ignores it too
 *           ├─► an entry: ENTRY, CONTENT…, ENTRY_END, padding, back to header
 *           └─► zeros: a second block of zeros ends the archive, what follows is padding
 *
 * Where formats contradict each other this follows Go's archive/tar, because images are made and checked with
 * it: a GNU long name wins over a pax path; a pax header counts for the next entry only and replaces an
 * earlier one; links, folders and devices have no content whatever their size says.
 */
#include "spec/tar.h"

#include "spec/tar-block.h"

typedef enum ReaderState {
        READ_HEADER,
        READ_META,
        READ_CONTENT,
        READ_ENTRY_END,
        READ_SKIP,
        READ_END
} ReaderState;

struct TarReader {
        ReaderState state;
        union {
                TarBlock header;
                uint8_t bytes[TAR_BLOCK_SIZE];
        } block;
        size_t block_used;
        uint64_t left;   /* bytes of content still to come */
        uint64_t skip;   /* bytes to pass over then */
        bool zero_block; /* the last block was zeros */
        bool meta_seen;  /* a header for an entry that has not come yet */
        char meta_type;  /* x, L, K while in READ_META */
        Buffer meta;     /* what is being collected */
        Buffer pax;      /* the records; keys and values point into it */
        char long_path[TAR_PATH_MAXIMUM];
        char long_link[TAR_PATH_MAXIMUM];
        char path[TAR_PATH_MAXIMUM];
        char link[TAR_PATH_MAXIMUM];
        TarEntry entry;
        TarAttribute attributes[TAR_ATTRIBUTES_MAXIMUM];
};

TarReader *tar_reader_new(void)
{
        return calloc(1, sizeof(TarReader));
}

TarReader *tar_reader_free(TarReader *reader)
{
        if (reader) {
                buffer_deinit(&reader->meta);
                buffer_deinit(&reader->pax);
                free(reader);
        }
        return NULL;
}

static int corrupt(Error *err, const char *path, const char *what)
{
        _cleanup_free_ char *shown = text_printable(path ?: "");

        if (text_empty(path))
                return fail_kind(err, ERROR_CORRUPT, EBADMSG, "damaged tar header: %s", what);
        return fail_kind(err, ERROR_CORRUPT, EBADMSG, "damaged tar header of '%.300s': %s",
                         shown ? shown : "?", what);
}

/* Octal with blanks or NULs around it, or base-256 (first byte 0x80, 0xff for negative). */
static int read_number(const char *field, size_t size, int64_t *ret)
{
        const unsigned char *p = (const unsigned char *)field;
        const unsigned char *end = p + size;
        uint64_t value = 0;

        if (*p & 0x80) {
                bool negative = *p & 0x40;

                value = negative ? ~(uint64_t)0 : 0;
                for (size_t i = 0; i < size; i++) {
                        unsigned char c = i == 0 ? (negative ? p[0] : p[0] & 0x7f) : p[i];

                        /* The byte that is shifted out may only repeat the sign. */
                        if ((value >> 56) != (negative ? 0xffU : 0))
                                return -ERANGE;
                        value = value << 8 | c;
                }
                if (!!(value >> 63) != negative)
                        return -ERANGE;
                *ret = (int64_t)value;
                return 0;
        }
        while (p < end && (*p == ' ' || *p == '\0'))
                p++;
        for (; p < end && *p >= '0' && *p <= '7'; p++) {
                if (value >> 59)
                        return -ERANGE;
                value = value << 3 | (uint64_t)(*p - '0');
        }
        while (p < end && (*p == ' ' || *p == '\0'))
                p++;
        if (p != end)
                return -EINVAL;
        *ret = (int64_t)value;
        return 0;
}

static int read_id(const char *field, size_t size, uint32_t *ret)
{
        int64_t value = 0;

        if (read_number(field, size, &value) < 0 || value < 0 || value >= UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)value;
        return 0;
}

/* "12345.678": seconds with any number of decimals, perhaps negative. */
static int read_time(const char *text, int64_t *ret_seconds, uint32_t *ret_nanoseconds)
{
        bool negative = *text == '-';
        int64_t seconds = 0;
        uint32_t nanoseconds = 0;

        text += negative;
        if (*text < '0' || *text > '9')
                return -EINVAL;
        for (; *text >= '0' && *text <= '9'; text++) {
                if (seconds > INT64_MAX / 100)
                        return -ERANGE;
                seconds = seconds * 10 + (*text - '0');
        }
        if (*text == '.') {
                uint32_t unit = 100000000;

                for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
                        nanoseconds += (uint32_t)(*text - '0') * unit;
        }
        if (*text)
                return -EINVAL;
        if (negative) {
                seconds = -seconds;
                if (nanoseconds) {
                        seconds--;
                        nanoseconds = 1000000000U - nanoseconds;
                }
        }
        *ret_seconds = seconds;
        *ret_nanoseconds = nanoseconds;
        return 0;
}

/* A path out of a pax record: no NUL inside, not too long. */
static int take_text(char *target, const char *value, size_t length)
{
        if (length >= TAR_PATH_MAXIMUM || memchr(value, '\0', length))
                return -EINVAL;
        memcpy(target, value, length);
        target[length] = '\0';
        return 0;
}

/* Applies one pax record; @value is NUL-terminated behind @length. */
static int apply_record(TarReader *reader, const char *key, const char *value, size_t length, Error *err)
{
        TarEntry *entry = &reader->entry;
        const char *attribute = text_after(key, "SCHILY.xattr.");
        uint64_t number;
        int r = 0;

        if (attribute) {
                if (!*attribute || reader->entry.attribute_count == TAR_ATTRIBUTES_MAXIMUM)
                        return corrupt(err, reader->path, "too many or nameless extended attributes");
                reader->attributes[reader->entry.attribute_count++] =
                        (TarAttribute){.name = attribute, .value = value, .length = length};
                return 0;
        }
        if (text_after(key, "GNU.sparse."))
                return fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP,
                                 "tar entry '%.300s' is a sparse file, which images must not hold",
                                 reader->path);
        if (length == 0)
                return 0; /* an empty value takes the header's */
        if (text_equal(key, "path"))
                r = take_text(reader->path, value, length);
        else if (text_equal(key, "linkpath"))
                r = take_text(reader->link, value, length);
        else if (text_equal(key, "size")) {
                r = text_to_u64(value, INT64_MAX - TAR_BLOCK_SIZE, &number);
                if (r == 0)
                        entry->size = (int64_t)number;
        } else if (text_equal(key, "uid") || text_equal(key, "gid")) {
                r = text_to_u64(value, UINT32_MAX - 1, &number);
                if (r == 0)
                        *(key[0] == 'u' ? &entry->uid : &entry->gid) = (uint32_t)number;
        } else if (text_equal(key, "mtime"))
                r = read_time(value, &entry->mtime, &entry->mtime_nanoseconds);
        if (r < 0) {
                _cleanup_free_ char *shown = text_printable(key);

                return fail_kind(err, ERROR_CORRUPT, EBADMSG, "damaged tar header: bad pax record '%.100s'",
                                 shown ? shown : "?");
        }
        return 0;
}

/* Walks the records "LENGTH KEY=VALUE\n", ending keys and values with NULs in place. */
static int apply_pax(TarReader *reader, Error *err)
{
        char *p = reader->pax.data;
        char *end = p ? p + reader->pax.length : NULL;

        while (p < end) {
                size_t length = 0;
                char *key = p, *equals, *last;
                int r;

                while (key < end && *key >= '0' && *key <= '9' && length <= TAR_PAX_MAXIMUM)
                        length = length * 10 + (size_t)(*key++ - '0');
                if (key == p || key == end || *key != ' ' || length > (size_t)(end - p))
                        return corrupt(err, reader->path, "bad length of a pax record");
                key++;
                last = p + length - 1;
                if (last < key || *last != '\n')
                        return corrupt(err, reader->path, "unterminated pax record");
                equals = memchr(key, '=', (size_t)(last - key));
                if (!equals || equals == key || memchr(key, '\0', (size_t)(equals - key)))
                        return corrupt(err, reader->path, "a pax record without a key");
                *equals = *last = '\0';
                r = apply_record(reader, key, equals + 1, (size_t)(last - equals - 1), err);
                if (r < 0)
                        return r;
                p = last + 1;
        }
        return 0;
}

static bool is_zero(const uint8_t block[static TAR_BLOCK_SIZE])
{
        for (size_t i = 0; i < TAR_BLOCK_SIZE; i++)
                if (block[i])
                        return false;
        return true;
}

static void header_path(const TarBlock *header, char *ret)
{
        size_t prefix = 0, name = strnlen(header->name, sizeof(header->name));

        /* GNU's magic is "ustar  ": its prefix field holds times. */
        if (memcmp(header->magic, "ustar", 6) == 0) {
                prefix = strnlen(header->prefix, sizeof(header->prefix));
                if (memcmp(header->padding + 8, "tar", 4) == 0)
                        prefix = strnlen(header->prefix, 131);
        }
        memcpy(ret, header->prefix, prefix);
        if (prefix > 0)
                ret[prefix++] = '/';
        memcpy(ret + prefix, header->name, name);
        ret[prefix + name] = '\0';
}

static int entry_type(TarReader *reader, char flag, Error *err)
{
        size_t length = strlen(reader->path);

        switch (flag) {
        case '\0': /* v7 has no folders of their own: a final slash marks them */
                reader->entry.type = length > 0 && reader->path[length - 1] == '/' ? TAR_FOLDER : TAR_FILE;
                return 0;
        case '0':
        case '7':
                reader->entry.type = TAR_FILE;
                return 0;
        case '1':
                reader->entry.type = TAR_HARD_LINK;
                return 0;
        case '2':
                reader->entry.type = TAR_SYMLINK;
                return 0;
        case '3':
                reader->entry.type = TAR_CHARACTER_DEVICE;
                return 0;
        case '4':
                reader->entry.type = TAR_BLOCK_DEVICE;
                return 0;
        case '5':
                reader->entry.type = TAR_FOLDER;
                return 0;
        case '6':
                reader->entry.type = TAR_FIFO;
                return 0;
        default: {
                _cleanup_free_ char *shown = text_printable(reader->path);

                return fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP,
                                 "tar entry '%.300s' has the unsupported type 0x%02x%s", shown ? shown : "?",
                                 (unsigned char)flag, flag == 'S' ? " (sparse file)" : "");
        }
        }
}

/* The block of an entry: joins it with what the headers before it said. */
static int begin_entry(TarReader *reader, int64_t size, Error *err)
{
        const TarBlock *header = &reader->block.header;
        TarEntry *entry = &reader->entry;
        int64_t mode = 0;
        int r;

        *entry = (TarEntry){.path = reader->path, .link = reader->link, .attributes = reader->attributes};
        header_path(header, reader->path);
        memcpy(reader->link, header->link, sizeof(header->link));
        reader->link[strnlen(header->link, sizeof(header->link))] = '\0';
        if (read_number(header->mode, sizeof(header->mode), &mode) < 0)
                return corrupt(err, reader->path, "bad mode");
        entry->mode = (uint32_t)mode & 07777;
        entry->size = size;
        if (read_number(header->mtime, sizeof(header->mtime), &entry->mtime) < 0)
                return corrupt(err, reader->path, "bad time");
        /* Ids that do not fit the field are in pax records; what then stands here does not count. */
        if (read_id(header->uid, sizeof(header->uid), &entry->uid) < 0 && reader->pax.length == 0)
                return corrupt(err, reader->path, "bad owner");
        if (read_id(header->gid, sizeof(header->gid), &entry->gid) < 0 && reader->pax.length == 0)
                return corrupt(err, reader->path, "bad group");
        r = apply_pax(reader, err);
        if (r < 0)
                return r;
        if (reader->long_path[0])
                memcpy(reader->path, reader->long_path, sizeof(reader->path));
        if (reader->long_link[0])
                memcpy(reader->link, reader->long_link, sizeof(reader->link));
        if (!reader->path[0])
                return corrupt(err, NULL, "an entry without a name");
        r = entry_type(reader, header->type, err);
        if (r < 0)
                return r;
        if ((entry->type == TAR_CHARACTER_DEVICE || entry->type == TAR_BLOCK_DEVICE) &&
            (read_id(header->device_major, sizeof(header->device_major), &entry->device_major) < 0 ||
             read_id(header->device_minor, sizeof(header->device_minor), &entry->device_minor) < 0))
                return corrupt(err, reader->path, "bad device number");
        if (entry->type != TAR_FILE)
                entry->size = 0;
        if (entry->type != TAR_HARD_LINK && entry->type != TAR_SYMLINK)
                reader->link[0] = '\0';
        reader->long_path[0] = reader->long_link[0] = '\0';
        reader->meta_seen = false;
        reader->left = (uint64_t)entry->size;
        reader->skip = tar_padding(entry->size);
        reader->state = READ_CONTENT;
        return TAR_ENTRY;
}

/* A whole block is there. A TarEvent (TAR_MORE: go on) or a negative errno. */
static int read_header(TarReader *reader, Error *err)
{
        const TarBlock *header = &reader->block.header;
        uint32_t sum;
        int32_t signed_sum;
        int64_t said, size;

        if (is_zero(reader->block.bytes)) {
                if (reader->meta_seen)
                        return corrupt(err, NULL, "a long name or pax header without an entry");
                if (reader->zero_block)
                        reader->state = READ_END;
                reader->zero_block = true;
                return TAR_MORE;
        }
        if (reader->zero_block)
                return corrupt(err, NULL, "a block of zeros between entries");
        tar_block_checksum(header, &sum, &signed_sum);
        if (read_number(header->checksum, sizeof(header->checksum), &said) < 0 ||
            (said != sum && said != signed_sum))
                return corrupt(err, NULL, "wrong checksum (not a tar archive?)");
        if (read_number(header->size, sizeof(header->size), &size) < 0 || size < 0 ||
            size > INT64_MAX - TAR_BLOCK_SIZE)
                return corrupt(err, NULL, "bad size");
        switch (header->type) {
        case 'x':
        case 'X':
        case 'L':
        case 'K':
                if (size > (header->type == 'L' || header->type == 'K' ? TAR_PATH_MAXIMUM : TAR_PAX_MAXIMUM))
                        return corrupt(err, NULL, "a long name or pax header is too large");
                reader->meta_type = header->type;
                reader->meta_seen = true;
                reader->meta.length = 0;
                reader->left = (uint64_t)size;
                reader->skip = tar_padding(size);
                reader->state = READ_META;
                return TAR_MORE;
        case 'g':
                if (size > TAR_PAX_MAXIMUM)
                        return corrupt(err, NULL, "a global pax header is too large");
                reader->left = 0;
                reader->skip = (uint64_t)size + tar_padding(size);
                reader->state = READ_SKIP;
                return TAR_MORE;
        default:
                /* The pax records of the header before serve this entry, and no other. */
                return begin_entry(reader, size, err);
        }
}

/* The content of a pax header or long name is complete. */
static int finish_meta(TarReader *reader, Error *err)
{
        buffer_append(&reader->meta, "", 0);
        if (reader->meta.failed)
                return fail_memory(err);
        if (reader->meta_type == 'L' || reader->meta_type == 'K') {
                char *target = reader->meta_type == 'L' ? reader->long_path : reader->long_link;
                size_t length = strnlen(reader->meta.data ? reader->meta.data : "", reader->meta.length);

                if (length >= TAR_PATH_MAXIMUM)
                        return corrupt(err, NULL, "a long name is too long");
                memcpy(target, reader->meta.data ? reader->meta.data : "", length);
                target[length] = '\0';
        } else {
                Buffer swap = reader->pax;

                reader->pax = reader->meta;
                reader->meta = swap;
        }
        reader->state = READ_SKIP;
        return 0;
}

static size_t take(const uint8_t **data, size_t *length, uint64_t wanted)
{
        size_t n = wanted < *length ? (size_t)wanted : *length;

        *data += n;
        *length -= n;
        return n;
}

int tar_reader_next(TarReader *reader, const uint8_t **data, size_t *length, TarItem *ret, Error *err)
{
        for (;;) {
                const uint8_t *from = *data;
                size_t n;
                int r;

                switch (reader->state) {
                case READ_HEADER:
                        n = take(data, length, TAR_BLOCK_SIZE - reader->block_used);
                        if (n == 0)
                                return TAR_MORE;
                        memcpy(reader->block.bytes + reader->block_used, from, n);
                        reader->block_used += n;
                        if (reader->block_used < TAR_BLOCK_SIZE)
                                return TAR_MORE;
                        reader->block_used = 0;
                        r = read_header(reader, err);
                        if (r < 0)
                                return r;
                        if (r == TAR_ENTRY) {
                                ret->entry = reader->entry;
                                return r;
                        }
                        break;
                case READ_META:
                        n = take(data, length, reader->left);
                        buffer_append(&reader->meta, from, n);
                        reader->left -= n;
                        if (reader->left > 0)
                                return TAR_MORE;
                        r = finish_meta(reader, err);
                        if (r < 0)
                                return r;
                        break;
                case READ_CONTENT:
                        if (reader->left == 0) {
                                reader->state = READ_ENTRY_END;
                                break;
                        }
                        n = take(data, length, reader->left);
                        if (n == 0)
                                return TAR_MORE;
                        reader->left -= n;
                        ret->content = from;
                        ret->content_length = n;
                        return TAR_CONTENT;
                case READ_ENTRY_END:
                        reader->pax.length = 0;
                        reader->state = READ_SKIP;
                        return TAR_ENTRY_END;
                case READ_SKIP:
                        reader->skip -= take(data, length, reader->skip);
                        if (reader->skip > 0)
                                return TAR_MORE;
                        reader->state = READ_HEADER;
                        break;
                case READ_END:
                        n = take(data, length, *length);
                        if (n == 0)
                                return TAR_MORE;
                        ret->content = from;
                        ret->content_length = n;
                        return TAR_PADDING;
                }
        }
}

int tar_reader_finish(const TarReader *reader, Error *err)
{
        bool between = reader->state == READ_HEADER && reader->block_used == 0 && !reader->meta_seen;
        _cleanup_free_ char *shown = NULL;

        if (between || reader->state == READ_END)
                return 0;
        /* An archive may end without the padding of its last entry: nothing is lost. */
        if (reader->state == READ_SKIP && !reader->meta_seen)
                return 0;
        if (reader->state != READ_CONTENT || !reader->entry.path)
                return fail_kind(err, ERROR_CORRUPT, EBADMSG, "truncated inside a tar header");
        shown = text_printable(reader->entry.path);
        return fail_kind(err, ERROR_CORRUPT, EBADMSG, "truncated inside '%.300s'", shown ? shown : "?");
}
