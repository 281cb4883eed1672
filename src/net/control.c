#include "net/control.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum {
        IDLE_MILLISECONDS = 5000, /* without containers */
        PATIENCE_SECONDS = 2,     /* for a client's request */
        EVENTS = 16,
        OVERFLOW_ID = 65534,
};

/* A request with the descriptors that came with it. */
typedef struct Request {
        Control *control;
        NetdRequest *message;
        NetdAnswer *answer;
        int fds[NETD_DESCRIPTORS_MAXIMUM];
        int answer_fds[NETD_DESCRIPTORS_MAXIMUM];
        Container *container;
        Endpoint *endpoint;
        const Endpoint *made; /* what it becomes */
        Network *network;
        int result;
} Request;

/* ---- what runs in the mover's thread ---- */

static void call_enter_network(Mover *mover, void *argument)
{
        Request *request = argument;

        list_append(&mover->directory.networks, &request->network->node);
        request->result = name_server_start(mover, request->network, &request->answer->error);
}

static void call_leave_network(Mover *mover, void *argument)
{
        Request *request = argument;

        name_server_stop(mover, request->network);
        list_remove(&request->network->node);
}

static void call_enter_container(Mover *mover, void *argument)
{
        Request *request = argument;

        list_append(&mover->directory.containers, &request->container->node);
}

static void call_enter_endpoint(Mover *mover, void *argument)
{
        Request *request = argument;

        *request->endpoint = *request->made;
        list_init(&request->endpoint->pending);
        directory_enter(&mover->directory, request->endpoint);
        if (request->endpoint == &request->container->endpoints[request->container->endpoint_count])
                request->container->endpoint_count++;
        request->network->endpoint_count++;
}

static void forget_endpoint(Mover *mover, Endpoint *endpoint)
{
        directory_leave(&mover->directory, endpoint);
        tcp_drop_endpoint(mover, endpoint);
        datagram_drop_endpoint(mover, endpoint);
        endpoint->network->endpoint_count--;
}

static void call_leave_container(Mover *mover, void *argument)
{
        Request *request = argument;
        Container *container = request->container;

        publish_remove_all(mover, container);
        for (size_t i = 0; i < container->endpoint_count; i++)
                if (container->endpoints[i].network)
                        forget_endpoint(mover, &container->endpoints[i]);
        list_remove(&container->node);
}

/* Its place stays, without a network, for the next: others point to places. */
static void call_leave_endpoint(Mover *mover, void *argument)
{
        Request *request = argument;

        publish_remove_endpoint(mover, request->endpoint);
        forget_endpoint(mover, request->endpoint);
        request->endpoint->network = NULL;
}

static void call_publish(Mover *mover, void *argument)
{
        Request *request = argument;
        NetdPort *port = &request->answer->ports[request->answer->port_count];

        request->result = publish_add(mover, request->endpoint, port, &request->answer->port_of_host,
                                      &request->answer->error);
        if (request->result >= 0)
                request->answer->port_count++;
}

static void call_unpublish(Mover *mover, void *argument)
{
        Request *request = argument;

        request->result =
                publish_remove(mover, request->container, &request->message->port, &request->answer->error);
}

static void call_stop(Mover *mover, void *argument)
{
        mover->stop = true;
}

static int call(Request *request, void (*function)(Mover *, void *))
{
        request->result = 0;
        mover_call(request->control->mover, function, request);
        return request->result;
}

/* ---- networks ---- */

static bool has_remains(const Control *control)
{
        const ListNode *head = &control->mover->directory.networks;

        for (const ListNode *node = head->next; node != head; node = node->next)
                if (list_element(node, Network, node)->endpoint_count == 0)
                        return true;
        return control->remains.count > 0;
}

/* With the bridges of networks that nobody is on any more, but @keep. */
static void remove_remains(Request *request, const NetdNetwork *keep)
{
        Control *control = request->control;

        list_for_each(node, &control->mover->directory.networks)
        {
                Network *network = list_element(node, Network, node);

                if (network->endpoint_count || &network->spec == keep)
                        continue;
                world_retire(&control->world, network->bridge);
                request->network = network;
                call(request, call_leave_network);
                free(network);
        }
        remains_remove(&control->remains, &control->world);
}

static int need_network(Request *request, const NetdNetwork *spec, Network **ret)
{
        Control *control = request->control;
        Network *network = directory_network(&control->mover->directory, spec->id);
        int r;

        if (network) {
                *ret = network;
                return 0;
        }
        remove_remains(request, NULL); /* it may take the subnet of one that has gone */
        network = calloc(1, sizeof(*network));
        if (!network)
                return fail_memory(&request->answer->error);
        network->spec = *spec;
        list_init(&network->name_servers);
        r = world_add_network(&control->world, spec, network->bridge, &request->answer->error);
        if (r < 0) {
                free(network);
                return fail_wrap(&request->answer->error, r, "network %s", spec->name);
        }
        request->network = network;
        r = call(request, call_enter_network);
        if (r < 0) {
                call(request, call_leave_network);
                world_remove_network(&control->world, network->bridge);
                free(network);
                return r;
        }
        *ret = network;
        return 0;
}

/* ---- addresses ---- */

static bool taken(const Control *control, const NetdNetwork *network, const NetAddress *address)
{
        return directory_endpoint(&control->mover->directory, address) ||
               remains_have(&control->remains, address) || net_address_equal(address, &network->gateway4) ||
               net_address_equal(address, &network->gateway6);
}

/* The first free one of @range that is no network's own or broadcast address of @subnet. */
static int find_free(const Control *control, const NetdNetwork *network, const NetPrefix *subnet,
                     const NetPrefix *range, NetAddress *ret, Error *err)
{
        NetPrefix first = net_prefix_mask(range), own = net_prefix_mask(subnet);
        uint64_t size = net_prefix_size(range), whole = net_prefix_size(subnet);
        NetAddress broadcast = net_address_add(&own.address, whole - 1);
        char text[NET_ADDRESS_TEXT_SIZE];

        for (uint64_t i = 0; i < size; i++) {
                NetAddress candidate = net_address_add(&first.address, i);

                if (net_address_equal(&candidate, &own.address) ||
                    (subnet->address.family == AF_INET && net_address_equal(&candidate, &broadcast)) ||
                    taken(control, network, &candidate))
                        continue;
                *ret = candidate;
                return 0;
        }
        net_prefix_format(range, text);
        fail_kind(err, ERROR_CONFLICT, ENOSPC, "network %s: no free address is left in %s", network->name,
                  text);
        return fail_hint(err, "stop a container of this network, or make one with a larger --subnet");
}

static int check_wanted(const Control *control, const NetdNetwork *network, const NetPrefix *subnet,
                        const NetAddress *wanted, Error *err)
{
        char text[NET_ADDRESS_TEXT_SIZE], range[NET_ADDRESS_TEXT_SIZE];
        NetAddress last;
        NetPrefix own;

        net_address_format(wanted, text);
        net_prefix_format(subnet, range);
        if (!net_address_set(&subnet->address) || !net_prefix_contains(subnet, wanted))
                return fail_kind(err, ERROR_USAGE, EINVAL, "address %s is not in the subnet %s of network %s",
                                 text, range, network->name);
        own = net_prefix_mask(subnet);
        last = net_address_add(&own.address, net_prefix_size(subnet) - 1);
        if (net_address_equal(wanted, &own.address) ||
            (wanted->family == AF_INET && net_address_equal(wanted, &last)))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "address %s is network %s's own or its broadcast address", text,
                                 network->name);
        if (taken(control, network, wanted))
                return fail_kind(err, ERROR_CONFLICT, EADDRINUSE,
                                 "address %s of network %s is already in use", text, network->name);
        return 0;
}

static int try_addresses(Request *request, const NetdNetwork *network, NetdEndpoint *endpoint)
{
        const Control *control = request->control;
        Error *err = &request->answer->error;
        int r = 0;

        if (net_address_set(&endpoint->ip4))
                r = check_wanted(control, network, &network->subnet4, &endpoint->ip4, err);
        else if (net_address_set(&network->subnet4.address))
                r = find_free(control, network, &network->subnet4,
                              net_address_set(&network->range4.address) ? &network->range4
                                                                        : &network->subnet4,
                              &endpoint->ip4, err);
        if (r >= 0 && net_address_set(&endpoint->ip6))
                r = check_wanted(control, network, &network->subnet6, &endpoint->ip6, err);
        else if (r >= 0 && net_address_set(&network->subnet6.address))
                r = find_free(control, network, &network->subnet6, &network->subnet6, &endpoint->ip6, err);
        return r;
}

/* What containers have left may be all that is in the way. */
static int choose_addresses(Request *request, const NetdNetwork *network, NetdEndpoint *endpoint)
{
        const NetdEndpoint wanted = *endpoint;
        int r = try_addresses(request, network, endpoint);

        if ((r != -ENOSPC && r != -EADDRINUSE) || request->control->remains.count == 0)
                return r;
        remove_remains(request, network);
        error_clear(&request->answer->error);
        *endpoint = wanted;
        return try_addresses(request, network, endpoint);
}

/* ---- containers ---- */

static void drop_container(Request *request, Container *container)
{
        Control *control = request->control;

        request->container = container;
        call(request, call_leave_container);
        for (size_t i = 0; i < container->endpoint_count; i++)
                if (container->endpoints[i].network)
                        remains_add(&control->remains, &control->world, &container->endpoints[i],
                                    TAKE_FD(container->namespace_fd));
        if (container->pidfd >= 0)
                epoll_ctl(control->epoll, EPOLL_CTL_DEL, container->pidfd, NULL);
        cleanup_close(&container->pidfd);
        cleanup_close(&container->namespace_fd);
        cleanup_close(&container->diagnosis);
        free(container);
}

static int watch_keeper(Control *control, Container *container, int pidfd, Error *err)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = container};

        if (container->pidfd >= 0)
                epoll_ctl(control->epoll, EPOLL_CTL_DEL, container->pidfd, NULL);
        cleanup_close(&container->pidfd);
        container->pidfd = pidfd;
        if (epoll_ctl(control->epoll, EPOLL_CTL_ADD, container->pidfd, &event) < 0)
                return fail_errno(err, errno, "watch the container");
        return 0;
}

static int enter_namespace(Request *request, Container *container)
{
        const World *world = &request->control->world;
        int r = 0;

        container->namespace_fd = TAKE_FD(request->fds[1]);
        if (container->namespace_fd < 0)
                r = world_make_container(world, &container->namespace_fd, &request->answer->error);
        return r < 0 ? r
                     : world_prepare(world, container->namespace_fd, &container->diagnosis,
                                     &request->answer->error);
}

static int add_container(Request *request, Container **ret)
{
        const NetdAttach *attach = &request->message->attach;
        Control *control = request->control;
        Container *container;
        int r;

        if (request->fds[0] < 0)
                return fail(&request->answer->error, EPROTO, "attach: a descriptor is missing");
        container = calloc(1, sizeof(*container));
        if (!container)
                return fail_memory(&request->answer->error);
        memcpy(container->id, attach->container, sizeof(container->id));
        memcpy(container->name, attach->name, sizeof(container->name));
        memcpy(container->grants, attach->grants, sizeof(container->grants));
        memcpy(container->servers, attach->servers, sizeof(container->servers));
        container->grant_count = attach->grant_count;
        container->server_count = attach->server_count;
        container->namespace_fd = container->diagnosis = container->pidfd = -EBADF;
        list_init(&container->publications);
        request->container = container;
        call(request, call_enter_container);
        r = enter_namespace(request, container);
        if (r >= 0)
                r = watch_keeper(control, container, TAKE_FD(request->fds[0]), &request->answer->error);
        if (r < 0) {
                drop_container(request, container);
                return r;
        }
        *ret = container;
        return 0;
}

/* A place that was left, else a new one; NULL: there is none. */
static Endpoint *free_place(Container *container)
{
        for (size_t i = 0; i < container->endpoint_count; i++)
                if (!container->endpoints[i].network)
                        return &container->endpoints[i];
        return container->endpoint_count < NETD_ENDPOINTS_MAXIMUM
                       ? &container->endpoints[container->endpoint_count]
                       : NULL;
}

static int add_endpoint(Request *request, Container *container, const NetdEndpoint *spec,
                        const NetdNetwork *network)
{
        Control *control = request->control;
        Endpoint *place = free_place(container), made;
        Network *known = NULL;
        int r;

        if (!place)
                return fail_kind(&request->answer->error, ERROR_USAGE, E2BIG,
                                 "container %s: at most %d networks are possible", container->name,
                                 NETD_ENDPOINTS_MAXIMUM);
        r = need_network(request, network, &known);
        if (r < 0 || !known)
                return r < 0 ? r : -EIO;
        made = (Endpoint){.container = container, .network = known, .spec = *spec};
        r = choose_addresses(request, &known->spec, &made.spec);
        if (r >= 0)
                r = world_attach(&control->world, known, &made, container->namespace_fd,
                                 container->endpoint_count == 0, &request->answer->error);
        if (r < 0)
                return r;
        request->network = known;
        request->endpoint = place;
        request->made = &made;
        request->container = container;
        call(request, call_enter_endpoint);
        request->answer->endpoints[request->answer->endpoint_count++] = made.spec;
        return 0;
}

/* By the first network that has a way out; else by the first. */
static Endpoint *publishing_endpoint(Container *container)
{
        for (size_t i = 0; i < container->endpoint_count; i++)
                if (container->endpoints[i].network && !container->endpoints[i].network->spec.internal)
                        return &container->endpoints[i];
        return container->endpoint_count ? &container->endpoints[0] : NULL;
}

static int publish_ports(Request *request, Container *container, const NetdPort *ports, size_t count)
{
        int r = 0;

        request->container = container;
        request->endpoint = publishing_endpoint(container);
        if (count && !request->endpoint)
                return fail_kind(&request->answer->error, ERROR_CONFLICT, ENOTCONN,
                                 "container %s is on no network: no port can be published", container->name);
        for (size_t i = 0; r >= 0 && i < count; i++) {
                request->answer->ports[request->answer->port_count] = ports[i];
                r = call(request, call_publish);
        }
        return r;
}

static int hello(Request *request)
{
        const Mover *mover = request->control->mover;

        request->answer_fds[0] = fcntl(request->control->user_namespace, F_DUPFD_CLOEXEC, 3);
        request->answer->raw_echo = mover->echo_allowed[0];
        request->answer->tun = mover->uplink.tun;
        return request->answer_fds[0] < 0 ? fail_errno(&request->answer->error, errno, "user namespace") : 0;
}

static int check_counts(const NetdAttach *message, Error *err)
{
        return message->endpoint_count > NETD_ENDPOINTS_MAXIMUM || message->port_count > NETD_PORTS_MAXIMUM ||
                               message->grant_count > NETD_GRANTS_MAXIMUM ||
                               message->server_count > NETD_SERVERS_MAXIMUM
                       ? fail(err, EPROTO, "attach: a count is too large")
                       : 0;
}

static int add_endpoints(Request *request, Container *container)
{
        const NetdAttach *message = &request->message->attach;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < message->endpoint_count; i++)
                r = add_endpoint(request, container, &message->endpoints[i], &message->networks[i]);
        return r < 0 ? r : publish_ports(request, container, message->ports, message->port_count);
}

static int attach(Request *request)
{
        const NetdAttach *message = &request->message->attach;
        Container *container = directory_container(&request->control->mover->directory, message->container);
        int r = check_counts(message, &request->answer->error);

        if (r < 0)
                return r;
        /* of its last run, whose end was not seen yet */
        if (container)
                drop_container(request, container);
        r = add_container(request, &container);
        if (r < 0)
                return r;
        r = add_endpoints(request, container);
        if (r >= 0)
                r = hello(request);
        if (r >= 0)
                request->answer_fds[1] = fcntl(container->namespace_fd, F_DUPFD_CLOEXEC, 3);
        if (r < 0)
                drop_container(request, container);
        return r;
}

static int connect_more(Request *request)
{
        const NetdAttach *message = &request->message->attach;
        Container *container = directory_container(&request->control->mover->directory, message->container);
        int r = check_counts(message, &request->answer->error);

        if (r >= 0 && !container)
                r = fail_kind(&request->answer->error, ERROR_NOT_FOUND, ENOENT,
                              "container %s is on no network", message->name);
        return r < 0 ? r : add_endpoints(request, container);
}

static int find_container(Request *request, Container **ret)
{
        *ret = directory_container(&request->control->mover->directory, request->message->container);
        if (*ret)
                return 0;
        return fail_kind(&request->answer->error, ERROR_NOT_FOUND, ENOENT,
                         "container %.12s is on no network of kelp-netd", request->message->container);
}

static int hold(Request *request)
{
        Container *container;
        int r = find_container(request, &container);

        if (r < 0)
                return r;
        if (request->fds[0] < 0)
                return fail(&request->answer->error, EPROTO, "hold: a descriptor is missing");
        memcpy(container->name, request->message->attach.name, sizeof(container->name));
        return watch_keeper(request->control, container, TAKE_FD(request->fds[0]), &request->answer->error);
}

static int detach(Request *request)
{
        Container *container;
        int r = find_container(request, &container);

        if (r < 0)
                return r;
        if (!*request->message->network) {
                drop_container(request, container);
                return 0;
        }
        for (size_t i = 0; i < container->endpoint_count; i++) {
                Endpoint *endpoint = &container->endpoints[i];
                Network *network = endpoint->network;

                if (!network || strcmp(network->spec.id, request->message->network) != 0)
                        continue;
                world_detach(&request->control->world, endpoint);
                request->endpoint = endpoint;
                call(request, call_leave_endpoint);
                return 0;
        }
        return fail_kind(&request->answer->error, ERROR_NOT_FOUND, ENOENT,
                         "container %s is not connected to that network", container->name);
}

static int publish(Request *request)
{
        Container *container;
        int r = find_container(request, &container);

        return r < 0 ? r : publish_ports(request, container, &request->message->port, 1);
}

static int unpublish(Request *request)
{
        Container *container;
        int r = find_container(request, &container);

        if (r < 0)
                return r;
        request->container = container;
        return call(request, call_unpublish);
}

static int status(Request *request)
{
        NetdAnswer *answer = request->answer;
        Container *container;
        int r = find_container(request, &container);

        for (size_t i = 0; r >= 0 && i < container->endpoint_count; i++) {
                const Endpoint *endpoint = &container->endpoints[i];

                if (!endpoint->network ||
                    (*request->message->network &&
                     strcmp(endpoint->network->spec.id, request->message->network) != 0))
                        continue;
                answer->endpoints[answer->endpoint_count++] = endpoint->spec;
                answer->counters.connections_out += endpoint->connections_out;
                answer->counters.connections_in += endpoint->connections_in;
                answer->counters.flows += endpoint->flows;
                r = world_counters(&request->control->world, endpoint, &answer->counters, &answer->error);
        }
        return r;
}

static int capture(Request *request)
{
        Network *network = directory_network(&request->control->mover->directory, request->message->network);

        if (!network)
                return fail_kind(&request->answer->error, ERROR_NOT_FOUND, ENOENT,
                                 "no container is on that network: there is nothing to capture");
        return world_capture(&request->control->world, network, &request->answer_fds[0],
                             &request->answer->error);
}

/* ---- requests ---- */

static int (*const verbs[NETD_VERB_COUNT])(Request *) = {
        [NETD_HELLO] = hello,          [NETD_ATTACH] = attach, [NETD_HOLD] = hold,
        [NETD_CONNECT] = connect_more, [NETD_DETACH] = detach, [NETD_PUBLISH] = publish,
        [NETD_UNPUBLISH] = unpublish,  [NETD_STATUS] = status, [NETD_CAPTURE] = capture,
};

/* Seen from the user namespace, where root of the host has no number: that nobody else comes is then only the
 * work of the socket's and its folder's modes. */
static bool same_user(const Control *control, int client)
{
        struct ucred credentials;
        socklen_t length = sizeof(credentials);

        return getsockopt(client, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 &&
               (credentials.uid == getuid() || (control->by_root && credentials.uid == OVERFLOW_ID));
}

static void take_descriptors(struct msghdr *message, Request *request)
{
        for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
             control = CMSG_NXTHDR(message, control)) {
                size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < count; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
                        if (i < NETD_DESCRIPTORS_MAXIMUM)
                                request->fds[i] = fd;
                        else
                                close(fd);
                }
        }
}

static int receive(int client, Request *request)
{
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(8 * sizeof(int))];
        struct iovec vector = {request->message, sizeof(*request->message)};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        ssize_t length = recvmsg(client, &message, MSG_CMSG_CLOEXEC);

        if (length <= 0)
                return -EPIPE;
        take_descriptors(&message, request);
        if (length != sizeof(*request->message) || request->message->version != NETD_VERSION)
                return fail(
                        &request->answer->error, EPROTO,
                        "kelp-netd is of another build than kelp: stop the containers that use networks, and "
                        "it ends by itself");
        if ((unsigned)request->message->verb >= NETD_VERB_COUNT)
                return fail(&request->answer->error, EPROTO, "kelp-netd: an unknown request");
        return 0;
}

static void send_answer(int client, Request *request)
{
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(NETD_DESCRIPTORS_MAXIMUM * sizeof(int))] = {0};
        struct iovec vector = {request->answer, sizeof(*request->answer)};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
        size_t count = request->answer_fds[0] < 0 ? 0 : request->answer_fds[1] < 0 ? 1 : 2;

        if (count) {
                struct cmsghdr *header = (void *)control;

                message.msg_control = control;
                message.msg_controllen = CMSG_SPACE(count * sizeof(int));
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(count * sizeof(int));
                memcpy(CMSG_DATA(header), request->answer_fds, count * sizeof(int));
        }
        if (sendmsg(client, &message, MSG_NOSIGNAL) < 0)
                return;
}

static void serve(Control *control, int client, NetdRequest *message, NetdAnswer *answer)
{
        struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
        Request request = {.control = control,
                           .message = message,
                           .answer = answer,
                           .fds = {-EBADF, -EBADF},
                           .answer_fds = {-EBADF, -EBADF}};
        int r;

        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        memset(answer, 0, sizeof(*answer));
        r = receive(client, &request);
        if (r != -EPIPE) {
                if (r >= 0)
                        r = verbs[message->verb](&request);
                answer->result = r;
                send_answer(client, &request);
        }
        for (size_t i = 0; i < NETD_DESCRIPTORS_MAXIMUM; i++) {
                cleanup_close(&request.answer_fds[i]);
                cleanup_close(&request.fds[i]);
        }
}

/* ---- the thread ---- */

static void container_ended(Control *control, Container *container, NetdAnswer *answer)
{
        Request request = {.control = control, .answer = answer};

        drop_container(&request, container);
        if (remains_due(&control->remains))
                remove_remains(&request, NULL);
}

/* How long to wait for the next event. */
static int patience(const Control *control)
{
        if (has_remains(control))
                return REMAINS_MILLISECONDS;
        return list_empty(&control->mover->directory.containers) ? IDLE_MILLISECONDS : -1;
}

/* Nothing has happened for that long: false when it is time to end. */
static bool rest(Control *control, NetdAnswer *answer)
{
        Request request = {.control = control, .answer = answer};

        if (!has_remains(control))
                return false;
        remove_remains(&request, NULL);
        return true;
}

static void loop(Control *control, NetdRequest *message, NetdAnswer *answer)
{
        struct epoll_event events[EVENTS], event = {.events = EPOLLIN};

        if (epoll_ctl(control->epoll, EPOLL_CTL_ADD, control->listener, &event) < 0)
                return;
        for (;;) {
                int count = epoll_wait(control->epoll, events, EVENTS, patience(control));

                if ((count == 0 && !rest(control, answer)) || (count < 0 && errno != EINTR))
                        return;
                for (int i = 0; i < count; i++) {
                        _cleanup_close_ int client = -EBADF;

                        if (events[i].data.ptr) {
                                container_ended(control, events[i].data.ptr, answer);
                                break; /* another event may be of what was just dropped */
                        }
                        client = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC);
                        if (client >= 0 && same_user(control, client))
                                serve(control, client, message, answer);
                }
        }
}

static void *control_main(void *argument)
{
        Control *control = argument;
        NetdAnswer *answer = control->answer;

        answer->result = world_make(&control->world, &answer->error);
        control->failed = answer->result < 0;
        if (file_write_all(control->ready, answer, sizeof(*answer)) < 0)
                control->failed = true;
        pthread_barrier_wait(&control->made);
        if (!control->failed)
                loop(control, control->message, answer);
        mover_call(control->mover, call_stop, NULL);
        return NULL;
}

int control_start(Control *control, Error *err)
{
        int r;

        control->message = calloc(1, sizeof(*control->message));
        control->answer = calloc(1, sizeof(*control->answer));
        if (!control->message || !control->answer)
                return fail_memory(err);
        control->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (control->epoll < 0)
                return fail_errno(err, errno, "epoll");
        pthread_barrier_init(&control->made, NULL, 2);
        r = pthread_create(&control->thread, NULL, control_main, control);
        return r ? fail_errno(err, r, "start a thread") : 0;
}

int control_await(Control *control, Error *err)
{
        pthread_barrier_wait(&control->made);
        if (control->failed)
                return fail(err, EIO, "the network namespace could not be made");
        control->mover->uplink = control->world.uplink;
        control->mover->pool = control->world.pool;
        for (size_t i = 0; i < 2; i++) {
                control->mover->listeners[i].fd = control->world.listeners[i];
                control->mover->datagram_listeners[i].fd = control->world.datagram_listeners[i];
        }
        return 0;
}
