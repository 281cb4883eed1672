#include "monitor/exit-record.h"

#include "base/file.h"

#include <inttypes.h>

#define EXIT_FILE "exit"

int exit_record_write(int folder_fd, const ExitRecord *record, Error *err)
{
        char text[128];
        int length = snprintf(text, sizeof(text), "%d %" PRIu64 " %d %" PRId64 "\n", record->pid,
                              record->start, record->status, record->finished);

        return file_replace_at(folder_fd, EXIT_FILE, text, (size_t)length, 0600, true, err);
}

int exit_record_read(int folder_fd, pid_t pid, uint64_t start, ExitRecord *ret)
{
        _cleanup_buffer_ Buffer text = {0};
        ExitRecord record;

        if (file_read_at(folder_fd, EXIT_FILE, 128, &text) < 0 || !text.data)
                return 0;
        if (sscanf(text.data, "%d %" SCNu64 " %d %" SCNd64, &record.pid, &record.start, &record.status,
                   &record.finished) != 4 ||
            record.pid != pid || record.start != start)
                return 0;
        *ret = record;
        return 1;
}
