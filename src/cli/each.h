/* Commands over several names. */
#pragma once

#include "cli/command.h"

typedef int (*EachName)(Engine *engine, const char *name, void *argument, Error *err);

/* What a name that is not there means to rm -f: told, but no failure. */
typedef enum EachMissing { EACH_MISSING_FAILS, EACH_MISSING_IS_TOLD } EachMissing;

/* @run for each of @names; one that it was done to is printed, what fails is told and the others go on;
 * *ret_status is then 1, as in docker. */
int each_name(CommandContext *context, int count, char **names, EachName run, void *argument,
              EachMissing missing, int *ret_status, Error *err);
/* Prints an error, that of the whole command or one of many. */
void each_complain(const Error *error);
