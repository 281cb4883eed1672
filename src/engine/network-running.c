/* Networks of containers that are there: connected, disconnected, ports published and taken back. */
#include "engine/container-state.h"
#include "engine/network-join.h"
#include "engine/network-netd.h"

#include <string.h>

/* ---- what running containers have ---- */

typedef struct RunningContainer {
        StoreContainer row;
        NetdAttach *attach;
} RunningContainer;

static void running_deinit(RunningContainer *running)
{
        store_container_deinit(&running->row);
        free(running->attach);
}

/* ERROR_CONFLICT when it does not run. */
static int find_container(Engine *engine, const char *name, RunningContainer *ret, Error *err)
{
        int r;

        ret->attach = calloc(1, sizeof(*ret->attach));
        if (!ret->attach)
                return fail_memory(err);
        r = network_revive(engine, err);
        if (r >= 0)
                r = container_find(engine, name, &ret->row, err);
        if (r >= 0 && !text_equal(ret->row.status, "running"))
                r = fail_kind(err, ERROR_CONFLICT, ESRCH, "container %s is not running", ret->row.name);
        if (r >= 0)
                (void)network_read_attach(engine, ret->row.id, ret->attach, NULL);
        return r < 0 ? r : 0;
}

/* Held from reading what a container has until what it has now is written. */
static int lock_changes(Engine *engine, Error *err)
{
        Store *store;
        int r = engine_store(engine, &store, err);

        return r < 0 ? r : store_network_lock_changes(store, err);
}

/* ---- connect, disconnect ---- */

static int save_configuration(Engine *engine, const char *id, const ContainerConfiguration *configuration,
                              Error *err)
{
        _cleanup_json_ json_object *document = container_configuration_to_json(configuration);
        Store *store;
        int r = document ? engine_store(engine, &store, err) : fail_memory(err);

        return r < 0 ? r : store_container_configure(store, id, json_text(document), err);
}

static int attach_more(Engine *engine, const StoreContainer *row, const NetdNetwork *network,
                       const NetdEndpoint *endpoint, Error *err)
{
        _cleanup_free_ NetdRequest *request = network_request_new(NETD_CONNECT);
        _cleanup_free_ NetdAttach *saved = calloc(1, sizeof(*saved));
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        NetdAttach *attach;
        uint32_t index;
        int r;

        if (!request || !saved || !answer)
                return fail_memory(err);
        if (network_read_attach(engine, row->id, saved, NULL) < 0)
                return fail_kind(
                        err, ERROR_CONFLICT, ENOTCONN,
                        "container %s runs without networks: stop it, connect it, and start it again",
                        row->name);
        if (saved->endpoint_count == NETD_ENDPOINTS_MAXIMUM)
                return fail_kind(err, ERROR_USAGE, E2BIG, "at most %d networks are possible",
                                 NETD_ENDPOINTS_MAXIMUM);
        attach = &request->attach;
        memcpy(attach->container, saved->container, sizeof(attach->container));
        memcpy(attach->name, saved->name, sizeof(attach->name));
        attach->endpoint_count = 1;
        attach->endpoints[0] = *endpoint;
        attach->networks[0] = *network;
        memcpy(attach->endpoints[0].network, network->id, sizeof(network->id));
        index = saved->endpoint_count;
        for (uint32_t i = 0; i < saved->endpoint_count; i++) {
                uint64_t number;

                if (text_to_u64(saved->endpoints[i].interface + 3, 64, &number) >= 0 && number >= index)
                        index = (uint32_t)number + 1;
        }
        snprintf(attach->endpoints[0].interface, sizeof(endpoint->interface), "eth%u", index);
        r = network_ask(engine, request, answer, NULL, err);
        if (r < 0)
                return r;
        saved->endpoints[saved->endpoint_count] = answer->endpoints[0];
        saved->networks[saved->endpoint_count++] = *network;
        return network_save_attach(engine, row->id, saved, err);
}

static bool names_network(const char *text, const char *name)
{
        NetdEndpoint endpoint = {0};
        char found[NETD_NAME_SIZE];

        return network_endpoint_parse(text, found, &endpoint, NULL) >= 0 &&
               text_equal(network_plain_name(found), name);
}

static int find_configured(Engine *engine, const char *container, StoreContainer *row,
                           ContainerConfiguration *configuration, Error *err)
{
        int r = network_revive(engine, err);

        if (r >= 0)
                r = container_find(engine, container, row, err);
        return r < 0 ? r : container_configuration_from_json(row->configuration, configuration, err);
}

int network_connect(Engine *engine, const char *name, const char *container,
                    const NetworkConnectOptions *options, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_buffer_ Buffer text = {0};
        NetdEndpoint endpoint = {0};
        char parsed[NETD_NAME_SIZE];
        _cleanup_close_ int lock = lock_changes(engine, err);
        NetdNetwork network;
        int r = lock < 0 ? lock : find_configured(engine, container, &row, &configuration, err);

        if (r >= 0)
                r = network_find(engine, name, &network, err);
        if (r < 0)
                return r;
        if (text_equal(configuration.network, "host") || text_after(configuration.network, "container:"))
                return fail_kind(
                        err, ERROR_CONFLICT, EINVAL,
                        "container %s has the network of %s: it cannot be connected to others", row.name,
                        text_equal(configuration.network, "host") ? "the host" : "another container");
        for (size_t i = 0; i < configuration.networks.count; i++)
                if (names_network(configuration.networks.items[i], network.name))
                        return fail_kind(err, ERROR_CONFLICT, EEXIST,
                                         "endpoint with name %s already exists in network %s", row.name,
                                         network.name);
        buffer_printf(&text, "name=%s", network.name);
        if (options->ip)
                buffer_printf(&text, ",ip=%s", options->ip);
        if (options->ip6)
                buffer_printf(&text, ",ip6=%s", options->ip6);
        for (size_t i = 0; i < options->aliases.count; i++)
                buffer_printf(&text, ",alias=%s", options->aliases.items[i]);
        if (text.failed || string_list_add(&configuration.networks, text.data) < 0)
                return fail_memory(err);
        r = network_endpoint_parse(text.data, parsed, &endpoint, err);
        if (r >= 0 && text_equal(row.status, "running"))
                r = attach_more(engine, &row, &network, &endpoint, err);
        if (r >= 0 && text_equal(configuration.network, "none") &&
            text_replace(&configuration.network, network.name) < 0)
                r = fail_memory(err);
        return r < 0 ? r : save_configuration(engine, row.id, &configuration, err);
}

static int detach_running(Engine *engine, const StoreContainer *row, const NetdNetwork *network, Error *err)
{
        _cleanup_free_ NetdRequest *request = network_request_new(NETD_DETACH);
        _cleanup_free_ NetdAttach *saved = calloc(1, sizeof(*saved));
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        int r;

        if (!request || !saved || !answer)
                return fail_memory(err);
        r = network_read_attach(engine, row->id, saved, err);
        if (r < 0)
                return r;
        memcpy(request->container, saved->container, sizeof(request->container));
        memcpy(request->network, network->id, sizeof(request->network));
        r = network_ask(engine, request, answer, NULL, err);
        for (uint32_t i = 0; r >= 0 && i < saved->endpoint_count; i++) {
                uint32_t behind = saved->endpoint_count - i - 1;

                if (!text_equal(saved->endpoints[i].network, network->id))
                        continue;
                memmove(&saved->endpoints[i], &saved->endpoints[i + 1], behind * sizeof(saved->endpoints[0]));
                memmove(&saved->networks[i], &saved->networks[i + 1], behind * sizeof(saved->networks[0]));
                saved->endpoint_count--;
                break;
        }
        return r < 0 ? r : network_save_attach(engine, row->id, saved, err);
}

int network_disconnect(Engine *engine, const char *name, const char *container, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_strings_ StringList kept = {0};
        _cleanup_close_ int lock = lock_changes(engine, err);
        NetdNetwork network;
        int r = lock < 0 ? lock : find_configured(engine, container, &row, &configuration, err);

        if (r >= 0)
                r = network_find(engine, name, &network, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < configuration.networks.count; i++)
                if (!names_network(configuration.networks.items[i], network.name) &&
                    string_list_add(&kept, configuration.networks.items[i]) < 0)
                        return fail_memory(err);
        if (kept.count == configuration.networks.count)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "container %s is not connected to network %s",
                                 row.name, network.name);
        if (text_equal(row.status, "running"))
                r = detach_running(engine, &row, &network, err);
        string_list_deinit(&configuration.networks);
        configuration.networks = kept;
        kept = (StringList){0};
        if (r >= 0 && configuration.networks.count == 0 && text_replace(&configuration.network, "none") < 0)
                r = fail_memory(err);
        return r < 0 ? r : save_configuration(engine, row.id, &configuration, err);
}

/* ---- ports of running containers ---- */

static int format_port(const NetdPort *port, bool with_name, StringList *ret)
{
        char address[NET_ADDRESS_TEXT_SIZE] = "0.0.0.0", name[16];
        bool v6 = port->address.family == AF_INET6;
        int r;

        if (net_address_set(&port->address))
                net_address_format(&port->address, address);
        network_port_name(port, name, sizeof(name));
        r = string_list_addf(ret, "%s%s%s%s%s:%u", with_name ? name : "", with_name ? " -> " : "",
                             v6 ? "[" : "", address, v6 ? "]" : "", port->host_port);
        if (r >= 0 && !net_address_set(&port->address))
                r = string_list_addf(ret, "%s%s[::]:%u", with_name ? name : "", with_name ? " -> " : "",
                                     port->host_port);
        return r;
}

int network_ports(Engine *engine, const char *container, const char *port, StringList *ret, Error *err)
{
        _cleanup_(running_deinit) RunningContainer running = {0};
        int r = find_container(engine, container, &running, err);
        size_t matches = 0;

        for (uint32_t i = 0; r >= 0 && i < running.attach->port_count; i++) {
                const NetdPort *item = &running.attach->ports[i];
                char name[16];

                network_port_name(item, name, sizeof(name));
                if (port && strcasecmp(port, name) != 0 &&
                    (strchr(port, '/') || item->protocol != IPPROTO_TCP ||
                     strncmp(name, port, strlen(port)) != 0 || name[strlen(port)] != '/'))
                        continue;
                matches++;
                r = format_port(item, !port, ret) < 0 ? fail_memory(err) : 0;
        }
        if (r >= 0 && port && !matches)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "no public port '%s' published for %s", port,
                                 container);
        return r;
}

/* What publishing and unpublishing begin with. */
typedef struct PortChange {
        RunningContainer running;
        NetdRequest *request;
        NetdAnswer *answer;
        NetdPort ports[NETD_PORTS_MAXIMUM];
        uint32_t count;
} PortChange;

static void port_change_deinit(PortChange *change)
{
        running_deinit(&change->running);
        free(change->request);
        free(change->answer);
}

static int port_change_begin(Engine *engine, NetdVerb verb, const char *container, const char *text,
                             PortChange *ret, Error *err)
{
        int r = network_port_parse(text, ret->ports, &ret->count, err);

        ret->request = network_request_new(verb);
        ret->answer = malloc(sizeof(*ret->answer));
        if (!ret->request || !ret->answer)
                return fail_memory(err);
        if (r >= 0)
                r = find_container(engine, container, &ret->running, err);
        if (r >= 0)
                snprintf(ret->request->container, sizeof(ret->request->container), "%s", ret->running.row.id);
        return r;
}

static int publish_one(Engine *engine, PortChange *change, const NetdPort *port, StringList *ret, Error *err)
{
        NetdAttach *attach = change->running.attach;
        int r;

        if (attach->port_count == NETD_PORTS_MAXIMUM)
                return fail_kind(err, ERROR_USAGE, E2BIG, "at most %d ports can be published",
                                 NETD_PORTS_MAXIMUM);
        change->request->port = *port;
        *change->answer = (NetdAnswer){0};
        r = network_ask(engine, change->request, change->answer, NULL, err);
        if (r < 0)
                network_explain_port(change->answer, err);
        if (r < 0)
                return r;
        attach->ports[attach->port_count++] = change->answer->ports[0];
        r = network_save_attach(engine, change->running.row.id, attach, err);
        if (r >= 0 && format_port(&change->answer->ports[0], true, ret) < 0)
                r = fail_memory(err);
        return r;
}

int network_publish(Engine *engine, const char *container, const char *text, StringList *ret, Error *err)
{
        _cleanup_(port_change_deinit) PortChange change = {0};
        _cleanup_close_ int lock = lock_changes(engine, err);
        int r = lock < 0 ? lock : port_change_begin(engine, NETD_PUBLISH, container, text, &change, err);

        for (uint32_t i = 0; r >= 0 && i < change.count; i++)
                r = publish_one(engine, &change, &change.ports[i], ret, err);
        return r;
}

static bool is_port(const NetdPort *port, const NetdPort *wanted)
{
        return port->protocol == wanted->protocol && port->container_port == wanted->container_port &&
               (!wanted->host_port || port->host_port == wanted->host_port);
}

static int unpublish_one(Engine *engine, PortChange *change, const NetdPort *port, Error *err)
{
        NetdAttach *attach = change->running.attach;
        int r;

        change->request->port = *port;
        r = network_ask(engine, change->request, change->answer, NULL, err);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < attach->port_count; i++)
                if (is_port(&attach->ports[i], port)) {
                        attach->ports[i] = attach->ports[--attach->port_count];
                        break;
                }
        return network_save_attach(engine, change->running.row.id, attach, err);
}

int network_unpublish(Engine *engine, const char *container, const char *text, Error *err)
{
        _cleanup_(port_change_deinit) PortChange change = {0};
        _cleanup_close_ int lock = lock_changes(engine, err);
        int r = lock < 0 ? lock : port_change_begin(engine, NETD_UNPUBLISH, container, text, &change, err);

        for (uint32_t i = 0; r >= 0 && i < change.count; i++)
                r = unpublish_one(engine, &change, &change.ports[i], err);
        return r;
}

/* ---- looking ---- */

int network_capture(Engine *engine, const char *name, int *ret_fd, Error *err)
{
        _cleanup_free_ NetdRequest *request = network_request_new(NETD_CAPTURE);
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        int fds[NETD_DESCRIPTORS_MAXIMUM] = {-EBADF, -EBADF};
        NetdNetwork network;
        int r = request && answer ? network_find(engine, name, &network, err) : fail_memory(err);

        if (r >= 0)
                r = network_revive(engine, err);
        if (r < 0)
                return r;
        memcpy(request->network, network.id, sizeof(request->network));
        r = network_ask(engine, request, answer, fds, err);
        *ret_fd = fds[0];
        return r;
}

int network_counters(Engine *engine, const char *container_id, const char *network_id, NetdCounters *ret,
                     Error *err)
{
        _cleanup_free_ NetdRequest *request = network_request_new(NETD_STATUS);
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        int r;

        if (!request || !answer)
                return fail_memory(err);
        snprintf(request->container, sizeof(request->container), "%s", container_id);
        snprintf(request->network, sizeof(request->network), "%s", network_id ?: "");
        r = network_ask(engine, request, answer, NULL, err);
        if (r >= 0)
                *ret = answer->counters;
        return r;
}
