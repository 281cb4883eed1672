#include "engine/container-launch.h"
#include "engine/container-state.h"
#include "monitor/client.h"
#include "monitor/frame.h"
#include "spec/signals.h"
#include "sys/process.h"

#include <poll.h>
#include <signal.h>

static int find_running(Engine *engine, const char *name, const char *verb, StoreContainer *row,
                        int *ret_pidfd, Error *err)
{
        int r;

        r = container_find(engine, name, row, err);
        if (r < 0)
                return r;
        *ret_pidfd = text_equal(row->status, "running") ? process_open(row->pid, row->pid_start) : -ESRCH;
        if (*ret_pidfd < 0)
                return fail_kind(err, ERROR_CONFLICT, ESRCH,
                                 "cannot %s container: %s: container %.12s is not running", verb, name,
                                 row->id);
        return 0;
}

int container_kill(Engine *engine, const char *name, const char *signal, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_close_ int pidfd = -EBADF;
        int number = SIGKILL, r;

        r = text_empty(signal) ? 0 : signal_parse(signal, &number, err);
        if (r >= 0)
                r = find_running(engine, name, "kill", &row, &pidfd, err);
        if (r < 0)
                return r;
        r = process_signal(pidfd, number);
        return r < 0 && r != -ESRCH ? fail_errno(err, -r, "kill container %s", name) : 0;
}

/* Until its holder has written down how it ended: then the next command sees it so. @pidfd: negative when the
 * init has gone already. */
static int wait_for_end(const StoreContainer *row, int pidfd, int milliseconds)
{
        _cleanup_close_ int holder = process_open(row->monitor_pid, row->monitor_start);
        int ended = pidfd < 0 ? 1 : process_wait_end(pidfd, milliseconds);

        if (ended > 0 && holder >= 0 && row->monitor_pid != getpid())
                process_wait_end(holder, 5000);
        return ended;
}

int container_stop(Engine *engine, const char *name, int timeout, const char *signal, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_close_ int pidfd = -EBADF;
        int number = SIGTERM, r;

        r = container_find(engine, name, &row, err);
        if (r < 0 || !text_equal(row.status, "running"))
                return r < 0 ? r : 0;
        r = container_configuration_from_json(row.configuration, &configuration, err);
        if (r >= 0 && !text_empty(signal ?: configuration.stop_signal))
                r = signal_parse(signal ?: configuration.stop_signal, &number, err);
        if (r < 0)
                return r;
        pidfd = process_open(row.pid, row.pid_start);
        if (pidfd < 0)
                return 0;
        if (timeout < 0)
                timeout = (int)configuration.stop_timeout;
        process_signal(pidfd, number);
        if (wait_for_end(&row, pidfd, timeout > INT32_MAX / 1000 ? -1 : timeout * 1000) > 0)
                return 0;
        process_signal(pidfd, SIGKILL);
        wait_for_end(&row, pidfd, -1);
        return 0;
}

int container_restart(Engine *engine, const char *name, int timeout, const char *signal, Error *err)
{
        int r = container_stop(engine, name, timeout, signal, err);

        return r < 0 ? r : container_start(engine, name, err);
}

/* From the holder itself, to whom we are attached without any stream: of a container that removes itself
 * nothing else says how it ended. -EPIPE: the holder did not say. */
static int wait_at_holder(Engine *engine, const StoreContainer *row, int init, int *ret_status)
{
        static const LocalOptions nothing = {0};
        _cleanup_free_ char *data = malloc(FRAME_DATA_MAXIMUM);
        _cleanup_close_ int socket = data ? container_connect(engine, row, init, NULL) : -ENOMEM;
        struct pollfd poll_fd = {.fd = socket, .events = POLLIN};
        FrameHeader frame;
        size_t length;
        int r;

        r = socket < 0 ? socket : client_hello(socket, &nothing);
        while (r >= 0) {
                if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
                        return -errno;
                r = frame_receive(socket, &frame, data, &length, NULL);
                if (r == -EAGAIN)
                        r = 1;
                else if (r > 0 && frame.type == FRAME_ENDED)
                        break;
                else
                        r = -EPIPE;
        }
        if (r >= 0)
                *ret_status = (int)frame.a;
        return r < 0 ? r : 0;
}

int container_wait(Engine *engine, const char *name, const char *condition, int *ret_status, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0}, after = {0};
        _cleanup_close_ int pidfd = -EBADF;
        int r;

        if (!text_empty(condition) && !text_equal(condition, "not-running"))
                return fail_kind(err, ERROR_UNSUPPORTED, EINVAL,
                                 "wait: the condition %s is not known: there is not-running", condition);
        r = container_find(engine, name, &row, err);
        if (r < 0)
                return r;
        *ret_status = row.exit_code;
        if (!text_equal(row.status, "running"))
                return 0;
        pidfd = process_open(row.pid, row.pid_start);
        r = wait_at_holder(engine, &row, pidfd, ret_status);
        wait_for_end(&row, pidfd, -1);
        if (r >= 0)
                return 0;
        /* The holder was killed, or has more clients than it takes. */
        r = container_find(engine, row.id, &after, NULL);
        *ret_status = r < 0 ? 128 + SIGKILL : after.exit_code;
        return 0;
}

int container_rename(Engine *engine, const char *name, const char *new_name, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        Store *store;
        int r;

        r = container_check_name(new_name, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_find(store, name, &row, err);
        return r < 0 ? r : store_container_rename(store, row.id, new_name + (*new_name == '/'), err);
}
