/* Any bytes as a tar archive, given in pieces of a size that the first byte chooses; what is read can be
 * written and read again. */
#include "spec/tar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What kelp writes for an entry that it has read is the same entry to its own reader. */
static void check_again(const TarEntry *entry)
{
        _cleanup_tar_reader_ TarReader *reader = tar_reader_new();
        _cleanup_buffer_ Buffer text = {0};
        const uint8_t *next;
        size_t length;
        TarItem item = {0};
        Error err = ERROR_INIT;

        if (!reader || tar_header_format(entry, &text, &err) < 0)
                return;
        next = (const uint8_t *)text.data;
        length = text.length;
        if (tar_reader_next(reader, &next, &length, &item, &err) != TAR_ENTRY)
                abort();
        if (item.entry.type != entry->type || strcmp(item.entry.path, entry->path) != 0 ||
            strcmp(item.entry.link, entry->link) != 0 || item.entry.size != entry->size ||
            item.entry.uid != entry->uid || item.entry.gid != entry->gid || item.entry.mode != entry->mode ||
            item.entry.attribute_count != entry->attribute_count)
                abort();
}

static int read_piece(TarReader *reader, const uint8_t *data, size_t length, int64_t *left)
{
        TarItem item = {0};
        Error err = ERROR_INIT;
        int event;

        while ((event = tar_reader_next(reader, &data, &length, &item, &err)) > 0) {
                if (event == TAR_ENTRY) {
                        if (strlen(item.entry.path) >= TAR_PATH_MAXIMUM ||
                            strlen(item.entry.link) >= TAR_PATH_MAXIMUM || item.entry.size < 0 ||
                            (item.entry.mode & ~07777U))
                                abort();
                        *left = item.entry.size;
                        check_again(&item.entry);
                } else if (event == TAR_CONTENT) {
                        *left -= (int64_t)item.content_length;
                } else if (event == TAR_ENTRY_END && *left != 0) {
                        abort();
                }
        }
        if (event < 0 && !err.code)
                abort();
        return event;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_tar_reader_ TarReader *reader = tar_reader_new();
        int64_t left = 0;
        size_t piece;

        if (!reader || size == 0)
                return 0;
        piece = *data ? (size_t)*data * 7 : size;
        data++, size--;
        while (size) {
                size_t length = size < piece ? size : piece;

                if (read_piece(reader, data, length, &left) < 0)
                        return 0;
                data += length, size -= length;
        }
        (void)tar_reader_finish(reader, NULL);
        return 0;
}
