/* The keys that leave a container's terminal without ending it: "ctrl-p,ctrl-q", as docker words them. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { DETACH_KEYS_MAXIMUM = 16 };

typedef struct DetachKeys {
        char keys[DETACH_KEYS_MAXIMUM];
        size_t count; /* 0: none, nothing detaches */
        size_t held;  /* how many of them have been typed and not passed on */
} DetachKeys;

/* @text: keys with commas between: a character, or ctrl- and one of a-z @ [ \ ] ^ _. NULL and "" mean
 * ctrl-p,ctrl-q. ERROR_USAGE. */
int detach_keys_parse(const char *text, DetachKeys *ret, Error *err);
/* Takes one typed byte. What is to be passed on is put into @ret (at most DETACH_KEYS_MAXIMUM bytes), its
 * length into *ret_length. true: the last key of the sequence, nothing is passed on. */
bool detach_keys_take(DetachKeys *keys, char byte, char ret[static DETACH_KEYS_MAXIMUM], size_t *ret_length);
