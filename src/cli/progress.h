/* News of pull and push as docker shows them: one line a layer, with a bar on a terminal. */
#pragma once

#include "engine/image.h"

#include <stdio.h>

typedef struct ProgressView ProgressView;

/* @output: where to; a terminal gets bars that are drawn over, anything else plain lines. NULL: out of
 * memory. */
ProgressView *progress_view_new(FILE *output);
ProgressView *progress_view_free(ProgressView *view);
/* An ImageProgressReport; @owner is the view. */
void progress_view_report(void *owner, const ImageProgress *progress);
