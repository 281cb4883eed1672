/* The engine's handle: where things are on this host, and what is opened on first use. */
#include "engine/engine.h"

#include "base/file.h"
#include "sys/account.h"
#include "sys/userns-run.h"

#include <fcntl.h>
#include <sys/stat.h>

static int home_folder(char **ret, Error *err)
{
        const char *home = getenv("HOME");

        if (!text_empty(home)) {
                if (*home != '/')
                        return fail_kind(err, ERROR_USAGE, EINVAL, "HOME is \"%s\": not an absolute path",
                                         home);
                return text_replace(ret, home) < 0 ? fail_memory(err) : 0;
        }

        _cleanup_account_ Account account = {0};

        if (account_find(getuid(), &account) >= 0 && account.home[0] == '/')
                return text_replace(ret, account.home) < 0 ? fail_memory(err) : 0;
        fail(err, ENOENT, "no home folder: HOME is not set and the password database names none for uid %u",
             getuid());
        return fail_hint(err, "set HOME, or name a folder for kelp's data with --root or KELP_ROOT");
}

/* $@variable/kelp, or HOME/@below. */
static int xdg_folder(const char *variable, const char *below, char **ret, Error *err)
{
        const char *value = getenv(variable);
        _cleanup_free_ char *home = NULL;
        int r;

        /* The XDG base directory specification: relative values are to be ignored. */
        if (!text_empty(value) && *value == '/') {
                *ret = path_join(value, "kelp");
                return *ret ? 0 : fail_memory(err);
        }
        r = home_folder(&home, err);
        if (r < 0)
                return r;
        *ret = path_join(home, below);
        return *ret ? 0 : fail_memory(err);
}

static int find_data(const EngineOptions *options, EnginePaths *paths, Error *err)
{
        const char *given = options && options->root ? options->root : getenv("KELP_ROOT");

        if (given && !*given && options && options->root)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--root is empty: it takes the folder for kelp's data");
        if (!text_empty(given)) {
                _cleanup_free_ char *here = *given == '/' ? strdup("") : getcwd(NULL, 0);
                _cleanup_free_ char *joined = here ? path_join(here, given) : NULL;

                paths->data = joined ? path_normalize(joined) : NULL;
                return paths->data ? 0
                                   : fail_errno(err, errno ?: ENOMEM, "folder for kelp's data \"%s\"", given);
        }
        if (geteuid() == 0)
                return text_replace(&paths->data, "/var/lib/kelp") < 0 ? fail_memory(err) : 0;
        return xdg_folder("XDG_DATA_HOME", ".local/share/kelp", &paths->data, err);
}

/* The folder for sockets: XDG_RUNTIME_DIR may be missing (cron, su, batch jobs), then logind's folder, then
 * the data. */
static int find_run(EnginePaths *paths, Error *err)
{
        const char *value = getenv("XDG_RUNTIME_DIR");
        char usual[64];
        struct stat status;

        if (!text_empty(value) && *value == '/' && access(value, W_OK | X_OK) == 0) {
                paths->run = path_join(value, "kelp");
                return paths->run ? 0 : fail_memory(err);
        }
        snprintf(usual, sizeof(usual), "/run/user/%u", getuid());
        if (stat(usual, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == getuid())
                paths->run = path_join(usual, "kelp");
        else
                paths->run = path_join(paths->data, "run");
        return paths->run ? 0 : fail_memory(err);
}

static int find_config(EnginePaths *paths, Error *err)
{
        const char *value = getenv("KELP_CONFIG_DIR");

        if (!text_empty(value))
                return text_replace(&paths->config, value) < 0 ? fail_memory(err) : 0;
        if (geteuid() == 0)
                return text_replace(&paths->config, "/etc/kelp") < 0 ? fail_memory(err) : 0;
        return xdg_folder("XDG_CONFIG_HOME", ".config/kelp", &paths->config, err);
}

/* Helpers stand beside kelp in a build tree; PREFIX/bin/kelp has them in PREFIX/libexec/kelp. */
static int find_helpers(EnginePaths *paths, Error *err)
{
        const char *value = getenv("KELP_HELPERS");
        char self[4096];
        ssize_t length;
        char *slash;

        if (!text_empty(value))
                return text_replace(&paths->helpers, value) < 0 ? fail_memory(err) : 0;
        length = readlink("/proc/self/exe", self, sizeof(self) - 1);
        if (length <= 0)
                return fail_errno(err, errno, "read /proc/self/exe (is /proc mounted?)");
        self[length] = 0;
        slash = strrchr(self, '/');
        if (slash)
                *slash = 0;
        if (text_ends(self, "/bin")) {
                self[strlen(self) - 4] = 0;
                paths->helpers = path_join(self, "libexec/kelp");
        } else {
                paths->helpers = strdup(self);
        }
        return paths->helpers ? 0 : fail_memory(err);
}

int engine_open(const EngineOptions *options, Engine **ret, Error *err)
{
        _cleanup_engine_ Engine *engine = calloc(1, sizeof(*engine));
        int r;

        if (!engine)
                return fail_memory(err);
        engine->user_namespace = (UserNamespace)USER_NAMESPACE_INIT;
        engine->interrupt = (Interrupt)INTERRUPT_INIT;
        r = find_data(options, &engine->paths, err);
        if (r >= 0)
                r = find_run(&engine->paths, err);
        if (r >= 0)
                r = find_config(&engine->paths, err);
        if (r >= 0)
                r = find_helpers(&engine->paths, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(engine);
        return 0;
}

Engine *engine_close(Engine *engine)
{
        if (!engine)
                return NULL;
        store_close(engine->store);
        if (engine->user_namespace_started)
                userns_deinit(&engine->user_namespace);
        notice_list_deinit(&engine->notices);
        free(engine->paths.data);
        free(engine->paths.run);
        free(engine->paths.config);
        free(engine->paths.helpers);
        free(engine);
        return NULL;
}

int engine_map(Engine *engine, const UserNamespaceMap **ret, Error *err)
{
        int r;

        if (!engine->mapped) {
                r = userns_plan(NULL, &engine->map, &engine->notices, err);
                if (r < 0)
                        return r;
                engine->mapped = true;
        }
        *ret = &engine->map;
        return 0;
}

int engine_store(Engine *engine, Store **ret, Error *err)
{
        StoreOptions options = {.path = engine->paths.data, .owner = (uid_t)-1, .group = (gid_t)-1};
        int r;

        if (!engine->store) {
                /* Started by root, container root is a subordinate id, which must be able to use its layers.
                 */
                if (geteuid() == 0) {
                        const UserNamespaceMap *map;

                        r = engine_map(engine, &map, err);
                        if (r < 0)
                                return r;
                        options.owner = id_map_to_host(&map->uids, 0);
                        options.group = id_map_to_host(&map->gids, 0);
                }
                r = store_open(&options, &engine->store, err);
                if (r < 0)
                        return r;
        }
        *ret = engine->store;
        return 0;
}

int engine_user_namespace_start(Engine *engine, Error *err)
{
        const UserNamespaceMap *map;
        int r;

        /* What could not be finished is begun again. */
        if (engine->user_namespace_started &&
            (engine->user_namespace.holder > 0 || engine->user_namespace.fd >= 0))
                return 0;
        r = engine_map(engine, &map, err);
        if (r < 0)
                return r;
        r = userns_start(map, &engine->user_namespace, err);
        if (r < 0)
                return r;
        engine->user_namespace_started = true;
        return 0;
}

int engine_user_namespace_begun(Engine *engine, UserNamespace **ret, Error *err)
{
        int r = engine_user_namespace_start(engine, err);

        *ret = &engine->user_namespace;
        return r;
}

int engine_user_namespace(Engine *engine, int *ret_fd, Error *err)
{
        int r;

        r = engine_user_namespace_start(engine, err);
        if (r < 0)
                return r;
        r = userns_finish(&engine->user_namespace, err);
        if (r < 0) {
                userns_deinit(&engine->user_namespace);
                engine->user_namespace_started = false;
                return r;
        }
        *ret_fd = engine->user_namespace.fd;
        return 0;
}

int engine_helper(Engine *engine, const char *name, char **ret, Error *err)
{
        _cleanup_free_ char *path = path_join(engine->paths.helpers, name);

        if (!path)
                return fail_memory(err);
        if (access(path, R_OK) < 0) {
                fail_kind(err, ERROR_NOT_FOUND, errno, "kelp's own file %s is missing: looked for %s", name,
                          path);
                return fail_hint(err,
                                 "install kelp again, or name the folder of its helpers in KELP_HELPERS");
        }
        *ret = TAKE_PTR(path);
        return 0;
}

typedef struct RemoveTask {
        int parent_fd;
        const char *name;
} RemoveTask;

static int remove_task(void *argument, Error *err)
{
        const RemoveTask *task = argument;

        return tree_remove_at(task->parent_fd, task->name, err);
}

int engine_remove_tree(Engine *engine, int parent_fd, const char *name, Error *err)
{
        Error first = ERROR_INIT;
        int namespace, r;

        r = tree_remove_at(parent_fd, name, &first);
        if (r >= 0)
                return 0;
        /* What belongs to subordinate ids, and whiteouts in folders of theirs, only their root can remove. */
        if (r != -EACCES && r != -EPERM) {
                if (err)
                        *err = first;
                return r;
        }
        r = engine_user_namespace(engine, &namespace, err);
        if (r < 0)
                return r;
        return userns_run(namespace, remove_task, &(RemoveTask){.parent_fd = parent_fd, .name = name}, err);
}

int engine_collect(Engine *engine, Error *err)
{
        StoreCollectResult result = {0};
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        r = store_collect(store, &result, err);
        for (size_t i = 0; r >= 0 && i < result.stubborn.count; i++)
                r = engine_remove_tree(engine, store_fd(store), result.stubborn.items[i], err);
        string_list_deinit(&result.stubborn);
        return r;
}

int engine_work_begin(Engine *engine, Error *err)
{
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        r = interrupt_begin(&engine->interrupt, err);
        if (r >= 0)
                store_set_interrupt(store, &engine->interrupt);
        return r;
}

void engine_work_end(Engine *engine)
{
        engine_collect(engine, NULL); /* a failure is of no concern to this work */
        store_set_interrupt(engine->store, NULL);
        interrupt_end(&engine->interrupt);
}

int engine_await(Engine *engine, int fd, int milliseconds, Error *err)
{
        int r = interrupt_wait(&engine->interrupt, fd, milliseconds);

        return r == -EINTR ? fail(err, EINTR, "interrupted") : r;
}
