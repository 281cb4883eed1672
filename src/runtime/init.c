/*
 * The child's half of a container's start: an ordered table of steps, execve(2) last. The order is what makes
 * it safe and is explained at each step that depends on it. A step that fails ends the container; the kernel
 * undoes everything since all of it is in namespaces that only this process holds.
 */
#include "runtime/init.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/filter.h"
#include "runtime/handshake.h"
#include "runtime/hooks.h"
#include "runtime/schedule.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The signals that we ignore, as bits; all that there are where the kernel's word is not to be had. */
static uint64_t ignored_signals(const Init *init)
{
        _cleanup_close_ int fd = -EBADF;
        char text[2048];
        const char *line;
        ssize_t length;

        /* The /proc that a process of exec sees is the container's. */
        if (init->exec)
                return UINT64_MAX;
        fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (length <= 0)
                return UINT64_MAX;
        text[length] = 0;
        line = strstr(text, "\nSigIgn:\t");
        return line ? strtoull(line + strlen("\nSigIgn:\t"), NULL, 16) : UINT64_MAX;
}

/* Handlers have gone with clone3(2); ignored signals and the mask would be inherited by the payload. */
static int reset_signals(Init *init, Error *err)
{
        /* The kernel's struct sigaction, SIG_DFL: the C library keeps two realtime signals to itself. */
        const uint64_t action[4] = {0};
        uint64_t ignored = ignored_signals(init);
        sigset_t none;

        for (int number = 1; number < NSIG; number++)
                if (ignored >> (number - 1) & 1)
                        syscall(SYS_rt_sigaction, number, action, NULL, sizeof(uint64_t));
        sigemptyset(&none);
        if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                return fail_errno(err, errno, "sigprocmask");
        return 0;
}

int init_namespaces_failed(int code, const char *call, Error *err)
{
        fail_errno(err, code, "%s: make the container's namespaces", call);
        if (code == ENOSPC)
                fail_hint(err, "a limit below /proc/sys/user (max_*_namespaces) is reached; an administrator "
                               "can raise it");
        else if (code == EAGAIN)
                fail_hint(err, "the limit of processes is reached (ulimit -u)");
        return -code;
}

static int write_time_offsets(json_object *offsets, Error *err)
{
        json_object_object_foreach(offsets, clock, offset)
        {
                int64_t seconds = 0, nanoseconds = 0;
                char text[96];
                int r = json_get_int64(offset, "secs", &seconds, err);

                if (r >= 0)
                        r = json_get_int64(offset, "nanosecs", &nanoseconds, err);
                if (r < 0)
                        return r;
                snprintf(text, sizeof(text), "%s %lld %lld", clock, (long long)seconds,
                         (long long)nanoseconds);
                r = file_write_existing_at(AT_FDCWD, "/proc/self/timens_offsets", text);
                if (r < 0)
                        return fail_errno(err, -r, "linux.timeOffsets.%s", clock);
        }
        return 0;
}

/* The new namespace is one for children at first, whose offsets can be written as long as it has none; then
 * we go in. */
static int make_time_namespace(Init *init, Error *err)
{
        _cleanup_close_ int namespace = -EBADF;
        int r;

        if (init->time_namespace >= 0 && setns(init->time_namespace, CLONE_NEWTIME) < 0)
                return fail_errno(err, errno, "enter the time namespace");
        if (!init->new_time_namespace)
                return 0;
        if (unshare(CLONE_NEWTIME) < 0)
                return init_namespaces_failed(errno, "unshare", err);
        r = write_time_offsets(init->spec->time_offsets, err);
        if (r < 0)
                return r;
        namespace = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
        if (namespace < 0 || setns(namespace, CLONE_NEWTIME) < 0)
                return fail_errno(err, errno, "enter the time namespace");
        return 0;
}

/* Of which nothing needs an id that is mapped. */
static int make_namespaces(Init *init, Error *err)
{
        if (init->new_namespaces && unshare(init->new_namespaces) < 0)
                return init_namespaces_failed(errno, "unshare", err);
        return 0;
}

static int await_word(Init *init, Error *err)
{
        HandshakeMessage message;

        if (init->awaits_word &&
            (handshake_receive(init->channel, &message, NULL) <= 0 || message.type != HANDSHAKE_PROCEED))
                _exit(1);
        return 0;
}

/* Root of the user namespace, for what is built. The supplementary groups stay for now: what the user may
 * reach only through one of his groups can be mounted then. */
static int become_root(Init *init, Error *err)
{
        umask(0);
        if (!init->in_user_namespace)
                return 0;
        if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
                return fail_errno(err, errno, "user namespace: become its root");
        return 0;
}

static int new_session(Init *init, Error *err)
{
        if (setsid() < 0 && errno != EPERM)
                return fail_errno(err, errno, "setsid");
        /* A keyring of its own, so that the user's keys cannot be reached. Where the quota of keys is used up
         * the filter, which refuses keyctl(2), has to do. */
        if (!init->create->keep_keyring && syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 &&
            errno != ENOSYS && errno != EDQUOT && errno != EPERM)
                return fail_errno(err, errno, "keyctl: a session keyring for the container");
        return 0;
}

static int set_names(Init *init, Error *err)
{
        const RuntimeSpec *spec = init->spec;

        if (!text_empty(spec->hostname) && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
                return fail_errno(err, errno, "set the host name to '%s'", spec->hostname);
        if (!text_empty(spec->domainname) && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
                return fail_errno(err, errno, "set the domain name to '%s'", spec->domainname);
        return 0;
}

static int raise_loopback(Init *init, Error *err)
{
        struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
        _cleanup_close_ int fd = -EBADF;

        if (init->spec->namespaces[NAMESPACE_NETWORK].mode != NAMESPACE_NEW)
                return 0;
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                return fail_errno(err, errno, "raise the loopback interface");
        return 0;
}

/* In the container's own databases, read inside its root. */
static int resolve_user(Init *init, Error *err)
{
        int r = process_resolve_user(init->process, init->root, &init->user, err);

        if (r < 0 || init->exec || !init->process->passwd_entry || init->user.uid == 0 || *init->user.name)
                return r;
        r = process_add_account(init->process, init->root, err);
        return r < 0 ? r : process_resolve_user(init->process, init->root, &init->user, err);
}

static int drop_groups(Init *init, Error *err)
{
        /* A map of one id forbids setgroups(2): the groups that stay are unmapped ones, which show as
         * nobody's. */
        if (!init->process->keep_groups && syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
                return fail_errno(err, errno, "drop the supplementary groups");
        return 0;
}

static int change_directory(Init *init, Error *err)
{
        return process_change_directory(init->process, !init->exec, err);
}

static void await_go_on(Init *init)
{
        HandshakeMessage message;

        if (handshake_receive(init->channel, &message, NULL) <= 0 || message.type != HANDSHAKE_GO_ON)
                _exit(1);
        init->host_pid = message.pid;
}

static int run_hooks(Init *init, RuntimeHookKind kind, const char *status, Error *err)
{
        HookState state = {.id = init->create->id,
                           .bundle = init->create->bundle,
                           .status = status,
                           .pid = init->host_pid};

        return hooks_run(init->spec, kind, &state, err);
}

/* The caller runs those that belong to its namespaces, then we those that belong to ours and still see the
 * host's files. */
static int prepared(Init *init, Error *err)
{
        const size_t *counts = init->spec->hook_counts;

        if (!counts[HOOK_PRESTART] && !counts[HOOK_CREATE_RUNTIME] && !counts[HOOK_CREATE_CONTAINER] &&
            !counts[HOOK_START_CONTAINER])
                return 0;
        if (handshake_send(init->channel, HANDSHAKE_PREPARED, NULL, -EBADF) < 0)
                _exit(1);
        await_go_on(init);
        return run_hooks(init, HOOK_CREATE_CONTAINER, "creating", err);
}

static int run_start_hooks(Init *init, Error *err)
{
        return run_hooks(init, HOOK_START_CONTAINER, "created", err);
}

/* Everything that depends on the host has worked. Waits for START; nobody there any more: the end. */
static int wait_for_start(Init *init, Error *err)
{
        HandshakeMessage message;
        int r;

        if (init->create->start_at_once && init->master < 0)
                return 0;
        r = handshake_send(init->channel, HANDSHAKE_CREATED, NULL, init->master);
        cleanup_close(&init->master);
        if (r < 0)
                _exit(1);
        if (init->create->start_at_once)
                return 0;
        if (init->create->listener >= 0) {
                int connection;

                await_go_on(init);
                cleanup_close(&init->channel);
                do
                        connection = accept4(init->create->listener, NULL, NULL, SOCK_CLOEXEC);
                while (connection < 0 && (errno == EINTR || errno == ECONNABORTED));
                if (connection < 0)
                        _exit(1);
                init->channel = connection;
        }
        if (handshake_receive(init->channel, &message, NULL) <= 0 || message.type != HANDSHAKE_START)
                _exit(1);
        return 0;
}

/* exec: setns(2) has put us into the container's root. */
static int open_root(Init *init, Error *err)
{
        init->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return init->root < 0 ? fail_errno(err, errno, "the container's root") : 0;
}

static int set_stdio(Init *init, Error *err)
{
        int terminal[3] = {init->terminal, init->terminal, init->terminal};

        return process_set_stdio(init->terminal >= 0 ? terminal : init->create->stdio,
                                 init->create->preserve_fds, err);
}

/* After the move into the container's cgroup, which may have changed it. */
static int set_affinity(Init *init, Error *err)
{
        return schedule_set_affinity(&init->process->affinity_final, "process.execCPUAffinity.final", err);
}

static int find_program(Init *init, Error *err)
{
        return process_find_program(init->process, &init->program, err);
}

static int compile_filter(Init *init, Error *err)
{
        return filter_compile(init->spec, init->process->capabilities.bounding, &init->filter, err);
}

static int confine(Init *init, Error *err)
{
        Confinement confinement = {
                .process = init->process,
                .spec = init->spec,
                .user = &init->user,
                .filter = &init->filter,
                .channel = init->channel,
                .die_with_parent = init->create->die_with_parent,
                .switched = init->create->switched,
                .switcher = init->create->switcher,
        };

        return process_confine(&confinement, err);
}

typedef struct Step {
        const char *name; /* what failed, when the step itself has no words for it */
        int (*run)(Init *init, Error *err);
} Step;

static int set_oom_score(Init *init, Error *err)
{
        return process_set_oom_score(init->process, err);
}

/* Before anybody inside sees us; execve(2) of the payload undoes it. */
static int hide(Init *init, Error *err)
{
        return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail_errno(err, errno, "prctl: be hidden from others") : 0;
}

static const Step container_steps[] = {
        {"time namespace", make_time_namespace}, /* while /proc/self is our own */
        {"oom score", set_oom_score},
        {"hiding", hide},
        {"signals", reset_signals},
        {"namespaces", make_namespaces},
        {"mount namespace", rootfs_isolate},
        {"host name", set_names},
        {"network", raise_loopback},
        {"filter", compile_filter},
        {"mounts", mounts_prepare},
        {"word to proceed", await_word},
        {"identity", become_root},
        {"session", new_session},
        {"root file system", rootfs_mount},
        {"mounts", mounts_make},
        {"devices", devices_make},
        {"terminal", terminal_open},
        {"user", resolve_user},
        {"hooks", prepared},
        {"pivot_root", rootfs_pivot},
        {"groups", drop_groups},
        {"sysctls", sysctls_write},              /* before /proc/sys becomes read-only */
        {"working directory", change_directory}, /* before the root becomes read-only */
        {"read-only paths", paths_make_readonly},
        {"masked paths", paths_mask},
        {"root file system", rootfs_finish},
        {"program", find_program},
        {"host's file systems", rootfs_forget}, /* before anybody inside sees anything */
        {"terminal", terminal_attach},
        {"standard streams", set_stdio}, /* before others go on: they may wait for the end of ours */
        {"start", wait_for_start},
        {"hooks", run_start_hooks},
        {"program", execute_prepare},
        {"confinement", confine},
        {"execute", execute_payload},
};

static const Step exec_steps[] = {
        {"affinity", set_affinity},
        {"time namespace", make_time_namespace},
        {"hiding", hide},
        {"filter", compile_filter},
        {"signals", reset_signals},
        {"identity", become_root},
        {"session", new_session},
        {"groups", drop_groups},
        {"root", open_root},
        {"terminal", terminal_open},
        {"user", resolve_user},
        {"working directory", change_directory},
        {"program", find_program},
        {"terminal", terminal_attach},
        {"standard streams", set_stdio},
        {"start", wait_for_start},
        {"program", execute_prepare},
        {"confinement", confine},
        {"execute", execute_payload},
};

_Noreturn void init_main(Init *init)
{
        const Step *steps = init->exec ? exec_steps : container_steps;
        size_t count = init->exec ? ELEMENTSOF(exec_steps) : ELEMENTSOF(container_steps);
        Error error = ERROR_INIT;

        if (init->create->die_with_parent)
                prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t i = 0; i < count; i++) {
                int r = steps[i].run(init, &error);

                if (r >= 0)
                        continue;
                if (error.code <= 0)
                        fail_errno(&error, -r, "%s", steps[i].name);
                handshake_send(init->channel, HANDSHAKE_FAILED, &error, -EBADF);
                break;
        }
        _exit(error.kind == ERROR_COMMAND_NOT_FOUND ? 127 : error.kind == ERROR_NOT_EXECUTABLE ? 126 : 125);
}
