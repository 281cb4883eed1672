/* kelp stats: what containers use, again and again. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "engine/container-stats.h"

#include <time.h>

enum {
        FIRST_MILLISECONDS = 500, /* between the two looks that the first rates are from */
        NEXT_MILLISECONDS = 1000,
        TEXT_SIZE = 64,
};

static const Column columns[] = {
        {"CONTAINER", "Container"}, {"CONTAINER ID", "ID"}, {"NAME", "Name"},
        {"CPU %", "CPUPerc"},       {"MEM %", "MemPerc"},   {"MEM USAGE / LIMIT", "MemUsage"},
        {"NET I/O", "NetIO"},       {"PIDS", "PIDs"},       {"BLOCK I/O", "BlockIO"},
};
static const OutputTable output = {.columns = columns,
                                   .count = ELEMENTSOF(columns),
                                   .standard =
                                           "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t"
                                           "{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"};

/* The looks of before, by container. */
typedef struct Look {
        char id[65];
        ContainerStats stats;
} Look;

typedef struct Looks {
        Look *items;
        size_t count;
} Looks;

static const ContainerStats *find_look(const Looks *looks, const char *id)
{
        for (size_t i = 0; i < looks->count; i++)
                if (text_equal(looks->items[i].id, id))
                        return &looks->items[i].stats;
        return NULL;
}

/* Binary units, four digits, as docker has them for memory. */
static void format_memory(uint64_t bytes, char text[static TEXT_SIZE])
{
        static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
        double value = (double)bytes;
        size_t unit = 0;

        while (value >= 1024 && unit + 1 < ELEMENTSOF(units)) {
                value /= 1024;
                unit++;
        }
        snprintf(text, TEXT_SIZE, "%.4g%s", value, units[unit]);
}

static void set_pair(json_object *row, const char *key, uint64_t first, uint64_t second)
{
        char a[TEXT_SIZE], b[TEXT_SIZE], both[2 * TEXT_SIZE + 4];

        text_format_size(first, a, sizeof(a));
        text_format_size(second, b, sizeof(b));
        snprintf(both, sizeof(both), "%s / %s", a, b);
        json_set_string(row, key, both);
}

static void set_nothing(json_object *row)
{
        static const struct {
                const char *key, *value;
        } cells[] = {{"CPUPerc", "--"}, {"MemPerc", "--"}, {"MemUsage", "-- / --"},
                     {"NetIO", "--"},   {"BlockIO", "--"}, {"PIDs", "--"}};

        for (size_t i = 0; i < ELEMENTSOF(cells); i++)
                json_set_string(row, cells[i].key, cells[i].value);
}

static void set_numbers(json_object *row, const ContainerStats *before, const ContainerStats *now)
{
        char used[TEXT_SIZE], limit[TEXT_SIZE], text[2 * TEXT_SIZE + 4];

        snprintf(text, sizeof(text), "%.2f%%", before ? container_stats_cpu(before, now) : 0.0);
        json_set_string(row, "CPUPerc", text);
        snprintf(text, sizeof(text), "%.2f%%",
                 now->memory_limit ? (double)now->memory / (double)now->memory_limit * 100 : 0.0);
        json_set_string(row, "MemPerc", text);
        format_memory(now->memory, used);
        format_memory(now->memory_limit, limit);
        snprintf(text, sizeof(text), "%s / %s", used, limit);
        json_set_string(row, "MemUsage", text);
        set_pair(row, "NetIO", now->network.rx_bytes, now->network.tx_bytes);
        set_pair(row, "BlockIO", now->read, now->written);
        snprintf(text, sizeof(text), "%llu", (unsigned long long)now->processes);
        json_set_string(row, "PIDs", text);
}

static json_object *make_row(const StoreContainer *container, bool whole, const ContainerStats *before,
                             const ContainerStats *now)
{
        json_object *row = json_object_new_object();

        row_set_id(row, "ID", container->id, whole);
        row_set_id(row, "Container", container->id, whole);
        json_set_string(row, "Name", container->name);
        if (now->running)
                set_numbers(row, before, now);
        else
                set_nothing(row);
        return row;
}

/* What is asked for. */
typedef struct Wanted {
        char **names;
        size_t count;
        bool all, whole;
        size_t running; /* found at the last look */
} Wanted;

/* @rows NULL: only for the rates of the next look. */
static int look(Engine *engine, Wanted *wanted, Looks *looks, json_object *rows, Error *err)
{
        _cleanup_store_containers_ StoreContainerList list = {0};
        Looks next = {0};
        int r = container_stats_find(engine, wanted->names, wanted->count, wanted->all, &list, err);

        wanted->running = 0;
        next.items = calloc(list.count + 1, sizeof(*next.items));
        if (!next.items)
                r = fail_memory(err);
        for (size_t i = 0; r >= 0 && i < list.count; i++) {
                Look *item = &next.items[next.count++];

                snprintf(item->id, sizeof(item->id), "%s", list.items[i].id);
                r = container_stats(engine, &list.items[i], &item->stats, err);
                wanted->running += item->stats.running;
                if (r >= 0 && rows)
                        json_object_array_add(rows, make_row(&list.items[i], wanted->whole,
                                                             find_look(looks, item->id), &item->stats));
        }
        free(looks->items);
        *looks = next;
        return r;
}

static void pause_for(int milliseconds)
{
        fflush(stdout);
        nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000,
                                     .tv_nsec = (long)(milliseconds % 1000) * 1000000},
                  NULL);
}

static int show(Engine *engine, Wanted *wanted, bool once, const char *format, Error *err)
{
        bool terminal = output_is_terminal(stdout);
        Looks looks = {0};
        int r = look(engine, wanted, &looks, NULL, err);

        for (int wait = FIRST_MILLISECONDS; r >= 0; wait = NEXT_MILLISECONDS) {
                _cleanup_json_ json_object *rows = json_object_new_array();

                if (wanted->running)
                        pause_for(wait);
                else if (!once && wait != FIRST_MILLISECONDS && wanted->count)
                        break; /* all that were named have ended */
                else if (!once && wait != FIRST_MILLISECONDS)
                        pause_for(wait);
                r = look(engine, wanted, &looks, rows, err);
                if (r == -ENOENT && wanted->count) {
                        error_clear(err); /* one that was named has been removed meanwhile */
                        r = 0;
                        break;
                }
                if (r >= 0 && terminal && !once)
                        printf("\033[H\033[2J");
                if (r >= 0)
                        r = output_rows(rows, &output, format, err);
                if (once)
                        break;
        }
        free(looks.items);
        return r;
}

int command_stats(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *format = NULL;
        Wanted wanted = {0};
        bool once = false;
        const Option options[] = {
                {"all", 'a', OPTION_FLAG, &wanted.all, "",
                 "Show all containers (default shows just running)"},
                {"format", 0, OPTION_TEXT, &format, "string",
                 "Format output using a template ('table', 'json', '{{.Name}}')"},
                {"no-stream", 0, OPTION_FLAG, &once, "",
                 "Disable streaming stats and only pull the first result"},
                {"no-trunc", 0, OPTION_FLAG, &wanted.whole, "", "Do not truncate output"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        Engine *engine;
        int count, r;

        r = command_parse("stats", &table, argc, argv, 0, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        wanted.names = argv + 1;
        wanted.count = (size_t)count;
        r = command_engine(context, &engine, err);
        return r < 0 ? r : show(engine, &wanted, once, format, err);
}
