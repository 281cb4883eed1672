#include "spec/runtime-spec.h"

#include <string.h>

static void mount_deinit(RuntimeMount *mount)
{
        free(mount->destination);
        free(mount->content);
        free(mount->type);
        free(mount->source);
        free(mount->source_below);
        if (mount->has_tree)
                cleanup_close(&mount->tree);
        string_list_deinit(&mount->options);
        free(mount->uid_maps);
        free(mount->gid_maps);
}

static void device_deinit(RuntimeDevice *device)
{
        free(device->path);
        free(device->host_path);
}

static void hook_deinit(RuntimeHook *hook)
{
        free(hook->path);
        string_list_deinit(&hook->args);
        string_list_deinit(&hook->env);
}

void runtime_process_deinit(RuntimeProcess *process)
{
        free(process->cwd);
        string_list_deinit(&process->args);
        string_list_deinit(&process->env);
        free(process->additional_gids);
        free(process->user);
        free(process->passwd_entry);
        string_list_deinit(&process->group_add);
        free(process->rlimits);
        free(process->apparmor_profile);
        free(process->selinux_label);
        *process = (RuntimeProcess){0};
}

void runtime_spec_deinit(RuntimeSpec *spec)
{
        free(spec->version);
        free(spec->hostname);
        free(spec->domainname);
        runtime_process_deinit(&spec->process);
        free(spec->root_path);
        for (size_t i = 0; i < spec->mount_count; i++)
                mount_deinit(&spec->mounts[i]);
        free(spec->mounts);
        for (size_t kind = 0; kind < HOOK_KIND_COUNT; kind++) {
                for (size_t i = 0; i < spec->hook_counts[kind]; i++)
                        hook_deinit(&spec->hooks[kind][i]);
                free(spec->hooks[kind]);
        }
        string_list_deinit(&spec->annotations);
        for (size_t i = 0; i < NAMESPACE_COUNT; i++)
                free(spec->namespaces[i].path);
        free(spec->uid_maps);
        free(spec->gid_maps);
        for (size_t i = 0; i < spec->device_count; i++)
                device_deinit(&spec->devices[i]);
        free(spec->devices);
        free(spec->cgroups_path);
        json_putp(&spec->resources);
        string_list_deinit(&spec->sysctls);
        free(spec->rootfs_propagation);
        string_list_deinit(&spec->masked_paths);
        string_list_deinit(&spec->readonly_paths);
        free(spec->mount_label);
        seccomp_profile_deinit(&spec->seccomp);
        json_putp(&spec->time_offsets);
        *spec = (RuntimeSpec){0};
}

RuntimeMount *runtime_spec_add_mount(RuntimeSpec *spec)
{
        RuntimeMount *mounts = reallocarray(spec->mounts, spec->mount_count + 1, sizeof(*mounts));

        if (!mounts)
                return NULL;
        spec->mounts = mounts;
        mounts[spec->mount_count] = (RuntimeMount){0};
        return &mounts[spec->mount_count++];
}

bool runtime_mount_is_bind(const RuntimeMount *mount)
{
        return text_equal(mount->type, "bind") || string_list_contains(&mount->options, "bind") ||
               string_list_contains(&mount->options, "rbind");
}

RuntimeDevice *runtime_spec_add_device(RuntimeSpec *spec)
{
        RuntimeDevice *devices = reallocarray(spec->devices, spec->device_count + 1, sizeof(*devices));

        if (!devices)
                return NULL;
        spec->devices = devices;
        devices[spec->device_count] = (RuntimeDevice){0};
        return &devices[spec->device_count++];
}

int runtime_spec_add_rlimit(RuntimeSpec *spec, int resource, uint64_t soft, uint64_t hard)
{
        RuntimeProcess *process = &spec->process;
        RuntimeRlimit *rlimits = reallocarray(process->rlimits, process->rlimit_count + 1, sizeof(*rlimits));

        if (!rlimits)
                return -ENOMEM;
        process->rlimits = rlimits;
        rlimits[process->rlimit_count++] = (RuntimeRlimit){.resource = resource, .soft = soft, .hard = hard};
        return 0;
}
