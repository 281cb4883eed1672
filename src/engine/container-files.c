/* The files of /etc that Docker, too, makes for each container: they name the container, so no image can have
 * them. */
#include "base/file.h"
#include "base/identity.h"
#include "engine/container-plan.h"
#include "store/containers.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { RESOLV_CONF_MAXIMUM = 64 << 10 };

/* The full name, and the short one behind it. */
static void write_own_name(const char *name, const char *domain, Buffer *text)
{
        size_t length = strcspn(name, ".");

        if (text_equal(name, "localhost"))
                return;
        buffer_printf(text, "127.0.1.1\t%s", name);
        if (!text_empty(domain))
                buffer_printf(text, ".%s %s", domain, name);
        if (name[length] && length)
                buffer_printf(text, " %.*s", (int)length, name);
        buffer_putc(text, '\n');
}

/* What host-gateway stands for: the address that every network of kelp's has for the host. */
static const char *host_address(const ContainerConfiguration *configuration, const char *address)
{
        if (!text_equal(address, "host-gateway"))
                return address;
        return network_is_bridge(configuration->network) ? NETD_HOST_ALIAS : "127.0.0.1";
}

static void write_hosts(const ContainerConfiguration *configuration, const NetworkJoin *network, Buffer *text)
{
        buffer_puts(text,
                    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"
                    "ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
        for (size_t i = 0; i < configuration->hosts.count; i++) {
                const char *host = configuration->hosts.items[i], *separator = strpbrk(host, ":=");

                buffer_printf(text, "%s\t%.*s\n", host_address(configuration, separator + 1),
                              (int)(separator - host), host);
        }
        if (network && network->hosts)
                buffer_puts(text, network->hosts);
        else
                write_own_name(configuration->hostname, configuration->domainname, text);
}

/* The host's search list and options, without its servers. */
static void copy_search(Buffer *text)
{
        _cleanup_buffer_ Buffer host = {0};
        char *save = NULL;

        if (file_read_at(AT_FDCWD, "/etc/resolv.conf", RESOLV_CONF_MAXIMUM, &host) < 0 || !host.data)
                return;
        for (char *line = strtok_r(host.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if (text_after(line, "search ") || text_after(line, "options "))
                        buffer_printf(text, "%s\n", line);
}

static void write_resolv_conf(const ContainerConfiguration *configuration, const NetworkJoin *network,
                              Buffer *text)
{
        _cleanup_buffer_ Buffer host = {0};

        bool own = network && network->name_servers;

        if (own) {
                buffer_puts(text, network->name_servers);
                if (configuration->dns_search.count + configuration->dns_options.count == 0)
                        copy_search(text);
        }

        if (configuration->dns.count + configuration->dns_search.count + configuration->dns_options.count ==
            0) {
                /* Without a network there is nobody to ask. */
                if (!own && text_equal(configuration->network, "host") &&
                    file_read_at(AT_FDCWD, "/etc/resolv.conf", RESOLV_CONF_MAXIMUM, &host) >= 0)
                        buffer_append(text, host.data, host.length);
                return;
        }
        for (size_t i = 0; i < configuration->dns.count && !own; i++)
                buffer_printf(text, "nameserver %s\n", configuration->dns.items[i]);
        for (size_t i = 0; i < configuration->dns_search.count; i++)
                buffer_printf(text, "%s%s%s", i ? " " : "search ", configuration->dns_search.items[i],
                              i + 1 == configuration->dns_search.count ? "\n" : "");
        for (size_t i = 0; i < configuration->dns_options.count; i++)
                buffer_printf(text, "%s%s%s", i ? " " : "options ", configuration->dns_options.items[i],
                              i + 1 == configuration->dns_options.count ? "\n" : "");
}

int container_file_text(const ContainerConfiguration *configuration, const NetworkJoin *network,
                        const char *name, char **ret, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};

        if (text_equal(name, "hostname"))
                buffer_printf(&text, "%s\n", configuration->hostname);
        else if (text_equal(name, "hosts"))
                write_hosts(configuration, network, &text);
        else
                write_resolv_conf(configuration, network, &text);
        *ret = buffer_take(&text);
        return *ret ? 0 : fail_memory(err);
}

/* Started by root, what is made belongs to who owns the container's folder: its root, a subordinate id. */
static int give_to_owner(int folder_fd, const char *name, Error *err)
{
        struct stat status;

        if (geteuid() != 0)
                return 0;
        if (fstat(folder_fd, &status) < 0 ||
            fchownat(folder_fd, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_errno(err, errno, "give the container's %s to its root", name);
        return 0;
}

static int write_file(int folder_fd, const ContainerConfiguration *configuration, const NetworkJoin *network,
                      const char *name, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        int r;

        r = container_file_text(configuration, network, name, &text, err);
        if (r < 0)
                return r;
        /* Rewritten before each start, so a torn one after a power cut does no harm: no temporary file. */
        fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return fail_errno(err, errno, "write the container's %s", name);
        r = file_write_all(fd, text, strlen(text));
        if (r >= 0 && fchmod(fd, 0644) < 0)
                r = -errno;
        return r < 0 ? fail_errno(err, -r, "write the container's %s", name)
                     : give_to_owner(folder_fd, name, err);
}

static int make_folder(int folder_fd, const char *name, Error *err)
{
        if (mkdirat(folder_fd, name, 0755) < 0 && errno != EEXIST)
                return fail_errno(err, errno, "make the container's %s folder", name);
        if (fchmodat(folder_fd, name, 0755, 0) < 0 && errno != EPERM)
                return fail_errno(err, errno, "make the container's %s folder", name);
        return give_to_owner(folder_fd, name, err);
}

int container_files_write(int folder_fd, const char *id, const ContainerConfiguration *configuration,
                          const NetworkJoin *network, Error *err)
{
        static const char *const names[] = {"hostname", "hosts", "resolv.conf"};
        int r;

        /* Should somebody have written to it meanwhile, whom it does not belong, it goes with the container.
         */
        tree_remove_at(folder_fd, STORE_USED_UPPER, NULL);
        r = make_folder(folder_fd, "upper", err);
        if (r >= 0)
                r = make_folder(folder_fd, "work", err);
        /* What an earlier overlay has left there: marked as volatile it would not be mounted again. Under a
         * map of its own (--userns keep-id) it is not ours to remove. */
        if (r >= 0 && !(configuration->userns && text_after(configuration->userns, "keep-id")))
                r = tree_remove_at(folder_fd, "work/work", err);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(names) && !configuration->auto_remove; i++)
                r = write_file(folder_fd, configuration, network, names[i], err);
        return r;
}
