/* Any bytes as config.json and as a seccomp profile. */
#include "spec/capabilities.h"
#include "spec/runtime-spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_json_ json_object *document = NULL;
        _cleanup_runtime_spec_ RuntimeSpec spec = {0};
        SeccompProfile profile = {0};
        Error err = ERROR_INIT;

        if (json_parse((const char *)data, size, "input", &document, &err) < 0)
                return 0;
        if (runtime_spec_parse(document, &spec, &err) >= 0 && (!spec.root_path || !spec.version))
                abort();
        if (seccomp_profile_parse_docker(document, capability_default_set(), &profile, &err) >= 0)
                seccomp_profile_deinit(&profile);
        return 0;
}
