/* Networks as rows: made, listed, removed. What containers do with them is in network-join.c. */
#include "engine/network.h"

#include "base/clock.h"
#include "base/identity.h"
#include "engine/network-join.h"
#include "engine/network-record.h"

#include <ctype.h>
#include <ifaddrs.h>
#include <string.h>

#define DEFAULT_NETWORK "bridge"

enum { MTU_MINIMUM = 576, MTU_MAXIMUM = 65521, POOL_CLASS_B = 15, POOL_SMALL = 16 };

bool network_is_bridge(const char *mode)
{
        return !text_empty(mode) && !text_equal(mode, "none") && !text_equal(mode, "host") &&
               !text_after(mode, "container:");
}

bool network_name_switches(const char *name)
{
        return text_equal(name, "switch") || text_after(name, "switch:");
}

const char *network_plain_name(const char *name)
{
        if (!network_name_switches(name))
                return name;
        return text_after(name, "switch:") ?: DEFAULT_NETWORK;
}

/* ---- rows ---- */

int network_from_row(const StoreNetwork *row, NetdNetwork *ret, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        NetdNetwork network = {.names = !text_equal(row->name, DEFAULT_NETWORK)};
        int r;

        snprintf(network.id, sizeof(network.id), "%s", row->id);
        snprintf(network.name, sizeof(network.name), "%s", row->name);
        r = json_parse(row->document, strlen(row->document), "network", &document, err);
        if (r >= 0)
                r = network_record_get_network(document, &network, err);
        if (r < 0)
                return fail_wrap(err, r, "the store's record of network %s", row->name);
        *ret = network;
        return 0;
}

static int insert(Store *store, const NetdNetwork *network, const StringList *labels,
                  const StringList *options, char ret_id[static 65], Error *err)
{
        _cleanup_json_ json_object *document = json_object_new_object();
        _cleanup_store_network_ StoreNetwork row = {.created = clock_now()};
        char id[IDENTITY_SIZE];
        int r = identity_make(id);

        if (r < 0)
                return fail_errno(err, -r, "random id of the network");
        network_record_set_network(document, network);
        json_set(document, "Labels", json_new_map(labels));
        json_set(document, "Options", json_new_map(options));
        if (text_replace(&row.id, id) < 0 || text_replace(&row.name, network->name) < 0 ||
            text_replace(&row.document, json_text(document)) < 0)
                return fail_memory(err);
        memcpy(ret_id, id, sizeof(id));
        return store_network_insert(store, &row, err);
}

/* ---- subnets ---- */

/* What is taken: other networks, and the host's own interfaces. */
typedef struct Taken {
        NetPrefix *items;
        char (*names)[64];
        size_t count;
} Taken;

static void taken_deinit(Taken *taken)
{
        free(taken->items);
        free(taken->names);
}

static int taken_add(Taken *taken, const NetPrefix *prefix, const char *kind, const char *name, Error *err)
{
        NetPrefix *items = reallocarray(taken->items, taken->count + 1, sizeof(*items));
        char(*names)[64];

        if (items)
                taken->items = items;
        names = items ? reallocarray(taken->names, taken->count + 1, sizeof(*names)) : NULL;
        if (!names)
                return fail_memory(err);
        taken->names = names;
        taken->items[taken->count] = *prefix;
        snprintf(taken->names[taken->count++], sizeof(*names), "%s %.40s", kind, name);
        return 0;
}

static unsigned mask_length(const struct sockaddr *mask)
{
        const uint8_t *bytes =
                mask->sa_family == AF_INET6
                        ? (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr
                        : (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr;
        unsigned length = 0;

        for (size_t i = 0; i < (mask->sa_family == AF_INET6 ? 16U : 4U); i++)
                length += (unsigned)__builtin_popcount(bytes[i]);
        return length;
}

static int collect_interfaces(Taken *taken, Error *err)
{
        struct ifaddrs *list = NULL;
        int r = 0;

        if (getifaddrs(&list) < 0)
                return 0; /* then nothing is known of them */
        for (const struct ifaddrs *item = list; r >= 0 && item; item = item->ifa_next) {
                NetSocketAddress address = {0};
                NetPrefix prefix;
                uint16_t port;

                if (!item->ifa_addr || !item->ifa_netmask ||
                    (item->ifa_addr->sa_family != AF_INET && item->ifa_addr->sa_family != AF_INET6))
                        continue;
                memcpy(&address, item->ifa_addr,
                       item->ifa_addr->sa_family == AF_INET6 ? sizeof(address.v6) : sizeof(address.v4));
                net_socket_address_split(&address, &prefix.address, &port);
                prefix.length = mask_length(item->ifa_netmask);
                r = taken_add(taken, &prefix, "the host's interface", item->ifa_name, err);
        }
        freeifaddrs(list);
        return r;
}

static int collect_taken(Store *store, Taken *taken, Error *err)
{
        _cleanup_store_networks_ StoreNetworkList list = {0};
        int r = store_network_list(store, &list, err);

        for (size_t i = 0; r >= 0 && i < list.count; i++) {
                NetdNetwork network;

                r = network_from_row(&list.items[i], &network, err);
                if (r >= 0 && net_address_set(&network.subnet4.address))
                        r = taken_add(taken, &network.subnet4, "network", network.name, err);
                if (r >= 0 && net_address_set(&network.subnet6.address))
                        r = taken_add(taken, &network.subnet6, "network", network.name, err);
        }
        return r < 0 ? r : collect_interfaces(taken, err);
}

static const char *overlaps(const Taken *taken, const NetPrefix *prefix)
{
        for (size_t i = 0; i < taken->count; i++)
                if (net_prefix_overlaps(&taken->items[i], prefix))
                        return taken->names[i];
        return NULL;
}

/* Docker's pools: 172.17.0.0/16 … 172.31.0.0/16, then 192.168.0.0/20 …. */
static int choose_subnet4(const Taken *taken, NetPrefix *ret, Error *err)
{
        for (uint32_t i = 0; i < POOL_CLASS_B + POOL_SMALL; i++) {
                NetPrefix candidate = {.address = net_address_v4(
                                               i < POOL_CLASS_B ? 0xac110000U + (i << 16)
                                                                : 0xc0a80000U + ((i - POOL_CLASS_B) << 12)),
                                       .length = i < POOL_CLASS_B ? 16 : 20};

                if (overlaps(taken, &candidate))
                        continue;
                *ret = candidate;
                return 0;
        }
        fail_kind(err, ERROR_CONFLICT, EADDRNOTAVAIL,
                  "could not find an available, non-overlapping IPv4 address pool among the defaults to "
                  "assign to "
                  "the network");
        return fail_hint(err,
                         "name one with --subnet, or remove networks that are not used: kelp network prune");
}

/* A unique local one (RFC 4193), at random. */
static int choose_subnet6(NetPrefix *ret, Error *err)
{
        char id[IDENTITY_SIZE], text[NET_ADDRESS_TEXT_SIZE];
        int r = identity_make(id);

        if (r < 0)
                return fail_errno(err, -r, "random subnet");
        snprintf(text, sizeof(text), "fd%.2s:%.4s:%.4s:%.4s::/64", id, id + 2, id + 6, id + 10);
        return net_prefix_parse(text, ret) < 0 ? fail(err, EINVAL, "subnet %s", text) : 0;
}

/* ---- making one ---- */

static int check_name(const char *name, Error *err)
{
        const char *c = name;

        if (text_equal(name, "none") || text_equal(name, "host") || text_equal(name, DEFAULT_NETWORK) ||
            text_equal(name, "default") || network_name_switches(name))
                return fail_kind(err, ERROR_CONFLICT, EEXIST,
                                 "operation is not permitted on predefined %s network", name);
        if (isalnum((unsigned char)*c) && strlen(name) < NETD_NAME_SIZE)
                for (c++; isalnum((unsigned char)*c) || (*c && strchr("_.-", *c)); c++)
                        ;
        else
                c = "?";
        return *c ? fail_kind(err, ERROR_USAGE, EINVAL,
                              "invalid network name \"%s\": 1 to 128 of [a-zA-Z0-9_.-], the first a letter "
                              "or digit",
                              name)
                  : 0;
}

static int take_subnets(const NetworkCreateOptions *options, NetdNetwork *network, Error *err)
{
        for (size_t i = 0; i < options->subnets.count; i++) {
                const char *text = options->subnets.items[i];
                NetPrefix prefix, *target;

                if (net_prefix_parse(text, &prefix) < 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid subnet %s: invalid CIDR block notation", text);
                prefix = net_prefix_mask(&prefix);
                target = prefix.address.family == AF_INET6 ? &network->subnet6 : &network->subnet4;
                if (net_address_set(&target->address))
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "--subnet %s: a network has one subnet of each family", text);
                if (prefix.length < 8 || net_prefix_size(&prefix) < 4)
                        return fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "--subnet %s: the prefix must leave room for at least two containers, and be "
                                "8 or longer",
                                text);
                *target = prefix;
        }
        return 0;
}

static int take_gateways(const NetworkCreateOptions *options, NetdNetwork *network, Error *err)
{
        for (size_t i = 0; i < options->gateways.count; i++) {
                const char *text = options->gateways.items[i];
                NetAddress address;
                const NetPrefix *subnet;

                if (net_address_parse(text, &address) < 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "invalid gateway address %s", text);
                subnet = address.family == AF_INET6 ? &network->subnet6 : &network->subnet4;
                if (!net_address_set(&subnet->address) || !net_prefix_contains(subnet, &address))
                        return fail_kind(err, ERROR_USAGE, EINVAL, "no matching subnet for gateway %s", text);
                *(address.family == AF_INET6 ? &network->gateway6 : &network->gateway4) = address;
        }
        return 0;
}

static int take_ranges(const NetworkCreateOptions *options, NetdNetwork *network, Error *err)
{
        for (size_t i = 0; i < options->ranges.count; i++) {
                const char *text = options->ranges.items[i];
                NetPrefix prefix;

                if (net_prefix_parse(text, &prefix) < 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid ip-range %s: invalid CIDR block notation", text);
                if (prefix.address.family != AF_INET || !net_address_set(&network->subnet4.address) ||
                    prefix.length < network->subnet4.length ||
                    !net_prefix_contains(&network->subnet4, &prefix.address))
                        return fail_kind(err, ERROR_USAGE, EINVAL, "no matching subnet for range %s", text);
                network->range4 = net_prefix_mask(&prefix);
        }
        return 0;
}

static int take_options(const NetworkCreateOptions *options, NetdNetwork *network, Error *err)
{
        if (options->driver && !text_equal(options->driver, "bridge"))
                return fail_kind(err, ERROR_USAGE, EINVAL, "network driver \"%s\": there is only bridge",
                                 options->driver);
        for (size_t i = 0; i < options->options.count; i++) {
                const char *text = options->options.items[i],
                           *value = text_after(text, "com.docker.network.driver.mtu=")
                                            ?: text_after(text, "mtu=");
                uint64_t mtu;

                if (!value)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "--opt %s: known is mtu=BYTES", text);
                if (text_to_u64(value, MTU_MAXIMUM, &mtu) < 0 || mtu < MTU_MINIMUM)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "--opt %s: an MTU is %d to %d", text,
                                         MTU_MINIMUM, MTU_MAXIMUM);
                network->mtu = (uint32_t)mtu;
        }
        if (options->ipv6 && network->mtu && network->mtu < 1280)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--ipv6 needs an MTU of 1280 at least, not %u",
                                 network->mtu);
        return 0;
}

static int check_overlap(const Taken *taken, const NetPrefix *prefix, Error *err)
{
        char text[NET_ADDRESS_TEXT_SIZE];
        const char *other = net_address_set(&prefix->address) ? overlaps(taken, prefix) : NULL;

        if (!other)
                return 0;
        net_prefix_format(prefix, text);
        return fail_kind(err, ERROR_CONFLICT, EADDRINUSE,
                         "Pool overlaps with other one on this address space: %s is "
                         "(partly) that of %s",
                         text, other);
}

static int complete(Store *store, const NetworkCreateOptions *options, NetdNetwork *network, Error *err)
{
        _cleanup_(taken_deinit) Taken taken = {0};
        int r = collect_taken(store, &taken, err);

        if (r >= 0)
                r = check_overlap(&taken, &network->subnet4, err);
        if (r >= 0)
                r = check_overlap(&taken, &network->subnet6, err);
        if (r >= 0 && !net_address_set(&network->subnet4.address))
                r = choose_subnet4(&taken, &network->subnet4, err);
        if (r >= 0 && options->ipv6 && !net_address_set(&network->subnet6.address))
                r = choose_subnet6(&network->subnet6, err);
        if (r >= 0)
                r = take_gateways(options, network, err);
        if (r >= 0)
                r = take_ranges(options, network, err);
        if (r < 0)
                return r;
        if (!net_address_set(&network->gateway4))
                network->gateway4 = net_address_add(&network->subnet4.address, 1);
        if (net_address_set(&network->subnet6.address) && !net_address_set(&network->gateway6))
                network->gateway6 = net_address_add(&network->subnet6.address, 1);
        return 0;
}

static int create(Store *store, const NetworkCreateOptions *options, char ret_id[static 65], Error *err)
{
        NetdNetwork network = {.internal = options->internal};
        int r;

        snprintf(network.name, sizeof(network.name), "%s", options->name);
        r = take_subnets(options, &network, err);
        if (r >= 0)
                r = take_options(options, &network, err);
        if (r >= 0)
                r = complete(store, options, &network, err);
        return r < 0 ? r : insert(store, &network, &options->labels, &options->options, ret_id, err);
}

int network_create(Engine *engine, const NetworkCreateOptions *options, char ret_id[static 65], Error *err)
{
        Store *store;
        int r = check_name(options->name, err);

        if (r >= 0)
                r = engine_store(engine, &store, err);
        return r < 0 ? r : create(store, options, ret_id, err);
}

/* ---- finding ---- */

/* The network of those who name none. Two that make it at the same moment: one finds the other's. */
static int ensure_default(Store *store, Error *err)
{
        const NetworkCreateOptions options = {.name = DEFAULT_NETWORK};
        _cleanup_store_network_ StoreNetwork row = {0};
        Error ignored = ERROR_INIT;
        char id[IDENTITY_SIZE];
        int r = store_network_find(store, DEFAULT_NETWORK, &row, &ignored);

        if (r != -ENOENT)
                return r;
        r = create(store, &options, id, err);
        return r == -EEXIST ? 0 : r;
}

static int find_row(Engine *engine, const char *name, StoreNetwork *ret, Error *err)
{
        Store *store;
        int r = engine_store(engine, &store, err);

        name = network_plain_name(name);
        if (text_equal(name, "default"))
                name = DEFAULT_NETWORK;
        if (r >= 0 && text_equal(name, DEFAULT_NETWORK))
                r = ensure_default(store, err);
        return r < 0 ? r : store_network_find(store, name, ret, err);
}

int network_find(Engine *engine, const char *name, NetdNetwork *ret, Error *err)
{
        _cleanup_store_network_ StoreNetwork row = {0};
        int r = find_row(engine, name, &row, err);

        return r < 0 ? r : network_from_row(&row, ret, err);
}

/* ---- describing ---- */

static void add_pool(json_object *pools, const NetPrefix *subnet, const NetAddress *gateway,
                     const NetPrefix *range)
{
        json_object *pool;

        if (!net_address_set(&subnet->address))
                return;
        pool = json_object_new_object();
        network_record_set_prefix(pool, "Subnet", subnet);
        if (range && net_address_set(&range->address))
                network_record_set_prefix(pool, "IPRange", range);
        network_record_set_address(pool, "Gateway", gateway);
        json_object_array_add(pools, pool);
}

static int describe(Engine *engine, const StoreNetwork *row, bool containers, json_object **ret, Error *err)
{
        _cleanup_json_ json_object *object = json_object_new_object(), *document = NULL;
        json_object *ipam = json_object_new_object(), *pools = json_object_new_array();
        char created[CLOCK_TEXT_SIZE];
        NetdNetwork network;
        int r;

        json_set(object, "IPAM", ipam);
        json_set(ipam, "Config", pools);
        json_set_string(ipam, "Driver", "default");
        r = network_from_row(row, &network, err);
        if (r >= 0)
                r = json_parse(row->document, strlen(row->document), "network", &document, err);
        if (r < 0)
                return r;
        clock_format(row->created, created);
        json_set_string(object, "Name", row->name);
        json_set_string(object, "Id", row->id);
        json_set_string(object, "Created", created);
        json_set_string(object, "Scope", "local");
        json_set_string(object, "Driver", "bridge");
        json_set_bool(object, "EnableIPv6", net_address_set(&network.subnet6.address));
        add_pool(pools, &network.subnet4, &network.gateway4, &network.range4);
        add_pool(pools, &network.subnet6, &network.gateway6, NULL);
        json_set_bool(object, "Internal", network.internal);
        json_set_bool(object, "Attachable", false);
        json_set_bool(object, "Ingress", false);
        json_set(object, "Options", json_object_get(json_object_object_get(document, "Options")));
        json_set(object, "Labels", json_object_get(json_object_object_get(document, "Labels")));
        if (containers)
                r = network_describe_containers(engine, row->id, object, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

/* none and host, which exist without being anything. */
static json_object *predefined(const char *name)
{
        json_object *object = json_object_new_object();

        json_set_string(object, "Name", name);
        json_set_string(object, "Id", text_equal(name, "host") ? "host" : "none");
        json_set_string(object, "Driver", text_equal(name, "host") ? "host" : "null");
        json_set_string(object, "Scope", "local");
        json_set_bool(object, "Internal", false);
        json_set_bool(object, "EnableIPv6", false);
        json_set(object, "Containers", json_object_new_object());
        json_set(object, "Labels", json_object_new_object());
        json_set(object, "Options", json_object_new_object());
        return object;
}

static bool has_label(json_object *object, const char *wanted)
{
        json_object *labels = json_object_object_get(object, "Labels"), *value = NULL;
        const char *equals = strchrnul(wanted, '=');
        _cleanup_free_ char *key = strndup(wanted, (size_t)(equals - wanted));

        return key && json_object_object_get_ex(labels, key, &value) &&
               (!*equals || text_equal(json_object_get_string(value), equals + 1));
}

static const char *member(json_object *object, const char *key)
{
        return json_object_get_string(json_object_object_get(object, key)) ?: "";
}

static bool is_builtin(json_object *object)
{
        const char *name = member(object, "Name");

        return text_equal(name, DEFAULT_NETWORK) || text_equal(name, "host") || text_equal(name, "none");
}

/* 1: passes. */
static int passes(json_object *object, const StringList *filters, Error *err)
{
        for (size_t i = 0; i < filters->count; i++) {
                const char *filter = filters->items[i], *value;
                bool good;

                if ((value = text_after(filter, "name=")))
                        good = strstr(member(object, "Name"), value) != NULL;
                else if ((value = text_after(filter, "id=")))
                        good = text_after(member(object, "Id"), value) != NULL;
                else if ((value = text_after(filter, "driver=")))
                        good = text_equal(member(object, "Driver"), value);
                else if ((value = text_after(filter, "scope=")))
                        good = text_equal(value, "local");
                else if ((value = text_after(filter, "type=")))
                        good = is_builtin(object) == text_equal(value, "builtin");
                else if ((value = text_after(filter, "label=")))
                        good = has_label(object, value);
                else if ((value = text_after(filter, "dangling=")))
                        good = (!is_builtin(object) &&
                                json_object_object_length(json_object_object_get(object, "Containers")) ==
                                        0) == (text_equal(value, "true") || text_equal(value, "1"));
                else
                        return fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "invalid filter '%s': there are name, id, driver, scope, type, label and "
                                "dangling",
                                filter);
                if (!good)
                        return 0;
        }
        return 1;
}

int network_list(Engine *engine, const NetworkListOptions *options, json_object **ret, Error *err)
{
        _cleanup_json_ json_object *result = json_object_new_array();
        _cleanup_store_networks_ StoreNetworkList list = {0};
        static const char *const words[] = {"host", "none"};
        Store *store;
        int r;

        r = network_revive(engine, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r >= 0)
                r = ensure_default(store, err);
        if (r >= 0)
                r = store_network_list(store, &list, err);
        for (size_t i = 0; r >= 0 && i < list.count + ELEMENTSOF(words); i++) {
                _cleanup_json_ json_object *object = NULL;

                if (i < list.count)
                        r = describe(engine, &list.items[i], true, &object, err);
                else
                        object = predefined(words[i - list.count]);
                if (r >= 0)
                        r = passes(object, &options->filters, err);
                if (r > 0)
                        json_object_array_add(result, TAKE_PTR(object));
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(result);
        return 0;
}

int network_inspect(Engine *engine, const char *name, json_object **ret, Error *err)
{
        _cleanup_store_network_ StoreNetwork row = {0};
        int r;

        if (text_equal(name, "host") || text_equal(name, "none")) {
                *ret = predefined(name);
                return 0;
        }
        r = network_revive(engine, err);
        if (r >= 0)
                r = find_row(engine, name, &row, err);
        if (r >= 0)
                r = describe(engine, &row, true, ret, err);
        return r < 0 ? r : network_describe_counters(engine, row.id, *ret, err);
}

/* ---- removing ---- */

static int remove_row(Engine *engine, const StoreNetwork *row, Error *err)
{
        _cleanup_json_ json_object *object = NULL;
        json_object *containers;
        Store *store;
        int r;

        r = describe(engine, row, true, &object, err);
        if (r < 0)
                return r;
        containers = json_object_object_get(object, "Containers");
        json_object_object_foreach(containers, id, container)
        {
                fail_kind(err, ERROR_CONFLICT, EBUSY,
                          "error while removing network: network %s id %.12s has active endpoints: container "
                          "%s (%.12s)",
                          row->name, row->id, member(container, "Name"), id);
                return fail_hint(err, "stop it, or: kelp network disconnect %s %s", row->name,
                                 member(container, "Name"));
        }
        r = engine_store(engine, &store, err);
        return r < 0 ? r : store_network_delete(store, row->id, err);
}

int network_remove(Engine *engine, const char *name, Error *err)
{
        _cleanup_store_network_ StoreNetwork row = {0};
        int r;

        if (text_equal(name, "host") || text_equal(name, "none") || text_equal(name, DEFAULT_NETWORK))
                return fail_kind(err, ERROR_CONFLICT, EPERM,
                                 "%s is a pre-defined network and cannot be removed", name);
        r = find_row(engine, name, &row, err);
        return r < 0 ? r : remove_row(engine, &row, err);
}

int network_prune(Engine *engine, const StringList *filters, StringList *ret, Error *err)
{
        NetworkListOptions options = {0};
        _cleanup_json_ json_object *list = NULL;
        int r = string_list_copy(&options.filters, filters) < 0 ||
                                string_list_add(&options.filters, "dangling=true") < 0
                        ? fail_memory(err)
                        : 0;

        if (r >= 0)
                r = network_list(engine, &options, &list, err);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++) {
                const char *name = member(json_object_array_get_idx(list, i), "Name");

                if (network_remove(engine, name, NULL) >= 0 && string_list_add(ret, name) < 0)
                        r = fail_memory(err);
        }
        string_list_deinit(&options.filters);
        return r;
}
