/* config.json that is malformed: the error has the member's path and what was expected. */
#include "spec/runtime-spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* last: it needs the above */
#include <cmocka.h>

static const char base[] = "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},"
                           "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{}},"
                           "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}";

static const struct {
        const char *section; /* "": the document itself */
        const char *member;
        const char *value; /* JSON */
        const char *message;
} cases[] = {
        {"", "ociVersion", "null", "config.json: ociVersion: missing"},
        {"", "ociVersion", "1", "config.json: ociVersion: expected a string"},
        {"", "ociVersion", "\"2.0.0\"", "config.json: ociVersion: '2.0.0' is not supported"},
        {"", "root", "null", "config.json: root: missing"},
        {"", "root", "[]", "config.json: root: expected an object"},
        {"", "root", "{}", "config.json: root.path: missing"},
        {"", "mounts", "{}", "config.json: mounts: expected an array"},
        {"", "mounts", "[7]", "config.json: mounts[0]: expected an object"},
        {"", "mounts", "[{}]", "config.json: mounts[0].destination: missing"},
        {"", "mounts", "[{\"destination\":\"/m\",\"options\":[1]}]",
         "config.json: mounts[0].options[0]: expected a string"},
        {"", "mounts",
         "[{\"destination\":\"/m\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]",
         "config.json: mounts[0].gidMappings: missing"},
        {"", "hooks", "{\"poststop\":[{\"path\":\"relative\"}]}", "config.json: hooks.poststop[0].path: "},
        {"", "hooks", "{\"prestart\":[{\"path\":\"/x\",\"timeout\":0}]}",
         "config.json: hooks.prestart[0].timeout: expected a number of seconds above 0"},
        {"", "hostname", "\"x\"", "config.json: hostname: it would become the host's"},
        {"", "annotations", "{\"a\":1}", "config.json: annotations"},
        {"process", "args", "[]", "config.json: process.args: missing or empty"},
        {"process", "cwd", "\"x\"", "config.json: process.cwd: "},
        {"process", "terminal", "1", "config.json: process.terminal: expected"},
        {"process", "user", "{\"uid\":-1}", "config.json: process.user.uid: "},
        {"process", "user", "{\"umask\":512}", "config.json: process.user.umask: "},
        {"process", "user", "{\"additionalGids\":[\"x\"]}",
         "config.json: process.user.additionalGids[0]: expected a group id"},
        {"process", "consoleSize", "{\"height\":70000}", "config.json: process.consoleSize.height: "},
        {"process", "capabilities", "{\"bounding\":[\"CAP_NOPE\"]}",
         "config.json: process.capabilities.bounding[0]: "},
        {"process", "rlimits", "[{\"type\":\"RLIMIT_CORE\",\"soft\":2,\"hard\":1}]",
         "config.json: process.rlimits[0].soft: above the hard limit"},
        {"process", "oomScoreAdj", "2000", "config.json: process.oomScoreAdj: outside of -1000 to 1000"},
        {"process", "scheduler", "{}", "config.json: process.scheduler.policy: missing"},
        {"process", "ioPriority", "{\"class\":\"X\"}",
         "config.json: process.ioPriority.class: 'X' is unknown"},
        {"process", "execCPUAffinity", "{\"initial\":\"3-1\"}",
         "config.json: process.execCPUAffinity.initial: expected a list"},
        {"linux", "namespaces", "[{\"type\":\"x\"}]",
         "config.json: linux.namespaces[0].type: 'x' is not a namespace"},
        {"linux", "namespaces", "[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
         "config.json: linux.namespaces[1].type: the pid namespace is given twice"},
        {"linux", "uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":0}]",
         "config.json: linux.uidMappings[0].size: missing or 0"},
        {"linux", "devices", "[{\"path\":\"/dev/x\",\"type\":\"z\"}]",
         "config.json: linux.devices[0].type: a device has the type c, b, u or p"},
        {"linux", "rootfsPropagation", "\"x\"", "config.json: linux.rootfsPropagation: expected private"},
        {"linux", "sysctl", "[]", "config.json: linux.sysctl: expected an object"},
        {"linux", "maskedPaths", "[\"x\"]", "config.json: linux.maskedPaths[0]: "},
        {"linux", "personality", "{\"domain\":\"X\"}",
         "config.json: linux.personality.domain: expected LINUX or LINUX32"},
        {"linux", "timeOffsets", "{\"realtime\":{}}",
         "config.json: linux.timeOffsets: only boottime and monotonic can be set"},
        {"linux", "memoryPolicy", "{\"mode\":\"X\"}", "config.json: linux.memoryPolicy.mode: 'X' is unknown"},
        {"linux", "seccomp", "{}", "config.json: linux.seccomp.defaultAction: missing"},
        {"linux", "seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}",
         "config.json: linux.seccomp.flags[0]: 'X' is unknown"},
        {"linux", "seccomp",
         "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
         "ALLOW\",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
         "config.json: linux.seccomp.syscalls[0].args[0].index: "},
};

static void test_malformed(void **state)
{
        unsigned failed = 0;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_ json_object *document = json_tokener_parse(base);
                RuntimeSpec spec = {0};
                Error err = ERROR_INIT;
                json_object *section = document;

                if (*cases[i].section)
                        assert_true(json_object_object_get_ex(document, cases[i].section, &section));
                json_object_object_add(section, cases[i].member, json_tokener_parse(cases[i].value));
                assert_true(runtime_spec_parse(document, &spec, &err) < 0);
                if (!strstr(err.message, cases[i].message))
                        print_error("got: %s\nexpected: %s\n", err.message, cases[i].message);
                failed += !strstr(err.message, cases[i].message);
        }
        assert_int_equal(failed, 0);
}

static void test_good(void **state)
{
        _cleanup_json_ json_object *document = json_tokener_parse(base);
        _cleanup_runtime_spec_ RuntimeSpec spec = {0};

        assert_int_equal(runtime_spec_parse(document, &spec, NULL), 0);
        assert_string_equal(spec.version, "1.3.0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_malformed)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
