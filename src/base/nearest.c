#include "base/nearest.h"

#include "base/text.h"

#include <string.h>

void nearest_consider(Nearest *nearest, const char *name)
{
        unsigned distance = text_distance(nearest->wanted, name);
        size_t length = strlen(nearest->wanted);
        unsigned limit = length <= 2 ? 1 : length <= 4 ? 2 : 3;

        /* A word typed half is meant more surely than one with two wrong letters. */
        if (length >= 3 && (text_after(name, nearest->wanted) || text_after(nearest->wanted, name)))
                distance = 1;
        if (distance > limit || (nearest->name && distance >= nearest->distance))
                return;
        nearest->name = name;
        nearest->distance = distance;
}
