/*
 * kelp-monitor: holds one container in the background. kelp makes the container and then becomes this program
 * by execve(2), so that the container's init stays its child: PR_SET_PDEATHSIG ends the container when the
 * monitor is killed, and nobody else can reap it. It is small because one stands beside each container: no
 * database, no JSON. At the end it leaves a record in the container's folder (exit-record.h), which the next
 * command that looks takes into the database.
 */
#include "base/clock.h"
#include "base/text.h"
#include "monitor/exit-record.h"
#include "monitor/monitor.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/prctl.h>

static int take_word(const char *word, MonitorOptions *options)
{
        HolderOptions *holder = &options->holder;
        const struct {
                const char *name;
                int *target;
        } numbers[] = {
                {"pid=", &options->pid},          {"init=", &holder->init},
                {"input=", &holder->streams[0]},  {"output=", &holder->streams[1]},
                {"errors=", &holder->streams[2]}, {"terminal=", &holder->terminal},
                {"folder=", &holder->folder},     {"client=", &holder->client},
        };
        const char *value;
        uint64_t number;
        int flag;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                value = text_after(word, numbers[i].name);
                if (!value)
                        continue;
                if (text_to_u64(value, INT32_MAX, &number) < 0)
                        return -EINVAL;
                *numbers[i].target = (int)number;
                if (numbers[i].target != &options->pid && fcntl((int)number, F_SETFD, FD_CLOEXEC) < 0)
                        return -errno;
                return 0;
        }
        if ((value = text_after(word, "remove=")))
                options->remove_program = value;
        else if ((value = text_after(word, "start=")))
                return text_to_u64(value, UINT64_MAX, &options->start);
        else if ((value = text_after(word, "root=")))
                options->remove_root = value;
        else if ((value = text_after(word, "once=")))
                holder->input_once = text_equal(value, "1");
        else if (sscanf(word, "log=%d,%" SCNu64 ",%u", &flag, &holder->log.max_size,
                        &holder->log.max_files) == 3)
                holder->log.none = !flag;
        else
                return -EINVAL;
        return 0;
}

static int parse(int argc, char **argv, MonitorOptions *ret)
{
        MonitorOptions options = {.holder = {.init = -EBADF,
                                             .streams = {-EBADF, -EBADF, -EBADF},
                                             .terminal = -EBADF,
                                             .folder = -EBADF,
                                             .client = -EBADF}};
        int r = argc > 2 ? 0 : -EINVAL;

        for (int i = 2; r >= 0 && i < argc; i++)
                r = take_word(argv[i], &options);
        options.id = argv[1];
        if (r < 0 || options.holder.init < 0 || options.holder.folder < 0)
                return -EINVAL;
        *ret = options;
        return 0;
}

static int hold(const MonitorOptions *options, Holder *holder, Error *err)
{
        ExitRecord record = {.pid = options->pid, .start = options->start};
        int r;

        r = holder_run(holder, &record.status, err);
        if (r < 0)
                return r;
        record.finished = clock_now();
        /* A full disk: then whoever looks finds a container that ended without a word, and says 137. */
        r = exit_record_write(options->holder.folder, &record, err);
        holder_finish(holder);
        return r;
}

int main(int argc, char **argv)
{
        /* Signals go on to the container: a session that ends asks it to stop before it is killed. */
        LocalOptions signals = {.signal_proxy = true};
        _cleanup_local_ Local local = LOCAL_INIT;
        _cleanup_holder_ Holder *holder = NULL;
        MonitorOptions options;
        Error error = ERROR_INIT;
        sigset_t before;
        int r;

        if (parse(argc, argv, &options) < 0) {
                dprintf(STDERR_FILENO, "kelp-monitor: this program is started by kelp\n");
                return 125;
        }
        prctl(PR_SET_NAME, "kelp-monitor");
        if (chdir("/") < 0) /* so that the caller's file systems can be unmounted */
                return 125;
        local_block_signals(&before);
        r = local_open(&signals, &local, &error);
        options.holder.local = &local;
        if (r >= 0)
                r = holder_new(&options.holder, &holder, &error);
        if (r >= 0)
                r = hold(&options, holder, &error);
        holder = holder_free(holder);
        if (options.remove_program) {
                sigemptyset(&before);
                sigprocmask(SIG_SETMASK, &before, NULL);
                execl(options.remove_program, "kelp", "--root", options.remove_root, "rm", "-f", "-v",
                      options.id, (char *)NULL);
        }
        return r < 0;
}
