#include "engine/network-join.h"

#include "base/file.h"
#include "engine/container-state.h"
#include "engine/container-userns.h"
#include "engine/network-netd.h"
#include "sys/process.h"
#include "sys/userns-nest.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

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

/* ---- what a container is to have ---- */

int network_fill_endpoints(Engine *engine, const ContainerConfiguration *configuration, NetdAttach *attach,
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
        r = network_fill_endpoints(engine, configuration, attach, err);
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

/* @network: the namespace that it has already; -EBADF: kelp-netd makes it. With a descriptor of this process:
 * what is made for a container that never starts goes with it. */
static int attach(const NetdClient *client, const NetworkJoin *join, int network, NetdAnswer *answer,
                  int ret_fds[static NETD_DESCRIPTORS_MAXIMUM], Error *err)
{
        _cleanup_close_ int self = process_open(getpid(), 0);

        if (self < 0)
                return fail_errno(err, -self, "pidfd of this process");
        return netd_request(client, join->request, (const int[]){self, network}, network < 0 ? 1 : 2, answer,
                            ret_fds, err);
}

/* The namespaces of a container whose map of ids is its own. */
typedef struct OwnNamespaces {
        int user, network;
} OwnNamespaces;

static void own_namespaces_deinit(OwnNamespaces *own)
{
        cleanup_close(&own->user);
        cleanup_close(&own->network);
}

/* Inside the user namespace of kelp-netd, which changes the network then as any other. Nothing is done for
 * other containers. */
static int make_own(Engine *engine, const ContainerConfiguration *configuration, OwnNamespaces *ret,
                    Error *err)
{
        const NetdClient client = {.run = engine->paths.run};
        _cleanup_close_ int outer = -EBADF, program = -EBADF;
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        const UserNamespaceMap *usual;
        UserNamespaceKeep keep;
        UserNamespaceMap map;
        int r = answer ? container_userns_parse(configuration->userns, &keep, err) : fail_memory(err);

        if (r <= 0)
                return r;
        r = userns_plan(&keep, &map, NULL, err);
        if (r >= 0)
                r = engine_map(engine, &usual, err);
        if (r >= 0)
                r = netd_hello(&client, &outer, answer, err);
        if (r == -ENOTCONN) {
                r = network_netd_start(engine, err);
                if (r >= 0)
                        r = netd_hello(&client, &outer, answer, err);
        }
        if (r >= 0)
                r = container_init_program(engine, &program, err);
        return r < 0 ? r : userns_nest(outer, usual, &map, program, &ret->user, &ret->network, err);
}

/* The namespaces of another container that are joined must be of the user namespace @ours. */
static int check_joined(Engine *engine, const ContainerConfiguration *configuration, int ours, Error *err)
{
        const char *modes[] = {configuration->pid, configuration->ipc};

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                const char *id = modes[i] ? text_after(modes[i], "container:") : NULL;
                _cleanup_store_container_ StoreContainer other = {0};
                struct stat own, theirs;
                char path[64];

                if (!id || container_find(engine, id, &other, NULL) < 0)
                        continue; /* what is wrong with it is said when it is joined */
                snprintf(path, sizeof(path), "/proc/%d/ns/user", other.pid);
                if (fstat(ours, &own) < 0 || stat(path, &theirs) < 0 || own.st_ino == theirs.st_ino)
                        continue;
                fail_kind(
                        err, ERROR_UNSUPPORTED, EPERM,
                        "network %s and the %s namespace of container %s: that container is on no network of "
                        "kelp's, so it has another user namespace",
                        configuration->network, i == 0 ? "pid" : "ipc", other.name);
                return fail_hint(err, "give this one --network none, too, or that one a network");
        }
        return 0;
}

static int prepare(Engine *engine, const StoreContainer *row, const ContainerConfiguration *configuration,
                   NetworkJoin *ret, int *ret_user_namespace, Error *err)
{
        _cleanup_(network_join_deinit) NetworkJoin join = NETWORK_JOIN_INIT;
        _cleanup_(own_namespaces_deinit) OwnNamespaces own = {-EBADF, -EBADF};
        _cleanup_free_ NetdAnswer *answer = NULL;
        const NetdClient client = {.run = engine->paths.run};
        int fds[NETD_DESCRIPTORS_MAXIMUM] = {-EBADF, -EBADF}, r;

        join.request = network_request_new(NETD_ATTACH);
        answer = calloc(1, sizeof(*answer));
        if (!join.request || !answer || text_replace(&join.run, engine->paths.run) < 0)
                return fail_memory(err);
        r = fill(engine, row, configuration, &join.request->attach, err);
        if (r >= 0)
                r = make_own(engine, configuration, &own, err);
        if (r < 0)
                return r;
        r = attach(&client, &join, own.network, answer, fds, err);
        if (r == -ENOTCONN) {
                r = network_netd_start(engine, err);
                if (r >= 0)
                        r = attach(&client, &join, own.network, answer, fds, err);
        }
        if (r == -ENOTCONN)
                return fail(err, ENOTCONN,
                            "kelp-netd ended while the container was made: its log is %s/netd.log",
                            engine->paths.run);
        if (r < 0) {
                network_explain_port(answer, err);
                return r;
        }
        join.namespace_fd = fds[1];
        *ret_user_namespace = fds[0];
        memcpy(join.request->attach.endpoints, answer->endpoints, sizeof(answer->endpoints));
        memcpy(join.request->attach.ports, answer->ports, sizeof(answer->ports));
        r = check_joined(engine, configuration, fds[0], err);
        if (r >= 0)
                r = write_files(engine, configuration, &join.request->attach, &join, err);
        if (r < 0 || own.user >= 0)
                cleanup_close(ret_user_namespace);
        if (r < 0)
                return r;
        if (own.user >= 0)
                *ret_user_namespace = TAKE_FD(own.user);
        *ret = join;
        join = (NetworkJoin)NETWORK_JOIN_INIT;
        return 0;
}

/* It can go without: nobody said what it needs the network for. */
static bool can_do_without(const ContainerConfiguration *configuration)
{
        return configuration->network_default && configuration->networks.count <= 1 &&
               configuration->ports.count + configuration->links.count + configuration->allow_host.count ==
                       0 &&
               !configuration->publish_all;
}

int network_join_prepare(Engine *engine, const StoreContainer *row,
                         const ContainerConfiguration *configuration, NetworkJoin *ret,
                         int *ret_user_namespace, Error *err)
{
        Error failed = ERROR_INIT;
        int r;

        if (!network_is_bridge(configuration->network))
                return 0;
        r = prepare(engine, row, configuration, ret, ret_user_namespace, &failed);
        if (r < 0 && failed.code != ENOMEM && failed.kind != ERROR_USAGE && failed.kind != ERROR_CONFLICT &&
            can_do_without(configuration)) {
                ret->missing = true;
                notice_add(&engine->notices, "the container has no network (as with --network none): %s",
                           failed.message);
                return 0;
        }
        if (r < 0 && err)
                *err = failed;
        return r;
}

int network_join_hold(NetworkJoin *join, const char *name, int pidfd, int folder, Error *err)
{
        const NetdClient client = {.run = join->run};
        _cleanup_free_ NetdAnswer *answer = NULL;
        NetdRequest *request = join->request;
        int r;

        if (join->missing && unlinkat(folder, NETWORK_RECORD_FILE, 0) < 0 && errno != ENOENT)
                return fail_errno(err, errno, "remove the container's " NETWORK_RECORD_FILE);
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
        return network_record_write(folder, &request->attach, err);
}
