/* What the payload of a container and a process of exec have in common: who it is, what it may, what it finds
 * open. */
#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

enum { DATABASE_MAXIMUM = 4 << 20 };

/* ---- user ---- */

static int read_database(int root, const char *path, Buffer *ret, const char **ret_text, Error *err)
{
        _cleanup_close_ int fd =
                path_open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
        struct stat status;
        int r;

        *ret_text = NULL;
        if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV)
                return 0;
        if (fd < 0)
                return fail_errno(err, -fd, "%s of the image", path);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return 0;
        r = file_read_fd(fd, DATABASE_MAXIMUM, ret);
        if (r < 0)
                return fail_errno(err, -r, "%s of the image", path);
        *ret_text = ret->data ?: "";
        return 0;
}

int process_resolve_user(const RuntimeProcess *process, int root, ContainerUser *ret, Error *err)
{
        _cleanup_buffer_ Buffer passwd = {0}, group = {0};
        const char *passwd_text, *group_text;
        char numbers[32];
        int r;

        r = read_database(root, "/etc/passwd", &passwd, &passwd_text, err);
        if (r >= 0)
                r = read_database(root, "/etc/group", &group, &group_text, err);
        if (r < 0)
                return r;
        if (process->user)
                return user_resolve(process->user, passwd_text, group_text, process->group_add.items,
                                    process->group_add.count, ret, err);
        snprintf(numbers, sizeof(numbers), "%u:%u", process->uid, process->gid);
        if (user_resolve(numbers, passwd_text, group_text, NULL, 0, ret, NULL) < 0) {
                *ret = (ContainerUser){.home = "/"};
        }
        ret->uid = process->uid;
        ret->gid = process->gid;
        ret->group_count = 0;
        for (size_t i = 0; i < process->additional_gid_count; i++) {
                if (ret->group_count == USER_GROUPS_MAXIMUM)
                        return fail_kind(err, ERROR_USAGE, E2BIG,
                                         "process.user.additionalGids: more than %d groups",
                                         USER_GROUPS_MAXIMUM);
                ret->groups[ret->group_count++] = process->additional_gids[i];
        }
        return 0;
}

int process_add_account(const RuntimeProcess *process, int root, Error *err)
{
        static const char path[] = "etc/passwd";
        /* A link could lead to what the user has mounted. */
        _cleanup_close_ int fd =
                path_open_no_symlinks(root, path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
        const char *entry = process->passwd_entry;
        struct stat status;
        char last = '\n';
        int r;

        /* Whatever else an image has there is nobody's account. */
        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return 0;
        if (status.st_size > 0 && pread(fd, &last, 1, status.st_size - 1) != 1)
                return 0;
        if (lseek(fd, 0, SEEK_END) < 0)
                return fail_errno(err, errno, "%s of the image", path);
        r = last == '\n' ? 0 : file_write_all(fd, "\n", 1);
        if (r >= 0)
                r = file_write_all(fd, entry, strlen(entry));
        return r < 0 ? fail_errno(err, -r, "%s of the image", path) : 0;
}

/* ---- working folder ---- */

int process_change_directory(const RuntimeProcess *process, bool make, Error *err)
{
        const char *path = text_empty(process->cwd) ? "/" : process->cwd;
        char where[PATH_MAX];

        if (text_equal(path, "/"))
                return chdir(path) < 0 ? fail_errno(err, errno, "working directory /") : 0;
        if (make) {
                _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), folder = -EBADF;

                folder = root < 0 ? -errno : path_make_directory_in_root(root, path, 0755);
                if (folder < 0)
                        return fail_errno(err, -folder, "working directory %s: make it in the container",
                                          path);
                if (fchdir(folder) < 0)
                        return fail_errno(err, errno, "working directory %s", path);
        } else if (chdir(path) < 0) {
                return fail_kind(err, errno == EACCES ? ERROR_NOT_EXECUTABLE : ERROR_COMMAND_NOT_FOUND, errno,
                                 "working directory %s of the container: %s", path, strerror(errno));
        }
        /* A folder that no path inside leads to (a descriptor of the host's, say) would be a way out. */
        if (!getcwd(where, sizeof(where)) || where[0] != '/')
                return fail(err, EPERM, "working directory %s lies outside of the container's root", path);
        return 0;
}

/* ---- program ---- */

/* 0: can be executed, a negative errno otherwise. */
static int check_program(const char *path)
{
        struct stat status;

        if (stat(path, &status) < 0)
                return -errno;
        if (S_ISDIR(status.st_mode))
                return -EISDIR;
        if (!S_ISREG(status.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
                return -EACCES;
        return 0;
}

static int program_error(const char *name, int code, Error *err)
{
        bool missing = code == ENOENT || code == ENOTDIR;

        return fail_kind(err, missing ? ERROR_COMMAND_NOT_FOUND : ERROR_NOT_EXECUTABLE, code,
                         "exec: \"%s\": %s%s%s", name, missing ? "stat " : "",
                         missing          ? name
                         : code == EISDIR ? "is a directory"
                                          : strerror(code),
                         missing ? ": no such file or directory" : "");
}

int process_find_program(const RuntimeProcess *process, char **ret, Error *err)
{
        const char *name = process->args.count ? process->args.items[0] : "";
        const char *path = string_list_env_get(&process->env, "PATH");
        int refused = 0, r;

        *ret = NULL;
        if (!*name)
                return fail_kind(err, ERROR_COMMAND_NOT_FOUND, ENOENT, "exec: \"\": no command is given");
        if (strchr(name, '/')) {
                r = check_program(name);
                if (r < 0)
                        return program_error(name, -r, err);
                *ret = strdup(name);
                return *ret ? 0 : fail_memory(err);
        }
        for (const char *part = path; part; part = strchr(part, ':') ? strchr(part, ':') + 1 : NULL) {
                size_t length = strcspn(part, ":");
                _cleanup_free_ char *candidate =
                        length ? text_printf("%.*s/%s", (int)length, part, name) : text_printf("./%s", name);

                if (!candidate)
                        return fail_memory(err);
                r = check_program(candidate);
                if (r >= 0) {
                        *ret = TAKE_PTR(candidate);
                        return 0;
                }
                refused = r == -EACCES ? -r : refused;
        }
        if (refused)
                return program_error(name, refused, err);
        return fail_kind(err, ERROR_COMMAND_NOT_FOUND, ENOENT,
                         "exec: \"%s\": executable file not found in $PATH", name);
}

int process_exec_failed(const char *program, int code, Error *err)
{
        fail_kind(err, code == ENOENT ? ERROR_COMMAND_NOT_FOUND : ERROR_NOT_EXECUTABLE, code, "exec %s: %s",
                  program, code == ENOENT ? "no such file or directory" : strerror(code));
        if (code == ENOENT)
                return fail_hint(err, "the file is there, but its interpreter (the #! line, or the dynamic "
                                      "loader) is not in the image");
        if (code == ENOEXEC)
                return fail_hint(err, "it is for another kind of processor, or a script without a #! line");
        return -code;
}

char **process_environment(const RuntimeProcess *process, const ContainerUser *user)
{
        const StringList *env = &process->env;
        char **list = calloc(env->count + 2, sizeof(*list));

        if (!list)
                return NULL;
        for (size_t i = 0; i < env->count; i++)
                list[i] = env->items[i];
        if (!string_list_env_get(env, "HOME"))
                list[env->count] = text_printf("HOME=%s", *user->home ? user->home : "/");
        return list;
}

/* ---- descriptors ---- */

static bool is_null(int fd)
{
        struct stat status;

        return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

/* The null device becomes the container's own: criu saves no file that is on a mount of the host's. */
static int copy_stream(int fd, int minimum)
{
        int own = is_null(fd) ? open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;

        if (own >= 0 && is_null(own))
                return own;
        cleanup_close(&own);
        return fcntl(fd, F_DUPFD_CLOEXEC, minimum);
}

int process_set_stdio(const int stdio[static 3], unsigned preserve, Error *err)
{
        int copies[3] = {-EBADF, -EBADF, -EBADF};

        /* First out of the way, above what is preserved, then into place: the numbers may overlap. */
        for (int i = 0; i < 3; i++) {
                if (stdio[i] == i && !is_null(i))
                        continue;
                copies[i] = stdio[i] >= 0 ? copy_stream(stdio[i], (int)(3 + preserve))
                                          : open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);
                if (copies[i] < 0)
                        return fail_errno(
                                err, errno,
                                stdio[i] >= 0 ? "standard stream %d" : "standard stream %d: /dev/null", i);
                if (copies[i] < 3) {
                        copies[i] = fd_move_above_stdio(copies[i]);
                        if (copies[i] < 0)
                                return fail_errno(err, EMFILE, "standard stream %d", i);
                }
        }
        for (int i = 0; i < 3; i++)
                if (copies[i] < 0 ? fcntl(i, F_SETFD, 0) < 0 : dup2(copies[i], i) < 0)
                        return fail_errno(err, errno, "standard stream %d", i);
        if (syscall(SYS_close_range, 3 + preserve, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) < 0)
                return fail_errno(err, errno, "close_range");
        return 0;
}
