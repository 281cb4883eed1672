/*
 * The name server at each network's gateway address. Names of containers that share a network of the asker
 * are answered from the directory; everything else goes to the servers given to the container, or to those
 * that the host uses at this moment, each question by a socket of its own. An asker that has only internal
 * networks gets nothing from outside.
 */
#include "net/mover.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "net/dns-message.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
        PORT = 53,
        LISTEN_BACKLOG = 64,
        BATCH = 32,
        QUERIES_MAXIMUM = 1024,
        TRY_MILLISECONDS = 2000, /* per server */
        TRIES = 2,               /* rounds over all servers */
        STREAM_MILLISECONDS = 10000,
        ANSWERS_MAXIMUM = 64,
        RESOLV_CONF_MAXIMUM = 64 << 10,
        LENGTH_SIZE = 2, /* before a message over TCP */
        SHORT_ID = 12,
        QUESTION_MAXIMUM = 4096,
};

typedef struct NameServer {
        ListNode node; /* network->name_servers */
        MoverSource datagram;
        struct NameListener {
                MoverSource source;
                struct NameServer *server;
        } listener;
        Network *network;
        uint16_t family;
} NameServer;

/* A question under way to another server: over UDP with the asker's address, or over TCP with its connection.
 */
typedef struct NameQuery {
        struct NamePeer {
                MoverSource source;
                struct NameQuery *query;
        } outer, stream; /* stream: the asker's connection */
        ListNode node;
        NameServer *server;
        NetSocketAddress asker;
        socklen_t asker_length;
        NetAddress servers[NETD_SERVERS_MAXIMUM];
        size_t server_count, attempt;
        uint64_t since;
        uint16_t identifier; /* ours */
        bool dead, sent;
        bool last;               /* the asker has closed its side: when all is answered, it is done */
        size_t length, received; /* of the question; over TCP others may have come behind it */
        uint8_t *message;        /* of the asker; over TCP with its length in front */
        uint8_t *answer;         /* over TCP */
        size_t answer_length;
} NameQuery;

/* ---- names that kelp knows ---- */

static bool has_name(const Endpoint *endpoint, const char *name)
{
        const Container *container = endpoint->container;
        const char *network = endpoint->network->spec.name;
        size_t length = strlen(network), whole = strlen(name);
        char plain[DNS_NAME_SIZE];

        /* NAME.NETWORK */
        if (whole > length + 1 && name[whole - length - 1] == '.' &&
            strcasecmp(name + whole - length, network) == 0) {
                snprintf(plain, sizeof(plain), "%.*s", (int)(whole - length - 1), name);
                if (has_name(endpoint, plain))
                        return true;
        }
        if (strcasecmp(container->name, name) == 0 ||
            (whole == SHORT_ID && strncasecmp(container->id, name, SHORT_ID) == 0))
                return true;
        for (const char *alias = endpoint->spec.names; *alias; alias += strlen(alias) + 1)
                if (strcasecmp(alias, name) == 0)
                        return true;
        return false;
}

static bool shares(const Container *asker, const Network *network)
{
        for (size_t i = 0; i < asker->endpoint_count; i++)
                if (asker->endpoints[i].network == network)
                        return network->spec.names;
        return false;
}

/* Addresses under @name for @asker: how many (both families). */
static size_t find_addresses(Mover *mover, const Container *asker, const char *name,
                             NetAddress ret[static ANSWERS_MAXIMUM])
{
        size_t count = 0;

        list_for_each(node, &mover->directory.containers)
        {
                Container *container = list_element(node, Container, node);

                for (size_t i = 0; i < container->endpoint_count; i++) {
                        const Endpoint *endpoint = &container->endpoints[i];

                        if (!endpoint->network || !shares(asker, endpoint->network) ||
                            !has_name(endpoint, name))
                                continue;
                        if (net_address_set(&endpoint->spec.ip4) && count < ANSWERS_MAXIMUM)
                                ret[count++] = endpoint->spec.ip4;
                        if (net_address_set(&endpoint->spec.ip6) && count < ANSWERS_MAXIMUM)
                                ret[count++] = endpoint->spec.ip6;
                }
        }
        return count;
}

static size_t answer_reverse(Mover *mover, const Container *asker, const uint8_t *message,
                             const DnsQuestion *question, uint8_t *ret, size_t capacity)
{
        const Endpoint *endpoint;
        NetAddress address;
        char name[DNS_NAME_SIZE];

        if (question->type != DNS_TYPE_PTR || dns_reverse_parse(question->name, &address) < 0)
                return 0;
        endpoint = directory_endpoint(&mover->directory, &address);
        if (!endpoint || !shares(asker, endpoint->network))
                return 0;
        snprintf(name, sizeof(name), "%.120s.%.120s", endpoint->container->name,
                 endpoint->network->spec.name);
        return dns_answer_name(message, question, name, ret, capacity);
}

static bool only_internal(const Container *asker)
{
        for (size_t i = 0; i < asker->endpoint_count; i++)
                if (asker->endpoints[i].network && !asker->endpoints[i].network->spec.internal)
                        return false;
        return true;
}

/* The answer's length; 0: others must be asked. */
static size_t answer_here(Mover *mover, const Container *asker, const uint8_t *message, size_t length,
                          uint8_t *ret, size_t capacity)
{
        NetAddress addresses[ANSWERS_MAXIMUM];
        DnsQuestion question;
        bool forwardable;
        size_t count, answered;
        int r = dns_question_parse(message, length, &question, &forwardable);

        if (r < 0 && !forwardable)
                return dns_answer_status(message, length, NULL, DNS_FORMAT_ERROR, ret);
        if (r >= 0) {
                count = find_addresses(mover, asker, question.name, addresses);
                if (count)
                        return dns_answer_addresses(
                                message, &question, addresses, count,
                                (size_t)(mover->name_turns[question.type == DNS_TYPE_AAAA]++ % count), ret,
                                capacity);
                answered = answer_reverse(mover, asker, message, &question, ret, capacity);
                if (answered)
                        return answered;
        }
        if (only_internal(asker))
                return dns_answer_status(message, length, r < 0 ? NULL : &question, DNS_SERVER_FAILURE, ret);
        return 0;
}

/* ---- the host's servers ---- */

static void read_servers(Mover *mover, int fd)
{
        _cleanup_buffer_ Buffer text = {0};
        char *rest, *save = NULL;

        if (file_read_fd(fd, RESOLV_CONF_MAXIMUM, &text) < 0)
                return;
        mover->host_server_count = 0;
        rest = text.data ?: (char[]){""};
        for (char *line = strtok_r(rest, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *words = NULL, *key = strtok_r(line, " \t", &words),
                     *value = strtok_r(NULL, " \t", &words);

                if (!key || !value || strcmp(key, "nameserver") != 0 ||
                    mover->host_server_count == NETD_SERVERS_MAXIMUM)
                        continue;
                value[strcspn(value, "%")] = 0;
                if (net_address_parse(value, &mover->host_servers[mover->host_server_count]) >= 0)
                        mover->host_server_count++;
        }
        /* resolv.conf(5): the server of this host */
        if (mover->host_server_count == 0)
                mover->host_servers[mover->host_server_count++] = net_address_v4(INADDR_LOOPBACK);
}

/* Looked at for each question that is forwarded, which takes 5 us: so it does not matter in which of the many
 * ways it was changed (written, replaced, a link that leads elsewhere, a folder that was exchanged). Laptops
 * roam, VPNs come and go. While there is none, what was known stays. */
static void refresh_servers(Mover *mover)
{
        _cleanup_close_ int fd =
                path_open_in_root(mover->host_root, "etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return;
        if (status.st_ino == mover->host_servers_file.st_ino &&
            status.st_dev == mover->host_servers_file.st_dev &&
            status.st_size == mover->host_servers_file.st_size &&
            memcmp(&status.st_ctim, &mover->host_servers_file.st_ctim, sizeof(status.st_ctim)) == 0)
                return;
        mover->host_servers_file = status;
        read_servers(mover, fd);
}

static size_t choose_servers(Mover *mover, const Container *asker,
                             NetAddress ret[static NETD_SERVERS_MAXIMUM])
{
        if (asker->server_count) {
                memcpy(ret, asker->servers, sizeof(asker->servers));
                return asker->server_count;
        }
        refresh_servers(mover);
        memcpy(ret, mover->host_servers, sizeof(mover->host_servers));
        return mover->host_server_count;
}

/* ---- questions to others ---- */

static void outer_ready(Mover *mover, MoverSource *source, uint32_t events);
static void stream_ready(Mover *mover, MoverSource *source, uint32_t events);
static void stream_outer_ready(Mover *mover, MoverSource *source, uint32_t events);

static NameQuery *query_new(Mover *mover, NameServer *server, size_t capacity)
{
        NameQuery *query;

        if (mover->name_query_count >= QUERIES_MAXIMUM)
                return NULL;
        query = calloc(1, sizeof(*query));
        if (query)
                query->message = malloc(capacity);
        if (!query || !query->message) {
                free(query);
                return NULL;
        }
        query->outer.source = (MoverSource){.ready = outer_ready, .fd = -EBADF};
        query->stream.source = (MoverSource){.ready = stream_ready, .fd = -EBADF};
        query->outer.query = query->stream.query = query;
        query->server = server;
        query->since = mover->now;
        list_append(&mover->name_queries, &query->node);
        mover->name_query_count++;
        return query;
}

/* Freed by the sweep: events of it may still be in hand. */
static void query_end(Mover *mover, NameQuery *query)
{
        mover_forget(mover, &query->outer.source);
        mover_forget(mover, &query->stream.source);
        query->dead = true;
}

static void query_free(Mover *mover, NameQuery *query)
{
        list_remove(&query->node);
        mover->name_query_count--;
        free(query->message);
        free(query->answer);
        free(query);
}

static void query_fail(Mover *mover, NameQuery *query)
{
        uint8_t answer[DNS_PLAIN_MAXIMUM];
        DnsQuestion question;
        bool forwardable;
        int r = dns_question_parse(query->message, query->length, &question, &forwardable);
        size_t length = dns_answer_status(query->message, query->length, r < 0 ? NULL : &question,
                                          DNS_SERVER_FAILURE, answer);

        (void)sendto(query->server->datagram.fd, answer, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                     &query->asker.generic, query->asker_length);
        query_end(mover, query);
}

/* To the next server in turn; fails when all had their tries. */
static void query_send(Mover *mover, NameQuery *query)
{
        while (query->attempt < query->server_count * TRIES) {
                const NetAddress *server = &query->servers[query->attempt++ % query->server_count];
                NetSocketAddress to;
                socklen_t length = net_socket_address(server, 0, PORT, &to);

                mover_forget(mover, &query->outer.source);
                query->outer.source.fd = mover_host_socket(mover, server->family, SOCK_DGRAM, 0);
                if (query->outer.source.fd < 0)
                        break;
                query->since = mover->now;
                if (getrandom(&query->identifier, sizeof(query->identifier), 0) < 0 ||
                    connect(query->outer.source.fd, &to.generic, length) < 0)
                        continue;
                uint8_t own[2];

                memcpy(own, query->message, sizeof(own));
                memcpy(query->message, &query->identifier, sizeof(own));
                ssize_t sent = send(query->outer.source.fd, query->message, query->length, MSG_NOSIGNAL);

                memcpy(query->message, own, sizeof(own));
                if (sent >= 0 && mover_watch(mover, &query->outer.source, EPOLLIN) >= 0)
                        return;
        }
        query_fail(mover, query);
}

static void outer_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        NameQuery *query = ((struct NamePeer *)source)->query;
        ssize_t length = recv(source->fd, mover->datagrams, MOVER_DATAGRAM_SIZE, MSG_DONTWAIT);

        if (query->dead)
                return;
        if (length < 0 && errno != EAGAIN && errno != EINTR) {
                query_send(mover, query); /* refused: at once to the next */
                return;
        }
        if (length < DNS_HEADER_SIZE || memcmp(mover->datagrams, &query->identifier, 2) != 0)
                return; /* not an answer to this question */
        memcpy(mover->datagrams, query->message, 2);
        (void)sendto(query->server->datagram.fd, mover->datagrams, (size_t)length,
                     MSG_DONTWAIT | MSG_NOSIGNAL, &query->asker.generic, query->asker_length);
        query_end(mover, query);
}

static void forward(Mover *mover, NameServer *server, const Container *asker, const uint8_t *message,
                    size_t length, const NetSocketAddress *from, socklen_t from_length)
{
        NameQuery *query = query_new(mover, server, length);

        if (!query)
                return; /* it is asked again */
        memcpy(query->message, message, length);
        query->length = length;
        query->asker = *from;
        query->asker_length = from_length;
        query->server_count = choose_servers(mover, asker, query->servers);
        query_send(mover, query);
}

static const Container *find_asker(Mover *mover, const NetSocketAddress *from)
{
        const Endpoint *endpoint;
        NetAddress address;
        uint16_t port;

        net_socket_address_split(from, &address, &port);
        endpoint = directory_endpoint(&mover->directory, &address);
        return endpoint ? endpoint->container : NULL;
}

static void answer_datagram(Mover *mover, NameServer *server, const Container *asker, const uint8_t *message,
                            size_t length, const NetSocketAddress *from, socklen_t from_length)
{
        uint8_t answer[DNS_PLAIN_MAXIMUM];
        size_t answered;

        if (length < DNS_HEADER_SIZE)
                return;
        answered = answer_here(mover, asker, message, length, answer, sizeof(answer));
        if (answered)
                (void)sendto(server->datagram.fd, answer, answered, MSG_DONTWAIT | MSG_NOSIGNAL,
                             &from->generic, from_length);
        else
                forward(mover, server, asker, message, length, from, from_length);
}

/* Of internal networks, and of what asks another network's gateway. */
static void datagram_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        NameServer *server = list_element(source, NameServer, datagram);

        for (int i = 0; i < BATCH; i++) {
                NetSocketAddress from;
                socklen_t from_length = sizeof(from);
                ssize_t length = recvfrom(source->fd, mover->datagrams, QUESTION_MAXIMUM, MSG_DONTWAIT,
                                          &from.generic, &from_length);
                const Container *asker;

                if (length < 0)
                        return;
                asker = find_asker(mover, &from);
                if (asker)
                        answer_datagram(mover, server, asker, mover->datagrams, (size_t)length, &from,
                                        from_length);
        }
}

void name_server_take(Mover *mover, const Endpoint *endpoint, const FlowKey *key, uint8_t *message,
                      size_t length)
{
        NetSocketAddress from;
        socklen_t from_length = net_socket_address(&key->source, 0, key->source_port, &from);

        list_for_each(node, &endpoint->network->name_servers)
        {
                NameServer *server = list_element(node, NameServer, node);

                if (server->family != key->source.family || length > QUESTION_MAXIMUM)
                        continue;
                answer_datagram(mover, server, endpoint->container, message, length, &from, from_length);
                return;
        }
}

/* ---- over TCP: one question a connection at a time ---- */

enum { STREAM_CAPACITY = LENGTH_SIZE + DNS_MESSAGE_MAXIMUM };

static size_t framed_length(const uint8_t *data)
{
        return (size_t)(data[0] << 8 | data[1]);
}

/* Answers are at most 64 KiB and the asker waits for them: they fit its socket's buffer, or it does not read.
 */
static void stream_answer(Mover *mover, NameQuery *query, const uint8_t *framed, size_t length)
{
        if (send(query->stream.source.fd, framed, length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)length) {
                query_end(mover, query);
                return;
        }
        mover_forget(mover, &query->outer.source);
        query->received -= query->length;
        memmove(query->message, query->message + query->length, query->received);
        query->length = 0;
        query->since = mover->now;
}

static void stream_forward(Mover *mover, NameQuery *query, const Container *asker)
{
        NetSocketAddress to;
        socklen_t length;

        query->server_count = choose_servers(mover, asker, query->servers);
        if (query->attempt >= query->server_count) {
                query_end(mover, query);
                return;
        }
        length = net_socket_address(&query->servers[query->attempt++], 0, PORT, &to);
        query->outer.source.ready = stream_outer_ready;
        query->outer.source.fd = mover_host_socket(mover, to.generic.sa_family, SOCK_STREAM, 0);
        query->answer_length = 0;
        query->sent = false;
        if (!query->answer)
                query->answer = malloc(STREAM_CAPACITY);
        if (!query->answer || query->outer.source.fd < 0 ||
            (connect(query->outer.source.fd, &to.generic, length) < 0 && errno != EINPROGRESS) ||
            mover_watch(mover, &query->outer.source, EPOLLIN | EPOLLOUT | EPOLLET) < 0)
                query_end(mover, query);
}

/* The questions that are there, until one has to be asked elsewhere. */
static void stream_next(Mover *mover, NameQuery *query)
{
        const Container *asker = find_asker(mover, &query->asker);
        uint8_t framed[LENGTH_SIZE + DNS_PLAIN_MAXIMUM * 8];

        if (!asker)
                query_end(mover, query);
        while (!query->dead && query->outer.source.fd < 0 && query->received >= LENGTH_SIZE &&
               query->received >= LENGTH_SIZE + framed_length(query->message)) {
                size_t answered = 0;

                query->length = LENGTH_SIZE + framed_length(query->message);
                if (query->length >= LENGTH_SIZE + DNS_HEADER_SIZE)
                        answered = answer_here(mover, asker, query->message + LENGTH_SIZE,
                                               query->length - LENGTH_SIZE, framed + LENGTH_SIZE,
                                               sizeof(framed) - LENGTH_SIZE);
                framed[0] = (uint8_t)(answered >> 8);
                framed[1] = (uint8_t)answered;
                query->attempt = 0;
                if (answered)
                        stream_answer(mover, query, framed, LENGTH_SIZE + answered);
                else
                        stream_forward(mover, query, asker);
        }
        if (!query->dead && query->last && query->outer.source.fd < 0)
                query_end(mover, query);
}

static void stream_outer_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        NameQuery *query = ((struct NamePeer *)source)->query;
        const Container *asker = find_asker(mover, &query->asker);
        ssize_t length;

        if (query->dead)
                return;
        if (events & EPOLLERR) {
                mover_forget(mover, source);
                if (asker)
                        stream_forward(mover, query, asker);
                else
                        query_end(mover, query);
                return;
        }
        if (events & EPOLLOUT && !query->sent) {
                if (send(source->fd, query->message, query->length, MSG_NOSIGNAL) != (ssize_t)query->length) {
                        query_end(mover, query);
                        return;
                }
                query->sent = true;
        }
        while ((length = recv(source->fd, query->answer + query->answer_length,
                              STREAM_CAPACITY - query->answer_length, MSG_DONTWAIT)) > 0)
                query->answer_length += (size_t)length;
        if (query->answer_length >= LENGTH_SIZE &&
            query->answer_length >= LENGTH_SIZE + framed_length(query->answer)) {
                stream_answer(mover, query, query->answer, LENGTH_SIZE + framed_length(query->answer));
                stream_next(mover, query);
        } else if (length == 0)
                query_end(mover, query);
}

static void stream_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        NameQuery *query = ((struct NamePeer *)source)->query;
        ssize_t length;

        if (query->dead)
                return;
        /* Questions behind one that is under way wait here, and no more of them than fit. */
        length = recv(source->fd, query->message + query->received, STREAM_CAPACITY - query->received,
                      MSG_DONTWAIT);
        if (length < 0 && errno == EAGAIN)
                return;
        if (length == 0 && query->received < STREAM_CAPACITY && query->outer.source.fd >= 0 &&
            !(events & (EPOLLHUP | EPOLLERR))) {
                struct epoll_event nothing = {.data.ptr = source};

                query->last = true;
                epoll_ctl(mover->epoll, EPOLL_CTL_MOD, source->fd, &nothing);
                return;
        }
        if (length <= 0) {
                query_end(mover, query);
                return;
        }
        query->received += (size_t)length;
        stream_next(mover, query);
}

static void listener_ready(Mover *mover, MoverSource *source, uint32_t events)
{
        NameServer *server = ((struct NameListener *)source)->server;

        for (int i = 0; i < BATCH; i++) {
                NetSocketAddress from;
                socklen_t length = sizeof(from);
                int fd = accept4(source->fd, &from.generic, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
                NameQuery *query;

                if (fd < 0)
                        return;
                query = query_new(mover, server, STREAM_CAPACITY);
                if (!query) {
                        close(fd);
                        continue;
                }
                query->asker = from;
                query->asker_length = length;
                query->stream.source.fd = fd;
                if (mover_watch(mover, &query->stream.source, EPOLLIN) < 0)
                        query_end(mover, query);
        }
}

/* ---- upkeep ---- */

void name_server_sweep(Mover *mover)
{
        list_for_each(node, &mover->name_queries)
        {
                NameQuery *query = list_element(node, NameQuery, node);
                uint64_t age = mover->now - query->since;

                if (query->dead)
                        query_free(mover, query);
                else if (query->stream.source.fd >= 0 && age > STREAM_MILLISECONDS)
                        query_end(mover, query);
                else if (query->stream.source.fd < 0 && age > TRY_MILLISECONDS)
                        query_send(mover, query);
        }
}

static int start_family(Mover *mover, Network *network, const NetAddress *gateway, Error *err)
{
        NetSocketAddress address;
        socklen_t length = net_socket_address(gateway, 0, PORT, &address);
        NameServer *server = calloc(1, sizeof(*server));
        MoverSource *datagram, *listener;

        if (!server)
                return fail_memory(err);
        datagram = &server->datagram;
        listener = &server->listener.source;
        server->network = network;
        server->family = gateway->family;
        server->listener.server = server;
        *datagram = (MoverSource){.ready = datagram_ready,
                                  .fd = mover_inner_socket(mover, gateway->family, SOCK_DGRAM)};
        *listener = (MoverSource){.ready = listener_ready,
                                  .fd = mover_inner_socket(mover, gateway->family, SOCK_STREAM)};
        list_append(&network->name_servers, &server->node);
        if (datagram->fd < 0 || listener->fd < 0 || bind(datagram->fd, &address.generic, length) < 0 ||
            bind(listener->fd, &address.generic, length) < 0 || listen(listener->fd, LISTEN_BACKLOG) < 0 ||
            mover_watch(mover, datagram, EPOLLIN) < 0 || mover_watch(mover, listener, EPOLLIN) < 0)
                return fail_errno(err, errno, "name server of network %s", network->spec.name);
        return 0;
}

int name_server_start(Mover *mover, Network *network, Error *err)
{
        int r = 0;

        if (net_address_set(&network->spec.gateway4))
                r = start_family(mover, network, &network->spec.gateway4, err);
        if (r >= 0 && net_address_set(&network->spec.gateway6))
                r = start_family(mover, network, &network->spec.gateway6, err);
        return r;
}

void name_server_stop(Mover *mover, Network *network)
{
        while (!list_empty(&network->name_servers)) {
                NameServer *server = list_element(network->name_servers.next, NameServer, node);

                list_for_each(node, &mover->name_queries)
                {
                        NameQuery *query = list_element(node, NameQuery, node);

                        if (query->server == server)
                                query_end(mover, query);
                }
                mover_forget(mover, &server->datagram);
                mover_forget(mover, &server->listener.source);
                list_remove(&server->node);
                free(server);
        }
}
