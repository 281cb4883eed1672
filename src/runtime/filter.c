#include "runtime/filter.h"

#include "base/cleanup.h"
#include "spec/capabilities.h"
#include "sys/seccomp.h"
#include "sys/send-descriptor.h"

#include <linux/seccomp.h>

static uint32_t with_data(uint32_t action, uint32_t errno_value)
{
        return action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE
                       ? action | (errno_value & SECCOMP_RET_DATA)
                       : action;
}

/* A rule's conditions; libseccomp's meaning: two conditions on one argument are alternatives, so they become
 * entries of their own; otherwise all must hold. */
static int add_rule(SeccompPolicy *policy, const SeccompRule *rule, int call)
{
        static const SeccompCompare compares[] = {
                [SECCOMP_NE] = SECCOMP_COMPARE_NE,
                [SECCOMP_LT] = SECCOMP_COMPARE_LT,
                [SECCOMP_LE] = SECCOMP_COMPARE_LE,
                [SECCOMP_EQ] = SECCOMP_COMPARE_EQ,
                [SECCOMP_GE] = SECCOMP_COMPARE_GE,
                [SECCOMP_GT] = SECCOMP_COMPARE_GT,
                [SECCOMP_MASKED_EQ] = SECCOMP_COMPARE_MASKED,
        };
        SeccompEntry entry = {.call = call, .action = with_data(rule->action, rule->errno_value)};
        unsigned seen = 0;
        bool alternatives = false;

        for (size_t i = 0; i < rule->argument_count; i++) {
                alternatives = alternatives || (seen >> rule->arguments[i].index & 1);
                seen |= 1U << rule->arguments[i].index;
        }
        for (size_t i = 0; i < rule->argument_count; i++) {
                const SeccompArgument *argument = &rule->arguments[i];
                SeccompCondition condition = { .argument = argument->index, .compare = compares[argument->operator],
                                               .value = argument->value };

                /* Of a masked comparison the first value is the mask. */
                if (argument->operator== SECCOMP_MASKED_EQ) {
                        condition.mask = argument->value;
                        condition.value = argument->value_two;
                }
                entry.conditions[entry.condition_count++] = condition;
                if (alternatives) {
                        if (seccomp_policy_add(policy, &entry) < 0)
                                return -ENOMEM;
                        entry.condition_count = 0;
                }
        }
        return alternatives ? 0 : seccomp_policy_add(policy, &entry);
}

static int policy_from_profile(const SeccompProfile *profile, SeccompPolicy *policy, Error *err)
{
        policy->default_action = with_data(profile->default_action, profile->default_errno);
        for (size_t i = 0; i < profile->rule_count; i++)
                for (size_t j = 0; j < profile->rules[i].names.count; j++) {
                        int call = seccomp_call_number(profile->rules[i].names.items[j]);

                        /* Profiles name calls of all machines. */
                        if (call >= 0 && add_rule(policy, &profile->rules[i], call) < 0)
                                return fail_memory(err);
                }
        return 0;
}

/* Made by the build: make-default-filter.c. */
static const struct sock_filter default_filter[] = {
#include "runtime/default-filter.h"
};

int filter_compile(const RuntimeSpec *spec, uint64_t capabilities, struct sock_fprog *ret, Error *err)
{
        SeccompPolicy policy = {0};
        int r;

        *ret = (struct sock_fprog){0};
        if (!spec->has_seccomp)
                return 0;
        if (spec->seccomp_default && capabilities == capability_default_set()) {
                *ret = (struct sock_fprog){.len = ELEMENTSOF(default_filter),
                                           .filter = (struct sock_filter *)default_filter};
                return 0;
        }
        r = spec->seccomp_default ? seccomp_policy_default(capabilities, &policy, err)
                                  : policy_from_profile(&spec->seccomp, &policy, err);
        if (r >= 0)
                r = seccomp_compile(&policy, ret, err);
        seccomp_policy_deinit(&policy);
        return r;
}

static bool notifies(const SeccompProfile *profile)
{
        bool found = profile->default_action == SECCOMP_RET_USER_NOTIF;

        for (size_t i = 0; i < profile->rule_count; i++)
                found = found || profile->rules[i].action == SECCOMP_RET_USER_NOTIF;
        return found;
}

int filter_install(const RuntimeSpec *spec, const struct sock_fprog *program, Error *err)
{
        unsigned flags = spec->seccomp_default ? 0 : spec->seccomp.flags;

        if (!program->filter)
                return 0;
        if (!spec->seccomp_default && notifies(&spec->seccomp)) {
                if (!spec->seccomp.listener_path)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "linux.seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
                /* There is one thread, so that TSYNC, which excludes it, says nothing. */
                flags = (flags & ~SECCOMP_FILTER_FLAG_TSYNC) | SECCOMP_FILTER_FLAG_NEW_LISTENER;
        }
        return seccomp_install(program, flags, err);
}

int filter_tell_agent(const RuntimeSpec *spec, const HookState *state, int listener, Error *err)
{
        _cleanup_json_ json_object *message = json_object_new_object();
        json_object *names = json_object_new_array();
        int r;

        json_object_array_add(names, json_object_new_string("seccompFd"));
        json_set_string(message, "ociVersion", spec->version ?: "1.0.2");
        json_set(message, "fds", names);
        json_set_int64(message, "pid", state->pid);
        json_set_string(message, "metadata", spec->seccomp.listener_metadata ?: "");
        json_set(message, "state", hook_state_new(spec, state));
        r = socket_send_fd(spec->seccomp.listener_path, listener, json_text(message), err);
        return r < 0 ? fail_wrap(err, r, "linux.seccomp.listenerPath") : 0;
}
