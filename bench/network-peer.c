/*
 * Both ends of what bench/network measures beside throughput:
 *
 *   network-peer serve PORT                  a thread for each connection: echoes every byte; a first byte 'c': closes at once
 *   network-peer pingpong ADDRESS PORT N     microseconds of a round trip of one byte: the median
 *   network-peer connect ADDRESS PORT N      microseconds of connect, one byte, close: the mean
 *   network-peer rate ADDRESS PORT N WAYS    connections a second by that many threads, and how many were lost
 *   network-peer open ADDRESS PORT N         opens so many, says so, and keeps them until its input ends
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in peer;

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void *serve_one(void *argument)
{
        int fd = (int)(long)argument, yes = 1;
        char buffer[4096];
        ssize_t length;

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        while ((length = read(fd, buffer, sizeof(buffer))) > 0 && buffer[0] != 'c' && write(fd, buffer, (size_t)length) > 0)
                ;
        if (length > 0)
                length = write(fd, "c", 1);
        close(fd);
        return NULL;
}

static int serve(int port)
{
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
        pthread_attr_t small;

        pthread_attr_init(&small);
        pthread_attr_setstacksize(&small, 65536);
        pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        if (bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(listener, 4096) < 0)
                return perror("listen"), 1;
        for (;;) {
                int fd = accept(listener, NULL, NULL);
                pthread_t thread;

                if (fd >= 0 && pthread_create(&thread, &small, serve_one, (void *)(long)fd) != 0)
                        close(fd);
        }
}

static int dial(void)
{
        int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

        if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0) {
                close(fd);
                return -1;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        return fd;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static int pingpong(int count)
{
        double *times = calloc((size_t)count, sizeof(*times));
        int fd = dial();
        char byte = 'x';

        if (fd < 0 || !times)
                return perror("connect"), 1;
        for (int i = 0; i < count; i++) {
                double start = now();

                if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
                        return perror("pingpong"), 1;
                times[i] = now() - start;
        }
        qsort(times, (size_t)count, sizeof(*times), compare);
        printf("%.2f\n", times[count / 2]);
        return 0;
}

/* True: it came back. */
static int connect_once(void)
{
        int fd = dial();
        char byte = 'c';
        int good = fd >= 0 && write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1;

        if (fd >= 0)
                close(fd);
        return good;
}

static int measure_connect(int count)
{
        double *times = calloc((size_t)count, sizeof(*times));

        for (int i = 0; i < count; i++) {
                double start = now();

                if (!connect_once())
                        return perror("connect"), 1;
                times[i] = now() - start;
        }
        qsort(times, (size_t)count, sizeof(*times), compare);
        printf("%.2f\n", times[count / 2]);
        return 0;
}

static atomic_int left, lost;

static void *rate_one(void *argument)
{
        while (atomic_fetch_sub(&left, 1) > 0)
                if (!connect_once())
                        atomic_fetch_add(&lost, 1);
        return NULL;
}

static int rate(int count, int ways)
{
        pthread_t threads[64];
        double start = now();

        if (ways > 64)
                ways = 64;
        atomic_store(&left, count);
        for (int i = 0; i < ways; i++)
                pthread_create(&threads[i], NULL, rate_one, NULL);
        for (int i = 0; i < ways; i++)
                pthread_join(threads[i], NULL);
        printf("%.0f %d\n", count / ((now() - start) / 1e6), atomic_load(&lost));
        return 0;
}

static int hold(int count)
{
        char byte;

        for (int i = 0; i < count; i++)
                if (dial() < 0)
                        return perror("connect"), 1;
        printf("open\n");
        fflush(stdout);
        return read(0, &byte, 1) < 0;
}

int main(int argc, char **argv)
{
        struct rlimit files = {65536, 65536};

        setrlimit(RLIMIT_NOFILE, &files);
        if (argc == 3 && strcmp(argv[1], "serve") == 0)
                return serve(atoi(argv[2]));
        if (argc < 5)
                return 2;
        peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
        inet_pton(AF_INET, argv[2], &peer.sin_addr);
        if (strcmp(argv[1], "pingpong") == 0)
                return pingpong(atoi(argv[4]));
        if (strcmp(argv[1], "connect") == 0)
                return measure_connect(atoi(argv[4]));
        if (strcmp(argv[1], "rate") == 0 && argc == 6)
                return rate(atoi(argv[4]), atoi(argv[5]));
        if (strcmp(argv[1], "open") == 0)
                return hold(atoi(argv[4]));
        return 2;
}
