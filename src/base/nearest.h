/* "Did you mean": the nearest of a number of names to one that is none of them. */
#pragma once

typedef struct Nearest {
        const char *wanted;
        const char *name; /* the best so far; NULL: none is near */
        unsigned distance;
} Nearest;

/* Takes @name for the best when it is nearer than what came before and not too far: few edits for the length,
 * or one is the beginning of the other. */
void nearest_consider(Nearest *nearest, const char *name);
