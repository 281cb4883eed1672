/*
 * Seccomp profiles, in the form of the runtime-spec (linux.seccomp) and in the one that engines take from a
 * file.
 *
 * "architectures", "archMap" are read for their form only: the filter that kelp builds refuses every system
 * call ABI but the machine's own, which no profile can change.
 */
#include "spec/runtime-spec-read.h"

#include "spec/capabilities.h"
#include "spec/image.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

enum { ERRNO_MAXIMUM = 4095, ARGUMENT_COUNT = 6 };

static const struct {
        const char *name;
        uint32_t value;
} ACTIONS[] =
        {
                {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
                {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
                {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
                {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
                {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
                {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
                {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
                {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
                {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
},
  FLAGS[] =
          {
                  {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
                  {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
                  {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
                  {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
},
  OPERATORS[] = {
          {"SCMP_CMP_NE", SECCOMP_NE},
          {"SCMP_CMP_LT", SECCOMP_LT},
          {"SCMP_CMP_LE", SECCOMP_LE},
          {"SCMP_CMP_EQ", SECCOMP_EQ},
          {"SCMP_CMP_GE", SECCOMP_GE},
          {"SCMP_CMP_GT", SECCOMP_GT},
          {"SCMP_CMP_MASKED_EQ", SECCOMP_MASKED_EQ},
};

/* What decides which rules of an engine's profile apply; NULL for the runtime-spec form, in which all do. */
typedef struct Selection {
        uint64_t capabilities;
        char architecture[32]; /* as Docker's profiles write it */
        unsigned kernel_major, kernel_minor;
} Selection;

void seccomp_profile_deinit(SeccompProfile *profile)
{
        for (size_t i = 0; i < profile->rule_count; i++) {
                string_list_deinit(&profile->rules[i].names);
                free(profile->rules[i].arguments);
        }
        free(profile->rules);
        free(profile->listener_path);
        free(profile->listener_metadata);
        *profile = (SeccompProfile){0};
}

#define READ_NAMED(object, key, table, ret, err) read_named(object, key, table, ELEMENTSOF(table), ret, err)

/* 1 with the value that @table gives for the string member @key, 0 when missing. */
static int read_named(json_object *object, const char *key, const typeof(ACTIONS[0]) *table, size_t count,
                      uint32_t *ret, Error *err)
{
        const char *name = NULL;
        int r = json_get_string(object, key, &name, err);

        if (r <= 0)
                return r;
        for (size_t i = 0; i < count; i++) {
                if (text_equal(name, table[i].name)) {
                        *ret = table[i].value;
                        return 1;
                }
        }
        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: '%.64s' is unknown", key, name);
}

/* "errno": "ENOSYS", as the profiles of podman have beside the number. */
static int read_errno_name(json_object *object, const char *key, uint32_t *ret, Error *err)
{
        const char *name = NULL;
        int r = json_get_string(object, key, &name, err);

        if (r <= 0 || !*name)
                return r;
        for (int code = 1; code < 256; code++) {
                if (text_equal(strerrorname_np(code), name)) {
                        *ret = (uint32_t)code;
                        return 1;
                }
        }
        return fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: '%.32s' is not the name of an error", key, name);
}

static int read_argument(json_object *item, void *slot, Error *err)
{
        SeccompArgument *argument = slot;
        int r = spec_get_u32(item, "index", ARGUMENT_COUNT - 1, &argument->index, err);

        if (r == 0)
                return spec_invalid(err, "index", "missing");
        if (r > 0)
                r = json_get_uint64(item, "value", &argument->value, err);
        if (r >= 0)
                r = json_get_uint64(item, "valueTwo", &argument->value_two, err);
        if (r >= 0)
                r = READ_NAMED(item, "op", OPERATORS, &argument->operator, err);
        return r == 0 ? spec_invalid(err, "op", "missing") : r;
}

static int read_rule(json_object *item, SeccompRule *rule, const Selection *selection, Error *err)
{
        const char *name = NULL;
        int r = json_get_strings(item, "names", &rule->names, err);

        /* The oldest profiles have one name for each rule. */
        if (r >= 0 && selection)
                r = json_get_string(item, "name", &name, err);
        if (r < 0)
                return r;
        if (!text_empty(name)) {
                if (rule->names.count > 0)
                        return spec_invalid(err, "name", "given together with names");
                if (string_list_add(&rule->names, name) < 0)
                        return fail_memory(err);
        }
        if (rule->names.count == 0)
                return spec_invalid(err, "names", "missing or empty");
        r = READ_NAMED(item, "action", ACTIONS, &rule->action, err);
        if (r == 0)
                return spec_invalid(err, "action", "missing");
        rule->errno_value = EPERM;
        if (r > 0)
                r = spec_get_u32(item, "errnoRet", ERRNO_MAXIMUM, &rule->errno_value, err);
        if (r >= 0 && selection)
                r = read_errno_name(item, "errno", &rule->errno_value, err);
        if (r >= 0)
                r = spec_get_items(item, "args", read_argument, sizeof(*rule->arguments), &rule->arguments,
                                   &rule->argument_count, err);
        return r;
}

/* Does one of "includes" or "excludes" name something that holds here? @ret_any: one does. @ret_all: each
 * list that is there holds, as Docker counts them (one architecture of several, all capabilities). */
static int judge_filter(json_object *filter, const Selection *selection, bool *ret_any, bool *ret_all,
                        Error *err)
{
        _cleanup_strings_ StringList architectures = {0}, capabilities = {0};
        const char *kernel = NULL;
        int r = json_get_strings(filter, "arches", &architectures, err);

        *ret_any = false;
        *ret_all = true;
        if (r >= 0)
                r = json_get_strings(filter, "caps", &capabilities, err);
        if (r >= 0)
                r = json_get_string(filter, "minKernel", &kernel, err);
        if (r < 0)
                return r;
        if (architectures.count > 0) {
                bool listed = string_list_contains(&architectures, selection->architecture);

                *ret_any |= listed;
                *ret_all &= listed;
        }
        for (size_t i = 0; i < capabilities.count; i++) {
                unsigned number;
                /* One that only later kernels know is one that the container does not have. */
                bool held = capability_parse(capabilities.items[i], &number, NULL) >= 0 &&
                            (selection->capabilities & (UINT64_C(1) << number));

                *ret_any |= held;
                *ret_all &= held;
        }
        if (!text_empty(kernel)) {
                unsigned major, minor;
                bool reached;

                if (sscanf(kernel, "%5u.%5u", &major, &minor) != 2)
                        return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                         "minKernel: '%.32s' is not a kernel version", kernel);
                reached = selection->kernel_major > major ||
                          (selection->kernel_major == major && selection->kernel_minor >= minor);
                *ret_any |= reached;
                *ret_all &= reached;
        }
        return 0;
}

/* 1 when the rule applies, 0 when not. */
static int is_selected(json_object *item, const Selection *selection, Error *err)
{
        bool any, all;
        json_object *filter;
        int r;

        if (!selection)
                return 1;
        r = json_get_object(item, "excludes", &filter, err);
        if (r > 0) {
                r = judge_filter(filter, selection, &any, &all, err);
                if (r < 0)
                        return spec_within(err, r, "excludes");
                if (any)
                        return 0;
        }
        if (r < 0)
                return r;
        r = json_get_object(item, "includes", &filter, err);
        if (r > 0) {
                r = judge_filter(filter, selection, &any, &all, err);
                if (r < 0)
                        return spec_within(err, r, "includes");
                return all;
        }
        return r < 0 ? r : 1;
}

static int read_rules(json_object *document, SeccompProfile *ret, const Selection *selection, Error *err)
{
        json_object *array;
        int r = json_get_array(document, "syscalls", &array, err);

        if (r <= 0)
                return r;
        ret->rules = calloc(json_object_array_length(array) + 1, sizeof(*ret->rules));
        if (!ret->rules)
                return fail_memory(err);
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *item = json_object_array_get_idx(array, i);

                if (!json_object_is_type(item, json_type_object))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "syscalls[%zu]: expected an object", i);
                r = is_selected(item, selection, err);
                if (r > 0)
                        r = read_rule(item, &ret->rules[ret->rule_count++], selection, err);
                if (r < 0)
                        return spec_within(err, r, "syscalls[%zu]", i);
        }
        return 0;
}

static int read_flags(json_object *document, SeccompProfile *ret, Error *err)
{
        _cleanup_strings_ StringList names = {0};
        int r = json_get_strings(document, "flags", &names, err);

        for (size_t i = 0; r > 0 && i < names.count; i++) {
                size_t known;

                for (known = 0; known < ELEMENTSOF(FLAGS); known++)
                        if (text_equal(names.items[i], FLAGS[known].name))
                                break;
                if (known == ELEMENTSOF(FLAGS))
                        return fail_kind(err, ERROR_CORRUPT, EINVAL, "flags[%zu]: '%.64s' is unknown", i,
                                         names.items[i]);
                ret->flags |= FLAGS[known].value;
        }
        return r;
}

static int read_profile(json_object *document, SeccompProfile *ret, const Selection *selection, Error *err)
{
        _cleanup_strings_ StringList architectures = {0};
        int r;

        if (!json_object_is_type(document, json_type_object))
                return fail_kind(err, ERROR_CORRUPT, EINVAL,
                                 "a seccomp profile is a JSON object, and this is none");
        r = READ_NAMED(document, "defaultAction", ACTIONS, &ret->default_action, err);
        if (r == 0)
                return spec_invalid(err, "defaultAction", "missing");
        ret->default_errno = EPERM;
        if (r > 0)
                r = spec_get_u32(document, "defaultErrnoRet", ERRNO_MAXIMUM, &ret->default_errno, err);
        if (r >= 0 && selection)
                r = read_errno_name(document, "defaultErrno", &ret->default_errno, err);
        if (r >= 0)
                r = json_get_strings(document, "architectures", &architectures, err);
        if (r >= 0)
                r = read_flags(document, ret, err);
        if (r >= 0)
                r = spec_get_string(document, "listenerPath", &ret->listener_path, err);
        if (r >= 0)
                r = spec_get_string(document, "listenerMetadata", &ret->listener_metadata, err);
        if (r >= 0)
                r = read_rules(document, ret, selection, err);
        return r;
}

static int parse(json_object *document, const Selection *selection, SeccompProfile *ret, Error *err)
{
        SeccompProfile profile = {0};
        int r = read_profile(document, &profile, selection, err);

        if (r < 0) {
                seccomp_profile_deinit(&profile);
                return r;
        }
        *ret = profile;
        return 0;
}

int seccomp_profile_parse(json_object *document, SeccompProfile *ret, Error *err)
{
        return parse(document, NULL, ret, err);
}

int seccomp_profile_parse_docker(json_object *document, uint64_t caps, SeccompProfile *ret, Error *err)
{
        Selection selection = {.capabilities = caps};
        struct utsname name;
        Platform host;

        platform_host(&host);
        snprintf(selection.architecture, sizeof(selection.architecture), "%s",
                 text_equal(host.architecture, "386") ? "x86" : host.architecture);
        /* A release that cannot be read is taken for the oldest: rules for newer kernels are left out. */
        if (uname(&name) < 0 ||
            sscanf(name.release, "%5u.%5u", &selection.kernel_major, &selection.kernel_minor) != 2)
                selection.kernel_major = selection.kernel_minor = 0;
        return parse(document, &selection, ret, err);
}
