/*
 *   caller ── fork ──> helper, root of the outer namespace ── clone(NEWUSER) ──> keeper: executes kelp-init,
 *     │                  │ writes the keeper's maps                                which waits for the end of
 *     │                  │ enters its namespace, makes a network namespace         its input
 *     │ <── both ─────── │
 *
 * Maps of several ids may be written only by who is in the outer namespace and privileged there. The keeper
 * is another program because whoever is root in the outer namespace is the inner one's owner, and might reach
 * the keeper's file by /proc/PID/exe; and because /proc/PID/uid_map of a task that shares kelp's memory
 * belongs to the host's root.
 */
#include "sys/userns-nest.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "sys/send-descriptor.h"
#include "sys/userns-run.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

typedef struct Nest {
        char *uids, *gids; /* texts for uid_map and gid_map */
        int program;
        int channel; /* the helper's end */
} Nest;

/* ---- maps ---- */

/* The pieces of @map in ids of the outer namespace. */
static int translate(const IdMap *outer, const IdMap *map, char **ret, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};

        for (size_t i = 0; i < map->count; i++) {
                IdRange left = map->ranges[i];

                while (left.count) {
                        const IdRange *found = NULL;
                        uint32_t skip, part;

                        for (size_t k = 0; k < outer->count && !found; k++)
                                if (left.outside - outer->ranges[k].outside < outer->ranges[k].count)
                                        found = &outer->ranges[k];
                        if (!found)
                                return fail_kind(
                                        err, ERROR_UNSUPPORTED, EINVAL,
                                        "id %u of the host is not in the user namespace of kelp-netd",
                                        left.outside);
                        skip = left.outside - found->outside;
                        part = found->count - skip < left.count ? found->count - skip : left.count;
                        buffer_printf(&text, "%u %u %u\n", left.inside, found->inside + skip, part);
                        left.inside += part;
                        left.outside += part;
                        left.count -= part;
                }
        }
        *ret = buffer_take(&text);
        return *ret ? 0 : fail_memory(err);
}

/* ---- the keeper ---- */

static _Noreturn void be_keeper(int program, int input)
{
        char *const arguments[] = {(char *)"kelp-init", NULL}, *const environment[] = {NULL};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(input, STDIN_FILENO) >= 0)
                syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
        _exit(1);
}

/* Born in a new user namespace, when this returns another program already. Its end comes with that of
 * *ret_input. */
static int start_keeper(int program, pid_t *ret, int *ret_input, Error *err)
{
        _cleanup_close_ int input = -EBADF, output = -EBADF, told = -EBADF, tell = -EBADF;
        int ends[2];
        char byte;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "pipe");
        input = ends[0], output = ends[1];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "pipe");
        told = ends[0], tell = ends[1];
        pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid < 0)
                return fail_errno(err, errno, "make a user namespace inside that of kelp-netd");
        if (pid == 0)
                be_keeper(program, input);
        cleanup_close(&tell);
        (void)!read(told, &byte, 1); /* closed by execve(2) */
        *ret = pid;
        *ret_input = TAKE_FD(output);
        return 0;
}

/* ---- the helper ---- */

static int write_map(pid_t pid, const char *name, const char *text, Error *err)
{
        char path[64];
        int r;

        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        r = file_write_existing_at(AT_FDCWD, path, text);
        return r < 0 ? fail_errno(err, -r, "write %s of a user namespace inside that of kelp-netd", name) : 0;
}

static int make_namespaces(const Nest *nest, pid_t keeper, Error *err)
{
        _cleanup_close_ int user = -EBADF, network = -EBADF;
        char path[64];
        int r = write_map(keeper, "uid_map", nest->uids, err);

        if (r >= 0)
                r = write_map(keeper, "gid_map", nest->gids, err);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)keeper);
        user = open(path, O_RDONLY | O_CLOEXEC);
        if (user < 0 || setns(user, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNET) < 0)
                return fail_errno(err, errno, "enter the new user namespace");
        network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (network < 0)
                return fail_errno(err, errno, "/proc/self/ns/net");
        r = socket_send_fds(nest->channel, "", 1, (int[]){user, network}, 2);
        return r < 0 ? fail_errno(err, -r, "send namespaces") : 0;
}

static int nest_task(void *argument, Error *err)
{
        const Nest *nest = argument;
        _cleanup_close_ int input = -EBADF;
        pid_t keeper = 0;
        int r = start_keeper(nest->program, &keeper, &input, err);

        if (r < 0)
                return r;
        r = make_namespaces(nest, keeper, err);
        cleanup_close(&input);
        while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
                ;
        return r;
}

/* ---- the caller ---- */

int userns_nest(int outer, const UserNamespaceMap *outer_map, const UserNamespaceMap *map, int program,
                int *ret_user, int *ret_network, Error *err)
{
        _cleanup_free_ char *uids = NULL, *gids = NULL;
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        Nest nest = {.program = program};
        int ends[2], made[2], r;

        r = translate(&outer_map->uids, &map->uids, &uids, err);
        if (r >= 0)
                r = translate(&outer_map->gids, &map->gids, &gids, err);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return fail_errno(err, errno, "socketpair");
        ours = ends[0], theirs = ends[1];
        nest.uids = uids;
        nest.gids = gids;
        nest.channel = theirs;
        r = userns_run(outer, nest_task, &nest, err);
        if (r < 0)
                return r;
        if (socket_receive_fds(ours, MSG_DONTWAIT, made, 2) < 0)
                return fail(err, EIO, "the new user namespace did not arrive");
        *ret_user = made[0];
        *ret_network = made[1];
        return 0;
}
