/*
 * Starting a container under a kelp-monitor:
 *
 *   kelp  ── fork(2) ──>  the monitor to be: builds the container, whose parent it is
 *     | <-- BUILT pid ----- |
 *     |  writes "running" into the database
 *     | --- go -----------> |  starts the payload
 *     | <-- FAILED -------- |  or, when that worked, becomes kelp-monitor by execve(2),
 *     | <-- end of file --- |  which closes the socket
 *
 * Killed anywhere, it leaves at most a row that says "running" with processes that are gone: either side ends
 * when the socket does, and the container with its parent.
 */
#include "base/clock.h"
#include "base/file.h"
#include "engine/container-launch.h"
#include "engine/container-root.h"
#include "monitor/client.h"
#include "monitor/frame.h"
#include "monitor/monitor.h"
#include "sys/process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* What the monitor to be says, once or twice. */
typedef struct StartReport {
        pid_t pid; /* of the init, when it is built; 0: it failed */
        uint64_t start;
        Error error;
} StartReport;

typedef struct Start {
        Engine *engine;
        StoreContainer *row;
        const ContainerConfiguration *configuration;
        ContainerLaunch launch;
        int program;     /* kelp-monitor */
        char *self;      /* kelp, for --rm */
        int channels[2]; /* kelp's, the monitor's */
        int clients[2];  /* likewise; -EBADF: nobody is attached */
} Start;

static void start_deinit(Start *start)
{
        container_launch_deinit(&start->launch);
        cleanup_close(&start->program);
        free(start->self);
        for (int i = 0; i < 2; i++) {
                cleanup_close(&start->channels[i]);
                cleanup_close(&start->clients[i]);
        }
}

void container_monitor_deinit(ContainerMonitor *monitor)
{
        cleanup_close(&monitor->pidfd);
        cleanup_close(&monitor->client);
        cleanup_close(&monitor->init);
}

/* ---- the monitor to be ---- */

static void leave_session(void)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        setsid();
        for (int i = 0; null >= 0 && i < 3; i++)
                dup2(null, i);
}

static int become_monitor(Start *start, uint64_t init_start, Error *err)
{
        MonitorOptions options = {
                .id = start->row->id, .pid = start->launch.container.pid, .start = init_start};
        int r;

        container_holder_options(start->configuration, &start->launch, &options.holder);
        options.holder.client = start->clients[1];
        if (start->row->auto_remove) {
                options.remove_program = start->self;
                options.remove_root = start->engine->paths.data;
        }
        r = monitor_execute(start->program, &options);
        return fail_errno(err, -r, "execute kelp-monitor");
}

static _Noreturn void be_monitor(Start *start)
{
        StartReport report = {0};
        sigset_t before;
        char go;
        int r;

        cleanup_close(&start->channels[0]);
        cleanup_close(&start->clients[0]);
        leave_session();
        local_block_signals(&before);
        r = container_launch_begin(start->engine, start->row, start->configuration, false, &start->launch,
                                   &report.error);
        if (r >= 0)
                r = container_launch_finish(&start->launch, start->row->name, &report.error);
        if (r >= 0) {
                report.pid = start->launch.container.pid;
                report.start = process_start_time(report.pid);
                if (send(start->channels[1], &report, sizeof(report), MSG_NOSIGNAL) < 0 ||
                    recv(start->channels[1], &go, 1, 0) != 1)
                        _exit(1); /* nobody waits for it any more */
                r = runtime_start(&start->launch.container, &report.error);
        }
        if (r >= 0)
                become_monitor(start, report.start, &report.error);
        report.pid = 0;
        send(start->channels[1], &report, sizeof(report), MSG_NOSIGNAL);
        runtime_container_deinit(&start->launch.container);
        _exit(1);
}

/* ---- kelp ---- */

static int open_programs(Start *start, Error *err)
{
        _cleanup_free_ char *path = NULL;
        char self[4096];
        ssize_t length;
        int r;

        r = engine_helper(start->engine, "kelp-monitor", &path, err);
        if (r < 0)
                return r;
        start->program = open(path, O_PATH | O_CLOEXEC);
        if (start->program < 0)
                return fail_errno(err, errno, "%s", path);
        length = readlink("/proc/self/exe", self, sizeof(self) - 1);
        start->self = length > 0 ? strndup(self, (size_t)length) : NULL;
        return start->self ? 0 : fail_errno(err, errno, "read /proc/self/exe (is /proc mounted?)");
}

static int prepare(Start *start, const LocalOptions *local, Error *err)
{
        RuntimeProcess *process;
        Local view = LOCAL_INIT;
        int ignored, r;

        r = open_programs(start, err);
        if (r >= 0)
                r = container_launch_plan(start->engine, start->row, start->configuration, &start->launch,
                                          err);
        if (r >= 0)
                r = container_launch_folder(start->engine, start->row, start->configuration, &start->launch,
                                            err);
        /* Its helpers are our children, not the monitor's. */
        if (r >= 0 && start->launch.user_namespace < 0)
                r = engine_user_namespace(start->engine, &ignored, err);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, start->channels) < 0)
                return fail_errno(err, errno, "socketpair");
        if (!local)
                return 0;
        view.options = *local;
        process = &start->launch.plan.spec.process;
        local_window(&view, &process->console_height, &process->console_width);
        r = frame_pair(start->clients);
        if (r >= 0)
                r = client_hello(start->clients[0], local);
        return r < 0 ? fail_errno(err, -r, "socketpair") : 0;
}

static int receive(Start *start, StartReport *ret)
{
        ssize_t length;

        *ret = (StartReport){0};
        do
                length = recv(start->channels[0], ret, sizeof(*ret), 0);
        while (length < 0 && errno == EINTR);
        return length == (ssize_t)sizeof(*ret);
}

static int failed(const StartReport *report, Error *err)
{
        if (report->error.code <= 0)
                return fail(err, EIO, "the container's monitor was killed while it started the container");
        if (err)
                *err = report->error;
        return -report->error.code;
}

/* From the fork to the running payload. */
static int follow(Start *start, ContainerMonitor *monitor, Error *err)
{
        StoreContainer *row = start->row;
        StartReport report;
        int r;

        if (!receive(start, &report) || report.pid <= 0)
                return failed(&report, err);
        monitor->init = process_open(report.pid, report.start);
        if (monitor->init < 0)
                return fail_errno(err, -monitor->init, "the container's init");
        r = container_set_running(start->engine, row, report.pid, report.start, monitor->pid, err);
        if (r < 0)
                return r;
        if (send(start->channels[0], "", 1, MSG_NOSIGNAL) == 1 && !receive(start, &report))
                return 0;
        container_set_ended(start->engine, row, "created", container_failed_status(&report.error),
                            clock_now(), &report.error, NULL);
        return failed(&report, err);
}

int container_monitor_start(Engine *engine, StoreContainer *row, const ContainerConfiguration *configuration,
                            const LocalOptions *local, ContainerMonitor *ret, Error *err)
{
        _cleanup_(start_deinit) Start start = {.engine = engine,
                                               .row = row,
                                               .configuration = configuration,
                                               .launch = CONTAINER_LAUNCH_INIT,
                                               .program = -EBADF,
                                               .channels = {-EBADF, -EBADF},
                                               .clients = {-EBADF, -EBADF}};
        _cleanup_monitor_ ContainerMonitor monitor = CONTAINER_MONITOR_INIT;
        Error error = ERROR_INIT;
        int r, status;

        r = prepare(&start, local, err);
        if (r < 0)
                goto discard;
        monitor.pid = fork();
        if (monitor.pid < 0) {
                r = fail_errno(err, errno, "fork the container's monitor");
                goto discard;
        }
        if (monitor.pid == 0)
                be_monitor(&start);
        cleanup_close(&start.channels[1]);
        cleanup_close(&start.clients[1]);
        monitor.pidfd = process_open(monitor.pid, 0);
        r = follow(&start, &monitor, &error);
        cleanup_close(&start.channels[0]);
        if (r < 0) {
                process_reap(monitor.pidfd, &status);
                /* Once more, by other means, when it has turned out that layers cannot be mounted here. */
                if (container_root_note(engine, &error) > 0)
                        return container_monitor_start(engine, row, configuration, local, ret, err);
                if (err)
                        *err = error;
                goto discard;
        }
        start.launch.network.held = true; /* by the monitor */
        monitor.client = TAKE_FD(start.clients[0]);
        *ret = monitor;
        monitor = (ContainerMonitor)CONTAINER_MONITOR_INIT;
        return 0;
discard:
        if (row->auto_remove && !start.launch.foreign)
                container_discard(engine, row, true, NULL);
        return r;
}
