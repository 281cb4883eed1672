/* The engine: containers, images and volumes as users know them. One handle a command; opened lazily, so that
 * a command pays only for what it uses. Nothing here prints: results are structures or Docker-shaped json-c
 * objects. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/notice.h"
#include "store/store.h"
#include "sys/interrupt.h"
#include "sys/userns.h"

#include <stdbool.h>

typedef struct EnginePaths {
        char *data; /* $KELP_ROOT, --root, $XDG_DATA_HOME/kelp, ~/.local/share/kelp; /var/lib/kelp as root */
        char *run;  /* $XDG_RUNTIME_DIR/kelp, /run/user/UID/kelp when owned, data/run */
        char *config;  /* $KELP_CONFIG_DIR, $XDG_CONFIG_HOME/kelp, ~/.config/kelp; /etc/kelp as root */
        char *helpers; /* where kelp-fetch, kelp-unpack, kelp-monitor and the default image are: beside kelp
                          in a build tree, libexec/kelp when installed */
} EnginePaths;

typedef struct Engine {
        EnginePaths paths;
        Store *store;                 /* use engine_store() */
        UserNamespaceMap map;         /* use engine_map() */
        UserNamespace user_namespace; /* use engine_user_namespace() */
        bool mapped;
        bool user_namespace_started;
        Interrupt interrupt; /* use engine_work_begin() */
        NoticeList notices;  /* the command line prints them to stderr, each once */
} Engine;

typedef struct EngineOptions {
        const char *root; /* --root; NULL: as above */
} EngineOptions;

int engine_open(const EngineOptions *options, Engine **ret, Error *err);
Engine *engine_close(Engine *engine);
DEFINE_CLEANUP(Engine, engine_close)
#define _cleanup_engine_ _cleanup_(engine_closep)

/* Opens the store on first use. */
int engine_store(Engine *engine, Store **ret, Error *err);
/* The id map of this user, planned on first use. */
int engine_map(Engine *engine, const UserNamespaceMap **ret, Error *err);
/* Begins making the user namespace in the background, to overlap with other work. */
int engine_user_namespace_start(Engine *engine, Error *err);
/* The user namespace in whatever state, for runtime_begin(); belongs to @engine. */
int engine_user_namespace_begun(Engine *engine, UserNamespace **ret, Error *err);
/* The user namespace (made on first use); the descriptor belongs to @engine. */
int engine_user_namespace(Engine *engine, int *ret_fd, Error *err);
/* The absolute path of a helper program or file; ERROR_NOT_FOUND names where it was looked for. */
int engine_helper(Engine *engine, const char *name, char **ret, Error *err);
/* Work that leaves nothing behind when it fails or the user ends it lies between these two: signals wait
 * meanwhile (sys/interrupt.h), and at the end what it brought in vain is collected, with the left-overs of
 * earlier commands that were killed. */
int engine_work_begin(Engine *engine, Error *err);
void engine_work_end(Engine *engine);
/* Within such work: interrupt_wait(), as an error when a signal has come. */
int engine_await(Engine *engine, int fd, int milliseconds, Error *err);
/* Removes @name below the store folder @parent_fd, as the plain user, and what that cannot, inside the user
 * namespace. */
int engine_remove_tree(Engine *engine, int parent_fd, const char *name, Error *err);
/* store_collect(), and removal of what it leaves to the user namespace. */
int engine_collect(Engine *engine, Error *err);
