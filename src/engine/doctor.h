/* The parts of `kelp doctor`: each looks at one thing of the host by trying it, and adds its lines to a
 * report. */
#pragma once

#include "engine/host.h"

/* Adds a line and returns it for its detail and fix to be filled; the last one again when the report is full.
 */
DoctorLine *doctor_add(DoctorReport *report, const char *name, DoctorStatus status, bool required);
void doctor_detail(DoctorLine *line, const char *format, ...) _printf_(2, 3);
void doctor_fix(DoctorLine *line, const char *who, const char *format, ...) _printf_(3, 4);

/* User namespaces, subordinate ids with their helpers, and the file systems that a container's root needs. */
void doctor_examine_identity(Engine *engine, DoctorReport *report);
/* Kernel interfaces and devices: seccomp, Landlock, cgroups, /dev/net/tun. */
void doctor_examine_kernel(DoctorReport *report);
/* Where kelp keeps things: the store's folder and the runtime folder; the helpers. */
void doctor_examine_storage(Engine *engine, DoctorReport *report);

/* 1 or 2: the version of the cgroup hierarchy that has controllers; 0: none is mounted. */
int doctor_cgroup_version(void);
