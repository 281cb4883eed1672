/* Ownership by scope: `_cleanup_free_ char *text = NULL;` frees at the end of the block; TAKE_PTR and TAKE_FD
 * hand ownership on. Descriptors start as -EBADF, never 0 or -1, so that using one by mistake fails with a
 * name. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _unused_            __attribute__((unused))

#define TAKE_PTR(pointer)                                                                                    \
        ({                                                                                                   \
                typeof(pointer) *_taken_from = &(pointer);                                                   \
                typeof(pointer) _taken = *_taken_from;                                                       \
                *_taken_from = NULL;                                                                         \
                _taken;                                                                                      \
        })

#define TAKE_FD(fd)                                                                                          \
        ({                                                                                                   \
                int *_taken_from = &(fd);                                                                    \
                int _taken = *_taken_from;                                                                   \
                *_taken_from = -EBADF;                                                                       \
                _taken;                                                                                      \
        })

/* Defines name##p(), the cleanup function for a pointer type whose destructor accepts NULL. */
#define DEFINE_CLEANUP(Type, destructor)                                                                     \
        static inline void destructor##p(Type **object)                                                      \
        {                                                                                                    \
                destructor(*object);                                                                         \
        }

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free(void *pointer)
{
        free(*(void **)pointer);
}

/* Closes *fd unless it is negative; keeps errno; leaves -EBADF. */
static inline void cleanup_close(int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                close(*fd);
        *fd = -EBADF;
        errno = saved;
}

static inline void cleanup_fclose(FILE **file)
{
        if (*file)
                fclose(*file);
}

static inline void cleanup_closedir(DIR **directory)
{
        if (*directory)
                closedir(*directory);
}

#define _cleanup_free_     _cleanup_(cleanup_free)
#define _cleanup_close_    _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)
