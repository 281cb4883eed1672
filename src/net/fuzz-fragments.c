/* Fragments of containers, several after each other: the input is records of a length (two bytes) and a
 * packet. */
#include "net/fragments.h"
#include "net/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Fragments fragments = {0};
        uint64_t now = 1;

        while (size >= 2) {
                size_t length = (size_t)data[0] << 8 | data[1], got = 0;
                uint8_t *datagram = NULL;
                Packet packet;

                data += 2;
                size -= 2;
                if (length > size)
                        length = size;
                if (fragments_take(&fragments, data, length, now++, &datagram, &got) > 0) {
                        if (got > FRAGMENTS_PACKET_MAXIMUM)
                                __builtin_trap();
                        (void)packet_parse(datagram, got, &packet);
                }
                data += length;
                size -= length;
        }
        fragments_sweep(&fragments, now + 2 * FRAGMENTS_MILLISECONDS);
        fragments_deinit(&fragments);
        return 0;
}
