#include "engine/prune.h"

#include "base/clock.h"
#include "engine/container.h"
#include "engine/disk-usage.h"
#include "engine/image.h"
#include "engine/volume.h"

typedef struct Conditions {
        const StringList *filters;
        int64_t until; /* seconds since 1970: only what was made before; 0: any */
} Conditions;

static int read_until(const char *text, int64_t *ret, Error *err)
{
        int64_t time;

        if (clock_parse_point(text, &time) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "invalid filter 'until=%s': it is a span (10m) or a time (RFC 3339)", text);
        *ret = time / 1000000000;
        return 0;
}

static int read_conditions(const StringList *filters, bool times, Conditions *ret, Error *err)
{
        int r = 0;

        *ret = (Conditions){.filters = filters};
        for (size_t i = 0; r >= 0 && i < filters->count; i++) {
                const char *text = filters->items[i], *until = text_after(text, "until=");

                if (until && times)
                        r = read_until(until, &ret->until, err);
                else if (!text_after(text, "label=") && !text_after(text, "label!="))
                        r = fail_kind(err, ERROR_USAGE, EINVAL,
                                      "invalid filter '%s': there are %slabel and label!", text,
                                      times ? "until, " : "");
        }
        return r;
}

static bool has_label(json_object *labels, const char *wanted)
{
        const char *equals = strchrnul(wanted, '=');
        _cleanup_free_ char *key = strndup(wanted, (size_t)(equals - wanted));
        json_object *value = NULL;

        return key && labels && json_object_object_get_ex(labels, key, &value) &&
               (!*equals || text_equal(json_object_get_string(value), equals + 1));
}

static bool passes(const Conditions *conditions, int64_t created, json_object *labels)
{
        if (conditions->until && created >= conditions->until)
                return false;
        for (size_t i = 0; i < conditions->filters->count; i++) {
                const char *with = text_after(conditions->filters->items[i], "label="),
                           *without = text_after(conditions->filters->items[i], "label!=");

                if ((with && !has_label(labels, with)) || (without && has_label(labels, without)))
                        return false;
        }
        return true;
}

static const char *text_of(json_object *item, const char *key)
{
        return json_object_get_string(json_object_object_get(item, key)) ?: "";
}

static int64_t number_of(json_object *item, const char *key)
{
        return json_object_get_int64(json_object_object_get(item, key));
}

/* Something that is in use by now, or gone, is left alone. */
static bool is_harmless(const Error *error)
{
        return error->kind == ERROR_CONFLICT || error->kind == ERROR_NOT_FOUND;
}

static json_object *make_report(const char *key, json_object **ret_list)
{
        json_object *report = json_object_new_object();

        *ret_list = json_object_new_array();
        json_set(report, key, *ret_list);
        return report;
}

int prune_containers(Engine *engine, const StringList *filters, json_object **ret, Error *err)
{
        ContainerListOptions options = {.all = true, .size = true};
        _cleanup_json_ json_object *found = NULL, *report = NULL;
        Conditions conditions;
        json_object *deleted;
        int64_t space = 0;
        int r;

        report = make_report("ContainersDeleted", &deleted);
        r = read_conditions(filters, true, &conditions, err);
        if (r >= 0)
                r = container_list(engine, &options, &found, err);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(found); i++) {
                json_object *item = json_object_array_get_idx(found, i);
                const char *state = text_of(item, "State");
                Error failed = ERROR_INIT;

                if (text_equal(state, "running") || text_equal(state, "paused") ||
                    text_equal(state, "restarting") ||
                    !passes(&conditions, number_of(item, "Created"), json_object_object_get(item, "Labels")))
                        continue;
                r = container_remove(engine, text_of(item, "Id"), false, false, &failed);
                if (r >= 0) {
                        json_object_array_add(deleted, json_object_new_string(text_of(item, "Id")));
                        space += number_of(item, "SizeRw");
                } else if (is_harmless(&failed)) {
                        r = 0;
                } else if (err) {
                        *err = failed;
                }
        }
        if (r < 0)
                return r;
        json_set_int64(report, "SpaceReclaimed", space);
        *ret = TAKE_PTR(report);
        return 0;
}

/* Its labels; they stand in the configuration only. */
static bool image_passes(Engine *engine, const Conditions *conditions, json_object *image)
{
        _cleanup_json_ json_object *inspected = NULL;
        json_object *labels = NULL;

        if (conditions->filters->count && image_inspect(engine, text_of(image, "Id"), &inspected, NULL) >= 0)
                labels = json_object_object_get(json_object_object_get(inspected, "Config"), "Labels");
        return passes(conditions, number_of(image, "Created"), labels);
}

static bool image_is_used(json_object *containers, const char *id)
{
        for (size_t i = 0; i < json_object_array_length(containers); i++)
                if (text_equal(text_of(json_object_array_get_idx(containers, i), "ImageID"), id))
                        return true;
        return false;
}

/* By its id, with all its names. */
static int prune_image(Engine *engine, const char *id, json_object *deleted, Error *err)
{
        _cleanup_json_ json_object *steps = NULL;
        Error failed = ERROR_INIT;
        int r = image_remove(engine, id, false, &steps, &failed);

        if (r < 0 && failed.kind == ERROR_CONFLICT)
                r = image_remove(engine, id, true, &steps, &failed);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(steps); i++)
                json_object_array_add(deleted, json_object_get(json_object_array_get_idx(steps, i)));
        if (r < 0 && !is_harmless(&failed)) {
                if (err)
                        *err = failed;
                return r;
        }
        return 0;
}

int prune_images(Engine *engine, bool all, const StringList *filters, json_object **ret, Error *err)
{
        _cleanup_json_ json_object *images = NULL, *containers = NULL, *report = NULL;
        int64_t before = 0, behind = 0;
        Conditions conditions;
        json_object *deleted;
        int r;

        report = make_report("ImagesDeleted", &deleted);
        r = read_conditions(filters, true, &conditions, err);
        if (r >= 0)
                r = image_list(engine, &(ImageListOptions){0}, &images, err);
        if (r >= 0)
                r = container_list(engine, &(ContainerListOptions){.all = true}, &containers, err);
        if (r >= 0)
                r = disk_usage_folder(engine, "layers", &before, err);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(images); i++) {
                json_object *image = json_object_array_get_idx(images, i);
                bool named = json_object_array_length(json_object_object_get(image, "RepoTags")) > 0;

                if ((all || !named) && !image_is_used(containers, text_of(image, "Id")) &&
                    image_passes(engine, &conditions, image))
                        r = prune_image(engine, text_of(image, "Id"), deleted, err);
        }
        if (r >= 0)
                r = disk_usage_folder(engine, "layers", &behind, err);
        if (r < 0)
                return r;
        json_set_int64(report, "SpaceReclaimed", before > behind ? before - behind : 0);
        *ret = TAKE_PTR(report);
        return 0;
}

int prune_volumes(Engine *engine, bool all, const StringList *filters, json_object **ret, Error *err)
{
        _cleanup_json_ json_object *volumes = NULL, *report = NULL;
        Conditions conditions;
        json_object *deleted;
        int64_t space = 0;
        int r;

        report = make_report("VolumesDeleted", &deleted);
        r = read_conditions(filters, false, &conditions, err);
        if (r >= 0)
                r = volume_list(engine, &(VolumeListOptions){.size = true}, &volumes, err);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(volumes); i++) {
                json_object *volume = json_object_array_get_idx(volumes, i),
                            *usage = json_object_object_get(volume, "UsageData");
                Error failed = ERROR_INIT;

                if (number_of(usage, "RefCount") ||
                    (!all && !json_object_get_boolean(json_object_object_get(usage, "Anonymous"))) ||
                    !passes(&conditions, 0, json_object_object_get(volume, "Labels")))
                        continue;
                r = volume_remove(engine, text_of(volume, "Name"), &failed);
                if (r >= 0) {
                        json_object_array_add(deleted, json_object_new_string(text_of(volume, "Name")));
                        space += number_of(usage, "Size");
                } else if (is_harmless(&failed)) {
                        r = 0;
                } else if (err) {
                        *err = failed;
                }
        }
        if (r < 0)
                return r;
        json_set_int64(report, "SpaceReclaimed", space);
        *ret = TAKE_PTR(report);
        return 0;
}
