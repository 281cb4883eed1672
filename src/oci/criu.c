#include "oci/criu.h"

#include "base/file.h"
#include "sys/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MESSAGE_MAXIMUM = 64 << 10, LOG_MAXIMUM = 64 << 20 };

void criu_deinit(Criu *criu)
{
        cleanup_close(&criu->images);
        cleanup_close(&criu->work);
        buffer_deinit(&criu->options);
        free(criu->work_path);
        criu->work_path = NULL;
}

/* By PATH, and where root's programs are, which a service's PATH may lack. 0, -ENOENT, -ENOMEM. */
static int find_program(const char *name, char **ret)
{
        const char *path = getenv("PATH");
        _cleanup_free_ char *folders = text_printf("%s:/usr/local/sbin:/usr/sbin:/sbin", path ?: "/usr/bin");
        char *save = NULL;

        if (!folders)
                return -ENOMEM;
        for (char *folder = strtok_r(folders, ":", &save); folder; folder = strtok_r(NULL, ":", &save)) {
                _cleanup_free_ char *program = path_join(folder, name);

                if (program && folder[0] == '/' && access(program, X_OK) == 0) {
                        *ret = TAKE_PTR(program);
                        return 0;
                }
        }
        return -ENOENT;
}

/* ---- options ---- */

void criu_options_fill(CriuOptions *o, Option *ret)
{
        const Option table[CRIU_OPTION_COUNT] = {
                {"image-path", 0, OPTION_TEXT, &o->image_path, "FOLDER",
                 "Where criu's images are (default: checkpoint)"},
                {"work-path", 0, OPTION_TEXT, &o->work_path, "FOLDER",
                 "Where criu's log is (default: that of the images)"},
                {"tcp-established", 0, OPTION_FLAG, &o->tcp_established, "", "With open TCP connections"},
                {"ext-unix-sk", 0, OPTION_FLAG, &o->external_sockets, "",
                 "With unix sockets that lead out of the container"},
                {"shell-job", 0, OPTION_FLAG, &o->shell_job, "",
                 "With a terminal, or a session, that is another's"},
                {"file-locks", 0, OPTION_FLAG, &o->file_locks, "", "With locks of files"},
                {"manage-cgroups-mode", 0, OPTION_TEXT, &o->cgroups_mode, "MODE",
                 "What criu does to cgroups: ignore (default), soft, full or strict"},
                {"network-lock", 0, OPTION_TEXT, &o->network_lock, "METHOD",
                 "How connections are stopped meanwhile: iptables, nftables or skip"},
                {"empty-ns", 0, OPTION_LIST, &o->empty_namespaces, "network",
                 "The network namespace is made, without what is in it"},
                {"auto-dedup", 0, OPTION_FLAG, &o->auto_dedup, "",
                 "Pages that are there twice are freed in the images"},
                {"lazy-pages", 0, OPTION_FLAG, &o->lazy_pages, "",
                 "Memory is sent when it is asked for, by a page server"},
                {"link-remap", 0, OPTION_FLAG, &o->link_remap, "",
                 "With open files that have no name any more"},
        };

        memcpy(ret, table, sizeof(table));
}

static int put_cgroups_mode(const CriuOptions *options, Buffer *message, Error *err)
{
        /* The container's cgroup is made by us, by its configuration, and it is born there. */
        static const struct {
                const char *name;
                unsigned value;
        } modes[] = {{"ignore", 0}, {"soft", 3}, {"full", 4}, {"strict", 5}};
        const char *wanted = options->cgroups_mode ?: "ignore";

        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (text_equal(wanted, modes[i].name)) {
                        criu_put_number(message, CRIU_MANAGE_CGROUPS_MODE, modes[i].value);
                        return 0;
                }
        return fail_kind(err, ERROR_USAGE, EINVAL,
                         "--manage-cgroups-mode %s: it is ignore, soft, full or strict", wanted);
}

/* criu's own default is the program iptables-restore; nftables it has within. */
static int put_network_lock(const CriuOptions *options, Buffer *message, Error *err)
{
        static const char *const methods[] = {"iptables", "nftables", "skip"};
        _cleanup_free_ char *program = NULL;

        if (!options->network_lock)
                criu_put_number(message, CRIU_NETWORK_LOCK,
                                find_program("iptables-restore", &program) >= 0 ? 1 : 2);
        for (size_t i = 0; options->network_lock && i < ELEMENTSOF(methods); i++)
                if (text_equal(options->network_lock, methods[i])) {
                        criu_put_number(message, CRIU_NETWORK_LOCK, i + 1);
                        return 0;
                }
        return options->network_lock ? fail_kind(err, ERROR_USAGE, EINVAL,
                                                 "--network-lock %s: it is iptables, nftables or skip",
                                                 options->network_lock)
                                     : 0;
}

static int put_options(const CriuOptions *options, Buffer *message, Error *err)
{
        const struct {
                bool set;
                CriuField field;
        } flags[] = {
                {options->tcp_established, CRIU_TCP_ESTABLISHED},
                {options->external_sockets, CRIU_EXT_UNIX_SK},
                {options->shell_job, CRIU_SHELL_JOB},
                {options->file_locks, CRIU_FILE_LOCKS},
                {options->auto_dedup, CRIU_AUTO_DEDUP},
                {options->lazy_pages, CRIU_LAZY_PAGES},
                {options->link_remap, CRIU_LINK_REMAP},
                {true, CRIU_ORPHAN_PTS_MASTER},
                {true, CRIU_NOTIFY_SCRIPTS},
        };

        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (flags[i].set)
                        criu_put_number(message, flags[i].field, 1);
        for (size_t i = 0; i < options->empty_namespaces.count; i++)
                if (!text_equal(options->empty_namespaces.items[i], "network"))
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "--empty-ns %s: criu can leave out the content of network only",
                                         options->empty_namespaces.items[i]);
        if (options->empty_namespaces.count)
                criu_put_number(message, CRIU_EMPTY_NS, CLONE_NEWNET);
        if (put_cgroups_mode(options, message, err) < 0)
                return -EINVAL;
        return put_network_lock(options, message, err);
}

static int open_folder(const char *option, const char *path, bool make, int *ret, Error *err)
{
        *ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*ret < 0 && errno == ENOENT && make) {
                int r = directory_make_open_at(AT_FDCWD, path, 0700, err);

                if (r < 0)
                        return r;
                *ret = r;
        }
        return *ret < 0 ? fail_errno(err, errno, "--%s %s", option, path) : 0;
}

/* criu's own mode for plain users (CAP_CHECKPOINT_RESTORE) leaves out namespaces and mounts. */
static int check_rights(const char *verb, Error *err)
{
        if (state_is_host_root())
                return 0;
        fail_kind(
                err, ERROR_UNSUPPORTED, EPERM,
                "%s: criu needs CAP_SYS_ADMIN in the host's user namespace to save and restore a container's "
                "namespaces and mounts; with CAP_CHECKPOINT_RESTORE alone it can do neither",
                verb);
        return fail_hint(err, "run the container, and kelp-runtime %s, as the host's root", verb);
}

static int find_criu(const OciContext *context, char **ret, Error *err)
{
        int r;

        if (context->criu && access(context->criu, X_OK) < 0)
                return fail_errno(err, errno, "--criu %s", context->criu);
        if (context->criu)
                return text_replace(ret, context->criu) < 0 ? fail_memory(err) : 0;
        r = find_program("criu", ret);
        if (r != -ENOENT)
                return r < 0 ? fail_memory(err) : 0;
        fail_kind(err, ERROR_UNSUPPORTED, ENOENT, "%s: criu is not installed", context->command);
        return fail_hint(err, "install the package criu, or say where it is: kelp-runtime --criu PATH");
}

int criu_prepare(const OciContext *context, const CriuOptions *options, bool make, Criu *criu, Error *err)
{
        const char *images = options->image_path ?: "checkpoint", *work = options->work_path ?: images;
        _cleanup_free_ char *program = NULL;
        int r = check_rights(criu->verb, err);

        if (r >= 0)
                r = find_criu(context, &program, err);
        if (r >= 0)
                r = put_options(options, &criu->options, err);
        if (r >= 0)
                r = open_folder("image-path", images, make, &criu->images, err);
        if (r >= 0)
                r = open_folder("work-path", work, true, &criu->work, err);
        if (r < 0)
                return r;
        criu->work_path = strdup(work);
        criu_put_number(&criu->options, CRIU_IMAGES_DIR_FD, (unsigned)criu->images);
        criu_put_number(&criu->options, CRIU_WORK_DIR_FD, (unsigned)criu->work);
        criu_put_number(&criu->options, CRIU_LOG_LEVEL, 4);
        criu_put_textf(&criu->options, CRIU_LOG_FILE, "%s.log", criu->verb);
        return criu->work_path ? 0 : fail_memory(err);
}

/* ---- the child ---- */

/* criu wants a mount point as the root that it restores into: one in a mount namespace of its own, which goes
 * with it. */
static bool make_root(const char *root)
{
        return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
               mount(root, root, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static _Noreturn void child_main(const Criu *criu, const char *program, int channel)
{
        enum { CHANNEL = 3 };
        char word[] = "swrk", number[] = "3";
        char *words[] = {(char *)(uintptr_t)program, word, number, NULL};
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < criu->inherited_count; i++)
                if (dup2(criu->inherited[i], CRIU_FIRST_INHERITED + (int)i) < 0)
                        _exit(126);
        if (criu->cgroup >= 0 && file_write_existing_at(criu->cgroup, "cgroup.procs", "0") < 0)
                _exit(125);
        if ((criu->root && !make_root(criu->root)) || dup2(channel, CHANNEL) < 0)
                _exit(124);
        syscall(SYS_close_range, CHANNEL + 1, CRIU_FIRST_INHERITED - 1, 4 /* CLOSE_RANGE_CLOEXEC */);
        syscall(SYS_close_range, CRIU_FIRST_INHERITED + criu->inherited_count, ~0U, 4);
        execv(program, words);
        _exit(127);
}

/* ---- the talk ---- */

static int send_message(int channel, const Buffer *message, Error *err)
{
        if (message->failed)
                return fail_memory(err);
        while (send(channel, message->data, message->length, MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return fail_errno(err, errno, "speak to criu");
        return 0;
}

static int receive_answer(int channel, CriuAnswer *ret, int *ret_fd, Error *err)
{
        static const char closed[] = "criu has ended without an answer";
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        _cleanup_free_ char *data = malloc(MESSAGE_MAXIMUM);
        struct iovec part = {.iov_base = data, .iov_len = MESSAGE_MAXIMUM};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = control.space,
                                .msg_controllen = sizeof(control.space)};
        struct cmsghdr *first;
        ssize_t length;

        if (!data)
                return fail_memory(err);
        do
                length = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
        while (length < 0 && errno == EINTR);
        if (length <= 0)
                return length < 0 ? fail_errno(err, errno, "read from criu") : fail(err, EIO, "%s", closed);
        first = CMSG_FIRSTHDR(&header);
        if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS)
                memcpy(ret_fd, CMSG_DATA(first), sizeof(int));
        return criu_read_answer(data, (size_t)length, ret) < 0
                       ? fail(err, EBADMSG, "criu sent what is no answer")
                       : 0;
}

static int answer_notification(Criu *criu, int channel, const CriuAnswer *answer, int *fd, Error *err)
{
        _cleanup_buffer_ Buffer message = {0};
        int r = criu->notify ? criu->notify(criu->argument, answer, fd, err) : 0, sent;

        criu_put_number(&message, 1, CRIU_NOTIFY);
        criu_put_number(&message, 3, r >= 0);
        sent = send_message(channel, &message, r < 0 ? NULL : err);
        return r < 0 ? r : sent;
}

/* What criu wrote about it: the first error in its log says most. */
static int failed(const Criu *criu, const CriuAnswer *answer, Error *err)
{
        _cleanup_buffer_ Buffer log = {0};
        char name[32], *line = NULL;

        snprintf(name, sizeof(name), "%s.log", criu->verb);
        if (file_read_at(criu->work, name, LOG_MAXIMUM, &log) >= 0 && log.data)
                line = strstr(log.data, "Error (");
        /* About a program that it has executed: what it was for comes next. */
        while (line && text_after(line, "Error (criu/util.c") && strstr(line + 1, "Error ("))
                line = strstr(line + 1, "Error (");
        if (line)
                line[strcspn(line, "\n")] = 0;
        fail_kind(err, ERROR_UNSUPPORTED, ENOTSUP, "criu: %.400s",
                  line
                          ?: *answer->message ? answer->message
                                              : "it failed");
        return fail_hint(err, "criu's log is %s/%s", criu->work_path, name);
}

static int talk(Criu *criu, int channel, pid_t *ret_pid, Error *err)
{
        _cleanup_buffer_ Buffer request = {0};
        CriuAnswer answer = {0};
        int r;

        criu_put_number(&request, 1, criu->type);
        criu_put_message(&request, 2, &criu->options);
        r = send_message(channel, &request, err);
        while (r >= 0) {
                _cleanup_close_ int fd = -EBADF;

                r = receive_answer(channel, &answer, &fd, err);
                if (r < 0 || answer.type != CRIU_NOTIFY)
                        break;
                r = answer_notification(criu, channel, &answer, &fd, err);
        }
        if (r < 0)
                return r;
        if (!answer.success)
                return failed(criu, &answer, err);
        if (ret_pid)
                *ret_pid = answer.pid;
        return 0;
}

int criu_run(const OciContext *context, Criu *criu, pid_t *ret_pid, Error *err)
{
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF, pidfd = -EBADF;
        _cleanup_free_ char *program = NULL;
        int pair[2], status, r = find_criu(context, &program, err);
        pid_t pid;

        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail_errno(err, errno, "socketpair");
        ours = pair[0];
        theirs = pair[1];
        pid = fork();
        if (pid < 0)
                return fail_errno(err, errno, "fork");
        if (pid == 0)
                child_main(criu, program, theirs);
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        cleanup_close(&theirs);
        r = talk(criu, ours, ret_pid, err);
        cleanup_close(&ours);
        if (process_reap(pidfd, &status) < 0)
                status = 0;
        if (r == -EIO && status >= 124 && status <= 127) {
                static const char *const why[] = {"make the root file system a mount point for criu",
                                                  "enter the container's cgroup", "pass descriptors to criu",
                                                  "execute criu"};

                r = fail(err, EIO, "%s: %s failed", program, why[status - 124]);
        }
        return r < 0 ? fail_wrap(err, r, "%s", criu->verb) : 0;
}
