#include "base/file.h"
#include "base/identity.h"
#include "engine/container-configure.h"
#include "engine/container-userns.h"
#include "engine/network-join.h"
#include "store/containers.h"

#include <ctype.h>
#include <sys/utsname.h>

/* One namespace flag: its words besides "container:NAME", and why other words of docker do not exist. */
typedef struct NamespaceFlag {
        const char *flag;
        const char *words[5];
        bool container; /* container:NAME is possible */
        const char *other;
} NamespaceFlag;

static int apply_flag(Engine *engine, const NamespaceFlag *flag, const char *value, char **target, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        const char *name;
        Store *store;
        int r;

        if (text_empty(value))
                return text_replace(target, flag->words[0]) < 0 ? fail_memory(err) : 0;
        for (size_t i = 0; i < ELEMENTSOF(flag->words) && flag->words[i]; i++)
                if (text_equal(value, flag->words[i]))
                        return text_replace(target, value) < 0 ? fail_memory(err) : 0;
        name = text_after(value, "container:");
        if (!flag->container || !name) {
                fail_kind(err, ERROR_USAGE, EINVAL, "invalid %s \"%s\"", flag->flag, value);
                return fail_hint(err, "%s", flag->other);
        }
        r = engine_store(engine, &store, err);
        if (r >= 0)
                r = store_container_find(store, name, &row, err);
        if (r < 0)
                return fail_wrap(err, r, "%s %s", flag->flag, value);
        free(*target);
        *target = text_printf("container:%s", row.id);
        return *target ? 0 : fail_memory(err);
}

/* The mode is that of the first --network: its name, in whichever form it was given. */
static int apply_network(Engine *engine, const ContainerOptions *options,
                         ContainerConfiguration *configuration, Error *err)
{
        static const NamespaceFlag flag = {
                "--network", {"none", "host"}, true, "it takes none, host, container:NAME or a network"};
        NetdEndpoint ignored = {0};
        char name[NETD_NAME_SIZE];
        int r;

        configuration->network_default = text_empty(options->network);
        if (configuration->network_default) {
                r = text_replace(&configuration->network, "bridge") < 0 ? fail_memory(err) : 0;
        } else if (options->networks.count && strchr(options->network, '=')) {
                r = network_endpoint_parse(options->network, name, &ignored, err);
                if (r < 0)
                        return r;
                if (!*name)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "--network %s: name=NETWORK is missing",
                                         options->network);
                r = text_replace(&configuration->network, name) < 0 ? fail_memory(err) : 0;
        } else if (network_is_bridge(options->network)) {
                const char *network = text_equal(options->network, "default") ? "bridge" : options->network;

                r = text_replace(&configuration->network, network) < 0 ? fail_memory(err) : 0;
        } else {
                r = apply_flag(engine, &flag, options->network, &configuration->network, err);
        }
        if (r >= 0 && options->networks.count > 1 && !network_is_bridge(configuration->network))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "conflicting options: cannot attach both user-defined and non-user-defined "
                                 "network-modes");
        return r < 0 ? r : network_configure(engine, options, configuration, err);
}

static int check_hostname(const char *name, Error *err)
{
        size_t length = strlen(name);
        bool good = length > 0 && length <= 64 && *name != '-' && *name != '.';

        for (const char *c = name; good && *c; c++)
                good = isalnum((unsigned char)*c) || *c == '-' || *c == '.' || *c == '_';
        if (good)
                return 0;
        return fail_kind(err, ERROR_USAGE, EINVAL,
                         "invalid --hostname \"%s\": 1 to 64 letters, digits, '-', '_' and '.'", name);
}

/* That of the container whose network is joined. */
static int copy_hostname(Engine *engine, const char *other_id, ContainerConfiguration *configuration,
                         Error *err)
{
        _cleanup_configuration_ ContainerConfiguration other = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        Store *store;
        int r = engine_store(engine, &store, err);

        if (r >= 0)
                r = store_container_find(store, other_id, &row, err);
        if (r >= 0)
                r = container_configuration_from_json(row.configuration, &other, err);
        if (r < 0)
                return r;
        configuration->hostname = TAKE_PTR(other.hostname);
        configuration->domainname = TAKE_PTR(other.domainname);
        return configuration->hostname ? 0 : fail_memory(err);
}

static int configure_hostname(Engine *engine, const ContainerOptions *options, const char *id,
                              ContainerConfiguration *configuration, Error *err)
{
        const char *other = text_after(configuration->network, "container:");
        bool host_name = text_equal(configuration->uts, "host");
        struct utsname host;
        int r;

        if (host_name && (options->hostname || options->domainname))
                return fail_kind(err, ERROR_USAGE, EINVAL, "conflicting options: --hostname and --uts host");
        if (other && !host_name)
                return copy_hostname(engine, other, configuration, err);
        if (options->hostname) {
                r = check_hostname(options->hostname, err);
                if (r < 0)
                        return r;
                configuration->hostname = strdup(options->hostname);
        } else if (host_name || text_equal(configuration->network, "host")) {
                configuration->hostname = uname(&host) == 0 ? strdup(host.nodename) : strdup("localhost");
        } else {
                configuration->hostname = strndup(id, IDENTITY_SHORT);
        }
        if (!configuration->hostname)
                return fail_memory(err);
        return text_replace(&configuration->domainname, options->domainname) < 0 ? fail_memory(err) : 0;
}

/* keep-id: the process is the user's own, unless somebody says otherwise. */
static int configure_userns(Engine *engine, const ContainerOptions *options,
                            ContainerConfiguration *configuration, Error *err)
{
        static const NamespaceFlag userns = {
                "--userns",
                {"", "host"},
                false,
                "known are keep-id[:uid=UID,gid=GID] and host, which is the map of your subordinate ids, as "
                "with rootless docker: a container never runs in the host's own user namespace"};
        const char *const modes[] = {configuration->pid, configuration->ipc, configuration->network};
        UserNamespaceKeep keep;
        UserNamespaceMap map;
        int r;

        r = container_userns_parse(options->userns, &keep, err);
        if (r <= 0)
                return r < 0 ? r : apply_flag(engine, &userns, options->userns, &configuration->userns, err);
        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (modes[i] && text_after(modes[i], "container:"))
                        return fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "conflicting options: --userns %s and a namespace of another container, "
                                "whose user namespace comes with it",
                                options->userns);
        r = userns_plan(&keep, &map, NULL, err);
        if (r < 0)
                return r;
        if (text_empty(configuration->user)) {
                free(configuration->user);
                configuration->user = text_printf("%u:%u", keep.uid, keep.gid);
        }
        return configuration->user && text_replace(&configuration->userns, options->userns) >= 0
                       ? 0
                       : fail_memory(err);
}

int container_configure_namespaces(Engine *engine, const ContainerOptions *options, const char *id,
                                   ContainerConfiguration *configuration, Error *err)
{
        static const NamespaceFlag pid = {
                "--pid", {"private", "host"}, true, "known are private, host and container:NAME"};
        static const NamespaceFlag ipc = {"--ipc",
                                          {"private", "host", "shareable", "none"},
                                          true,
                                          "known are private, shareable, host, none and container:NAME"};
        static const NamespaceFlag uts = {"--uts", {"private", "host"}, false, "known are private and host"};
        static const NamespaceFlag cgroup = {
                "--cgroupns", {"private", "host"}, false, "known are private and host"};
        int r;

        r = apply_network(engine, options, configuration, err);
        if (r >= 0)
                r = apply_flag(engine, &pid, options->pid, &configuration->pid, err);
        if (r >= 0)
                r = apply_flag(engine, &ipc, options->ipc, &configuration->ipc, err);
        if (r >= 0)
                r = apply_flag(engine, &uts, options->uts, &configuration->uts, err);
        if (r >= 0)
                r = configure_userns(engine, options, configuration, err);
        if (r >= 0)
                r = apply_flag(engine, &cgroup, options->cgroupns, &configuration->cgroupns, err);
        if (r >= 0)
                r = configure_hostname(engine, options, id, configuration, err);
        if (r >= 0 && (options->dns.count || options->dns_search.count || options->dns_options.count) &&
            text_after(configuration->network, "container:"))
                return fail_kind(err, ERROR_USAGE, EINVAL, "conflicting options: --dns and --network %s",
                                 options->network);
        return r;
}
