/* The filters of `kelp ps`. */
#pragma once

#include "engine/engine.h"
#include "spec/json.h"
#include "store/containers.h"

typedef struct ContainerFilters {
        const StringList *texts; /* "status=exited" */
        int64_t before, since;   /* creation of the container that before= or since= names; 0: none */
        StringList ancestors;    /* ids of the images that ancestor= names, as they were found */
        bool by_status;          /* all states are looked at */
        bool by_details;         /* the configuration is needed */
} ContainerFilters;

/* Checks them and looks up what they name. ERROR_USAGE for a filter or value that there is not. */
int container_filters_prepare(Engine *engine, const StringList *texts, ContainerFilters *ret, Error *err);
void container_filters_deinit(ContainerFilters *filters);
/* Values of one name are alternatives, but labels must all be there; different names must all hold. @details:
 * the configuration, NULL unless by_details. */
bool container_filters_match(const ContainerFilters *filters, const StoreContainer *row,
                             json_object *details);
