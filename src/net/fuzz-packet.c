/* Packets of containers: parsed and answered in every way. */
#include "net/packet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t answer[PACKET_ERROR_MAXIMUM], copy[65536];
        Packet packet;

        if (size > sizeof(copy) || packet_parse(data, size, &packet) < 0)
                return 0;
        if (packet.length > size || packet.payload > packet.length || packet.transport > packet.payload)
                __builtin_trap();
        memcpy(copy, data, size);
        if (packet.protocol == IPPROTO_TCP || packet.protocol == IPPROTO_UDP)
                packet_set_checksum(&packet, copy);
        if (packet.protocol == IPPROTO_TCP && packet_build_reset(&packet, answer) > sizeof(answer))
                __builtin_trap();
        for (int reason = 0; reason <= PACKET_TOO_BIG; reason++) {
                PacketError error = packet_error(packet.source.family, (PacketUnreachable)reason);
                Packet built;
                size_t length = packet_build_error(&packet, &error, NULL, answer);

                if (length > sizeof(answer) || packet_parse(answer, length, &built) < 0)
                        __builtin_trap();
        }
        return 0;
}
