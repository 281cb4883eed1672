/* Any bytes as a manifest, an index and an image's configuration. */
#include "spec/image.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const Platform wanted = {.os = "linux", .architecture = "arm", .variant = "v7"};
        _cleanup_manifest_ ImageManifest manifest = {0};
        _cleanup_image_config_ ImageConfig config = {0};
        _cleanup_json_ json_object *document = NULL;
        Descriptor descriptor;
        Error err = ERROR_INIT;

        if (json_parse((const char *)data, size, "input", &document, &err) < 0)
                return 0;
        if (image_manifest_parse(document, &manifest, &err) >= 0) {
                /* A document that is a manifest is never an index, too. */
                if (image_index_choose(document, &wanted, &descriptor, &err) >= 0)
                        abort();
                for (size_t i = 0; i < manifest.layer_count; i++)
                        if (manifest.layers[i].size < 0 || !digest_is_set(&manifest.layers[i].digest))
                                abort();
        } else {
                (void)image_index_choose(document, &wanted, &descriptor, &err);
        }
        (void)image_config_parse(document, &config, &err);
        return 0;
}
