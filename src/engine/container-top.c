/* kelp top: a row for each process of a container. */
#include "base/clock.h"
#include "base/file.h"
#include "engine/container-processes.h"
#include "engine/container-state.h"
#include "engine/container.h"

#include <sys/sysmacros.h>
#include <time.h>

static void add_text(json_object *row, const char *text)
{
        json_object_array_add(row, json_object_new_string(text));
}

static void add_number(json_object *row, int64_t number)
{
        char text[24];

        snprintf(text, sizeof(text), "%lld", (long long)number);
        add_text(row, text);
}

/* CPU in percent of the time since the start; the clock at the start; the terminal; the CPU time. */
static void add_times(json_object *row, const ContainerProcess *process)
{
        uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);
        uint64_t seconds = process->ticks / per_second;
        struct timespec up;
        time_t started;
        int64_t age;
        struct tm parts;
        char text[64] = "";

        clock_gettime(CLOCK_BOOTTIME, &up);
        age = up.tv_sec - (int64_t)(process->start / per_second);
        add_number(row, age > 0 ? (int64_t)seconds * 100 / age : 0);
        started = (time_t)(clock_now() / 1000000000 - age);
        if (localtime_r(&started, &parts))
                strftime(text, sizeof(text), age < 86400 ? "%H:%M" : "%b%d", &parts);
        add_text(row, text);
        /* Unix98 terminals have the majors from 136 on. */
        snprintf(text, sizeof(text), "pts/%u",
                 minor((dev_t)process->terminal) + (major((dev_t)process->terminal) - 136) * 256);
        add_text(row, process->terminal ? text : "?");
        snprintf(text, sizeof(text), "%02llu:%02llu:%02llu", (unsigned long long)(seconds / 3600),
                 (unsigned long long)(seconds / 60 % 60), (unsigned long long)(seconds % 60));
        add_text(row, text);
}

/* The words of its command line; its name in brackets when it has none. */
static void add_command(json_object *row, int folder)
{
        _cleanup_buffer_ Buffer text = {0}, name = {0};
        _cleanup_free_ char *bracketed = NULL;

        if (file_read_at(folder, "cmdline", 1 << 20, &text) >= 0 && text.length) {
                for (size_t i = 0; i + 1 < text.length; i++)
                        if (!text.data[i])
                                text.data[i] = ' ';
                add_text(row, text.data);
                return;
        }
        file_read_at(folder, "comm", 64, &name);
        bracketed = text_printf("[%.*s]", (int)strcspn(name.data ?: "", "\n"), name.data ?: "");
        add_text(row, bracketed ?: "");
}

static void add_process(const ContainerProcess *process, void *argument)
{
        json_object *rows = argument, *row = json_object_new_array();

        add_number(row, process->uid);
        add_text(row, process->pid);
        add_number(row, process->parent);
        add_times(row, process);
        add_command(row, process->folder);
        json_object_array_add(rows, row);
}

int container_top(Engine *engine, const char *name, json_object **ret, Error *err)
{
        static const char *const titles[] = {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"};
        _cleanup_store_container_ StoreContainer row = {0};
        _cleanup_json_ json_object *result = json_object_new_object();
        json_object *names = json_object_new_array(), *rows = json_object_new_array();
        int r;

        json_set(result, "Titles", names);
        json_set(result, "Processes", rows);
        for (size_t i = 0; i < ELEMENTSOF(titles); i++)
                add_text(names, titles[i]);
        r = container_find(engine, name, &row, err);
        if (r >= 0)
                r = container_each_process(&row, add_process, rows, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(result);
        return 0;
}
