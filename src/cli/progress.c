/*
 * On a terminal each layer has a line of its own, which is drawn again in place: the cursor stands below all
 * of them between calls. When there are more layers than lines on the screen those that have scrolled away
 * stay as they were.
 */
#include "cli/progress.h"

#include "sys/terminal.h"

enum { LAYERS_MAXIMUM = 512, BAR_WIDTH = 50 };

struct ProgressView {
        FILE *output;
        bool terminal;
        char ids[LAYERS_MAXIMUM][16];
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

static void print_bar(ProgressView *view, const ImageProgress *progress)
{
        int64_t done = progress->current > progress->total ? progress->total : progress->current;
        int filled = (int)(done * BAR_WIDTH / progress->total);
        char bar[BAR_WIDTH + 1], current[16], total[16];

        memset(bar, ' ', BAR_WIDTH);
        memset(bar, '=', (size_t)filled);
        if (filled)
                bar[filled - 1] = '>';
        bar[BAR_WIDTH] = 0;
        text_format_size((uint64_t)done, current, sizeof(current));
        text_format_size((uint64_t)progress->total, total, sizeof(total));
        fprintf(view->output, "%s: %s [%s]  %s/%s", progress->id, progress->text, bar, current, total);
}

/* The place of a layer's line, made when it is new; -1 when there are too many. */
static int find_line(ProgressView *view, const char *id)
{
        for (size_t i = 0; i < view->count; i++)
                if (text_equal(view->ids[i], id))
                        return (int)i;
        if (view->count == LAYERS_MAXIMUM)
                return -1;
        snprintf(view->ids[view->count], sizeof(view->ids[0]), "%s", id);
        fputc('\n', view->output);
        return (int)view->count++;
}

static void draw(ProgressView *view, const ImageProgress *progress)
{
        int line = find_line(view, progress->id), up;
        uint16_t rows, columns;

        terminal_size(fileno(view->output), &rows, &columns);
        up = (int)view->count - line;
        if (line < 0 || (rows && up >= rows))
                return;
        fprintf(view->output, "\x1b[%dA\r\x1b[2K", up);
        if (progress->total > 0 && columns >= BAR_WIDTH + 50)
                print_bar(view, progress);
        else
                fprintf(view->output, "%s: %s", progress->id, progress->text);
        fprintf(view->output, "\x1b[%dB\r", up);
}

void progress_view_report(void *owner, const ImageProgress *progress)
{
        ProgressView *view = owner;

        if (!progress->id) {
                fprintf(view->output, "%s\n", progress->text);
                view->count = 0; /* lines above are settled */
        } else if (view->terminal) {
                draw(view, progress);
        } else if (progress->total == 0) {
                fprintf(view->output, "%s: %s\n", progress->id, progress->text);
        }
        fflush(view->output);
}
