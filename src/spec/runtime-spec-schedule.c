/* How the kernel is to schedule a process and place its memory: process.scheduler, ioPriority,
 * execCPUAffinity, linux.memoryPolicy. */
#include "spec/runtime-spec-read.h"

#include <string.h>

typedef struct Word {
        const char *name;
        uint64_t value;
} Word;

static int find_word(const Word *words, size_t count, const char *key, const char *name, uint64_t *ret,
                     Error *err)
{
        for (size_t i = 0; i < count; i++)
                if (text_equal(words[i].name, name)) {
                        *ret = words[i].value;
                        return 0;
                }
        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: '%.64s' is unknown", key, name ?: "");
}

static int read_word(json_object *object, const char *key, const Word *words, size_t count, uint64_t *ret,
                     Error *err)
{
        const char *name = NULL;
        int r = json_get_string(object, key, &name, err);

        if (r < 0)
                return r;
        return r ? find_word(words, count, key, name, ret, err) : spec_invalid(err, key, "missing");
}

static int read_words(json_object *object, const char *key, const Word *words, size_t count, uint64_t *ret,
                      Error *err)
{
        _cleanup_strings_ StringList names = {0};
        int r = json_get_strings(object, key, &names, err);

        for (size_t i = 0; r >= 0 && i < names.count; i++) {
                uint64_t bit = 0;

                r = find_word(words, count, key, names.items[i], &bit, err);
                *ret |= bit;
        }
        return r;
}

/* ---- scheduler ---- */

/* sched(7), linux/sched/types.h; glibc has no names for all. */
static const Word policies[] = {{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},
                                {"SCHED_BATCH", 3}, {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6}};
static const Word scheduler_flags[] = {
        {"SCHED_FLAG_RESET_ON_FORK", 1},   {"SCHED_FLAG_RECLAIM", 2},      {"SCHED_FLAG_DL_OVERRUN", 4},
        {"SCHED_FLAG_KEEP_POLICY", 8},     {"SCHED_FLAG_KEEP_PARAMS", 16}, {"SCHED_FLAG_UTIL_CLAMP_MIN", 32},
        {"SCHED_FLAG_UTIL_CLAMP_MAX", 64},
};

static int read_int32(json_object *object, const char *key, int32_t *ret, Error *err)
{
        int64_t value;
        int r = json_get_int64(object, key, &value, err);

        if (r <= 0)
                return r;
        if (value < INT32_MIN || value > INT32_MAX)
                return spec_invalid(err, key, "the number has more than 32 bits");
        *ret = (int32_t)value;
        return 1;
}

static int read_scheduler(json_object *process, RuntimeProcess *ret, Error *err)
{
        RuntimeScheduler *scheduler = &ret->scheduler;
        json_object *object;
        uint64_t policy = 0;
        int r = json_get_object(process, "scheduler", &object, err);

        if (r <= 0)
                return r;
        r = read_word(object, "policy", policies, ELEMENTSOF(policies), &policy, err);
        if (r >= 0)
                r = read_words(object, "flags", scheduler_flags, ELEMENTSOF(scheduler_flags),
                               &scheduler->flags, err);
        if (r >= 0)
                r = read_int32(object, "nice", &scheduler->nice, err);
        if (r >= 0)
                r = read_int32(object, "priority", &scheduler->priority, err);
        if (r >= 0)
                r = json_get_uint64(object, "runtime", &scheduler->runtime, err);
        if (r >= 0)
                r = json_get_uint64(object, "deadline", &scheduler->deadline, err);
        if (r >= 0)
                r = json_get_uint64(object, "period", &scheduler->period, err);
        scheduler->policy = (uint32_t)policy;
        ret->has_scheduler = true;
        return spec_within(err, r < 0 ? r : 0, "scheduler");
}

/* ---- input and output ---- */

static int read_io_priority(json_object *process, RuntimeProcess *ret, Error *err)
{
        static const Word classes[] = {
                {"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};
        json_object *object;
        uint64_t class = 0;
        uint32_t priority = 0;
        int r = json_get_object(process, "ioPriority", &object, err);

        if (r <= 0)
                return r;
        r = read_word(object, "class", classes, ELEMENTSOF(classes), &class, err);
        if (r >= 0)
                r = spec_get_u32(object, "priority", 7, &priority, err);
        ret->has_io_priority = true;
        ret->io_priority = (int)(class << 13 | priority); /* ioprio_set(2) */
        return spec_within(err, r < 0 ? r : 0, "ioPriority");
}

/* ---- lists of processors and nodes ---- */

/* "0-3,7" */
static int parse_list(const char *key, const char *text, RuntimeNumberSet *ret, Error *err)
{
        while (text && *text) {
                char *end;
                unsigned long first, last;

                text += strspn(text, ", ");
                if (!*text)
                        break;
                first = last = strtoul(text, &end, 10);
                if (end == text || !(*text >= '0' && *text <= '9'))
                        return spec_invalid(err, key, "expected a list like 0-3,7");
                if (*end == '-') {
                        text = end + 1;
                        last = strtoul(text, &end, 10);
                        if (end == text || !(*text >= '0' && *text <= '9'))
                                return spec_invalid(err, key, "expected a list like 0-3,7");
                }
                if (first > last || last >= RUNTIME_NUMBER_MAXIMUM || (*end && !strchr(", ", *end)))
                        return spec_invalid(err, key, "expected a list like 0-3,7, of numbers below 1024");
                for (unsigned long i = first; i <= last; i++)
                        ret->bits[i / 64] |= UINT64_C(1) << (i % 64);
                ret->given = true;
                text = end;
        }
        return 0;
}

static int read_list(json_object *object, const char *key, RuntimeNumberSet *ret, Error *err)
{
        const char *text = NULL;
        int r = json_get_string(object, key, &text, err);

        return r <= 0 ? r : parse_list(key, text, ret, err);
}

static int read_affinity(json_object *process, RuntimeProcess *ret, Error *err)
{
        json_object *object;
        int r = json_get_object(process, "execCPUAffinity", &object, err);

        if (r <= 0)
                return r;
        r = read_list(object, "initial", &ret->affinity_initial, err);
        if (r >= 0)
                r = read_list(object, "final", &ret->affinity_final, err);
        return spec_within(err, r, "execCPUAffinity");
}

int runtime_spec_read_schedule(json_object *process, RuntimeProcess *ret, Error *err)
{
        int r = read_scheduler(process, ret, err);

        if (r >= 0)
                r = read_io_priority(process, ret, err);
        return r < 0 ? r : read_affinity(process, ret, err);
}

int runtime_spec_read_memory_policy(json_object *section, RuntimeSpec *ret, Error *err)
{
        /* set_mempolicy(2) */
        static const Word modes[] = {{"MPOL_DEFAULT", 0},
                                     {"MPOL_PREFERRED", 1},
                                     {"MPOL_BIND", 2},
                                     {"MPOL_INTERLEAVE", 3},
                                     {"MPOL_LOCAL", 4},
                                     {"MPOL_PREFERRED_MANY", 5},
                                     {"MPOL_WEIGHTED_INTERLEAVE", 6}};
        static const Word flags[] = {{"MPOL_F_STATIC_NODES", 1 << 15},
                                     {"MPOL_F_RELATIVE_NODES", 1 << 14},
                                     {"MPOL_F_NUMA_BALANCING", 1 << 13}};
        json_object *object;
        uint64_t mode = 0;
        int r = json_get_object(section, "memoryPolicy", &object, err);

        if (r <= 0 || json_object_object_length(object) == 0)
                return r < 0 ? r : 0;
        r = read_word(object, "mode", modes, ELEMENTSOF(modes), &mode, err);
        if (r >= 0)
                r = read_words(object, "flags", flags, ELEMENTSOF(flags), &mode, err);
        if (r >= 0)
                r = read_list(object, "nodes", &ret->memory_nodes, err);
        ret->has_memory_policy = true;
        ret->memory_policy = (int)mode;
        return spec_within(err, r < 0 ? r : 0, "memoryPolicy");
}
