/*
 * Having criu save or restore a container: `criu swrk` as a child of ours, spoken to by messages
 * (criu-message.h). Its command line would not do: only by messages does it hand over a terminal's master and
 * make the restored init a child of ours. The messages are few, so no library is linked for them that every
 * `run` would have to load.
 */
#pragma once

#include "oci/criu-message.h"
#include "oci/state.h"

/* What checkpoint and restore have in common. */
typedef struct CriuOptions {
        const char *image_path, *work_path; /* NULL: "checkpoint" in the current folder, the images' folder */
        const char *cgroups_mode, *network_lock;
        StringList empty_namespaces;
        bool tcp_established, external_sockets, shell_job, file_locks, auto_dedup, lazy_pages, link_remap;
} CriuOptions;

enum { CRIU_OPTION_COUNT = 12 };
/* Fills the first CRIU_OPTION_COUNT rows of a table. */
void criu_options_fill(CriuOptions *options, Option *ret);

typedef struct Criu {
        const char *verb; /* "checkpoint", "restore": for errors, and the log's name */
        CriuType type;
        int images, work; /* folders */
        char *work_path;  /* absolute, for errors */
        Buffer options;   /* criu_opts, as it is put together */
        const char
                *root; /* restore: the root file system, made a mount point in a mount namespace of criu's */
        int cgroup;    /* restore: where the container's processes are born; -EBADF: ours */
        const int *inherited; /* descriptors from 3 on that criu gets under numbers from CRIU_FIRST_INHERITED
                                 on */
        size_t inherited_count;
        /* At a point that criu has come to (criu.org/Action_scripts); @fd is what came with it and is closed
         * afterwards, unless taken. */
        int (*notify)(void *argument, const CriuAnswer *answer, int *fd, Error *err);
        void *argument;
} Criu;

enum { CRIU_FIRST_INHERITED = 100 };

#define CRIU_INIT {.images = -EBADF, .work = -EBADF, .cgroup = -EBADF}
void criu_deinit(Criu *criu);
#define _cleanup_criu_ _cleanup_(criu_deinit)

/* Checks that criu can be used by us here, opens the folders, and begins criu->options with what both
 * verbs have. @make: the folders are made when missing. */
int criu_prepare(const OciContext *context, const CriuOptions *options, bool make, Criu *criu, Error *err);
/* Runs it to its end; *ret_pid (may be NULL) gets the pid of the restored init. The error has criu's own
 * words, and where its log is. */
int criu_run(const OciContext *context, Criu *criu, pid_t *ret_pid, Error *err);
