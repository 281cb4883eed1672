/*
 * config.json of a bundle → RuntimeSpec.
 *
 * Members that the specification does not know are ignored, as it demands. Members that it knows and kelp
 * cannot apply are refused: a container that runs with less than what was asked for is worse than one that
 * does not start.
 */
#include "spec/runtime-spec-read.h"

#include <string.h>

static const char *const HOOK_NAMES[HOOK_KIND_COUNT] = {
        [HOOK_PRESTART] = "prestart",
        [HOOK_CREATE_RUNTIME] = "createRuntime",
        [HOOK_CREATE_CONTAINER] = "createContainer",
        [HOOK_START_CONTAINER] = "startContainer",
        [HOOK_POSTSTART] = "poststart",
        [HOOK_POSTSTOP] = "poststop",
};

static int read_version(json_object *document, RuntimeSpec *ret, Error *err)
{
        int r = spec_get_string(document, "ociVersion", &ret->version, err);

        if (r < 0)
                return r;
        if (r == 0)
                return spec_invalid(err, "ociVersion", "missing");
        if (!text_after(ret->version, "1."))
                return fail_kind(
                        err, ERROR_UNSUPPORTED, ENOTSUP,
                        "ociVersion: '%.32s' is not supported, only the versions 1.x of the runtime-spec are",
                        ret->version);
        return 0;
}

static int read_root(json_object *document, RuntimeSpec *ret, Error *err)
{
        json_object *root;
        int r = json_get_object(document, "root", &root, err);

        if (r < 0)
                return r;
        if (r == 0)
                return spec_invalid(err, "root", "missing");
        r = spec_get_string(root, "path", &ret->root_path, err);
        if (r == 0)
                r = spec_invalid(err, "path", "missing");
        if (r > 0)
                r = json_get_bool(root, "readonly", &ret->root_readonly, err);
        return spec_within(err, r, "root");
}

static int read_mount(json_object *item, void *slot, Error *err)
{
        RuntimeMount *mount = slot;
        int r = spec_get_string(item, "destination", &mount->destination, err);

        if (r == 0)
                return spec_invalid(err, "destination", "missing");
        if (r > 0 && mount->destination[0] != '/') {
                /* Before version 1.0.1 of the specification engines wrote them relative to the root. */
                char *absolute = text_printf("/%s", mount->destination);

                if (!absolute)
                        return fail_memory(err);
                free(mount->destination);
                mount->destination = absolute;
        }
        if (r >= 0)
                r = spec_get_string(item, "type", &mount->type, err);
        if (r >= 0)
                r = spec_get_string(item, "source", &mount->source, err);
        if (r >= 0)
                r = json_get_strings(item, "options", &mount->options, err);
        if (r >= 0)
                r = spec_get_id_maps(item, "uidMappings", &mount->uid_maps, &mount->uid_map_count, err);
        if (r >= 0)
                r = spec_get_id_maps(item, "gidMappings", &mount->gid_maps, &mount->gid_map_count, err);
        if (r >= 0 && (mount->uid_map_count > 0) != (mount->gid_map_count > 0))
                return spec_invalid(err, mount->uid_map_count > 0 ? "gidMappings" : "uidMappings",
                                    "missing, while the other of both is given");
        return r;
}

static int read_hook(json_object *item, void *slot, Error *err)
{
        RuntimeHook *hook = slot;
        int64_t timeout = 0;
        int r = spec_get_path(item, "path", &hook->path, err);

        if (r == 0)
                return spec_invalid(err, "path", "missing");
        if (r > 0)
                r = json_get_strings(item, "args", &hook->args, err);
        if (r >= 0)
                r = json_get_strings(item, "env", &hook->env, err);
        if (r >= 0)
                r = json_get_int64(item, "timeout", &timeout, err);
        if (r > 0 && (timeout < 1 || timeout > INT32_MAX))
                return spec_invalid(err, "timeout", "expected a number of seconds above 0");
        hook->timeout = (int)timeout;
        /* Without args the hook still gets its own name. */
        if (r >= 0 && hook->args.count == 0 && string_list_add(&hook->args, hook->path) < 0)
                return fail_memory(err);
        return r;
}

static int read_hooks(json_object *document, RuntimeSpec *ret, Error *err)
{
        json_object *hooks;
        int r = json_get_object(document, "hooks", &hooks, err);

        if (r <= 0)
                return r;
        for (size_t kind = 0; r >= 0 && kind < HOOK_KIND_COUNT; kind++)
                r = spec_get_items(hooks, HOOK_NAMES[kind], read_hook, sizeof(RuntimeHook), &ret->hooks[kind],
                                   &ret->hook_counts[kind], err);
        return spec_within(err, r, "hooks");
}

static int read_sections(json_object *document, RuntimeSpec *ret, Error *err)
{
        json_object *section;
        int r = json_get_object(document, "process", &section, err);

        if (r > 0) {
                ret->has_process = true;
                r = spec_within(err, runtime_spec_read_process(section, &ret->process, err), "process");
        }
        if (r < 0)
                return r;
        r = json_get_object(document, "linux", &section, err);
        if (r > 0)
                r = spec_within(err, runtime_spec_read_linux(section, ret, err), "linux");
        return r;
}

static int read_document(json_object *document, RuntimeSpec *ret, Error *err)
{
        int r = read_version(document, ret, err);

        if (r >= 0)
                r = read_root(document, ret, err);
        if (r >= 0)
                r = spec_get_items(document, "mounts", read_mount, sizeof(*ret->mounts), &ret->mounts,
                                   &ret->mount_count, err);
        if (r >= 0)
                r = spec_get_string(document, "hostname", &ret->hostname, err);
        if (r >= 0)
                r = spec_get_string(document, "domainname", &ret->domainname, err);
        if (r >= 0)
                r = read_hooks(document, ret, err);
        if (r >= 0)
                r = spec_get_map(document, "annotations", &ret->annotations, err);
        if (r >= 0)
                r = read_sections(document, ret, err);
        if (r < 0)
                return r;
        if ((ret->hostname || ret->domainname) && ret->namespaces[NAMESPACE_UTS].mode == NAMESPACE_HOST)
                return spec_invalid(err, ret->hostname ? "hostname" : "domainname",
                                    "it would become the host's: there is no uts namespace");
        return 0;
}

int runtime_spec_parse(json_object *document, RuntimeSpec *ret, Error *err)
{
        _cleanup_runtime_spec_ RuntimeSpec spec = {0};
        int r;

        if (!json_object_is_type(document, json_type_object))
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "config.json: expected an object");
        r = read_document(document, &spec, err);
        if (r < 0)
                return fail_wrap(err, r, "config.json");
        *ret = spec;
        spec = (RuntimeSpec){0};
        return 0;
}
