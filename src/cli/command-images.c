#include "cli/command.h"
#include "engine/image.h"

#include <fcntl.h>

int command_load(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *input = NULL;
        bool quiet = false;
        const Option options[] = {
                { "input", 'i', OPTION_TEXT, (void *)&input, "string", "Read from tar archive file, instead of STDIN" },
                { "quiet", 'q', OPTION_FLAG, &quiet, "", "Suppress the load output" },
        };
        OptionTable table = { .options = options, .count = ELEMENTSOF(options) };
        _cleanup_strings_ StringList loaded = { 0 };
        _cleanup_close_ int opened = -EBADF;
        Engine *engine;
        int count, r;

        r = command_parse("load", &table, argc, argv, 0, 0, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (input) {
                opened = open(input, O_RDONLY | O_CLOEXEC);
                if (opened < 0)
                        return fail_errno(err, errno, "open %s", input);
        } else if (isatty(STDIN_FILENO)) {
                return fail_kind(err, ERROR_USAGE, EINVAL, "requested load from stdin, but stdin is a terminal: use -i FILE");
        }
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = image_load(engine, input ? opened : STDIN_FILENO, &loaded, err);
        for (size_t i = 0; !quiet && i < loaded.count; i++)
                printf("%s\n", loaded.items[i]);
        return r;
}
