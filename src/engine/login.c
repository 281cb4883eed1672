#include "base/file.h"
#include "engine/image.h"
#include "registry/credentials.h"
#include "registry/fetch.h"

int registry_login(Engine *engine, const char *domain, const char *user, const char *password, Error *err)
{
        _cleanup_fetch_ FetchProcess process = FETCH_PROCESS_INIT;
        _cleanup_free_ char *program = NULL;
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_close_ int input = -EBADF;
        RegistryCredentials credentials = {.user = (char *)user, .password = (char *)password}; /* borrowed */
        FetchRequest request = {.config = engine->paths.config,
                                .domain = domain,
                                .path = "",
                                .object = "",
                                .kind = FETCH_LOGIN,
                                .output = -EBADF,
                                .copy = -EBADF};
        FetchResult result;
        int r;

        if (strchr(user, '\n') || strchr(user, ':'))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "login: a user name has neither a colon nor a newline");
        buffer_printf(&text, "%s\n%s", user, password);
        if (text.failed)
                return fail_memory(err);
        input = fd_memory_file("credentials", text.data,
                               text.length); /* not in argv, which others can read */
        explicit_bzero(text.data, text.length);
        if (input < 0)
                return fail_errno(err, -input, "memfd");
        request.input = input;
        r = engine_helper(engine, "kelp-fetch", &program, err);
        request.program = program;
        if (r >= 0)
                r = fetch_start(&request, &process, err);
        if (r >= 0)
                r = fetch_finish(&process, &result, err);
        return r < 0 ? r : registry_credentials_store(domain, &credentials, err);
}

int registry_logout(const char *domain, Error *err)
{
        bool removed = false;
        int r = registry_credentials_erase(domain, &removed, err);

        return r < 0 ? r : removed;
}
