#include "net/address.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

bool net_address_equal(const NetAddress *a, const NetAddress *b)
{
        return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int net_address_parse(const char *text, NetAddress *ret)
{
        NetAddress address = {.family = AF_INET};

        if (inet_pton(AF_INET, text, address.bytes) != 1) {
                address = (NetAddress){.family = AF_INET6};
                if (inet_pton(AF_INET6, text, address.bytes) != 1)
                        return -EINVAL;
        }
        *ret = address;
        return 0;
}

void net_address_format(const NetAddress *address, char ret[static NET_ADDRESS_TEXT_SIZE])
{
        if (!net_address_set(address) ||
            !inet_ntop(address->family, address->bytes, ret, NET_ADDRESS_TEXT_SIZE))
                *ret = 0;
}

NetAddress net_address_v4(uint32_t host_order)
{
        NetAddress address = {.family = AF_INET};
        uint32_t network_order = htonl(host_order);

        memcpy(address.bytes, &network_order, sizeof(network_order));
        return address;
}

NetAddress net_address_add(const NetAddress *address, uint64_t offset)
{
        NetAddress sum = *address;

        for (size_t i = net_address_length(address); i-- > 0 && offset;) {
                offset += sum.bytes[i];
                sum.bytes[i] = (uint8_t)offset;
                offset >>= 8;
        }
        return sum;
}

NetAddress net_address_unmap(const NetAddress *address)
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        NetAddress plain = {.family = AF_INET};

        if (address->family != AF_INET6 || memcmp(address->bytes, mapped, sizeof(mapped)) != 0)
                return *address;
        memcpy(plain.bytes, address->bytes + 12, 4);
        return plain;
}

bool net_address_is_loopback(const NetAddress *address)
{
        static const uint8_t one[16] = {[15] = 1};

        return address->family == AF_INET ? address->bytes[0] == 127
                                          : memcmp(address->bytes, one, sizeof(one)) == 0;
}

int net_prefix_parse(const char *text, NetPrefix *ret)
{
        const char *slash = strchr(text, '/');
        char address[NET_ADDRESS_TEXT_SIZE];
        NetPrefix prefix = {0};
        uint64_t length;

        if (!slash || (size_t)(slash - text) >= sizeof(address))
                return -EINVAL;
        memcpy(address, text, (size_t)(slash - text));
        address[slash - text] = 0;
        if (net_address_parse(address, &prefix.address) < 0 ||
            text_to_u64(slash + 1, 8 * net_address_length(&prefix.address), &length) < 0)
                return -EINVAL;
        prefix.length = (unsigned)length;
        *ret = prefix;
        return 0;
}

void net_prefix_format(const NetPrefix *prefix, char ret[static NET_ADDRESS_TEXT_SIZE])
{
        size_t used;

        net_address_format(&prefix->address, ret);
        used = strlen(ret);
        if (used)
                snprintf(ret + used, NET_ADDRESS_TEXT_SIZE - used, "/%u", prefix->length);
}

NetPrefix net_prefix_mask(const NetPrefix *prefix)
{
        NetPrefix masked = *prefix;

        for (size_t i = 0; i < sizeof(masked.address.bytes); i++) {
                unsigned start = (unsigned)i * 8;

                if (start >= prefix->length)
                        masked.address.bytes[i] = 0;
                else if (start + 8 > prefix->length)
                        masked.address.bytes[i] &= (uint8_t)(0xff << (start + 8 - prefix->length));
        }
        return masked;
}

bool net_prefix_contains(const NetPrefix *prefix, const NetAddress *address)
{
        NetPrefix wanted = net_prefix_mask(prefix), given = {*address, prefix->length};

        given = net_prefix_mask(&given);
        return net_address_equal(&wanted.address, &given.address);
}

bool net_prefix_overlaps(const NetPrefix *a, const NetPrefix *b)
{
        return a->length < b->length ? net_prefix_contains(a, &b->address)
                                     : net_prefix_contains(b, &a->address);
}

uint64_t net_prefix_size(const NetPrefix *prefix)
{
        unsigned bits = (unsigned)(8 * net_address_length(&prefix->address)) - prefix->length;

        return bits >= 64 ? UINT64_MAX : 1ULL << bits;
}

socklen_t net_socket_address(const NetAddress *address, int family, uint16_t port, NetSocketAddress *ret)
{
        memset(ret, 0, sizeof(*ret));
        if (net_address_set(address))
                family = address->family;
        if (family == AF_INET) {
                ret->v4.sin_family = AF_INET;
                ret->v4.sin_port = htons(port);
                memcpy(&ret->v4.sin_addr, address->bytes, 4);
                return sizeof(ret->v4);
        }
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons(port);
        memcpy(&ret->v6.sin6_addr, address->bytes, 16);
        return sizeof(ret->v6);
}

void net_socket_address_split(const NetSocketAddress *from, NetAddress *ret_address, uint16_t *ret_port)
{
        NetAddress address = {.family = from->generic.sa_family};

        if (address.family == AF_INET) {
                memcpy(address.bytes, &from->v4.sin_addr, 4);
                *ret_port = ntohs(from->v4.sin_port);
        } else {
                memcpy(address.bytes, &from->v6.sin6_addr, 16);
                *ret_port = ntohs(from->v6.sin6_port);
        }
        *ret_address = net_address_unmap(&address);
}

typedef struct ForbiddenRange {
        uint16_t family;
        uint8_t bytes[16];
        unsigned length;
        const char *words;
} ForbiddenRange;

static const ForbiddenRange forbidden[] = {
        {AF_INET, {0}, 8, "this host (0.0.0.0/8)"},
        {AF_INET, {127}, 8, "the host's loopback"},
        {AF_INET, {169, 254}, 16, "link-local and metadata addresses"},
        {AF_INET, {192, 0, 0, 192}, 32, "metadata addresses"},
        {AF_INET, {100, 100, 100, 200}, 32, "metadata addresses"},
        {AF_INET, {168, 63, 129, 16}, 32, "metadata addresses"},
        {AF_INET, {224}, 4, "multicast"},
        {AF_INET, {240}, 4, "reserved and broadcast addresses"},
        {AF_INET6, {0}, 127, "the host's loopback"},                    /* :: and ::1 */
        {AF_INET6, {0}, 96, "IPv4-compatible addresses"},               /* ::a.b.c.d */
        {AF_INET6, {[10] = 0xff, [11] = 0xff}, 96, "mapped addresses"}, /* ::ffff:a.b.c.d */
        {AF_INET6, {0xfe, 0x80}, 10, "link-local addresses"},
        {AF_INET6, {0xff}, 8, "multicast"},
        {AF_INET6, {0xfd, 0x00, 0x0e, 0xc2}, 32, "metadata addresses"},
};

const char *net_address_forbidden(const NetAddress *destination)
{
        if (destination->family != AF_INET && destination->family != AF_INET6)
                return "no address";
        for (size_t i = 0; i < ELEMENTSOF(forbidden); i++) {
                NetPrefix range = {.address.family = forbidden[i].family, .length = forbidden[i].length};

                memcpy(range.address.bytes, forbidden[i].bytes, sizeof(range.address.bytes));
                if (net_prefix_contains(&range, destination))
                        return forbidden[i].words;
        }
        /* 64:ff9b::/96 and 2002::/16 carry an IPv4 address that a translator near the host would unpack. */
        if (destination->family == AF_INET6) {
                static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
                NetAddress inner = {.family = AF_INET};

                if (memcmp(destination->bytes, nat64, sizeof(nat64)) == 0)
                        memcpy(inner.bytes, destination->bytes + 12, 4);
                else if (destination->bytes[0] == 0x20 && destination->bytes[1] == 0x02)
                        memcpy(inner.bytes, destination->bytes + 2, 4);
                else
                        return NULL;
                return net_address_forbidden(&inner);
        }
        return NULL;
}
