#include "runtime/hooks.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const KIND_NAMES[HOOK_KIND_COUNT] = {
        [HOOK_PRESTART] = "prestart",
        [HOOK_CREATE_RUNTIME] = "createRuntime",
        [HOOK_CREATE_CONTAINER] = "createContainer",
        [HOOK_START_CONTAINER] = "startContainer",
        [HOOK_POSTSTART] = "poststart",
        [HOOK_POSTSTOP] = "poststop",
};

json_object *hook_state_new(const RuntimeSpec *spec, const HookState *state)
{
        json_object *object = json_object_new_object();

        json_set_string(object, "ociVersion", spec->version ?: "1.0.2");
        json_set_string(object, "id", state->id ?: "");
        json_set_string(object, "status", state->status);
        if (state->pid > 0)
                json_set_int64(object, "pid", state->pid);
        json_set_string(object, "bundle", state->bundle ?: "");
        json_set(object, "annotations", json_new_map(&spec->annotations));
        return object;
}

/* In the child: only async-signal-safe calls. */
static _Noreturn void hook_execute(const RuntimeHook *hook, int input)
{
        char *empty[] = {NULL};
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (dup2(input, STDIN_FILENO) < 0 ||
            syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) < 0)
                _exit(126);
        execve(hook->path, hook->args.items, hook->env.count ? hook->env.items : empty);
        _exit(errno == ENOENT ? 127 : 126);
}

static int hook_await(const RuntimeHook *hook, pid_t pid, Error *err)
{
        _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        bool in_time = true;
        int status;

        if (pidfd >= 0 && hook->timeout > 0)
                in_time =
                        process_wait_end(pidfd, hook->timeout > INT32_MAX / 1000 ? INT32_MAX
                                                                                 : hook->timeout * 1000) != 0;
        if (!in_time)
                kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return fail_errno(err, errno, "wait for it");
        if (!in_time)
                return fail(err, ETIMEDOUT, "it did not end within %d seconds", hook->timeout);
        if (WIFSIGNALED(status))
                return fail(err, ECANCELED, "it was killed by signal %d", WTERMSIG(status));
        if (WEXITSTATUS(status) == 127 && access(hook->path, F_OK) < 0)
                return fail_errno(err, errno, "execute it");
        if (WEXITSTATUS(status))
                return fail(err, ECANCELED, "it failed with exit status %d", WEXITSTATUS(status));
        return 0;
}

static int hook_run(const RuntimeHook *hook, const char *state, Error *err)
{
        _cleanup_close_ int input = fd_memory_file("state", state, strlen(state));
        pid_t pid;

        if (input < 0)
                return fail_errno(err, -input, "its state");
        pid = fork();
        if (pid < 0)
                return fail_errno(err, errno, "fork");
        if (pid == 0)
                hook_execute(hook, input);
        return hook_await(hook, pid, err);
}

int hooks_run(const RuntimeSpec *spec, RuntimeHookKind kind, const HookState *state, Error *err)
{
        _cleanup_json_ json_object *object = NULL;
        int result = 0;

        if (!spec->hook_counts[kind])
                return 0;
        object = hook_state_new(spec, state);
        if (!object)
                return fail_memory(err);
        for (size_t i = 0; i < spec->hook_counts[kind]; i++) {
                const RuntimeHook *hook = &spec->hooks[kind][i];
                int r = hook_run(hook, json_text(object), result < 0 ? NULL : err);

                if (r >= 0 || result < 0)
                        continue;
                result = fail_wrap(err, r, "%s hook %zu (%s)", KIND_NAMES[kind], i, hook->path);
                if (kind != HOOK_POSTSTOP)
                        break;
        }
        return result;
}
