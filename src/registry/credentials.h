/*
 * Credentials for registries, in the file that docker, podman and skopeo share: $DOCKER_CONFIG/config.json or
 * ~/.docker/config.json. "credHelpers" (for one registry) and "credsStore" (for all) name programs
 * docker-credential-NAME in PATH that keep the secrets; without them "auths" has them in base64.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>

typedef struct RegistryCredentials {
        char *user;
        char *password;
        char *identity_token; /* OAuth2 refresh token, instead of a password */
} RegistryCredentials;

/* Frees and overwrites. */
void registry_credentials_deinit(RegistryCredentials *credentials);
#define _cleanup_credentials_ _cleanup_(registry_credentials_deinit)

/* What is kept for @domain ("docker.io", "localhost:5000"). 1: found, 0: none. */
int registry_credentials_get(const char *domain, RegistryCredentials *ret, Error *err);
/* Keeps them, in the helper that the file names or in the file (0600), all other members of which stay as
 * they are. */
int registry_credentials_store(const char *domain, const RegistryCredentials *credentials, Error *err);
/* Forgets them. *ret_removed: there were some. */
int registry_credentials_erase(const char *domain, bool *ret_removed, Error *err);
