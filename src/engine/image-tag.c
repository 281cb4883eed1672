#include "engine/image.h"

int image_tag(Engine *engine, const char *source, const char *target, Error *err)
{
        _cleanup_store_image_ StoreImage image = {0};
        ImageReference reference;
        Store *store;
        int r;

        r = reference_parse(target, &reference, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_image_find(store, source, &image, err);
        return r < 0 ? r : store_image_tag(store, &image.id, &reference, err);
}
