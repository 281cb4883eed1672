#include "base/file.h"
#include "engine/container-configure.h"
#include "spec/capabilities.h"
#include "spec/runtime-spec.h"

#include <fcntl.h>
#include <strings.h>

enum { SECCOMP_FILE_MAXIMUM = 1 << 20 };

/* What of /proc and /sys an unprivileged container has no business with; Docker's list. */
static const char *const masked_paths[] = {
        "/proc/acpi",        "/proc/asound",        "/proc/interrupts", "/proc/kcore",
        "/proc/keys",        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
        "/proc/sched_debug", "/proc/scsi",          "/sys/firmware",    "/sys/devices/virtual/powercap",
};
static const char *const readonly_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                             "/proc/sysrq-trigger"};

static int read_capabilities(const StringList *names, const char *flag, uint64_t *ret_set, bool *ret_all,
                             Error *err)
{
        *ret_set = 0;
        *ret_all = false;
        for (size_t i = 0; i < names->count; i++) {
                unsigned number;
                int r;

                if (strcasecmp(names->items[i], "ALL") == 0) {
                        *ret_all = true;
                        continue;
                }
                r = capability_parse(names->items[i], &number, err);
                if (r < 0)
                        return fail_wrap(err, r, "%s", flag);
                *ret_set |= UINT64_C(1) << number;
        }
        return 0;
}

static int configure_capabilities(const ContainerOptions *options, ContainerConfiguration *configuration,
                                  Error *err)
{
        uint64_t added, dropped, set = capability_default_set();
        bool add_all, drop_all;
        int r;

        r = read_capabilities(&options->cap_add, "--cap-add", &added, &add_all, err);
        if (r >= 0)
                r = read_capabilities(&options->cap_drop, "--cap-drop", &dropped, &drop_all, err);
        if (r < 0)
                return r;
        /* Docker's order: ALL with exceptions, or nothing with additions, or first dropped and then added. */
        if (add_all)
                set = capability_full_set() & ~dropped;
        else
                set = ((drop_all ? 0 : set) & ~dropped) | added;
        if (options->privileged)
                set = capability_full_set();
        configuration->capabilities = set;
        configuration->privileged = options->privileged;
        if (string_list_copy(&configuration->cap_add, &options->cap_add) < 0 ||
            string_list_copy(&configuration->cap_drop, &options->cap_drop) < 0)
                return fail_memory(err);
        return 0;
}

static int read_seccomp(const char *path, ContainerConfiguration *configuration, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_json_ json_object *document = NULL;
        SeccompProfile profile = {0};
        int r;

        r = file_read_at(AT_FDCWD, path, SECCOMP_FILE_MAXIMUM, &text);
        if (r < 0)
                return fail_errno(err, -r, "--security-opt seccomp: read the profile \"%s\"", path);
        r = json_parse(text.data, text.length, path, &document, err);
        if (r >= 0)
                r = seccomp_profile_parse_docker(document, configuration->capabilities, &profile, err);
        seccomp_profile_deinit(&profile);
        if (r < 0)
                return fail_wrap(err, r, "--security-opt seccomp=%s", path);
        free(configuration->seccomp);
        configuration->seccomp = buffer_take(&text);
        return configuration->seccomp ? 0 : fail_memory(err);
}

static int configure_mask(const char *value, bool unmask, ContainerConfiguration *configuration, Error *err)
{
        _cleanup_free_ char *copy = strdup(value);
        char *save = NULL;

        if (!copy)
                return fail_memory(err);
        for (char *path = strtok_r(copy, ":", &save); path; path = strtok_r(NULL, ":", &save)) {
                StringList *lists[] = {&configuration->masked_paths, &configuration->readonly_paths};

                if (!unmask && *path != '/')
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "--security-opt mask: \"%s\" is not an absolute path", path);
                if (!unmask) {
                        if (string_list_add(lists[0], path) < 0)
                                return fail_memory(err);
                        continue;
                }
                for (size_t l = 0; l < ELEMENTSOF(lists); l++) {
                        StringList kept = {0};

                        for (size_t i = 0; i < lists[l]->count; i++)
                                if (strcasecmp(path, "ALL") != 0 && !text_equal(path, lists[l]->items[i]) &&
                                    string_list_add(&kept, lists[l]->items[i]) < 0)
                                        return fail_memory(err);
                        string_list_deinit(lists[l]);
                        *lists[l] = kept;
                }
        }
        return 0;
}

static int refuse_label(const char *option, Error *err)
{
        bool apparmor = text_after(option, "apparmor") != NULL;
        const char *value = strpbrk(option, "=:");

        value = value ? value + 1 : "";
        if (apparmor ? text_equal(value, "unconfined") : text_equal(value, "disable"))
                return 0;
        fail_kind(err, ERROR_UNSUPPORTED, EINVAL, "--security-opt %s: %s", option,
                  apparmor ? "an unprivileged user cannot load an AppArmor profile into the kernel, and kelp "
                             "sets none"
                           : "kelp does not set SELinux labels");
        return fail_hint(err,
                         "seccomp, capabilities, the user namespace and masked paths confine the container");
}

static int apply_security(const char *option, ContainerConfiguration *configuration, Error *err)
{
        const char *value;

        if (text_equal(option, "no-new-privileges") || text_equal(option, "no-new-privileges=true") ||
            text_equal(option, "no-new-privileges:true")) {
                configuration->no_new_privileges = true;
                return 0;
        }
        if (text_equal(option, "no-new-privileges=false") || text_equal(option, "no-new-privileges:false")) {
                configuration->no_new_privileges = false;
                return 0;
        }
        value = text_after(option, "seccomp=") ?: text_after(option, "seccomp:");
        if (value) {
                if (text_equal(value, "unconfined"))
                        return text_replace(&configuration->seccomp, "unconfined") < 0 ? fail_memory(err) : 0;
                if (text_equal(value, "builtin") || text_equal(value, "default"))
                        return text_replace(&configuration->seccomp, "default") < 0 ? fail_memory(err) : 0;
                return read_seccomp(value, configuration, err);
        }
        if (text_equal(option, "systempaths=unconfined"))
                return configure_mask("ALL", true, configuration, err);
        value = text_after(option, "unmask=");
        if (value)
                return configure_mask(value, true, configuration, err);
        value = text_after(option, "mask=");
        if (value)
                return configure_mask(value, false, configuration, err);
        if (text_after(option, "label") || text_after(option, "apparmor"))
                return refuse_label(option, err);
        return fail_kind(
                err, ERROR_USAGE, EINVAL,
                "invalid --security-opt \"%s\" (known: no-new-privileges, seccomp=FILE|unconfined, "
                "systempaths=unconfined, mask=PATH, unmask=PATH|ALL, label=disable, apparmor=unconfined)",
                option);
}

int container_configure_security(const ContainerOptions *options, ContainerConfiguration *configuration,
                                 Error *err)
{
        int r;

        r = configure_capabilities(options, configuration, err);
        if (r < 0)
                return r;
        if (text_replace(&configuration->seccomp, options->privileged ? "unconfined" : "default") < 0)
                return fail_memory(err);
        for (size_t i = 0; !options->privileged && i < ELEMENTSOF(masked_paths); i++)
                if (string_list_add(&configuration->masked_paths, masked_paths[i]) < 0)
                        return fail_memory(err);
        for (size_t i = 0; !options->privileged && i < ELEMENTSOF(readonly_paths); i++)
                if (string_list_add(&configuration->readonly_paths, readonly_paths[i]) < 0)
                        return fail_memory(err);
        for (size_t i = 0; i < options->security.count; i++) {
                r = apply_security(options->security.items[i], configuration, err);
                if (r >= 0 && string_list_add(&configuration->security, options->security.items[i]) < 0)
                        r = fail_memory(err);
                if (r < 0)
                        return r;
        }
        return 0;
}
