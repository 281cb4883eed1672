/* The report of `kelp doctor`, put together, and `kelp info`. */
#include "engine/host.h"
#include "base/clock.h"
#include "base/file.h"
#include "engine/container.h"
#include "engine/doctor.h"
#include "engine/image.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

DoctorLine *doctor_add(DoctorReport *report, const char *name, DoctorStatus status, bool required)
{
        DoctorLine *line;

        if (report->count < ELEMENTSOF(report->lines))
                report->count++;
        line = &report->lines[report->count - 1];
        *line = (DoctorLine){.status = status, .required = required};
        snprintf(line->name, sizeof(line->name), "%s", name);
        return line;
}

void doctor_detail(DoctorLine *line, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(line->detail, sizeof(line->detail), format, arguments);
        va_end(arguments);
}

void doctor_fix(DoctorLine *line, const char *who, const char *format, ...)
{
        va_list arguments;

        snprintf(line->who, sizeof(line->who), "%s", who);
        va_start(arguments, format);
        vsnprintf(line->fix, sizeof(line->fix), format, arguments);
        va_end(arguments);
}

int doctor_examine(Engine *engine, DoctorReport *ret, _unused_ Error *err)
{
        *ret = (DoctorReport){0};
        doctor_examine_identity(engine, ret);
        doctor_examine_kernel(ret);
        doctor_examine_storage(engine, ret);
        return 0;
}

bool doctor_can_run(const DoctorReport *report)
{
        for (size_t i = 0; i < report->count; i++)
                if (report->lines[i].required && report->lines[i].status == DOCTOR_MISSING)
                        return false;
        return true;
}

/* The value of PRETTY_NAME in os-release(5), unquoted; "Linux" when there is none. New string or NULL. */
static char *operating_system(void)
{
        _cleanup_buffer_ Buffer text = {0};
        char *start, *end;

        if (file_read_at(AT_FDCWD, "/etc/os-release", 64 * 1024, &text) < 0)
                return strdup("Linux");
        start = strstr(text.data, "PRETTY_NAME=");
        if (!start)
                return strdup("Linux");
        start += strlen("PRETTY_NAME=");
        end = strchrnul(start, '\n');
        if (end - start >= 2 && *start == '"' && end[-1] == '"') {
                start++;
                end--;
        }
        return strndup(start, (size_t)(end - start));
}

static int add_container_counts(Engine *engine, json_object *info, Error *err)
{
        ContainerListOptions options = {.all = true};
        _cleanup_json_ json_object *containers = NULL;
        int64_t total, running = 0, paused = 0;
        int r = container_list(engine, &options, &containers, err);

        if (r < 0)
                return r;
        total = (int64_t)json_object_array_length(containers);
        for (size_t i = 0; i < (size_t)total; i++) {
                const char *state = "";

                r = json_get_string(json_object_array_get_idx(containers, i), "State", &state, err);
                if (r < 0)
                        return r;
                running += text_equal(state, "running");
                paused += text_equal(state, "paused");
        }
        json_set_int64(info, "Containers", total);
        json_set_int64(info, "ContainersRunning", running);
        json_set_int64(info, "ContainersPaused", paused);
        json_set_int64(info, "ContainersStopped", total - running - paused);
        return 0;
}

static int add_image_count(Engine *engine, json_object *info, Error *err)
{
        ImageListOptions options = {0};
        _cleanup_json_ json_object *images = NULL;
        int r = image_list(engine, &options, &images, err);

        if (r < 0)
                return r;
        json_set_int64(info, "Images", (int64_t)json_object_array_length(images));
        return 0;
}

static void add_machine(json_object *info)
{
        _cleanup_free_ char *system_name = operating_system();
        char now[CLOCK_TEXT_SIZE];
        struct utsname kernel;
        struct sysinfo memory;

        if (uname(&kernel) == 0) {
                json_set_string(info, "Name", kernel.nodename);
                json_set_string(info, "KernelVersion", kernel.release);
                json_set_string(info, "Architecture", kernel.machine);
        }
        json_set_string(info, "OSType", "linux");
        json_set_string(info, "OperatingSystem", system_name);
        json_set_int64(info, "NCPU", sysconf(_SC_NPROCESSORS_ONLN));
        if (sysinfo(&memory) == 0)
                json_set_int64(info, "MemTotal", (int64_t)memory.totalram * memory.mem_unit);
        clock_format(clock_now(), now);
        json_set_string(info, "SystemTime", now);
}

int host_info(Engine *engine, json_object **ret, Error *err)
{
        _cleanup_strings_ StringList security = {0};
        _cleanup_json_ json_object *info = json_object_new_object();
        int version = doctor_cgroup_version();
        int r;

        if (!info)
                return fail_memory(err);
        r = add_container_counts(engine, info, err);
        if (r >= 0)
                r = add_image_count(engine, info, err);
        if (r < 0)
                return r;
        json_set_string(info, "Driver", "overlay");
        json_set_string(info, "LoggingDriver", "json-file");
        json_set_string(info, "CgroupDriver", "none");
        json_set_string(info, "CgroupVersion", version == 2 ? "2" : version == 1 ? "1" : "");
        add_machine(info);
        json_set_string(info, "DockerRootDir", engine->paths.data);
        json_set_string(info, "ServerVersion", KELP_VERSION);
        json_set_string(info, "DefaultRuntime", "kelp");
        json_set_string(info, "IndexServerAddress", "https://index.docker.io/v1/");
        if (string_list_add(&security, "name=seccomp,profile=builtin") < 0 ||
            string_list_add(&security, "name=rootless") < 0 ||
            string_list_add(&security, "name=cgroupns") < 0)
                return fail_memory(err);
        json_set(info, "SecurityOptions", json_new_strings(&security));
        *ret = TAKE_PTR(info);
        return 0;
}
