#include "monitor/log-writer.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/file.h>

enum {
        LINE_MAXIMUM = 16 << 10, /* Docker cuts longer ones, too */
        TEXT_MAXIMUM = 64 << 10, /* what is gathered for one write(2); a line of escapes may pass it once */
};

struct LogWriter {
        LogOptions options;
        int folder;
        int fd;
        uint64_t size;
        Buffer text;
        struct {
                size_t length;
                char data[LINE_MAXIMUM];
        } partial[2];
};

static int open_file(LogWriter *writer)
{
        off_t end;

        writer->fd = openat(writer->folder, CONTAINER_LOG_FILE,
                            O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (writer->fd < 0)
                return -errno;
        end = lseek(writer->fd, 0, SEEK_END);
        writer->size = end > 0 ? (uint64_t)end : 0;
        return 0;
}

int log_writer_open(int folder_fd, const LogOptions *options, LogWriter **ret, Error *err)
{
        LogWriter *writer = calloc(1, sizeof(*writer));
        int r;

        if (!writer)
                return fail_memory(err);
        writer->options = *options;
        writer->folder = folder_fd;
        writer->fd = -EBADF;
        r = options->none ? 0 : open_file(writer);
        if (r < 0) {
                free(writer);
                return fail_errno(err, -r, "the container's log");
        }
        *ret = writer;
        return 0;
}

/* log.json becomes log.json.1, that log.json.2, and so on; the oldest goes. Not while a reader is finding out
 * which is which: then at the next line. */
static void rotate(LogWriter *writer)
{
        char from[32], to[32];

        if (flock(writer->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
                return;
        if (writer->options.max_files < 2) {
                if (ftruncate(writer->fd, 0) == 0)
                        writer->size = 0;
                flock(writer->fd, LOCK_UN);
                return;
        }
        for (unsigned i = writer->options.max_files - 1; i > 0; i--) {
                snprintf(to, sizeof(to), "%s.%u", CONTAINER_LOG_FILE, i);
                if (i > 1)
                        snprintf(from, sizeof(from), "%s.%u", CONTAINER_LOG_FILE, i - 1);
                else
                        snprintf(from, sizeof(from), "%s", CONTAINER_LOG_FILE);
                renameat(writer->folder, from, writer->folder, to);
        }
        cleanup_close(&writer->fd);
        open_file(writer);
}

/* The length of the UTF-8 sequence at @text, 0 when it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text, size_t left)
{
        size_t length = text[0] < 0x80                      ? 1
                        : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                        : (text[0] & 0xf0) == 0xe0          ? 3
                        : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                            : 0;

        if (length == 0 || length > left)
                return 0;
        for (size_t i = 1; i < length; i++)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
            (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
                return 0;
        return length;
}

/* How much of @data is written as it is: most of it, as a rule, and in one piece. */
static size_t plain_length(const char *data, size_t length)
{
        size_t i = 0;

        while (i < length && data[i] >= 0x20 && data[i] != '"' && data[i] != '\\')
                i++;
        return i;
}

static void put_escaped(Buffer *text, const char *data, size_t length)
{
        for (size_t i = 0; i < length;) {
                unsigned char c = (unsigned char)data[i];
                size_t width = plain_length(data + i, length - i);

                if (!width)
                        width = utf8_length((const unsigned char *)data + i, length - i);
                if (c == '"' || c == '\\')
                        buffer_printf(text, "\\%c", c);
                else if (c == '\n')
                        buffer_puts(text, "\\n");
                else if (c == '\t')
                        buffer_puts(text, "\\t");
                else if (c == '\r')
                        buffer_puts(text, "\\r");
                else if (c < 0x20)
                        buffer_printf(text, "\\u%04x", c);
                else if (!width)
                        buffer_puts(text, "\xef\xbf\xbd"); /* U+FFFD */
                else
                        buffer_append(text, data + i, width);
                i += width ? width : 1;
        }
}

static void flush(LogWriter *writer)
{
        if (writer->text.failed)
                buffer_deinit(&writer->text);
        else if (writer->text.length &&
                 file_write_all(writer->fd, writer->text.data, writer->text.length) >= 0)
                writer->size += writer->text.length;
        writer->text.length = 0;
}

static void put_line(LogWriter *writer, int stream, const char *time, const char *data, size_t length)
{
        buffer_puts(&writer->text, "{\"log\":\"");
        put_escaped(&writer->text, data, length);
        buffer_printf(&writer->text, "\",\"stream\":\"%s\",\"time\":\"%s\"}\n",
                      stream == 2 ? "stderr" : "stdout", time);
        if (writer->text.length >= TEXT_MAXIMUM)
                flush(writer);
        if (writer->options.max_size && writer->size + writer->text.length >= writer->options.max_size) {
                flush(writer);
                rotate(writer);
        }
}

void log_writer_write(LogWriter *writer, int stream, const char *data, size_t length)
{
        char time[CLOCK_TEXT_SIZE];
        int which = stream == 2;

        if (writer->fd < 0)
                return;
        clock_format(clock_now(), time);
        while (length) {
                const char *newline = memchr(data, '\n', length);
                size_t room = LINE_MAXIMUM - writer->partial[which].length;
                size_t take = newline ? (size_t)(newline - data) + 1 : length;

                take = take < room ? take : room;
                memcpy(writer->partial[which].data + writer->partial[which].length, data, take);
                writer->partial[which].length += take;
                if (data[take - 1] == '\n' || writer->partial[which].length == LINE_MAXIMUM) {
                        put_line(writer, stream, time, writer->partial[which].data,
                                 writer->partial[which].length);
                        writer->partial[which].length = 0;
                }
                data += take;
                length -= take;
        }
        flush(writer);
}

LogWriter *log_writer_close(LogWriter *writer)
{
        char time[CLOCK_TEXT_SIZE];

        if (!writer)
                return NULL;
        clock_format(clock_now(), time);
        for (int which = 0; writer->fd >= 0 && which < 2; which++)
                if (writer->partial[which].length)
                        put_line(writer, which + 1, time, writer->partial[which].data,
                                 writer->partial[which].length);
        if (writer->fd >= 0) {
                flush(writer);
                close(writer->fd);
        }
        buffer_deinit(&writer->text);
        free(writer);
        return NULL;
}
