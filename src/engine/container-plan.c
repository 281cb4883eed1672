#include "engine/container-plan.h"

#include "base/file.h"
#include "engine/container-configure.h"
#include "engine/container-userns.h"
#include "store/images.h"

#include <sys/vfs.h>

void container_plan_deinit(ContainerPlan *plan)
{
        runtime_spec_deinit(&plan->spec);
        string_list_deinit(&plan->lower);
        free(plan->upper);
        free(plan->work);
        free(plan->folder);
        *plan = (ContainerPlan){0};
}

/* ---- mounts ---- */

static int add_mount(RuntimeSpec *spec, const char *destination, const char *type, const char *source,
                     const char *options, Error *err)
{
        RuntimeMount *mount = runtime_spec_add_mount(spec);
        _cleanup_free_ char *copy = strdup(options);
        char *save = NULL;

        if (!mount || !copy || text_replace(&mount->destination, destination) < 0 ||
            text_replace(&mount->type, type) < 0 || text_replace(&mount->source, source) < 0)
                return fail_memory(err);
        for (char *option = strtok_r(copy, ",", &save); option; option = strtok_r(NULL, ",", &save))
                if (string_list_add(&mount->options, option) < 0)
                        return fail_memory(err);
        return 0;
}

static bool user_mounts(const ContainerConfiguration *configuration, const char *destination)
{
        for (size_t i = 0; i < configuration->mount_count; i++)
                if (text_equal(configuration->mounts[i].destination, destination))
                        return true;
        return false;
}

static bool host_has_cgroup2(void)
{
        struct statfs status;

        return statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == 0x63677270;
}

/* /proc, /dev, /sys and what is below them. */
static int add_system_mounts(const ContainerConfiguration *configuration, RuntimeSpec *spec, Error *err)
{
        bool host_pid = text_equal(configuration->pid, "host"),
             host_ipc = text_equal(configuration->ipc, "host");
        bool own_sys = !text_equal(configuration->network, "host");
        const char *sys_access = configuration->privileged ? "rw" : "ro";
        char options[128];
        int r;

        r = host_pid ? add_mount(spec, "/proc", "bind", "/proc", "rbind,nosuid,noexec,nodev,rslave", err)
                     : add_mount(spec, "/proc", "proc", "proc", "nosuid,noexec,nodev", err);
        if (r >= 0)
                r = add_mount(spec, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k", err);
        if (r >= 0)
                r = add_mount(spec, "/dev/pts", "devpts", "devpts",
                              configuration->single_id
                                      ? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"
                                      : "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
                              err);
        /* A sysfs of its own shows the network namespace that it was mounted in, so it needs one. */
        snprintf(options, sizeof(options), "nosuid,noexec,nodev,%s", sys_access);
        if (r >= 0 && own_sys)
                r = add_mount(spec, "/sys", "sysfs", "sysfs", options, err);
        else if (r >= 0)
                r = add_mount(spec, "/sys", "bind", "/sys", "rbind,rslave,nosuid,noexec,nodev,ro,rro", err);
        if (r >= 0 && own_sys && host_has_cgroup2())
                r = add_mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup", options, err);
        if (r >= 0 && (!host_ipc || access("/dev/mqueue", F_OK) == 0))
                r = host_ipc ? add_mount(spec, "/dev/mqueue", "bind", "/dev/mqueue",
                                         "bind,nosuid,noexec,nodev", err)
                             : add_mount(spec, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev", err);
        /* That of another container is put in when it is joined. */
        if (r >= 0 && !user_mounts(configuration, "/dev/shm") && !text_equal(configuration->ipc, "none")) {
                snprintf(options, sizeof(options), "nosuid,noexec,nodev,mode=1777,size=%lld",
                         (long long)configuration->shm_size);
                r = host_ipc
                            ? add_mount(spec, "/dev/shm", "bind", "/dev/shm", "bind,nosuid,noexec,nodev", err)
                            : add_mount(spec, "/dev/shm", "tmpfs", "shm", options, err);
        }
        return r;
}

static int add_own_files(const ContainerConfiguration *configuration, const NetworkJoin *network,
                         const char *folder, RuntimeSpec *spec, Error *err)
{
        static const char *const names[] = {"resolv.conf", "hostname", "hosts"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *source = path_join(folder, names[i]),
                                    *destination = path_join("/etc", names[i]);

                if (!source || !destination)
                        return fail_memory(err);
                if (user_mounts(configuration, destination))
                        continue;
                r = add_mount(spec, destination, "bind", source,
                              configuration->read_only ? "bind,rprivate,ro" : "bind,rprivate", err);
                if (r >= 0 && configuration->auto_remove)
                        r = container_file_text(configuration, network, names[i],
                                                &spec->mounts[spec->mount_count - 1].content, err);
        }
        return r;
}

static int add_user_mount(const ContainerMount *mount, RuntimeSpec *spec, Error *err)
{
        RuntimeMount *target;
        bool has_mode = false;
        int r;

        r = add_mount(spec, mount->destination, mount->type == MOUNT_TMPFS ? "tmpfs" : "bind",
                      mount->type == MOUNT_TMPFS ? "tmpfs" : mount->source, mount->read_only ? "ro" : "rw",
                      err);
        if (r < 0)
                return r;
        target = &spec->mounts[spec->mount_count - 1];
        target->copy_up = mount->copy_up;
        if (text_replace(&target->source_below, mount->subpath) < 0)
                return fail_memory(err);
        for (size_t i = 0; i < mount->options.count; i++)
                has_mode = has_mode || text_after(mount->options.items[i], "mode=");
        if (string_list_copy(&target->options, &mount->options) < 0 ||
            (mount->type == MOUNT_TMPFS && !has_mode && string_list_add(&target->options, "mode=1777") < 0))
                return fail_memory(err);
        return 0;
}

static size_t depth(const char *path)
{
        size_t count = 0;

        for (; *path; path++)
                count += *path == '/';
        return count;
}

/* Outer folders first, whatever the order on the command line; the order is kept among equals. */
static int add_user_mounts(const ContainerConfiguration *configuration, RuntimeSpec *spec, Error *err)
{
        size_t deepest = 0;
        int r = 0;

        for (size_t i = 0; i < configuration->mount_count; i++)
                if (depth(configuration->mounts[i].destination) > deepest)
                        deepest = depth(configuration->mounts[i].destination);
        for (size_t level = 0; level <= deepest; level++)
                for (size_t i = 0; r >= 0 && i < configuration->mount_count; i++)
                        if (depth(configuration->mounts[i].destination) == level)
                                r = add_user_mount(&configuration->mounts[i], spec, err);
        return r;
}

/* ---- process ---- */

static int plan_environment(const ContainerConfiguration *configuration, StringList *env, Error *err)
{
        _cleanup_free_ char *hostname = text_printf("HOSTNAME=%s", configuration->hostname);
        const char *path = string_list_env_get(&configuration->env, "PATH");

        if (!hostname || string_list_addf(env, "PATH=%s", path ?: "") < 0 ||
            string_list_add(env, hostname) < 0 ||
            (configuration->terminal && string_list_add(env, "TERM=xterm") < 0))
                return fail_memory(err);
        for (size_t i = 0; i < configuration->env.count; i++)
                if (string_list_env_set(env, configuration->env.items[i]) < 0)
                        return fail_memory(err);
        return 0;
}

static int plan_process(const ContainerConfiguration *configuration, RuntimeProcess *process, Error *err)
{
        uint64_t set = configuration->capabilities;
        int r;

        process->terminal = configuration->terminal;
        process->no_new_privileges = configuration->no_new_privileges;
        process->has_capabilities = true;
        process->capabilities = (RuntimeCapabilities){.bounding = set, .effective = set, .permitted = set};
        process->has_oom_score_adj = configuration->oom_score_adj != 0;
        process->oom_score_adj = (int)configuration->oom_score_adj;
        process->keep_groups = string_list_contains(&configuration->group_add, "keep-groups");
        r = container_configuration_arguments(configuration, &process->args, err);
        if (r >= 0)
                r = container_userns_account(configuration, &process->passwd_entry, err);
        if (r >= 0)
                r = plan_environment(configuration, &process->env, err);
        if (r < 0)
                return r;
        if (text_replace(&process->cwd, configuration->workdir) < 0 ||
            text_replace(&process->user, configuration->user ?: "") < 0 ||
            (!process->keep_groups && string_list_copy(&process->group_add, &configuration->group_add) < 0))
                return fail_memory(err);
        return 0;
}

static int plan_limits(const ContainerConfiguration *configuration, RuntimeSpec *spec, Error *err)
{
        for (size_t i = 0; i < configuration->ulimits.count; i++) {
                uint64_t soft, hard;
                int resource, r;

                r = container_ulimit_parse(configuration->ulimits.items[i], &resource, &soft, &hard, err);
                if (r >= 0)
                        r = runtime_spec_add_rlimit(spec, resource, soft, hard) < 0 ? fail_memory(err) : 0;
                if (r < 0)
                        return r;
        }
        return string_list_copy(&spec->sysctls, &configuration->sysctls) < 0 ? fail_memory(err) : 0;
}

static int plan_devices(const ContainerConfiguration *configuration, RuntimeSpec *spec, Error *err)
{
        for (size_t i = 0; i < configuration->devices.count; i++) {
                const char *text = configuration->devices.items[i], *inside = strchr(text, ':'),
                           *end = strrchr(text, ':');
                RuntimeDevice *device = runtime_spec_add_device(spec);

                if (!device)
                        return fail_memory(err);
                device->host_path = strndup(text, (size_t)(inside - text));
                device->path = strndup(inside + 1, (size_t)(end - inside - 1));
                if (!device->host_path || !device->path)
                        return fail_memory(err);
        }
        return 0;
}

static int plan_seccomp(const ContainerConfiguration *configuration, RuntimeSpec *spec, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        int r;

        if (text_equal(configuration->seccomp, "unconfined"))
                return 0;
        spec->has_seccomp = true;
        if (text_equal(configuration->seccomp, "default")) {
                spec->seccomp_default = true;
                return 0;
        }
        r = json_parse(configuration->seccomp, strlen(configuration->seccomp), "seccomp profile", &document,
                       err);
        if (r >= 0)
                r = seccomp_profile_parse_docker(document, configuration->capabilities, &spec->seccomp, err);
        return r;
}

/* ---- namespaces ---- */

static void plan_namespaces(const ContainerConfiguration *configuration, RuntimeSpec *spec)
{
        const struct {
                NamespaceKind kind;
                const char *mode;
        } kinds[] = {
                {NAMESPACE_MOUNT, "private"},
                {NAMESPACE_PID, configuration->pid},
                {NAMESPACE_NETWORK, configuration->network},
                {NAMESPACE_IPC, configuration->ipc},
                {NAMESPACE_UTS, configuration->uts},
                {NAMESPACE_CGROUP, configuration->cgroupns},
        };

        /* "container:" is joined by who starts it, who knows the other's process. */
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                spec->namespaces[kinds[i].kind].mode =
                        text_equal(kinds[i].mode, "host") ? NAMESPACE_HOST : NAMESPACE_NEW;
}

static int plan_overlay(Engine *engine, const ContainerConfiguration *configuration, ContainerPlan *plan,
                        Error *err)
{
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        for (size_t i = 0; r >= 0 && i < configuration->layers.count; i++) {
                _cleanup_free_ char *path = NULL;
                Digest digest;

                r = digest_parse(configuration->layers.items[i], &digest, err);
                if (r >= 0)
                        r = store_layer_path(store, &digest, &path, err);
                /* Of a layer that an image has several times (empty ones often) overlayfs takes one, and only
                 * the uppermost, which comes first here, counts: it hides or gives all that the others do. */
                if (r >= 0 && !string_list_contains(&plan->lower, path) &&
                    string_list_take(&plan->lower, TAKE_PTR(path)) < 0)
                        r = fail_memory(err);
        }
        if (r < 0)
                return fail_wrap(err, r, "image %s", configuration->image);
        /* Below all layers, for images that lack them: else each container's own folder would be given copies
         * of them. */
        if (string_list_take(&plan->lower, path_join(store_path(store), STORE_MOUNT_POINTS)) < 0)
                return fail_memory(err);
        plan->upper = path_join(plan->folder, "upper");
        plan->work = path_join(plan->folder, "work");
        if (!plan->upper || !plan->work)
                return fail_memory(err);
        plan->overlay = (RuntimeOverlay){.lower = (const char *const *)plan->lower.items,
                                         .lower_count = plan->lower.count,
                                         .upper = plan->upper,
                                         .work = plan->work,
                                         .discarded = configuration->auto_remove};
        return 0;
}

int container_plan_make(Engine *engine, const char *id, const char *folder,
                        const ContainerConfiguration *configuration, const NetworkJoin *network,
                        ContainerPlan *ret, Error *err)
{
        _cleanup_plan_ ContainerPlan plan = {0};
        RuntimeSpec *spec = &plan.spec;
        int r;

        if (text_replace(&plan.folder, folder) < 0 ||
            (!text_equal(configuration->uts, "host") &&
             text_replace(&spec->hostname, configuration->hostname) < 0) ||
            text_replace(&spec->domainname,
                         text_empty(configuration->domainname) ? NULL : configuration->domainname) < 0 ||
            string_list_copy(&spec->masked_paths, &configuration->masked_paths) < 0 ||
            string_list_copy(&spec->readonly_paths, &configuration->readonly_paths) < 0 ||
            string_list_copy(&spec->annotations, &configuration->annotations) < 0)
                return fail_memory(err);
        spec->has_process = true;
        spec->root_readonly = configuration->read_only;
        plan_namespaces(configuration, spec);
        r = plan_overlay(engine, configuration, &plan, err);
        if (r >= 0)
                r = add_system_mounts(configuration, spec, err);
        /* Ours over the user's: a volume on /etc does not hide them, nor is it filled with them. */
        if (r >= 0)
                r = add_user_mounts(configuration, spec, err);
        if (r >= 0)
                r = add_own_files(configuration, network, folder, spec, err);
        if (r >= 0)
                r = plan_process(configuration, &spec->process, err);
        if (r >= 0)
                r = plan_limits(configuration, spec, err);
        if (r >= 0)
                r = plan_devices(configuration, spec, err);
        if (r >= 0)
                r = plan_seccomp(configuration, spec, err);
        if (r < 0)
                return r;
        *ret = plan;
        plan = (ContainerPlan){0};
        return 0;
}
