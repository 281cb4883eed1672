/* Hooks: programs that run at points of a container's life (runtime-spec, config.md#posix-platform-hooks). */
#pragma once

#include "spec/runtime-spec.h"

/* What a hook reads on its standard input (runtime-spec, runtime.md#state). */
typedef struct HookState {
        const char *id, *bundle; /* NULL: "" */
        const char *status;      /* "creating", "created", "running", "stopped" */
        pid_t pid;               /* as the host sees it; 0: none any more */
} HookState;

/* Runs the hooks of one kind, one behind the other, each with its own environment and nothing of ours open.
 * The first that fails, or takes longer than its timeout, ends it: an error that names it. Only of
 * HOOK_POSTSTOP all run, and the first failure is told. */
int hooks_run(const RuntimeSpec *spec, RuntimeHookKind kind, const HookState *state, Error *err);
/* The state as JSON; also what a seccomp agent is told. The caller's to put. */
json_object *hook_state_new(const RuntimeSpec *spec, const HookState *state);
