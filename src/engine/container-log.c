/*
 * Reading a container's log, beside the one who writes it and any number of other readers. A log may be
 * several files: log.json, and log.json.1, log.json.2, … when it is rotated, the highest number the oldest.
 * Which comes next is found out by inode each time, because they are renamed; only, for as long as a reader
 * looks, whoever writes puts that off (a shared lock of log.json, see log-writer.c).
 *
 * To follow is to wait for inotify(7) on the container's folder and for the end of the process that holds the
 * container, which has written all of the log by then.
 */
#include "base/clock.h"
#include "base/file.h"
#include "engine/container-configuration.h"
#include "engine/container-state.h"
#include "engine/container.h"
#include "monitor/log-writer.h"
#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

enum { WITHOUT_INOTIFY_MILLISECONDS = 100 };

struct ContainerLog {
        ContainerLogOptions options;
        int folder;
        FILE *file;
        off_t tried; /* how long it was when it was last found to be read to the end */
        int changes; /* inotify; -EBADF: there is none to be had */
        int holder;  /* pidfd; -EBADF: the container does not run */
        char *line;
        size_t capacity;
        json_object *entry; /* holds what the caller was given last */
};

static void file_name(unsigned number, char *buffer, size_t size)
{
        if (number)
                snprintf(buffer, size, "%s.%u", CONTAINER_LOG_FILE, number);
        else
                snprintf(buffer, size, "%s", CONTAINER_LOG_FILE);
}

/* Takes the lock; to be closed. -EBADF: there is no log yet. */
static int lock_files(const ContainerLog *log)
{
        enum { TRIES = 100, PAUSE_NANOSECONDS = 1000000 };

        for (int i = 0; i < TRIES; i++) {
                _cleanup_close_ int fd = openat(log->folder, CONTAINER_LOG_FILE,
                                                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
                struct stat own, named;

                if (fd >= 0 && (flock(fd, LOCK_SH) == 0 || errno == EOPNOTSUPP || errno == ENOLCK) &&
                    fstat(fd, &own) == 0 &&
                    fstatat(log->folder, CONTAINER_LOG_FILE, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                    own.st_ino == named.st_ino && own.st_dev == named.st_dev)
                        return TAKE_FD(fd);
                if (fd < 0 && (errno != ENOENT || !log->file))
                        break;
                nanosleep(&(struct timespec){.tv_nsec = PAUSE_NANOSECONDS}, NULL); /* it is being rotated */
        }
        return -EBADF;
}

static bool file_status(const ContainerLog *log, unsigned number, struct stat *ret)
{
        char name[32];

        file_name(number, name, sizeof(name));
        return fstatat(log->folder, name, ret, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool open_file(ContainerLog *log, unsigned number)
{
        char name[32];
        int fd;

        if (log->file)
                fclose(log->file);
        log->tried = 0;
        file_name(number, name, sizeof(name));
        fd = openat(log->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        log->file = fd < 0 ? NULL : fdopen(fd, "re");
        if (fd >= 0 && !log->file)
                close(fd);
        return log->file != NULL;
}

/* The oldest; log->file stays NULL when there is none yet. */
static void open_first(ContainerLog *log)
{
        _cleanup_close_ _unused_ int lock = lock_files(log);
        struct stat status;
        unsigned number = 0;

        while (number < LOG_FILES_MAXIMUM && file_status(log, number + 1, &status))
                number++;
        open_file(log, number);
}

/* The file behind the one that was read to its end. False: that is the one that is being written. */
static bool open_next(ContainerLog *log)
{
        _cleanup_close_ int lock = -EBADF;
        struct stat own, other;

        if (!log->file) {
                open_first(log);
                return log->file != NULL;
        }
        lock = lock_files(log);
        if (lock < 0 || fstat(fileno(log->file), &own) < 0)
                return false;
        if (own.st_size > log->tried) { /* written to since we came to its end, before it was renamed */
                log->tried = own.st_size;
                return true;
        }
        for (unsigned number = 0; number <= LOG_FILES_MAXIMUM && file_status(log, number, &other); number++) {
                if (own.st_ino != other.st_ino || own.st_dev != other.st_dev)
                        continue;
                if (number)
                        return open_file(log, number - 1);
                if (own.st_size >= ftello(log->file) || fseeko(log->file, 0, SEEK_SET) < 0)
                        return false;
                log->tried = 0; /* it was full, and has been emptied */
                return true;
        }
        open_first(log); /* ours has been deleted */
        return log->file != NULL;
}

/* The next whole line into log->line; 0: there is none now. */
static ssize_t next_line(ContainerLog *log)
{
        do {
                off_t start = log->file ? ftello(log->file) : 0;
                ssize_t length = log->file ? getline(&log->line, &log->capacity, log->file) : 0;

                if (length > 0 && log->line[length - 1] == '\n')
                        return length;
                /* a line that is still being written is read again */
                if (log->file) {
                        clearerr(log->file);
                        fseeko(log->file, start, SEEK_SET);
                }
        } while (open_next(log));
        return 0;
}

/* Skips all but the last @lines lines. */
static void seek_tail(ContainerLog *log, int64_t lines)
{
        int64_t count = 0;

        while (next_line(log) > 0)
                count++;
        open_first(log);
        for (; count > lines; count--)
                if (next_line(log) <= 0)
                        break;
}

static void watch(ContainerLog *log)
{
        char path[32];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", log->folder);
        log->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (log->changes >= 0 &&
            inotify_add_watch(log->changes, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
                cleanup_close(&log->changes);
}

static int open_folder(Engine *engine, const StoreContainer *row, ContainerLog *log, Error *err)
{
        _cleanup_free_ char *path = path_join("containers", row->id);
        Store *store;
        int r;

        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        if (!path)
                return fail_memory(err);
        log->folder = openat(store_fd(store), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return log->folder < 0 ? fail_errno(err, errno, "log of container %s", row->name) : 0;
}

int container_log_open(Engine *engine, const char *name, const ContainerLogOptions *options,
                       ContainerLog **ret, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_log_ ContainerLog *log = calloc(1, sizeof(*log));
        int r;

        if (!log)
                return fail_memory(err);
        log->options = *options;
        log->folder = log->changes = log->holder = -EBADF;
        r = container_find(engine, name, &row, err);
        if (r >= 0)
                r = container_configuration_from_json(row.configuration, &configuration, err);
        if (r < 0)
                return r;
        if (text_equal(configuration.log_driver, "none"))
                return fail_kind(err, ERROR_CONFLICT, ENODATA,
                                 "container %s keeps no log (--log-driver none)", row.name);
        r = open_folder(engine, &row, log, err);
        if (r < 0)
                return r;
        if (options->follow && text_equal(row.status, "running")) {
                watch(log);
                log->holder = process_open(row.monitor_pid, row.monitor_start);
        }
        open_first(log);
        if (options->tail >= 0)
                seek_tail(log, options->tail);
        *ret = TAKE_PTR(log);
        return 0;
}

ContainerLog *container_log_close(ContainerLog *log)
{
        if (!log)
                return NULL;
        if (log->file)
                fclose(log->file);
        cleanup_close(&log->folder);
        cleanup_close(&log->changes);
        cleanup_close(&log->holder);
        json_object_put(log->entry);
        free(log->line);
        free(log);
        return NULL;
}

/* At the end of what is there. False: it is the end of all. */
static bool wait_for_more(ContainerLog *log)
{
        struct pollfd fds[] = {{.fd = log->holder, .events = POLLIN}, {.fd = log->changes, .events = POLLIN}};
        char events[4096];

        if (log->holder < 0)
                return false;
        if (poll(fds, 2, log->changes >= 0 ? -1 : WITHOUT_INOTIFY_MILLISECONDS) < 0 && errno != EINTR)
                return false;
        if (fds[1].revents)
                while (read(log->changes, events, sizeof(events)) > 0)
                        ;
        if (fds[0].revents) /* what is there now is all, and is still read */
                cleanup_close(&log->holder);
        return true;
}

static bool wanted(const ContainerLogOptions *options, const ContainerLogLine *line)
{
        return (line->stream == 2 ? options->stderr_lines : options->stdout_lines) &&
               (!options->since || line->time >= options->since) &&
               (!options->until || line->time <= options->until);
}

/* What log->line says; false: it was torn by a kill. */
static bool parse_line(ContainerLog *log, ContainerLogLine *ret)
{
        const char *text = NULL, *stream = NULL, *time = NULL;

        json_object_put(log->entry);
        log->entry = json_tokener_parse(log->line);
        if (!log->entry || json_get_string(log->entry, "log", &text, NULL) <= 0 ||
            json_get_string(log->entry, "stream", &stream, NULL) <= 0 ||
            json_get_string(log->entry, "time", &time, NULL) <= 0)
                return false;
        ret->stream = text_equal(stream, "stderr") ? 2 : 1;
        ret->data = text;
        ret->length = (size_t)json_object_get_string_len(json_object_object_get(log->entry, "log"));
        return clock_parse(time, &ret->time) >= 0;
}

int container_log_next(ContainerLog *log, ContainerLogLine *ret, Error *err)
{
        for (;;) {
                if (next_line(log) <= 0) {
                        if (!wait_for_more(log))
                                return 0;
                        continue;
                }
                if (parse_line(log, ret) && wanted(&log->options, ret))
                        return 1;
        }
}
