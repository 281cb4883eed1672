#include "spec/runtime-spec-read.h"

#include <linux/seccomp.h>
#include <string.h>
#include <sys/personality.h>

static const char *const NAMESPACE_NAMES[NAMESPACE_COUNT] = {
        [NAMESPACE_USER] = "user",       [NAMESPACE_MOUNT] = "mount", [NAMESPACE_PID] = "pid",
        [NAMESPACE_NETWORK] = "network", [NAMESPACE_IPC] = "ipc",     [NAMESPACE_UTS] = "uts",
        [NAMESPACE_CGROUP] = "cgroup",   [NAMESPACE_TIME] = "time",
};

static int read_namespace(json_object *item, RuntimeSpec *ret, Error *err)
{
        RuntimeNamespace *namespace = NULL;
        const char *type = NULL;
        int r = json_get_string(item, "type", &type, err);

        if (r < 0)
                return r;
        for (size_t i = 0; type && i < NAMESPACE_COUNT; i++)
                if (text_equal(type, NAMESPACE_NAMES[i]))
        namespace = &ret->namespaces[i];
        if (!namespace)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "type: '%.64s' is not a namespace",
                                 type ? type : "");
        if (namespace->mode != NAMESPACE_HOST)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "type: the %s namespace is given twice", type);
        r = spec_get_path(item, "path", &namespace->path, err);
        if (r < 0)
                return r;
        namespace->mode = r > 0 ? NAMESPACE_JOIN : NAMESPACE_NEW;
        return 0;
}

static int read_namespaces(json_object *section, RuntimeSpec *ret, Error *err)
{
        json_object *array;
        int r = json_get_array(section, "namespaces", &array, err);

        if (r <= 0)
                return r;
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *item = json_object_array_get_idx(array, i);

                if (!json_object_is_type(item, json_type_object))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "namespaces[%zu]: expected an object",
                                         i);
                r = read_namespace(item, ret, err);
                if (r < 0)
                        return spec_within(err, r, "namespaces[%zu]", i);
        }
        return 0;
}

static int read_device_numbers(json_object *item, RuntimeDevice *device, Error *err)
{
        int has_major = json_get_int64(item, "major", &device->major, err), has_minor;

        if (has_major < 0)
                return has_major;
        has_minor = json_get_int64(item, "minor", &device->minor, err);
        if (has_minor < 0)
                return has_minor;
        if (device->type == 'p')
                return 0;
        if (!has_major || device->major < 0 || device->major > INT32_MAX)
                return spec_invalid(err, "major", "missing or not a device number");
        if (!has_minor || device->minor < 0 || device->minor > INT32_MAX)
                return spec_invalid(err, "minor", "missing or not a device number");
        return 0;
}

static int read_device(json_object *item, void *slot, Error *err)
{
        RuntimeDevice *device = slot;
        const char *type = NULL;
        uint32_t mode = 0;
        int r = spec_get_path(item, "path", &device->path, err);

        if (r == 0)
                return spec_invalid(err, "path", "missing");
        if (r > 0)
                r = json_get_string(item, "type", &type, err);
        if (r < 0)
                return r;
        if (!type || strlen(type) != 1 || !strchr("cbup", type[0]))
                return spec_invalid(err, "type", "a device has the type c, b, u or p");
        device->type = type[0];
        r = read_device_numbers(item, device, err);
        if (r >= 0)
                r = spec_get_u32(item, "fileMode", UINT32_MAX, &mode, err);
        if (r > 0) {
                device->has_mode = true;
                device->mode = mode & 07777; /* engines write the whole st_mode */
        }
        if (r >= 0)
                r = spec_get_u32(item, "uid", UINT32_MAX - 1, &device->uid, err);
        if (r >= 0)
                r = spec_get_u32(item, "gid", UINT32_MAX - 1, &device->gid, err);
        return r;
}

static int read_propagation(json_object *section, RuntimeSpec *ret, Error *err)
{
        static const char *const known[] = {"private",  "shared",  "slave",  "unbindable",
                                            "rprivate", "rshared", "rslave", "runbindable"};
        int r = spec_get_string(section, "rootfsPropagation", &ret->rootfs_propagation, err);

        if (r <= 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (text_equal(ret->rootfs_propagation, known[i]))
                        return 0;
        return spec_invalid(err, "rootfsPropagation", "expected private, shared, slave or unbindable");
}

static int read_personality(json_object *section, RuntimeSpec *ret, Error *err)
{
        _cleanup_strings_ StringList flags = {0};
        json_object *object;
        const char *domain = NULL;
        int r = json_get_object(section, "personality", &object, err);

        if (r <= 0)
                return r;
        r = json_get_string(object, "domain", &domain, err);
        if (r >= 0)
                r = json_get_strings(object, "flags", &flags, err);
        if (r < 0)
                return spec_within(err, r, "personality");
        if (flags.count > 0)
                return spec_invalid(err, "personality.flags", "the specification defines none");
        if (text_equal(domain, "LINUX"))
                ret->personality = PER_LINUX;
        else if (text_equal(domain, "LINUX32"))
                ret->personality = PER_LINUX32;
        else
                return spec_invalid(err, "personality.domain", "expected LINUX or LINUX32");
        ret->has_personality = true;
        return 0;
}

static int read_time_offsets(json_object *section, RuntimeSpec *ret, Error *err)
{
        json_object *offsets;
        int r = json_get_object(section, "timeOffsets", &offsets, err);

        if (r <= 0)
                return r;
        json_object_object_foreach(offsets, clock, offset)
        {
                uint32_t nanoseconds;
                int64_t seconds;

                if (!text_equal(clock, "boottime") && !text_equal(clock, "monotonic"))
                        return spec_invalid(err, "timeOffsets", "only boottime and monotonic can be set");
                if (offset && !json_object_is_type(offset, json_type_object))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "timeOffsets.%s: expected an object",
                                         clock);
                r = json_get_int64(offset, "secs", &seconds, err);
                if (r >= 0)
                        r = spec_get_u32(offset, "nanosecs", 999999999, &nanoseconds, err);
                if (r < 0)
                        return spec_within(err, r, "timeOffsets.%s", clock);
        }
        ret->time_offsets = json_object_get(offsets);
        return 0;
}

static int keep_object(json_object *section, const char *key, json_object **ret, Error *err)
{
        json_object *object;
        int r = json_get_object(section, key, &object, err);

        if (r > 0)
                *ret = json_object_get(object);
        return r;
}

static int read_seccomp(json_object *section, RuntimeSpec *ret, Error *err)
{
        json_object *profile;
        int r = json_get_object(section, "seccomp", &profile, err);

        if (r <= 0)
                return r;
        ret->has_seccomp = true;
        return spec_within(err, seccomp_profile_parse(profile, &ret->seccomp, err), "seccomp");
}

/* What contradicts itself only as a whole. */
static int check_consistency(const RuntimeSpec *spec, Error *err)
{
        bool maps = spec->uid_map_count > 0 || spec->gid_map_count > 0;

        if (maps && spec->namespaces[NAMESPACE_USER].mode == NAMESPACE_HOST)
                return spec_invalid(err, "uidMappings",
                                    "there is no user namespace that they could belong to");
        if (maps && (spec->uid_map_count == 0 || spec->gid_map_count == 0))
                return spec_invalid(err, spec->uid_map_count == 0 ? "uidMappings" : "gidMappings",
                                    "missing, while the other of both is given");
        if (spec->time_offsets && spec->namespaces[NAMESPACE_TIME].mode != NAMESPACE_NEW)
                return spec_invalid(err, "timeOffsets", "only a new time namespace can have offsets");
        return 0;
}

int runtime_spec_read_linux(json_object *section, RuntimeSpec *ret, Error *err)
{
        static const char *const refused[] = {"netDevices", "intelRdt"};
        int r = read_namespaces(section, ret, err);

        if (r >= 0)
                r = spec_get_id_maps(section, "uidMappings", &ret->uid_maps, &ret->uid_map_count, err);
        if (r >= 0)
                r = spec_get_id_maps(section, "gidMappings", &ret->gid_maps, &ret->gid_map_count, err);
        if (r >= 0)
                r = spec_get_items(section, "devices", read_device, sizeof(*ret->devices), &ret->devices,
                                   &ret->device_count, err);
        if (r >= 0)
                r = spec_get_string(section, "cgroupsPath", &ret->cgroups_path, err);
        if (r >= 0)
                r = keep_object(section, "resources", &ret->resources, err);
        if (r >= 0)
                r = spec_get_map(section, "sysctl", &ret->sysctls, err);
        if (r >= 0)
                r = read_propagation(section, ret, err);
        if (r >= 0)
                r = spec_get_paths(section, "maskedPaths", &ret->masked_paths, err);
        if (r >= 0)
                r = spec_get_paths(section, "readonlyPaths", &ret->readonly_paths, err);
        if (r >= 0)
                r = spec_get_string(section, "mountLabel", &ret->mount_label, err);
        if (r >= 0)
                r = read_personality(section, ret, err);
        if (r >= 0)
                r = read_seccomp(section, ret, err);
        if (r >= 0)
                r = read_time_offsets(section, ret, err);
        if (r >= 0)
                r = runtime_spec_read_memory_policy(section, ret, err);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(refused); i++)
                r = spec_refuse(section, refused[i], err);
        return r < 0 ? r : check_consistency(ret, err);
}
