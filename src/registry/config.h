/*
 * What the user and the administrator say about registries.
 *
 *   registries.json      in kelp's configuration folder, else in /etc/kelp:
 *                        {"insecure": ["registry.lan:5000", "registry.lan"],
 *                         "mirrors": {"docker.io": ["https://mirror.example/prefix"]},
 *                         "timeout": 60}
 *   certs.d/HOST[:PORT]/ in kelp's configuration folder, ~/.config/containers, /etc/kelp, /etc/containers,
 * /etc/docker: ca.crt (or any *.crt), client.cert, client.key (or any NAME.cert with NAME.key)
 *
 * Credentials: registry/credentials.h.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct RegistryConfig RegistryConfig;

/* Reads registries.json. @folder: kelp's configuration folder, absolute; need not exist. A file that cannot
 * be understood is an error that names it. */
int registry_config_open(const char *folder, RegistryConfig **ret, Error *err);
RegistryConfig *registry_config_free(RegistryConfig *config);
DEFINE_CLEANUP(RegistryConfig, registry_config_free)
#define _cleanup_registry_config_ _cleanup_(registry_config_freep)

typedef struct RegistryEndpoint {
        char scheme[6];   /* "https", "http" as configured for a mirror; "": https, or http where that is
                             allowed */
        char host[256];   /* with port when given: "registry-1.docker.io", "localhost:5000", "[::1]:5000" */
        char prefix[256]; /* path in front of /v2, "" or "/…" */
        bool mirror;
} RegistryEndpoint;

typedef struct RegistryEndpointList {
        RegistryEndpoint *items;
        size_t count;
} RegistryEndpointList;

void registry_endpoint_list_deinit(RegistryEndpointList *list);
#define _cleanup_endpoints_ _cleanup_(registry_endpoint_list_deinit)

/* Where the images of @domain ("docker.io", "localhost:5000") are asked for: its mirrors in order when
 * @mirrors, then the registry itself. */
int registry_config_endpoints(const RegistryConfig *config, const char *domain, bool mirrors,
                              RegistryEndpointList *ret, Error *err);

/* Seconds of silence after which a registry counts as dead: at least 1. */
int registry_config_timeout(const RegistryConfig *config);
/* May @host ("name", "name:port") be spoken to without a verified certificate? As configured. */
bool registry_config_insecure(const RegistryConfig *config, const char *host);
/* Is @host this machine's loopback ("localhost", 127.0.0.0/8, "[::1]", with or without port)? */
bool registry_host_loopback(const char *host);

typedef struct RegistryCertificates {
        char *authority;         /* PEM file that is trusted besides the system's; NULL: none */
        char *certificate, *key; /* of the client; both or none */
} RegistryCertificates;

void registry_certificates_deinit(RegistryCertificates *certificates);
#define _cleanup_certificates_ _cleanup_(registry_certificates_deinit)

/* Finds the files for @host; the first folder that exists counts. None is success. */
int registry_config_certificates(const RegistryConfig *config, const char *host, RegistryCertificates *ret,
                                 Error *err);
