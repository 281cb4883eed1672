/* Networks as the store knows them: rows; what they mean is the engine's. */
#pragma once

#include "store/store.h"

typedef struct StoreNetwork {
        char *id; /* 64 hex digits */
        char *name;
        int64_t created; /* nanoseconds since 1970 */
        char *document;  /* JSON text, the engine's */
} StoreNetwork;
void store_network_deinit(StoreNetwork *network);
#define _cleanup_store_network_ _cleanup_(store_network_deinit)

typedef struct StoreNetworkList {
        StoreNetwork *items; /* by name */
        size_t count;
} StoreNetworkList;
void store_network_list_deinit(StoreNetworkList *list);
#define _cleanup_store_networks_ _cleanup_(store_network_list_deinit)

/* ERROR_CONFLICT when the name is taken: "network with name x already exists". */
int store_network_insert(Store *store, const StoreNetwork *network, Error *err);
/* By full id, exact name, or unique id prefix. ERROR_NOT_FOUND "network x not found". */
int store_network_find(Store *store, const char *name, StoreNetwork *ret, Error *err);
int store_network_list(Store *store, StoreNetworkList *ret, Error *err);
int store_network_delete(Store *store, const char *id, Error *err);
/* As long as the descriptor is open nobody else who asks for it changes which networks and ports a container
 * has. The descriptor, the caller's to close. */
int store_network_lock_changes(Store *store, Error *err);
