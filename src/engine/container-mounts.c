#include "engine/container-mounts.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <ctype.h>

void container_mount_deinit(ContainerMount *mount)
{
        free(mount->source);
        free(mount->name);
        free(mount->subpath);
        free(mount->destination);
        free(mount->mode);
        string_list_deinit(&mount->options);
        *mount = (ContainerMount){0};
}

static int set_destination(ContainerMount *mount, const char *path, const char *text, Error *err)
{
        if (*path != '/')
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "mount \"%s\": the path inside the container, \"%s\", is not absolute", text,
                                 path);
        free(mount->destination);
        mount->destination = path_normalize(path);
        if (!mount->destination)
                return fail_memory(err);
        if (text_equal(mount->destination, "/"))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "mount \"%s\": the destination cannot be '/', the container's root", text);
        return 0;
}

static int check_volume_name(const char *name, const char *text, Error *err)
{
        bool good = isalnum((unsigned char)*name) && name[1];

        for (const char *c = name; good && *c; c++)
                good = isalnum((unsigned char)*c) || strchr("_.-", *c);
        if (good)
                return 0;
        fail_kind(err, ERROR_USAGE, EINVAL,
                  "mount \"%s\": \"%s\" is not a volume name: only [a-zA-Z0-9][a-zA-Z0-9_.-] are "
                  "allowed, at least two of them",
                  text, name);
        return fail_hint(err, "for a folder of the host write an absolute path, or one that starts with ./");
}

/* Makes "./x" absolute; other paths must be. */
static int set_host_path(ContainerMount *mount, const char *path, const char *text, Error *err)
{
        _cleanup_free_ char *here = NULL, *joined = NULL;

        if (*path == '.') {
                here = getcwd(NULL, 0);
                if (!here)
                        return fail_errno(err, errno, "mount \"%s\": read the current folder", text);
                joined = path_join(here, path);
        } else if (*path == '/') {
                joined = strdup(path);
        } else {
                return fail_kind(err, ERROR_USAGE, EINVAL, "mount \"%s\": the source \"%s\" is not absolute",
                                 text, path);
        }
        free(mount->source);
        mount->source = joined ? path_normalize(joined) : NULL;
        return mount->source ? 0 : fail_memory(err);
}

/* ---- -v ---- */

static const char *const propagations[] = {"private", "rprivate", "shared", "rshared", "slave", "rslave"};
static const char *const flag_options[] = {"noexec", "exec",    "nosuid", "suid",       "nodev",
                                           "dev",    "noatime", "atime",  "nodiratime", "relatime",
                                           "sync",   "dirsync", "async",  "nosymfollow"};
/* Words of Docker Desktop and of SELinux hosts that mean nothing on a Linux host without: Docker takes them
 * in silence too. */
static const char *const harmless_options[] = {"z", "Z", "cached", "delegated", "consistent", "default"};

static bool one_of(const char *word, const char *const *words, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (text_equal(word, words[i]))
                        return true;
        return false;
}

static int apply_volume_option(ContainerMount *mount, const char *option, const char *text, bool *recursive,
                               Error *err)
{
        if (text_equal(option, "ro") || text_equal(option, "readonly"))
                mount->read_only = true;
        else if (text_equal(option, "rw"))
                mount->read_only = false;
        else if (text_equal(option, "nocopy") && mount->type == MOUNT_VOLUME)
                mount->no_copy = true;
        else if (text_equal(option, "copy") && mount->type == MOUNT_VOLUME)
                mount->no_copy = false;
        else if (text_equal(option, "bind") && mount->type == MOUNT_BIND)
                *recursive = false;
        else if (text_equal(option, "rbind") && mount->type == MOUNT_BIND)
                *recursive = true;
        else if (one_of(option, harmless_options, ELEMENTSOF(harmless_options)))
                return 0;
        else if (one_of(option, propagations, ELEMENTSOF(propagations)) ||
                 one_of(option, flag_options, ELEMENTSOF(flag_options)))
                return string_list_add(&mount->options, option) < 0 ? fail_memory(err) : 0;
        else if (text_equal(option, "U"))
                return fail_kind(
                        err, ERROR_USAGE, EINVAL,
                        "mount \"%s\": \"U\" (change the owner of the source) does not exist here: kelp "
                        "never "
                        "changes owners of your files; run as the container's root instead, who is you",
                        text);
        else
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "mount \"%s\": unknown option \"%s\" (known: ro, rw, nocopy, bind, rbind, a "
                                 "propagation "
                                 "such as rslave, noexec, nosuid, nodev)",
                                 text, option);
        return 0;
}

/* "rbind" is first, and private unless asked otherwise. */
static int finish_options(ContainerMount *mount, bool recursive, Error *err)
{
        bool propagation = false;

        for (size_t i = 0; i < mount->options.count; i++)
                propagation = propagation ||
                              one_of(mount->options.items[i], propagations, ELEMENTSOF(propagations));
        if (mount->type != MOUNT_TMPFS && string_list_add(&mount->options, recursive ? "rbind" : "bind") < 0)
                return fail_memory(err);
        if (mount->type != MOUNT_TMPFS && !propagation && string_list_add(&mount->options, "rprivate") < 0)
                return fail_memory(err);
        return 0;
}

int container_mount_parse_volume(const char *text, ContainerMount *ret, Error *err)
{
        _cleanup_mount_ ContainerMount mount = {.type = MOUNT_VOLUME};
        _cleanup_free_ char *copy = strdup(text);
        char *parts[3] = {NULL}, *save = NULL;
        bool recursive = true;
        size_t count = 0;
        int r;

        if (!copy)
                return fail_memory(err);
        for (char *part = copy; part; count++) {
                char *colon = strchr(part, ':');

                if (count == ELEMENTSOF(parts))
                        return fail_kind(
                                err, ERROR_USAGE, EINVAL,
                                "mount \"%s\": too many colons; the form is [SOURCE:]DESTINATION[:OPTIONS]",
                                text);
                if (colon)
                        *colon = 0;
                parts[count] = part;
                part = colon ? colon + 1 : NULL;
        }
        if (count == 1) {
                mount.anonymous = true;
                r = set_destination(&mount, parts[0], text, err);
        } else {
                if (!*parts[0])
                        return fail_kind(err, ERROR_USAGE, EINVAL, "mount \"%s\": the source is empty", text);
                if (*parts[0] == '/' || *parts[0] == '.') {
                        mount.type = MOUNT_BIND;
                        mount.make_source = true;
                        r = set_host_path(&mount, parts[0], text, err);
                } else {
                        r = check_volume_name(parts[0], text, err);
                        if (r >= 0 && text_replace(&mount.name, parts[0]) < 0)
                                r = fail_memory(err);
                }
                if (r >= 0)
                        r = set_destination(&mount, parts[1], text, err);
        }
        if (r < 0)
                return r;
        if (parts[2] && text_replace(&mount.mode, parts[2]) < 0)
                return fail_memory(err);
        for (char *option = parts[2] ? strtok_r(parts[2], ",", &save) : NULL; option;
             option = strtok_r(NULL, ",", &save)) {
                r = apply_volume_option(&mount, option, text, &recursive, err);
                if (r < 0)
                        return r;
        }
        r = finish_options(&mount, recursive, err);
        if (r < 0)
                return r;
        *ret = mount;
        mount = (ContainerMount){0};
        return 0;
}

/* ---- --mount ---- */

/* Splits one CSV record: fields may be quoted, "" is a quote inside one. */
static int split_csv(const char *text, StringList *ret, Error *err)
{
        const char *c = text;

        for (;;) {
                _cleanup_buffer_ Buffer field = {0};

                if (*c == '"') {
                        for (c++; *c && (*c != '"' || c[1] == '"'); c++) {
                                buffer_putc(&field, *c);
                                c += *c == '"';
                        }
                        if (*c != '"' || (c[1] && c[1] != ','))
                                return fail_kind(err, ERROR_USAGE, EINVAL,
                                                 "--mount %s: a quote is not closed", text);
                        c++;
                } else {
                        while (*c && *c != ',')
                                buffer_putc(&field, *c++);
                }
                if (string_list_take(ret, buffer_take(&field)) < 0)
                        return fail_memory(err);
                if (!*c)
                        return 0;
                c++;
        }
}

static int parse_flag(const char *value, const char *key, const char *text, bool *ret, Error *err)
{
        if (!value || text_equal(value, "true") || text_equal(value, "1"))
                *ret = true;
        else if (text_equal(value, "false") || text_equal(value, "0"))
                *ret = false;
        else
                return fail_kind(err, ERROR_USAGE, EINVAL, "--mount %s: %s=%s is neither true nor false",
                                 text, key, value);
        return 0;
}

/* What one key of --mount is for. */
typedef struct MountKey {
        const char *name;
        int types; /* bits of ContainerMountType */
        enum {
                KEY_TYPE,
                KEY_SOURCE,
                KEY_TARGET,
                KEY_READ_ONLY,
                KEY_PROPAGATION,
                KEY_NON_RECURSIVE,
                KEY_RECURSIVE,
                KEY_NO_COPY,
                KEY_SUBPATH,
                KEY_TMPFS_SIZE,
                KEY_TMPFS_MODE,
                KEY_DRIVER,
                KEY_HARMLESS,
        } meaning;
} MountKey;

enum {
        BIND = 1 << MOUNT_BIND,
        VOLUME = 1 << MOUNT_VOLUME,
        TMPFS = 1 << MOUNT_TMPFS,
        ANY = BIND | VOLUME | TMPFS
};

static const MountKey mount_keys[] = {
        {"type", ANY, KEY_TYPE},
        {"source", BIND | VOLUME, KEY_SOURCE},
        {"src", BIND | VOLUME, KEY_SOURCE},
        {"target", ANY, KEY_TARGET},
        {"dst", ANY, KEY_TARGET},
        {"destination", ANY, KEY_TARGET},
        {"readonly", ANY, KEY_READ_ONLY},
        {"ro", ANY, KEY_READ_ONLY},
        {"bind-propagation", BIND, KEY_PROPAGATION},
        {"bind-nonrecursive", BIND, KEY_NON_RECURSIVE},
        {"bind-recursive", BIND, KEY_RECURSIVE},
        {"volume-nocopy", VOLUME, KEY_NO_COPY},
        {"volume-subpath", VOLUME, KEY_SUBPATH},
        {"volume-driver", VOLUME, KEY_DRIVER},
        {"tmpfs-size", TMPFS, KEY_TMPFS_SIZE},
        {"tmpfs-mode", TMPFS, KEY_TMPFS_MODE},
        {"consistency", ANY, KEY_HARMLESS},
};

typedef struct MountParse {
        ContainerMount mount;
        const char *source, *target;
        bool recursive;
        bool recursive_read_only;
} MountParse;

static int add_option(ContainerMount *mount, Error *err, const char *format, const char *value)
{
        return string_list_take(&mount->options, text_printf("%s%s", format, value)) < 0 ? fail_memory(err)
                                                                                         : 0;
}

static int apply_recursive(MountParse *parse, const char *value, const char *text, Error *err)
{
        if (text_equal(value, "enabled"))
                parse->recursive = true;
        else if (text_equal(value, "disabled"))
                parse->recursive = false;
        else if (text_equal(value, "writable"))
                parse->recursive_read_only = false;
        else if (text_equal(value, "readonly"))
                parse->recursive_read_only = true;
        else
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--mount %s: bind-recursive is one of enabled, disabled, writable, readonly",
                                 text);
        return 0;
}

static int apply_tmpfs(MountParse *parse, bool mode, const char *value, const char *text, Error *err)
{
        uint64_t number = 0;

        if (!mode && text_to_size(value, &number) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--mount %s: tmpfs-size \"%s\" is not a size",
                                 text, value);
        for (const char *c = value; mode && (*c || c == value); c++)
                if (*c < '0' || *c > '7' || c - value > 4)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "--mount %s: tmpfs-mode \"%s\" is not an octal mode", text, value);
        if (mode)
                return add_option(&parse->mount, err, "mode=", value);
        return string_list_addf(&parse->mount.options, "size=%llu", (unsigned long long)number) < 0
                       ? fail_memory(err)
                       : 0;
}

/* What is below it is looked up when it is mounted, without leaving the volume. */
static int apply_subpath(MountParse *parse, const char *value, const char *text, Error *err)
{
        _cleanup_free_ char *normalized = path_normalize(value);

        if (!normalized)
                return fail_memory(err);
        if (!*value || *value == '/' || strstr(value, "..") || text_equal(normalized, "/"))
                return fail_kind(
                        err, ERROR_USAGE, EINVAL,
                        "--mount %s: volume-subpath \"%s\" must be a relative path within the volume", text,
                        value);
        return text_replace(&parse->mount.subpath, normalized + 1) < 0 ? fail_memory(err) : 0;
}

static int apply_key(MountParse *parse, const MountKey *key, const char *value, const char *text, Error *err)
{
        bool flag = false;
        int r = 0;

        if (!value && key->meaning != KEY_READ_ONLY && key->meaning != KEY_NON_RECURSIVE &&
            key->meaning != KEY_NO_COPY)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--mount %s: %s needs a value", text, key->name);
        switch (key->meaning) {
        case KEY_TYPE:
        case KEY_HARMLESS:
                break;
        case KEY_SOURCE:
                parse->source = value;
                break;
        case KEY_TARGET:
                parse->target = value;
                break;
        case KEY_READ_ONLY:
                r = parse_flag(value, key->name, text, &parse->mount.read_only, err);
                break;
        case KEY_PROPAGATION:
                if (!one_of(value, propagations, ELEMENTSOF(propagations)))
                        return fail_kind(err, ERROR_USAGE, EINVAL, "--mount %s: unknown propagation \"%s\"",
                                         text, value);
                r = add_option(&parse->mount, err, "", value);
                break;
        case KEY_NON_RECURSIVE:
                r = parse_flag(value, key->name, text, &flag, err);
                parse->recursive = !flag;
                break;
        case KEY_RECURSIVE:
                r = apply_recursive(parse, value, text, err);
                break;
        case KEY_NO_COPY:
                r = parse_flag(value, key->name, text, &parse->mount.no_copy, err);
                break;
        case KEY_SUBPATH:
                r = apply_subpath(parse, value, text, err);
                break;
        case KEY_TMPFS_SIZE:
        case KEY_TMPFS_MODE:
                r = apply_tmpfs(parse, key->meaning == KEY_TMPFS_MODE, value, text, err);
                break;
        case KEY_DRIVER:
                if (!text_equal(value, "local"))
                        return fail_kind(err, ERROR_UNSUPPORTED, EINVAL,
                                         "--mount %s: volume-driver=%s: kelp has no daemon and so no volume "
                                         "plugins; the "
                                         "driver is \"local\"",
                                         text, value);
                break;
        }
        return r;
}

static int parse_type(const StringList *fields, const char *text, ContainerMountType *ret, Error *err)
{
        const char *type = string_list_env_get(fields, "type");

        if (!type || text_equal(type, "volume"))
                *ret = MOUNT_VOLUME;
        else if (text_equal(type, "bind"))
                *ret = MOUNT_BIND;
        else if (text_equal(type, "tmpfs"))
                *ret = MOUNT_TMPFS;
        else
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--mount %s: unknown type \"%s\" (known: bind, volume, tmpfs)", text, type);
        return 0;
}

static int apply_field(MountParse *parse, char *field, const char *text, Error *err)
{
        char *equals = strchr(field, '=');
        const char *nearest = NULL;
        unsigned best = 4;

        if (equals)
                *equals = 0;
        for (size_t i = 0; i < ELEMENTSOF(mount_keys); i++) {
                const MountKey *key = &mount_keys[i];
                unsigned distance = text_distance(field, key->name);

                if (distance == 0) {
                        if (!(key->types & (1 << parse->mount.type)))
                                return fail_kind(err, ERROR_USAGE, EINVAL,
                                                 "--mount %s: %s cannot be combined with this mount type",
                                                 text, field);
                        return apply_key(parse, key, equals ? equals + 1 : NULL, text, err);
                }
                if (distance < best) {
                        best = distance;
                        nearest = key->name;
                }
        }
        fail_kind(err, ERROR_USAGE, EINVAL, "--mount %s: unknown key \"%s\"", text, field);
        return nearest ? fail_hint(err, "did you mean \"%s\"?", nearest) : -EINVAL;
}

static int finish_mount(MountParse *parse, const char *text, Error *err)
{
        ContainerMount *mount = &parse->mount;
        int r;

        if (text_empty(parse->target))
                return fail_kind(err, ERROR_USAGE, EINVAL, "--mount %s: target is required", text);
        r = set_destination(mount, parse->target, text, err);
        if (r < 0)
                return r;
        if (mount->type == MOUNT_BIND) {
                if (text_empty(parse->source))
                        return fail_kind(err, ERROR_USAGE, EINVAL, "--mount %s: a bind mount needs a source",
                                         text);
                r = set_host_path(mount, parse->source, text, err);
        } else if (mount->type == MOUNT_VOLUME && !text_empty(parse->source)) {
                r = check_volume_name(parse->source, text, err);
                if (r >= 0 && text_replace(&mount->name, parse->source) < 0)
                        r = fail_memory(err);
        } else if (mount->type == MOUNT_VOLUME) {
                mount->anonymous = true;
        }
        if (r >= 0 && mount->subpath && mount->anonymous)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--mount %s: volume-subpath needs a source: a new volume has nothing in it",
                                 text);
        if (r >= 0 && mount->type == MOUNT_TMPFS)
                for (const char *const *flag = (const char *const[]){"nosuid", "nodev", "noexec", NULL};
                     *flag; flag++)
                        if (string_list_add(&mount->options, *flag) < 0)
                                return fail_memory(err);
        if (r >= 0)
                r = finish_options(mount, parse->recursive, err);
        if (r >= 0 && mount->read_only && parse->recursive_read_only &&
            string_list_add(&mount->options, "rro") < 0)
                return fail_memory(err);
        return r;
}

int container_mount_parse_mount(const char *text, ContainerMount *ret, Error *err)
{
        MountParse parse = {.recursive = true, .recursive_read_only = true};
        _cleanup_strings_ StringList fields = {0};
        int r;

        r = split_csv(text, &fields, err);
        if (r >= 0)
                r = parse_type(&fields, text, &parse.mount.type, err);
        for (size_t i = 0; r >= 0 && i < fields.count; i++)
                r = apply_field(&parse, fields.items[i], text, err);
        if (r >= 0)
                r = finish_mount(&parse, text, err);
        if (r < 0) {
                container_mount_deinit(&parse.mount);
                return r;
        }
        *ret = parse.mount;
        return 0;
}

/* ---- --tmpfs ---- */

static int check_tmpfs_option(const char *option, const char *text, Error *err)
{
        static const char *const valued[] = {"size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks="};

        if (text_equal(option, "ro") || text_equal(option, "rw") ||
            one_of(option, flag_options, ELEMENTSOF(flag_options)))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(valued); i++)
                if (text_after(option, valued[i]) && *text_after(option, valued[i]))
                        return 0;
        return fail_kind(err, ERROR_USAGE, EINVAL,
                         "--tmpfs %s: unknown option \"%s\" (known: size=, mode=, uid=, gid=, "
                         "nr_inodes=, ro, rw, exec, noexec, suid, dev)",
                         text, option);
}

int container_mount_parse_tmpfs(const char *text, ContainerMount *ret, Error *err)
{
        _cleanup_mount_ ContainerMount mount = {.type = MOUNT_TMPFS};
        _cleanup_free_ char *copy = strdup(text);
        char *colon, *save = NULL;
        int r = 0;

        if (!copy)
                return fail_memory(err);
        colon = strchr(copy, ':');
        if (colon)
                *colon = 0;
        r = set_destination(&mount, copy, text, err);
        /* Docker's defaults; later words win. */
        for (const char *const *flag = (const char *const[]){"nosuid", "nodev", "noexec", NULL};
             r >= 0 && *flag; flag++)
                r = string_list_add(&mount.options, *flag) < 0 ? fail_memory(err) : 0;
        for (char *option = colon ? strtok_r(colon + 1, ",", &save) : NULL; r >= 0 && option;
             option = strtok_r(NULL, ",", &save)) {
                r = check_tmpfs_option(option, text, err);
                if (r < 0)
                        break;
                if (text_equal(option, "ro") || text_equal(option, "rw"))
                        mount.read_only = text_equal(option, "ro");
                else
                        r = string_list_add(&mount.options, option) < 0 ? fail_memory(err) : 0;
        }
        if (r < 0)
                return r;
        *ret = mount;
        mount = (ContainerMount){0};
        return 0;
}

/* ---- JSON ---- */

static const char *const type_names[] = {"bind", "volume", "tmpfs"};

json_object *container_mount_to_json(const ContainerMount *mount)
{
        json_object *object = json_object_new_object();
        const char *propagation = "";

        for (size_t i = 0; i < mount->options.count; i++)
                if (one_of(mount->options.items[i], propagations, ELEMENTSOF(propagations)))
                        propagation = mount->options.items[i];
        json_set_string(object, "Type", type_names[mount->type]);
        if (mount->name)
                json_set_string(object, "Name", mount->name);
        json_set_string(object, "Source", mount->source ?: "");
        if (mount->subpath)
                json_set_string(object, "Subpath", mount->subpath);
        json_set_string(object, "Destination", mount->destination);
        if (mount->type == MOUNT_VOLUME)
                json_set_string(object, "Driver", "local");
        json_set_string(object, "Mode", mount->mode ?: "");
        json_set_bool(object, "RW", !mount->read_only);
        json_set_string(object, "Propagation", mount->type == MOUNT_BIND ? propagation : "");
        json_set(object, "Options", json_new_strings(&mount->options));
        json_set_bool(object, "Anonymous", mount->anonymous);
        json_set_bool(object, "CopyUp", mount->copy_up);
        return object;
}

int container_mount_from_json(json_object *object, ContainerMount *ret, Error *err)
{
        _cleanup_mount_ ContainerMount mount = {0};
        const char *type = "", *name = NULL, *source = "", *destination = "", *mode = "", *subpath = NULL;
        bool writable = true;
        int r;

        r = json_get_string(object, "Type", &type, err);
        if (r >= 0)
                r = json_get_string(object, "Name", &name, err);
        if (r >= 0)
                r = json_get_string(object, "Source", &source, err);
        if (r >= 0)
                r = json_get_string(object, "Subpath", &subpath, err);
        if (r >= 0)
                r = json_get_string(object, "Destination", &destination, err);
        if (r >= 0)
                r = json_get_string(object, "Mode", &mode, err);
        if (r >= 0)
                r = json_get_bool(object, "RW", &writable, err);
        if (r >= 0)
                r = json_get_bool(object, "Anonymous", &mount.anonymous, err);
        if (r >= 0)
                r = json_get_bool(object, "CopyUp", &mount.copy_up, err);
        if (r >= 0)
                r = json_get_strings(object, "Options", &mount.options, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(type_names); i++)
                if (text_equal(type, type_names[i]))
                        mount.type = (ContainerMountType)i;
        mount.read_only = !writable;
        if ((*source && text_replace(&mount.source, source) < 0) || text_replace(&mount.name, name) < 0 ||
            text_replace(&mount.destination, destination) < 0 || text_replace(&mount.mode, mode) < 0 ||
            text_replace(&mount.subpath, subpath) < 0)
                return fail_memory(err);
        *ret = mount;
        mount = (ContainerMount){0};
        return 0;
}
