#include "sys/account.h"

#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

enum { PASSWD_MAXIMUM = 16 << 20, ANSWER_MAXIMUM = 64 << 10 };

void account_deinit(Account *account)
{
        free(account->name);
        free(account->home);
        *account = (Account){0};
}

int account_parse(char *text, uid_t uid, Account *ret)
{
        for (char *line; (line = strsep(&text, "\n"));) {
                /* name:password:uid:gid:comment:home:shell */
                char *name = strsep(&line, ":"), *field[5] = {NULL};
                uint64_t number;

                for (size_t i = 0; i < ELEMENTSOF(field); i++)
                        field[i] = strsep(&line, ":");
                if (!field[1] || text_to_u64(field[1], UINT32_MAX, &number) < 0 || number != uid || !*name)
                        continue;
                *ret = (Account){.name = strdup(name), .home = strdup(field[4] ?: "")};
                if (ret->name && ret->home)
                        return 0;
                account_deinit(ret);
                return -ENOMEM;
        }
        return -ENOENT;
}

/* Users of LDAP, SSSD or systemd: getent(1) has the C library's modules. */
static int ask_getent(uid_t uid, Buffer *ret)
{
        char number[16];
        char *const arguments[] = {(char *)"getent", (char *)"passwd", number, NULL};
        char *const environment[] = {(char *)"PATH=/usr/bin:/bin:/usr/local/bin", NULL};
        _cleanup_close_ int reader = -EBADF, writer = -EBADF;
        posix_spawn_file_actions_t actions;
        int ends[2], status, r;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        reader = ends[0];
        writer = ends[1];
        snprintf(number, sizeof(number), "%u", uid);
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, writer, 1);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        r = posix_spawn(&pid, "/usr/bin/getent", &actions, NULL, arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;
        cleanup_close(&writer);
        r = file_read_fd(reader, ANSWER_MAXIMUM, ret);
        cleanup_close(&reader);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return r;
}

int account_find(uid_t uid, Account *ret)
{
        _cleanup_buffer_ Buffer text = {0}, answer = {0};
        int r;

        r = file_read_at(AT_FDCWD, "/etc/passwd", PASSWD_MAXIMUM, &text);
        if (r >= 0 && text.data)
                r = account_parse(text.data, uid, ret);
        if (r != -ENOENT)
                return r;
        r = ask_getent(uid, &answer);
        if (r < 0 || !answer.data)
                return r < 0 ? r : -ENOENT;
        return account_parse(answer.data, uid, ret);
}
