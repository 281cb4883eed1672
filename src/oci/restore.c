#include "oci/restore.h"

#include "base/file.h"
#include "oci/external.h"
#include "runtime/hooks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the notifications act on. */
typedef struct Restoring {
        const OciContainer *container;
        RuntimeContainer *init;
} Restoring;

static int run_hooks(const OciContainer *container, pid_t pid, Error *err)
{
        HookState state = {
                .id = container->id, .bundle = container->bundle, .status = "creating", .pid = pid};
        int r = hooks_run(&container->spec, HOOK_PRESTART, &state, err);

        return r < 0 ? r : hooks_run(&container->spec, HOOK_CREATE_RUNTIME, &state, err);
}

static int notified(void *argument, const CriuAnswer *answer, int *fd, Error *err)
{
        Restoring *restoring = argument;

        if (text_equal(answer->script, "setup-namespaces"))
                return run_hooks(restoring->container, answer->pid, err);
        if (text_equal(answer->script, "orphan-pts-master") && *fd >= 0 && restoring->init->terminal < 0)
                restoring->init->terminal = TAKE_FD(*fd);
        return 0;
}

/* Files go onto files. */
static int make_target(int root, const RuntimeMount *mount)
{
        struct stat status;
        _cleanup_close_ int target = path_open_in_root(root, mount->destination, O_PATH | O_CLOEXEC, 0);
        _cleanup_free_ char *folder = NULL;
        bool file = !text_empty(mount->source) && mount->source[0] == '/' &&
                    stat(mount->source, &status) == 0 && !S_ISDIR(status.st_mode);

        if (target >= 0)
                return 0;
        folder = file ? strndup(mount->destination,
                                (size_t)(path_basename(mount->destination) - mount->destination))
                      : strdup(mount->destination);
        target = folder ? path_make_directory_in_root(root, folder, 0755) : -ENOMEM;
        if (target < 0 || !file)
                return target < 0 ? target : 0;
        close(target);
        target = path_open_in_root(root, mount->destination, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0644);
        return target < 0 ? target : 0;
}

/* Places for mounts that were made when the container was, and may not be in this root file system. */
static int make_targets(const OciContainer *container, Error *err)
{
        const RuntimeSpec *spec = &container->spec;
        _cleanup_close_ int root = open(spec->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (root < 0)
                return fail_errno(err, errno, "root file system %s", spec->root_path);
        for (size_t i = 0; i < spec->mount_count; i++) {
                const char *destination = spec->mounts[i].destination;
                int r;

                /* What lies on another mount comes with that one's content. */
                if (text_after(destination, "/dev/") || text_after(destination, "/sys/") ||
                    text_after(destination, "/proc/"))
                        continue;
                r = make_target(root, &spec->mounts[i]);
                if (r < 0)
                        return fail_errno(err, -r, "mount on %s", destination);
        }
        return 0;
}

static void put_options(const RestoreOptions *options, const OciContainer *container, Criu *criu)
{
        criu_put_text(&criu->options, CRIU_ROOT, container->spec.root_path);
        criu_put_number(&criu->options, CRIU_RST_SIBLING, 1);
        if (options->lsm_profile)
                criu_put_text(&criu->options, CRIU_LSM_PROFILE, options->lsm_profile);
        if (options->lsm_mount_context)
                criu_put_text(&criu->options, CRIU_LSM_MOUNT_CONTEXT, options->lsm_mount_context);
}

int restore_init(const OciContext *context, const RestoreOptions *options, const OciContainer *container,
                 int cgroup, RuntimeContainer *ret, Error *err)
{
        _cleanup_runtime_container_ RuntimeContainer init = RUNTIME_CONTAINER_INIT;
        _cleanup_(external_deinit) External external = {0};
        Restoring restoring = {.container = container, .init = &init};
        _cleanup_criu_ Criu criu = CRIU_INIT;
        int r;

        criu.verb = "restore";
        criu.type = CRIU_RESTORE;
        criu.root = container->spec.root_path;
        criu.cgroup = cgroup;
        criu.notify = notified;
        criu.argument = &restoring;
        r = criu_prepare(context, &options->criu, false, &criu, err);
        if (r >= 0)
                r = make_targets(container, err);
        if (r < 0)
                return r;
        put_options(options, container, &criu);
        r = external_restore(container, &criu, &external, err);
        if (r >= 0)
                r = criu_run(context, &criu, &init.pid, err);
        if (r < 0)
                return r;
        init.pidfd = (int)syscall(SYS_pidfd_open, init.pid, 0);
        if (init.pidfd < 0)
                return fail_errno(err, errno, "the restored init");
        *ret = init;
        init = (RuntimeContainer)RUNTIME_CONTAINER_INIT;
        return 0;
}
