/* The OCI runtime configuration (runtime-spec v1.3, config.json) as C structures. The engine fills one
 * directly; kelp-runtime reads one from a bundle. All strings are owned; zero-initialised is empty. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "spec/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum NamespaceKind {
        NAMESPACE_USER,
        NAMESPACE_MOUNT,
        NAMESPACE_PID,
        NAMESPACE_NETWORK,
        NAMESPACE_IPC,
        NAMESPACE_UTS,
        NAMESPACE_CGROUP,
        NAMESPACE_TIME,
        NAMESPACE_COUNT,
} NamespaceKind;

typedef enum NamespaceMode { NAMESPACE_HOST, NAMESPACE_NEW, NAMESPACE_JOIN } NamespaceMode;

typedef struct RuntimeNamespace {
        NamespaceMode mode;
        char *path; /* NAMESPACE_JOIN: a namespace file */
} RuntimeNamespace;

typedef struct RuntimeIdMap {
        uint32_t container_id;
        uint32_t host_id;
        uint32_t size;
} RuntimeIdMap;

typedef struct RuntimeMount {
        char *destination; /* absolute, inside the container */
        char *type;        /* "bind", "tmpfs", "proc", …; NULL with a bind option */
        char *source;
        StringList options; /* as in mount(8) and the spec: "ro", "rbind", "rprivate", "mode=1777", "rro",
                               "tmpcopyup" */
        /* kelp's engine: fill the (empty) bind source with what the image has at the destination, as Docker
         * does for new volumes. */
        bool copy_up;
        /* kelp's engine: only this part of @source, a relative path that is resolved below it: who filled the
         * source may be hostile. NULL: all of it. */
        char *source_below;
        /* kelp's engine: a detached mount instead of @source; owned. */
        bool has_tree;
        int tree;
        /* kelp's engine: no source, but a file with this text, in memory that goes with the container. */
        char *content;
        RuntimeIdMap *uid_maps, *gid_maps;
        size_t uid_map_count, gid_map_count;
} RuntimeMount;

typedef struct RuntimeRlimit {
        int resource; /* RLIMIT_… */
        uint64_t soft, hard;
} RuntimeRlimit;

typedef struct RuntimeDevice {
        char *path;
        char type; /* 'c', 'b', 'p', 'u' */
        int64_t major, minor;
        mode_t mode;
        uint32_t uid, gid;
        bool has_mode;
        char *host_path; /* kelp's engine (--device): the host's node to bind; NULL: same as path */
} RuntimeDevice;

/* Bits by capability number, 1 << CAP_…. */
typedef struct RuntimeCapabilities {
        uint64_t bounding, effective, inheritable, permitted, ambient;
} RuntimeCapabilities;

/* sched_setattr(2), with its numbers. */
typedef struct RuntimeScheduler {
        uint32_t policy;
        uint64_t flags;
        int32_t nice, priority;
        uint64_t runtime, deadline, period; /* nanoseconds */
} RuntimeScheduler;

enum { RUNTIME_NUMBER_MAXIMUM = 1024 };

/* Processors, or nodes of memory. */
typedef struct RuntimeNumberSet {
        bool given;
        uint64_t bits[RUNTIME_NUMBER_MAXIMUM / 64];
} RuntimeNumberSet;

typedef struct RuntimeProcess {
        bool terminal;
        uint16_t console_height, console_width; /* 0: unknown */
        char *cwd;
        StringList args;
        StringList env;
        uint32_t uid, gid;
        uint32_t umask;
        bool has_umask;
        uint32_t *additional_gids;
        size_t additional_gid_count;
        /* kelp's engine: the image's USER ("name", "1001:0", …) and --group-add, resolved inside the
         * container; it wins over uid and gid when not NULL. */
        char *user;
        StringList group_add;
        /* kelp's engine: a line for the image's /etc/passwd, where that names nobody with the user's uid. */
        char *passwd_entry;
        bool keep_groups; /* kelp's engine: the caller's own supplementary groups stay, instead of others */
        bool has_capabilities;
        RuntimeCapabilities capabilities;
        RuntimeRlimit *rlimits;
        size_t rlimit_count;
        bool no_new_privileges;
        bool has_oom_score_adj;
        int oom_score_adj;
        char *apparmor_profile;
        char *selinux_label;
        bool has_scheduler, has_io_priority;
        RuntimeScheduler scheduler;
        int io_priority;                                   /* as ioprio_set(2) takes it */
        RuntimeNumberSet affinity_initial, affinity_final; /* of exec */
} RuntimeProcess;

void runtime_process_deinit(RuntimeProcess *process);
/* Reads a "process" object alone, as `exec --process FILE` takes it. */
int runtime_process_parse(json_object *document, RuntimeProcess *ret, Error *err);

typedef struct RuntimeHook {
        char *path;
        StringList args; /* args[0] included */
        StringList env;
        int timeout; /* seconds; 0: none */
} RuntimeHook;

typedef enum RuntimeHookKind {
        HOOK_PRESTART,
        HOOK_CREATE_RUNTIME,
        HOOK_CREATE_CONTAINER,
        HOOK_START_CONTAINER,
        HOOK_POSTSTART,
        HOOK_POSTSTOP,
        HOOK_KIND_COUNT,
} RuntimeHookKind;

/* One system call rule of a profile. */
typedef struct SeccompArgument {
        uint32_t index;
        uint64_t value, value_two;
        uint32_t operator; /* SECCOMP_OPERATOR_… */
} SeccompArgument;

enum { SECCOMP_NE, SECCOMP_LT, SECCOMP_LE, SECCOMP_EQ, SECCOMP_GE, SECCOMP_GT, SECCOMP_MASKED_EQ };

typedef struct SeccompRule {
        StringList names;
        uint32_t action; /* SECCOMP_RET_… without data */
        uint32_t errno_value;
        SeccompArgument *arguments;
        size_t argument_count;
} SeccompRule;

typedef struct SeccompProfile {
        uint32_t default_action;
        uint32_t default_errno;
        SeccompRule *rules;
        size_t rule_count;
        uint32_t flags; /* SECCOMP_FILTER_FLAG_… */
        char *listener_path, *listener_metadata;
} SeccompProfile;

void seccomp_profile_deinit(SeccompProfile *profile);
/* Reads linux.seccomp of a runtime-spec config (without "includes"/"excludes"). */
int seccomp_profile_parse(json_object *document, SeccompProfile *ret, Error *err);
/* Reads a profile file as `docker run --security-opt seccomp=FILE` takes it: as above, with archMap,
 * "includes" and "excludes" (caps, arches, minKernel), chosen by the container's bounding capabilities @caps.
 */
int seccomp_profile_parse_docker(json_object *document, uint64_t caps, SeccompProfile *ret, Error *err);

typedef struct RuntimeSpec {
        char *version;
        char *hostname;
        char *domainname;
        bool has_process;
        RuntimeProcess process;
        char *root_path; /* ignored by the runtime when an overlay is given */
        bool root_readonly;
        RuntimeMount *mounts;
        size_t mount_count;
        RuntimeHook *hooks[HOOK_KIND_COUNT];
        size_t hook_counts[HOOK_KIND_COUNT];
        StringList annotations; /* name=value */
        RuntimeNamespace namespaces[NAMESPACE_COUNT];
        RuntimeIdMap *uid_maps, *gid_maps;
        size_t uid_map_count, gid_map_count;
        RuntimeDevice *devices;
        size_t device_count;
        char *cgroups_path;
        json_object *resources; /* linux.resources as written; checked by who applies it */
        StringList sysctls;     /* name=value */
        char *rootfs_propagation;
        StringList masked_paths;
        StringList readonly_paths;
        char *mount_label;
        bool has_personality;
        uint32_t personality;
        bool has_seccomp;     /* false: no filter at all */
        bool seccomp_default; /* kelp's engine: kelp's own table instead of a profile */
        SeccompProfile seccomp;
        json_object *time_offsets;
        bool has_memory_policy;
        int memory_policy; /* mode and flags as set_mempolicy(2) takes them */
        RuntimeNumberSet memory_nodes;
} RuntimeSpec;

void runtime_spec_deinit(RuntimeSpec *spec);
#define _cleanup_runtime_spec_ _cleanup_(runtime_spec_deinit)

/* Appends a zeroed element and returns it; NULL without memory. */
RuntimeMount *runtime_spec_add_mount(RuntimeSpec *spec);
/* By its type or its options (runtime-spec, config.md#mounts): its source is a path of the host's. */
bool runtime_mount_is_bind(const RuntimeMount *mount);
RuntimeDevice *runtime_spec_add_device(RuntimeSpec *spec);
int runtime_spec_add_rlimit(RuntimeSpec *spec, int resource, uint64_t soft, uint64_t hard);

/* Reads and checks a config.json. Errors name the member ("config.json: linux.namespaces[2].type: …"). */
int runtime_spec_parse(json_object *document, RuntimeSpec *ret, Error *err);
