#include "engine/network-record.h"

#include "base/file.h"

#include <fcntl.h>
#include <string.h>

enum { RECORD_MAXIMUM = 1 << 20 };

void network_mac_format(const uint8_t mac[static 6], char ret[static NETWORK_MAC_SIZE])
{
        snprintf(ret, NETWORK_MAC_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                 mac[4], mac[5]);
}

int network_mac_parse(const char *text, uint8_t ret[static 6])
{
        unsigned bytes[6];
        char rest;

        if (strlen(text) != NETWORK_MAC_SIZE - 1 || strspn(text, "0123456789abcdefABCDEF:") != strlen(text) ||
            sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
                   &bytes[5], &rest) != 6 ||
            bytes[0] & 1)
                return -EINVAL;
        for (size_t i = 0; i < 6; i++)
                ret[i] = (uint8_t)bytes[i];
        return 0;
}

/* ---- addresses ---- */

static int get_prefix(json_object *document, const char *key, NetPrefix *ret, Error *err)
{
        const char *text = NULL;
        int r = json_get_string(document, key, &text, err);

        if (r > 0 && *text && net_prefix_parse(text, ret) < 0)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s is \"%s\"", key, text);
        return r < 0 ? r : 0;
}

static int get_address(json_object *document, const char *key, NetAddress *ret, Error *err)
{
        const char *text = NULL;
        int r = json_get_string(document, key, &text, err);

        if (r > 0 && *text && net_address_parse(text, ret) < 0)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s is \"%s\"", key, text);
        return r < 0 ? r : 0;
}

void network_record_set_prefix(json_object *document, const char *key, const NetPrefix *prefix)
{
        char text[NET_ADDRESS_TEXT_SIZE];

        net_prefix_format(prefix, text);
        json_set_string(document, key, text);
}

void network_record_set_address(json_object *document, const char *key, const NetAddress *address)
{
        char text[NET_ADDRESS_TEXT_SIZE];

        net_address_format(address, text);
        json_set_string(document, key, text);
}

/* At most @size - 1 bytes: what is longer is no value of ours. */
static int get_text(json_object *document, const char *key, char *ret, size_t size, Error *err)
{
        const char *text = NULL;
        int r = json_get_string(document, key, &text, err);

        if (r > 0 && (size_t)snprintf(ret, size, "%s", text) >= size)
                return fail_kind(err, ERROR_CORRUPT, E2BIG, "%s is too long", key);
        return r < 0 ? r : 0;
}

static int get_number(json_object *document, const char *key, int64_t maximum, int64_t *ret, Error *err)
{
        int r = json_get_int64(document, key, ret, err);

        if (r > 0 && (*ret < 0 || *ret > maximum))
                return fail_kind(err, ERROR_CORRUPT, ERANGE, "%s is out of range", key);
        return r < 0 ? r : 0;
}

/* ---- networks ---- */

void network_record_set_network(json_object *document, const NetdNetwork *network)
{
        network_record_set_prefix(document, "Subnet", &network->subnet4);
        network_record_set_prefix(document, "Subnet6", &network->subnet6);
        network_record_set_prefix(document, "Range", &network->range4);
        network_record_set_address(document, "Gateway", &network->gateway4);
        network_record_set_address(document, "Gateway6", &network->gateway6);
        json_set_bool(document, "Internal", network->internal);
        json_set_int64(document, "Mtu", network->mtu);
}

int network_record_get_network(json_object *document, NetdNetwork *network, Error *err)
{
        int64_t mtu = 0;
        int r = get_prefix(document, "Subnet", &network->subnet4, err);

        if (r >= 0)
                r = get_prefix(document, "Subnet6", &network->subnet6, err);
        if (r >= 0)
                r = get_prefix(document, "Range", &network->range4, err);
        if (r >= 0)
                r = get_address(document, "Gateway", &network->gateway4, err);
        if (r >= 0)
                r = get_address(document, "Gateway6", &network->gateway6, err);
        if (r >= 0)
                r = json_get_bool(document, "Internal", &network->internal, err);
        if (r >= 0)
                r = get_number(document, "Mtu", UINT16_MAX, &mtu, err);
        network->mtu = (uint32_t)mtu;
        return r < 0 ? r : 0;
}

/* ---- endpoints ---- */

static json_object *endpoint_to_json(const NetdEndpoint *endpoint, const NetdNetwork *network)
{
        json_object *document = json_object_new_object(), *part = json_object_new_object(),
                    *names = json_object_new_array();
        char mac[NETWORK_MAC_SIZE];

        json_set(document, "Network", part);
        json_set_string(part, "Id", network->id);
        json_set_string(part, "Name", network->name);
        json_set_bool(part, "Names", network->names);
        network_record_set_network(part, network);
        network_record_set_address(document, "IPAddress", &endpoint->ip4);
        network_record_set_address(document, "GlobalIPv6Address", &endpoint->ip6);
        network_mac_format(endpoint->mac, mac);
        json_set_string(document, "MacAddress", mac);
        json_set_string(document, "Interface", endpoint->interface);
        json_set(document, "Aliases", names);
        for (const char *alias = endpoint->names; *alias; alias += strlen(alias) + 1)
                json_object_array_add(names, json_object_new_string(alias));
        return document;
}

static int get_aliases(json_object *document, NetdEndpoint *endpoint, Error *err)
{
        _cleanup_strings_ StringList names = {0};
        size_t used = 0;
        int r = json_get_strings(document, "Aliases", &names, err);

        for (size_t i = 0; r >= 0 && i < names.count; i++) {
                size_t length = strlen(names.items[i]) + 1;

                if (length == 1 || used + length + 1 > sizeof(endpoint->names))
                        return fail_kind(err, ERROR_CORRUPT, E2BIG, "Aliases are too long");
                memcpy(endpoint->names + used, names.items[i], length);
                used += length;
        }
        return r < 0 ? r : 0;
}

static int endpoint_from_json(json_object *document, NetdEndpoint *endpoint, NetdNetwork *network, Error *err)
{
        json_object *part = NULL;
        const char *mac = NULL;
        int r = json_get_object(document, "Network", &part, err);

        if (r == 0)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "Network is missing");
        if (r >= 0)
                r = get_text(part, "Id", network->id, sizeof(network->id), err);
        if (r >= 0)
                r = get_text(part, "Name", network->name, sizeof(network->name), err);
        if (r >= 0)
                r = json_get_bool(part, "Names", &network->names, err);
        if (r >= 0)
                r = network_record_get_network(part, network, err);
        if (r >= 0)
                r = get_address(document, "IPAddress", &endpoint->ip4, err);
        if (r >= 0)
                r = get_address(document, "GlobalIPv6Address", &endpoint->ip6, err);
        if (r >= 0)
                r = get_text(document, "Interface", endpoint->interface, sizeof(endpoint->interface), err);
        if (r >= 0)
                r = json_get_string(document, "MacAddress", &mac, err);
        if (r > 0 && network_mac_parse(mac, endpoint->mac) < 0)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "MacAddress is \"%s\"", mac);
        if (r >= 0)
                r = get_aliases(document, endpoint, err);
        memcpy(endpoint->network, network->id, sizeof(endpoint->network));
        return r < 0 ? r : 0;
}

/* ---- ports ---- */

static json_object *port_to_json(const NetdPort *port)
{
        json_object *document = json_object_new_object();

        json_set_string(document, "Protocol", port->protocol == IPPROTO_UDP ? "udp" : "tcp");
        network_record_set_address(document, "HostIp", &port->address);
        json_set_int64(document, "HostPort", port->host_port);
        json_set_int64(document, "ContainerPort", port->container_port);
        return document;
}

static int port_from_json(json_object *document, NetdPort *port, Error *err)
{
        const char *protocol = "tcp";
        int64_t host = 0, container = 0;
        int r = json_get_string(document, "Protocol", &protocol, err);

        if (r >= 0)
                r = get_address(document, "HostIp", &port->address, err);
        if (r >= 0)
                r = get_number(document, "HostPort", UINT16_MAX, &host, err);
        if (r >= 0)
                r = get_number(document, "ContainerPort", UINT16_MAX, &container, err);
        port->protocol = text_equal(protocol, "udp") ? IPPROTO_UDP : IPPROTO_TCP;
        port->host_port = (uint16_t)host;
        port->container_port = (uint16_t)container;
        return r < 0 ? r : 0;
}

/* ---- the document ---- */

static json_object *attach_to_json(const NetdAttach *attach)
{
        json_object *document = json_object_new_object(), *endpoints = json_object_new_array(),
                    *ports = json_object_new_array(), *grants = json_object_new_array(),
                    *servers = json_object_new_array();

        json_set_int64(document, "Version", NETWORK_RECORD_VERSION);
        json_set_string(document, "Container", attach->container);
        json_set_string(document, "Name", attach->name);
        json_set(document, "Endpoints", endpoints);
        json_set(document, "Ports", ports);
        json_set(document, "AllowHost", grants);
        json_set(document, "Servers", servers);
        for (uint32_t i = 0; i < attach->endpoint_count; i++)
                json_object_array_add(endpoints,
                                      endpoint_to_json(&attach->endpoints[i], &attach->networks[i]));
        for (uint32_t i = 0; i < attach->port_count; i++)
                json_object_array_add(ports, port_to_json(&attach->ports[i]));
        for (uint32_t i = 0; i < attach->grant_count; i++)
                json_object_array_add(grants, json_object_new_int(attach->grants[i]));
        for (uint32_t i = 0; i < attach->server_count; i++) {
                char text[NET_ADDRESS_TEXT_SIZE];

                net_address_format(&attach->servers[i], text);
                json_object_array_add(servers, json_object_new_string(text));
        }
        return document;
}

/* A list of at most @maximum members; *ret_count of them. */
static int get_list(json_object *document, const char *key, size_t maximum, json_object **ret,
                    uint32_t *ret_count, Error *err)
{
        int r = json_get_array(document, key, ret, err);

        *ret_count = r > 0 ? (uint32_t)json_object_array_length(*ret) : 0;
        if (*ret_count > maximum)
                return fail_kind(err, ERROR_CORRUPT, E2BIG, "%s has too many members", key);
        return r < 0 ? r : 0;
}

static int get_grants(json_object *document, NetdAttach *attach, Error *err)
{
        json_object *list = NULL;
        int r = get_list(document, "AllowHost", NETD_GRANTS_MAXIMUM, &list, &attach->grant_count, err);

        for (uint32_t i = 0; r >= 0 && i < attach->grant_count; i++)
                attach->grants[i] = (uint16_t)json_object_get_int(json_object_array_get_idx(list, i));
        return r;
}

static int get_servers(json_object *document, NetdAttach *attach, Error *err)
{
        _cleanup_strings_ StringList servers = {0};
        int r = json_get_strings(document, "Servers", &servers, err);

        for (size_t i = 0; r >= 0 && i < servers.count; i++)
                if (i == NETD_SERVERS_MAXIMUM || net_address_parse(servers.items[i], &attach->servers[i]) < 0)
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "Servers: \"%s\"", servers.items[i]);
        attach->server_count = (uint32_t)servers.count;
        return r < 0 ? r : 0;
}

static int attach_from_json(json_object *document, NetdAttach *attach, Error *err)
{
        json_object *endpoints = NULL, *ports = NULL;
        int64_t version = 0;
        int r = json_get_int64(document, "Version", &version, err);

        if (r >= 0 && (version < 1 || version > NETWORK_RECORD_VERSION))
                return fail_kind(err, ERROR_UNSUPPORTED, EPROTO, "it is of another version of kelp");
        if (r >= 0)
                r = get_text(document, "Container", attach->container, sizeof(attach->container), err);
        if (r >= 0)
                r = get_text(document, "Name", attach->name, sizeof(attach->name), err);
        if (r >= 0)
                r = get_list(document, "Endpoints", NETD_ENDPOINTS_MAXIMUM, &endpoints,
                             &attach->endpoint_count, err);
        for (uint32_t i = 0; r >= 0 && i < attach->endpoint_count; i++)
                r = endpoint_from_json(json_object_array_get_idx(endpoints, i), &attach->endpoints[i],
                                       &attach->networks[i], err);
        if (r >= 0)
                r = get_list(document, "Ports", NETD_PORTS_MAXIMUM, &ports, &attach->port_count, err);
        for (uint32_t i = 0; r >= 0 && i < attach->port_count; i++)
                r = port_from_json(json_object_array_get_idx(ports, i), &attach->ports[i], err);
        if (r >= 0)
                r = get_grants(document, attach, err);
        return r < 0 ? r : get_servers(document, attach, err);
}

int network_record_write(int folder, const NetdAttach *attach, Error *err)
{
        _cleanup_json_ json_object *document = attach_to_json(attach);
        const char *text = json_text(document);
        int r = text ? file_replace_at(folder, NETWORK_RECORD_FILE, text, strlen(text), 0600, false, err)
                     : fail_memory(err);

        return r < 0 ? fail_wrap(err, r, "write what networks the container is on") : 0;
}

int network_record_read(int folder, NetdAttach *ret, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        _cleanup_buffer_ Buffer text = {0};
        int r = file_read_at(folder, NETWORK_RECORD_FILE, RECORD_MAXIMUM, &text);

        if (r == -ENOENT)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "it is on no network");
        if (r < 0)
                return fail_errno(err, -r, "read " NETWORK_RECORD_FILE);
        *ret = (NetdAttach){0};
        r = json_parse(text.data ?: "", text.length, NETWORK_RECORD_FILE, &document, err);
        if (r >= 0)
                r = attach_from_json(document, ret, err);
        return r < 0 ? r : 0;
}
