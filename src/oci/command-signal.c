/* kill, delete. */
#include "base/cleanup.h"
#include "oci/create.h"
#include "oci/processes.h"
#include "spec/signals.h"
#include "sys/process.h"

#include <signal.h>

static bool is_alive(const OciContainer *container)
{
        return container->status == OCI_CREATED || container->status == OCI_RUNNING ||
               container->status == OCI_PAUSED;
}

int oci_kill(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        bool all = false;
        OptionTable table = {.options = (Option[]){{"all", 'a', OPTION_FLAG, &all, "",
                                                    "Signal all processes of the container"}},
                             .count = 1};
        int count, number = SIGTERM, r = oci_parse(context, &table, argc, argv, 1, 2, &count, err);

        if (r == 0 && count == 2)
                r = signal_parse(argv[2], &number, err);
        if (r == 0)
                r = state_load(context, argv[1], false, &container, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (all) {
                r = processes_signal(&container, number, err);
                return r < 0 && !is_alive(&container) ? 0 : r;
        }
        /* containerd looks for "container not running", others for "is not running". */
        if (!is_alive(&container))
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "container not running: %s is not running",
                                 container.id);
        r = process_signal(container.pidfd, number);
        if (r == -ESRCH)
                return fail_kind(err, ERROR_CONFLICT, ESRCH, "container not running: %s is not running",
                                 container.id);
        return r < 0 ? fail_errno(err, -r, "signal %d to container %s", number, container.id) : 0;
}

int oci_delete(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        bool force = false;
        OptionTable table = {.options = (Option[]){{"force", 'f', OPTION_FLAG, &force, "",
                                                    "Kill it first; no error when it does not exist"}},
                             .count = 1};
        int count, r = oci_parse(context, &table, argc, argv, 1, 1, &count, err);

        if (r == 0) {
                r = state_load(context, argv[1], true, &container, err);
                if (r < 0 && force && err->kind == ERROR_NOT_FOUND) {
                        error_clear(err);
                        return 0;
                }
        }
        if (r != 0)
                return r < 0 ? r : 0;
        if (!force && (container.status == OCI_RUNNING || container.status == OCI_PAUSED)) {
                fail_kind(err, ERROR_CONFLICT, EBUSY,
                          "cannot delete container %s that is not stopped: it is %s", container.id,
                          state_status_name(container.status));
                return fail_hint(err, "kill it first, or give --force");
        }
        processes_signal(&container, SIGKILL, NULL);
        return destroy_container(context, &container, err);
}
