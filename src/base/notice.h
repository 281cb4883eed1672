/* Notices: one-line remarks for the user ("what was lost and what brings it back") that lower layers collect
 * and the command line prints. A list that the caller owns; each text once. */
#pragma once

#include "base/text.h"

typedef struct NoticeList {
        StringList lines;
} NoticeList;

void notice_list_deinit(NoticeList *notices);
/* Adds a line unless it is there already; @notices may be NULL. Lack of memory loses the notice. */
void notice_add(NoticeList *notices, const char *format, ...) _printf_(2, 3);
#define _cleanup_notices_ _cleanup_(notice_list_deinit)
