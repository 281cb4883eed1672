#include "oci/cgroup.h"

#include "base/file.h"
#include "runtime/resources.h"
#include "sys/cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- where ---- */

/* "SLICE:PREFIX:NAME", as systemd's users write it → "PREFIX-NAME.scope". */
static char *scope_name(const char *path)
{
        const char *prefix = strchr(path, ':'), *name = prefix ? strchr(prefix + 1, ':') : NULL;

        if (!name)
                return strdup(path_basename(path));
        if (name == prefix + 1)
                return text_printf("%s.scope", name + 1);
        return text_printf("%.*s-%s.scope", (int)(name - prefix - 1), prefix + 1, name + 1);
}

static int below_own(const char *mount, const char *name, char **ret)
{
        _cleanup_free_ char *own = NULL, *folder = NULL;
        int r = cgroup_own(&own);

        if (r < 0)
                return r;
        folder = path_join(mount, own + strspn(own, "/"));
        *ret = folder ? path_join(folder, name) : NULL;
        return *ret ? 0 : -ENOMEM;
}

bool cgroup_path_leads_up(const char *path)
{
        for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
                if (strcspn(part, "/") == 2 && part[0] == '.' && part[1] == '.')
                        return true;
        return false;
}

/* A scope of systemd's was asked for; the group is made beside it, by files. */
static int without_systemd(const OciContext *context, Error *err)
{
        static const char why[] =
                "no scope of systemd's is made, the cgroup is one of cgroupfs below our own";

        if (context->strict_cgroups)
                return fail_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "--strict-cgroups: %s", why);
        oci_warn(context, why);
        return 0;
}

int container_cgroup_plan(const OciContext *context, OciContainer *container, Error *err)
{
        const char *mount = text_equal(context->cgroup_manager, "disabled") ? NULL : cgroup_mount(NULL);
        const char *path = container->spec.cgroups_path;
        bool scope = context->systemd_cgroup || text_equal(context->cgroup_manager, "systemd");
        _cleanup_free_ char *name = NULL;
        int r;

        if (!mount)
                return 0;
        r = scope ? without_systemd(context, err) : 0;
        if (r < 0)
                return r;
        if (path && cgroup_path_leads_up(path))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "linux.cgroupsPath: '%s' leads out of the tree of cgroups", path);
        if (path && path[0] == '/' && !scope) {
                container->cgroup = path_join(mount, path + strspn(path, "/"));
                return container->cgroup ? 0 : fail_memory(err);
        }
        name = !path ? strdup(container->id) : scope ? scope_name(path) : strdup(path);
        if (!name)
                return fail_memory(err);
        r = below_own(mount, name, &container->cgroup);
        return r == -ENOMEM ? fail_memory(err) : 0;
}

/* ---- making it ---- */

/* A limit that cannot be had. */
static int unlimited(const OciContext *context, const char *why, Error *err)
{
        _cleanup_free_ char *text = NULL;

        if (context->strict_cgroups)
                return fail_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "--strict-cgroups: %s", why);
        text = text_printf("the container runs without the limits that were asked for: %s", why);
        oci_warn(context, text ?: why);
        return 0;
}

/* Nodes that a container of the host's root makes would open the host's disks. Who is in a user namespace
 * cannot make them. */
static int limit_devices(const OciContainer *container, int cgroup, Error *err)
{
        int r = state_is_host_root() && container->spec.namespaces[NAMESPACE_USER].mode == NAMESPACE_HOST
                        ? resources_limit_devices(cgroup, container->spec.resources, err)
                        : 0;

        return r;
}

int container_cgroup_make(const OciContext *context, OciContainer *container, int *ret, Error *err)
{
        json_object *resources = container->spec.resources;
        bool limited = resources_limit(resources);
        _cleanup_close_ int cgroup = -EBADF;
        char why[ERROR_MESSAGE_SIZE];
        Error error = ERROR_INIT;
        bool mixed = false, exists = container->cgroup && cgroup_mount(&mixed);
        int r = -ENODEV;

        *ret = -EBADF;
        /* Beside version 1 the controllers may be wanted there: nothing is moved without need. */
        if (exists)
                r = cgroup_make(container->cgroup, limited || !mixed, &cgroup);
        if (r < 0) {
                snprintf(why, sizeof(why), "cgroup %.512s: %s", container->cgroup ?: "(none)", strerror(-r));
                free(container->cgroup);
                container->cgroup = NULL;
                return limited ? unlimited(context, why, err) : 0;
        }
        r = resources_apply(cgroup, resources, &error);
        if (r < 0 && error.kind == ERROR_UNSUPPORTED)
                r = unlimited(context, error.message, err);
        else if (r < 0 && err)
                *err = error;
        if (r >= 0)
                r = limit_devices(container, cgroup, err);
        if (r >= 0)
                *ret = TAKE_FD(cgroup);
        return r;
}

int container_cgroup_open(const OciContainer *container, int *ret, Error *err)
{
        if (!container->cgroup)
                return fail_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
                                 "container %s has no cgroup of its own: this user may make none here",
                                 container->id);
        *ret = open(container->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret < 0
                       ? fail_errno(err, errno, "cgroup %s of container %s", container->cgroup, container->id)
                       : 0;
}

void container_cgroup_remove(const OciContainer *container)
{
        _cleanup_close_ int cgroup = -EBADF;

        /* Mostly all in it have ended. */
        if (!container->cgroup || rmdir(container->cgroup) == 0)
                return;
        cgroup = open(container->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (cgroup >= 0)
                cgroup_kill(cgroup);
        cgroup_remove(container->cgroup);
}
