/*
 * The last step: execve(2) of the payload, so that nothing inside can get hold of kelp's own program, which
 * the invoking user, who is root inside, may overwrite (CVE-2019-5736).
 *
 * Until then this process is kelp: /proc/self/exe leads to kelp's file. A payload "/proc/self/exe", or a
 * script with that interpreter, would be kelp, run by the container; and what it runs it can open, and write
 * to when it has ended. So the payload is executed by a program in a sealed memory file (execute-stub.c),
 * which is then all that /proc/self/exe leads to, whatever the payload is and whoever changes it meanwhile.
 *
 * That costs one more execve(2), and is spared where the payload is certain: in a container that nobody else
 * has entered yet, a file of its own overlay, reached by an absolute path that crosses no mount and no magic
 * link, that is an ELF program, or a script whose interpreter is one under the same conditions.
 *
 * Others in the container must not look into this process before, either: it is not dumpable, and its memory
 * belongs to the host's user namespace, in which they have no capability.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const unsigned char stub[] = {
#include "runtime/execute-stub.h"
};

/* Opens a file as described above; -EBADF: no, or nobody knows. */
static int open_certain(const char *path)
{
        struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                               .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};

        return *path == '/' ? (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)) : -EBADF;
}

static bool is_program(const char *head, ssize_t length)
{
        return length >= 4 && memcmp(head, "\177ELF", 4) == 0;
}

static bool interpreter_is_certain(char *head, ssize_t length)
{
        char *end = memchr(head, '\n', (size_t)length), *path = head + 2;
        _cleanup_close_ int fd = -EBADF;
        char magic[4];

        if (!end) /* longer than any that the kernel takes, or not there */
                return false;
        *end = 0;
        path += strspn(path, " \t");
        path[strcspn(path, " \t")] = 0;
        fd = open_certain(path);
        return fd >= 0 && is_program(magic, pread(fd, magic, sizeof(magic), 0));
}

static bool payload_is_certain(const Init *init)
{
        _cleanup_close_ int fd = -EBADF;
        char head[256];
        ssize_t length;

        if (init->exec || !init->create->overlay ||
            init->spec->namespaces[NAMESPACE_PID].mode != NAMESPACE_NEW)
                return false;
        fd = open_certain(init->program);
        if (fd < 0)
                return false;
        length = pread(fd, head, sizeof(head), 0);
        return is_program(head, length) ||
               (length > 2 && head[0] == '#' && head[1] == '!' && interpreter_is_certain(head, length));
}

int execute_prepare(Init *init, Error *err)
{
        if (init->create->init_program >= 0 || payload_is_certain(init))
                return 0;
        init->stub = fd_memory_file("kelp-exec", stub, sizeof(stub));
        return init->stub < 0 ? fail_errno(err, -init->stub, "a memory file for the start of the command")
                              : 0;
}

/* PROGRAM is executed from memory, with @words in front of the payload's own arguments. */
static int execute_from_memory(Init *init, int program, const char *const *words, size_t count, char **env)
{
        const StringList *args = &init->process->args;
        char **list = calloc(count + args->count + 1, sizeof(*list));
        char empty[] = "", path[32];

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                list[i] = (char *)words[i];
        for (size_t i = 0; i < args->count; i++)
                list[count + i] = args->items[i];
        syscall(SYS_execveat, program, empty, list, env, AT_EMPTY_PATH);
        if (errno == EPERM || errno == ENOSYS || errno == EACCES) {
                /* a filter of the user's own that knows execve(2) only */
                snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
                execve(path, list, env);
        }
        return -errno;
}

int execute_payload(Init *init, Error *err)
{
        char **env = process_environment(init->process, &init->user);
        const StringList *args = &init->process->args;
        char channel[16];
        int r;

        if (!env)
                return fail_memory(err);
        if (init->detacher)
                return fail(err, EPERM, "the host's file systems have not gone yet");
        if (init->create->init_program >= 0) {
                const char *words[] = {"kelp-init", init->program};

                r = execute_from_memory(init, init->create->init_program, words, ELEMENTSOF(words), env);
                return fail_errno(err, -r, "execute kelp-init");
        }
        if (init->stub >= 0) {
                const char *words[] = {"kelp-exec", channel, init->program};

                snprintf(channel, sizeof(channel), "%d", init->channel);
                if (fcntl(init->channel, F_SETFD, 0) < 0)
                        return fail_errno(err, errno, "keep the handshake open");
                r = execute_from_memory(init, init->stub, words, ELEMENTSOF(words), env);
                return fail_errno(err, -r, "execute the start of the command");
        }
        execve(init->program, args->items, env);
        return process_exec_failed(args->items[0], errno, err);
}
