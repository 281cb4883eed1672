/* The attached clients of a holder: private to src/monitor. */
#pragma once

#include "monitor/frame.h"
#include "monitor/holder.h"

#include <poll.h>

enum {
        CLIENTS_MAXIMUM = 16,
        ADOPTED_MAXIMUM = 16,
        STALL_SECONDS = 10,
};

typedef struct HolderClient {
        int fd;       /* -EBADF: free */
        bool starter; /* the one who started the container */
        bool input, wants[2];
        bool pending;          /* has not taken the piece yet */
        int64_t stalled_since; /* from when it has not */
} HolderClient;

/* A piece of output, which is at the front of the stream for everyone. */
typedef struct HolderPiece {
        int which; /* 0: output, 1: errors */
        size_t length;
        char data[FRAME_DATA_MAXIMUM];
} HolderPiece;

/* Offers the piece to the client, who takes it, has it pending, or is let go. */
void holder_client_offer(HolderClient *client, const HolderPiece *piece);
/* Tells it that the process has ended, when it has room for that. */
void holder_client_end(HolderClient *client, int status);
/* Lets go of who has taken nothing for too long. Milliseconds until it would be time for the next; -1: never.
 */
int holder_clients_expire(HolderClient clients[static CLIENTS_MAXIMUM]);
/* A new one. It is told when there is no room. */
void holder_clients_add(HolderClient clients[static CLIENTS_MAXIMUM], int fd, bool starter);
void holder_client_drop(HolderClient *client);
bool holder_clients_pending(const HolderClient clients[static CLIENTS_MAXIMUM]);
