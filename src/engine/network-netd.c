#include "engine/network-netd.h"

#include "base/file.h"
#include "engine/network-join.h"
#include "sys/account.h"
#include "sys/process.h"
#include "sys/socket-holder.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

NetdRequest *network_request_new(NetdVerb verb)
{
        NetdRequest *request = calloc(1, sizeof(*request));

        if (request) {
                request->version = NETD_VERSION;
                request->verb = verb;
        }
        return request;
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
int network_ask(Engine *engine, const NetdRequest *request, NetdAnswer *ret, int *ret_fds, Error *err)
{
        const NetdClient client = {.run = engine->paths.run};
        int r = netd_request(&client, request, NULL, 0, ret, ret_fds, err);

        return r == -ENOTCONN && (!err || err->code != ENOTCONN)
                       ? fail_kind(err, ERROR_NOT_FOUND, ENOTCONN,
                                   "kelp-netd does not run: no container is on a network")
                       : r;
}

void network_explain_port(const NetdAnswer *answer, Error *err)
{
        const NetdPort *port = &answer->ports[answer->port_count];
        _cleanup_account_ Account account = {0};
        char holder[96], address[NET_ADDRESS_TEXT_SIZE] = "0.0.0.0";
        SocketHolder found;

        if (!err || !answer->port_of_host || answer->port_count >= NETD_PORTS_MAXIMUM ||
            !socket_holder_find(port->protocol, port->host_last ?: port->host_port, &found))
                return;
        if (found.pid)
                snprintf(holder, sizeof(holder), "process %d (%s)", found.pid, found.name);
        else if (account_find(found.uid, &account) >= 0)
                snprintf(holder, sizeof(holder), "a process of the user %.32s", account.name);
        else
                snprintf(holder, sizeof(holder), "a process of the user %u", found.uid);
        if (net_address_set(&port->address))
                net_address_format(&port->address, address);
        fail_kind(err, ERROR_CONFLICT, EADDRINUSE,
                  "Bind for %s:%u failed: port is already allocated: %s of the host has it", address,
                  port->host_last ?: port->host_port, holder);
}

static int open_container(Engine *engine, const char *id, int *ret, Error *err)
{
        _cleanup_free_ char *path = path_join("containers", id);
        Store *store;
        int r = path ? engine_store(engine, &store, err) : fail_memory(err);

        if (r < 0)
                return r;
        *ret = openat(store_fd(store), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret < 0 ? fail_errno(err, errno, "folder of container %.12s", id) : 0;
}

int network_read_attach(Engine *engine, const char *id, NetdAttach *ret, Error *err)
{
        _cleanup_close_ int folder = -EBADF;
        int r = open_container(engine, id, &folder, err);

        if (r >= 0)
                r = network_record_read(folder, ret, err);
        return r < 0 ? fail_wrap(err, r, "networks of container %.12s", id) : 0;
}

int network_save_attach(Engine *engine, const char *id, const NetdAttach *attach, Error *err)
{
        _cleanup_close_ int folder = -EBADF;
        int r = open_container(engine, id, &folder, err);

        return r < 0 ? r : network_record_write(folder, attach, err);
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

/* 1: @row runs and is on a network. */
static int find_running(Engine *engine, const StoreContainer *row, NetworkMember *ret)
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
int network_each_member(Engine *engine,
                        int (*function)(Engine *engine, const NetworkMember *member, void *argument),
                        void *argument, Error *err)
{
        _cleanup_store_containers_ StoreContainerList list = {0};
        _cleanup_free_ NetdRequest *request = network_request_new(NETD_ATTACH);
        Store *store;
        int r = request ? engine_store(engine, &store, err) : fail_memory(err);

        if (r >= 0)
                r = store_container_list(store, &list, err);
        for (size_t i = 0; r == 0 && i < list.count; i++) {
                NetworkMember member = {.request = request, .pidfd = -EBADF};

                if (find_running(engine, &list.items[i], &member) > 0)
                        r = function(engine, &member, argument);
                cleanup_close(&member.pidfd);
        }
        return r;
}

/* That of kelp-netd is a child of our own; a container's may lie deeper (--userns keep-id). */
static int take_user_namespace(Engine *engine, const NetworkMember *member, void *argument)
{
        struct stat own, its;
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/ns/user", member->pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        while (fd >= 0) {
                int parent = ioctl(fd, NS_GET_PARENT);

                if (parent < 0)
                        break;
                if (stat("/proc/self/ns/user", &own) < 0 || fstat(parent, &its) < 0 ||
                    own.st_ino == its.st_ino) {
                        close(parent);
                        break;
                }
                close(fd);
                fd = parent;
        }
        *(int *)argument = fd;
        return 1;
}

typedef struct Revival {
        NetdClient client;
        size_t count;
} Revival;

static int attach_again(Engine *engine, const NetworkMember *member, void *argument)
{
        Revival *revival = argument;
        _cleanup_free_ NetdAnswer *answer = malloc(sizeof(*answer));
        Error failed = ERROR_INIT;

        if (!answer)
                return 0;
        if (send_attach(&revival->client, member->request, member->pid, member->pidfd, answer, &failed) >= 0)
                revival->count++;
        else
                notice_add(&engine->notices, "container %s could not be connected to its networks again: %s",
                           member->request->attach.name,
                           *failed.message ? failed.message : "kelp-netd has ended again");
        return 0;
}

/* Starts it in the user namespace of the containers that use it, or in a new one, and connects them. */
int network_netd_start(Engine *engine, Error *err)
{
        _cleanup_close_ int theirs = -EBADF;
        _cleanup_free_ char *program = NULL;
        Revival revival = {0};
        int namespace, r;

        r = open_client(engine, &revival.client, &program, err);
        if (r >= 0)
                r = network_each_member(engine, take_user_namespace, &theirs, err);
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
        r = network_each_member(engine, attach_again, &revival, err);
        if (revival.count)
                notice_add(&engine->notices,
                           "kelp-netd had ended unexpectedly: %zu running container%s had no network; it "
                           "runs again, "
                           "and so do their networks",
                           revival.count, revival.count == 1 ? "" : "s");
        return r;
}

bool network_netd_runs(Engine *engine)
{
        const NetdClient client = {.run = engine->paths.run};

        return netd_runs(&client);
}

static int count_running(Engine *engine, const NetworkMember *member, void *argument)
{
        return 1;
}

int network_revive(Engine *engine, Error *err)
{
        _cleanup_free_ char *socket = text_printf("%s/%s", engine->paths.run, NETD_SOCKET);
        Error failed = ERROR_INIT;
        int r;

        if (!socket)
                return fail_memory(err);
        /* Without it there never was one. */
        if (access(socket, F_OK) < 0 || network_netd_runs(engine))
                return 0;
        r = network_each_member(engine, count_running, NULL, err);
        if (r > 0 && network_netd_start(engine, &failed) < 0)
                notice_add(
                        &engine->notices,
                        "kelp-netd has ended, and running containers have no network: it cannot be started "
                        "again: %s",
                        failed.message);
        return r < 0 ? r : 0;
}
