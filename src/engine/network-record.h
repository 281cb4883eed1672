/*
 * What a running container was given, as a document in its folder (containers/ID/network): everything
 * decided, so that it can be given to a kelp-netd that was started anew, of a later kelp too. Its form has a
 * number; members are added without a new one, and a kelp reads all forms up to its own.
 */
#pragma once

#include "net/protocol.h"
#include "spec/json.h"

#define NETWORK_RECORD_FILE "network"

enum { NETWORK_RECORD_VERSION = 1, NETWORK_MAC_SIZE = 18 };

/* Replaces the document in @folder (containers/ID). */
int network_record_write(int folder, const NetdAttach *attach, Error *err);
/* -ENOENT (ERROR_NOT_FOUND, without words of its own): there is none. ERROR_UNSUPPORTED: of a later kelp. */
int network_record_read(int folder, NetdAttach *ret, Error *err);

/* A network without its id and name: "Subnet", "Gateway", "Internal", …; the form of the store's rows, too.
 */
void network_record_set_network(json_object *document, const NetdNetwork *network);
int network_record_get_network(json_object *document, NetdNetwork *network, Error *err);
/* "" for none. */
void network_record_set_address(json_object *document, const char *key, const NetAddress *address);
void network_record_set_prefix(json_object *document, const char *key, const NetPrefix *prefix);

void network_mac_format(const uint8_t mac[static 6], char ret[static NETWORK_MAC_SIZE]);
/* Six bytes, of a single station. -EINVAL. */
int network_mac_parse(const char *text, uint8_t ret[static 6]);
