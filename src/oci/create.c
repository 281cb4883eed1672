#include "oci/create.h"

#include "base/clock.h"
#include "base/file.h"
#include "oci/cgroup.h"
#include "oci/rootless.h"
#include "oci/sockets.h"
#include "runtime/hooks.h"
#include "runtime/resources.h"
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* ---- the bundle ---- */

static int absolute_path(const char *path, char **ret, Error *err)
{
        _cleanup_free_ char *current = NULL;

        if (text_empty(path) || text_equal(path, ".")) {
                *ret = getcwd(NULL, 0);
        } else if (path[0] == '/') {
                *ret = strdup(path);
        } else {
                current = getcwd(NULL, 0);
                *ret = current ? path_join(current, path) : NULL;
        }
        return *ret ? 0 : fail_errno(err, errno, "bundle %s", path ?: ".");
}

static int make_absolute(const char *bundle, char **path)
{
        char *joined;

        if (text_empty(*path) || (*path)[0] == '/')
                return 0;
        joined = path_join(bundle, *path);
        if (!joined)
                return -ENOMEM;
        free(*path);
        *path = joined;
        return 0;
}

/* Relative paths of a configuration count from its bundle. */
static int resolve_paths(const char *bundle, RuntimeSpec *spec)
{
        int r = make_absolute(bundle, &spec->root_path);

        for (size_t i = 0; r >= 0 && i < spec->mount_count; i++)
                if (runtime_mount_is_bind(&spec->mounts[i]))
                        r = make_absolute(bundle, &spec->mounts[i].source);
        return r;
}

static int read_bundle(const char *bundle, const char *config, Buffer *text, RuntimeSpec *ret, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        _cleanup_free_ char *path = strdup(config);
        int r;

        if (!path || make_absolute(bundle, &path) < 0)
                return fail_memory(err);
        r = file_read_at(AT_FDCWD, path, JSON_DOCUMENT_MAXIMUM, text);
        if (r < 0)
                return fail_errno(err, -r, "%s", path);
        r = json_parse(text->data, text->length, path, &document, err);
        if (r >= 0)
                r = runtime_spec_parse(document, ret, err);
        if (r >= 0 && !ret->has_process)
                r = fail_kind(err, ERROR_USAGE, EINVAL, "config.json: process: missing");
        if (r >= 0 && resolve_paths(bundle, ret) < 0)
                r = fail_memory(err);
        if (r >= 0)
                r = rootless_complete(ret, err);
        return r;
}

static int keep_configuration(OciContainer *container, const Buffer *text, Error *err)
{
        _cleanup_close_ int fd =
                openat(container->folder, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : file_write_all(fd, text->data, text->length);

        return r < 0 ? fail_errno(err, -r, "keep the configuration of container %s", container->id) : 0;
}

/* ---- what the caller is told ---- */

static int check_terminal(const CreateOptions *options, const RuntimeProcess *process, Error *err)
{
        if (process->terminal && options->detached && !options->console_socket) {
                fail_kind(err, ERROR_USAGE, EINVAL,
                          "the process has a terminal, and nobody will hold it when we have gone");
                return fail_hint(err, "give --console-socket, or set process.terminal to false");
        }
        if (!process->terminal && options->console_socket)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--console-socket is given, but process.terminal is not set");
        return 0;
}

static int write_pid_file(const char *path, pid_t pid, Error *err)
{
        char text[16];
        int length = snprintf(text, sizeof(text), "%d", pid);

        return file_replace_at(AT_FDCWD, path, text, (size_t)length, 0644, false, err);
}

static int tell_caller(const CreateOptions *options, RuntimeContainer *init, Error *err)
{
        int r = sockets_tell(options->console_socket, options->pidfd_socket, init, err);

        if (r >= 0 && options->pid_file)
                r = write_pid_file(options->pid_file, init->pid, err);
        return r;
}

/* ---- making it ---- */

static int pass_sockets(RuntimeProcess *process, unsigned count, Error *err)
{
        if (!count)
                return 0;
        if (string_list_env_set(&process->env, "LISTEN_PID=1") < 0 ||
            string_list_addf(&process->env, "LISTEN_FDS=%u", count) < 0)
                return fail_memory(err);
        return 0;
}

static int make_init(const OciContext *context, const CreateOptions *options, OciContainer *container,
                     int cgroup, RuntimeContainer *init, Error *err)
{
        unsigned sockets = socket_listen_fds();
        _cleanup_close_ int listener = -EBADF;
        RuntimeCreate create = {
                .spec = &container->spec,
                .user_namespace = -EBADF,
                .stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
                .init_program = -EBADF,
                .cgroup = cgroup,
                .preserve_fds = (unsigned)options->preserve_fds + sockets,
                .no_pivot = options->no_pivot,
                .keep_keyring = options->no_new_keyring,
                .bundle = container->bundle,
                .id = container->id,
        };
        int r = pass_sockets(&container->spec.process, sockets, err);

        if (options->restore)
                return r < 0 ? r : restore_init(context, options->restore, container, cgroup, init, err);
        if (r >= 0 && options->listens)
                r = state_listen(container, &listener, err);
        create.listener = listener;
        if (r >= 0)
                r = runtime_map_mounts(&container->spec, err);
        if (r >= 0)
                r = runtime_create(&create, init, err);
        /* A group that we may make is not always one into which we may go. */
        if (r == -EACCES && cgroup >= 0 && !resources_limit(container->spec.resources)) {
                create.cgroup = -EBADF;
                error_clear(err);
                container_cgroup_remove(container);
                free(container->cgroup);
                container->cgroup = NULL;
                r = runtime_create(&create, init, err);
        }
        return r;
}

static void note_init(const RuntimeContainer *init, OciContainer *container)
{
        container->pid = init->pid;
        container->start = process_start_time(init->pid);
        container->pidfd = fcntl(init->pidfd, F_DUPFD_CLOEXEC, 3);
        container->status = OCI_CREATED;
}

static int make_contents(const OciContext *context, const CreateOptions *options, const Buffer *text,
                         OciContainer *container, RuntimeContainer *init, Error *err)
{
        _cleanup_close_ int cgroup = -EBADF;
        char now[CLOCK_TEXT_SIZE];
        int r;

        clock_format(clock_now(), now);
        container->created = strdup(now);
        container->rootfs = strdup(container->spec.root_path);
        if (!container->created || !container->rootfs)
                return fail_memory(err);
        r = keep_configuration(container, text, err);
        if (r >= 0)
                r = container_cgroup_plan(context, container, err);
        /* What the kernel does not undo is on record before it is made. */
        if (r >= 0 && container->cgroup)
                r = state_write(container, err);
        if (r >= 0)
                r = container_cgroup_make(context, container, &cgroup, err);
        if (r >= 0)
                r = make_init(context, options, container, cgroup, init, err);
        if (r >= 0)
                note_init(init, container);
        if (r >= 0)
                r = tell_caller(options, init, err);
        if (r >= 0)
                r = state_write(container, err);
        return r;
}

int create_container(const OciContext *context, const CreateOptions *options, OciContainer *ret,
                     RuntimeContainer *ret_init, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_runtime_spec_ RuntimeSpec spec = {0};
        _cleanup_free_ char *bundle = NULL;
        _cleanup_buffer_ Buffer text = {0};
        int r;

        r = absolute_path(options->bundle, &bundle, err);
        if (r >= 0)
                r = read_bundle(bundle, options->config ?: "config.json", &text, &spec, err);
        if (r >= 0)
                r = check_terminal(options, &spec.process, err);
        if (r >= 0)
                r = state_make(context, options->id, &container, err);
        if (r < 0)
                return r;
        container.spec = spec;
        spec = (RuntimeSpec){0};
        container.bundle = TAKE_PTR(bundle);
        r = make_contents(context, options, &text, &container, ret_init, err);
        if (r < 0) {
                runtime_container_deinit(ret_init);
                destroy_container(context, &container, NULL);
                return r;
        }
        *ret = container;
        container = (OciContainer)OCI_CONTAINER_INIT;
        return 0;
}

/* ---- the end ---- */

int destroy_container(const OciContext *context, OciContainer *container, Error *err)
{
        HookState state = {.id = container->id, .bundle = container->bundle, .status = "stopped"};
        Error hook_error = ERROR_INIT;
        int r;

        if (container->pidfd >= 0) {
                process_signal(container->pidfd, SIGKILL);
                process_wait_end(container->pidfd, -1);
        }
        container_cgroup_remove(container);
        if (!container->spec.version)
                state_load_spec(container, NULL); /* without it there are no hooks to run */
        r = state_remove(context, container, err);
        /* The container has gone all the same: that is what the specification wants. */
        if (hooks_run(&container->spec, HOOK_POSTSTOP, &state, &hook_error) < 0)
                oci_warn(context, hook_error.message);
        return r;
}
