#include "sys/userns-run.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

typedef struct TaskResult {
        int result;
        Error error;
} TaskResult;

static _Noreturn void run_child(int namespace, UserNamespaceTask task, void *argument, int writer)
{
        TaskResult result = {0};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        result.result = userns_enter(namespace);
        if (result.result < 0)
                fail_errno(&result.error, -result.result, "enter the user namespace");
        else
                result.result = task(argument, &result.error);
        file_write_all(writer, &result, sizeof(result));
        _exit(0);
}

int userns_run(int namespace, UserNamespaceTask task, void *argument, Error *err)
{
        _cleanup_close_ int reader = -EBADF, writer = -EBADF;
        TaskResult result = {0};
        int pipe_fds[2], status;
        pid_t pid;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "pipe");
        reader = pipe_fds[0];
        writer = pipe_fds[1];
        pid = fork();
        if (pid < 0)
                return fail_errno(err, errno, "fork");
        if (pid == 0)
                run_child(namespace, task, argument, writer);
        cleanup_close(&writer);
        if (file_read_full(reader, &result, sizeof(result)) != (ssize_t)sizeof(result))
                result.result =
                        fail(&result.error, EIO, "the helper process in the user namespace was killed");
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (result.result < 0 && err)
                *err = result.error;
        return result.result;
}
