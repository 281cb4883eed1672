/* spec: a configuration to start from. */
#include "base/cleanup.h"
#include "base/file.h"
#include "oci/oci.h"
#include "spec/json.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What runc writes, in its words: callers take it as a base and change members by name. */
static const char template[] =
        "{\"ociVersion\":\"1.0.2\","
        "\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
        "\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"TERM=xterm\"],"
        "\"cwd\":\"/\",\"capabilities\":{"
        "\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
        "\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
        "\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
        "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],\"noNewPrivileges\":true},"
        "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"container\",\"mounts\":["
        "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
        "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
        "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
        "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
        "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
        "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
        "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
        "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
        "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],"
        "\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},"
        "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
        "{\"type\":\"mount\"},{\"type\":\"cgroup\"}],"
        "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","
        "\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\","
        "\"/sys/firmware\",\"/proc/scsi\",\"/proc/interrupts\",\"/sys/devices/virtual/powercap\"],"
        "\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/"
        "sysrq-trigger\"]}}";

static json_object *member(json_object *object, const char *key)
{
        json_object *value = NULL;

        json_object_object_get_ex(object, key, &value);
        return value;
}

static json_object *id_map(uint32_t host_id)
{
        json_object *list = json_object_new_array(), *map = json_object_new_object();

        json_set_int64(map, "containerID", 0);
        json_set_int64(map, "hostID", host_id);
        json_set_int64(map, "size", 1);
        json_object_array_add(list, map);
        return list;
}

/* A plain user has a user namespace with his own ids, the host's network, and cannot make the rest. */
static void make_rootless(json_object *document)
{
        json_object *section = member(document, "linux"), *namespaces = json_object_new_array(),
                    *mounts = member(document, "mounts");
        static const char *const kinds[] = {"pid", "ipc", "uts", "mount", "cgroup", "user"};

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                json_object *namespace = json_object_new_object();

                json_set_string(namespace, "type", kinds[i]);
                json_object_array_add(namespaces, namespace);
        }
        json_set(section, "namespaces", namespaces);
        json_set(section, "uidMappings", id_map(geteuid()));
        json_set(section, "gidMappings", id_map(getegid()));
        json_object_object_del(section, "resources");
        for (size_t i = 0; i < json_object_array_length(mounts); i++) {
                json_object *mount = json_object_array_get_idx(mounts, i);
                const char *path = json_object_get_string(member(mount, "destination"));
                json_object *options = member(mount, "options");

                if (text_equal(path, "/sys")) {
                        StringList list = {0};

                        if (string_list_add(&list, "rbind") < 0 || string_list_add(&list, "nosuid") < 0 ||
                            string_list_add(&list, "noexec") < 0 || string_list_add(&list, "nodev") < 0 ||
                            string_list_add(&list, "ro") < 0)
                                break;
                        json_set_string(mount, "type", "none");
                        json_set_string(mount, "source", "/sys");
                        json_set(mount, "options", json_new_strings(&list));
                        string_list_deinit(&list);
                } else if (text_equal(path, "/dev/pts")) {
                        json_object_array_del_idx(options, json_object_array_length(options) - 1, 1);
                }
        }
}

int oci_spec(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *bundle = ".", *text;
        bool rootless = false;
        OptionTable table = {.options =
                                     (Option[]){{"bundle", 'b', OPTION_TEXT, &bundle, "FOLDER",
                                                 "Where config.json is written"},
                                                {"rootless", 0, OPTION_FLAG, &rootless, "",
                                                 "For a plain user: a user namespace with the user's ids"}},
                             .count = 2};
        int count, r = oci_parse(context, &table, argc, argv, 0, 0, &count, err);

        if (r == 0)
                r = json_parse(template, strlen(template), "template", &document, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (rootless)
                make_rootless(document);
        path = path_join(bundle, "config.json");
        text = json_object_to_json_string_ext(document,
                                              JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!path || !text)
                return fail_memory(err);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0)
                return errno == EEXIST ? fail_kind(err, ERROR_CONFLICT, EEXIST,
                                                   "%s already exists: remove it first", path)
                                       : fail_errno(err, errno, "%s", path);
        r = file_write_all(fd, text, strlen(text));
        return r < 0 ? fail_errno(err, -r, "%s", path) : 0;
}
