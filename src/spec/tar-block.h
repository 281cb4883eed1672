/* The header block of a tar archive (POSIX.1-2008, pax, "ustar Interchange Format"); shared by reader and
 * writer. */
#pragma once

#include <stdint.h>

typedef struct TarBlock {
        char name[100];
        char mode[8];
        char uid[8];
        char gid[8];
        char size[12];
        char mtime[12];
        char checksum[8];
        char type;
        char link[100];
        char magic[6];
        char version[2];
        char user[32];
        char group[32];
        char device_major[8];
        char device_minor[8];
        char prefix[155];
        char padding[12]; /* star puts "tar" at its end, and ends its prefix after 131 bytes */
} TarBlock;

_Static_assert(sizeof(TarBlock) == 512, "a tar header is one block");

/* The sum of the block's bytes with blanks for the checksum itself: of unsigned bytes, and of signed ones as
 * some old programs did. */
static inline void tar_block_checksum(const TarBlock *block, uint32_t *ret_unsigned, int32_t *ret_signed)
{
        const unsigned char *bytes = (const unsigned char *)block;
        const unsigned char *from = (const unsigned char *)block->checksum;
        uint32_t positive = 0;
        int32_t mixed = 0;

        for (const unsigned char *p = bytes; p < bytes + sizeof(*block); p++) {
                unsigned char c = p >= from && p < from + sizeof(block->checksum) ? ' ' : *p;

                positive += c;
                mixed += (signed char)c;
        }
        *ret_unsigned = positive;
        *ret_signed = mixed;
}
