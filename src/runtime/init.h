/* The child's half of a container's start: private to src/runtime. */
#pragma once

#include "runtime/container.h"
#include "spec/users.h"
#include "sys/userns.h"

#include <linux/filter.h>

/* What the steps of the init share. It lives in the child's copy of the caller's memory; nothing of it is
 * freed, execve(2) or _exit(2) does that. */
typedef struct Init {
        const RuntimeCreate *create;
        const RuntimeSpec *spec;
        const RuntimeProcess *process;
        bool exec;              /* a further process of a container that exists */
        bool in_user_namespace; /* not the host's */
        bool awaits_word;       /* the caller says when ids are mapped and paths are there */
        int time_namespace; /* to be entered by the init itself: who shares memory may not; -EBADF: none */
        bool new_time_namespace; /* with offsets, which can be set only before anybody is in it */
        int new_namespaces;      /* CLONE_NEW… to be made by the init itself */
        int channel;             /* the handshake with the caller */
        int root;                /* O_PATH: the container's root, from when it is mounted */
        int terminal;            /* the pty's slave; -EBADF without one */
        int master;              /* the pty's master, until the caller has it */
        struct sock_fprog filter;
        int *prepared;    /* for each mount of the spec: made before its turn, or -EBADF; NULL: none */
        pid_t detacher;   /* the task that takes the host's tree away, while it runs */
        int memory_files; /* the file system of memory-files.c, when it is needed */
        unsigned memory_file_count;
        char *root_path; /* where the root is attached before pivot_root(2) */
        pid_t host_pid;  /* our own, as the host sees it; for hooks */
        ContainerUser user;
        char *program; /* path of the payload, when it is looked up */
        int stub;      /* memory file of the program that executes it; -EBADF: it needs none */
} Init;

/* Does all steps; never returns. */
_Noreturn void init_main(Init *init);
/* Words for a namespace that cannot be made, for @code of @call. */
int init_namespaces_failed(int code, const char *call, Error *err);

/* ---- rootfs.c ---- */
int rootfs_isolate(Init *init, Error *err); /* no mount of ours shows on the host */
int rootfs_mount(Init *init, Error *err);   /* overlay or a folder, attached in our mount namespace */
int rootfs_pivot(Init *init, Error *err);   /* becomes / ; the host's tree begins to go */
int rootfs_forget(Init *init, Error *err);  /* the host's tree is gone */
int rootfs_finish(Init *init, Error *err);  /* read-only root, propagation */

/* ---- mounts.c ---- */
int mounts_prepare(Init *init, Error *err); /* what no id is needed for, while others make the maps */
int mounts_make(Init *init, Error *err);

/* ---- memory-files.c ---- */
/* A detached mount of a new file with that text, and nothing else. */
int memory_file_make(Init *init, const char *text, int *ret, Error *err);

/* ---- devices.c ---- */
int devices_make(Init *init, Error *err); /* nodes, links and the console of /dev */
/* A pty of the devpts below @root, of the size that @process gives. */
int terminal_make(int root, const RuntimeProcess *process, int *ret_master, int *ret_slave, Error *err);
int terminal_open(Init *init, Error *err);   /* a pty of the container's own devpts */
int terminal_attach(Init *init, Error *err); /* controlling terminal; 0, 1, 2 */

/* ---- paths.c ---- */
int paths_mask(Init *init, Error *err);
int paths_make_readonly(Init *init, Error *err);
int sysctls_write(Init *init, Error *err);
/* Writes below /proc, where a bundle or a container may have put anything: only to a procfs, across no mount
 * and no magic link (-EXDEV, -ELOOP). 0 or a negative errno. */
int proc_write(const char *path, const char *text);

/* ---- execute.c ---- */
int execute_prepare(Init *init, Error *err); /* before anything is given up: how the payload is executed */
int execute_payload(Init *init, Error *err); /* does not return but for an error */

/* ---- copy-up.c ---- */
/* Copies the content of the folder @path in the image, and the folder's own mode and owner, into the empty
 * folder @target; does nothing when @target is not empty or the image has no such folder. */
int copy_up(int root, const char *path, int target, Error *err);

/* ---- process.c: the same for the payload and for exec ---- */

typedef struct Confinement {
        const RuntimeProcess *process;
        const RuntimeSpec *spec;
        const ContainerUser *user;
        const struct sock_fprog *filter; /* of filter_compile() */
        int channel; /* of the handshake: gets the descriptor of the filter's notifications */
        bool die_with_parent;
        bool switched;
        int switcher; /* RuntimeCreate's */
} Confinement;

/* A configuration's mappings as a map; -E2BIG: more than ID_MAP_MAXIMUM. */
int runtime_id_map(const RuntimeIdMap *maps, size_t count, IdMap *ret);
/* Appends process->passwd_entry to the image's /etc/passwd, when that is a file. */
int process_add_account(const RuntimeProcess *process, int root, Error *err);
/* Resolves process->user, or uid and gid, with the databases below the root @root. */
int process_resolve_user(const RuntimeProcess *process, int root, ContainerUser *ret, Error *err);
/* Working folder, made when missing for an image's or user's wish (@make). */
int process_change_directory(const RuntimeProcess *process, bool make, Error *err);
/* While the files of /proc/self are still our own: before PR_SET_DUMPABLE. */
int process_set_oom_score(const RuntimeProcess *process, Error *err);
/* Limits, filter, identity, capabilities, in the order in which each is still allowed. Afterwards only
 * execve(2) is left. */
int process_confine(const Confinement *confinement, Error *err);
/* The absolute path (or one relative to the working folder) that execve(2) will take, by PATH of @env.
 * ERROR_COMMAND_NOT_FOUND, ERROR_NOT_EXECUTABLE. New string. */
int process_find_program(const RuntimeProcess *process, char **ret, Error *err);
/* The payload's environment: process->env, and HOME if it has none. NULL-terminated, new. */
char **process_environment(const RuntimeProcess *process, const ContainerUser *user);
/* Turns the errno of a failed execve(2) into what docker's users know. */
int process_exec_failed(const char *program, int code, Error *err);
/* 0, 1, 2 from @stdio; /dev/null for what is not given. All other descriptors but 3 … 2+@preserve become
 * close-on-exec. */
int process_set_stdio(const int stdio[static 3], unsigned preserve, Error *err);
