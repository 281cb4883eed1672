/* images and history. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "engine/image.h"

static const Column image_columns[] = {
        {"REPOSITORY", "Repository"},
        {"TAG", "Tag"},
        {"DIGEST", "Digest"},
        {"IMAGE ID", "ID"},
        {"CREATED", "CreatedSince"},
        {"CREATED AT", "CreatedAt"},
        {"SIZE", "Size"},
        {"CONTAINERS", "Containers"},
        {"SHARED SIZE", "SharedSize"},
        {"UNIQUE SIZE", "UniqueSize"},
        {"VIRTUAL SIZE", "VirtualSize"},
};

/* The digest under which the repository of @name has the image; "<none>". */
static const char *find_digest(json_object *item, const char *repository)
{
        json_object *digests = json_object_object_get(item, "RepoDigests");

        for (size_t i = 0; i < json_object_array_length(digests); i++) {
                const char *text = json_object_get_string(json_object_array_get_idx(digests, i)),
                           *rest = text_after(text, repository);

                if (rest && *rest == '@')
                        return rest + 1;
        }
        return "<none>";
}

/* @name: with a tag, or with @digest; NULL: the image has lost its names. */
static void add_image(json_object *rows, json_object *item, const char *name, const char *digest, bool whole)
{
        const char *end = name ? strrchr(name, digest ? '@' : ':') : NULL;
        _cleanup_free_ char *repository = end ? strndup(name, (size_t)(end - name)) : strdup("<none>");
        json_object *row = json_object_new_object();
        int64_t containers = row_number(item, "Containers");
        char number[24];

        snprintf(number, sizeof(number), "%lld", (long long)containers);
        json_set_string(row, "Containers", containers < 0 ? "N/A" : number);
        row_set_time(row, "CreatedAt", row_number(item, "Created"));
        row_set_ago(row, "CreatedSince", row_number(item, "Created"));
        json_set_string(row, "Digest",
                        digest
                                ?: repository ? digest ?: find_digest(item, repository)
                                              : "<none>");
        row_set_id(row, "ID", row_text(item, "Id"), whole);
        json_set_string(row, "Repository", repository);
        json_set_string(row, "SharedSize", "N/A");
        row_set_size(row, "Size", row_number(item, "Size"));
        json_set_string(row, "Tag", end && !digest ? end + 1 : "<none>");
        json_set_string(row, "UniqueSize", "N/A");
        row_set_size(row, "VirtualSize", row_number(item, "Size"));
        json_object_array_add(rows, row);
}

/* A line for each name; for an image without a tag one for its digests or none. */
static void add_images(json_object *rows, json_object *item, bool whole)
{
        json_object *tags = json_object_object_get(item, "RepoTags"),
                    *digests = json_object_object_get(item, "RepoDigests");

        for (size_t i = 0; i < json_object_array_length(tags); i++)
                add_image(rows, item, json_object_get_string(json_object_array_get_idx(tags, i)), NULL,
                          whole);
        if (json_object_array_length(tags))
                return;
        for (size_t i = 0; i < json_object_array_length(digests); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(digests, i));

                add_image(rows, item, name, strrchr(name, '@') + 1, whole);
        }
        if (!json_object_array_length(digests))
                add_image(rows, item, NULL, NULL, whole);
}

/* Ids of images with several names once. */
static json_object *without_repetition(json_object *rows)
{
        json_object *result = json_object_new_array();
        const char *before = "";

        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                if (!text_equal(row_text(row, "ID"), before))
                        json_object_array_add(result, json_object_get(row));
                before = row_text(row, "ID");
        }
        return result;
}

int command_images(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OutputTable output = {.columns = image_columns, .count = ELEMENTSOF(image_columns)};
        ImageListOptions list = {0};
        bool quiet = false, whole = false;
        const char *format = NULL;
        const Option options[] = {
                {"all", 'a', OPTION_FLAG, &list.all, "", "Show all images (kelp keeps no intermediate ones)"},
                {"digests", 0, OPTION_FLAG, &list.digests, "", "Show digests"},
                {"filter", 'f', OPTION_LIST, &list.filters, "filter",
                 "Filter output based on conditions provided (reference=a*, dangling=true, label=a=b)"},
                {"format", 0, OPTION_TEXT, &format, "string",
                 "Format output using a template ('table', 'json', '{{.ID}}')"},
                {"no-trunc", 0, OPTION_FLAG, &whole, "", "Don't truncate output"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "", "Only show image IDs"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *found = NULL, *rows = json_object_new_array(), *once = NULL;
        Engine *engine;
        int count, r;

        r = command_parse("images", &table, argc, argv, 0, 1, &count, err);
        if (r == 0) {
                list.name = count ? argv[1] : NULL;
                r = command_engine(context, &engine, err);
                if (r >= 0)
                        r = image_list(engine, &list, &found, err);
                for (size_t i = 0; r >= 0 && i < json_object_array_length(found); i++)
                        add_images(rows, json_object_array_get_idx(found, i), whole);
                output.standard =
                        list.digests ? "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{"
                                       "{.Size}}"
                                     : "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
                once = quiet ? without_repetition(rows) : NULL;
                if (r >= 0)
                        r = output_rows(quiet ? once : rows, &output, quiet ? "{{.ID}}" : format, err);
        }
        string_list_deinit(&list.filters);
        return r < 0 ? r : 0;
}

static const Column history_columns[] = {
        {"IMAGE", "ID"},
        {"CREATED", "CreatedSince"},
        {"CREATED AT", "CreatedAt"},
        {"CREATED BY", "CreatedBy"},
        {"SIZE", "Size"},
        {"COMMENT", "Comment"},
};

static json_object *make_step(json_object *item, bool whole, bool human)
{
        json_object *row = json_object_new_object();
        char number[24];

        json_set_string(row, "Comment", row_text(item, "Comment"));
        row_set_time(row, "CreatedAt", row_number(item, "Created"));
        row_set_short(row, "CreatedBy", row_text(item, "CreatedBy"), whole ? SIZE_MAX : 45);
        row_set_ago(row, "CreatedSince", row_number(item, "Created"));
        row_set_id(row, "ID", row_text(item, "Id"), whole);
        snprintf(number, sizeof(number), "%lld", (long long)row_number(item, "Size"));
        if (human)
                row_set_size(row, "Size", row_number(item, "Size"));
        else
                json_set_string(row, "Size", number);
        return row;
}

int command_history(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        static const OutputTable output = {
                .columns = history_columns,
                .count = ELEMENTSOF(history_columns),
                .standard = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"};
        bool quiet = false, whole = false, human = true;
        const char *format = NULL;
        const Option options[] = {
                {"format", 0, OPTION_TEXT, &format, "string",
                 "Format output using a template ('table', 'json', '{{.ID}}')"},
                {"human", 'H', OPTION_FLAG, &human, "",
                 "Print sizes in human readable format (default true)"},
                {"no-trunc", 0, OPTION_FLAG, &whole, "", "Don't truncate output"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "", "Only show image IDs"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *items = NULL, *rows = json_object_new_array();
        Engine *engine;
        int count, r;

        r = command_parse("history", &table, argc, argv, 1, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = image_history(engine, argv[1], &items, err);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(items); i++)
                json_object_array_add(rows, make_step(json_object_array_get_idx(items, i), whole, human));
        return r < 0 ? r : output_rows(rows, &output, quiet ? "{{.ID}}" : format, err);
}
