#include "unpack/process.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "sys/process.h"
#include "sys/userns.h"
#include "unpack/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static _Noreturn void run_child(const UnpackOptions *options, pid_t parent, int report)
{
        char mode[8], single[8], maximum[24];
        char *arguments[] = {(char *)"kelp-unpack", mode, single, maximum, NULL};
        char *environment[] = {NULL};
        UnpackReport failed = {0};
        const int wanted[] = {options->input, options->target, report};
        int copies[3];
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(125);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        snprintf(mode, sizeof(mode), "%d", (int)options->mode);
        snprintf(single, sizeof(single), "%d", options->single_id);
        snprintf(maximum, sizeof(maximum), "%lld", (long long)options->maximum_bytes);
        if (options->user_namespace >= 0) {
                failed.result = userns_enter(options->user_namespace);
                if (failed.result < 0) {
                        fail_errno(&failed.error, -failed.result, "kelp-unpack: enter the user namespace");
                        goto fail;
                }
                prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change of user has cleared it */
        }
        for (int i = 0; i < 3; i++)
                copies[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, 16);
        for (int i = 0; i < 3; i++)
                dup2(copies[i], UNPACK_INPUT_FD + i);
        report = copies[2];
        syscall(SYS_close_range, UNPACK_REPORT_FD + 1, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
        execve(options->program, arguments, environment);
        failed.result = fail_errno(&failed.error, errno, "execute %s", options->program);
fail:
        file_write_all(report, &failed, sizeof(failed));
        _exit(125);
}

int unpack_start(const UnpackOptions *options, UnpackProcess *ret, Error *err)
{
        _cleanup_close_ int reader = -EBADF, writer = -EBADF;
        int pipe_fds[2];
        pid_t parent = getpid(), pid;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "pipe");
        reader = pipe_fds[0];
        writer = pipe_fds[1];
        pid = fork();
        if (pid < 0)
                return fail_errno(err, errno, "fork kelp-unpack");
        if (pid == 0)
                run_child(options, parent, writer);
        ret->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        ret->pid = pid;
        ret->result = TAKE_FD(reader);
        return ret->pidfd < 0 ? fail_errno(err, errno, "pidfd_open") : 0;
}

int unpack_finish(UnpackProcess *process, UnpackResult *ret, Error *err)
{
        UnpackReport report;
        ssize_t length = file_read_full(process->result, &report, sizeof(report));
        int status = 0;

        process_reap(process->pidfd, &status);
        cleanup_close(&process->pidfd);
        cleanup_close(&process->result);
        process->pid = 0;
        if (length != (ssize_t)sizeof(report))
                return fail(err, EIO,
                            status > 128 ? "kelp-unpack was killed by signal %d"
                                         : "kelp-unpack ended with status %d",
                            status > 128 ? status - 128 : status);
        if (report.result < 0) {
                report.error.message[sizeof(report.error.message) - 1] = 0;
                report.error.hint[sizeof(report.error.hint) - 1] = 0;
                if (err)
                        *err = report.error;
                return report.error.code > 0 ? -report.error.code : -EIO;
        }
        *ret = report.counts;
        return 0;
}

void unpack_process_deinit(UnpackProcess *process)
{
        int status;

        if (process->pidfd >= 0) {
                process_signal(process->pidfd, SIGKILL);
                process_reap(process->pidfd, &status);
        }
        cleanup_close(&process->pidfd);
        cleanup_close(&process->result);
        process->pid = 0;
}
