/* What a process gives up before it executes a container's program. The order matters and is explained at
 * each step. */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/filter.h"
#include "runtime/handshake.h"
#include "runtime/init.h"
#include "runtime/schedule.h"
#include "runtime/switch.h"
#include "sys/capabilities.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int set_limits(const RuntimeProcess *process, Error *err)
{
        for (size_t i = 0; i < process->rlimit_count; i++) {
                const RuntimeRlimit *limit = &process->rlimits[i];
                struct rlimit value = {.rlim_cur = limit->soft, .rlim_max = limit->hard}, now = {0};

                if (setrlimit(limit->resource, &value) >= 0)
                        continue;
                if (errno != EPERM)
                        return fail_errno(err, errno, "ulimit: set limit %d", limit->resource);
                getrlimit(limit->resource, &now);
                fail(err, EPERM,
                     "ulimit: limit %d cannot be raised to %llu: the hard limit of your session is %llu",
                     limit->resource, (unsigned long long)limit->hard, (unsigned long long)now.rlim_max);
                return fail_hint(err, "an administrator can raise it in /etc/security/limits.conf");
        }
        return 0;
}

int process_set_oom_score(const RuntimeProcess *process, Error *err)
{
        char text[16];
        int r;

        if (!process->has_oom_score_adj)
                return 0;
        snprintf(text, sizeof(text), "%d", process->oom_score_adj);
        r = proc_write("self/oom_score_adj", text);
        return r < 0 ? fail_errno(err, -r, "oom_score_adj %s: a plain user can only raise it", text) : 0;
}

static int set_labels(const RuntimeProcess *process, Error *err)
{
        _cleanup_free_ char *text = NULL;
        int r;

        if (!text_empty(process->selinux_label)) {
                r = proc_write("thread-self/attr/exec", process->selinux_label);
                if (r < 0)
                        return fail_errno(err, -r, "SELinux label %s", process->selinux_label);
        }
        if (text_empty(process->apparmor_profile) || text_equal(process->apparmor_profile, "unconfined"))
                return 0;
        text = text_printf("exec %s", process->apparmor_profile);
        if (!text)
                return fail_memory(err);
        r = proc_write("thread-self/attr/apparmor/exec", text);
        return r < 0 ? fail_errno(err, -r, "AppArmor profile %s", process->apparmor_profile) : 0;
}

/* Pipes that become standard streams belong to the user, who may open /dev/stdout again. */
static void own_streams(const ContainerUser *user)
{
        for (int fd = 0; user->uid != 0 && fd < 3; fd++) {
                struct stat status;

                if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) &&
                    fchown(fd, user->uid, (gid_t)-1) < 0)
                        continue; /* another program's pipe: as it is */
        }
}

static int become_user(const RuntimeProcess *process, const ContainerUser *user, Error *err)
{
        gid_t groups[USER_GROUPS_MAXIMUM];

        for (size_t i = 0; i < user->group_count; i++)
                groups[i] = user->groups[i];
        /* A map of one id forbids setgroups(2): then there is only the one group. */
        if (!process->keep_groups && syscall(SYS_setgroups, user->group_count, groups) < 0 &&
            errno != EPERM && errno != EINVAL)
                return fail_errno(err, errno, "set the supplementary groups");
        if (syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
            syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0) {
                int code = errno;

                fail_errno(err, code, "become user %u:%u of the container", user->uid, user->gid);
                if (code == EINVAL)
                        return fail_hint(err, "this id is not mapped: it needs subordinate ids (`kelp "
                                              "doctor` says how to get them); "
                                              "-u 0 runs it as the container's root, who is you");
                return -code;
        }
        return 0;
}

/* Which sets remain: as asked for root; a user chosen by an image or by -u has none but the bounding set, as
 * under Docker. */
static CapabilitySets remaining(const RuntimeProcess *process, const ContainerUser *user)
{
        const RuntimeCapabilities *wanted = &process->capabilities;
        CapabilitySets sets = {.bounding = wanted->bounding,
                               .effective = wanted->effective,
                               .inheritable = wanted->inheritable,
                               .permitted = wanted->permitted,
                               .ambient = wanted->ambient};

        /* The kernel has no others; engines ask for them, and runc leaves them out. */
        sets.ambient &= sets.inheritable & sets.permitted;
        if (process->user && user->uid != 0)
                sets.effective = sets.permitted = sets.ambient = sets.inheritable = 0;
        return sets;
}

static int set_capabilities(const Confinement *c, Error *err)
{
        CapabilitySets sets = remaining(c->process, c->user);
        int r;

        if (!c->process->has_capabilities)
                return become_user(c->process, c->user, err);
        r = capabilities_bound(sets.bounding);
        if (r < 0)
                return fail_errno(err, -r, "capabilities: limit the bounding set");
        /* Else leaving uid 0 clears what the last step sets. */
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return fail_errno(err, errno, "capabilities: keep them across the change of user");
        r = become_user(c->process, c->user, err);
        if (r < 0)
                return r;
        r = capabilities_apply(&sets);
        return r < 0 ? fail_errno(err, -r, "capabilities: set them") : 0;
}

/* The first call that waits for an answer may be any of the next ones. */
static int install_filter(const Confinement *c, Error *err)
{
        int listener = c->switched ? switch_confine(c->switcher, err) : 0;

        if (listener >= 0)
                listener = filter_install(c->spec, c->filter, err);
        if (listener <= 0)
                return listener;
        if (handshake_send(c->channel, HANDSHAKE_LISTENER, NULL, listener) < 0)
                _exit(1);
        close(listener);
        return 0;
}

int process_confine(const Confinement *c, Error *err)
{
        const RuntimeProcess *process = c->process;
        int r;

        if (c->spec->has_personality && personality(c->spec->personality) < 0)
                return fail_errno(err, errno, "linux.personality");
        r = schedule_apply(process, c->spec, err);
        if (r >= 0)
                r = set_limits(process, err);
        if (r >= 0)
                r = set_labels(process, err);
        if (r < 0)
                return r;
        own_streams(c->user);
        if (process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fail_errno(err, errno, "no_new_privs");
        /* Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before the capabilities go; with it,
         * it comes last and need not allow what is done in between. */
        if (!process->no_new_privileges)
                r = install_filter(c, err);
        if (r >= 0)
                r = set_capabilities(c, err);
        if (r < 0)
                return r;
        umask(process->has_umask ? process->umask : 0022);
        /* The change of user may have undone it, where fs.suid_dumpable is 1 (execute.c). */
        if (prctl(PR_SET_DUMPABLE, 0) < 0)
                return fail_errno(err, errno, "prctl: be hidden from others in the container");
        /* The change of user has cleared it. */
        if (c->die_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return fail_errno(err, errno, "prctl: end with the parent");
        return process->no_new_privileges ? install_filter(c, err) : 0;
}
