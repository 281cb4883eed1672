/*
 * What a container's holder and those who attach to it say to each other, over a SOCK_SEQPACKET socket: one
 * frame a packet.
 *
 *   client                                        holder
 *      | HELLO (which streams) ------------------->  from now on output comes
 *      | INPUT data, INPUT_END, RESIZE ----------->
 *      | <------------------- OUTPUT, ERRORS data   of the container's 1 and 2; a terminal's is all OUTPUT
 *      | <----------------------------- ENDED code  the container's exit status, when all output was sent
 *      | <--------------------------- REFUSED text  why there is no attachment
 *      | ADOPT with a descriptor ----------------->  a terminal of a detached exec, to be kept open
 *
 * A client detaches by closing. The socket stands in the container's folder, which only its user can enter,
 * and the holder compares the user of whoever connects with its own.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

#define ATTACH_SOCKET "attach"

typedef enum FrameType {
        FRAME_HELLO = 1,
        FRAME_INPUT,
        FRAME_INPUT_END,
        FRAME_RESIZE,
        FRAME_ADOPT,
        FRAME_OUTPUT,
        FRAME_ERRORS,
        FRAME_ENDED,
        FRAME_REFUSED,
} FrameType;

enum {
        FRAME_DATA_MAXIMUM = 32 << 10,
        FRAME_WANTS_INPUT = 1,
        FRAME_WANTS_OUTPUT = 2,
        FRAME_WANTS_ERRORS = 4,
};

typedef struct FrameHeader {
        uint32_t type;
        uint32_t a; /* HELLO: FRAME_WANTS_…; RESIZE: rows; ENDED: the status */
        uint32_t b; /* RESIZE: columns */
} FrameHeader;

/* Sends one frame without waiting. @fd: goes with it (-EBADF: none). 0, -EAGAIN when the other side has to
 * read first, or another negative errno (it has gone). */
int frame_send(int socket, FrameHeader header, const void *data, size_t length, int fd);
/* Receives one frame without waiting; @data has FRAME_DATA_MAXIMUM bytes. *ret_fd (may be NULL) gets a
 * descriptor that came with it, or -EBADF. 1: a frame, 0: the other side has gone, -EAGAIN: there is none
 * yet.
 */
int frame_receive(int socket, FrameHeader *ret, void *data, size_t *ret_length, int *ret_fd);

/* A connected pair. 0 or a negative errno. */
int frame_pair(int ret[static 2]);
/* Listens in the container's folder; an old socket there is replaced. The descriptor (which does not block)
 * or a negative errno. */
int frame_listen(int folder_fd);
/* Connects to the holder. The descriptor or a negative errno. */
int frame_connect(int folder_fd);
/* Accepts a connection of this process's own user; others are turned away. The descriptor or -EAGAIN. */
int frame_accept(int listener);
