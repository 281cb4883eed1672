/*
 * What a container uses: of its control group where it has one of its own, else the sum over its processes as
 * /proc tells it. Counters go up from its start; the caller takes two looks for a rate.
 */
#pragma once

#include "engine/engine.h"
#include "net/protocol.h"
#include "store/containers.h"

typedef struct ContainerStats {
        bool running;
        uint64_t time;                 /* nanoseconds, CLOCK_MONOTONIC */
        uint64_t cpu;                  /* nanoseconds */
        uint64_t memory, memory_limit; /* bytes; without a limit the host's memory */
        uint64_t read, written;        /* bytes, of block devices */
        uint64_t processes;
        NetdCounters network;
        bool by_group; /* a control group said it */
} ContainerStats;

/* @row: as container_find() gives it. A container that does not run has zeroes. */
int container_stats(Engine *engine, const StoreContainer *row, ContainerStats *ret, Error *err);
/* Percent of one CPU between two looks. */
double container_stats_cpu(const ContainerStats *before, const ContainerStats *now);

/* The rows of the named containers, or (@count 0) of those that run (@all: of all). */
int container_stats_find(Engine *engine, char **names, size_t count, bool all, StoreContainerList *ret,
                         Error *err);
