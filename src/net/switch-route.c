/* Where a destination lies: a question to the kernel's tables (rtnetlink(7)) for each connection, since they
 * may change. */
#include "net/switch.h"

#include "base/cleanup.h"

#include <linux/rtnetlink.h>
#include <string.h>

enum { ANSWER_SIZE = 4096, LOOPBACK = 1 };

typedef struct RouteRequest {
        struct nlmsghdr header;
        struct rtmsg route;
        struct rtattr attribute;
        uint8_t address[16];
} RouteRequest;

typedef struct RouteAnswer {
        uint8_t type; /* RTN_… */
        bool gateway;
        uint32_t index;
} RouteAnswer;

int switch_route_open(void)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

        return fd < 0 ? -errno : fd;
}

static int read_answer(struct nlmsghdr *header, size_t length, RouteAnswer *ret)
{
        struct rtmsg *route = NLMSG_DATA(header);
        size_t left;

        if (!NLMSG_OK(header, length) || header->nlmsg_type != RTM_NEWROUTE ||
            header->nlmsg_len < NLMSG_LENGTH(sizeof(*route)))
                return -EHOSTUNREACH;
        *ret = (RouteAnswer){.type = route->rtm_type};
        left = header->nlmsg_len - NLMSG_LENGTH(sizeof(*route));
        for (struct rtattr *attribute = RTM_RTA(route); RTA_OK(attribute, left);
             attribute = RTA_NEXT(attribute, left)) {
                if (attribute->rta_type == RTA_GATEWAY || attribute->rta_type == RTA_VIA)
                        ret->gateway = true;
                else if (attribute->rta_type == RTA_OIF && RTA_PAYLOAD(attribute) >= sizeof(ret->index))
                        memcpy(&ret->index, RTA_DATA(attribute), sizeof(ret->index));
        }
        return 0;
}

static int ask(int netlink, const NetAddress *destination, RouteAnswer *ret)
{
        _Alignas(struct nlmsghdr) uint8_t answer[ANSWER_SIZE];
        size_t length = net_address_length(destination);
        RouteRequest request = {
                .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) + RTA_SPACE((unsigned)length),
                           .nlmsg_type = RTM_GETROUTE,
                           .nlmsg_flags = NLM_F_REQUEST},
                .route = {.rtm_family = (uint8_t)destination->family, .rtm_dst_len = (uint8_t)(length * 8)},
                .attribute = {.rta_len = (uint16_t)RTA_LENGTH(length), .rta_type = RTA_DST}};
        ssize_t received;

        memcpy(request.address, destination->bytes, length);
        if (send(netlink, &request, request.header.nlmsg_len, 0) < 0)
                return -errno;
        received = recv(netlink, answer, sizeof(answer), 0);
        return received < 0 ? -errno : read_answer((void *)answer, (size_t)received, ret);
}

bool switch_route_leads_out(const Switch *self, const NetAddress *destination, uint32_t *ret_index)
{
        RouteAnswer inner = {0}, outer = {0};

        if (net_address_forbidden(destination))
                return false;
        /* A neighbour of the container's is on a network of its own; what has no route is refused there. */
        if (ask(self->inner_route, destination, &inner) < 0 || inner.type != RTN_UNICAST || !inner.gateway)
                return false;
        if (ask(self->outer_route, destination, &outer) < 0 || outer.type != RTN_UNICAST ||
            outer.index <= LOOPBACK)
                return false;
        *ret_index = outer.index;
        return true;
}
