/* kelp-runtime: what its commands share. Private to src/oci. */
#pragma once

#include "base/options.h"
#include "runtime/container.h"

#include <stdbool.h>

/* The options in front of the command; texts point into argv. */
typedef struct OciContext {
        const char *root; /* NULL: the default (state.h) */
        const char *log, *log_format;
        const char *rootless;       /* runc's and crun's: how it was started is found out instead */
        const char *cgroup_manager; /* "cgroupfs", "systemd", "disabled" */
        const char *criu;           /* the program; NULL: that of PATH */
        bool systemd_cgroup, strict_cgroups, debug;
        const char *command; /* the name of the one that runs */
} OciContext;

typedef struct OciCommand {
        const char *name, *usage, *help;
        int (*run)(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
} OciCommand;

extern const OciCommand oci_commands[];
extern const size_t oci_command_count;

/* Options by @table, then between @minimum and @maximum (-1: any) words, from argv[1] on. 1: help was
 * printed, the command is done. */
int oci_parse(const OciContext *context, const OptionTable *table, int argc, char **argv, int minimum,
              int maximum, int *ret_count, Error *err);
/* A whole number that an option was given. */
int oci_parse_number(const char *option, const char *text, int64_t minimum, int64_t maximum, int64_t *ret,
                     Error *err);
/* Prints a document, in lines for people. */
int oci_print_json(json_object *object, Error *err);
/* A remark that is no error: to the log, or standard error without one. */
void oci_warn(const OciContext *context, const char *message);

int oci_create(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_start(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_run(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_state(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_list(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_ps(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_kill(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_delete(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_exec(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_pause(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_resume(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_update(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_events(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_checkpoint(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_restore(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_spec(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
int oci_features(OciContext *context, int argc, char **argv, int *ret_status, Error *err);
