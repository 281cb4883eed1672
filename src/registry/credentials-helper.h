/* Programs that keep credentials: docker-credential-NAME, as docker/docker-credential-helpers defines them.
 */
#pragma once

#include "base/error.h"
#include "registry/credentials.h"

/* Asks docker-credential-@name for @server. 1: found, 0: it has none. */
int credentials_helper_get(const char *name, const char *server, RegistryCredentials *ret, Error *err);
int credentials_helper_store(const char *name, const char *server, const RegistryCredentials *credentials,
                             Error *err);
/* 1: erased, 0: it had none. */
int credentials_helper_erase(const char *name, const char *server, Error *err);
