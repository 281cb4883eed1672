/* Where kelp keeps things: the store, the runtime folder, and the programs and files it needs beside itself.
 */
#include "base/file.h"
#include "engine/doctor.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { STORE_BYTES_WANTED = 1 << 30 };

/* The nearest folder above (or at) @path that exists; new string or NULL. */
static char *existing_folder(const char *path)
{
        char *folder = path_normalize(path);

        while (folder && access(folder, F_OK) < 0 && errno == ENOENT && folder[1]) {
                char *slash = strrchr(folder, '/');

                slash[slash == folder] = 0;
        }
        return folder;
}

static const char *remote_file_system(const struct statfs *info)
{
        switch ((unsigned long)info->f_type) {
        case NFS_SUPER_MAGIC:
                return "NFS";
        case SMB2_SUPER_MAGIC:
        case CIFS_SUPER_MAGIC:
                return "SMB";
        case AFS_SUPER_MAGIC:
                return "AFS";
        case CEPH_SUPER_MAGIC:
                return "Ceph";
        case 0x0BD00BD0: /* Lustre; linux/magic.h does not have it */
                return "Lustre";
        default:
                return NULL;
        }
}

/* Says in @line what is wrong with the folder for writing; true when it is fine. */
static bool check_writable(DoctorLine *line, const char *wanted, const char *folder)
{
        struct statvfs space;

        if (access(folder, W_OK | X_OK) == 0)
                return true;
        line->status = DOCTOR_MISSING;
        doctor_detail(line, "%s: %s is not writable: %s", wanted, folder, strerror(errno));
        if (statvfs(folder, &space) == 0 && (space.f_flag & ST_RDONLY))
                doctor_fix(line, "you",
                           "the file system is mounted read-only: set KELP_ROOT to a folder on another one");
        else
                doctor_fix(line, "you", "set KELP_ROOT to a folder of yours");
        return false;
}

static void examine_store(Engine *engine, DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "storage", DOCTOR_OK, true);
        _cleanup_free_ char *folder = existing_folder(engine->paths.data);
        const char *remote;
        struct statfs info;
        uint64_t available;
        char size[32];

        if (!folder || !check_writable(line, engine->paths.data, folder))
                return;
        if (statfs(folder, &info) < 0) {
                line->status = DOCTOR_MISSING;
                doctor_detail(line, "%s: %s", folder, strerror(errno));
                return;
        }
        available = (uint64_t)info.f_bavail * (uint64_t)info.f_bsize;
        text_format_size(available, size, sizeof(size));
        remote = remote_file_system(&info);
        if (remote) {
                line->status = DOCTOR_DEGRADED;
                doctor_detail(line, "%s is on %s, where subordinate ids and overlay do not work well",
                              engine->paths.data, remote);
                doctor_fix(line, "you", "set KELP_ROOT to a folder on a local disk");
        } else if (available < STORE_BYTES_WANTED) {
                line->status = DOCTOR_DEGRADED;
                doctor_detail(line, "%s: only %s are free", engine->paths.data, size);
                doctor_fix(line, "you", "free some space, or set KELP_ROOT to a folder on another disk");
        } else {
                doctor_detail(line, "%s, %s free", engine->paths.data, size);
        }
}

static void examine_run_folder(Engine *engine, DoctorReport *report)
{
        DoctorLine *line = doctor_add(report, "runtime folder", DOCTOR_OK, true);
        _cleanup_free_ char *folder = existing_folder(engine->paths.run);

        if (!folder || !check_writable(line, engine->paths.run, folder))
                return;
        doctor_detail(line, "%s", engine->paths.run);
        if (text_empty(getenv("XDG_RUNTIME_DIR")) && geteuid() != 0) {
                line->status = DOCTOR_DEGRADED;
                doctor_detail(line, "XDG_RUNTIME_DIR is not set; %s serves instead", engine->paths.run);
                doctor_fix(line, "you",
                           "log in by PAM (not by su), or export XDG_RUNTIME_DIR=/run/user/$(id -u)");
        }
}

static void examine_helpers(Engine *engine, DoctorReport *report)
{
        static const char *const names[] = {"kelp-fetch", "kelp-unpack", "kelp-monitor", "kelp-init"};
        DoctorLine *line = doctor_add(report, "helpers", DOCTOR_OK, true);

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *path = NULL;
                Error error = ERROR_INIT;

                if (engine_helper(engine, names[i], &path, &error) >= 0)
                        continue;
                line->status = DOCTOR_MISSING;
                doctor_detail(line, "%s", error.message);
                doctor_fix(line, "you", "install kelp again, or set KELP_HELPERS to their folder");
                return;
        }
        doctor_detail(line, "%s", engine->paths.helpers);
}

void doctor_examine_storage(Engine *engine, DoctorReport *report)
{
        examine_store(engine, report);
        examine_run_folder(engine, report);
        examine_helpers(engine, report);
}
