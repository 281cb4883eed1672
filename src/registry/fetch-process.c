#include "base/cleanup.h"
#include "base/file.h"
#include "registry/fetch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static _Noreturn void run_child(const FetchRequest *request, pid_t parent, int report)
{
        char kind[8], maximum[24];
        char *arguments[] = {(char *)"kelp-fetch",
                             (char *)request->config,
                             (char *)request->domain,
                             (char *)request->path,
                             kind,
                             (char *)request->object,
                             maximum,
                             NULL};
        const int wanted[] = {request->input, request->output, report, request->copy};
        const int places[] = {0, 1, FETCH_REPORT_FD, FETCH_COPY_FD};
        FetchReport failed = {0};
        int copies[ELEMENTSOF(wanted)];
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(125);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        snprintf(kind, sizeof(kind), "%d", (int)request->kind);
        snprintf(maximum, sizeof(maximum), "%lld", (long long)request->maximum);
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                copies[i] = wanted[i] >= 0 ? fcntl(wanted[i], F_DUPFD_CLOEXEC, 16)
                                           : open("/dev/null", O_RDWR | O_CLOEXEC);
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                dup2(copies[i], places[i]);
        syscall(SYS_close_range, FETCH_COPY_FD + 1, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
        execv(request->program, arguments);
        failed.result = fail_errno(&failed.error, errno, "execute %s", request->program);
        file_write_all(FETCH_REPORT_FD, &failed, sizeof(failed));
        _exit(125);
}

int fetch_start(const FetchRequest *request, FetchProcess *ret, Error *err)
{
        int ends[2];
        pid_t parent = getpid(), pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "pipe");
        pid = fork();
        if (pid == 0)
                run_child(request, parent, ends[1]);
        close(ends[1]);
        if (pid < 0) {
                close(ends[0]);
                return fail_errno(err, errno, "fork kelp-fetch");
        }
        ret->pid = pid;
        ret->report = ends[0];
        ret->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        return ret->pidfd < 0 ? fail_errno(err, errno, "pidfd_open") : 0;
}

static void reap(FetchProcess *process)
{
        int status;

        while (process->pid > 0 && waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
                ;
        process->pid = 0;
        cleanup_close(&process->pidfd);
        cleanup_close(&process->report);
}

int fetch_finish(FetchProcess *process, FetchResult *ret, Error *err)
{
        FetchReport report;
        ssize_t length = file_read_full(process->report, &report, sizeof(report));

        reap(process);
        if (length != (ssize_t)sizeof(report))
                return fail(err, EIO, "kelp-fetch was killed");
        if (report.result < 0) {
                report.error.message[sizeof(report.error.message) - 1] = 0;
                report.error.hint[sizeof(report.error.hint) - 1] = 0;
                if (err)
                        *err = report.error;
                return report.error.code > 0 ? -report.error.code : -EIO;
        }
        *ret = report.done;
        return 0;
}

void fetch_process_deinit(FetchProcess *process)
{
        if (process->pidfd >= 0)
                syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
        reap(process);
}
