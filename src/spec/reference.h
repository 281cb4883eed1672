/* Image references as docker reads them: [domain[:port]/]path[:tag][@digest] (distribution reference
 * grammar). */
#pragma once

#include "base/error.h"
#include "spec/digest.h"

typedef struct ImageReference {
        char domain[256]; /* "docker.io", "localhost:5000" */
        char path[512];   /* "library/busybox" */
        char tag[129];    /* "latest"; "" only when a digest is given without a tag */
        Digest digest;    /* unset unless given */
} ImageReference;

enum { REFERENCE_TEXT_SIZE = 1024 };

/* Parses and normalises ("busybox" → docker.io/library/busybox:latest). Bad ones: ERROR_USAGE, -EINVAL,
 * naming the rule that was broken and, for upper-case letters and the like, the corrected spelling. */
int reference_parse(const char *text, ImageReference *ret, Error *err);
/* docker.io/library/busybox:latest[@sha256:…] */
void reference_format(const ImageReference *reference, char ret[static REFERENCE_TEXT_SIZE]);
/* The short form that docker prints: busybox:latest, localhost:5000/a/b:1 */
void reference_format_familiar(const ImageReference *reference, char ret[static REFERENCE_TEXT_SIZE]);
/* The familiar name without tag and digest: "busybox", "localhost:5000/a/b". */
void reference_format_name(const ImageReference *reference, char ret[static REFERENCE_TEXT_SIZE]);
