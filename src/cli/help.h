/* What kelp says about itself: for people, and as JSON for the man pages and tests. */
#pragma once

#include "cli/command.h"

/* kelp --help; @form "json" as JSON. */
void help_print_all(const char *form);
/* kelp container --help */
void help_print_group(const CommandGroup *group);
/* kelp run --help */
void help_print_command(const Command *command, const OptionTable *table, const char *form);
