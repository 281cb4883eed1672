/*
 * From a checked spec to a running process. The two halves talk over a socket, drawn in handshake.h.
 *
 *   runtime_create()  clones the init process into its namespaces, has it build the container, and stops it
 * before the payload: everything that can fail for the host's reasons has failed by then. runtime_start()
 * lets it execute the payload.
 *
 * Nothing is mounted on the host side; killing the init process undoes everything.
 */
#pragma once

#include "base/error.h"
#include "spec/runtime-spec.h"

#include <stdbool.h>
#include <sys/types.h>

/* The layered root file system of the engine: mounted by the init in its own mount namespace. */
typedef struct RuntimeOverlay {
        const char *const *lower; /* absolute folders, uppermost first */
        size_t lower_count;
        const char *upper, *work; /* absolute folders; NULL: read-only root from the lower folders */
        bool flat; /* spec->root_path has what they would give: nothing is mounted of them, "work" is scratch
                      space */
        bool discarded; /* upper goes with the container: nothing of it need reach the disk ("volatile") */
} RuntimeOverlay;

typedef struct RuntimeCreate {
        const RuntimeSpec *spec;
        const RuntimeOverlay *overlay; /* NULL: spec->root_path is the root */
        bool has_root;                 /* the overlay is mounted already: detached, by the caller */
        int root;
        /* Being made, or made, by the caller; NULL: the next, or per spec. */
        struct UserNamespace *made_namespace;
        int user_namespace;    /* another container's, to be joined; -EBADF: none */
        int stdio[3];          /* become 0, 1, 2 of the payload without a terminal; -EBADF: /dev/null */
        int init_program;      /* --init: sealed memfd with the reaping init; -EBADF: none */
        int cgroup;            /* folder for CLONE_INTO_CGROUP; -EBADF: the caller's */
        unsigned preserve_fds; /* descriptors 3.. of the caller that the payload keeps (--preserve-fds) */
        int listener;          /* listening socket through which START comes (handshake.h); -EBADF: none */
        bool start_at_once; /* without runtime_start(): runtime_finish() returns when execve(2) has succeeded
                             */
        bool no_pivot;      /* chroot(2) instead: for a root file system that cannot be pivoted away from */
        bool switched;      /* its sockets are (switch.h), by kelp-switch behind the socket @switcher */
        int switcher;
        bool keep_keyring;    /* the caller's session keyring */
        bool die_with_parent; /* SIGKILL when the calling thread ends (PR_SET_PDEATHSIG) */
        const char *bundle;   /* for hooks' state; may be NULL */
        const char *id;
} RuntimeCreate;

typedef struct RuntimeContainer {
        pid_t pid;
        int pidfd;
        int channel;  /* the handshake socket */
        int terminal; /* the pty's master; -EBADF without one */
        /* Of whom a seccomp agent is told while it starts; NULL: nobody has to be. */
        const RuntimeSpec *spec;
        const char *id, *bundle;
} RuntimeContainer;

#define RUNTIME_CONTAINER_INIT {.pidfd = -EBADF, .channel = -EBADF, .terminal = -EBADF}

/* See above. On failure nothing is left running. Errors: ERROR_NOT_FOUND (mount source), ERROR_UNSUPPORTED, …
 * with the layer that refused. The created process is a child of the caller (reap it with waitid(P_PIDFD)).
 */
int runtime_create(const RuntimeCreate *create, RuntimeContainer *ret, Error *err);
/* The same in two steps, between which the caller can do what the building depends on: the paths in the spec
 * need not exist before runtime_finish(), which also waits for the maps of @create->made_namespace and leaves
 * it finished. @create is the same in both; a user namespace of the spec's own is only for runtime_create().
 */
int runtime_begin(const RuntimeCreate *create, RuntimeContainer *ret, Error *err);
int runtime_finish(const RuntimeCreate *create, RuntimeContainer *container, Error *err);
/* Executes the payload; returns when execve(2) has succeeded. ERROR_COMMAND_NOT_FOUND (127),
 * ERROR_NOT_EXECUTABLE (126). */
int runtime_start(RuntimeContainer *container, Error *err);
/* With a listener, after runtime_create(): lets the container go on without us, who have recorded it. It then
 * waits for START on the listener. */
int runtime_leave(RuntimeContainer *container, Error *err);
/* Kills what was created and not handed over, closes all. */
void runtime_container_deinit(RuntimeContainer *container);
#define _cleanup_runtime_container_ _cleanup_(runtime_container_deinit)

/* Makes the id-mapped bind mounts of @spec, as RuntimeMount.tree; to be called before runtime_create(), since
 * it needs the caller's privileges over their file systems. ERROR_UNSUPPORTED where the kernel refuses. */
int runtime_map_mounts(RuntimeSpec *spec, Error *err);

/* A detached clone of what is mounted on @path in the container of process @pidfd, for RuntimeMount.tree of
 * another one in the same user namespace. */
int runtime_clone_mount(int pidfd, const char *path, int *ret, Error *err);

typedef struct RuntimeExec {
        const RuntimeProcess *process;
        const RuntimeSpec *spec; /* the container's, for its seccomp filter and limits */
        pid_t pid;               /* the container's init … */
        int pidfd;               /* … held so that the pid cannot have been reused */
        int stdio[3];
        int cgroup;
        unsigned preserve_fds;
        bool switched; /* as RuntimeCreate's */
        int switcher;
} RuntimeExec;

/* Runs one more process in a running container: all namespaces by pidfd, then the same confinement as the
 * init's payload. The process is a child of the caller; @ret->channel is closed already. Errors as
 * runtime_start. */
int runtime_exec(const RuntimeExec *exec, RuntimeContainer *ret, Error *err);
