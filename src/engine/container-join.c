/* --pid, --ipc and --network container:NAME: namespaces of a container that runs. */
#include "base/file.h"
#include "engine/container-launch.h"
#include "sys/process.h"

#include <fcntl.h>

typedef struct Join {
        const char *mode; /* "container:ID", or another word: nothing to join */
        NamespaceKind kind;
        const char *file; /* below /proc/PID/ns */
} Join;

/* The other container and a pidfd of its init. */
static int find_running(Engine *engine, const Join *join, StoreContainer *ret, int *ret_pidfd, Error *err)
{
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_find(store, text_after(join->mode, "container:"), ret, err);
        if (r < 0)
                return r;
        *ret_pidfd = text_equal(ret->status, "running") ? process_open(ret->pid, ret->pid_start) : -ESRCH;
        if (*ret_pidfd >= 0)
                return 0;
        fail_kind(err, ERROR_CONFLICT, ESRCH, "cannot join the %s namespace of a non running container: %s",
                  join->file, ret->name);
        return fail_hint(err, "start it first: kelp start %s", ret->name);
}

/* What is mounted on @mount's destination in the other container, instead of its own source. */
static int take_over(int pidfd, RuntimeMount *mount, Error *err)
{
        int r = runtime_clone_mount(pidfd, mount->destination, &mount->tree, err);

        if (r < 0)
                return r;
        mount->has_tree = true;
        free(mount->content);
        mount->content = NULL;
        string_list_deinit(&mount->options);
        if (text_replace(&mount->type, "bind") < 0 || string_list_add(&mount->options, "bind") < 0)
                return fail_memory(err);
        return 0;
}

/* One network, one view of it: the other's files, but where the user mounts his own. */
static int join_network_files(int pidfd, ContainerPlan *plan, Error *err)
{
        static const char *const names[] = {"hosts", "hostname", "resolv.conf"};
        RuntimeSpec *spec = &plan->spec;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < spec->mount_count; i++)
                for (size_t k = 0; r >= 0 && k < ELEMENTSOF(names); k++) {
                        _cleanup_free_ char *own = path_join(plan->folder, names[k]);

                        if (!own)
                                return fail_memory(err);
                        if (text_equal(spec->mounts[i].source, own))
                                r = take_over(pidfd, &spec->mounts[i], err);
                }
        return r;
}

/* An IPC namespace and /dev/shm belong together; the other must have been made to share them. */
static int join_ipc(const StoreContainer *other, int pidfd, ContainerPlan *plan, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        RuntimeSpec *spec = &plan->spec;
        int r;

        r = container_configuration_from_json(other->configuration, &configuration, err);
        if (r < 0)
                return r;
        if (text_equal(configuration.ipc, "private") || text_equal(configuration.ipc, "none")) {
                fail_kind(err, ERROR_CONFLICT, EPERM,
                          "cannot join the IPC namespace of container %s: it is not shareable", other->name);
                return fail_hint(err, "make that container with --ipc shareable");
        }
        for (size_t i = 0; r >= 0 && i < spec->mount_count; i++) {
                RuntimeMount *mount = &spec->mounts[i];

                if (text_equal(mount->destination, "/dev/shm") && text_equal(mount->source, "shm"))
                        r = take_over(pidfd, mount, err);
        }
        return r;
}

static int join_one(Engine *engine, const Join *join, ContainerPlan *plan, int *user_namespace, Error *err)
{
        RuntimeNamespace *namespace = &plan->spec.namespaces[join->kind];
        _cleanup_store_container_ StoreContainer other = {0};
        _cleanup_close_ int pidfd = -EBADF;
        _cleanup_free_ char *user = NULL;
        int r;

        if (!join->mode || !text_after(join->mode, "container:"))
                return 0;
        r = find_running(engine, join, &other, &pidfd, err);
        if (r < 0)
                return r;
        namespace->mode = NAMESPACE_JOIN;
        free(namespace->path);
        namespace->path = text_printf("/proc/%d/ns/%s", other.pid, join->file);
        user = text_printf("/proc/%d/ns/user", other.pid);
        if (!namespace->path || !user)
                return fail_memory(err);
        /* Its namespaces belong to its user namespace. */
        if (*user_namespace < 0)
                *user_namespace = open(user, O_RDONLY | O_CLOEXEC);
        if (*user_namespace < 0)
                return fail_errno(err, errno, "user namespace of container %s", other.name);
        if (join->kind == NAMESPACE_NETWORK)
                return join_network_files(pidfd, plan, err);
        return join->kind == NAMESPACE_IPC ? join_ipc(&other, pidfd, plan, err) : 0;
}

int container_join(Engine *engine, const ContainerConfiguration *configuration, ContainerPlan *plan,
                   int *user_namespace, Error *err)
{
        const Join joins[] = {
                {configuration->pid, NAMESPACE_PID, "pid"},
                {configuration->ipc, NAMESPACE_IPC, "ipc"},
                {configuration->network, NAMESPACE_NETWORK, "net"},
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(joins); i++)
                r = join_one(engine, &joins[i], plan, user_namespace, err);
        return r;
}
