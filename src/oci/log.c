#include "oci/log.h"

#include "base/clock.h"
#include "base/file.h"
#include "spec/json.h"

#include <fcntl.h>

void log_write(const OciContext *context, const char *level, const char *message)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_buffer_ Buffer line = {0};
        char now[CLOCK_TEXT_SIZE];

        if (text_empty(context->log))
                return;
        fd = open(context->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
        if (fd < 0)
                return;
        clock_format(clock_now(), now);
        if (text_equal(context->log_format, "json")) {
                _cleanup_json_ json_object *object = json_object_new_object();

                json_set_string(object, "level", level);
                json_set_string(object, "msg", message);
                json_set_string(object, "time", now);
                buffer_printf(&line, "%s\n", json_text(object));
        } else {
                _cleanup_json_ json_object *quoted = json_object_new_string(message);

                buffer_printf(&line, "time=\"%s\" level=%s msg=%s\n", now, level, json_text(quoted));
        }
        if (!line.failed)
                file_write_all(fd, line.data, line.length);
}
