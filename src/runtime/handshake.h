/*
 * What the two halves of a container's start say to each other, over a SOCK_SEQPACKET pair that execve(2)
 * closes.
 *
 *   caller (spawn.c)                              init (init.c)
 *      | clone3 --------------------------------->  makes its namespaces
 *      | PROCEED -------------------------------->  builds the container
 *      | <----- PREPARED                            all but pivot_root(2); only with hooks
 *      | GO_ON ---------------------------------->  runs its own hooks, goes on
 *      | <----- CREATED, the pty's master with it   … everything up to the payload
 *      | GO_ON ---------------------------------->  stays without us; only with a listener
 *      | START ---------------------------------->  confines itself, execve(2)
 *      | <----- end of file                         executed: the socket was close-on-exec
 *      | <----- FAILED with the Error               or not, at either stage; then it exits
 *
 * PROCEED is for callers that do something meanwhile (runtime_begin()). With RuntimeCreate.start_at_once the
 * init waits for no START, and CREATED comes only where a pty's master has to.
 *
 * The end of file at the init's side means that nobody waits for the container any more: it exits. An OCI
 * runtime's `create` and `start` are different processes: then the init holds a listening socket
 * (RuntimeCreate.listener), and START comes through the connection that `start` makes. It gets there only by
 * GO_ON, which says that what `start` and `delete` need to find it is on disk.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum HandshakeType {
        HANDSHAKE_CREATED = 1,
        HANDSHAKE_PROCEED,
        HANDSHAKE_PREPARED,
        HANDSHAKE_GO_ON,
        HANDSHAKE_LISTENER, /* after START: with the descriptor of the filter's notifications */
        HANDSHAKE_START,
        HANDSHAKE_FAILED,
        HANDSHAKE_NOT_EXECUTED, /* of execute-stub.c: the errno, and the command in place of a message;
                                   received as HANDSHAKE_FAILED */
} HandshakeType;

typedef struct HandshakeMessage {
        HandshakeType type;
        int32_t pid; /* HANDSHAKE_GO_ON: the receiver's, as the host sees it */
        Error error; /* HANDSHAKE_FAILED */
} HandshakeMessage;

/* A connected pair, both close-on-exec and above 2. 0 or a negative errno. */
int handshake_pair(int ret[static 2]);
/* Sends @type, with @error (may be NULL) and a descriptor (-EBADF: none). 0 or a negative errno. */
int handshake_send(int channel, HandshakeType type, const Error *error, int fd);
/* Sends HANDSHAKE_GO_ON. 0 or a negative errno. */
int handshake_go_on(int channel, pid_t pid);
/* Receives one message; *ret_fd (may be NULL) gets a descriptor that came with it or -EBADF. 1: a message, 0:
 * the other side has closed; or a negative errno. */
int handshake_receive(int channel, HandshakeMessage *ret, int *ret_fd);
