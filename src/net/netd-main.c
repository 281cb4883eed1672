/*
 * kelp-netd: one for each user, started by kelp when a container first needs a network, gone some seconds
 * after the last one. Three threads: the mover (this one, in the host's network namespace; mover.h), the
 * control thread (in the intermediate one; control.h), and the one that makes sockets for the mover
 * (socket-pool.h).
 *
 * Started with the descriptors of start.h; confines itself before it sees a packet (confine.h).
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "net/confine.h"
#include "net/control.h"
#include "net/helper.h"
#include "net/start.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

static int prepare(Control *control, Error *err)
{
        int r;

        helper_raise_limits();
        signal(SIGPIPE, SIG_IGN);
        control->world.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        control->world.host_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (control->world.proc < 0 || control->world.host_root < 0)
                return fail_errno(err, errno, "open / and /proc");
        r = userns_enter(NETD_USER_NAMESPACE_FD);
        if (r < 0)
                return fail_errno(err, -r, "enter the user namespace of your containers");
        return confine_view(control->world.host_root, err);
}

static int run(Control *control, Mover *mover, Error *err)
{
        int r = prepare(control, err);

        mover->host_root = control->world.host_root;
        if (r >= 0)
                r = mover_init(mover, err);
        if (r >= 0)
                r = control_start(control, err);
        if (r < 0)
                return r;
        r = control_await(control, err);
        if (r >= 0)
                r = confine_calls(err);
        if (r < 0)
                return r;
        mover_log("kelp-netd %d: ready, %s", getpid(),
                  mover->uplink.tun ? "by a tun device"
                                    : "by a packet socket (/dev/net/tun is not accessible)");
        return mover_run(mover, err);
}

int main(int argc, char **argv)
{
        static NetdAnswer failed;
        static Mover mover;
        static Control control = {.world = WORLD_INIT,
                                  .listener = NETD_LISTENER_FD,
                                  .user_namespace = NETD_USER_NAMESPACE_FD,
                                  .ready = NETD_READY_FD};
        int r;

        if (fcntl(NETD_LISTENER_FD, F_GETFD) < 0 || fcntl(NETD_USER_NAMESPACE_FD, F_GETFD) < 0 ||
            fcntl(NETD_READY_FD, F_GETFD) < 0) {
                dprintf(STDERR_FILENO, "kelp-netd is started by kelp, not by hand\n");
                return 125;
        }
        /* Who started it may live long and waits for nobody: this is to be the child of no kelp. */
        if (fork() != 0)
                _exit(0);
        prctl(PR_SET_NAME, "kelp-netd");
        control.mover = &mover;
        control.by_root = getuid() == 0;
        r = run(&control, &mover, &failed.error);
        if (r < 0) {
                mover_log("kelp-netd: %s", failed.error.message);
                failed.result = r;
                (void)file_write_all(NETD_READY_FD, &failed, sizeof(failed));
        }
        return r < 0;
}
