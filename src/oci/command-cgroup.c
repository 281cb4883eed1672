/* pause, resume, update, events: what works on a container's cgroup. */
#include "base/clock.h"
#include "base/file.h"
#include "oci/cgroup.h"
#include "runtime/resources.h"
#include "sys/cgroup.h"
#include "sys/process.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int load(OciContext *context, const char *id, OciContainer *container, int *ret_cgroup, Error *err)
{
        int r = state_load(context, id, false, container, err);

        if (r >= 0 && (container->status == OCI_STOPPED || container->status == OCI_CREATING))
                r = fail_kind(err, ERROR_CONFLICT, ESRCH, "container not running: %s is not running",
                              container->id);
        return r < 0 ? r : container_cgroup_open(container, ret_cgroup, err);
}

static int freeze(OciContext *context, bool frozen, int argc, char **argv, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_close_ int cgroup = -EBADF;
        OptionTable table = {0};
        int count, r = oci_parse(context, &table, argc, argv, 1, 1, &count, err);

        if (r == 0)
                r = load(context, argv[1], &container, &cgroup, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!frozen && container.status != OCI_PAUSED)
                return fail_kind(err, ERROR_CONFLICT, EBUSY, "container %s is not paused", container.id);
        r = cgroup_freeze(cgroup, frozen);
        return r < 0 ? fail_errno(err, -r, "%s container %s", frozen ? "freeze" : "thaw", container.id) : 0;
}

int oci_pause(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return freeze(context, true, argc, argv, err);
}

int oci_resume(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        return freeze(context, false, argc, argv, err);
}

/* ---- update ---- */

/* Single flags: what they set in linux.resources. */
static const struct {
        const char *name, *section, *key, *value, *help;
        bool text;
} update_flags[] = {
        {"memory", "memory", "limit", "BYTES", "Memory", false},
        {"memory-swap", "memory", "swap", "BYTES", "Memory and swap together; -1: no limit", false},
        {"memory-reservation", "memory", "reservation", "BYTES", "Memory that is left to it", false},
        {"cpu-shares", "cpu", "shares", "N", "Weight of its share, 2 to 262144", false},
        {"cpu-quota", "cpu", "quota", "MICROSECONDS", "Time in each period", false},
        {"cpu-period", "cpu", "period", "MICROSECONDS", "Length of the period", false},
        {"cpu-burst", "cpu", "burst", "MICROSECONDS", "Time that may be saved up", false},
        {"cpu-idle", "cpu", "idle", "0|1", "Run only when nobody else wants to", false},
        {"cpuset-cpus", "cpu", "cpus", "LIST", "Processors", true},
        {"cpuset-mems", "cpu", "mems", "LIST", "Memory nodes", true},
        {"pids-limit", "pids", "limit", "N", "Processes and threads; -1: no limit", false},
        {"blkio-weight", "blockIO", "weight", "N", "Weight of its input and output, 10 to 1000", false},
};

static int set_flag(json_object *resources, size_t flag, const char *text, Error *err)
{
        json_object *section = NULL;
        int64_t number;

        if (!json_object_object_get_ex(resources, update_flags[flag].section, &section)) {
                section = json_object_new_object();
                json_set(resources, update_flags[flag].section, section);
        }
        if (update_flags[flag].text) {
                json_set_string(section, update_flags[flag].key, text);
                return 0;
        }
        if (text_to_i64(text, &number) < 0) {
                uint64_t size;

                if (text_to_size(text, &size) < 0 || size > INT64_MAX)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "--%s %s: not a number",
                                         update_flags[flag].name, text);
                number = (int64_t)size;
        }
        json_set_int64(section, update_flags[flag].key, number);
        return 0;
}

static int read_resources(const char *path, json_object **ret, Error *err)
{
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_close_ int fd =
                text_equal(path, "-") ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int r = fd < 0 ? -errno : file_read_fd(fd, JSON_DOCUMENT_MAXIMUM, &text);

        if (r < 0)
                return fail_errno(err, -r, "--resources %s", path);
        r = json_parse(text.data ?: "", text.length, path, ret, err);
        if (r >= 0 && !json_object_is_type(*ret, json_type_object))
                r = fail_kind(err, ERROR_CORRUPT, EINVAL, "%s: expected an object", path);
        return r;
}

int oci_update(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_json_ json_object *resources = NULL;
        _cleanup_close_ int cgroup = -EBADF;
        const char *file = NULL, *values[ELEMENTSOF(update_flags)] = {0};
        Option options[ELEMENTSOF(update_flags) + 1] = {{"resources", 'r', OPTION_TEXT, (void *)&file, "FILE",
                                                         "linux.resources as a document; -: standard input"}};
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        for (size_t i = 0; i < ELEMENTSOF(update_flags); i++)
                options[i + 1] = (Option){update_flags[i].name,  0,
                                          OPTION_TEXT,           (void *)&values[i],
                                          update_flags[i].value, update_flags[i].help};
        r = oci_parse(context, &table, argc, argv, 1, 1, &count, err);
        if (r == 0)
                r = load(context, argv[1], &container, &cgroup, err);
        if (r == 0 && file)
                r = read_resources(file, &resources, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!resources)
                resources = json_object_new_object();
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(values); i++)
                if (values[i])
                        r = set_flag(resources, i, values[i], err);
        if (r >= 0)
                r = resources_apply(cgroup, resources, err);
        if (r >= 0 && state_is_host_root())
                r = resources_limit_devices(cgroup, resources, err);
        return r;
}

/* ---- events ---- */

/* The number behind @name in a file of lines, or the whole file's without one; 0 when it is not there. */
static uint64_t read_number(int cgroup, const char *file, const char *name)
{
        _cleanup_buffer_ Buffer text = {0};
        char *save = NULL;
        uint64_t number = 0;

        if (file_read_at(cgroup, file, 1 << 20, &text) < 0 || !text.data)
                return 0;
        for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *rest = name ? text_after(line, name) : line;

                if (!rest || (name && *rest != ' '))
                        continue;
                if (text_to_u64(rest + (name ? 1 : 0), UINT64_MAX, &number) < 0)
                        number = text_equal(rest, "max") ? UINT64_MAX : 0;
                break;
        }
        return number;
}

static json_object *number(uint64_t value)
{
        return json_object_new_uint64(value);
}

/* In the form of runc's. */
static json_object *statistics(int cgroup)
{
        json_object *data = json_object_new_object(), *cpu = json_object_new_object(),
                    *usage = json_object_new_object(), *memory = json_object_new_object(),
                    *memory_usage = json_object_new_object(), *pids = json_object_new_object();

        json_set(usage, "total", number(read_number(cgroup, "cpu.stat", "usage_usec") * 1000));
        json_set(usage, "kernel", number(read_number(cgroup, "cpu.stat", "system_usec") * 1000));
        json_set(usage, "user", number(read_number(cgroup, "cpu.stat", "user_usec") * 1000));
        json_set(cpu, "usage", usage);
        json_set(data, "cpu", cpu);
        json_set(memory_usage, "usage", number(read_number(cgroup, "memory.current", NULL)));
        json_set(memory_usage, "limit", number(read_number(cgroup, "memory.max", NULL)));
        json_set(memory, "usage", memory_usage);
        json_set(data, "memory", memory);
        json_set(pids, "current", number(read_number(cgroup, "pids.current", NULL)));
        json_set(pids, "limit", number(read_number(cgroup, "pids.max", NULL)));
        json_set(data, "pids", pids);
        return data;
}

static void print_event(const char *type, const char *id, json_object *data)
{
        _cleanup_json_ json_object *event = json_object_new_object();

        json_set_string(event, "type", type);
        json_set_string(event, "id", id);
        if (data)
                json_set(event, "data", data);
        printf("%s\n", json_text(event));
        fflush(stdout);
}

int oci_events(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_close_ int cgroup = -EBADF;
        const char *interval = "5s";
        bool once = false;
        OptionTable table = {.options =
                                     (Option[]){{"stats", 0, OPTION_FLAG, &once, "", "Print statistics once"},
                                                {"interval", 0, OPTION_TEXT, &interval, "TIME",
                                                 "Time between two statistics"}},
                             .count = 2};
        uint64_t nanoseconds, kills = 0;
        int count, r = oci_parse(context, &table, argc, argv, 1, 1, &count, err);

        if (r == 0 && (text_to_duration(interval, &nanoseconds) < 0 || nanoseconds < 1000000 ||
                       nanoseconds / 1000000 > INT32_MAX))
                r = fail_kind(err, ERROR_USAGE, EINVAL, "--interval %s: a time is expected", interval);
        if (r == 0)
                r = load(context, argv[1], &container, &cgroup, err);
        if (r != 0)
                return r < 0 ? r : 0;
        do {
                uint64_t now = read_number(cgroup, "memory.events", "oom_kill");

                if (now > kills)
                        print_event("oom", container.id, NULL);
                kills = now;
                print_event("stats", container.id, statistics(cgroup));
        } while (!once && !ferror(stdout) &&
                 process_wait_end(container.pidfd, (int)(nanoseconds / 1000000)) == 0);
        return 0;
}
