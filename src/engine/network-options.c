/* Options of run and create that are about networks. */
#include "engine/network-join.h"
#include "engine/network-record.h"
#include "net/switch-start.h"

#include <ctype.h>
#include <string.h>

/* ---- ports ---- */

static int parse_range(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
        const char *dash = strchr(text, '-');
        _cleanup_free_ char *first = dash ? strndup(text, (size_t)(dash - text)) : strdup(text);
        uint64_t low, high;

        if (!first || text_to_u64(first, UINT16_MAX, &low) < 0)
                return -EINVAL;
        high = low;
        if (dash && (text_to_u64(dash + 1, UINT16_MAX, &high) < 0 || high < low))
                return -EINVAL;
        *ret_first = (uint16_t)low;
        *ret_last = (uint16_t)high;
        return 0;
}

static int parse_protocol(const char *text, uint8_t *ret)
{
        if (strcasecmp(text, "tcp") == 0)
                *ret = IPPROTO_TCP;
        else if (strcasecmp(text, "udp") == 0)
                *ret = IPPROTO_UDP;
        else
                return -EINVAL;
        return 0;
}

/* The pieces of [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]; they point into @text. */
typedef struct PortText {
        char *address, *host, *container, *protocol;
} PortText;

static void split_port(char *text, PortText *ret)
{
        char *slash = strrchr(text, '/'), *colon;

        *ret = (PortText){.container = text};
        if (slash) {
                *slash = 0;
                ret->protocol = slash + 1;
        }
        colon = strrchr(text, ':');
        if (!colon)
                return;
        *colon = 0;
        ret->container = colon + 1;
        ret->host = text;
        colon = strrchr(text, ':');
        if (!colon)
                return;
        *colon = 0;
        ret->host = colon + 1;
        ret->address = text;
        if (*text == '[' && text_ends(text, "]")) {
                text[strlen(text) - 1] = 0;
                ret->address = text + 1;
        }
}

static int add_ports(const NetdPort *base, uint16_t first, uint16_t last, bool has_host, uint16_t host_first,
                     uint16_t host_last, NetdPort ports[static NETD_PORTS_MAXIMUM], uint32_t *count)
{
        bool single = first == last;

        if (has_host && !single && host_last - host_first != last - first)
                return -ERANGE;
        for (uint32_t i = 0; i <= (uint32_t)(last - first); i++) {
                NetdPort *port = &ports[*count];

                if (*count == NETD_PORTS_MAXIMUM)
                        return -E2BIG;
                *port = *base;
                port->container_port = (uint16_t)(first + i);
                if (has_host && single)
                        port->host_port = host_first, port->host_last = host_last;
                else if (has_host)
                        port->host_port = (uint16_t)(host_first + i);
                (*count)++;
        }
        return 0;
}

int network_port_parse(const char *text, NetdPort ports[static NETD_PORTS_MAXIMUM], uint32_t *count,
                       Error *err)
{
        _cleanup_free_ char *copy = strdup(text);
        NetdPort base = {.protocol = IPPROTO_TCP};
        uint16_t first, last, host_first = 0, host_last = 0;
        PortText parts;
        bool has_host;
        int r;

        if (!copy)
                return fail_memory(err);
        split_port(copy, &parts);
        has_host = !text_empty(parts.host);
        if (parts.protocol && parse_protocol(parts.protocol, &base.protocol) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "invalid port %s: the protocol is tcp or udp",
                                 text);
        if (parse_range(parts.container, &first, &last) < 0 || first == 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "invalid containerPort: %s", parts.container);
        if (has_host && (parse_range(parts.host, &host_first, &host_last) < 0))
                return fail_kind(err, ERROR_USAGE, EINVAL, "invalid hostPort: %s", parts.host);
        if (!text_empty(parts.address) && net_address_parse(parts.address, &base.address) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "invalid IP address: %s", parts.address);
        has_host = has_host && host_first;
        r = add_ports(&base, first, last, has_host, host_first, host_last, ports, count);
        if (r == -ERANGE)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "invalid ranges specified for container and host ports: %s", text);
        if (r < 0)
                return fail_kind(err, ERROR_USAGE, E2BIG, "at most %d ports can be published",
                                 NETD_PORTS_MAXIMUM);
        return 0;
}

void network_port_name(const NetdPort *port, char *buffer, size_t size)
{
        snprintf(buffer, size, "%u/%s", port->container_port, port->protocol == IPPROTO_UDP ? "udp" : "tcp");
}

static int configure_ports(const ContainerOptions *options, ContainerConfiguration *configuration, Error *err)
{
        NetdPort ports[NETD_PORTS_MAXIMUM];
        uint32_t count = 0;
        char name[16];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < options->publish.count; i++)
                r = network_port_parse(options->publish.items[i], ports, &count, err);
        for (size_t i = 0; r >= 0 && i < options->expose.count; i++) {
                if (strchr(options->expose.items[i], ':'))
                        return fail_kind(err, ERROR_USAGE, EINVAL, "invalid port format for --expose: %s",
                                         options->expose.items[i]);
                r = network_port_parse(options->expose.items[i], ports, &count, err);
        }
        for (size_t i = 0; r >= 0 && i < count; i++) {
                network_port_name(&ports[i], name, sizeof(name));
                if (!string_list_contains(&configuration->exposed_ports, name) &&
                    string_list_add(&configuration->exposed_ports, name) < 0)
                        return fail_memory(err);
        }
        if (r >= 0 && string_list_copy(&configuration->ports, &options->publish) < 0)
                return fail_memory(err);
        configuration->publish_all = options->publish_all;
        return r;
}

/* ---- networks ---- */

static int check_address(const char *option, const char *text, int family, Error *err)
{
        NetAddress address;

        if (!text)
                return 0;
        if (net_address_parse(text, &address) < 0 || address.family != family)
                return fail_kind(err, ERROR_USAGE, EINVAL, "invalid %s address: %s", option, text);
        return 0;
}

static int check_mac(const char *text, Error *err)
{
        uint8_t ignored[6];

        if (text && network_mac_parse(text, ignored) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "%s is not a valid mac address: six bytes like 02:42:ac:11:00:02, the first "
                                 "of them even",
                                 text);
        return 0;
}

/* One network in docker's long form, "name=x,alias=y,ip=…"; the members of the short options go to the first.
 */
static int write_network(const ContainerOptions *options, const char *given, bool first, Buffer *text)
{
        const char *name = strstr(given, "name=") == given || strstr(given, ",name=") ? NULL : given;

        if (name)
                buffer_printf(text, "name=%s", name);
        else
                buffer_puts(text, given);
        if (!first)
                return 0;
        if (options->ip)
                buffer_printf(text, ",ip=%s", options->ip);
        if (options->ip6)
                buffer_printf(text, ",ip6=%s", options->ip6);
        if (options->mac_address)
                buffer_printf(text, ",mac-address=%s", options->mac_address);
        for (size_t i = 0; i < options->network_aliases.count; i++)
                buffer_printf(text, ",alias=%s", options->network_aliases.items[i]);
        return 0;
}

static int add_network(Engine *engine, const ContainerOptions *options, const char *given, bool first,
                       ContainerConfiguration *configuration, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        NetdEndpoint endpoint = {0};
        NetdNetwork network;
        char name[NETD_NAME_SIZE];
        int r;

        write_network(options, given, first, &text);
        if (text.failed || string_list_add(&configuration->networks, text.data) < 0)
                return fail_memory(err);
        r = network_endpoint_parse(text.data, name, &endpoint, err);
        if (r >= 0 && !network_is_bridge(name))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "conflicting options: cannot attach both user-defined and non-user-defined "
                                 "network-modes");
        if (r >= 0 && network_name_switches(name))
                r = switch_check(err);
        if (r >= 0)
                r = network_find(engine, name, &network, err);
        if (r >= 0 && !network.names && *endpoint.names)
                return fail_kind(
                        err, ERROR_USAGE, EINVAL,
                        "network-scoped alias is supported only for containers in user defined networks");
        return r;
}

static int configure_grants(const ContainerOptions *options, ContainerConfiguration *configuration,
                            Error *err)
{
        for (size_t i = 0; i < options->allow_host.count; i++) {
                uint64_t port;

                if (text_to_u64(options->allow_host.items[i], UINT16_MAX, &port) < 0 || port == 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "--allow-host %s: it takes a port of the host's loopback",
                                         options->allow_host.items[i]);
        }
        if (options->allow_host.count > NETD_GRANTS_MAXIMUM)
                return fail_kind(err, ERROR_USAGE, E2BIG, "--allow-host: at most %d ports",
                                 NETD_GRANTS_MAXIMUM);
        if (string_list_copy(&configuration->allow_host, &options->allow_host) < 0 ||
            string_list_copy(&configuration->links, &options->links) < 0)
                return fail_memory(err);
        return 0;
}

/* What only makes sense on a network of kelp's. */
static int check_without(const ContainerOptions *options, const ContainerConfiguration *configuration,
                         Error *err)
{
        bool container = text_after(configuration->network, "container:") != NULL;

        if (container && (options->publish.count || options->publish_all))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "conflicting options: port publishing and the container type network mode");
        if (container && options->hosts.count)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "conflicting options: custom host-to-IP mapping and the network mode");
        if (container && (options->hostname || options->domainname))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "conflicting options: hostname and the network mode");
        if (container && options->expose.count)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "conflicting options: port exposing and the container type network mode");
        if (options->ip || options->ip6 || options->mac_address || options->network_aliases.count)
                return fail_kind(
                        err, ERROR_USAGE, EINVAL,
                        "conflicting options: --ip, --ip6, --mac-address and --network-alias need a network, "
                        "not --network %s",
                        configuration->network);
        if (options->links.count)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "conflicting options: --network %s can't be used with links",
                                 configuration->network);
        if (options->allow_host.count)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "conflicting options: --allow-host and --network %s",
                                 configuration->network);
        return 0;
}

static int check_servers(const ContainerOptions *options, Error *err)
{
        NetAddress address;

        for (size_t i = 0; i < options->dns.count; i++)
                if (net_address_parse(options->dns.items[i], &address) < 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "%s is not an ip address (--dns)",
                                         options->dns.items[i]);
        if (options->dns.count > NETD_SERVERS_MAXIMUM)
                return fail_kind(err, ERROR_USAGE, E2BIG, "--dns: at most %d servers", NETD_SERVERS_MAXIMUM);
        return 0;
}

static int check_hosts(const ContainerOptions *options, Error *err)
{
        NetAddress address;

        for (size_t i = 0; i < options->hosts.count; i++) {
                const char *host = options->hosts.items[i], *separator = strpbrk(host, ":=");

                if (separator && separator[1] && !text_equal(separator + 1, "host-gateway") &&
                    net_address_parse(separator + 1, &address) < 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "invalid IP address in add-host: \"%s\"",
                                         separator + 1);
        }
        return 0;
}

int network_configure(Engine *engine, const ContainerOptions *options, ContainerConfiguration *configuration,
                      Error *err)
{
        int r = configure_ports(options, configuration, err);

        if (r >= 0)
                r = check_servers(options, err);
        if (r >= 0)
                r = check_hosts(options, err);
        if (r >= 0)
                r = check_address("--ip", options->ip, AF_INET, err);
        if (r >= 0)
                r = check_address("--ip6", options->ip6, AF_INET6, err);
        if (r >= 0)
                r = check_mac(options->mac_address, err);
        if (r < 0)
                return r;
        if (!network_is_bridge(configuration->network))
                return check_without(options, configuration, err);
        r = configure_grants(options, configuration, err);
        if (r >= 0 && options->networks.count == 0)
                r = add_network(engine, options, configuration->network, true, configuration, err);
        for (size_t i = 0; r >= 0 && i < options->networks.count; i++)
                r = add_network(engine, options, options->networks.items[i], i == 0, configuration, err);
        return r;
}

/* ---- the long form ---- */

static int add_alias(NetdEndpoint *endpoint, const char *alias)
{
        char *end = endpoint->names;

        while (*end)
                end += strlen(end) + 1;
        if ((size_t)(end - endpoint->names) + strlen(alias) + 2 > sizeof(endpoint->names))
                return -E2BIG;
        memcpy(end, alias, strlen(alias) + 1);
        end[strlen(alias) + 1] = 0;
        return 0;
}

static int take_member(const char *key, const char *value, char name[static NETD_NAME_SIZE],
                       NetdEndpoint *endpoint, Error *err)
{
        int r = 0;

        if (text_equal(key, "name"))
                snprintf(name, NETD_NAME_SIZE, "%s", value);
        else if (text_equal(key, "alias"))
                r = add_alias(endpoint, value) < 0
                            ? fail_kind(err, ERROR_USAGE, E2BIG, "too many aliases for one network")
                            : 0;
        else if (text_equal(key, "ip")) {
                r = check_address("--ip", value, AF_INET, err);
                if (r >= 0)
                        net_address_parse(value, &endpoint->ip4);
        } else if (text_equal(key, "ip6")) {
                r = check_address("--ip6", value, AF_INET6, err);
                if (r >= 0)
                        net_address_parse(value, &endpoint->ip6);
        } else if (text_equal(key, "mac-address")) {
                r = check_mac(value, err);
                if (r >= 0)
                        network_mac_parse(value, endpoint->mac);
        } else {
                r = fail_kind(err, ERROR_USAGE, EINVAL,
                              "invalid field %s of --network: there are name, alias, ip, ip6 and mac-address",
                              key);
        }
        return r;
}

int network_endpoint_parse(const char *text, char name[static NETD_NAME_SIZE], NetdEndpoint *ret, Error *err)
{
        _cleanup_free_ char *copy = strdup(text);
        char *save = NULL;
        int r = 0;

        *name = 0;
        if (!copy)
                return fail_memory(err);
        for (char *item = strtok_r(copy, ",", &save); r >= 0 && item; item = strtok_r(NULL, ",", &save)) {
                char *equals = strchr(item, '=');

                if (!equals)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid --network field \"%s\": it takes KEY=VALUE", item);
                *equals = 0;
                r = take_member(item, equals + 1, name, ret, err);
        }
        return r;
}
