/* Names that kelp makes: 64-digit random ids as Docker's, and two-word container names. */
#pragma once

enum { IDENTITY_SIZE = 65, IDENTITY_SHORT = 12, IDENTITY_NAME_SIZE = 64 };

/* 64 random lower-case hex digits. 0 or a negative errno (getrandom(2)). */
int identity_make(char ret[static IDENTITY_SIZE]);
/* A random "adjective_noun". */
void identity_make_name(char ret[static IDENTITY_NAME_SIZE]);
