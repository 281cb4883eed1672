/* Commands of kelp: each a row of the table in commands.c, its words in command-about-*.c, and a function in
 * command-*.c. Help, completion and the man pages' options all come from these and from the option tables. */
#pragma once

#include "base/options.h"
#include "engine/engine.h"

typedef struct Command Command;

typedef struct CommandContext {
        const char *root;       /* --root */
        const Command *command; /* the one that runs; NULL before it is known */
        Engine *engine;         /* opened by command_engine() */
} CommandContext;

/* Parses argv[1] and on, works, prints. *ret_status: the exit status when 0 is returned; a negative errno:
 * the Error is printed and its kind gives the status. */
typedef int (*CommandRun)(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);

/* Where kelp --help lists it. */
typedef enum CommandSection {
        COMMAND_COMMON,
        COMMAND_CONTAINERS,
        COMMAND_IMAGES,
        COMMAND_SYSTEM,
        COMMAND_GROUPED, /* only in its group ("volume create") */
        COMMAND_HIDDEN,
} CommandSection;

struct Command {
        const char *name; /* "ps", or "volume create" for what exists only in a group */
        const char *also; /* other names, with ", " between: "container ls, container ps" */
        CommandSection section;
        const char *usage; /* behind the name; words in capitals tell completion what stands there */
        const char *help;  /* one line */
        CommandRun run;
        bool names; /* a thing named that is not there, or in the wrong state, gives 1 as in docker, not 125
                     */
};

/* A word that stands in front of commands: "container". */
typedef struct CommandGroup {
        const char *name;
        const char *help;
} CommandGroup;

/* What --help and the man page say beside the tables. */
typedef struct CommandAbout {
        const char *name; /* of the command */
        const char *text; /* a paragraph */
        struct {
                const char *command; /* behind "kelp " unless it starts with "$ ", which stands for a shell's
                                        line */
                const char *what;
        } examples[4];
} CommandAbout;

extern const Command commands[];
extern const size_t command_count;
extern const CommandGroup command_groups[];
extern const size_t command_group_count;

enum { COMMAND_NAME_SIZE = 64 };

/* The names of a command by number: 0 is its own, then the others. False: there are no more. */
bool command_name(const Command *command, size_t index, char ret[static COMMAND_NAME_SIZE]);
/* "ls" of "container ls" when @group is "container", else NULL. */
const char *command_in_group(const CommandGroup *group, const char *name);
/* The row by its name or another name ("container ls"); NULL. */
const Command *command_find(const char *name);
const CommandGroup *command_group_find(const char *name);
const CommandAbout *command_about(const char *name);
/* Finds the command that argv[0], or argv[0] and argv[1], name; *ret_words: how many of them. ERROR_USAGE
 * with the nearest one. A group alone: *ret is NULL, and its help is to be printed. */
int command_resolve(int argc, char **argv, const Command **ret, int *ret_words, Error *err);

int command_engine(CommandContext *context, Engine **ret, Error *err);
/* Options by @table; then at least @minimum and at most @maximum (-1: any) words. 1: help was printed, the
 * command is done. */
int command_parse(const char *name, const OptionTable *table, int argc, char **argv, int minimum, int maximum,
                  int *ret_count, Error *err);

/* Of what run, start, attach and exec return: 1 says that the user has detached, and is told so. */
int command_detached(int result, int *ret_status);

/* --env-file and -e as run and exec take them: NAME=value, or NAME for what it is here (a name alone: the
 * image's variable goes). */
int command_environment(const StringList *files, const StringList *variables, StringList *ret, Error *err);

int command_attach(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
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
int command_image_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_import(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_push(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_login(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_logout(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_container_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_container_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_image_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_port(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_capture(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_connect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_create(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_disconnect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_ls(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_publish(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_rm(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_network_unpublish(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_volume_create(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_volume_inspect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_volume_ls(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_volume_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_volume_rm(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_system_df(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_system_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_stats(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_top(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_completion(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_complete(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
int command_pull(CommandContext *context, int argc, char **argv, int *ret_status, Error *err);
/* Pulls with docker's lines on @output (NULL: none). */
int pull_image(Engine *engine, const char *name, const char *platform, FILE *output, Error *err);
