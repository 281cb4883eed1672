/* What the host offers: `kelp doctor` and `kelp info`. */
#pragma once

#include "engine/engine.h"
#include "spec/json.h"

typedef enum DoctorStatus { DOCTOR_OK, DOCTOR_DEGRADED, DOCTOR_MISSING } DoctorStatus;

typedef struct DoctorLine {
        char name[32]; /* "user namespaces" */
        DoctorStatus status;
        char detail[256]; /* what was found, or how it is degraded */
        char fix[256];    /* the command that fixes it; "" when there is nothing to fix */
        char who[32];     /* "you" or "the administrator" */
        bool required;    /* kelp run cannot work without */
} DoctorLine;

typedef struct DoctorReport {
        DoctorLine lines[24];
        size_t count;
} DoctorReport;

/* Looks at the host by trying (in children that end), never by guessing from versions. 0 always, but for lack
 * of memory. */
int doctor_examine(Engine *engine, DoctorReport *ret, Error *err);
/* True when `kelp run` can work. */
bool doctor_can_run(const DoctorReport *report);
/* SystemInfo of the Docker API as far as it applies. */
int host_info(Engine *engine, json_object **ret, Error *err);
