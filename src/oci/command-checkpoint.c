/* checkpoint: criu saves a container's processes into a folder of images. */
#include "base/file.h"
#include "oci/create.h"
#include "oci/criu.h"
#include "oci/external.h"
#include "spec/json.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct CheckpointOptions {
        CriuOptions criu;
        const char *parent_path, *status_fd, *page_server;
        bool leave_running, pre_dump;
} CheckpointOptions;

static int parse_options(OciContext *context, int argc, char **argv, CheckpointOptions *o, Error *err)
{
        Option options[CRIU_OPTION_COUNT + 5] = {
                [CRIU_OPTION_COUNT] = {"leave-running", 0, OPTION_FLAG, &o->leave_running, "",
                                       "Let the container go on"},
                {"pre-dump", 0, OPTION_FLAG, &o->pre_dump, "",
                 "Save the memory only, and let the container go on"},
                {"parent-path", 0, OPTION_TEXT, &o->parent_path, "FOLDER",
                 "Images of a --pre-dump, relative to those made now: only what has changed is saved"},
                {"status-fd", 0, OPTION_TEXT, &o->status_fd, "N",
                 "Descriptor that gets a zero byte when --lazy-pages is ready"},
                {"page-server", 0, OPTION_TEXT, &o->page_server, "ADDRESS:PORT",
                 "criu's page server that gets the memory"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count;

        criu_options_fill(&o->criu, options);
        return oci_parse(context, &table, argc, argv, 1, 1, &count, err);
}

static int put_page_server(const char *text, Buffer *message, Error *err)
{
        _cleanup_free_ char *address = strdup(text);
        _cleanup_buffer_ Buffer server = {0};
        char *colon = address ? strrchr(address, ':') : NULL;
        uint64_t port;

        if (!address)
                return fail_memory(err);
        if (!colon || text_to_u64(colon + 1, UINT16_MAX, &port) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--page-server %s: ADDRESS:PORT is expected",
                                 text);
        *colon = 0;
        criu_put_text(&server, 1, address);
        criu_put_number(&server, 2, port);
        criu_put_message(message, CRIU_PAGE_SERVER, &server);
        return 0;
}

static int put_options(const CheckpointOptions *options, const OciContainer *container, Criu *criu,
                       Error *err)
{
        int64_t status_fd;
        int r = 0;

        if (options->criu.lazy_pages && !options->page_server)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--lazy-pages: it needs --page-server ADDRESS:PORT");
        criu_put_number(&criu->options, CRIU_PID, (unsigned)container->pid);
        if (options->leave_running || options->pre_dump)
                criu_put_number(&criu->options, CRIU_LEAVE_RUNNING, 1);
        if (options->pre_dump || options->parent_path)
                criu_put_number(&criu->options, CRIU_TRACK_MEM, 1);
        if (options->parent_path)
                criu_put_text(&criu->options, CRIU_PARENT_IMG, options->parent_path);
        if (container->cgroup)
                criu_put_text(&criu->options, CRIU_FREEZE_CGROUP, container->cgroup);
        if (options->page_server)
                r = put_page_server(options->page_server, &criu->options, err);
        if (r >= 0 && options->status_fd) {
                r = oci_parse_number("status-fd", options->status_fd, 0, INT32_MAX, &status_fd, err);
                if (r >= 0)
                        criu_put_number(&criu->options, CRIU_STATUS_FD, (uint64_t)status_fd);
        }
        return r;
}

static int check_container(const OciContainer *container, Error *err)
{
        if (container->status == OCI_RUNNING || container->status == OCI_PAUSED)
                return 0;
        return fail_kind(err, ERROR_CONFLICT, ESRCH, "cannot checkpoint container %s: it is %s, not running",
                         container->id, state_status_name(container->status));
}

int oci_checkpoint(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        CheckpointOptions options = {0};
        _cleanup_criu_ Criu criu = CRIU_INIT;
        int r = parse_options(context, argc, argv, &options, err);

        criu.verb = "checkpoint";
        criu.type = options.pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP;
        if (r == 0)
                r = state_load(context, argv[1], true, &container, err);
        if (r == 0)
                r = check_container(&container, err);
        if (r == 0)
                r = state_load_spec(&container, err);
        if (r == 0)
                r = criu_prepare(context, &options.criu, true, &criu, err);
        if (r == 0)
                r = put_options(&options, &container, &criu, err);
        if (r == 0)
                r = external_put(&container, &criu, err);
        if (r == 0)
                r = external_save_streams(&container, criu.images, err);
        if (r == 0)
                r = criu_run(context, &criu, NULL, err);
        string_list_deinit(&options.criu.empty_namespaces);
        if (r != 0)
                return r < 0 ? r : 0;
        return options.leave_running || options.pre_dump ? 0 : destroy_container(context, &container, err);
}
