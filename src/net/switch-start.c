#include "net/switch-start.h"

#include "base/cleanup.h"
#include "net/helper.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LANDLOCK_WITH_NETWORK = 4, BACKLOG = 64 };

int switch_check(Error *err)
{
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

        if (version >= LANDLOCK_WITH_NETWORK)
                return 0;
        fail_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
                  "--network switch: this kernel's Landlock does not control TCP (%s), without which a "
                  "container could turn its sockets to addresses that are closed to it",
                  version < 0 ? "it is not enabled" : "that came with Linux 6.7");
        return fail_hint(err, "without --network the container joins the network bridge");
}

int switch_start(const SwitchOptions *options, Error *err)
{
        _cleanup_close_ int listener =
                helper_listen(options->folder, SWITCH_SOCKET, BACKLOG, "kelp-switch", err);
        /* in the order of SWITCH_CHANNEL_FD and so on */
        const int fds[] = {options->channel, listener, options->user_namespace, options->network_namespace};
        const HelperStart start = {.path = options->program,
                                   .name = "kelp-switch",
                                   .log = -EBADF,
                                   .fds = fds,
                                   .fd_count = ELEMENTSOF(fds)};

        return listener < 0 ? listener : helper_start(&start, err);
}

int switch_connect(int folder, Error *err)
{
        int fd = helper_connect(folder, SWITCH_SOCKET);

        if (fd >= 0)
                return fd;
        fail_errno(err, fd == -ENOTCONN ? ECONNREFUSED : -fd, "the container's kelp-switch does not answer");
        return fail_hint(err, "it was killed: restart the container");
}
