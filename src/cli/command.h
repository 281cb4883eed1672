/* Commands of kelp: each a row of the table in main.c and a function in command-*.c. */
#pragma once

#include "cli/options.h"
#include "engine/engine.h"

typedef struct CommandContext {
        const char *root; /* --root */
        Engine *engine;   /* opened by command_engine() */
} CommandContext;

/* Parses argv[1] and on, works, prints. *ret_status: the exit status when 0 is returned; a negative errno:
 * the Error is printed and its kind gives the status. */
typedef int (*CommandRun)(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);

typedef struct Command {
        const char *name;
        const char *usage; /* behind the name */
        const char *help;  /* one line */
        CommandRun run;
} Command;

int command_engine(CommandContext *context, Engine **ret, Error *err);
/* Options by @table; then at least @minimum and at most @maximum (-1: any) words. 1: help was printed, the
 * command is done. */
int command_parse(const char *name, const OptionTable *table, int argc, char **argv, int minimum, int maximum,
                  int *ret_count, Error *err);
/* The row of the table. */
const Command *command_find(const char *name);

int command_run(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_create(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_start(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_rm(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_load(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_doctor(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_info(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_version(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_ps(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_images(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_stop(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_restart(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_kill(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_wait(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_rename(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_logs(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_exec(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_save(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_tag(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_rmi(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_history(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_image(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_import(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_push(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_login(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_logout(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_pull(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
/* Pulls with docker's lines on @output (NULL: none). */
int pull_image(Engine *engine, const char *name, const char *platform, FILE *output, Error *err);
