#include "cli/each.h"
#include "cli/progress.h"
#include "engine/image.h"

#include <fcntl.h>

int command_load(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *input = NULL;
        bool quiet = false;
        const Option options[] = {
                {"input", 'i', OPTION_TEXT, (void *)&input, "string",
                 "Read from tar archive file, instead of STDIN"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "",
                 "Suppress the progress bars that a terminal gets; the names of the images are printed"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_strings_ StringList loaded = {0};
        _cleanup_close_ int opened = -EBADF;
        ProgressView *view = NULL;
        ImageLoadOptions load = {.input = STDIN_FILENO};
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
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "requested load from stdin, but stdin is a terminal: use -i FILE");
        }
        if (input)
                load.input = opened;
        if (!quiet && isatty(STDOUT_FILENO))
                load.owner = view = progress_view_new(stdout);
        if (view)
                load.report = progress_view_report;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = image_load(engine, &load, &loaded, err);
        progress_view_free(view);
        for (size_t i = 0; i < loaded.count; i++)
                printf("%s\n", loaded.items[i]);
        return r;
}

/* A file, - for standard input, or an address. */
static int open_source(Engine *engine, const char *source, int *ret, Error *err)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (text_equal(source, "-")) {
                if (isatty(STDIN_FILENO))
                        return fail_kind(err, ERROR_USAGE, EINVAL, "import -: stdin is a terminal");
                *ret = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
                return *ret < 0 ? fail_errno(err, errno, "stdin") : 0;
        }
        if (text_after(source, "http://") || text_after(source, "https://")) {
                fd = open(getenv("TMPDIR") ?: "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
                if (fd < 0)
                        return fail_errno(err, errno, "a temporary file for the download (TMPDIR)");
                r = image_fetch_url(engine, source, fd, err);
                if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
                        r = fail_errno(err, errno, "download");
        } else {
                fd = open(source, O_RDONLY | O_CLOEXEC);
                r = fd < 0 ? fail_errno(err, errno, "open %s", source) : 0;
        }
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}

int command_import(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        ImageImportOptions import = {0};
        const Option options[] = {
                {"change", 'c', OPTION_LIST, &import.changes, "list",
                 "Apply Dockerfile instruction to the created image"},
                {"message", 'm', OPTION_TEXT, (void *)&import.message, "string",
                 "Set commit message for imported image"},
                {"platform", 0, OPTION_TEXT, (void *)&import.platform, "string", "Set platform of the image"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_close_ int input = -EBADF;
        Engine *engine;
        Digest id;
        int count, r;

        r = command_parse("import", &table, argc, argv, 1, 2, &count, err);
        if (r == 0) {
                import.reference = count > 1 ? argv[2] : NULL;
                r = command_engine(context, &engine, err);
                if (r >= 0)
                        r = open_source(engine, argv[1], &input, err);
                if (r >= 0)
                        r = image_import(engine, input, &import, &id, err);
                if (r >= 0)
                        printf("%s\n", id.text);
        }
        string_list_deinit(&import.changes);
        return r < 0 ? r : 0;
}

int command_save(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *output = NULL;
        const Option options[] = {{"output", 'o', OPTION_TEXT, (void *)&output, "string",
                                   "Write to a file, instead of STDOUT"}};
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_close_ int opened = -EBADF;
        Engine *engine;
        int count, r;

        r = command_parse("save", &table, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!output && isatty(STDOUT_FILENO))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "cowardly refusing to save to a terminal. Use the -o flag or redirect");
        if (output) {
                opened = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                if (opened < 0)
                        return fail_errno(err, errno, "open %s", output);
        }
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = image_save(engine, argv + 1, (size_t)count, output ? opened : STDOUT_FILENO, err);
        if (r < 0 && output)
                unlink(output);
        return r;
}

int command_tag(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        Engine *engine;
        int count, r;

        r = command_parse("tag", &table, argc, argv, 2, 2, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        return r < 0 ? r : image_tag(engine, argv[1], argv[2], err);
}

static int remove_image(Engine *engine, const char *name, bool force, Error *err)
{
        _cleanup_json_ json_object *done = NULL;
        int r = image_remove(engine, name, force, &done, err);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(done); i++) {
                json_object_object_foreach(json_object_array_get_idx(done, i), what, text)
                        printf("%s: %s\n", what, json_object_get_string(text));
        }
        return r;
}

int command_rmi(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        bool force = false, no_prune = false;
        const Option options[] = {
                {"force", 'f', OPTION_FLAG, &force, "", "Force removal of the image"},
                {"no-prune", 0, OPTION_FLAG, &no_prune, "",
                 "Do not delete untagged parents: kelp makes none, so this changes nothing"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        Engine *engine;
        int count, r;

        r = command_parse("rmi", &table, argc, argv, 1, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        for (int i = 1; r >= 0 && i <= count; i++) {
                Error failed = ERROR_INIT;

                if (remove_image(engine, argv[i], force, &failed) >= 0)
                        continue;
                each_complain(&failed);
                /* As docker has it: with -f what is not there is no failure. */
                if (!force || failed.kind != ERROR_NOT_FOUND)
                        *ret_status = 1;
        }
        return r;
}
