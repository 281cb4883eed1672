/*
 * What a hostile container tries with switched sockets: switch-escapes WAY WORLD WORLD-PORT TARGET TARGET-PORT.
 * WORLD is an address that may be reached, TARGET one that may not. Prints "reached" when TARGET has answered,
 * else "closed" and the errno of the last attempt, in words.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 3 };

static struct sockaddr_in world, target;
static bool reached;
static int last;

static void note(long result)
{
        last = result < 0 ? errno : 0;
}

/* Something came from there. */
static void look(int fd)
{
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        struct sockaddr_in peer = {0};
        socklen_t length = sizeof(peer);
        char byte;

        if (poll(&ready, 1, 1000) <= 0 || recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
                return;
        if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
            peer.sin_addr.s_addr == target.sin_addr.s_addr)
                reached = true;
}

static int connected(void)
{
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&world, sizeof(world)) < 0) {
                perror("connect to the world");
                exit(1);
        }
        return fd;
}

/* A socket of the host that is not connected any more. */
static int disconnected(void)
{
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        int fd = connected();

        connect(fd, &none, sizeof(none));
        return fd;
}

static void by_sendto(void)
{
        int fd = disconnected();

        note(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&target, sizeof(target)));
        look(fd);
}

static struct msghdr addressed(struct iovec *vector)
{
        *vector = (struct iovec){"x", 1};
        return (struct msghdr){
                .msg_name = &target, .msg_namelen = sizeof(target), .msg_iov = vector, .msg_iovlen = 1};
}

static void by_sendmsg(void)
{
        struct iovec vector;
        struct msghdr message = addressed(&vector);
        int fd = disconnected();

        note(sendmsg(fd, &message, MSG_FASTOPEN));
        look(fd);
}

static void by_sendmmsg(void)
{
        struct iovec vector;
        struct mmsghdr message = {.msg_hdr = addressed(&vector)};
        int fd = disconnected();

        note(sendmmsg(fd, &message, 1, MSG_FASTOPEN));
        look(fd);
}

/* The upper half of an int argument means nothing to the kernel. */
static void by_wide_flags(void)
{
        int fd = disconnected();

        note(syscall(SYS_sendto, fd, "x", 1, 0xabcd00000000UL | MSG_FASTOPEN, &target, sizeof(target)));
        look(fd);
}

static void by_reconnecting(void)
{
        int fd = disconnected();

        note(connect(fd, (struct sockaddr *)&target, sizeof(target)));
        look(fd);
}

static void by_duplicate(void)
{
        int fd = disconnected(), other = dup(fd);

        close(fd);
        note(connect(other, (struct sockaddr *)&target, sizeof(target)));
        look(other);
}

static void by_ring(void)
{
        char parameters[128] = {0};

        note(syscall(425 /* io_uring_setup */, 4, parameters));
        reached = last == 0;
}

static void by_other_abi(void)
{
#ifdef __x86_64__
        long result;

        /* getpid(2) of ia32 */
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
        errno = (int)-result;
        note(result < 0 ? -1 : 0);
        reached = last == 0;
        result = syscall(0x40000000 | 39 /* getpid(2) of x32 */);
        note(result);
        reached = reached || last == 0;
#else
        errno = ENOSYS;
        note(-1);
#endif
}

/* A port of the host. */
static void by_listening(void)
{
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = target.sin_port};
        int fd = disconnected();

        note(bind(fd, (struct sockaddr *)&any, sizeof(any)));
        reached = last == 0;
        note(listen(fd, 1));
        reached = reached || last == 0;
}

/* ---- races ---- */

static volatile bool over;
static union {
        struct sockaddr_in address;
        struct sockaddr_un name;
} shared;

static void *swap_address(void *argument)
{
        while (!over) {
                shared.address = world;
                __asm__ volatile("" ::: "memory");
                shared.address = target;
        }
        return NULL;
}

/* The address changes while it is looked at. */
static void by_pointer(void)
{
        time_t end = time(NULL) + SECONDS;
        pthread_t thread;

        shared.address = world;
        pthread_create(&thread, NULL, swap_address, NULL);
        while (time(NULL) < end && !reached) {
                int fd = disconnected();

                note(connect(fd, (struct sockaddr *)&shared, sizeof(target)));
                if (last == 0)
                        look(fd);
                close(fd);
                fd = socket(AF_INET, SOCK_STREAM, 0);
                note(connect(fd, (struct sockaddr *)&shared, sizeof(target)));
                if (last == 0)
                        look(fd);
                close(fd);
        }
        over = true;
        pthread_join(thread, NULL);
}

static int number, local, host;

static void *swap_descriptor(void *argument)
{
        while (!over) {
                dup2(local, number);
                dup2(host, number);
        }
        return NULL;
}

/* The descriptor is that of a unix socket while it is looked at, and of a socket of the host when the call
 * goes on. */
static void by_descriptor(void)
{
        time_t end = time(NULL) + SECONDS;
        pthread_t thread;

        local = socket(AF_UNIX, SOCK_STREAM, 0);
        host = disconnected();
        number = dup(local);
        fcntl(host, F_SETFL, O_NONBLOCK);
        /* as long as a unix address, and one of IPv4 as well */
        shared.address = target;
        pthread_create(&thread, NULL, swap_descriptor, NULL);
        while (time(NULL) < end && !reached) {
                struct sockaddr_in peer = {0};
                socklen_t length = sizeof(peer);

                if (connect(number, (struct sockaddr *)&shared, sizeof(shared)) < 0 && errno != EINPROGRESS)
                        continue;
                look(host);
                if (getpeername(host, (struct sockaddr *)&peer, &length) == 0 &&
                    peer.sin_addr.s_addr == target.sin_addr.s_addr)
                        reached = true;
        }
        over = true;
        pthread_join(thread, NULL);
}

/* ---- to another container ---- */

#define MEETING "/meet/socket"

static void send_socket(int through, int fd)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec vector = {"x", 1};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control)};

        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        sendmsg(through, &message, 0);
}

/* Gives a socket of the host to a container whose sockets are not switched. */
static void by_sharing(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = MEETING};
        int listener = socket(AF_UNIX, SOCK_STREAM, 0);

        bind(listener, (struct sockaddr *)&address, sizeof(address));
        listen(listener, 1);
        puts("waiting");
        fflush(stdout);
        send_socket(accept(listener, NULL, NULL), connected());
}

static void by_taking(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = MEETING};
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        char byte, control[CMSG_SPACE(sizeof(int))];
        struct iovec vector = {&byte, 1};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        int through = socket(AF_UNIX, SOCK_STREAM, 0), fd;

        while (connect(through, (struct sockaddr *)&address, sizeof(address)) < 0)
                usleep(10000);
        if (recvmsg(through, &message, 0) != 1) {
                perror("take a socket");
                exit(1);
        }
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
        connect(fd, &none, sizeof(none));
        fcntl(fd, F_SETFL, O_NONBLOCK);
        note(connect(fd, (struct sockaddr *)&target, sizeof(target)));
        look(fd);
}

static const struct {
        const char *name;
        void (*run)(void);
} ways[] = {
        {"sendto", by_sendto},         {"sendmsg", by_sendmsg},     {"sendmmsg", by_sendmmsg},
        {"wide-flags", by_wide_flags}, {"reconnect", by_reconnecting}, {"duplicate", by_duplicate},
        {"io_uring", by_ring},         {"other-abi", by_other_abi}, {"listen", by_listening},
        {"pointer", by_pointer},       {"descriptor", by_descriptor}, {"share", by_sharing},
        {"take", by_taking},
};

int main(int argc, char **argv)
{
        if (argc != 6)
                return 2;
        world = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
        target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[5]))};
        inet_pton(AF_INET, argv[2], &world.sin_addr);
        inet_pton(AF_INET, argv[4], &target.sin_addr);
        for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
                if (strcmp(ways[i].name, argv[1]) == 0) {
                        ways[i].run();
                        printf("%s: %s\n", reached ? "reached" : "closed", strerror(last));
                        return 0;
                }
        return 2;
}
