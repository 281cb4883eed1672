#include "base/nearest.h"

#include "base/text.h"

#include <string.h>

static bool same_letters(const char *a, const char *b)
{
        int counts[256] = {0};

        for (; *a; a++)
                counts[(unsigned char)*a]++;
        for (; *b; b++)
                counts[(unsigned char)*b]--;
        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                if (counts[i])
                        return false;
        return true;
}

void nearest_consider(Nearest *nearest, const char *name)
{
        unsigned distance = text_distance(nearest->wanted, name);
        size_t length = strlen(nearest->wanted);
        unsigned limit = length <= 3 ? 1 : length <= 6 ? 2 : 3;

        /* A word typed half is meant more surely than one with two wrong letters. */
        if (length >= 3 &&
            (text_after(name, nearest->wanted) || (strlen(name) >= 3 && text_after(nearest->wanted, name))))
                distance = 1;
        /* Letters in a wrong order are two edits, but one slip. */
        if (distance == 2 && same_letters(nearest->wanted, name))
                distance = 1;
        if (distance > limit || (nearest->name && distance >= nearest->distance))
                return;
        nearest->name = name;
        nearest->distance = distance;
}
