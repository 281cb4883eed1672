#include "base/file.h"
#include "cli/command.h"
#include "engine/container.h"
#include "engine/image.h"

#include <fcntl.h>

typedef struct RunArguments {
        ContainerOptions options;
        StringList env, env_files, label_files;
        bool no_signal_proxy, signal_proxy;
        bool quiet;
        const char *detach_keys;
} RunArguments;

static void arguments_deinit(RunArguments *arguments)
{
        ContainerOptions *o = &arguments->options;
        StringList *lists[] = {&o->arguments,
                               &o->attach,
                               &o->env,
                               &o->volumes,
                               &o->mounts,
                               &o->tmpfs,
                               &o->cap_add,
                               &o->cap_drop,
                               &o->security,
                               &o->ulimits,
                               &o->labels,
                               &o->group_add,
                               &o->devices,
                               &o->sysctls,
                               &o->dns,
                               &o->dns_search,
                               &o->dns_options,
                               &o->hosts,
                               &o->networks,
                               &o->network_aliases,
                               &o->links,
                               &o->publish,
                               &o->expose,
                               &o->allow_host,
                               &o->annotations,
                               &o->log_options,
                               &o->volumes_from,
                               &arguments->env,
                               &arguments->env_files,
                               &arguments->label_files};

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                string_list_deinit(lists[i]);
}

/* NAME=value as it is; NAME alone takes the value from here. Where it has none, -e NAME takes the image's
 * variable away (a name alone says so), and a file's line is left out: docker's difference. */
static int add_variable(const char *text, bool unset, StringList *ret, Error *err)
{
        const char *value = strchr(text, '=') ? NULL : getenv(text);

        if (value)
                return string_list_addf(ret, "%s=%s", text, value) < 0 ? fail_memory(err) : 0;
        if (!strchr(text, '=') && !unset)
                return 0;
        return string_list_add(ret, text) < 0 ? fail_memory(err) : 0;
}

/* One line of --env-file or --label-file: NULL for a comment or an empty one. */
static char *clean_line(char *line)
{
        size_t length;

        line += strspn(line, " \t");
        length = strlen(line);
        if (length && line[length - 1] == '\r')
                line[length - 1] = 0;
        return !*line || *line == '#' ? NULL : line;
}

static int read_lines(const char *path, bool variables, StringList *ret, Error *err)
{
        static const char byte_order_mark[] = "\xef\xbb\xbf";
        const char *flag = variables ? "--env-file" : "--label-file";
        _cleanup_buffer_ Buffer text = {0};
        char *save = NULL;
        int r;

        r = file_read_at(AT_FDCWD, path, 1 << 20, &text);
        if (r < 0)
                return fail_errno(err, -r, "%s: open %s", flag, path);
        if (!text.data)
                return 0;
        if (strlen(text.data) != text.length)
                return fail_kind(err, ERROR_USAGE, EINVAL, "%s %s: it has a NUL byte: this is no text", flag,
                                 path);
        for (char *line = strtok_r(text.data + (text_after(text.data, byte_order_mark) ? 3 : 0), "\n", &save);
             r >= 0 && line; line = strtok_r(NULL, "\n", &save)) {
                line = clean_line(line);
                if (!line)
                        continue;
                if (*line == '=')
                        return fail_kind(err, ERROR_USAGE, EINVAL, "%s %s: no variable name on line '%s'",
                                         flag, path, line);
                if (line[strcspn(line, "= \t")] != '=' && strpbrk(line, " \t"))
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "%s %s: variable '%.*s' contains whitespaces", flag, path,
                                         (int)strcspn(line, "="), line);
                r = variables                        ? add_variable(line, false, ret, err)
                    : string_list_add(ret, line) < 0 ? fail_memory(err)
                                                     : 0;
        }
        return r;
}

int command_environment(const StringList *files, const StringList *variables, StringList *ret, Error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < files->count; i++)
                r = read_lines(files->items[i], true, ret, err);
        for (size_t i = 0; r >= 0 && i < variables->count; i++)
                r = add_variable(variables->items[i], true, ret, err);
        return r;
}

static int collect(RunArguments *arguments, Error *err)
{
        int r = command_environment(&arguments->env_files, &arguments->env, &arguments->options.env, err);

        for (size_t i = 0; r >= 0 && i < arguments->label_files.count; i++)
                r = read_lines(arguments->label_files.items[i], false, &arguments->options.labels, err);
        return r;
}

/* The table serves run and create. 1: help was printed. */
static int parse(const char *name, int argc, char **argv, RunArguments *a, Error *err)
{
        ContainerOptions *o = &a->options;
        const Option table[] = {
                {"add-host", 0, OPTION_LIST, &o->hosts, "list", "Add a custom host-to-IP mapping (host:ip)"},
                {"allow-host", 0, OPTION_LIST, &o->allow_host, "port",
                 "Let the container reach this port of the host's loopback, at host-gateway"},
                {"annotation", 0, OPTION_LIST, &o->annotations, "map", "Add an annotation to the container"},
                {"attach", 'a', OPTION_LIST, &o->attach, "list", "Attach to STDIN, STDOUT or STDERR"},
                {"cap-add", 0, OPTION_LIST, &o->cap_add, "list", "Add Linux capabilities"},
                {"cap-drop", 0, OPTION_LIST, &o->cap_drop, "list", "Drop Linux capabilities"},
                {"cgroupns", 0, OPTION_TEXT, &o->cgroupns, "string",
                 "Cgroup namespace to use (host|private)"},
                {"cidfile", 0, OPTION_TEXT, &o->cidfile, "string", "Write the container ID to the file"},
                {"detach", 'd', OPTION_FLAG, &o->detach, "",
                 "Run container in background and print container ID"},
                {"detach-keys", 0, OPTION_TEXT, &a->detach_keys, "string",
                 "Override the key sequence for detaching a container"},
                {"device", 0, OPTION_LIST, &o->devices, "list", "Add a host device to the container"},
                {"dns", 0, OPTION_LIST, &o->dns, "list", "Set custom DNS servers"},
                {"dns-option", 0, OPTION_LIST, &o->dns_options, "list", "Set DNS options"},
                {"dns-search", 0, OPTION_LIST, &o->dns_search, "list", "Set custom DNS search domains"},
                {"domainname", 0, OPTION_TEXT, &o->domainname, "string", "Container NIS domain name"},
                {"entrypoint", 0, OPTION_TEXT, &o->entrypoint, "string",
                 "Overwrite the default ENTRYPOINT of the image"},
                {"env", 'e', OPTION_LIST, &a->env, "list", "Set environment variables"},
                {"env-file", 0, OPTION_LIST, &a->env_files, "list",
                 "Read in a file of environment variables"},
                {"group-add", 0, OPTION_LIST, &o->group_add, "list", "Add additional groups to join"},
                {"hostname", 'h', OPTION_TEXT, &o->hostname, "string", "Container host name"},
                {"init", 0, OPTION_FLAG, &o->init, "",
                 "Run an init inside the container that forwards signals and reaps processes"},
                {"interactive", 'i', OPTION_FLAG, &o->interactive, "",
                 "Keep STDIN open even if not attached"},
                {"ipc", 0, OPTION_TEXT, &o->ipc, "string", "IPC mode to use"},
                {"label", 'l', OPTION_LIST, &o->labels, "list", "Set meta data on a container"},
                {"label-file", 0, OPTION_LIST, &a->label_files, "list",
                 "Read in a line delimited file of labels"},
                {"log-driver", 0, OPTION_TEXT, &o->log_driver, "string",
                 "Logging driver for the container (json-file|none)"},
                {"log-opt", 0, OPTION_LIST, &o->log_options, "list",
                 "Log driver options (max-size=SIZE, max-file=NUMBER)"},
                {"mount", 0, OPTION_LIST, &o->mounts, "mount", "Attach a filesystem mount to the container"},
                {"name", 0, OPTION_TEXT, &o->name, "string", "Assign a name to the container"},
                {"ip", 0, OPTION_TEXT, &o->ip, "string", "IPv4 address (e.g., 172.30.100.104)"},
                {"ip6", 0, OPTION_TEXT, &o->ip6, "string", "IPv6 address (e.g., 2001:db8::33)"},
                {"link", 0, OPTION_LIST, &o->links, "list", "Add link to another container (NAME[:ALIAS])"},
                {"mac-address", 0, OPTION_TEXT, &o->mac_address, "string",
                 "Container MAC address (e.g., 92:d0:c6:0a:29:33)"},
                {"network", 0, OPTION_LIST, &o->networks, "network",
                 "Connect a container to a network (NAME|none|host|container:NAME|switch[:NAME])"},
                {"net", 0, OPTION_LIST, &o->networks, "network", "As --network"},
                {"network-alias", 0, OPTION_LIST, &o->network_aliases, "list",
                 "Add network-scoped alias for the container"},
                {"net-alias", 0, OPTION_LIST, &o->network_aliases, "list", "As --network-alias"},
                {"publish", 'p', OPTION_LIST, &o->publish, "list",
                 "Publish a container's port(s) to the host ([[ADDRESS:]PORT:]PORT[/udp])"},
                {"publish-all", 'P', OPTION_FLAG, &o->publish_all, "",
                 "Publish all exposed ports to random ports"},
                {"expose", 0, OPTION_LIST, &o->expose, "list", "Expose a port or a range of ports"},
                {"pid", 0, OPTION_TEXT, &o->pid, "string", "PID namespace to use (host|container:NAME)"},
                {"oom-score-adj", 0, OPTION_TEXT, &o->oom_score_adj, "int",
                 "Tune the host's preference for killing it without memory (-1000 to 1000)"},
                {"platform", 0, OPTION_TEXT, &o->platform, "string",
                 "Set platform if the image is multi-platform capable"},
                {"privileged", 0, OPTION_FLAG, &o->privileged, "",
                 "Give all capabilities of the user namespace to this container"},
                {"pull", 0, OPTION_TEXT, &o->pull, "string",
                 "Pull image before running (always|missing|never)"},
                {"quiet", 'q', OPTION_FLAG, &a->quiet, "", "Suppress the pull output"},
                {"read-only", 0, OPTION_FLAG, &o->read_only, "",
                 "Mount the container's root filesystem as read only"},
                {"rm", 0, OPTION_FLAG, &o->remove, "", "Automatically remove the container when it exits"},
                {"security-opt", 0, OPTION_LIST, &o->security, "list",
                 "Security options (no-new-privileges, seccomp=FILE|unconfined)"},
                {"shm-size", 0, OPTION_TEXT, &o->shm_size, "bytes", "Size of /dev/shm"},
                {"sig-proxy", 0, OPTION_FLAG, &a->signal_proxy, "",
                 "Proxy received signals to the process (default true)"},
                {"stop-signal", 0, OPTION_TEXT, &o->stop_signal, "string", "Signal to stop the container"},
                {"stop-timeout", 0, OPTION_TEXT, &o->stop_timeout, "int",
                 "Timeout (in seconds) to stop a container"},
                {"sysctl", 0, OPTION_LIST, &o->sysctls, "map", "Sysctl options"},
                {"tmpfs", 0, OPTION_LIST, &o->tmpfs, "list", "Mount a tmpfs directory"},
                {"tty", 't', OPTION_FLAG, &o->terminal, "", "Allocate a pseudo-TTY"},
                {"ulimit", 0, OPTION_LIST, &o->ulimits, "ulimit", "Ulimit options"},
                {"user", 'u', OPTION_TEXT, &o->user, "string",
                 "Username or UID (format: <name|uid>[:<group|gid>])"},
                {"userns", 0, OPTION_TEXT, &o->userns, "string",
                 "User namespace to use (keep-id[:uid=UID,gid=GID]|host)"},
                {"uts", 0, OPTION_TEXT, &o->uts, "string", "UTS namespace to use (host)"},
                {"volume", 'v', OPTION_LIST, &o->volumes, "list", "Bind mount a volume"},
                {"volumes-from", 0, OPTION_LIST, &o->volumes_from, "list",
                 "Mount volumes from the specified container(s)"},
                {"workdir", 'w', OPTION_TEXT, &o->workdir, "string",
                 "Working directory inside the container"},
        };
        /* Flags of docker's that a container of a plain user cannot have, and why. */
        static const OptionRefusal refused[] = {
                {"device-cgroup-rule", "only the host's root can set device rules; --device gives the "
                                       "container a device that you may open yourself"},
                {"gpus", "docker's daemon runs a vendor's hook as root for it; --device /dev/dri gives the "
                         "container the devices that you may open"},
                {"isolation", "it chooses a technology of Windows"},
                {"oom-kill-disable", "only the host's root can exempt a process from the kernel's killer; "
                                     "--oom-score-adj moves it back in the row"},
                {"runtime", "kelp starts containers itself"},
                {"storage-opt", "quotas of a container's root file system need the host's root"},
                {"volume-driver", "kelp has no daemon and so no volume plugins; the driver is \"local\""},
        };
        const OptionTable options = {.options = table,
                                     .count = ELEMENTSOF(table),
                                     .refusals = refused,
                                     .refusal_count = ELEMENTSOF(refused),
                                     .stop_at_first = true};
        int count, r;

        a->signal_proxy = true;
        r = command_parse(name, &options, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r;
        o->has_entrypoint = o->entrypoint != NULL;
        o->network = o->networks.count ? o->networks.items[0] : NULL;
        o->image = argv[1];
        for (int i = 2; i <= count; i++)
                if (string_list_add(&o->arguments, argv[i]) < 0)
                        return fail_memory(err);
        return collect(a, err);
}

static int check(const ContainerOptions *options, bool attached, Error *err)
{
        if (attached && options->terminal && options->interactive && !isatty(STDIN_FILENO))
                return fail_kind(err, ERROR_USAGE, ENOTTY, "the input device is not a TTY");
        if (options->detach && options->attach.count)
                return fail_kind(err, ERROR_USAGE, EINVAL, "conflicting options: -a and -d");
        if (options->pull && !text_equal(options->pull, "always") && !text_equal(options->pull, "missing") &&
            !text_equal(options->pull, "never"))
                return fail_kind(
                        err, ERROR_USAGE, EINVAL,
                        "invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
                        options->pull);
        return 0;
}

typedef int (*RunStep)(Engine *engine, RunArguments *arguments, int *ret_status, Error *err);

static bool is_image_missing(const Error *error)
{
        return error->kind == ERROR_NOT_FOUND &&
               (text_after(error->message, "No such image: ") || text_after(error->message, "image "));
}

static int pull_and_step(Engine *engine, RunArguments *arguments, RunStep step, int *ret_status, Error *err)
{
        const ContainerOptions *o = &arguments->options;
        int r;

        r = pull_image(engine, o->image, o->platform, arguments->quiet ? NULL : stderr, err);
        return r < 0 ? r : step(engine, arguments, ret_status, err);
}

/* Again when the image was missing and can be had: from beside the program, or from its registry. */
static int with_image(Engine *engine, RunArguments *arguments, RunStep step, int *ret_status, Error *err)
{
        const ContainerOptions *o = &arguments->options;
        Error missing = ERROR_INIT;
        ImageReference reference;
        int r;

        if (text_equal(o->pull, "always"))
                return pull_and_step(engine, arguments, step, ret_status, err);
        r = step(engine, arguments, ret_status, &missing);
        if (r < 0 && is_image_missing(&missing)) {
                r = reference_parse(o->image, &reference, err);
                if (r >= 0)
                        r = image_load_default(engine, o->image, err);
                if (r < 0)
                        return r;
                r = r > 0 ? step(engine, arguments, ret_status, &missing) : -ENOENT;
        }
        if (r >= 0)
                return r;
        if (is_image_missing(&missing) && !text_equal(o->pull, "never")) {
                fprintf(stderr, "Unable to find image '%s' locally\n", o->image);
                return pull_and_step(engine, arguments, step, ret_status, err);
        }
        if (err)
                *err = missing;
        return -missing.code;
}

static int create_step(Engine *engine, RunArguments *arguments, int *ret_status, Error *err)
{
        char id[65];
        int r;

        r = container_create(engine, &arguments->options, id, err);
        if (r >= 0 && arguments->options.detach)
                r = container_start(engine, id, err);
        if (r >= 0)
                printf("%s\n", id);
        return r;
}

static int run_step(Engine *engine, RunArguments *arguments, int *ret_status, Error *err)
{
        const ContainerOptions *o = &arguments->options;
        ContainerStreams streams = {.input = o->interactive,
                                    .output = true,
                                    .error = true,
                                    .signal_proxy = arguments->signal_proxy,
                                    .detach_keys = arguments->detach_keys};
        char id[65];

        if (o->attach.count) {
                streams.input = string_list_contains(&o->attach, "stdin");
                streams.output = string_list_contains(&o->attach, "stdout");
                streams.error = string_list_contains(&o->attach, "stderr");
        }
        return command_detached(container_run(engine, o, &streams, id, ret_status, err), ret_status);
}

static int run_or_create(CommandContext *context, const char *name, int argc, char **argv, int *ret_status,
                         Error *err)
{
        _cleanup_(arguments_deinit) RunArguments arguments = {0};
        Engine *engine;
        int r;

        r = parse(name, argc, argv, &arguments, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = check(&arguments.options, !text_equal(name, "create") && !arguments.options.detach, err);
        if (r >= 0)
                r = command_engine(context, &engine, err);
        if (r < 0)
                return r;
        return with_image(engine, &arguments,
                          text_equal(name, "create") || arguments.options.detach ? create_step : run_step,
                          ret_status, err);
}

int command_run(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return run_or_create(context, "run", argc, argv, ret_status, err);
}

int command_create(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return run_or_create(context, "create", argc, argv, ret_status, err);
}
