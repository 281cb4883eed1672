/* create, start, run, restore. */
#include "base/cleanup.h"
#include "oci/create.h"
#include "oci/foreground.h"
#include "runtime/hooks.h"
#include "sys/process.h"

#include <signal.h>
#include <unistd.h>

/* Options that create and run have in common. */
typedef struct CreateWords {
        const char *preserve_fds;
        bool no_subreaper, keep;
} CreateWords;

static int parse_create(OciContext *context, bool runs, int argc, char **argv, CreateOptions *options,
                        CreateWords *words, Error *err)
{
        OptionTable table = {
                .options =
                        (Option[]){
                                {"bundle", 'b', OPTION_TEXT, &options->bundle, "FOLDER",
                                 "The bundle (default: the current folder)"},
                                {"config", 'f', OPTION_TEXT, &options->config, "FILE",
                                 "The configuration in it (default: config.json)"},
                                {"console-socket", 0, OPTION_TEXT, &options->console_socket, "PATH",
                                 "Socket that gets the terminal's master"},
                                {"pidfd-socket", 0, OPTION_TEXT, &options->pidfd_socket, "PATH",
                                 "Socket that gets a pidfd of the container"},
                                {"pid-file", 0, OPTION_TEXT, &options->pid_file, "FILE",
                                 "File that gets the pid of the container"},
                                {"preserve-fds", 0, OPTION_TEXT, &words->preserve_fds, "N",
                                 "Pass N descriptors from 3 on"},
                                {"no-pivot", 0, OPTION_FLAG, &options->no_pivot, "",
                                 "Do not use pivot_root, for a root file system in a ramdisk"},
                                {"no-new-keyring", 0, OPTION_FLAG, &options->no_new_keyring, "",
                                 "Keep the caller's session keyring"},
                                {"no-subreaper", 0, OPTION_FLAG, &words->no_subreaper, "",
                                 "We never are one: accepted for runc's callers"},
                                {"detach", 'd', OPTION_FLAG, &options->detached, "",
                                 "Do not wait for the container's end"},
                                {"keep", 0, OPTION_FLAG, &words->keep, "",
                                 "Do not remove the container when it ends"},
                        },
                .count = runs ? 11 : 9,
        };
        int count, r = oci_parse(context, &table, argc, argv, 1, 1, &count, err);

        if (r == 0 && words->preserve_fds)
                r = oci_parse_number("preserve-fds", words->preserve_fds, 0, 1024, &options->preserve_fds,
                                     err);
        options->id = argv[1];
        return r;
}

int oci_create(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_runtime_container_ RuntimeContainer init = RUNTIME_CONTAINER_INIT;
        CreateOptions options = {.detached = true, .listens = true};
        CreateWords words = {0};
        int r = parse_create(context, false, argc, argv, &options, &words, err);

        if (r == 0)
                r = create_container(context, &options, &container, &init, err);
        if (r != 0)
                return r < 0 ? r : 0;
        /* First: the init has the lock, too, and keeps it should we be killed now. */
        state_unlock(&container);
        return runtime_leave(&init, err);
}

/* When one fails the container is stopped (runtime-spec 1.3, runtime.md#lifecycle, step 10). */
static int run_poststart(const OciContainer *container, Error *err)
{
        HookState state = {
                .id = container->id, .bundle = container->bundle, .status = "running", .pid = container->pid};
        int r = hooks_run(&container->spec, HOOK_POSTSTART, &state, err);

        if (r < 0 && container->pidfd >= 0) {
                process_signal(container->pidfd, SIGKILL);
                process_wait_end(container->pidfd, -1);
        }
        return r;
}

/* Of whom a seccomp agent is told, now that the container has its final place. */
static void name_for_agent(const OciContainer *container, RuntimeContainer *init)
{
        init->spec = &container->spec;
        init->id = container->id;
        init->bundle = container->bundle;
}

int oci_start(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        RuntimeContainer init = RUNTIME_CONTAINER_INIT; /* no child of ours: nothing to kill */
        OptionTable table = {0};
        int count, r = oci_parse(context, &table, argc, argv, 1, 1, &count, err);

        if (r == 0)
                r = state_load(context, argv[1], true, &container, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (container.status != OCI_CREATED)
                return fail_kind(err, ERROR_CONFLICT, EBUSY,
                                 "cannot start container %s: it is %s, not created", container.id,
                                 state_status_name(container.status));
        r = state_load_spec(&container, err);
        if (r >= 0)
                r = state_connect(&container, &init.channel, err);
        name_for_agent(&container, &init);
        init.pid = container.pid;
        if (r >= 0)
                r = runtime_start(&init, err);
        if (r < 0)
                return fail_wrap(err, r, "start container %s", container.id);
        return run_poststart(&container, err);
}

/* Its end, or ours: the container is left or removed as the options say. @r: what came of its start. */
static int finish(const OciContext *context, const CreateOptions *options, bool keep, OciContainer *container,
                  RuntimeContainer *init, int r, int *ret_status, Error *err)
{
        int removed = 0;

        state_unlock(container);
        if (r >= 0 && options->detached)
                init->pid = 0;
        else if (r >= 0)
                r = foreground_wait(init, ret_status, err);
        if (r < 0 || (!options->detached && !keep)) {
                runtime_container_deinit(init);
                removed = destroy_container(context, container, r < 0 ? NULL : err);
        }
        return r < 0 ? r : removed;
}

int oci_run(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_runtime_container_ RuntimeContainer init = RUNTIME_CONTAINER_INIT;
        CreateOptions options = {0};
        CreateWords words = {0};
        Foreground foreground;
        int r = parse_create(context, true, argc, argv, &options, &words, err);

        if (r != 0)
                return r < 0 ? r : 0;
        if (!options.detached)
                foreground_begin(&foreground);
        r = create_container(context, &options, &container, &init, err);
        if (r >= 0) {
                name_for_agent(&container, &init);
                r = runtime_start(&init, err);
                if (r >= 0)
                        r = run_poststart(&container, err);
                r = finish(context, &options, words.keep, &container, &init, r, ret_status, err);
        }
        if (!options.detached)
                foreground_end(&foreground);
        return r;
}

/* ---- restore ---- */

static int parse_restore(OciContext *context, int argc, char **argv, CreateOptions *options,
                         RestoreOptions *restore, Error *err)
{
        bool no_subreaper = false, no_pivot = false;
        Option rows[CRIU_OPTION_COUNT + 8] = {
                [CRIU_OPTION_COUNT] = {"bundle", 'b', OPTION_TEXT, &options->bundle, "FOLDER",
                                       "The bundle (default: the current folder)"},
                {"console-socket", 0, OPTION_TEXT, &options->console_socket, "PATH",
                 "Socket that gets the terminal's master"},
                {"pid-file", 0, OPTION_TEXT, &options->pid_file, "FILE",
                 "File that gets the pid of the container"},
                {"detach", 'd', OPTION_FLAG, &options->detached, "", "Do not wait for the container's end"},
                {"no-subreaper", 0, OPTION_FLAG, &no_subreaper, "",
                 "We never are one: accepted for runc's callers"},
                {"no-pivot", 0, OPTION_FLAG, &no_pivot, "",
                 "criu enters the root file system: accepted for runc's callers"},
                {"lsm-profile", 0, OPTION_TEXT, &restore->lsm_profile, "TYPE:NAME",
                 "Another profile of AppArmor's or label of SELinux's (apparmor:NAME, selinux:LABEL)"},
                {"lsm-mount-context", 0, OPTION_TEXT, &restore->lsm_mount_context, "CONTEXT",
                 "Another context of SELinux's for mounts"},
        };
        OptionTable table = {.options = rows, .count = ELEMENTSOF(rows)};
        int count;

        criu_options_fill(&restore->criu, rows);
        options->restore = restore;
        return oci_parse(context, &table, argc, argv, 1, 1, &count, err);
}

int oci_restore(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_runtime_container_ RuntimeContainer init = RUNTIME_CONTAINER_INIT;
        RestoreOptions restore = {0};
        CreateOptions options = {0};
        Foreground foreground;
        int r = parse_restore(context, argc, argv, &options, &restore, err);

        options.id = argv[1];
        if (r == 0) {
                if (!options.detached)
                        foreground_begin(&foreground);
                r = create_container(context, &options, &container, &init, err);
                if (r >= 0)
                        r = finish(context, &options, false, &container, &init, 0, ret_status, err);
                if (!options.detached)
                        foreground_end(&foreground);
        }
        string_list_deinit(&restore.criu.empty_namespaces);
        return r < 0 ? r : 0;
}
