/* Options of a command, from a table: parsed as docker parses them, and the source of --help. */
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum OptionType {
        OPTION_FLAG, /* bool: --rm, --rm=false */
        OPTION_TEXT, /* const char *: points into argv */
        OPTION_LIST, /* StringList: each use adds */
} OptionType;

typedef struct Option {
        const char *name; /* without dashes */
        char letter;      /* 0: none */
        OptionType type;
        void *target;
        const char *value; /* what --help calls it: "string", "list", "NAME" */
        const char *help;
} Option;

typedef struct OptionTable {
        const Option *options;
        size_t count;
        bool stop_at_first; /* options end at the first word that is none (run, exec) */
} OptionTable;

/* Parses argv[1] and on; *ret_rest is the first word that is no option (others are moved behind it where
 * options may follow words). *ret_help: --help was asked for. ERROR_USAGE with the nearest option that
 * exists. */
int options_parse(const OptionTable *table, int argc, char **argv, int *ret_rest, bool *ret_help, Error *err);
/* Prints the table as docker does. */
void options_print(const OptionTable *table);
