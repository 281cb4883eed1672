/*
 * An overlay is tried first, always: nothing is examined on the way of a container that starts. Where the
 * kernel refuses (the store is on NFS, or on another overlay as in most containers; a kernel before 5.11),
 * the start fails with ERROR_NO_OVERLAY; that is written down in the store, for this kernel, and the start is
 * tried again by the next best means:
 *
 *   fuse-overlayfs  where it is installed and the user may open /dev/fuse. It is mounted in a mount namespace
 * of its own and cloned from there: the clone goes into the container, the rest goes at once, and the daemon
 * ends with the container's root. The host never sees the mount. a copy          of all layers, in the
 * container's folder, reflinked where the file system can.
 *
 * Both are slower, which is said in a line, with what brings the better one.
 */
#include "engine/container-root.h"

#include "base/file.h"
#include "engine/layer-copy.h"
#include "runtime/handshake.h"
#include "sys/userns-run.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static const char note_name[] = "no-overlay", program[] = "/usr/bin/fuse-overlayfs", rootfs_name[] = "rootfs",
                  target_name[] = "merged";

/* ---- what is known ---- */

/* The note counts for the kernel that it was made under. */
static int read_note(Engine *engine, Buffer *ret)
{
        struct utsname host;
        size_t length;
        Store *store;

        if (engine_store(engine, &store, NULL) < 0 || faccessat(store_fd(store), note_name, F_OK, 0) < 0 ||
            file_read_at(store_fd(store), note_name, 4096, ret) < 0 || !ret->data || uname(&host) < 0)
                return 0;
        length = strlen(host.release);
        return strncmp(ret->data, host.release, length) == 0 && ret->data[length] == '\n';
}

bool container_root_can_overlay(Engine *engine)
{
        _cleanup_buffer_ Buffer note = {0};

        return !read_note(engine, &note);
}

int container_root_note(Engine *engine, const Error *error)
{
        _cleanup_free_ char *text = NULL;
        struct utsname host;
        Store *store;

        if (error->kind != ERROR_NO_OVERLAY || !container_root_can_overlay(engine) ||
            engine_store(engine, &store, NULL) < 0 || uname(&host) < 0)
                return 0;
        text = text_printf("%s\n%s\n", host.release, strerror(error->code));
        return text &&
               file_replace_at(store_fd(store), note_name, text, strlen(text), 0600, false, NULL) >= 0;
}

/* ---- fuse-overlayfs ---- */

typedef struct FuseTask {
        const ContainerPlan *plan;
        const char *target; /* a folder to mount on, in a namespace of our own */
        int channel;        /* gets the mount */
} FuseTask;

static void add_escaped(Buffer *options, const char *path)
{
        for (; *path; path++) {
                if (strchr("\\:,", *path))
                        buffer_putc(options, '\\');
                buffer_putc(options, *path);
        }
}

static char *fuse_options(const ContainerPlan *plan)
{
        Buffer options = {0};

        buffer_puts(&options, "lowerdir=");
        for (size_t i = 0; i < plan->lower.count; i++) {
                buffer_puts(&options, i ? ":" : "");
                add_escaped(&options, plan->lower.items[i]);
        }
        buffer_puts(&options, ",upperdir=");
        add_escaped(&options, plan->upper);
        buffer_puts(&options, ",workdir=");
        add_escaped(&options, plan->work);
        buffer_puts(&options,
                    "/fuse"); /* what is directly below is the kernel's, and removed before a start */
        return buffer_take(&options);
}

/* The first line of what the program has said. */
static int fuse_failed(int words, Error *err)
{
        _cleanup_free_ char *printable = NULL;
        char text[256] = "";
        ssize_t length = pread(words, text, sizeof(text) - 1, 0);

        text[length > 0 ? length : 0] = 0;
        text[strcspn(text, "\n")] = 0;
        printable = text_printable(text);
        return fail(err, EIO, "%s could not mount the layers: %s", program, printable ?: "");
}

/* Returns when it is mounted: the program goes into the background by itself. */
static int run_fuse(const FuseTask *task, Error *err)
{
        _cleanup_close_ int words = memfd_create("fuse-overlayfs", MFD_CLOEXEC);
        _cleanup_free_ char *options = fuse_options(task->plan);
        posix_spawn_file_actions_t actions;
        char *environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
        char *arguments[] = {(char *)program, (char *)"-o", options, (char *)task->target, NULL};
        int status = 0, r;
        pid_t pid;

        if (!options || words < 0 || posix_spawn_file_actions_init(&actions) != 0)
                return fail_memory(err);
        posix_spawn_file_actions_adddup2(&actions, words, 1);
        posix_spawn_file_actions_adddup2(&actions, words, 2);
        r = posix_spawn(&pid, program, &actions, NULL, arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return fail_errno(err, r, "start %s", program);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return status == 0 ? 0 : fuse_failed(words, err);
}

static int fuse_task(void *argument, Error *err)
{
        const FuseTask *task = argument;
        _cleanup_close_ int tree = -EBADF;
        int r;

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail_errno(err, errno, "a mount namespace for fuse-overlayfs");
        r = run_fuse(task, err);
        if (r < 0)
                return r;
        tree = open_tree(AT_FDCWD, task->target, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0 || umount2(task->target, MNT_DETACH) < 0)
                return fail_errno(err, errno, "take over the mount of fuse-overlayfs");
        r = handshake_send(task->channel, HANDSHAKE_CREATED, NULL, tree);
        return r < 0 ? fail_errno(err, -r, "hand over the mount of fuse-overlayfs") : 0;
}

static int mount_fuse(int user_namespace, int folder, ContainerLaunch *launch, Error *err)
{
        _cleanup_free_ char *target = path_join(launch->plan.folder, target_name);
        FuseTask task = {.plan = &launch->plan, .target = target};
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        HandshakeMessage message;
        int channels[2], r;

        if (!target)
                return fail_memory(err);
        if ((mkdirat(folder, "upper", 0755) < 0 && errno != EEXIST) ||
            (mkdirat(folder, "work", 0755) < 0 && errno != EEXIST) ||
            (mkdirat(folder, "work/fuse", 0755) < 0 && errno != EEXIST) ||
            (mkdirat(folder, target_name, 0700) < 0 && errno != EEXIST))
                return fail_errno(err, errno, "%s", launch->plan.folder);
        r = handshake_pair(channels);
        if (r < 0)
                return fail_errno(err, -r, "socketpair");
        ours = channels[0];
        theirs = task.channel = channels[1];
        r = userns_run(user_namespace, fuse_task, &task, err);
        unlinkat(folder, target_name, AT_REMOVEDIR);
        if (r < 0)
                return r;
        r = handshake_receive(ours, &message, &launch->root);
        return r > 0 && launch->root >= 0 ? 0 : fail(err, EIO, "the mount of fuse-overlayfs got lost");
}

/* ---- a copy ---- */

typedef struct CopyTask {
        const ContainerPlan *plan;
        int folder;
} CopyTask;

static int copy_task(void *argument, Error *err)
{
        static const char unfinished[] = "rootfs.new";
        const CopyTask *task = argument;
        _cleanup_close_ int to = -EBADF;
        int r;

        r = tree_remove_at(task->folder, unfinished, err);
        if (r < 0)
                return r;
        if (mkdirat(task->folder, unfinished, 0755) < 0)
                return fail_errno(err, errno, "%s/%s", task->plan->folder, unfinished);
        to = openat(task->folder, unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (to < 0)
                return fail_errno(err, errno, "%s/%s", task->plan->folder, unfinished);
        for (size_t i = task->plan->lower.count; r >= 0 && i > 0; i--) {
                const char *layer = task->plan->lower.items[i - 1];
                _cleanup_close_ int from = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                r = from < 0 ? fail_errno(err, errno, "image layer %s", layer)
                             : layer_copy(from, to, NULL, true, err);
        }
        if (r >= 0 && renameat(task->folder, unfinished, task->folder, rootfs_name) < 0)
                r = fail_errno(err, errno, "%s/%s", task->plan->folder, rootfs_name);
        return r < 0 ? fail_wrap(err, r, "copy the image's layers") : 0;
}

static int use_copy(int user_namespace, int folder, ContainerLaunch *launch, Error *err)
{
        CopyTask task = {.plan = &launch->plan, .folder = folder};
        int r = 0;

        if (faccessat(folder, rootfs_name, F_OK, 0) < 0)
                r = userns_run(user_namespace, copy_task, &task, err);
        if (r < 0)
                return r;
        launch->plan.overlay.flat = true;
        free(launch->plan.spec.root_path);
        launch->plan.spec.root_path = path_join(launch->plan.folder, rootfs_name);
        return launch->plan.spec.root_path ? 0 : fail_memory(err);
}

/* ---- the choice ---- */

static void say(Engine *engine, const char *means, const char *better)
{
        _cleanup_buffer_ Buffer note = {0};
        char *reason;

        if (!read_note(engine, &note))
                return;
        reason = note.data + strcspn(note.data, "\n");
        reason += *reason == '\n';
        reason[strcspn(reason, "\n")] = 0;
        notice_add(&engine->notices, "overlay mounts are not to be had here (%s): %s%s", reason, means,
                   better);
}

int container_root_make(Engine *engine, const ContainerConfiguration *configuration, ContainerLaunch *launch,
                        Error *err)
{
        _cleanup_close_ int folder = -EBADF;
        int user_namespace = launch->user_namespace, r = 0;
        bool installed, allowed;

        if (container_root_can_overlay(engine))
                return 0;
        installed = access(program, X_OK) == 0;
        allowed = access("/dev/fuse", R_OK | W_OK) == 0;
        folder = open(launch->plan.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
                return fail_errno(err, errno, "%s", launch->plan.folder);
        if (user_namespace < 0)
                r = engine_user_namespace(engine, &user_namespace, err);
        if (r < 0)
                return r;
        /* What has begun as a copy stays one. */
        if (installed && allowed && faccessat(folder, rootfs_name, F_OK, 0) < 0) {
                say(engine, "fuse-overlayfs is used, which is slower", "");
                return mount_fuse(user_namespace, folder, launch, err);
        }
        say(engine, "the image is copied for each container",
            installed ? "; with access to /dev/fuse it would be mounted by fuse-overlayfs"
                      : "; faster: sudo apt-get install fuse-overlayfs, or kelp's data elsewhere (--root)");
        return use_copy(user_namespace, folder, launch, err);
}
