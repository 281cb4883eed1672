#include "engine/network-join.h"

#include "base/file.h"
#include "engine/container-state.h"
#include "net/client.h"
#include "store/containers.h"
#include "sys/process.h"

#include <fcntl.h>
#include <string.h>

#define ATTACH_FILE "network"

static NetdRequest *new_request(NetdVerb verb)
{
        NetdRequest *request = calloc(1, sizeof(*request));

        if (request) {
                request->version = NETD_VERSION;
                request->verb = verb;
        }
        return request;
}

/* What was made in vain goes at once. */
static void give_up(NetworkJoin *join)
{
        const NetdClient client = {.run = join->run};
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));

        join->request->verb = NETD_DETACH;
        memcpy(join->request->container, join->request->attach.container, sizeof(join->request->container));
        if (answer)
                (void)netd_request(&client, join->request, NULL, 0, answer, NULL, NULL);
}

void network_join_deinit(NetworkJoin *join)
{
        if (join->request && join->namespace_fd >= 0 && !join->held)
                give_up(join);
        cleanup_close(&join->namespace_fd);
        free(join->request);
        free(join->run);
        free(join->hosts);
        free(join->name_servers);
        *join = (NetworkJoin)NETWORK_JOIN_INIT;
}

/* ---- kelp-netd ---- */

static int open_client(Engine *engine, NetdClient *ret, char **ret_program, Error *err)
{
        int r = engine_helper(engine, "kelp-netd", ret_program, err);

        if (r >= 0)
                *ret = (NetdClient){.run = engine->paths.run, .program = *ret_program};
        return r;
}

/* A request of kelp-netd as it runs; without one, @otherwise (a negative errno) with its words. */
static int ask(Engine *engine, const NetdRequest *request, NetdAnswer *ret, int *ret_fds, Error *err)
{
        const NetdClient client = {.run = engine->paths.run};
        int r = netd_request(&client, request, NULL, 0, ret, ret_fds, err);

        return r == -ENOTCONN && (!err || err->code != ENOTCONN)
                       ? fail_kind(err, ERROR_NOT_FOUND, ENOTCONN,
                                   "kelp-netd does not run: no container is on a network")
                       : r;
}

int network_read_attach(Engine *engine, const char *id, NetdAttach *ret, Error *err)
{
        _cleanup_free_ char *path = text_printf("containers/%s/%s", id, ATTACH_FILE);
        _cleanup_close_ int fd = -EBADF;
        Store *store;
        int r = engine_store(engine, &store, err);

        if (r < 0)
                return r;
        if (!path)
                return fail_memory(err);
        fd = openat(store_fd(store), path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || file_read_full(fd, ret, sizeof(*ret)) != (ssize_t)sizeof(*ret) ||
            ret->endpoint_count > NETD_ENDPOINTS_MAXIMUM || ret->port_count > NETD_PORTS_MAXIMUM)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "container %.12s is on no network", id);
        return 0;
}

static int write_attach(int folder, const NetdAttach *attach, Error *err)
{
        _cleanup_close_ int fd =
                openat(folder, ATTACH_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : file_write_all(fd, attach, sizeof(*attach));

        return r < 0 ? fail_errno(err, -r, "write what networks the container is on") : 0;
}

static int save_attach(Engine *engine, const char *id, const NetdAttach *attach, Error *err)
{
        _cleanup_free_ char *path = text_printf("containers/%s", id);
        _cleanup_close_ int folder = -EBADF;
        Store *store;
        int r = engine_store(engine, &store, err);

        if (r < 0)
                return r;
        folder = path ? openat(store_fd(store), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -ENOMEM;
        return folder < 0 ? fail_errno(err, errno, "folder of container %.12s", id)
                          : write_attach(folder, attach, err);
}

/* Descriptors of a process: its network namespace and itself. */
static int send_attach(const NetdClient *client, const NetdRequest *request, pid_t pid, int pidfd,
                       NetdAnswer *answer, Error *err)
{
        _cleanup_close_ int namespace = -EBADF;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
        namespace = open(path, O_RDONLY | O_CLOEXEC);
        if (namespace < 0)
                return fail_errno(err, errno, "network namespace of the container");
        return netd_request(client, request, (const int[]){pidfd, namespace}, 2, answer, NULL, err);
}

/* ---- reviving ---- */

typedef struct Running {
        NetdRequest *request; /* to attach it again */
        pid_t pid;
        int pidfd;
} Running;

/* 1: @row runs and is on a network. */
static int find_running(Engine *engine, const StoreContainer *row, Running *ret)
{
        int r;

        if (!text_equal(row->status, "running"))
                return 0;
        r = network_read_attach(engine, row->id, &ret->request->attach, NULL);
        if (r < 0)
                return 0;
        ret->pid = row->pid;
        ret->pidfd = process_open(row->pid, row->pid_start);
        return ret->pidfd >= 0;
}

/* Calls @function for each running container that is on a network; stops when it does not return 0. */
static int each_running(Engine *engine,
                        int (*function)(Engine *engine, const Running *running, void *argument),
                        void *argument, Error *err)
{
        _cleanup_store_containers_ StoreContainerList list = {0};
        _cleanup_free_ NetdRequest *request = new_request(NETD_ATTACH);
        Store *store;
        int r = request ? engine_store(engine, &store, err) : fail_memory(err);

        if (r >= 0)
                r = store_container_list(store, &list, err);
        for (size_t i = 0; r == 0 && i < list.count; i++) {
                Running running = {.request = request, .pidfd = -EBADF};

                if (find_running(engine, &list.items[i], &running) > 0)
                        r = function(engine, &running, argument);
                cleanup_close(&running.pidfd);
        }
        return r;
}

static int take_user_namespace(Engine *engine, const Running *running, void *argument)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/ns/user", running->pid);
        *(int *)argument = open(path, O_RDONLY | O_CLOEXEC);
        return 1;
}

typedef struct Revival {
        NetdClient client;
        size_t count;
} Revival;

static int attach_again(Engine *engine, const Running *running, void *argument)
{
        Revival *revival = argument;
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        Error failed = ERROR_INIT;

        if (!answer)
                return 0;
        if (send_attach(&revival->client, running->request, running->pid, running->pidfd, answer, &failed) >=
            0)
                revival->count++;
        else
                notice_add(&engine->notices, "container %s could not be connected to its networks again: %s",
                           running->request->attach.name, failed.message);
        return 0;
}

/* Starts it in the user namespace of the containers that use it, or in a new one, and connects them. */
static int start(Engine *engine, Error *err)
{
        _cleanup_close_ int theirs = -EBADF;
        _cleanup_free_ char *program = NULL;
        Revival revival = {0};
        int namespace, r;

        r = open_client(engine, &revival.client, &program, err);
        if (r >= 0)
                r = each_running(engine, take_user_namespace, &theirs, err);
        if (r < 0)
                return r;
        namespace = theirs;
        if (theirs < 0) {
                r = engine_user_namespace(engine, &namespace, err);
                if (r < 0)
                        return r;
        }
        r = netd_start(&revival.client, namespace, err);
        if (r <= 0 || theirs < 0)
                return r;
        r = each_running(engine, attach_again, &revival, err);
        if (revival.count)
                notice_add(&engine->notices,
                           "kelp-netd had ended unexpectedly: %zu running container%s had no network; it "
                           "runs again, "
                           "and so do their networks",
                           revival.count, revival.count == 1 ? "" : "s");
        return r;
}

static int count_running(Engine *engine, const Running *running, void *argument)
{
        return 1;
}

int network_revive(Engine *engine, Error *err)
{
        const NetdClient client = {.run = engine->paths.run};
        _cleanup_free_ char *socket = text_printf("%s/%s", engine->paths.run, NETD_SOCKET);
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        _cleanup_close_ int namespace = -EBADF;
        int r;

        if (!socket || !answer)
                return fail_memory(err);
        if (access(socket, F_OK) < 0)
                return 0; /* there never was one */
        r = netd_hello(&client, &namespace, answer, err);
        if (r != -ENOTCONN)
                return r;
        r = each_running(engine, count_running, NULL, err);
        return r > 0 ? start(engine, err) : r;
}

/* ---- what a container is to have ---- */

static int fill_endpoints(Engine *engine, const ContainerConfiguration *configuration, NetdAttach *attach,
                          Error *err)
{
        if (configuration->networks.count > NETD_ENDPOINTS_MAXIMUM)
                return fail_kind(err, ERROR_USAGE, E2BIG, "at most %d networks are possible",
                                 NETD_ENDPOINTS_MAXIMUM);
        for (size_t i = 0; i < configuration->networks.count; i++) {
                NetdEndpoint *endpoint = &attach->endpoints[i];
                char name[NETD_NAME_SIZE];
                int r = network_endpoint_parse(configuration->networks.items[i], name, endpoint, err);

                if (r >= 0)
                        r = network_find(engine, name, &attach->networks[i], err);
                if (r < 0)
                        return r;
                snprintf(endpoint->network, sizeof(endpoint->network), "%s", attach->networks[i].id);
                snprintf(endpoint->interface, sizeof(endpoint->interface), "eth%u", (unsigned)(uint8_t)i);
                attach->endpoint_count++;
        }
        return 0;
}

static int fill_ports(const ContainerConfiguration *configuration, NetdAttach *attach, Error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < configuration->ports.count; i++)
                r = network_port_parse(configuration->ports.items[i], attach->ports, &attach->port_count,
                                       err);
        if (!configuration->publish_all)
                return r;
        for (size_t i = 0; r >= 0 && i < configuration->exposed_ports.count; i++) {
                NetdPort ports[NETD_PORTS_MAXIMUM];
                uint32_t count = 0, known = 0;

                r = network_port_parse(configuration->exposed_ports.items[i], ports, &count, err);
                for (uint32_t k = 0; r >= 0 && k < attach->port_count; k++)
                        known += attach->ports[k].container_port == ports[0].container_port &&
                                 attach->ports[k].protocol == ports[0].protocol;
                for (uint32_t k = 0; r >= 0 && !known && k < count && attach->port_count < NETD_PORTS_MAXIMUM;
                     k++)
                        attach->ports[attach->port_count++] = ports[k];
        }
        return r;
}

static int fill(Engine *engine, const StoreContainer *row, const ContainerConfiguration *configuration,
                NetdAttach *attach, Error *err)
{
        int r;

        snprintf(attach->container, sizeof(attach->container), "%s", row->id);
        snprintf(attach->name, sizeof(attach->name), "%s", row->name ?: "");
        r = fill_endpoints(engine, configuration, attach, err);
        if (r >= 0)
                r = fill_ports(configuration, attach, err);
        for (size_t i = 0; r >= 0 && i < configuration->allow_host.count && i < NETD_GRANTS_MAXIMUM; i++) {
                uint64_t port;

                r = text_to_u64(configuration->allow_host.items[i], UINT16_MAX, &port);
                attach->grants[attach->grant_count++] = (uint16_t)port;
        }
        for (size_t i = 0; r >= 0 && i < configuration->dns.count && i < NETD_SERVERS_MAXIMUM; i++)
                if (net_address_parse(configuration->dns.items[i], &attach->servers[attach->server_count++]) <
                    0)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "%s is not an ip address (--dns)",
                                         configuration->dns.items[i]);
        return r;
}

/* The address of the linked container on a network that this one joins. */
static int find_link(Engine *engine, const NetdAttach *own, const char *name, NetAddress *ret,
                     char **ret_name, Error *err)
{
        _cleanup_store_container_ StoreContainer other = {0};
        _cleanup_free_ NetdAttach *theirs = malloc(sizeof(*theirs));
        int r = theirs ? container_find(engine, name, &other, err) : fail_memory(err);

        if (r < 0)
                return fail_wrap(err, r, "--link");
        if (!text_equal(other.status, "running"))
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "Cannot link to a non running container: /%s",
                                 other.name);
        r = network_read_attach(engine, other.id, theirs, err);
        for (uint32_t i = 0; r >= 0 && i < theirs->endpoint_count; i++)
                for (uint32_t k = 0; k < own->endpoint_count; k++)
                        if (text_equal(theirs->endpoints[i].network, own->endpoints[k].network)) {
                                *ret = theirs->endpoints[i].ip4;
                                *ret_name = strdup(other.name);
                                return *ret_name ? 0 : fail_memory(err);
                        }
        return r < 0 ? r
                     : fail_kind(err, ERROR_CONFLICT, ENOTCONN,
                                 "--link %s: it shares no network with this container", name);
}

static int write_links(Engine *engine, const ContainerConfiguration *configuration, const NetdAttach *attach,
                       Buffer *hosts, Error *err)
{
        for (size_t i = 0; i < configuration->links.count; i++) {
                const char *text = configuration->links.items[i], *colon = strchr(text, ':');
                _cleanup_free_ char *target = colon ? strndup(text, (size_t)(colon - text)) : strdup(text),
                                    *name = NULL;
                char address[NET_ADDRESS_TEXT_SIZE];
                NetAddress found;
                int r = target ? find_link(engine, attach, target, &found, &name, err) : fail_memory(err);

                if (r < 0)
                        return r;
                net_address_format(&found, address);
                buffer_printf(hosts, "%s\t%s %s\n", address, colon ? colon + 1 : name, name);
        }
        return 0;
}

static int write_files(Engine *engine, const ContainerConfiguration *configuration, const NetdAttach *attach,
                       NetworkJoin *join, Error *err)
{
        _cleanup_buffer_ Buffer hosts = {0}, servers = {0};
        char text[NET_ADDRESS_TEXT_SIZE];
        const char *domain = configuration->domainname;
        int r;

        for (uint32_t i = 0; i < attach->endpoint_count; i++) {
                const NetAddress *addresses[] = {&attach->endpoints[i].ip4, &attach->endpoints[i].ip6};

                for (size_t k = 0; k < 2; k++) {
                        if (!net_address_set(addresses[k]))
                                continue;
                        net_address_format(addresses[k], text);
                        buffer_printf(&hosts, "%s\t%s", text, configuration->hostname);
                        if (!text_empty(domain))
                                buffer_printf(&hosts, ".%s %s", domain, configuration->hostname);
                        buffer_putc(&hosts, '\n');
                }
        }
        r = write_links(engine, configuration, attach, &hosts, err);
        if (r < 0)
                return r;
        net_address_format(&attach->networks[0].gateway4, text);
        buffer_printf(&servers, "nameserver %s\n", text);
        join->hosts = buffer_take(&hosts);
        join->name_servers = buffer_take(&servers);
        return join->hosts && join->name_servers ? 0 : fail_memory(err);
}

/* With a descriptor of this process: what is made for a container that never starts goes with it. */
static int attach(const NetdClient *client, const NetworkJoin *join, NetdAnswer *answer,
                  int ret_fds[static NETD_DESCRIPTORS_MAXIMUM], Error *err)
{
        _cleanup_close_ int self = process_open(getpid(), 0);

        if (self < 0)
                return fail_errno(err, -self, "pidfd of this process");
        return netd_request(client, join->request, &self, 1, answer, ret_fds, err);
}

int network_join_prepare(Engine *engine, const StoreContainer *row,
                         const ContainerConfiguration *configuration, NetworkJoin *ret,
                         int *ret_user_namespace, Error *err)
{
        _cleanup_(network_join_deinit) NetworkJoin join = NETWORK_JOIN_INIT;
        _cleanup_free_ NetdAnswer *answer = NULL;
        const NetdClient client = {.run = engine->paths.run};
        int fds[NETD_DESCRIPTORS_MAXIMUM] = {-EBADF, -EBADF}, r;

        if (!network_is_bridge(configuration->network))
                return 0;
        join.request = new_request(NETD_ATTACH);
        answer = malloc(sizeof(*answer));
        if (!join.request || !answer || text_replace(&join.run, engine->paths.run) < 0)
                return fail_memory(err);
        r = fill(engine, row, configuration, &join.request->attach, err);
        if (r < 0)
                return r;
        r = attach(&client, &join, answer, fds, err);
        if (r == -ENOTCONN) {
                r = start(engine, err);
                if (r >= 0)
                        r = attach(&client, &join, answer, fds, err);
        }
        if (r == -ENOTCONN)
                return fail(err, ENOTCONN,
                            "kelp-netd ended while the container was made: its log is %s/netd.log",
                            engine->paths.run);
        if (r < 0)
                return r;
        join.namespace_fd = fds[1];
        *ret_user_namespace = fds[0];
        memcpy(join.request->attach.endpoints, answer->endpoints, sizeof(answer->endpoints));
        memcpy(join.request->attach.ports, answer->ports, sizeof(answer->ports));
        r = write_files(engine, configuration, &join.request->attach, &join, err);
        if (r < 0) {
                cleanup_close(ret_user_namespace);
                return r;
        }
        *ret = join;
        join = (NetworkJoin)NETWORK_JOIN_INIT;
        return 0;
}

int network_join_hold(NetworkJoin *join, const char *name, int pidfd, int folder, Error *err)
{
        const NetdClient client = {.run = join->run};
        _cleanup_free_ NetdAnswer *answer = NULL;
        NetdRequest *request = join->request;
        int r;

        if (!request)
                return 0;
        answer = malloc(sizeof(*answer));
        if (!answer)
                return fail_memory(err);
        request->verb = NETD_HOLD;
        memcpy(request->container, request->attach.container, sizeof(request->container));
        snprintf(request->attach.name, sizeof(request->attach.name), "%s", name);
        r = netd_request(&client, request, &pidfd, 1, answer, NULL, err);
        if (r == -ENOTCONN)
                return fail(err, ENOTCONN,
                            "kelp-netd was killed while the container started: start it again");
        if (r < 0)
                return r;
        join->held = true;
        return write_attach(folder, &request->attach, err);
}

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

static int describe_one(Engine *engine, const Running *running, void *argument)
{
        const NetdAttach *attach = &running->request->attach;
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
                snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", endpoint->mac[0],
                         endpoint->mac[1], endpoint->mac[2], endpoint->mac[3], endpoint->mac[4],
                         endpoint->mac[5]);
                json_set_string(item, "MacAddress", text);
                net_prefix_format(&address4, text);
                json_set_string(item, "IPv4Address", text);
                net_prefix_format(&address6, text);
                json_set_string(item, "IPv6Address", text);
                json_set(containers, attach->container, item);
        }
        return 0;
}

int network_describe_containers(Engine *engine, const char *network_id, json_object *object, Error *err)
{
        json_set(object, "Containers", json_object_new_object());
        return each_running(engine, describe_one, object, err);
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

static void set_address(json_object *object, const char *key, const NetAddress *address)
{
        char text[NET_ADDRESS_TEXT_SIZE];

        net_address_format(address, text);
        json_set_string(object, key, text);
}

static json_object *describe_endpoint(const NetdEndpoint *endpoint, const NetdNetwork *network)
{
        json_object *object = json_object_new_object(), *aliases = json_object_new_array();
        char mac[24];

        for (const char *alias = endpoint->names; *alias; alias += strlen(alias) + 1)
                json_object_array_add(aliases, json_object_new_string(alias));
        snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", endpoint->mac[0], endpoint->mac[1],
                 endpoint->mac[2], endpoint->mac[3], endpoint->mac[4], endpoint->mac[5]);
        json_set(object, "Aliases", aliases);
        json_set_string(object, "NetworkID", endpoint->network);
        set_address(object, "Gateway", &network->gateway4);
        set_address(object, "IPAddress", &endpoint->ip4);
        json_set_int64(object, "IPPrefixLen", net_address_set(&endpoint->ip4) ? network->subnet4.length : 0);
        set_address(object, "IPv6Gateway", &network->gateway6);
        set_address(object, "GlobalIPv6Address", &endpoint->ip6);
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
                if (fill_endpoints(engine, configuration, attach, NULL) < 0)
                        attach->endpoint_count = 0;
        }
        describe_port_map(attach, configuration, settings);
        for (uint32_t i = 0; i < attach->endpoint_count; i++)
                json_set(networks, attach->networks[i].name,
                         describe_endpoint(&attach->endpoints[i], &attach->networks[i]));
        set_address(settings, "IPAddress", &attach->endpoints[0].ip4);
        set_address(settings, "Gateway", &attach->networks[0].gateway4);
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
        _cleanup_free_ NetdRequest *request = new_request(NETD_CONNECT);
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
        r = ask(engine, request, answer, NULL, err);
        if (r < 0)
                return r;
        saved->endpoints[saved->endpoint_count] = answer->endpoints[0];
        saved->networks[saved->endpoint_count++] = *network;
        return save_attach(engine, row->id, saved, err);
}

static bool names_network(const char *text, const char *name)
{
        NetdEndpoint endpoint = {0};
        char found[NETD_NAME_SIZE];

        return network_endpoint_parse(text, found, &endpoint, NULL) >= 0 && text_equal(found, name);
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
        NetdNetwork network;
        int r = find_configured(engine, container, &row, &configuration, err);

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
        _cleanup_free_ NetdRequest *request = new_request(NETD_DETACH);
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
        r = ask(engine, request, answer, NULL, err);
        for (uint32_t i = 0; r >= 0 && i < saved->endpoint_count; i++) {
                uint32_t behind = saved->endpoint_count - i - 1;

                if (!text_equal(saved->endpoints[i].network, network->id))
                        continue;
                memmove(&saved->endpoints[i], &saved->endpoints[i + 1], behind * sizeof(saved->endpoints[0]));
                memmove(&saved->networks[i], &saved->networks[i + 1], behind * sizeof(saved->networks[0]));
                saved->endpoint_count--;
                break;
        }
        return r < 0 ? r : save_attach(engine, row->id, saved, err);
}

int network_disconnect(Engine *engine, const char *name, const char *container, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_strings_ StringList kept = {0};
        NetdNetwork network;
        int r = find_configured(engine, container, &row, &configuration, err);

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

int network_publish(Engine *engine, const char *container, const char *text, StringList *ret, Error *err)
{
        _cleanup_(running_deinit) RunningContainer running = {0};
        _cleanup_free_ NetdRequest *request = new_request(NETD_PUBLISH);
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        NetdPort ports[NETD_PORTS_MAXIMUM];
        uint32_t count = 0;
        int r = request && answer ? network_port_parse(text, ports, &count, err) : fail_memory(err);

        if (r >= 0)
                r = find_container(engine, container, &running, err);
        for (uint32_t i = 0; r >= 0 && i < count; i++) {
                NetdAttach *attach = running.attach;

                if (attach->port_count == NETD_PORTS_MAXIMUM)
                        return fail_kind(err, ERROR_USAGE, E2BIG, "at most %d ports can be published",
                                         NETD_PORTS_MAXIMUM);
                snprintf(request->container, sizeof(request->container), "%s", running.row.id);
                request->port = ports[i];
                r = ask(engine, request, answer, NULL, err);
                if (r < 0)
                        break;
                attach->ports[attach->port_count++] = answer->ports[0];
                r = format_port(&answer->ports[0], true, ret) < 0 ? fail_memory(err) : 0;
                if (r >= 0)
                        r = save_attach(engine, running.row.id, attach, err);
        }
        return r;
}

int network_unpublish(Engine *engine, const char *container, const char *text, Error *err)
{
        _cleanup_(running_deinit) RunningContainer running = {0};
        _cleanup_free_ NetdRequest *request = new_request(NETD_UNPUBLISH);
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        NetdPort ports[NETD_PORTS_MAXIMUM];
        uint32_t count = 0;
        int r = request && answer ? network_port_parse(text, ports, &count, err) : fail_memory(err);

        if (r >= 0)
                r = find_container(engine, container, &running, err);
        for (uint32_t i = 0; r >= 0 && i < count; i++) {
                NetdAttach *attach = running.attach;

                snprintf(request->container, sizeof(request->container), "%s", running.row.id);
                request->port = ports[i];
                r = ask(engine, request, answer, NULL, err);
                for (uint32_t k = 0; r >= 0 && k < attach->port_count; k++) {
                        if (attach->ports[k].protocol != ports[i].protocol ||
                            attach->ports[k].container_port != ports[i].container_port ||
                            (ports[i].host_port && attach->ports[k].host_port != ports[i].host_port))
                                continue;
                        attach->ports[k] = attach->ports[--attach->port_count];
                        r = save_attach(engine, running.row.id, attach, err);
                        break;
                }
        }
        return r;
}

/* ---- looking ---- */

int network_capture(Engine *engine, const char *name, int *ret_fd, Error *err)
{
        _cleanup_free_ NetdRequest *request = new_request(NETD_CAPTURE);
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        int fds[NETD_DESCRIPTORS_MAXIMUM] = {-EBADF, -EBADF};
        NetdNetwork network;
        int r = request && answer ? network_find(engine, name, &network, err) : fail_memory(err);

        if (r >= 0)
                r = network_revive(engine, err);
        if (r < 0)
                return r;
        memcpy(request->network, network.id, sizeof(request->network));
        r = ask(engine, request, answer, fds, err);
        *ret_fd = fds[0];
        return r;
}

int network_counters(Engine *engine, const char *container_id, NetdCounters *ret, Error *err)
{
        _cleanup_free_ NetdRequest *request = new_request(NETD_STATUS);
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        int r;

        if (!request || !answer)
                return fail_memory(err);
        snprintf(request->container, sizeof(request->container), "%s", container_id);
        r = ask(engine, request, answer, NULL, err);
        if (r >= 0)
                *ret = answer->counters;
        return r;
}
