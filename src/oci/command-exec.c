/* exec: one more process in a running container, by the container's own process or a file that describes one.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "oci/cgroup.h"
#include "oci/foreground.h"
#include "oci/sockets.h"
#include "oci/state.h"
#include "runtime/schedule.h"
#include "spec/capabilities.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct ExecOptions {
        const char *process, *cwd, *user, *console_socket, *pidfd_socket, *pid_file, *preserve_text;
        const char *apparmor, *label, *cgroup;
        StringList env, caps, groups;
        bool terminal, detach, no_new_privileges, ignore_paused, no_subreaper;
        int64_t preserve_fds;
} ExecOptions;

static void options_deinit(ExecOptions *options)
{
        string_list_deinit(&options->env);
        string_list_deinit(&options->caps);
        string_list_deinit(&options->groups);
}

static int parse_options(OciContext *context, int argc, char **argv, ExecOptions *o, int *ret_count,
                         Error *err)
{
        OptionTable table = {
                .options =
                        (Option[]){
                                {"process", 'p', OPTION_TEXT, &o->process, "FILE",
                                 "The process as a JSON document"},
                                {"cwd", 0, OPTION_TEXT, &o->cwd, "FOLDER", "Its working folder"},
                                {"env", 'e', OPTION_LIST, &o->env, "NAME=VALUE", "Sets a variable"},
                                {"tty", 't', OPTION_FLAG, &o->terminal, "", "Give it a terminal"},
                                {"user", 'u', OPTION_TEXT, &o->user, "UID[:GID]", "Who it is"},
                                {"additional-gids", 'g', OPTION_LIST, &o->groups, "GID",
                                 "A supplementary group"},
                                {"detach", 'd', OPTION_FLAG, &o->detach, "", "Do not wait for its end"},
                                {"pid-file", 0, OPTION_TEXT, &o->pid_file, "FILE", "File that gets its pid"},
                                {"console-socket", 0, OPTION_TEXT, &o->console_socket, "PATH",
                                 "Socket that gets the terminal's master"},
                                {"pidfd-socket", 0, OPTION_TEXT, &o->pidfd_socket, "PATH",
                                 "Socket that gets a pidfd of it"},
                                {"process-label", 0, OPTION_TEXT, &o->label, "LABEL", "Its SELinux label"},
                                {"apparmor", 0, OPTION_TEXT, &o->apparmor, "PROFILE", "Its AppArmor profile"},
                                {"no-new-privs", 0, OPTION_FLAG, &o->no_new_privileges, "",
                                 "It cannot gain privileges"},
                                {"cap", 'c', OPTION_LIST, &o->caps, "CAP", "Adds a capability"},
                                {"preserve-fds", 0, OPTION_TEXT, &o->preserve_text, "N",
                                 "Pass N descriptors from 3 on"},
                                {"cgroup", 0, OPTION_TEXT, &o->cgroup, "PATH",
                                 "A cgroup below the container's"},
                                {"ignore-paused", 0, OPTION_FLAG, &o->ignore_paused, "",
                                 "Even when the container is paused: it waits then"},
                                {"no-subreaper", 0, OPTION_FLAG, &o->no_subreaper, "",
                                 "We never are one: accepted for runc's callers"},
                        },
                .count = 18,
                .stop_at_first = true,
        };
        int r = oci_parse(context, &table, argc, argv, 1, -1, ret_count, err);

        if (r == 0 && o->preserve_text)
                r = oci_parse_number("preserve-fds", o->preserve_text, 0, 1024, &o->preserve_fds, err);
        if (r == 0 && !o->process && *ret_count < 2)
                return fail_kind(err, ERROR_USAGE, EINVAL, "exec: neither a command nor --process is given");
        return r;
}

static int read_process(const char *path, RuntimeProcess *ret, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_json_ json_object *document = NULL;
        int r;

        /* Callers give a pipe, too. */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        r = fd < 0 ? -errno : file_read_fd(fd, JSON_DOCUMENT_MAXIMUM, &text);
        if (r < 0)
                return fail_errno(err, -r, "--process %s", path);
        r = json_parse(text.data, text.length, path, &document, err);
        return r < 0 ? r : runtime_process_parse(document, ret, err);
}

static int parse_id(const char *text, uint32_t *ret, Error *err)
{
        uint64_t number;

        if (text_to_u64(text, UINT32_MAX - 1, &number) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "'%s' is not a numeric user or group id", text);
        *ret = (uint32_t)number;
        return 0;
}

static int set_user(const char *text, RuntimeProcess *process, Error *err)
{
        _cleanup_free_ char *copy = strdup(text);
        char *colon = copy ? strchr(copy, ':') : NULL;
        int r;

        if (!copy)
                return fail_memory(err);
        if (colon)
                *colon = 0;
        r = parse_id(copy, &process->uid, err);
        return r < 0 || !colon ? r : parse_id(colon + 1, &process->gid, err);
}

static int add_capabilities(const StringList *names, RuntimeProcess *process, Error *err)
{
        RuntimeCapabilities *sets = &process->capabilities;

        for (size_t i = 0; i < names->count; i++) {
                unsigned number;
                int r = capability_parse(names->items[i], &number, err);
                uint64_t bit;

                if (r < 0)
                        return r;
                bit = UINT64_C(1) << number;
                process->has_capabilities = true;
                sets->bounding |= bit;
                sets->effective |= bit;
                sets->permitted |= bit;
        }
        return 0;
}

static int add_groups(const StringList *groups, RuntimeProcess *process, Error *err)
{
        for (size_t i = 0; i < groups->count; i++) {
                uint32_t *gids = reallocarray(process->additional_gids, process->additional_gid_count + 1,
                                              sizeof(*gids));
                int r;

                if (!gids)
                        return fail_memory(err);
                process->additional_gids = gids;
                r = parse_id(groups->items[i], &gids[process->additional_gid_count], err);
                if (r < 0)
                        return r;
                process->additional_gid_count++;
        }
        return 0;
}

/* The container's own process, with what the options change. */
static int plan_process(const ExecOptions *options, char **words, RuntimeProcess *process, Error *err)
{
        int r = 0;

        string_list_deinit(&process->args);
        for (char **word = words; *word; word++)
                if (string_list_add(&process->args, *word) < 0)
                        return fail_memory(err);
        for (size_t i = 0; i < options->env.count; i++)
                if (string_list_env_set(&process->env, options->env.items[i]) < 0)
                        return fail_memory(err);
        process->terminal = options->terminal;
        if ((options->cwd && text_replace(&process->cwd, options->cwd) < 0) ||
            (options->label && text_replace(&process->selinux_label, options->label) < 0) ||
            (options->apparmor && text_replace(&process->apparmor_profile, options->apparmor) < 0))
                return fail_memory(err);
        process->no_new_privileges = process->no_new_privileges || options->no_new_privileges;
        if (options->user)
                r = set_user(options->user, process, err);
        if (r >= 0)
                r = add_groups(&options->groups, process, err);
        return r < 0 ? r : add_capabilities(&options->caps, process, err);
}

static int check_container(const OciContainer *container, const ExecOptions *options, Error *err)
{
        if (container->status == OCI_PAUSED && !options->ignore_paused) {
                fail_kind(err, ERROR_CONFLICT, EBUSY, "cannot exec in container %s: it is paused",
                          container->id);
                return fail_hint(err, "resume it, or give --ignore-paused");
        }
        if (container->status != OCI_RUNNING && container->status != OCI_PAUSED &&
            container->status != OCI_CREATED)
                return fail_kind(err, ERROR_CONFLICT, ESRCH,
                                 "cannot exec in a stopped container: container %s is not running",
                                 container->id);
        return 0;
}

static int tell_caller(const ExecOptions *options, RuntimeContainer *process, Error *err)
{
        int r = sockets_tell(options->console_socket, options->pidfd_socket, process, err);

        if (r >= 0 && options->pid_file) {
                char text[16];
                int length = snprintf(text, sizeof(text), "%d", process->pid);

                r = file_replace_at(AT_FDCWD, options->pid_file, text, (size_t)length, 0644, false, err);
        }
        return r;
}

static int run_process(const OciContainer *container, const ExecOptions *options, RuntimeProcess *process,
                       int *ret_status, Error *err)
{
        _cleanup_runtime_container_ RuntimeContainer child = RUNTIME_CONTAINER_INIT;
        _cleanup_close_ int cgroup = -EBADF;
        RuntimeExec exec = {
                .process = process,
                .spec = &container->spec,
                .pid = container->pid,
                .pidfd = container->pidfd,
                .stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
                .cgroup = cgroup,
                .preserve_fds = (unsigned)options->preserve_fds,
        };
        Foreground foreground;
        int r;

        if (options->cgroup && cgroup_path_leads_up(options->cgroup))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--cgroup %s: it leads out of the container's cgroup", options->cgroup);
        if (container->cgroup) {
                _cleanup_free_ char *path = path_join(container->cgroup, options->cgroup ?: "");

                exec.cgroup = cgroup = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
                if (cgroup < 0)
                        return fail_errno(err, path ? errno : ENOMEM, "cgroup %s", path ?: "");
        } else if (options->cgroup) {
                return container_cgroup_open(container, &cgroup, err);
        }
        if (!options->detach) {
                foreground_window(process);
                foreground_begin(&foreground);
        }
        r = schedule_set_affinity(&process->affinity_initial, "process.execCPUAffinity.initial", err);
        if (r >= 0)
                r = runtime_exec(&exec, &child, err);
        if (r >= 0)
                r = tell_caller(options, &child, err);
        if (r >= 0 && !options->detach)
                r = foreground_wait(&child, ret_status, err);
        if (r >= 0)
                child.pid = 0;
        if (!options->detach)
                foreground_end(&foreground);
        return r;
}

int oci_exec(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_(options_deinit) ExecOptions options = {0};
        RuntimeProcess given = {0};
        int count, r = parse_options(context, argc, argv, &options, &count, err);

        if (r == 0)
                r = state_load(context, argv[1], false, &container, err);
        if (r == 0)
                r = check_container(&container, &options, err);
        if (r == 0)
                r = state_load_spec(&container, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (options.process)
                r = read_process(options.process, &given, err);
        else
                r = plan_process(&options, argv + 2, &container.spec.process, err);
        if (r >= 0 && options.process && options.terminal)
                given.terminal = true;
        if (r >= 0)
                r = run_process(&container, &options, options.process ? &given : &container.spec.process,
                                ret_status, err);
        runtime_process_deinit(&given);
        return r;
}
