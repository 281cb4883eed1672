/*
 * The configuration goes to JSON and back by one table, so that no field can be written in one direction
 * only.
 */
#include "engine/container-configuration.h"

#include "base/cleanup.h"

typedef enum Section { SECTION_CONFIG, SECTION_HOST_CONFIG, SECTION_KELP, SECTION_COUNT } Section;

typedef enum FieldType {
        FIELD_STRING,
        FIELD_BOOL,
        FIELD_INTEGER, /* int64_t */
        FIELD_BITS,    /* uint64_t, kept as an integer */
        FIELD_STRINGS,
        FIELD_MAP, /* a list of name=value as an object */
        FIELD_SET, /* a list of names as an object of empty objects, Docker's way to write a set */
} FieldType;

typedef struct Field {
        Section section;
        const char *key;
        FieldType type;
        size_t offset;
} Field;

static const char *const section_names[SECTION_COUNT] = {"Config", "HostConfig", "Kelp"};

#define FIELD(section, key, type, member)                                                                    \
        {SECTION_##section, key, FIELD_##type, offsetof(ContainerConfiguration, member)}

static const Field fields[] = {
        FIELD(CONFIG, "Hostname", STRING, hostname),
        FIELD(CONFIG, "Domainname", STRING, domainname),
        FIELD(CONFIG, "User", STRING, user),
        FIELD(CONFIG, "AttachStdin", BOOL, attach_stdin),
        FIELD(CONFIG, "AttachStdout", BOOL, attach_stdout),
        FIELD(CONFIG, "AttachStderr", BOOL, attach_stderr),
        FIELD(CONFIG, "Tty", BOOL, terminal),
        FIELD(CONFIG, "OpenStdin", BOOL, open_stdin),
        FIELD(CONFIG, "Env", STRINGS, env),
        FIELD(CONFIG, "Cmd", STRINGS, command),
        FIELD(CONFIG, "Image", STRING, image),
        FIELD(CONFIG, "Volumes", SET, volumes),
        FIELD(CONFIG, "WorkingDir", STRING, workdir),
        FIELD(CONFIG, "Entrypoint", STRINGS, entrypoint),
        FIELD(CONFIG, "Labels", MAP, labels),
        FIELD(CONFIG, "ExposedPorts", SET, exposed_ports),
        FIELD(CONFIG, "StopSignal", STRING, stop_signal),
        FIELD(CONFIG, "StopTimeout", INTEGER, stop_timeout),

        FIELD(HOST_CONFIG, "Binds", STRINGS, binds),
        FIELD(HOST_CONFIG, "NetworkMode", STRING, network),
        FIELD(HOST_CONFIG, "PidMode", STRING, pid),
        FIELD(HOST_CONFIG, "IpcMode", STRING, ipc),
        FIELD(HOST_CONFIG, "UTSMode", STRING, uts),
        FIELD(HOST_CONFIG, "UsernsMode", STRING, userns),
        FIELD(HOST_CONFIG, "CgroupnsMode", STRING, cgroupns),
        FIELD(HOST_CONFIG, "CapAdd", STRINGS, cap_add),
        FIELD(HOST_CONFIG, "CapDrop", STRINGS, cap_drop),
        FIELD(HOST_CONFIG, "GroupAdd", STRINGS, group_add),
        FIELD(HOST_CONFIG, "SecurityOpt", STRINGS, security),
        FIELD(HOST_CONFIG, "Privileged", BOOL, privileged),
        FIELD(HOST_CONFIG, "ReadonlyRootfs", BOOL, read_only),
        FIELD(HOST_CONFIG, "Init", BOOL, init),
        FIELD(HOST_CONFIG, "AutoRemove", BOOL, auto_remove),
        FIELD(HOST_CONFIG, "ShmSize", INTEGER, shm_size),
        FIELD(HOST_CONFIG, "OomScoreAdj", INTEGER, oom_score_adj),
        FIELD(HOST_CONFIG, "Sysctls", MAP, sysctls),
        FIELD(HOST_CONFIG, "Dns", STRINGS, dns),
        FIELD(HOST_CONFIG, "DnsSearch", STRINGS, dns_search),
        FIELD(HOST_CONFIG, "DnsOptions", STRINGS, dns_options),
        FIELD(HOST_CONFIG, "ExtraHosts", STRINGS, hosts),
        FIELD(HOST_CONFIG, "Links", STRINGS, links),
        FIELD(HOST_CONFIG, "PublishAllPorts", BOOL, publish_all),
        FIELD(HOST_CONFIG, "MaskedPaths", STRINGS, masked_paths),
        FIELD(HOST_CONFIG, "ReadonlyPaths", STRINGS, readonly_paths),
        FIELD(HOST_CONFIG, "Annotations", MAP, annotations),

        FIELD(KELP, "NetworkDefault", BOOL, network_default),
        FIELD(KELP, "Networks", STRINGS, networks),
        FIELD(KELP, "Ports", STRINGS, ports),
        FIELD(KELP, "AllowHost", STRINGS, allow_host),
        FIELD(KELP, "Ulimits", STRINGS, ulimits),
        FIELD(KELP, "Devices", STRINGS, devices),
        FIELD(KELP, "Tmpfs", STRINGS, tmpfs),
        FIELD(KELP, "LogDriver", STRING, log_driver),
        FIELD(KELP, "LogMaxSize", INTEGER, log_max_size),
        FIELD(KELP, "LogMaxFiles", INTEGER, log_max_files),
        FIELD(KELP, "ImageId", STRING, image_id),
        FIELD(KELP, "Layers", STRINGS, layers),
        FIELD(KELP, "Platform", STRING, platform),
        FIELD(KELP, "Seccomp", STRING, seccomp),
        FIELD(KELP, "NoNewPrivileges", BOOL, no_new_privileges),
        FIELD(KELP, "UserFromImage", BOOL, user_from_image),
        FIELD(KELP, "Capabilities", BITS, capabilities),
        FIELD(KELP, "ResolvConf", STRING, resolv_conf),
        FIELD(KELP, "SingleId", BOOL, single_id),
};

static void *member_of(const ContainerConfiguration *configuration, const Field *field)
{
        return (char *)configuration + field->offset;
}

void container_configuration_deinit(ContainerConfiguration *configuration)
{
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                void *member = member_of(configuration, &fields[i]);

                if (fields[i].type == FIELD_STRING)
                        free(*(char **)member);
                else if (fields[i].type >= FIELD_STRINGS)
                        string_list_deinit(member);
        }
        for (size_t i = 0; i < configuration->mount_count; i++)
                container_mount_deinit(&configuration->mounts[i]);
        free(configuration->mounts);
        *configuration = (ContainerConfiguration){0};
}

static json_object *new_set(const StringList *list)
{
        json_object *object = json_object_new_object();

        for (size_t i = 0; i < list->count; i++)
                json_set(object, list->items[i], json_object_new_object());
        return object;
}

static void write_field(json_object *section, const Field *field, const void *member)
{
        switch (field->type) {
        case FIELD_STRING:
                json_set_string(section, field->key, *(char *const *)member ?: "");
                break;
        case FIELD_BOOL:
                json_set_bool(section, field->key, *(const bool *)member);
                break;
        case FIELD_INTEGER:
        case FIELD_BITS:
                json_set_int64(section, field->key, *(const int64_t *)member);
                break;
        case FIELD_STRINGS:
                json_set(section, field->key,
                         ((const StringList *)member)->count ? json_new_strings(member) : NULL);
                break;
        case FIELD_MAP:
                json_set(section, field->key, json_new_map(member));
                break;
        case FIELD_SET:
                json_set(section, field->key, ((const StringList *)member)->count ? new_set(member) : NULL);
                break;
        }
}

json_object *container_configuration_to_json(const ContainerConfiguration *configuration)
{
        json_object *document = json_object_new_object(), *sections[SECTION_COUNT],
                    *mounts = json_object_new_array();

        for (size_t i = 0; i < SECTION_COUNT; i++) {
                sections[i] = json_object_new_object();
                json_set(document, section_names[i], sections[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                write_field(sections[fields[i].section], &fields[i], member_of(configuration, &fields[i]));
        for (size_t i = 0; i < configuration->mount_count; i++)
                json_object_array_add(mounts, container_mount_to_json(&configuration->mounts[i]));
        json_set(document, "Mounts", mounts);
        return document;
}

static int read_members(json_object *section, const Field *field, StringList *list, Error *err)
{
        json_object *object = NULL;
        int r;

        r = json_get_object(section, field->key, &object, err);
        if (r <= 0)
                return r;
        json_object_object_foreach(object, name, value)
        {
                if (field->type == FIELD_SET)
                        r = string_list_add(list, name);
                else
                        r = string_list_addf(list, "%s=%s", name, json_object_get_string(value));
                if (r < 0)
                        return fail_memory(err);
        }
        return 0;
}

static int read_field(json_object *section, const Field *field, void *member, Error *err)
{
        const char *text = NULL;
        int r;

        switch (field->type) {
        case FIELD_STRING:
                r = json_get_string(section, field->key, &text, err);
                if (r > 0 && text_replace(member, text) < 0)
                        return fail_memory(err);
                return r;
        case FIELD_BOOL:
                return json_get_bool(section, field->key, member, err);
        case FIELD_INTEGER:
        case FIELD_BITS:
                return json_get_int64(section, field->key, member, err);
        case FIELD_STRINGS:
                return json_get_strings(section, field->key, member, err);
        case FIELD_MAP:
        case FIELD_SET:
                return read_members(section, field, member, err);
        }
        return 0;
}

static int read_mounts(json_object *document, ContainerConfiguration *configuration, Error *err)
{
        json_object *mounts = NULL;
        size_t count;
        int r;

        r = json_get_array(document, "Mounts", &mounts, err);
        if (r <= 0)
                return r;
        count = json_object_array_length(mounts);
        configuration->mounts = calloc(count ?: 1, sizeof(*configuration->mounts));
        if (!configuration->mounts)
                return fail_memory(err);
        for (size_t i = 0; i < count; i++) {
                r = container_mount_from_json(json_object_array_get_idx(mounts, i), &configuration->mounts[i],
                                              err);
                if (r < 0)
                        return r;
                configuration->mount_count++;
        }
        return 0;
}

int container_configuration_from_json(const char *text, ContainerConfiguration *ret, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_json_ json_object *document = NULL;
        int r;

        r = json_parse(text, strlen(text), "the container's configuration", &document, err);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fields); i++) {
                json_object *section = NULL;

                r = json_get_object(document, section_names[fields[i].section], &section, err);
                if (r > 0)
                        r = read_field(section, &fields[i], member_of(&configuration, &fields[i]), err);
        }
        if (r >= 0)
                r = read_mounts(document, &configuration, err);
        if (r < 0)
                return fail_wrap(err, r, "the store's record of a container");
        *ret = configuration;
        configuration = (ContainerConfiguration){0};
        return 0;
}

int container_configuration_arguments(const ContainerConfiguration *configuration, StringList *ret,
                                      Error *err)
{
        if (string_list_copy(ret, &configuration->entrypoint) < 0 ||
            string_list_copy(ret, &configuration->command) < 0)
                return fail_memory(err);
        return 0;
}
