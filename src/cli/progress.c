/*
 * On a terminal each layer has a line of its own, which is drawn again in place: the cursor stands below all
 * of them between calls. A line is never wider than the terminal, else it would take two and the count of
 * lines would not hold. What happens when it does not hold anyway:
 *
 *   - More layers than lines on the screen: those that have scrolled away cannot be reached. They are
 * remembered as stale, and said again below when all is settled, so that the last word on each layer is true.
 *   - The terminal becomes narrower than a line: it may have wrapped it. All lines are drawn anew below.
 */
#include "cli/progress.h"

#include "sys/terminal.h"

enum { LAYERS_MAXIMUM = 512, BAR_MAXIMUM = 50, BAR_MINIMUM = 10, WIDTH_MAXIMUM = 256 };

typedef struct Line {
        char id[16];
        char text[64];
        int64_t current, total;
        int width;  /* as it was drawn */
        bool stale; /* has scrolled away before it was drawn as it is */
} Line;

struct ProgressView {
        FILE *output;
        bool terminal;
        uint16_t rows, columns; /* 0: not known */
        Line lines[LAYERS_MAXIMUM];
        size_t count;
};

ProgressView *progress_view_new(FILE *output)
{
        ProgressView *view = calloc(1, sizeof(*view));

        if (!view)
                return NULL;
        view->output = output;
        view->terminal = isatty(fileno(output)) && !text_equal(getenv("TERM"), "dumb");
        return view;
}

ProgressView *progress_view_free(ProgressView *view)
{
        free(view);
        return NULL;
}

/* "[====>     ]  12MB/34MB", as much of it as @width has room for. */
static void format_bar(const Line *line, int width, Buffer *ret)
{
        int64_t done = line->current > line->total ? line->total : line->current;
        char current[16], total[16], sizes[40];
        int bar, filled;

        text_format_size((uint64_t)done, current, sizeof(current));
        text_format_size((uint64_t)line->total, total, sizeof(total));
        snprintf(sizes, sizeof(sizes), "%s/%s", current, total);
        bar = width - (int)strlen(sizes) - 5; /* brackets and blanks */
        if (bar > BAR_MAXIMUM)
                bar = BAR_MAXIMUM;
        if (bar >= BAR_MINIMUM) {
                filled = (int)(done * bar / line->total);
                buffer_puts(ret, " [");
                for (int i = 0; i < bar; i++)
                        buffer_putc(ret, i + 1 < filled ? '=' : i + 1 == filled ? '>' : ' ');
                buffer_puts(ret, "] ");
        }
        buffer_printf(ret, " %s", sizes);
}

/* Writes a line of at most the terminal's width, without its end. */
static void print_line(const ProgressView *view, Line *line)
{
        int width = (view->columns && view->columns < WIDTH_MAXIMUM ? view->columns : WIDTH_MAXIMUM) - 1;
        _cleanup_buffer_ Buffer text = {0};

        buffer_printf(&text, "%s: %s", line->id, line->text);
        if (line->total > 0)
                format_bar(line, width - (int)text.length, &text);
        line->width = fprintf(view->output, "%.*s", width, text.data ?: "");
}

/* All lines below what was drawn before. */
static void draw_anew(ProgressView *view)
{
        for (size_t i = 0; i < view->count; i++) {
                print_line(view, &view->lines[i]);
                fputc('\n', view->output);
                view->lines[i].stale = view->rows && view->count - i >= view->rows;
        }
}

/* Looks at the size of the terminal. True: lines may have been wrapped. */
static bool look_at_size(ProgressView *view)
{
        bool wrapped = false;

        terminal_size(fileno(view->output), &view->rows, &view->columns);
        for (size_t i = 0; view->columns && i < view->count; i++)
                wrapped = wrapped || view->lines[i].width > view->columns;
        return wrapped;
}

/* The layer's line, made below the others when it is new; NULL when there are too many. */
static Line *find_line(ProgressView *view, const char *id)
{
        for (size_t i = 0; i < view->count; i++)
                if (text_equal(view->lines[i].id, id))
                        return &view->lines[i];
        if (view->count == LAYERS_MAXIMUM)
                return NULL;
        snprintf(view->lines[view->count].id, sizeof(view->lines[0].id), "%s", id);
        fputc('\n', view->output);
        return &view->lines[view->count++];
}

static void draw(ProgressView *view, const ImageProgress *progress)
{
        bool wrapped = look_at_size(view);
        Line *line = find_line(view, progress->id);
        size_t up;

        if (!line)
                return;
        snprintf(line->text, sizeof(line->text), "%s", progress->text);
        line->current = progress->current;
        line->total = progress->total;
        if (wrapped) {
                draw_anew(view);
                return;
        }
        up = view->count - (size_t)(line - view->lines);
        line->stale = view->rows && up >= view->rows;
        if (line->stale)
                return;
        fprintf(view->output, "\x1b[%zuA\r\x1b[2K", up);
        print_line(view, line);
        fprintf(view->output, "\x1b[%zuB\r", up);
}

/* The lines above are left as they are from now on. */
static void settle(ProgressView *view)
{
        for (size_t i = 0; i < view->count; i++)
                if (view->lines[i].stale) {
                        print_line(view, &view->lines[i]);
                        fputc('\n', view->output);
                }
        memset(view->lines, 0, view->count * sizeof(*view->lines));
        view->count = 0;
}

void progress_view_report(void *owner, const ImageProgress *progress)
{
        ProgressView *view = owner;

        if (!progress->id) {
                settle(view);
                fprintf(view->output, "%s\n", progress->text);
        } else if (view->terminal) {
                draw(view, progress);
        } else if (progress->total == 0) {
                fprintf(view->output, "%s: %s\n", progress->id, progress->text);
        }
        fflush(view->output);
}
