/*
 * kelp loads no code at run time. Debian's SQLite can load extensions, by dlopen(3), which a statically
 * linked program could only do with the very C library it was linked with. The linker puts this in its place
 * (--wrap=dlopen), so that the attempt, which nothing makes, fails by construction.
 */
#include <stddef.h>

void *__wrap_dlopen(const char *file, int mode);

void *__wrap_dlopen(const char *file, int mode)
{
        return NULL;
}
