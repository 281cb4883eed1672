/* Containers as users know them. */
#pragma once

#include "engine/engine.h"
#include "spec/json.h"

#include <stdint.h>

/* What `run` and `create` take, as typed; the engine checks it (the API server will fill the same structure).
 * NULL and empty mean "not given". Strings belong to the caller. */
typedef struct ContainerOptions {
        const char *image;
        StringList arguments; /* [COMMAND] [ARG...] */
        const char *name;
        bool interactive; /* -i: stdin stays open */
        bool terminal;    /* -t */
        bool detach;      /* -d */
        bool remove;      /* --rm */
        bool read_only;
        bool privileged;
        bool init;
        bool no_healthcheck;
        StringList attach;  /* -a stdin|stdout|stderr */
        StringList env;     /* -e NAME=value; a NAME alone takes the image's variable away (a value from the
                               caller's environment is filled in by the command line) */
        StringList volumes; /* -v */
        StringList mounts;  /* --mount, as typed */
        StringList tmpfs;   /* --tmpfs /path[:options] */
        StringList cap_add, cap_drop;
        StringList security; /* --security-opt */
        StringList ulimits;  /* --ulimit name=soft[:hard] */
        StringList labels;   /* name=value */
        StringList group_add;
        StringList devices;                             /* --device host[:container[:rwm]] */
        StringList sysctls;                             /* name=value */
        StringList dns, dns_search, dns_options, hosts; /* --dns, --dns-search, --dns-option, --add-host */
        StringList annotations;
        StringList volumes_from;
        const char *workdir;
        const char *user;
        const char *entrypoint; /* --entrypoint; "" resets it */
        bool has_entrypoint;
        const char *hostname, *domainname;
        const char *network; /* none, host, container:X, or the name of the first network */
        StringList networks; /* --network of kelp's networks, as typed; more than one is possible */
        StringList network_aliases, links;
        const char *ip, *ip6, *mac_address;
        StringList publish, expose; /* -p, --expose */
        bool publish_all;
        StringList allow_host; /* ports of the host's loopback that the container may reach */
        const char *pid, *ipc, *uts, *userns, *cgroupns;
        const char *oom_score_adj;
        const char *shm_size;
        const char *pull; /* always, missing, never; the command line does the pull itself */
        const char *platform;
        const char *stop_signal;
        const char *stop_timeout; /* seconds */
        const char *log_driver;   /* json-file, none */
        StringList log_options;   /* --log-opt max-size=…, max-file=… */
        const char *cidfile;
} ContainerOptions;

/* Checks everything, makes the container's row and folder. The image must be in the store (ERROR_NOT_FOUND
 * otherwise: then the command line pulls and calls again). */
int container_create(Engine *engine, const ContainerOptions *options, char ret_id[static 65], Error *err);

/* How the caller's own terminal and streams are joined to the container. */
typedef struct ContainerStreams {
        bool input, output, error; /* join fd 0, 1, 2 */
        bool signal_proxy;         /* pass signals on */
        const char *detach_keys;   /* "ctrl-p,ctrl-q"; NULL: of docker's configuration, else that */
} ContainerStreams;

/* `kelp run` in the foreground: create, start, relay fd 0-2 until the end, remove when asked. *ret_status is
 * Docker's: the payload's status, 128+signal. On failure the Error's kind gives 125, 126, 127. ret_id is set
 * as soon as it is known ("" before). 1: the user has detached by keys, the container runs on; 2: a signal
 * that is not passed on ended our part. Without a terminal and with signals passed on the container ends with
 * the calling process. */
int container_run(Engine *engine, const ContainerOptions *options, const ContainerStreams *streams,
                  char ret_id[static 65], int *ret_status, Error *err);

/* Starts a created or exited container under a monitor. */
int container_start(Engine *engine, const char *name, Error *err);
/* The same as container_run() for a container that exists. One that runs is attached to. */
int container_start_attached(Engine *engine, const char *name, const ContainerStreams *streams,
                             int *ret_status, Error *err);
/* Joins the caller's streams to a running container, wherever it is held. Results as container_run(). */
int container_attach(Engine *engine, const char *name, const ContainerStreams *streams, int *ret_status,
                     Error *err);
typedef struct ContainerExecOptions {
        StringList arguments;
        StringList env;
        const char *workdir, *user;
        const char *detach_keys; /* as in ContainerStreams */
        bool interactive, terminal, detach, privileged;
} ContainerExecOptions;
/* Results as container_run(). */
int container_exec(Engine *engine, const char *name, const ContainerExecOptions *options, int *ret_status,
                   Error *err);

/* @timeout: seconds before SIGKILL; -1: the container's own or 10. @signal NULL: the container's own. */
int container_stop(Engine *engine, const char *name, int timeout, const char *signal, Error *err);
int container_restart(Engine *engine, const char *name, int timeout, const char *signal, Error *err);
int container_kill(Engine *engine, const char *name, const char *signal, Error *err);
/* Blocks until it is not running (@condition NULL or "not-running", "next-exit", "removed"). */
int container_wait(Engine *engine, const char *name, const char *condition, int *ret_status, Error *err);
/* ERROR_CONFLICT for a running one without @force. */
int container_remove(Engine *engine, const char *name, bool force, bool volumes, Error *err);
int container_rename(Engine *engine, const char *name, const char *new_name, Error *err);

typedef struct ContainerListOptions {
        bool all;
        bool size;          /* SizeRw and SizeRootFs, which takes time */
        bool details;       /* Mounts and NetworkSettings too, which are read from the configurations */
        int last;           /* 0: no limit */
        StringList filters; /* see container-filter.h */
} ContainerListOptions;
/* ContainerSummary objects of the Docker API, newest first: Id, Names ["/x"], Image, ImageID, Command,
 * Created (seconds), State, Status ("Up 3 minutes"), Ports [], Labels {}, Mounts [], SizeRw, SizeRootFs,
 * NetworkSettings. */
int container_list(Engine *engine, const ContainerListOptions *options, json_object **ret, Error *err);
/* ContainerInspectResponse. */
int container_inspect(Engine *engine, const char *name, json_object **ret, Error *err);
/* {"Titles": ["UID", "PID", …], "Processes": [[…], …]} of a running container, as the host sees them. */
int container_top(Engine *engine, const char *name, json_object **ret, Error *err);
/* Adds SizeRw and SizeRootFs to what container_inspect() gave. */
int container_add_sizes(Engine *engine, json_object *inspected, Error *err);

typedef struct ContainerLogOptions {
        bool follow, stdout_lines, stderr_lines, timestamps;
        int64_t since, until; /* nanoseconds; 0: none */
        int64_t tail;         /* lines; -1: all */
} ContainerLogOptions;
typedef struct ContainerLog ContainerLog;
typedef struct ContainerLogLine {
        int stream; /* 1 or 2 */
        int64_t time;
        const char *data; /* valid until the next call; usually ends in a newline */
        size_t length;
} ContainerLogLine;
int container_log_open(Engine *engine, const char *name, const ContainerLogOptions *options,
                       ContainerLog **ret, Error *err);
/* 1: a line; 0: the end (with follow: the container has ended). */
int container_log_next(ContainerLog *log, ContainerLogLine *ret, Error *err);
ContainerLog *container_log_close(ContainerLog *log);
DEFINE_CLEANUP(ContainerLog, container_log_close)
#define _cleanup_log_ _cleanup_(container_log_closep)
