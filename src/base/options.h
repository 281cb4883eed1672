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

/* A flag of docker's that kelp does not have on purpose. */
typedef struct OptionRefusal {
        const char *name;
        const char *reason;
} OptionRefusal;

typedef struct OptionTable {
        const Option *options;
        size_t count;
        const OptionRefusal *refusals;
        size_t refusal_count;
        bool stop_at_first; /* options end at the first word that is none (run, exec) */
} OptionTable;

/* Parses argv[1] and on; *ret_rest is the first word that is no option (others are moved behind it where
 * options may follow words). *ret_help: NULL, or that --help was asked for: "", or FORM of --help=FORM;
 * parsing ends there. ERROR_USAGE with the nearest option that exists. */
int options_parse(const OptionTable *table, int argc, char **argv, int *ret_rest, const char **ret_help,
                  Error *err);
/* The table as docker prints it. */
void options_format(const OptionTable *table, Buffer *ret);
/* By name (of @length bytes) or letter; NULL. */
const Option *options_find_name(const OptionTable *table, const char *name, size_t length);
const Option *options_find_letter(const OptionTable *table, char letter);
