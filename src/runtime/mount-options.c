#include "runtime/mount-options.h"

#include "runtime/feature-list.h"

#include <sys/mount.h>

void mount_options_deinit(MountOptions *options)
{
        string_list_deinit(&options->data);
}

/* Each of these can have an "r" in front, then all mounts below are meant too. */
static const struct {
        const char *name;
        uint64_t set, clear;
} attributes[] = {
        {"ro", MOUNT_ATTR_RDONLY, 0},
        {"rw", 0, MOUNT_ATTR_RDONLY},
        {"nosuid", MOUNT_ATTR_NOSUID, 0},
        {"suid", 0, MOUNT_ATTR_NOSUID},
        {"nodev", MOUNT_ATTR_NODEV, 0},
        {"dev", 0, MOUNT_ATTR_NODEV},
        {"noexec", MOUNT_ATTR_NOEXEC, 0},
        {"exec", 0, MOUNT_ATTR_NOEXEC},
        {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
        {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
        {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
        {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
        {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
        {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
        {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
        {"diratime", 0, MOUNT_ATTR_NODIRATIME},
        {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
        {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

static const struct {
        const char *name;
        uint64_t flag;
} propagations[] = {
        {"private", MS_PRIVATE},
        {"slave", MS_SLAVE},
        {"shared", MS_SHARED},
        {"unbindable", MS_UNBINDABLE},
};

bool feature_mount_option(size_t index, char ret[static 32])
{
        static const char *const others[] = {"bind", "rbind", "tmpcopyup", "idmap", "ridmap"};
        const size_t named = ELEMENTSOF(attributes) + ELEMENTSOF(propagations);

        /* First all as they are, then the same with an "r" in front. */
        if (index < 2 * named) {
                size_t i = index % named;

                snprintf(ret, 32, "%s%s", index < named ? "" : "r",
                         i < ELEMENTSOF(attributes) ? attributes[i].name
                                                    : propagations[i - ELEMENTSOF(attributes)].name);
                return true;
        }
        if (index - 2 * named >= ELEMENTSOF(others))
                return false;
        snprintf(ret, 32, "%s", others[index - 2 * named]);
        return true;
}

static bool apply_attribute(const char *word, uint64_t *set, uint64_t *clear)
{
        for (size_t i = 0; i < ELEMENTSOF(attributes); i++)
                if (text_equal(word, attributes[i].name)) {
                        /* The last word about a flag wins. */
                        *set = (*set & ~attributes[i].clear) | attributes[i].set;
                        *clear = (*clear & ~attributes[i].set) | attributes[i].clear;
                        return true;
                }
        return false;
}

static bool apply_propagation(const char *word, bool recursive, MountOptions *options)
{
        for (size_t i = 0; i < ELEMENTSOF(propagations); i++)
                if (text_equal(word, propagations[i].name)) {
                        options->propagation = propagations[i].flag;
                        options->propagation_recursive = recursive;
                        return true;
                }
        return false;
}

int mount_options_parse(const StringList *words, MountOptions *ret)
{
        /* Words that mean nothing here: what is asked for is the case, or it is a remark for other programs.
         */
        static const char *const ignored[] = {"defaults", "async", "auto",   "noauto", "nofail", "user",
                                              "nouser",   "users", "silent", "loud",   "_netdev"};
        _cleanup_mount_options_ MountOptions options = {0};

        for (size_t i = 0; i < words->count; i++) {
                const char *word = words->items[i], *rest = text_after(word, "r");
                bool known = false;

                for (size_t j = 0; j < ELEMENTSOF(ignored); j++)
                        known = known || text_equal(word, ignored[j]);
                if (known || apply_attribute(word, &options.set, &options.clear) ||
                    apply_propagation(word, false, &options) ||
                    (rest && (apply_attribute(rest, &options.recursive_set, &options.recursive_clear) ||
                              apply_propagation(rest, true, &options))))
                        continue;
                if (text_equal(word, "bind") || text_equal(word, "rbind")) {
                        options.bind = true;
                        options.recursive = options.recursive || *word == 'r';
                } else if (text_equal(word, "idmap") || text_equal(word, "ridmap")) {
                        options.idmap = true;
                        options.idmap_recursive = options.idmap_recursive || *word == 'r';
                } else if (text_equal(word, "tmpcopyup")) {
                        options.copy_up = true;
                } else {
                        options.has_mode = options.has_mode || text_after(word, "mode=");
                        if (string_list_add(&options.data, word) < 0)
                                return -ENOMEM;
                }
        }
        *ret = options;
        options = (MountOptions){0};
        return 0;
}
