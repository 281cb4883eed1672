/* What a container is, once decided: the options of `run` joined with the image's configuration, checked. It
 * is kept as JSON in the container's row, in Docker's words where Docker has them, and turned into a
 * RuntimeSpec at each start. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "engine/container-mounts.h"
#include "spec/json.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ContainerConfiguration {
        /* Config */
        char *hostname, *domainname;
        char *user;
        bool attach_stdin, attach_stdout, attach_stderr;
        bool terminal;
        bool open_stdin;
        StringList env;
        StringList command; /* Cmd; NULL in Docker's words when the image and the user give none */
        StringList entrypoint;
        char *image; /* as typed */
        char *workdir;
        StringList labels;  /* name=value */
        StringList volumes; /* paths that the image declares */
        StringList exposed_ports;
        char *stop_signal;
        int64_t stop_timeout; /* seconds */

        /* HostConfig */
        StringList binds; /* -v as typed */
        char *network, *pid, *ipc, *uts, *userns,
                *cgroupns; /* "host", "none", "private", "container:ID", "" */
        StringList cap_add, cap_drop;
        StringList group_add;
        StringList security;
        bool privileged;
        bool read_only;
        bool init;
        bool auto_remove;
        int64_t shm_size; /* bytes */
        int64_t oom_score_adj;
        StringList ulimits; /* name=soft:hard */
        StringList sysctls;
        StringList devices; /* host:container:rwm */
        StringList tmpfs;   /* as typed */
        StringList dns, dns_search, dns_options, hosts;
        StringList networks; /* docker's long form of --network: "name=x,alias=y,ip=…" */
        StringList ports;    /* -p as typed */
        StringList links;
        StringList allow_host;
        bool publish_all;
        bool network_default; /* nobody asked for a network */
        StringList masked_paths, readonly_paths;
        StringList annotations;
        char *log_driver;
        int64_t log_max_size; /* bytes; 0: no limit */
        int64_t log_max_files;

        /* what only kelp knows */
        char *image_id;
        StringList layers; /* diffIDs, uppermost first */
        char *platform;
        char *seccomp; /* "default", "unconfined", or the text of a profile */
        bool no_new_privileges;
        bool user_from_image;
        uint64_t capabilities; /* bits: bounding set of the payload */
        char *resolv_conf;     /* "host" or "own" */
        bool single_id;        /* made with the one-id map */

        ContainerMount *mounts;
        size_t mount_count;
} ContainerConfiguration;

void container_configuration_deinit(ContainerConfiguration *configuration);
#define _cleanup_configuration_ _cleanup_(container_configuration_deinit)

/* {"Config": …, "HostConfig": …, "Kelp": …, "Mounts": […]}; the first two as in Docker's container inspect.
 * The caller's to put; NULL without memory. */
json_object *container_configuration_to_json(const ContainerConfiguration *configuration);
/* Reads that back. ERROR_CORRUPT. */
int container_configuration_from_json(const char *text, ContainerConfiguration *ret, Error *err);
/* The words that will be executed: entrypoint and command. */
int container_configuration_arguments(const ContainerConfiguration *configuration, StringList *ret,
                                      Error *err);
