#include "sys/netlink.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_SIZE = 64 << 10, ATTRIBUTE_HEADER = 4 };

int netlink_open(int protocol, Netlink *ret, Error *err)
{
        struct sockaddr_nl address = {.nl_family = AF_NETLINK};
        Netlink netlink = NETLINK_INIT;
        int yes = 1, size = 1 << 20;

        netlink.batch = malloc(NETLINK_BATCH_SIZE);
        if (!netlink.batch)
                return fail_memory(err);
        netlink.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        if (netlink.fd < 0 || bind(netlink.fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                int r = fail_errno(err, errno, "netlink socket");

                netlink_deinit(&netlink);
                return r;
        }
        /* Answers without a copy of the request; dumps checked by the kernel. Old kernels do without. */
        setsockopt(netlink.fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof(yes));
        setsockopt(netlink.fd, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof(yes));
        setsockopt(netlink.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        netlink.sequence = 1;
        *ret = netlink;
        return 0;
}

void netlink_deinit(Netlink *netlink)
{
        cleanup_close(&netlink->fd);
        free(netlink->batch);
        netlink->batch = NULL;
}

/* Room for @length bytes at the end of the batch, zeroed and aligned; NULL when it does not fit. */
static void *reserve(Netlink *netlink, size_t length)
{
        size_t aligned = NLMSG_ALIGN(length);
        void *place;

        if (netlink->overflow || aligned > NETLINK_BATCH_SIZE - netlink->length) {
                netlink->overflow = true;
                return NULL;
        }
        place = netlink->batch + netlink->length;
        memset(place, 0, aligned);
        netlink->length += aligned;
        return place;
}

static void set_message_length(Netlink *netlink)
{
        struct nlmsghdr *header = (struct nlmsghdr *)(void *)(netlink->batch + netlink->message);

        if (!netlink->overflow)
                header->nlmsg_len = (uint32_t)(netlink->length - netlink->message);
}

void netlink_begin(Netlink *netlink, uint16_t type, uint16_t flags, const void *header, size_t header_size,
                   const char *what, int tolerated)
{
        struct nlmsghdr *message;
        size_t start = netlink->length;
        void *place;

        if (netlink->count >= NETLINK_BATCH_MESSAGES) {
                netlink->overflow = true;
                return;
        }
        message = reserve(netlink, sizeof(*message));
        place = reserve(netlink, header_size);
        if (!message || !place)
                return;
        netlink->message = start;
        netlink->depth = 0;
        message->nlmsg_type = type;
        message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (what ? NLM_F_ACK : 0) | flags);
        message->nlmsg_seq = netlink->sequence + (uint32_t)netlink->count;
        memcpy(place, header, header_size);
        netlink->notes[netlink->count++] = (NetlinkMessageNote){.what = what, .tolerated = tolerated};
        netlink->expected += what != NULL;
        set_message_length(netlink);
}

void netlink_put(Netlink *netlink, uint16_t attribute, const void *data, size_t length)
{
        struct nlattr *header = reserve(netlink, ATTRIBUTE_HEADER + length);

        if (!header)
                return;
        header->nla_type = attribute;
        header->nla_len = (uint16_t)(ATTRIBUTE_HEADER + length);
        if (length)
                memcpy(header + 1, data, length);
        set_message_length(netlink);
}

void netlink_put_text(Netlink *netlink, uint16_t attribute, const char *text)
{
        netlink_put(netlink, attribute, text, strlen(text) + 1);
}

void netlink_put_u8(Netlink *netlink, uint16_t attribute, uint8_t value)
{
        netlink_put(netlink, attribute, &value, sizeof(value));
}

void netlink_put_u16(Netlink *netlink, uint16_t attribute, uint16_t value)
{
        netlink_put(netlink, attribute, &value, sizeof(value));
}

void netlink_put_u32(Netlink *netlink, uint16_t attribute, uint32_t value)
{
        netlink_put(netlink, attribute, &value, sizeof(value));
}

void netlink_put_raw(Netlink *netlink, const void *data, size_t length)
{
        void *place = reserve(netlink, length);

        if (!place)
                return;
        memcpy(place, data, length);
        set_message_length(netlink);
}

void netlink_nest(Netlink *netlink, uint16_t attribute)
{
        if (netlink->depth >= NETLINK_NEST_MAXIMUM) {
                netlink->overflow = true;
                return;
        }
        netlink->nests[netlink->depth++] = netlink->length;
        netlink_put(netlink, attribute | NLA_F_NESTED, NULL, 0);
}

void netlink_unnest(Netlink *netlink)
{
        struct nlattr *header;

        if (netlink->overflow || netlink->depth == 0) {
                netlink->overflow = true;
                return;
        }
        header = (struct nlattr *)(void *)(netlink->batch + netlink->nests[--netlink->depth]);
        header->nla_len = (uint16_t)(netlink->length - netlink->nests[netlink->depth]);
}

/* Empties the batch; its sequence numbers are used up. */
static void reset(Netlink *netlink)
{
        netlink->sequence += (uint32_t)netlink->count;
        netlink->length = netlink->count = netlink->expected = netlink->depth = 0;
        netlink->overflow = false;
}

static int send_batch(Netlink *netlink, Error *err)
{
        struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

        if (netlink->overflow)
                return fail(err, EMSGSIZE, "netlink: a request is too large");
        if (sendto(netlink->fd, netlink->batch, netlink->length, 0, (struct sockaddr *)&kernel,
                   sizeof(kernel)) < 0)
                return fail_errno(err, errno, "netlink: send");
        return 0;
}

/* The kernel's own words in an acknowledgement (NLMSGERR_ATTR_MSG), or NULL. */
static const char *kernel_words(const struct nlmsghdr *header)
{
        const uint8_t *data = NLMSG_DATA(header);
        size_t offset = sizeof(struct nlmsgerr), length = header->nlmsg_len - NLMSG_HDRLEN;

        if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || !(header->nlmsg_flags & NLM_F_CAPPED))
                return NULL;
        while (offset + ATTRIBUTE_HEADER <= length) {
                struct nlattr attribute;

                memcpy(&attribute, data + offset, sizeof(attribute));
                if (attribute.nla_len < ATTRIBUTE_HEADER || attribute.nla_len > length - offset)
                        break;
                if (attribute.nla_type == NLMSGERR_ATTR_MSG && data[offset + attribute.nla_len - 1] == 0)
                        return (const char *)data + offset + ATTRIBUTE_HEADER;
                offset += NLA_ALIGN(attribute.nla_len);
        }
        return NULL;
}

static int take_acknowledgement(const Netlink *netlink, const struct nlmsghdr *header, int result, Error *err)
{
        const struct nlmsgerr *answer = NLMSG_DATA(header);
        size_t index = header->nlmsg_seq - netlink->sequence;
        const NetlinkMessageNote *note = &netlink->notes[index];
        const char *words = kernel_words(header), *what = note->what ?: "netlink";

        if (answer->error >= 0 || -answer->error == note->tolerated || result < 0)
                return result;
        if (words)
                return fail(err, -answer->error, "%s: %s (%s)", what, strerror(-answer->error), words);
        return fail_errno(err, -answer->error, "%s", what);
}

int netlink_flush(Netlink *netlink, Error *err)
{
        _cleanup_free_ uint8_t *buffer = NULL;
        size_t wanted = netlink->expected;
        int result;

        if (netlink->count == 0 && !netlink->overflow)
                return 0;
        buffer = malloc(RECEIVE_SIZE);
        result = buffer ? send_batch(netlink, err) : fail_memory(err);
        if (result < 0) {
                reset(netlink);
                return result;
        }
        while (wanted > 0) {
                ssize_t length = recv(netlink->fd, buffer, RECEIVE_SIZE, 0);
                size_t left;

                if (length < 0 && errno == EINTR)
                        continue;
                if (length < 0) {
                        result = fail_errno(err, errno, "netlink: receive");
                        break;
                }
                left = (size_t)length;
                for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, left) && wanted > 0;
                     header = NLMSG_NEXT(header, left)) {
                        if (header->nlmsg_type != NLMSG_ERROR ||
                            header->nlmsg_seq - netlink->sequence >= netlink->count)
                                continue;
                        result = take_acknowledgement(netlink, header, result, err);
                        /* a refused frame: nothing inside it was looked at */
                        if (netlink->notes[header->nlmsg_seq - netlink->sequence].what)
                                wanted--;
                        else if (result < 0)
                                wanted = 0;
                }
        }
        reset(netlink);
        return result;
}

int netlink_request(Netlink *netlink, NetlinkReceive receive, void *argument, Error *err)
{
        _cleanup_free_ uint8_t *buffer = malloc(RECEIVE_SIZE);
        bool more = true;
        int result = buffer ? send_batch(netlink, err) : fail_memory(err), r = 0;

        while (result >= 0 && more) {
                ssize_t length = recv(netlink->fd, buffer, RECEIVE_SIZE, 0);
                size_t left;

                if (length < 0 && errno == EINTR)
                        continue;
                if (length < 0) {
                        result = fail_errno(err, errno, "netlink: receive");
                        break;
                }
                left = (size_t)length;
                for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, left);
                     header = NLMSG_NEXT(header, left)) {
                        if (header->nlmsg_seq != netlink->sequence)
                                continue;
                        if (header->nlmsg_type == NLMSG_ERROR) {
                                result = take_acknowledgement(netlink, header, result, err);
                                more = false;
                        } else if (header->nlmsg_type == NLMSG_DONE) {
                                more = false;
                        } else if (r == 0) {
                                r = receive(header, argument);
                        }
                }
        }
        reset(netlink);
        return result < 0 ? result : r < 0 ? r : 0;
}
