#include "base/file.h"
#include "engine/container-configure.h"
#include "monitor/log-writer.h"

#include <ctype.h>
#include <sys/resource.h>

static const struct {
        const char *name;
        int resource;
} limit_names[] = {
        {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
        {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
        {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
        {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
        {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
        {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
        {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
        {"stack", RLIMIT_STACK},
};

static int parse_limit(const char *text, const char *whole, uint64_t *ret, Error *err)
{
        if (text_equal(text, "-1") || text_equal(text, "unlimited")) {
                *ret = RLIM_INFINITY;
                return 0;
        }
        if (text_to_u64(text, UINT64_MAX, ret) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--ulimit %s: \"%s\" is not a number", whole,
                                 text);
        return 0;
}

int container_ulimit_parse(const char *text, int *ret_resource, uint64_t *ret_soft, uint64_t *ret_hard,
                           Error *err)
{
        _cleanup_free_ char *copy = strdup(text);
        char *value, *hard;
        int r;

        if (!copy)
                return fail_memory(err);
        value = strchr(copy, '=');
        if (!value)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--ulimit %s: the form is NAME=SOFT[:HARD]", text);
        *value++ = 0;
        hard = strchr(value, ':');
        if (hard)
                *hard++ = 0;
        r = parse_limit(value, text, ret_soft, err);
        if (r >= 0 && hard)
                r = parse_limit(hard, text, ret_hard, err);
        else
                *ret_hard = *ret_soft;
        if (r < 0)
                return r;
        if (*ret_soft > *ret_hard)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--ulimit %s: the soft limit is above the hard limit", text);
        for (size_t i = 0; i < ELEMENTSOF(limit_names); i++)
                if (text_equal(copy, limit_names[i].name)) {
                        *ret_resource = limit_names[i].resource;
                        return 0;
                }
        return fail_kind(err, ERROR_USAGE, EINVAL, "--ulimit %s: unknown limit \"%s\"", text, copy);
}

static int configure_ulimits(const ContainerOptions *options, ContainerConfiguration *configuration,
                             Error *err)
{
        for (size_t i = 0; i < options->ulimits.count; i++) {
                const char *text = options->ulimits.items[i];
                uint64_t soft, hard;
                struct rlimit own;
                int resource, r;

                r = container_ulimit_parse(text, &resource, &soft, &hard, err);
                if (r < 0)
                        return r;
                if (getrlimit((__rlimit_resource_t)resource, &own) == 0 && hard > own.rlim_max) {
                        fail_kind(err, ERROR_UNSUPPORTED, EPERM,
                                  "--ulimit %s: your own hard limit is %llu, and only the host's root can "
                                  "raise it",
                                  text, (unsigned long long)own.rlim_max);
                        return fail_hint(
                                err, "the administrator can raise it for you in /etc/security/limits.conf");
                }
                if (string_list_add(&configuration->ulimits, text) < 0)
                        return fail_memory(err);
        }
        return 0;
}

static bool belongs_to_ipc(const char *name)
{
        static const char *const names[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                            "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                            "kernel.shmmni", "kernel.shm_rmid_forced"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (text_equal(name, names[i]))
                        return true;
        return text_after(name, "fs.mqueue.") != NULL;
}

static int configure_sysctls(const ContainerOptions *options, ContainerConfiguration *configuration,
                             Error *err)
{
        for (size_t i = 0; i < options->sysctls.count; i++) {
                const char *text = options->sysctls.items[i], *equals = strchr(text, '=');
                _cleanup_free_ char *name = equals ? strndup(text, (size_t)(equals - text)) : NULL;

                if (!name || !*name || strstr(text, "..") || *text == '/')
                        return fail_kind(err, ERROR_USAGE, EINVAL, "--sysctl %s: the form is NAME=VALUE",
                                         text);
                for (char *c = name; *c; c++)
                        if (*c == '/')
                                *c = '.';
                if (text_after(name, "net.")) {
                        if (text_equal(options->network, "host"))
                                return fail_kind(err, ERROR_USAGE, EINVAL,
                                                 "--sysctl %s: not allowed with --network host: it would be "
                                                 "the host's",
                                                 text);
                } else if (belongs_to_ipc(name)) {
                        if (text_equal(options->ipc, "host"))
                                return fail_kind(
                                        err, ERROR_USAGE, EINVAL,
                                        "--sysctl %s: not allowed with --ipc host: it would be the host's",
                                        text);
                } else {
                        return fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "--sysctl %s: \"%s\" belongs to the whole host, not to a namespace of the "
                                "container "
                                "(those are net.*, kernel.msg*, kernel.sem, kernel.shm*, fs.mqueue.*)",
                                text, name);
                }
                if (string_list_take(&configuration->sysctls, text_printf("%s%s", name, equals)) < 0)
                        return fail_memory(err);
        }
        return 0;
}

static int configure_oom_score(const ContainerOptions *options, ContainerConfiguration *configuration,
                               Error *err)
{
        if (options->oom_score_adj &&
            (text_to_i64(options->oom_score_adj, &configuration->oom_score_adj) < 0 ||
             configuration->oom_score_adj < -1000 || configuration->oom_score_adj > 1000))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "invalid --oom-score-adj \"%s\": a number from -1000 to 1000",
                                 options->oom_score_adj);
        return 0;
}

static int configure_log_option(const char *option, ContainerConfiguration *configuration, Error *err)
{
        const char *size = text_after(option, "max-size="), *files = text_after(option, "max-file=");
        uint64_t number;

        if (size) {
                if (text_to_size(size, &number) < 0 || number == 0 || number > INT64_MAX)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "--log-opt %s: it is no size (10m, 500k)",
                                         option);
                configuration->log_max_size = (int64_t)number;
        } else if (files) {
                if (text_to_u64(files, LOG_FILES_MAXIMUM, &number) < 0 || number == 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "--log-opt %s: it is no number from 1 to %d", option,
                                         LOG_FILES_MAXIMUM);
                configuration->log_max_files = (int64_t)number;
        } else {
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "unknown log opt '%s': there are max-size=SIZE and max-file=NUMBER", option);
        }
        return 0;
}

static int configure_log_options(const ContainerOptions *options, ContainerConfiguration *configuration,
                                 Error *err)
{
        int r = 0;

        configuration->log_max_files = 1;
        if (options->log_options.count && text_equal(options->log_driver, "none"))
                return fail_kind(err, ERROR_USAGE, EINVAL, "--log-opt: --log-driver none keeps no log");
        for (size_t i = 0; r >= 0 && i < options->log_options.count; i++)
                r = configure_log_option(options->log_options.items[i], configuration, err);
        if (r >= 0 && configuration->log_max_files > 1 && !configuration->log_max_size)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--log-opt max-file needs max-size: a log without a limit is one file");
        return r;
}

static int configure_log(const ContainerOptions *options, ContainerConfiguration *configuration, Error *err)
{
        const char *driver = options->log_driver ?: "json-file";

        if (!text_equal(driver, "json-file") && !text_equal(driver, "none")) {
                fail_kind(err, ERROR_UNSUPPORTED, EINVAL,
                          "--log-driver %s: kelp writes json-file logs, or none", driver);
                return fail_hint(err, "other drivers send logs through a daemon, which kelp does not have");
        }
        if (text_replace(&configuration->log_driver, driver) < 0)
                return fail_memory(err);
        return configure_log_options(options, configuration, err);
}

int container_configure_limits(const ContainerOptions *options, ContainerConfiguration *configuration,
                               Error *err)
{
        uint64_t size = UINT64_C(64) << 20;
        int r;

        if (options->shm_size &&
            (text_to_size(options->shm_size, &size) < 0 || size == 0 || size > INT64_MAX))
                return fail_kind(err, ERROR_USAGE, EINVAL, "--shm-size \"%s\" is not a size such as 64m",
                                 options->shm_size);
        configuration->shm_size = (int64_t)size;
        r = configure_ulimits(options, configuration, err);
        if (r >= 0)
                r = configure_sysctls(options, configuration, err);
        if (r >= 0)
                r = configure_oom_score(options, configuration, err);
        if (r >= 0)
                r = configure_log(options, configuration, err);
        return r;
}
