#include "runtime/resources.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "sys/cgroup.h"

#include <string.h>

/* ---- writing ---- */

static int set_file(int cgroup, const char *member, const char *file, const char *value, Error *err)
{
        int r = file_write_existing_at(cgroup, file, value);

        if (r == -ENOENT) {
                int length = (int)strcspn(file, ".");

                fail_kind(err, ERROR_UNSUPPORTED, ENOENT,
                          "linux.resources.%s: the cgroup has no controller %.*s (no file %s)", member,
                          length, file, file);
                return fail_hint(err,
                                 "the controller belongs to cgroup version 1 here, or was not delegated to "
                                 "this user");
        }
        return r < 0 ? fail_errno(err, -r, "linux.resources.%s: write '%s' into %s", member, value, file) : 0;
}

/* "max" for what is no limit. */
static int set_limit(int cgroup, const char *member, const char *file, int64_t value, Error *err)
{
        char text[24] = "max";

        if (value >= 0)
                snprintf(text, sizeof(text), "%lld", (long long)value);
        return set_file(cgroup, member, file, text, err);
}

static int get_section(json_object *resources, const char *key, json_object **ret, Error *err)
{
        *ret = NULL;
        return json_get_object(resources, key, ret, err);
}

/* ---- memory, pids ---- */

static int apply_memory(int cgroup, json_object *resources, Error *err)
{
        int64_t limit = 0, swap = 0, reservation = 0;
        int has_limit, has_swap, has_reservation, r;
        json_object *memory;

        r = get_section(resources, "memory", &memory, err);
        if (r <= 0)
                return r;
        has_limit = json_get_int64(memory, "limit", &limit, err);
        has_swap = has_limit < 0 ? has_limit : json_get_int64(memory, "swap", &swap, err);
        has_reservation = has_swap < 0 ? has_swap : json_get_int64(memory, "reservation", &reservation, err);
        if (has_reservation < 0)
                return has_reservation;
        /* Of version 1 it is the sum of memory and swap, of version 2 swap alone. 0 counts as not given. */
        if (has_swap && swap > 0 && (!has_limit || limit <= 0))
                return fail_kind(
                        err, ERROR_USAGE, EINVAL,
                        "linux.resources.memory.swap: it contains the memory, and there is no limit of that");
        if (has_swap && swap > 0 && swap < limit)
                return fail_kind(err, ERROR_USAGE, EINVAL, "linux.resources.memory.swap: below memory.limit");
        if (has_swap && swap != 0) {
                r = set_limit(cgroup, "memory.swap", "memory.swap.max", swap < 0 ? -1 : swap - limit, err);
                if (r < 0)
                        return r;
        }
        if (has_limit && limit != 0) {
                r = set_limit(cgroup, "memory.limit", "memory.max", limit, err);
                if (r < 0)
                        return r;
        }
        return has_reservation && reservation != 0
                       ? set_limit(cgroup, "memory.reservation", "memory.low", reservation, err)
                       : 0;
}

static int apply_pids(int cgroup, json_object *resources, Error *err)
{
        json_object *pids;
        int64_t limit;
        int r = get_section(resources, "pids", &pids, err);

        if (r > 0)
                r = json_get_int64(pids, "limit", &limit, err);
        return r > 0 && limit != 0 ? set_limit(cgroup, "pids.limit", "pids.max", limit, err) : r;
}

/* ---- cpu ---- */

static int apply_quota(int cgroup, json_object *cpu, Error *err)
{
        int64_t quota = 0;
        uint64_t period = 100000;
        int has_quota = json_get_int64(cpu, "quota", &quota, err), has_period;
        char text[64];

        if (has_quota < 0)
                return has_quota;
        has_period = json_get_uint64(cpu, "period", &period, err);
        if (has_period < 0)
                return has_period;
        has_quota = has_quota && quota != 0;
        has_period = has_period && period != 0;
        if (!has_quota && !has_period)
                return 0;
        if (has_quota && quota > 0)
                snprintf(text, sizeof(text), "%lld %llu", (long long)quota, (unsigned long long)period);
        else
                snprintf(text, sizeof(text), "max %llu", (unsigned long long)period);
        return set_file(cgroup, "cpu.quota", "cpu.max", text, err);
}

static int apply_cpu(int cgroup, json_object *resources, Error *err)
{
        static const struct {
                const char *key, *file;
        } texts[] = {{"cpus", "cpuset.cpus"}, {"mems", "cpuset.mems"}};
        uint64_t shares = 0, burst;
        int64_t idle;
        json_object *cpu;
        int r = get_section(resources, "cpu", &cpu, err);

        if (r <= 0)
                return r;
        r = json_get_uint64(cpu, "shares", &shares, err);
        if (r > 0 && shares != 0) {
                /* 2 … 262144 of version 1 become 1 … 10000. */
                shares = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
                r = set_limit(cgroup, "cpu.shares", "cpu.weight", (int64_t)(1 + (shares - 2) * 9999 / 262142),
                              err);
        }
        if (r >= 0)
                r = apply_quota(cgroup, cpu, err);
        if (r >= 0)
                r = json_get_uint64(cpu, "burst", &burst, err);
        if (r > 0)
                r = set_limit(cgroup, "cpu.burst", "cpu.max.burst", (int64_t)burst, err);
        if (r >= 0)
                r = json_get_int64(cpu, "idle", &idle, err);
        if (r > 0)
                r = set_limit(cgroup, "cpu.idle", "cpu.idle", idle, err);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++) {
                const char *text = NULL;

                r = json_get_string(cpu, texts[i].key, &text, err);
                if (r > 0 && *text)
                        r = set_file(cgroup, "cpu", texts[i].file, text, err);
        }
        return r;
}

/* ---- io ---- */

static int device_name(json_object *item, char *buffer, size_t size, Error *err)
{
        int64_t major, minor;
        int r = json_get_int64(item, "major", &major, err);

        if (r > 0)
                r = json_get_int64(item, "minor", &minor, err);
        if (r == 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "linux.resources.blockIO: a device has no number");
        if (r > 0)
                snprintf(buffer, size, "%lld:%lld", (long long)major, (long long)minor);
        return r;
}

static int apply_throttle(int cgroup, json_object *io, const char *key, const char *word, Error *err)
{
        json_object *list;
        int r = json_get_array(io, key, &list, err);

        for (size_t i = 0; r > 0 && i < json_object_array_length(list); i++) {
                json_object *item = json_object_array_get_idx(list, i);
                char device[48], text[128];
                uint64_t rate = 0;

                r = device_name(item, device, sizeof(device), err);
                if (r > 0)
                        r = json_get_uint64(item, "rate", &rate, err);
                if (r < 0)
                        break;
                snprintf(text, sizeof(text), "%s %s=%llu", device, word, (unsigned long long)rate);
                r = set_file(cgroup, "blockIO", "io.max", text, err);
                r = r < 0 ? r : 1;
        }
        return r < 0 ? r : 0;
}

/* The weight of BFQ, where that schedules, has version 1's range; io.weight has 1 … 10000. */
static int set_weight(int cgroup, const char *device, uint64_t weight, Error *err)
{
        char text[96];

        snprintf(text, sizeof(text), "%s%s%llu", device, *device ? " " : "", (unsigned long long)weight);
        if (file_write_existing_at(cgroup, "io.bfq.weight", text) == 0)
                return 0;
        weight = weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
        snprintf(text, sizeof(text), "%s %llu", *device ? device : "default", (unsigned long long)weight);
        return set_file(cgroup, "blockIO.weight", "io.weight", text, err);
}

static int apply_weights(int cgroup, json_object *io, Error *err)
{
        json_object *list;
        uint64_t weight = 0;
        int r = json_get_uint64(io, "weight", &weight, err);

        if (r > 0 && weight)
                r = set_weight(cgroup, "", weight, err);
        if (r >= 0)
                r = json_get_array(io, "weightDevice", &list, err);
        for (size_t i = 0; r > 0 && i < json_object_array_length(list); i++) {
                json_object *item = json_object_array_get_idx(list, i);
                char device[48];

                r = device_name(item, device, sizeof(device), err);
                weight = 0;
                if (r > 0)
                        r = json_get_uint64(item, "weight", &weight, err);
                if (r > 0 && weight)
                        r = set_weight(cgroup, device, weight, err);
                r = r < 0 ? r : 1;
        }
        return r < 0 ? r : 0;
}

static int apply_io(int cgroup, json_object *resources, Error *err)
{
        static const struct {
                const char *key, *word;
        } throttles[] = {{"throttleReadBpsDevice", "rbps"},
                         {"throttleWriteBpsDevice", "wbps"},
                         {"throttleReadIOPSDevice", "riops"},
                         {"throttleWriteIOPSDevice", "wiops"}};
        json_object *io;
        int r = get_section(resources, "blockIO", &io, err);

        if (r <= 0)
                return r;
        r = apply_weights(cgroup, io, err);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(throttles); i++)
                r = apply_throttle(cgroup, io, throttles[i].key, throttles[i].word, err);
        return r;
}

/* ---- hugetlb, rdma, unified ---- */

static int apply_huge_pages(int cgroup, json_object *resources, Error *err)
{
        json_object *list;
        int r = json_get_array(resources, "hugepageLimits", &list, err);

        for (size_t i = 0; r > 0 && i < json_object_array_length(list); i++) {
                json_object *item = json_object_array_get_idx(list, i);
                const char *size = NULL;
                uint64_t limit = 0;
                char file[64], text[24];

                r = json_get_string(item, "pageSize", &size, err);
                if (r > 0)
                        r = json_get_uint64(item, "limit", &limit, err);
                if (r < 0)
                        break;
                if (!size || strchr(size, '/'))
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "linux.resources.hugepageLimits[%zu].pageSize: missing or no size",
                                         i);
                snprintf(file, sizeof(file), "hugetlb.%.32s.max", size);
                snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);
                r = set_file(cgroup, "hugepageLimits", file, text, err);
                r = r < 0 ? r : 1;
        }
        return r < 0 ? r : 0;
}

static int apply_rdma(int cgroup, json_object *resources, Error *err)
{
        json_object *section;
        int r = get_section(resources, "rdma", &section, err);

        if (r <= 0)
                return r;
        json_object_object_foreach(section, device, limits)
        {
                uint64_t handles, objects;
                char text[160], *end = text;
                int has_handles = json_get_uint64(limits, "hcaHandles", &handles, err), has_objects;

                has_objects =
                        has_handles < 0 ? has_handles : json_get_uint64(limits, "hcaObjects", &objects, err);
                if (has_objects < 0)
                        return has_objects;
                end += snprintf(text, sizeof(text), "%.64s", device);
                if (has_handles)
                        end += snprintf(end, 40, " hca_handle=%llu", (unsigned long long)handles);
                if (has_objects)
                        snprintf(end, 40, " hca_object=%llu", (unsigned long long)objects);
                r = set_file(cgroup, "rdma", "rdma.max", text, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Last, since it wins over what was translated. */
static int apply_unified(int cgroup, json_object *resources, Error *err)
{
        json_object *section;
        int r = get_section(resources, "unified", &section, err);

        if (r <= 0)
                return r;
        json_object_object_foreach(section, file, value)
        {
                char *save = NULL;
                _cleanup_free_ char *lines = strdup(json_object_get_string(value) ?: "");

                if (!lines)
                        return fail_memory(err);
                if (strchr(file, '/') || !strchr(file, '.'))
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "linux.resources.unified: '%.64s' is not a file of a cgroup", file);
                /* The kernel takes one line at a time. */
                for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                        r = set_file(cgroup, "unified", file, line, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int resources_apply(int cgroup, json_object *resources, Error *err)
{
        static int (*const sections[])(int, json_object *, Error *) = {
                apply_memory, apply_pids, apply_cpu, apply_io, apply_huge_pages, apply_rdma, apply_unified,
        };

        for (size_t i = 0; resources && i < ELEMENTSOF(sections); i++) {
                int r = sections[i](cgroup, resources, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A value that says something: engines write all members, with null and empty ones among them. */
static bool says_something(json_object *value)
{
        switch (json_object_get_type(value)) {
        case json_type_null:
                return false;
        case json_type_object: {
                json_object_object_foreach(value, key, member)
                {
                        (void)key;
                        if (says_something(member))
                                return true;
                }
                return false;
        }
        case json_type_array:
                return json_object_array_length(value) > 0;
        case json_type_int:
                return json_object_get_int64(value) > 0;
        case json_type_string:
                return json_object_get_string_len(value) > 0;
        default:
                return json_object_get_boolean(value);
        }
}

bool resources_limit(json_object *resources)
{
        static const char *const members[] = {"memory",         "pids", "cpu",    "blockIO",
                                              "hugepageLimits", "rdma", "unified"};

        for (size_t i = 0; resources && i < ELEMENTSOF(members); i++) {
                json_object *value = NULL;

                if (json_object_object_get_ex(resources, members[i], &value) && says_something(value))
                        return true;
        }
        return false;
}

/* ---- devices ---- */

/* What every container may use, and mknod of all: a node alone opens nothing. */
static const CgroupDeviceRule usual_devices[] = {
        {true, 'c', -1, -1, CGROUP_DEVICE_MKNOD},
        {true, 'b', -1, -1, CGROUP_DEVICE_MKNOD},
        {true, 'c', 1, 3, 7},
        {true, 'c', 1, 5, 7},
        {true, 'c', 1, 7, 7},
        {true, 'c', 1, 8, 7},
        {true, 'c', 1, 9, 7},
        {true, 'c', 5, 0, 7},
        {true, 'c', 5, 1, 7},
        {true, 'c', 5, 2, 7},
        {true, 'c', 136, -1, 7},
};

static int read_device_rule(json_object *item, CgroupDeviceRule *ret, Error *err)
{
        const char *type = NULL, *access = NULL;
        int r = json_get_bool(item, "allow", &ret->allow, err);

        ret->major = ret->minor = -1;
        if (r >= 0)
                r = json_get_string(item, "type", &type, err);
        if (r >= 0)
                r = json_get_int64(item, "major", &ret->major, err);
        if (r >= 0)
                r = json_get_int64(item, "minor", &ret->minor, err);
        if (r >= 0)
                r = json_get_string(item, "access", &access, err);
        if (r < 0)
                return r;
        ret->type = text_empty(type) ? 'a' : type[0];
        if (!strchr("abc", ret->type))
                return fail_kind(err, ERROR_USAGE, EINVAL, "type: expected a, b or c");
        for (const char *c = access ?: "rwm"; *c; c++)
                ret->access |= *c == 'r'   ? CGROUP_DEVICE_READ
                               : *c == 'w' ? CGROUP_DEVICE_WRITE
                               : *c == 'm' ? CGROUP_DEVICE_MKNOD
                                           : 0U;
        return 0;
}

int resources_limit_devices(int cgroup, json_object *resources, Error *err)
{
        _cleanup_free_ CgroupDeviceRule *rules = NULL;
        json_object *list;
        size_t count;
        int r = resources ? json_get_array(resources, "devices", &list, err) : 0;

        if (r <= 0 || (count = json_object_array_length(list)) == 0)
                return r < 0 ? r : 0;
        rules = calloc(count + ELEMENTSOF(usual_devices), sizeof(*rules));
        if (!rules)
                return fail_memory(err);
        for (size_t i = 0; i < count; i++) {
                r = read_device_rule(json_object_array_get_idx(list, i), &rules[i], err);
                if (r < 0)
                        return fail_wrap(err, r, "linux.resources.devices[%zu]", i);
        }
        memcpy(rules + count, usual_devices, sizeof(usual_devices));
        r = cgroup_limit_devices(cgroup, rules, count + ELEMENTSOF(usual_devices));
        return r < 0 ? fail_errno(err, -r, "linux.resources.devices: give the cgroup a program of BPF") : 0;
}
