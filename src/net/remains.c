#include "net/remains.h"

#include "base/cleanup.h"

#include <time.h>

enum { WAIT_MAXIMUM = 1000 };

static uint64_t milliseconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void remains_add(Remains *remains, World *world, const Endpoint *endpoint, int namespace_fd)
{
        struct Remain *item;

        if (remains->count == REMAINS_MAXIMUM)
                remains_remove(remains, world);
        if (remains->count == 0)
                remains->since = milliseconds();
        item = &remains->items[remains->count++];
        *item = (struct Remain){.addresses = {endpoint->spec.ip4, endpoint->spec.ip6},
                                .namespace_fd = namespace_fd};
        memcpy(item->port, endpoint->port, sizeof(item->port));
        world_retire(world, endpoint->port);
}

bool remains_have(const Remains *remains, const NetAddress *address)
{
        for (size_t i = 0; i < remains->count; i++)
                for (size_t k = 0; k < ELEMENTSOF(remains->items[i].addresses); k++)
                        if (net_address_equal(&remains->items[i].addresses[k], address))
                                return true;
        return false;
}

bool remains_due(const Remains *remains)
{
        return remains->count == REMAINS_MAXIMUM ||
               (remains->count && milliseconds() - remains->since > WAIT_MAXIMUM);
}

void remains_remove(Remains *remains, World *world)
{
        const char *ports[REMAINS_MAXIMUM];

        world_remove_retired(world);
        for (size_t i = 0; i < remains->count; i++) {
                ports[i] = remains->items[i].port;
                cleanup_close(&remains->items[i].namespace_fd);
        }
        world_remove_guards(world, ports, remains->count);
        remains->count = 0;
}
