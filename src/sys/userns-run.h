/* Work on files of ids that only exist inside a user namespace. */
#pragma once

#include "base/error.h"

typedef int (*UserNamespaceTask)(void *argument, Error *err);

/* Runs @task as root of the user namespace @namespace, in a child process that ends with it; its descriptors
 * and memory are copies of the caller's. Returns what @task returned, with its Error. The caller must have
 * one thread. */
int userns_run(int namespace, UserNamespaceTask task, void *argument, Error *err);
