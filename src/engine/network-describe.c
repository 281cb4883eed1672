/* Networks and ports in docker's words: of inspect and ps. */
#include "engine/network-join.h"

#include "engine/network-netd.h"

#include <string.h>

static int describe_one(Engine *engine, const NetworkMember *member, void *argument)
{
        const NetdAttach *attach = &member->request->attach;
        json_object *object = argument, *containers = json_object_object_get(object, "Containers");
        const char *network = json_object_get_string(json_object_object_get(object, "Id"));

        for (uint32_t i = 0; i < attach->endpoint_count; i++) {
                const NetdEndpoint *endpoint = &attach->endpoints[i];
                NetPrefix address4 = {endpoint->ip4, attach->networks[i].subnet4.length},
                          address6 = {endpoint->ip6, attach->networks[i].subnet6.length};
                json_object *item;
                char text[NET_ADDRESS_TEXT_SIZE];

                if (!text_equal(endpoint->network, network))
                        continue;
                item = json_object_new_object();
                json_set_string(item, "Name", attach->name);
                network_mac_format(endpoint->mac, text);
                json_set_string(item, "MacAddress", text);
                net_prefix_format(&address4, text);
                json_set_string(item, "IPv4Address", text);
                net_prefix_format(&address6, text);
                json_set_string(item, "IPv6Address", text);
                json_set(containers, attach->container, item);
        }
        return 0;
}

int network_describe_counters(Engine *engine, const char *network_id, json_object *object, Error *err)
{
        static const struct {
                const char *key;
                size_t offset;
        } members[] = {
                {"RxBytes", offsetof(NetdCounters, rx_bytes)},
                {"TxBytes", offsetof(NetdCounters, tx_bytes)},
                {"RxPackets", offsetof(NetdCounters, rx_packets)},
                {"TxPackets", offsetof(NetdCounters, tx_packets)},
                {"RxDropped", offsetof(NetdCounters, rx_dropped)},
                {"TxDropped", offsetof(NetdCounters, tx_dropped)},
                {"RxErrors", offsetof(NetdCounters, rx_errors)},
                {"TxErrors", offsetof(NetdCounters, tx_errors)},
                {"ConnectionsOut", offsetof(NetdCounters, connections_out)},
                {"ConnectionsIn", offsetof(NetdCounters, connections_in)},
                {"Flows", offsetof(NetdCounters, flows)},
        };
        json_object *containers = json_object_object_get(object, "Containers");

        json_object_object_foreach(containers, id, container)
        {
                NetdCounters counters;
                json_object *item;

                if (network_counters(engine, id, network_id, &counters, NULL) < 0)
                        continue; /* it has just ended */
                item = json_object_new_object();
                json_set(container, "Counters", item);
                for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                        uint64_t value;

                        memcpy(&value, (const char *)&counters + members[i].offset, sizeof(value));
                        json_set_int64(item, members[i].key, (int64_t)value);
                }
        }
        return 0;
}

int network_describe_containers(Engine *engine, const char *network_id, json_object *object, Error *err)
{
        json_set(object, "Containers", json_object_new_object());
        return network_each_member(engine, describe_one, object, err);
}

static json_object *bindings(const NetdPort *port)
{
        json_object *binding = json_object_new_object();
        char text[NET_ADDRESS_TEXT_SIZE] = "0.0.0.0";

        if (net_address_set(&port->address))
                net_address_format(&port->address, text);
        json_set_string(binding, "HostIp", text);
        snprintf(text, sizeof(text), "%u", port->host_port);
        json_set_string(binding, "HostPort", text);
        return binding;
}

static void describe_port_map(const NetdAttach *attach, const ContainerConfiguration *configuration,
                              json_object *settings)
{
        json_object *ports = json_object_new_object();

        json_set(settings, "Ports", ports);
        for (size_t i = 0; i < configuration->exposed_ports.count; i++)
                json_set(ports, configuration->exposed_ports.items[i], NULL);
        for (uint32_t i = 0; i < attach->port_count; i++) {
                json_object *list = NULL;
                char name[16];

                network_port_name(&attach->ports[i], name, sizeof(name));
                if (!json_object_object_get_ex(ports, name, &list) || !list) {
                        list = json_object_new_array();
                        json_set(ports, name, list);
                }
                json_object_array_add(list, bindings(&attach->ports[i]));
        }
}

static json_object *describe_endpoint(const NetdEndpoint *endpoint, const NetdNetwork *network)
{
        json_object *object = json_object_new_object(), *aliases = json_object_new_array();
        char mac[NETWORK_MAC_SIZE];

        for (const char *alias = endpoint->names; *alias; alias += strlen(alias) + 1)
                json_object_array_add(aliases, json_object_new_string(alias));
        network_mac_format(endpoint->mac, mac);
        json_set(object, "Aliases", aliases);
        json_set_string(object, "NetworkID", endpoint->network);
        network_record_set_address(object, "Gateway", &network->gateway4);
        network_record_set_address(object, "IPAddress", &endpoint->ip4);
        json_set_int64(object, "IPPrefixLen", net_address_set(&endpoint->ip4) ? network->subnet4.length : 0);
        network_record_set_address(object, "IPv6Gateway", &network->gateway6);
        network_record_set_address(object, "GlobalIPv6Address", &endpoint->ip6);
        json_set_int64(object, "GlobalIPv6PrefixLen",
                       net_address_set(&endpoint->ip6) ? network->subnet6.length : 0);
        json_set_string(object, "MacAddress", net_address_set(&endpoint->ip4) || endpoint->mac[0] ? mac : "");
        return object;
}

int network_describe_settings(Engine *engine, const StoreContainer *row,
                              const ContainerConfiguration *configuration, json_object *object, Error *err)
{
        _cleanup_free_ NetdAttach *attach = calloc(1, sizeof(*attach));
        json_object *settings = json_object_new_object(), *networks = json_object_new_object();
        bool running = text_equal(row->status, "running");
        int r = 0;

        json_set(object, "NetworkSettings", settings);
        json_set(settings, "Networks", networks);
        if (!attach)
                return fail_memory(err);
        if (!running || network_read_attach(engine, row->id, attach, NULL) < 0) {
                *attach = (NetdAttach){0};
                /* what it will join; networks may have gone meanwhile */
                if (network_fill_endpoints(engine, configuration, attach, NULL) < 0)
                        attach->endpoint_count = 0;
        }
        describe_port_map(attach, configuration, settings);
        for (uint32_t i = 0; i < attach->endpoint_count; i++)
                json_set(networks, attach->networks[i].name,
                         describe_endpoint(&attach->endpoints[i], &attach->networks[i]));
        network_record_set_address(settings, "IPAddress", &attach->endpoints[0].ip4);
        network_record_set_address(settings, "Gateway", &attach->networks[0].gateway4);
        if (!network_is_bridge(configuration->network))
                json_set(networks, configuration->network, json_object_new_object());
        return r;
}

int network_describe_ports(Engine *engine, const StoreContainer *row, json_object *ports, Error *err)
{
        _cleanup_free_ NetdAttach *attach = calloc(1, sizeof(*attach));

        if (!attach)
                return fail_memory(err);
        if (!text_equal(row->status, "running") || network_read_attach(engine, row->id, attach, NULL) < 0)
                return 0;
        for (uint32_t i = 0; i < attach->port_count; i++) {
                const NetdPort *port = &attach->ports[i];
                json_object *item = json_object_new_object();
                char address[NET_ADDRESS_TEXT_SIZE] = "0.0.0.0";

                if (net_address_set(&port->address))
                        net_address_format(&port->address, address);
                json_set_string(item, "IP", address);
                json_set_int64(item, "PrivatePort", port->container_port);
                json_set_int64(item, "PublicPort", port->host_port);
                json_set_string(item, "Type", port->protocol == IPPROTO_UDP ? "udp" : "tcp");
                json_object_array_add(ports, item);
        }
        return 0;
}
