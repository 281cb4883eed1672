#include "spec/runtime-spec-read.h"

#include "spec/capabilities.h"

#include <string.h>
#include <sys/resource.h>

/* setuid(2) takes it for "leave as it is". */
static const uint32_t ID_MAXIMUM = UINT32_MAX - 1;

static const struct {
        const char *name;
        int resource;
} RLIMITS[] = {
        {"RLIMIT_AS", RLIMIT_AS},
        {"RLIMIT_CORE", RLIMIT_CORE},
        {"RLIMIT_CPU", RLIMIT_CPU},
        {"RLIMIT_DATA", RLIMIT_DATA},
        {"RLIMIT_FSIZE", RLIMIT_FSIZE},
        {"RLIMIT_LOCKS", RLIMIT_LOCKS},
        {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
        {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
        {"RLIMIT_NICE", RLIMIT_NICE},
        {"RLIMIT_NOFILE", RLIMIT_NOFILE},
        {"RLIMIT_NPROC", RLIMIT_NPROC},
        {"RLIMIT_RSS", RLIMIT_RSS},
        {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
        {"RLIMIT_RTTIME", RLIMIT_RTTIME},
        {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
        {"RLIMIT_STACK", RLIMIT_STACK},
};

static int read_console(json_object *process, RuntimeProcess *ret, Error *err)
{
        uint32_t height = 0, width = 0;
        json_object *size;
        int r = json_get_object(process, "consoleSize", &size, err);

        if (r <= 0)
                return r;
        r = spec_get_u32(size, "height", UINT16_MAX, &height, err);
        if (r >= 0)
                r = spec_get_u32(size, "width", UINT16_MAX, &width, err);
        if (r < 0)
                return spec_within(err, r, "consoleSize");
        ret->console_height = (uint16_t)height;
        ret->console_width = (uint16_t)width;
        return 0;
}

static int read_gids(json_object *user, RuntimeProcess *ret, Error *err)
{
        json_object *gids;
        size_t count;
        int r = json_get_array(user, "additionalGids", &gids, err);

        if (r <= 0)
                return r;
        count = json_object_array_length(gids);
        ret->additional_gids = calloc(count + 1, sizeof(*ret->additional_gids));
        if (!ret->additional_gids)
                return fail_memory(err);
        for (size_t i = 0; i < count; i++) {
                json_object *item = json_object_array_get_idx(gids, i);

                if (!json_object_is_type(item, json_type_int) || json_object_get_int64(item) < 0 ||
                    json_object_get_int64(item) > ID_MAXIMUM)
                        return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                         "additionalGids[%zu]: expected a group id", i);
                ret->additional_gids[ret->additional_gid_count++] = (uint32_t)json_object_get_int64(item);
        }
        return 0;
}

static int read_user(json_object *process, RuntimeProcess *ret, Error *err)
{
        json_object *user;
        int r = json_get_object(process, "user", &user, err);

        if (r <= 0)
                return r;
        r = spec_get_u32(user, "uid", ID_MAXIMUM, &ret->uid, err);
        if (r >= 0)
                r = spec_get_u32(user, "gid", ID_MAXIMUM, &ret->gid, err);
        if (r >= 0)
                r = spec_get_u32(user, "umask", 0777, &ret->umask, err);
        if (r > 0)
                ret->has_umask = true;
        if (r >= 0)
                r = read_gids(user, ret, err);
        return spec_within(err, r, "user");
}

static int read_capability_set(json_object *object, const char *key, uint64_t *ret, Error *err)
{
        _cleanup_strings_ StringList names = {0};
        int r = json_get_strings(object, key, &names, err);

        for (size_t i = 0; r > 0 && i < names.count; i++) {
                unsigned number;
                int parsed = capability_parse(names.items[i], &number, err);

                if (parsed < 0) {
                        fail_wrap(err, parsed, "%s[%zu]", key, i);
                        return parsed;
                }
                *ret |= UINT64_C(1) << number;
        }
        return r < 0 ? r : 0;
}

static int read_capabilities(json_object *process, RuntimeProcess *ret, Error *err)
{
        RuntimeCapabilities *sets = &ret->capabilities;
        json_object *object;
        int r = json_get_object(process, "capabilities", &object, err);

        if (r <= 0)
                return r;
        ret->has_capabilities = true;
        r = read_capability_set(object, "bounding", &sets->bounding, err);
        if (r >= 0)
                r = read_capability_set(object, "effective", &sets->effective, err);
        if (r >= 0)
                r = read_capability_set(object, "inheritable", &sets->inheritable, err);
        if (r >= 0)
                r = read_capability_set(object, "permitted", &sets->permitted, err);
        if (r >= 0)
                r = read_capability_set(object, "ambient", &sets->ambient, err);
        return spec_within(err, r, "capabilities");
}

static int read_rlimit(json_object *item, void *slot, Error *err)
{
        RuntimeRlimit *rlimit = slot;
        const char *type = NULL;
        int has_soft, has_hard;
        int r = json_get_string(item, "type", &type, err);

        if (r < 0)
                return r;
        rlimit->resource = -1;
        for (size_t i = 0; type && i < ELEMENTSOF(RLIMITS); i++)
                if (text_equal(type, RLIMITS[i].name))
                        rlimit->resource = RLIMITS[i].resource;
        if (rlimit->resource < 0)
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "type: '%.64s' is not a resource limit",
                                 type ? type : "");
        has_soft = json_get_uint64(item, "soft", &rlimit->soft, err);
        if (has_soft < 0)
                return has_soft;
        has_hard = json_get_uint64(item, "hard", &rlimit->hard, err);
        if (has_hard < 0)
                return has_hard;
        if (!has_soft || !has_hard)
                return spec_invalid(err, has_soft ? "hard" : "soft", "missing");
        if (rlimit->soft > rlimit->hard)
                return spec_invalid(err, "soft", "above the hard limit");
        return 0;
}

static int read_rlimits(json_object *process, RuntimeProcess *ret, Error *err)
{
        int r = spec_get_items(process, "rlimits", read_rlimit, sizeof(*ret->rlimits), &ret->rlimits,
                               &ret->rlimit_count, err);

        /* Resources are numbered below 16. */
        for (size_t i = 0, seen = 0; r > 0 && i < ret->rlimit_count; i++) {
                size_t bit = (size_t)1 << ret->rlimits[i].resource;

                if (seen & bit)
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "rlimits[%zu].type: given twice", i);
                seen |= bit;
        }
        return r;
}

static int read_oom_score(json_object *process, RuntimeProcess *ret, Error *err)
{
        int64_t score;
        int r = json_get_int64(process, "oomScoreAdj", &score, err);

        if (r <= 0)
                return r;
        if (score < -1000 || score > 1000)
                return spec_invalid(err, "oomScoreAdj", "outside of -1000 to 1000");
        ret->has_oom_score_adj = true;
        ret->oom_score_adj = (int)score;
        return 0;
}

static int read_command(json_object *process, RuntimeProcess *ret, Error *err)
{
        int r = spec_get_path(process, "cwd", &ret->cwd, err);

        if (r < 0)
                return r;
        if (!ret->cwd)
                return spec_invalid(err, "cwd", "missing");
        r = json_get_strings(process, "args", &ret->args, err);
        if (r < 0)
                return r;
        if (ret->args.count == 0)
                return spec_invalid(err, "args", "missing or empty: there is no command to run");
        return json_get_strings(process, "env", &ret->env, err);
}

int runtime_spec_read_process(json_object *process, RuntimeProcess *ret, Error *err)
{
        int r = read_command(process, ret, err);

        if (r >= 0)
                r = json_get_bool(process, "terminal", &ret->terminal, err);
        if (r >= 0)
                r = read_console(process, ret, err);
        if (r >= 0)
                r = read_user(process, ret, err);
        if (r >= 0)
                r = read_capabilities(process, ret, err);
        if (r >= 0)
                r = read_rlimits(process, ret, err);
        if (r >= 0)
                r = json_get_bool(process, "noNewPrivileges", &ret->no_new_privileges, err);
        if (r >= 0)
                r = read_oom_score(process, ret, err);
        if (r >= 0)
                r = spec_get_string(process, "apparmorProfile", &ret->apparmor_profile, err);
        if (r >= 0)
                r = spec_get_string(process, "selinuxLabel", &ret->selinux_label, err);
        if (r >= 0)
                r = runtime_spec_read_schedule(process, ret, err);
        return r < 0 ? r : 0;
}

int runtime_process_parse(json_object *document, RuntimeProcess *ret, Error *err)
{
        RuntimeProcess process = {0};
        int r;

        if (!json_object_is_type(document, json_type_object))
                return fail_kind(err, ERROR_CORRUPT, EINVAL, "process: expected an object");
        r = spec_within(err, runtime_spec_read_process(document, &process, err), "process");
        if (r < 0) {
                runtime_process_deinit(&process);
                return r;
        }
        *ret = process;
        return 0;
}
