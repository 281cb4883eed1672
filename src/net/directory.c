/* Which networks and containers there are, as kelp told; and whose an address is. */
#include "net/mover.h"

#include <string.h>

void directory_init(Directory *directory)
{
        list_init(&directory->networks);
        list_init(&directory->containers);
}

Network *directory_network(Directory *directory, const char *id)
{
        list_for_each(node, &directory->networks)
        {
                Network *network = list_element(node, Network, node);

                if (strcmp(network->spec.id, id) == 0)
                        return network;
        }
        return NULL;
}

Container *directory_container(Directory *directory, const char *id)
{
        list_for_each(node, &directory->containers)
        {
                Container *container = list_element(node, Container, node);

                if (strcmp(container->id, id) == 0)
                        return container;
        }
        return NULL;
}

static AddressEntry **bucket(Directory *directory, const NetAddress *address)
{
        uint32_t hash = address->family;

        for (size_t i = 0; i < net_address_length(address); i++)
                hash = hash * 31 + address->bytes[i];
        return &directory->addresses[hash & (MOVER_HASH_SIZE - 1)];
}

Endpoint *directory_endpoint(Directory *directory, const NetAddress *address)
{
        for (AddressEntry *entry = *bucket(directory, address); entry; entry = entry->next)
                if (net_address_equal(&entry->address, address))
                        return entry->endpoint;
        return NULL;
}

void directory_enter(Directory *directory, Endpoint *endpoint)
{
        const NetAddress *addresses[2] = {&endpoint->spec.ip4, &endpoint->spec.ip6};

        for (size_t i = 0; i < 2; i++) {
                AddressEntry **place;

                if (!net_address_set(addresses[i]))
                        continue;
                place = bucket(directory, addresses[i]);
                endpoint->entries[i] =
                        (AddressEntry){.address = *addresses[i], .endpoint = endpoint, .next = *place};
                *place = &endpoint->entries[i];
        }
}

void directory_leave(Directory *directory, Endpoint *endpoint)
{
        for (size_t i = 0; i < 2; i++) {
                AddressEntry **place;

                if (!endpoint->entries[i].endpoint)
                        continue;
                place = bucket(directory, &endpoint->entries[i].address);
                while (*place && *place != &endpoint->entries[i])
                        place = &(*place)->next;
                if (*place)
                        *place = endpoint->entries[i].next;
                endpoint->entries[i] = (AddressEntry){0};
        }
}
