/* features: what this runtime can do (runtime-spec, features.md). */
#include "base/cleanup.h"
#include "oci/oci.h"
#include "runtime/feature-list.h"
#include "spec/capabilities.h"
#include "spec/json.h"

static json_object *strings(const char *const *items, size_t count)
{
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < count; i++)
                json_object_array_add(list, json_object_new_string(items[i]));
        return list;
}

#define STRINGS(...)                                                                                         \
        ({                                                                                                   \
                static const char *const _items[] = {__VA_ARGS__};                                           \
                strings(_items, ELEMENTSOF(_items));                                                         \
        })

static json_object *enabled(bool is)
{
        json_object *object = json_object_new_object();

        json_set_bool(object, "enabled", is);
        return object;
}

static json_object *mount_options(void)
{
        json_object *list = json_object_new_array();
        char name[32];

        for (size_t i = 0; feature_mount_option(i, name); i++)
                json_object_array_add(list, json_object_new_string(name));
        return list;
}

static json_object *capabilities(void)
{
        json_object *list = json_object_new_array();

        for (unsigned i = 0; capability_name(i); i++)
                json_object_array_add(list, json_object_new_string(capability_name(i)));
        return list;
}

static json_object *seccomp(void)
{
        json_object *object = enabled(true);

        json_set(object, "actions",
                 STRINGS("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                         "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE",
                         "SCMP_ACT_TRAP"));
        json_set(object, "operators",
                 STRINGS("SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
                         "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"));
#if defined(__x86_64__)
        json_set(object, "archs", STRINGS("SCMP_ARCH_X86_64"));
#elif defined(__aarch64__)
        json_set(object, "archs", STRINGS("SCMP_ARCH_AARCH64"));
#endif
        json_set(object, "knownFlags",
                 STRINGS("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                         "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"));
        return object;
}

static json_object *linux_section(void)
{
        json_object *section = json_object_new_object(), *extensions;

        json_set(section, "namespaces",
                 STRINGS("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"));
        json_set(section, "capabilities", capabilities());
        json_set(section, "seccomp", seccomp());
        json_set(section, "apparmor", enabled(true));
        json_set(section, "selinux", enabled(true));
        json_set(section, "intelRdt", enabled(false));
        json_set(section, "netDevices", enabled(false));
        extensions = json_object_new_object();
        json_set(extensions, "idmap", enabled(true));
        json_set(section, "mountExtensions", extensions);
        return section;
}

/* By these names callers look for the verbs checkpoint and restore. */
static json_object *annotations(void)
{
        json_object *object = json_object_new_object();

        json_set_string(object, "org.opencontainers.runc.checkpoint.enabled", "true");
        json_set_string(object, "run.oci.crun.checkpoint.enabled", "true");
        return object;
}

int oci_features(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        OptionTable table = {0};
        int count, r = oci_parse(context, &table, argc, argv, 0, 0, &count, err);

        if (r != 0)
                return r < 0 ? r : 0;
        document = json_object_new_object();
        json_set_string(document, "ociVersionMin", "1.0.0");
        json_set_string(document, "ociVersionMax", "1.3.0");
        json_set(document, "hooks",
                 STRINGS("prestart", "createRuntime", "createContainer", "startContainer", "poststart",
                         "poststop"));
        json_set(document, "mountOptions", mount_options());
        json_set(document, "linux", linux_section());
        json_set(document, "annotations", annotations());
        return oci_print_json(document, err);
}
