/* A mount of a running container for another one. A mount can be cloned only inside of the mount namespace
 * that it is in, so a task enters it that shares our descriptors, and in which the clone lands. */
#include "base/cleanup.h"
#include "runtime/container.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { STACK_SIZE = 64 << 10 };

typedef struct Foreign {
        int pidfd;
        const char *path;
        int tree;
        int failed; /* errno */
} Foreign;

static int clone_inside(void *argument)
{
        Foreign *foreign = argument;

        /* The task is root and current folder of that container now: the path is looked up in its root. */
        if (setns(foreign->pidfd, CLONE_NEWUSER | CLONE_NEWNS) >= 0)
                foreign->tree = open_tree(AT_FDCWD, foreign->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (foreign->tree < 0)
                foreign->failed = errno;
        return 0;
}

int runtime_clone_mount(int pidfd, const char *path, int *ret, Error *err)
{
        Foreign foreign = {.pidfd = pidfd, .path = path, .tree = -EBADF};
        void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
        sigset_t all, before;
        pid_t helper;
        int status;

        if (stack == MAP_FAILED)
                return fail_memory(err);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        helper = clone(clone_inside, (char *)stack + STACK_SIZE,
                       CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &foreign);
        if (helper < 0)
                foreign.failed = errno;
        else
                while (waitpid(helper, &status, 0) < 0 && errno == EINTR)
                        ;
        sigprocmask(SIG_SETMASK, &before, NULL);
        munmap(stack, STACK_SIZE);
        if (foreign.tree < 0)
                return fail_errno(err, foreign.failed ?: EIO, "take over %s of the other container", path);
        *ret = foreign.tree;
        return 0;
}
