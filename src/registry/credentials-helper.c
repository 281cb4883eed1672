/*
 * Running docker-credential-NAME VERB: the request goes to its standard input, the answer comes from its
 * standard output, and a failure is a status other than 0 with the reason on standard output.
 */
#include "registry/credentials-helper.h"

#include "base/file.h"
#include "spec/json.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { ANSWER_MAXIMUM = 1 << 20 };

extern char **environ;

/* Text that helpers print when they have nothing for a server; part of their interface. */
static const char not_found[] = "credentials not found in native keychain";

static int check_name(const char *name, Error *err)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

        if (!*name || strlen(name) > 200 || strspn(name, allowed) != strlen(name))
                return fail_kind(err, ERROR_USAGE, EINVAL, "credential helper \"%s\": not a name", name);
        return 0;
}

static int spawn_helper(const char *program, const char *verb, int input, int output, pid_t *ret, Error *err)
{
        char *const arguments[] = {(char *)program, (char *)verb, NULL};
        posix_spawn_file_actions_t actions;
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return fail_errno(err, r, "start %s", program);
        r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawnp(ret, program, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
        /* EACCES: also a folder of PATH that may not be looked into. */
        if (r == ENOENT || r == EACCES) {
                fail_kind(err, ERROR_NOT_FOUND, r, "credential helper %s is not in PATH, or not executable",
                          program);
                return fail_hint(
                        err, "install it, or take credsStore and credHelpers out of docker's config.json");
        }
        return r != 0 ? fail_errno(err, r, "start %s", program) : 0;
}

/* Runs it. 0, or its status as a positive number with the reason in @ret; negative: it could not be run. */
static int run_helper(const char *name, const char *verb, const char *request, Buffer *ret, Error *err)
{
        _cleanup_free_ char *program = text_printf("docker-credential-%s", name);
        _cleanup_close_ int input = -EBADF, read_end = -EBADF, write_end = -EBADF;
        int pipe_ends[2], status, r;
        pid_t pid;

        if (!program)
                return fail_memory(err);
        r = check_name(name, err);
        if (r < 0)
                return r;
        input = fd_memory_file("credential-request", request, strlen(request));
        if (input < 0)
                return fail_errno(err, -input, "prepare the request to %s", program);
        if (pipe2(pipe_ends, O_CLOEXEC) < 0)
                return fail_errno(err, errno, "make a pipe for %s", program);
        read_end = pipe_ends[0];
        write_end = pipe_ends[1];
        r = spawn_helper(program, verb, input, write_end, &pid, err);
        if (r < 0)
                return r;
        cleanup_close(&write_end);
        r = file_read_fd(read_end, ANSWER_MAXIMUM, ret);
        cleanup_close(&read_end);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return fail_errno(err, errno, "wait for %s", program);
        if (r < 0)
                return fail_errno(err, -r, "read what %s answers", program);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int refused(const char *name, const char *verb, int status, Buffer *answer, Error *err)
{
        _cleanup_free_ char *text = NULL;

        while (answer->length > 0 && answer->data[answer->length - 1] == '\n')
                answer->data[--answer->length] = 0;
        text = text_printable(answer->data ?: "");
        return fail(err, EIO, "docker-credential-%s %s: %s (status %d)", name, verb,
                    text_empty(text) ? "failed" : text, status);
}

static bool has_none(const Buffer *answer)
{
        return answer->data && strstr(answer->data, not_found);
}

int credentials_helper_get(const char *name, const char *server, RegistryCredentials *ret, Error *err)
{
        _cleanup_buffer_ Buffer answer = {0};
        _cleanup_json_ json_object *document = NULL;
        const char *user = NULL, *secret = NULL;
        int r;

        r = run_helper(name, "get", server, &answer, err);
        if (r > 0)
                return has_none(&answer) ? 0 : refused(name, "get", r, &answer, err);
        if (r >= 0)
                r = json_parse(answer.data ?: "", answer.length, "answer of the credential helper", &document,
                               err);
        if (r >= 0)
                r = json_get_string(document, "Username", &user, err);
        if (r >= 0)
                r = json_get_string(document, "Secret", &secret, err);
        if (answer.data)
                explicit_bzero(answer.data, answer.length);
        if (r < 0)
                return r;
        if (text_empty(secret))
                return 0;
        /* This name says that the secret is a token. */
        if (text_equal(user, "<token>"))
                r = text_replace(&ret->identity_token, secret);
        else if (text_replace(&ret->user, user ?: "") < 0 || text_replace(&ret->password, secret) < 0)
                r = -ENOMEM;
        return r < 0 ? fail_memory(err) : 1;
}

int credentials_helper_store(const char *name, const char *server, const RegistryCredentials *credentials,
                             Error *err)
{
        _cleanup_json_ json_object *request = json_object_new_object();
        _cleanup_buffer_ Buffer answer = {0};
        bool token = credentials->identity_token;
        int r;

        if (!request)
                return fail_memory(err);
        json_set_string(request, "ServerURL", server);
        json_set_string(request, "Username", token ? "<token>" : credentials->user);
        json_set_string(request, "Secret", token ? credentials->identity_token : credentials->password);
        r = run_helper(name, "store", json_text(request), &answer, err);
        return r > 0 ? refused(name, "store", r, &answer, err) : r;
}

int credentials_helper_erase(const char *name, const char *server, Error *err)
{
        _cleanup_buffer_ Buffer answer = {0};
        int r;

        r = run_helper(name, "erase", server, &answer, err);
        if (r > 0)
                return has_none(&answer) ? 0 : refused(name, "erase", r, &answer, err);
        return r < 0 ? r : 1;
}
