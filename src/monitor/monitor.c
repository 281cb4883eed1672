#include "monitor/monitor.h"

#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/syscall.h>

static int keep(StringList *words, const char *name, int fd)
{
        if (fd < 0)
                return 0;
        if (fcntl(fd, F_SETFD, 0) < 0)
                return -errno;
        return string_list_addf(words, "%s=%d", name, fd);
}

static int describe(const MonitorOptions *options, StringList *words)
{
        const HolderOptions *holder = &options->holder;
        int r;

        r = string_list_add(words, "kelp-monitor");
        if (r >= 0)
                r = string_list_add(words, options->id);
        if (r >= 0)
                r = string_list_addf(words, "pid=%d", options->pid);
        if (r >= 0)
                r = string_list_addf(words, "start=%" PRIu64, options->start);
        if (r >= 0)
                r = keep(words, "init", holder->init);
        if (r >= 0)
                r = keep(words, "input", holder->streams[0]);
        if (r >= 0)
                r = keep(words, "output", holder->streams[1]);
        if (r >= 0)
                r = keep(words, "errors", holder->streams[2]);
        if (r >= 0)
                r = keep(words, "terminal", holder->terminal);
        if (r >= 0)
                r = keep(words, "folder", holder->folder);
        if (r >= 0)
                r = keep(words, "client", holder->client);
        if (r >= 0)
                r = string_list_addf(words, "log=%d,%" PRIu64 ",%u", !holder->log.none, holder->log.max_size,
                                     holder->log.max_files);
        if (r >= 0)
                r = string_list_addf(words, "once=%d", holder->input_once);
        if (r >= 0 && options->remove_program)
                r = string_list_addf(words, "remove=%s", options->remove_program);
        if (r >= 0 && options->remove_program)
                r = string_list_addf(words, "root=%s", options->remove_root);
        return r;
}

int monitor_execute(int fd, const MonitorOptions *options)
{
        _cleanup_strings_ StringList words = {0};
        int r;

        if (syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) < 0)
                return -errno;
        r = describe(options, &words);
        if (r < 0)
                return r;
        syscall(SYS_execveat, fd, "", words.items, environ, AT_EMPTY_PATH);
        return -errno;
}
