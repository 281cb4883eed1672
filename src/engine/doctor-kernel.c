/* Kernel interfaces that kelp confines its own programs and containers with, and devices it moves packets
 * through. */
#include "base/file.h"
#include "engine/doctor.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

int doctor_cgroup_version(void)
{
        struct statfs info;

        if (statfs("/sys/fs/cgroup", &info) < 0)
                return 0;
        if (info.f_type == CGROUP2_SUPER_MAGIC)
                return 2;
        return info.f_type == TMPFS_MAGIC ? 1 : 0;
}

/* The folder of this process in the version 2 hierarchy, below /sys/fs/cgroup; NULL when it is in none. */
static char *own_cgroup(void)
{
        _cleanup_buffer_ Buffer text = {0};
        char *line;

        if (file_read_at(AT_FDCWD, "/proc/self/cgroup", 64 * 1024, &text) < 0)
                return NULL;
        for (line = text.data; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                const char *path = text_after(line, "0::");

                if (path)
                        return text_printf("/sys/fs/cgroup%.*s", (int)strcspn(path, "\n"), path);
        }
        return NULL;
}

static void examine_cgroups(DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "cgroups", DOCTOR_OK, false);
        int version = doctor_cgroup_version();
        _cleanup_free_ char *own = version == 2 ? own_cgroup() : NULL;
        _cleanup_buffer_ Buffer controllers = {0};

        if (version != 2) {
                line->status = DOCTOR_DEGRADED;
                doctor_detail(line, version == 1 ? "version 1: a plain user gets no limits from it"
                                                 : "no cgroup file system below /sys/fs/cgroup");
                doctor_fix(
                        line, "the administrator",
                        "boot with systemd.unified_cgroup_hierarchy=1 (or mount cgroup2 on /sys/fs/cgroup)");
                return;
        }
        if (!own || access(own, W_OK) < 0) {
                line->status = DOCTOR_DEGRADED;
                doctor_detail(line, "version 2, but %s is not delegated to this user",
                              own ? own : "none of it");
                doctor_fix(line, "you", "start kelp below `systemd-run --user --scope -p Delegate=yes`");
                return;
        }
        file_read_at(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", 4096, &controllers);
        if (controllers.length > 0 && controllers.data[controllers.length - 1] == '\n')
                controllers.data[--controllers.length] = 0;
        doctor_detail(line, "version 2, delegated; controllers: %s",
                      controllers.data ? controllers.data : "unknown");
}

static void examine_landlock(DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "landlock", DOCTOR_OK, false);
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        int code = errno;

        if (version > 0) {
                doctor_detail(line, "version %ld%s", version,
                              version < 4 ? "; --network switch takes version 4 (Linux 6.7)" : "");
                return;
        }
        line->status = DOCTOR_DEGRADED;
        doctor_detail(line, "not available: kelp's helpers are confined by namespaces and seccomp only");
        doctor_fix(line, "the administrator",
                   code == EOPNOTSUPP ? "boot with landlock in the lsm= list" : "use Linux 5.13 or newer");
}

static void examine_seccomp(DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "seccomp", DOCTOR_OK, true);
        uint32_t action = SECCOMP_RET_ERRNO;

        if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) {
                doctor_detail(line, "filters work");
                return;
        }
        line->status = DOCTOR_MISSING;
        doctor_detail(line, "filters are not available: %s", strerror(errno));
        doctor_fix(line, "the administrator", "use a kernel built with CONFIG_SECCOMP_FILTER");
}

static void examine_tun(DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "/dev/net/tun", DOCTOR_OK, false);
        _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        int code = errno;

        if (fd >= 0) {
                doctor_detail(line, "can be opened");
                return;
        }
        line->status = DOCTOR_DEGRADED;
        doctor_detail(line, "cannot be opened (%s): networks take a slower way", strerror(code));
        if (code == EACCES || code == EPERM)
                doctor_fix(line, "the administrator", "chmod 0666 /dev/net/tun");
        else
                doctor_fix(line, "the administrator",
                           "modprobe tun && mkdir -p /dev/net && mknod -m 0666 /dev/net/tun c 10 200");
}

/* Echo requests of containers leave by sockets of this user. */
static void examine_ping(DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "ping", DOCTOR_OK, false);
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

        if (fd >= 0) {
                doctor_detail(line, "containers can ping the world");
                return;
        }
        line->status = DOCTOR_DEGRADED;
        doctor_detail(line,
                      "containers cannot ping the world: your group is not in net.ipv4.ping_group_range");
        doctor_fix(line, "the administrator", "sysctl -w net.ipv4.ping_group_range='0 2147483647'");
}

void doctor_examine_kernel(DoctorReport *report)
{
        examine_seccomp(report);
        examine_landlock(report);
        examine_cgroups(report);
        examine_tun(report);
        examine_ping(report);
}
