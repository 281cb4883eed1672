#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/init.h"
#include "sys/raw.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static bool own_mounts(const Init *init)
{
        return init->spec->namespaces[NAMESPACE_MOUNT].mode == NAMESPACE_NEW;
}

/* Nothing that happens here reaches the host; what the host unmounts goes here too, so that a container pins
 * no removable disk. */
int rootfs_isolate(Init *init, Error *err)
{
        if (own_mounts(init) && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return fail_errno(err, errno, "mount namespace: take the tree out of the host's propagation");
        return 0;
}

/* The kernel's own words about a failed fsconfig(2), if it has any ("e overlay: …", one message a read). */
static void read_mount_log(int fs, char *ret, size_t size)
{
        ssize_t length = read(fs, ret, size - 1);

        ret[length > 0 ? length : 0] = 0;
        if (length > 2 && ret[1] == ' ')
                memmove(ret, ret + 2, strlen(ret + 2) + 1);
        ret[strcspn(ret, "\n")] = 0;
}

static int overlay_failed(int fs, int code, const RuntimeOverlay *overlay, Error *err)
{
        char log[256];

        read_mount_log(fs, log, sizeof(log));
        fail_errno(err, code, "overlay root file system with %zu layers%s%s", overlay->lower_count,
                   *log ? ": " : "", log);
        if (code == EPERM || code == ENODEV)
                fail_hint(err, "overlay file systems of plain users need Linux 5.11; `kelp doctor` shows "
                               "what this host offers");
        else if (code == EINVAL || code == EOPNOTSUPP)
                fail_hint(err, "the file system that holds kelp's data may not take overlays (NFS, another "
                               "overlay): choose "
                               "another folder with --root or KELP_ROOT");
        if (err && (code == EPERM || code == ENODEV || code == EINVAL || code == EOPNOTSUPP))
                err->kind = ERROR_NO_OVERLAY;
        return -code;
}

/* Before Linux 6.5 the lower folders are one string of at most a page in the call's options. */
static int mount_overlay_at_once(Init *init, const RuntimeOverlay *overlay, const char *target, Error *err)
{
        _cleanup_buffer_ Buffer options = {0};

        buffer_puts(&options, "userxattr,lowerdir=");
        for (size_t i = 0; i < overlay->lower_count; i++) {
                buffer_puts(&options, i ? ":" : "");
                for (const char *c = overlay->lower[i]; *c; c++) {
                        if (strchr("\\:,", *c))
                                buffer_putc(&options, '\\');
                        buffer_putc(&options, *c);
                }
        }
        if (overlay->upper)
                buffer_printf(&options, ",upperdir=%s,workdir=%s", overlay->upper, overlay->work);
        if (overlay->upper && overlay->discarded)
                buffer_puts(&options, ",volatile");
        if (options.failed)
                return fail_memory(err);
        if (options.length >= 4096) {
                fail_kind(err, ERROR_UNSUPPORTED, E2BIG,
                          "overlay root file system: %zu layers are too many for this kernel",
                          overlay->lower_count);
                return fail_hint(err,
                                 "Linux 6.5 takes them; or put kelp's data below a shorter path (--root)");
        }
        if (mount("overlay", target, "overlay", 0, options.data) < 0)
                return overlay_failed(-1, errno, overlay, err);
        init->root = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return init->root < 0 ? fail_errno(err, errno, "overlay root file system") : 0;
}

static int configure_overlay(int fs, const RuntimeOverlay *overlay)
{
        if (fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
                return -errno;
        for (size_t i = 0; i < overlay->lower_count; i++)
                if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", overlay->lower[i], 0) < 0)
                        return -errno;
        if (overlay->upper && (fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", overlay->upper, 0) < 0 ||
                               fsconfig(fs, FSCONFIG_SET_STRING, "workdir", overlay->work, 0) < 0))
                return -errno;
        /* Else the end of the mount would wait for a sync of the host's whole file system. */
        if (overlay->upper && overlay->discarded && fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
                return -errno;
        return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

/* The longest value that fsconfig(2) takes. */
static bool fits_fsconfig(const RuntimeOverlay *overlay)
{
        enum { VALUE_MAXIMUM = 255 };
        bool fits = !overlay->upper ||
                    (strlen(overlay->upper) <= VALUE_MAXIMUM && strlen(overlay->work) <= VALUE_MAXIMUM);

        for (size_t i = 0; i < overlay->lower_count; i++)
                fits = fits && strlen(overlay->lower[i]) <= VALUE_MAXIMUM;
        return fits;
}

static int mount_overlay(Init *init, const RuntimeOverlay *overlay, Error *err)
{
        /* Any folder will do that nothing else needs: pivot_root(2) moves the mount from there to /. */
        const char *target = overlay->upper ?: overlay->lower[0];
        _cleanup_close_ int fs = fsopen("overlay", FSOPEN_CLOEXEC), root = -EBADF;
        int r;

        if (fs < 0)
                return overlay_failed(-1, errno, overlay, err);
        if (!fits_fsconfig(overlay))
                return mount_overlay_at_once(init, overlay, target, err);
        r = configure_overlay(fs, overlay);
        if (r < 0) {
                struct stat status;

                for (size_t i = 0; i < overlay->lower_count; i++)
                        if (stat(overlay->lower[i], &status) < 0)
                                return fail_errno(err, errno, "image layer %s", overlay->lower[i]);
                if (r == -EINVAL && mount_overlay_at_once(init, overlay, target, NULL) >= 0)
                        return 0;
                return overlay_failed(fs, -r, overlay, err);
        }
        root = fsmount(fs, FSMOUNT_CLOEXEC, 0);
        if (root < 0 || move_mount(root, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return fail_errno(err, errno, "attach the overlay root file system");
        init->root = TAKE_FD(root);
        return 0;
}

static int mount_folder(Init *init, Error *err)
{
        const char *path = init->spec->root_path;
        _cleanup_close_ int root =
                open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

        if (root < 0)
                return fail_errno(err, errno, "root file system %s", path);
        if (move_mount(root, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
                return fail_errno(err, errno, "attach the root file system %s", path);
        init->root = TAKE_FD(root);
        return 0;
}

/* What the caller has mounted, and not attached yet. */
static int attach_made_root(Init *init, Error *err)
{
        const char *target = init->create->overlay->upper;

        if (move_mount(init->create->root, "", AT_FDCWD, target,
                       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
                return fail_errno(err, errno, "attach the root file system");
        init->root = fcntl(init->create->root, F_DUPFD_CLOEXEC, 3);
        return init->root < 0 ? fail_errno(err, errno, "root file system") : 0;
}

int rootfs_mount(Init *init, Error *err)
{
        if (init->create->has_root)
                return attach_made_root(init, err);
        if (init->create->overlay && !init->create->overlay->flat)
                return mount_overlay(init, init->create->overlay, err);
        if (text_empty(init->spec->root_path))
                return fail_kind(err, ERROR_USAGE, EINVAL, "config.json: root.path is missing");
        if (own_mounts(init))
                return mount_folder(init, err);
        init->root = open(init->spec->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return init->root < 0 ? fail_errno(err, errno, "root file system %s", init->spec->root_path) : 0;
}

/* What pivot_root(2) refuses, in a ramdisk: our root covers the host's, which stays below it, out of reach.
 */
static int rootfs_move(Error *err)
{
        if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
                return fail_errno(err, errno, "move the root file system to /");
        return 0;
}

/*
 * umount2(2) of the host's tree: it is gone at once, but the call waits until no processor can still be on
 * its way through it, a third of a millisecond. So it is made by a task beside us; nothing of the tree can be
 * reached through "/" any more.
 */
static int detach_main(void *argument)
{
        return raw_syscall(SYS_umount2, (long)".", MNT_DETACH, 0, 0, 0, 0) < 0 ? 1 : 0;
}

static int detach(Init *init, Error *err)
{
        enum { STACK = 16 << 10 };
        char *stack =
                mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

        if (stack == MAP_FAILED)
                return fail_memory(err);
        /* Its working folder is its own: there the tree lies over the new root. */
        init->detacher = clone(detach_main, stack + STACK, CLONE_VM | SIGCHLD, NULL);
        if (init->detacher > 0)
                return 0;
        init->detacher = 0;
        return umount2(".", MNT_DETACH) < 0 ? fail_errno(err, errno, "detach the host's file systems") : 0;
}

int rootfs_forget(Init *init, Error *err)
{
        int status = 0;

        if (init->detacher <= 0)
                return 0;
        while (waitpid(init->detacher, &status, 0) < 0)
                if (errno != EINTR)
                        return fail_errno(err, errno, "detach the host's file systems");
        init->detacher = 0;
        return status == 0 ? 0 : fail(err, EIO, "detach the host's file systems: umount2 failed");
}

int rootfs_pivot(Init *init, Error *err)
{
        int r;

        if (fchdir(init->root) < 0)
                return fail_errno(err, errno, "enter the root file system");
        if (!own_mounts(init)) {
                if (chroot(".") < 0)
                        return fail_errno(err, errno, "chroot");
                return chdir("/") < 0 ? fail_errno(err, errno, "chdir /") : 0;
        }
        if (init->create->no_pivot)
                return rootfs_move(err);
        /* The old root lands on top of the new one, and is detached from there: no folder is needed to hold
         * it. */
        if (syscall(SYS_pivot_root, ".", ".") < 0)
                return fail_errno(err, errno, "pivot_root");
        r = detach(init, err);
        if (r < 0)
                return r;
        return chdir("/") < 0 ? fail_errno(err, errno, "chdir /") : 0;
}

int rootfs_finish(Init *init, Error *err)
{
        static const struct {
                const char *name;
                unsigned long flags;
        } propagations[] = {
                {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
                {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
                {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
                {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
        };
        const char *wanted = init->spec->rootfs_propagation;
        struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};

        if (init->spec->root_readonly && mount_setattr(AT_FDCWD, "/", 0, &readonly, sizeof(readonly)) < 0)
                return fail_errno(err, errno, "make the root file system read-only");
        for (size_t i = 0; wanted && i < ELEMENTSOF(propagations); i++)
                if (text_equal(wanted, propagations[i].name)) {
                        if (mount(NULL, "/", NULL, propagations[i].flags, NULL) < 0)
                                return fail_errno(err, errno, "linux.rootfsPropagation %s", wanted);
                        return 0;
                }
        return text_empty(wanted)
                       ? 0
                       : fail_kind(err, ERROR_USAGE, EINVAL,
                                   "config.json: linux.rootfsPropagation: '%s' is unknown", wanted);
}
