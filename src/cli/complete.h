/* Completion of what is being typed: `kelp __complete WORD...` prints candidates for the last word; the
 * scripts of `kelp completion SHELL` call it. */
#pragma once

#include "cli/command.h"

/* For command_parse(), when `--help=complete WORD...` asks what the last word can become: notes it for
 * command_complete(), which goes on when the command has returned. */
void complete_words(const Command *command, const OptionTable *table, int count, char **words);
