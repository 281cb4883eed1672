#include "base/file.h"
#include "engine/container-launch.h"
#include "engine/container-state.h"
#include "monitor/client.h"
#include "monitor/frame.h"
#include "spec/json.h"
#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>

enum { CONFIG_MAXIMUM = 4 << 20 };

/* "detachKeys" of docker's configuration. One that cannot be read says nothing. */
static int configured_keys(char **ret)
{
        const char *folder = getenv("DOCKER_CONFIG"), *home = getenv("HOME"), *keys = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_json_ json_object *document = NULL;
        _cleanup_buffer_ Buffer text = {0};

        path = !text_empty(folder) ? path_join(folder, "config.json")
               : !text_empty(home) ? path_join(home, ".docker/config.json")
                                   : NULL;
        if (!path || file_read_at(AT_FDCWD, path, CONFIG_MAXIMUM, &text) < 0 || !text.data ||
            json_parse(text.data, text.length, path, &document, NULL) < 0 ||
            json_get_string(document, "detachKeys", &keys, NULL) <= 0)
                return 0;
        return text_replace(ret, keys);
}

int container_local_options(const ContainerStreams *streams, bool terminal, LocalOptions *ret, Error *err)
{
        _cleanup_free_ char *configured = NULL;

        *ret = (LocalOptions){.input = streams->input,
                              .output = streams->output,
                              .errors = streams->error,
                              .terminal = terminal,
                              .signal_proxy = streams->signal_proxy};
        if (!terminal)
                return streams->detach_keys ? detach_keys_parse(streams->detach_keys, &ret->detach_keys, err)
                                            : 0;
        if (text_empty(streams->detach_keys) && configured_keys(&configured) < 0)
                return fail_memory(err);
        return detach_keys_parse(text_empty(streams->detach_keys) ? configured : streams->detach_keys,
                                 &ret->detach_keys, err);
}

int container_connect(Engine *engine, const StoreContainer *row, int init, Error *err)
{
        enum { TRIES = 200, PAUSE_MILLISECONDS = 10 };
        _cleanup_free_ char *path = path_join("containers", row->id);
        _cleanup_close_ int folder = -EBADF;
        struct pollfd end = {.fd = init, .events = POLLIN};
        Store *store;
        int fd, r;

        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        if (!path)
                return fail_memory(err);
        folder = openat(store_fd(store), path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        fd = folder < 0 ? -errno : frame_connect(folder);
        /* A holder listens a moment after its container has started to run. */
        for (int i = 0; i < TRIES && (fd == -ENOENT || fd == -ECONNREFUSED); i++) {
                if (poll(&end, 1, PAUSE_MILLISECONDS) > 0)
                        return fail_kind(err, ERROR_CONFLICT, ESRCH, "container %s is not running", row->id);
                fd = frame_connect(folder);
        }
        if (fd < 0)
                return fail_errno(err, -fd, "attach to container %s: the socket of its holder", row->name);
        return fd;
}

int container_attach(Engine *engine, const char *name, const ContainerStreams *streams, int *ret_status,
                     Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_close_ int init = -EBADF, socket = -EBADF;
        _cleanup_local_ Local local = LOCAL_INIT;
        LocalOptions options;
        sigset_t before;
        int r;

        r = container_find(engine, name, &row, err);
        if (r < 0)
                return r;
        init = text_equal(row.status, "running") ? process_open(row.pid, row.pid_start) : -ESRCH;
        if (init < 0)
                return fail_kind(err, ERROR_CONFLICT, ESRCH,
                                 "You cannot attach to a stopped container, start it first");
        r = container_configuration_from_json(row.configuration, &configuration, err);
        if (r >= 0)
                r = container_local_options(streams, configuration.terminal, &options, err);
        if (r < 0)
                return r;
        options.input = options.input && configuration.open_stdin;
        /* As under docker: the keyboard's signals reach the terminal as keys, others are for us. */
        options.signal_proxy = options.signal_proxy && !configuration.terminal;
        r = socket = container_connect(engine, &row, init, err);
        if (r >= 0)
                r = client_hello(socket, &options);
        if (r < 0)
                return r == socket ? r : fail_errno(err, -r, "attach to container %s", row.name);
        local_block_signals(&before);
        r = local_open(&options, &local, err);
        if (r >= 0)
                r = client_run(
                        &(ClientOptions){.socket = socket, .init = init, .local = &local, .redraw = true},
                        ret_status, err);
        local_close(&local);
        local = (Local)LOCAL_INIT;
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}
