#include "base/clock.h"
#include "base/file.h"
#include "engine/container-state.h"
#include "engine/container.h"
#include "monitor/log-writer.h"

#include <fcntl.h>

struct ContainerLog {
        Engine *engine;
        FILE *file;
        char *id;
        ContainerLogOptions options;
        char *line;
        size_t capacity;
        json_object *entry; /* holds what the caller was given last */
        bool ended;         /* the container: what is there now is all */
};

/* Skips all but the last @lines lines. */
static int seek_tail(FILE *file, int64_t lines)
{
        char *line = NULL;
        size_t capacity = 0;
        int64_t count = 0;

        while (getline(&line, &capacity, file) > 0)
                count++;
        if (fseek(file, 0, SEEK_SET) < 0)
                count = 0;
        for (; count > lines; count--)
                if (getline(&line, &capacity, file) <= 0)
                        break;
        free(line);
        return 0;
}

int container_log_open(Engine *engine, const char *name, const ContainerLogOptions *options,
                       ContainerLog **ret, Error *err)
{
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_free_ char *path = NULL;
        ContainerLog *log;
        Store *store;
        int fd, r;

        r = container_find(engine, name, &row, err);
        if (r >= 0)
                r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        path = text_printf("containers/%s/%s", row.id, CONTAINER_LOG_FILE);
        log = calloc(1, sizeof(*log));
        if (!path || !log) {
                free(log);
                return fail_memory(err);
        }
        fd = openat(store_fd(store), path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) /* never started, or --log-driver none */
                fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        log->file = fd < 0 ? NULL : fdopen(fd, "re");
        log->engine = engine;
        log->options = *options;
        log->id = TAKE_PTR(row.id);
        if (!log->file) {
                container_log_close(log);
                return fail_errno(err, errno, "log of container %s", name);
        }
        if (options->tail >= 0)
                seek_tail(log->file, options->tail);
        *ret = log;
        return 0;
}

ContainerLog *container_log_close(ContainerLog *log)
{
        if (!log)
                return NULL;
        if (log->file)
                fclose(log->file);
        json_object_put(log->entry);
        free(log->line);
        free(log->id);
        free(log);
        return NULL;
}

/* --follow at the end of what is there: waits a moment. 0: the container has ended, and all was read. */
static int wait_for_more(ContainerLog *log)
{
        _cleanup_store_container_ StoreContainer row = {0};
        struct timespec moment = {.tv_nsec = 100000000};

        if (!log->options.follow || log->ended)
                return 0;
        /* Looked at before the last read, so that nothing written in between is missed. */
        if (container_find(log->engine, log->id, &row, NULL) < 0 || !text_equal(row.status, "running"))
                log->ended = true;
        else
                nanosleep(&moment, NULL);
        clearerr(log->file);
        return 1;
}

static bool wanted(const ContainerLogOptions *options, const ContainerLogLine *line)
{
        return (line->stream == 2 ? options->stderr_lines : options->stdout_lines) &&
               (!options->since || line->time >= options->since) &&
               (!options->until || line->time <= options->until);
}

int container_log_next(ContainerLog *log, ContainerLogLine *ret, Error *err)
{
        for (;;) {
                long start = ftell(log->file);
                ssize_t length = getline(&log->line, &log->capacity, log->file);
                const char *text = NULL, *stream = NULL, *time = NULL;

                if (length <= 0 || log->line[length - 1] != '\n') {
                        /* a line that is still being written is read again */
                        if (start >= 0)
                                fseek(log->file, start, SEEK_SET);
                        if (!wait_for_more(log))
                                return 0;
                        continue;
                }
                json_object_put(log->entry);
                log->entry = json_tokener_parse(log->line);
                if (!log->entry || json_get_string(log->entry, "log", &text, NULL) <= 0 ||
                    json_get_string(log->entry, "stream", &stream, NULL) <= 0 ||
                    json_get_string(log->entry, "time", &time, NULL) <= 0)
                        continue; /* torn by a kill */
                ret->stream = text_equal(stream, "stderr") ? 2 : 1;
                ret->data = text;
                ret->length = (size_t)json_object_get_string_len(json_object_object_get(log->entry, "log"));
                if (clock_parse(time, &ret->time) >= 0 && wanted(&log->options, ret))
                        return 1;
        }
}
