#include "monitor/holder-clients.h"

#include <string.h>
#include <time.h>

static int64_t seconds_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

void holder_client_drop(HolderClient *client)
{
        cleanup_close(&client->fd);
        *client = (HolderClient){.fd = -EBADF};
}

void holder_clients_add(HolderClient clients[static CLIENTS_MAXIMUM], int fd, bool starter)
{
        static const char full[] = "too many are attached to this container already";

        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++)
                if (clients[i].fd < 0) {
                        clients[i] = (HolderClient){.fd = fd, .starter = starter};
                        return;
                }
        frame_send(fd, (FrameHeader){.type = FRAME_REFUSED}, full, sizeof(full) - 1, -EBADF);
        close(fd);
}

void holder_client_offer(HolderClient *client, const HolderPiece *piece)
{
        int r;

        if (client->fd < 0 || !client->wants[piece->which])
                return;
        r = frame_send(client->fd, (FrameHeader){.type = piece->which ? FRAME_ERRORS : FRAME_OUTPUT},
                       piece->data, piece->length, -EBADF);
        if (r == -EAGAIN || r == -ENOBUFS) {
                if (!client->pending)
                        client->stalled_since = seconds_now();
                client->pending = true;
                return;
        }
        client->pending = false;
        if (r < 0)
                holder_client_drop(client);
}

void holder_client_end(HolderClient *client, int status)
{
        struct pollfd room = {.fd = client->fd, .events = POLLOUT};
        FrameHeader frame = {.type = FRAME_ENDED, .a = (uint32_t)status};

        while (frame_send(client->fd, frame, NULL, 0, -EBADF) == -EAGAIN &&
               poll(&room, 1, client->starter ? -1 : STALL_SECONDS * 1000) > 0)
                ;
        holder_client_drop(client);
}

int holder_clients_expire(HolderClient clients[static CLIENTS_MAXIMUM])
{
        int64_t now = 0;
        int next = -1;

        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++) {
                int left;

                if (clients[i].fd < 0 || !clients[i].pending || clients[i].starter)
                        continue;
                if (!now)
                        now = seconds_now();
                left = (int)(clients[i].stalled_since + STALL_SECONDS - now) * 1000;
                if (left <= 0)
                        holder_client_drop(&clients[i]);
                else
                        next = next < 0 || left < next ? left : next;
        }
        return next;
}

bool holder_clients_pending(const HolderClient clients[static CLIENTS_MAXIMUM])
{
        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++)
                if (clients[i].fd >= 0 && clients[i].pending)
                        return true;
        return false;
}
