/*
 * A container whose sockets are switched (net/switch.h, --network switch): which system calls wait for
 * kelp-switch, and what the kernel refuses besides. Installed by the init and by each process of exec, before
 * the container's own filter.
 *
 *   connect, bind, listen            wait for kelp-switch
 *   sendto, sendmsg, sendmmsg        with MSG_FASTOPEN: EOPNOTSUPP, since it is a connect(2) of its own
 *   io_uring                         ENOSYS, since it makes calls that no filter sees
 *   other ABIs of the machine        ENOSYS
 *
 * And Landlock lets no process of the container connect or bind a TCP socket by itself. So what kelp-switch
 * lets go on (sockets that are not TCP) can become nothing else, whatever other threads make of descriptors
 * and memory meanwhile.
 */
#pragma once

#include "base/error.h"

/* @channel: to kelp-switch, which gets the descriptor of the notifications and answers with an Error (code 0:
 * it is ready). Needs no_new_privs or CAP_SYS_ADMIN in the user namespace. */
int switch_confine(int channel, Error *err);
