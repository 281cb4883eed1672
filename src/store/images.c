#include "store/images.h"

#include "base/cleanup.h"
#include "store/database.h"

#include <ctype.h>

enum { CONFIG_MAXIMUM = 4 << 20 };

void store_image_deinit(StoreImage *image)
{
        string_list_deinit(&image->references);
        string_list_deinit(&image->digests);
        image_config_deinit(&image->config);
        *image = (StoreImage){0};
}

void store_image_list_deinit(StoreImageList *list)
{
        for (size_t i = 0; i < list->count; i++)
                store_image_deinit(&list->items[i]);
        free(list->items);
        *list = (StoreImageList){0};
}

static void name_with_digest(const ImageReference *reference, const Digest *digest,
                             char ret[static REFERENCE_TEXT_SIZE])
{
        snprintf(ret, REFERENCE_TEXT_SIZE, "%s/%s@%s", reference->domain, reference->path, digest->text);
}

static void name_with_tag(const ImageReference *reference, char ret[static REFERENCE_TEXT_SIZE])
{
        ImageReference plain = *reference;

        plain.digest = (Digest){0};
        reference_format(&plain, ret);
}

/* ---- reading ---- */

static int read_row(sqlite3_stmt *statement, StoreImage *ret, Error *err)
{
        int r;

        r = digest_parse((const char *)sqlite3_column_text(statement, 0) ?: "", &ret->id, err);
        if (r >= 0)
                r = digest_parse((const char *)sqlite3_column_text(statement, 1) ?: "", &ret->manifest, err);
        ret->size = sqlite3_column_int64(statement, 2);
        ret->created = sqlite3_column_int64(statement, 3);
        return r;
}

static int read_names(Store *store, StoreImage *image, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err,
                             "SELECT name,is_digest FROM image_names WHERE image=? ORDER BY name", "t",
                             image->id.text);
        while (r >= 0 && (r = database_step(store, statement, err)) > 0)
                if (string_list_add(sqlite3_column_int(statement, 1) ? &image->digests : &image->references,
                                    (const char *)sqlite3_column_text(statement, 0)) < 0)
                        return fail_memory(err);
        return r < 0 ? r : 0;
}

static int read_config(Store *store, StoreImage *image, Error *err)
{
        _cleanup_json_ json_object *document = NULL;
        _cleanup_buffer_ Buffer text = {0};
        int r;

        r = store_blob_read(store, &image->id, CONFIG_MAXIMUM, &text, err);
        if (r >= 0)
                r = json_parse(text.data ?: "", text.length, "image configuration", &document, err);
        return r < 0 ? r : image_config_parse(document, &image->config, err);
}

/* By a name in image_names. 1: found. */
static int find_name(Store *store, const char *name, StoreImage *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err,
                             "SELECT i.id,i.manifest,i.size,i.created FROM image_names n JOIN images i ON "
                             "i.id=n.image WHERE n.name=?",
                             "t", name);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r <= 0)
                return r;
        r = read_row(statement, ret, err);
        return r < 0 ? r : 1;
}

static int find_reference(Store *store, const char *text, StoreImage *ret, Error *err)
{
        ImageReference reference;
        char name[REFERENCE_TEXT_SIZE];

        if (reference_parse(text, &reference, NULL) < 0)
                return 0;
        if (digest_is_set(&reference.digest))
                name_with_digest(&reference, &reference.digest, name);
        else
                name_with_tag(&reference, name);
        return find_name(store, name, ret, err);
}

static int find_id(Store *store, const char *text, StoreImage *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        const char *hex = text_after(text, "sha256:") ?: text;
        size_t length = strlen(hex);
        int r;

        for (const char *c = hex; *c; c++)
                if (!isdigit((unsigned char)*c) && (*c < 'a' || *c > 'f'))
                        return 0;
        if (!length || length > 64)
                return 0;
        r = database_prepare(store, &statement, err,
                             "SELECT id,manifest,size,created FROM images WHERE id>='sha256:'||?1 AND "
                             "id<'sha256:'||?1||'g' LIMIT 2",
                             "t", hex);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r <= 0)
                return r;
        r = read_row(statement, ret, err);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r > 0)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "multiple images have ids that start with %s: write more digits", hex);
        return r < 0 ? r : 1;
}

int store_image_find(Store *store, const char *name, StoreImage *ret, Error *err)
{
        _cleanup_store_image_ StoreImage image = {0};
        int r;

        r = find_reference(store, name, &image, err);
        if (r == 0)
                r = find_id(store, name, &image, err);
        if (r == 0)
                return fail_kind(err, ERROR_NOT_FOUND, ENOENT, "No such image: %s", name);
        if (r >= 0)
                r = read_names(store, &image, err);
        if (r >= 0)
                r = read_config(store, &image, err);
        if (r < 0)
                return r;
        *ret = image;
        image = (StoreImage){0};
        return 0;
}

/* "docker.io/library/busybox:1" → "library/busybox" for "docker.io". New string, NULL for another domain. */
static char *repository_path(const char *name, const char *domain)
{
        const char *path = text_after(name, domain), *tag;

        path = path ? text_after(path, "/") : NULL;
        if (!path)
                return NULL;
        tag = strchr(path, '@') ?: strchr(path, ':');
        return tag ? strndup(path, (size_t)(tag - path)) : strdup(path);
}

int store_image_neighbour(Store *store, const Digest *blob, const char *domain, const char *path, char **ret,
                          Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        /* Names by digest were given by the registry itself. */
        r = database_prepare(
                store, &statement, err,
                "SELECT name FROM image_names WHERE image IN (SELECT image FROM image_layers WHERE "
                "blob=?) ORDER BY is_digest DESC, name",
                "t", blob->text);
        while (r >= 0 && (r = database_step(store, statement, err)) > 0) {
                _cleanup_free_ char *found =
                        repository_path((const char *)sqlite3_column_text(statement, 0) ?: "", domain);

                if (!found || text_equal(found, path))
                        continue;
                *ret = TAKE_PTR(found);
                return 1;
        }
        return r;
}

int store_image_list(Store *store, StoreImageList *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        StoreImageList list = {0};
        int r;

        r = database_prepare(store, &statement, err,
                             "SELECT id,manifest,size,created FROM images ORDER BY created DESC, id", "");
        while (r >= 0 && (r = database_step(store, statement, err)) > 0) {
                StoreImage *grown = reallocarray(list.items, list.count + 1, sizeof(*grown));

                if (!grown) {
                        r = fail_memory(err);
                        break;
                }
                list.items = grown;
                grown[list.count] = (StoreImage){0};
                r = read_row(statement, &grown[list.count++], err);
        }
        for (size_t i = 0; r >= 0 && i < list.count; i++)
                r = read_names(store, &list.items[i], err);
        if (r < 0) {
                store_image_list_deinit(&list);
                return r;
        }
        *ret = list;
        return 0;
}

/* ---- writing ---- */

static int set_name(Store *store, const char *name, const Digest *id, bool is_digest, Error *err)
{
        return database_run(store, err,
                            "INSERT INTO image_names VALUES(?1,?2,?3) ON CONFLICT(name) DO UPDATE SET "
                            "image=?2 WHERE image<>?2",
                            "tti", name, id->text, (int64_t)is_digest);
}

static int layers_size(Store *store, const ImageConfig *config, int64_t *ret, Error *err)
{
        *ret = 0;
        for (size_t i = 0; i < config->diff_id_count; i++) {
                _cleanup_statement_ sqlite3_stmt *statement = NULL;
                int r;

                r = database_prepare(store, &statement, err, "SELECT size FROM layers WHERE diff_id=?", "t",
                                     config->diff_ids[i].text);
                if (r >= 0)
                        r = database_step(store, statement, err);
                if (r == 0)
                        return fail_kind(err, ERROR_NOT_FOUND, ENOENT,
                                         "layer %s has gone from the store meanwhile: pull again",
                                         config->diff_ids[i].text);
                if (r < 0)
                        return r;
                *ret += sqlite3_column_int64(statement, 0);
        }
        return 0;
}

static int commit_locked(Store *store, const StoreImageNew *image, Error *err)
{
        char name[REFERENCE_TEXT_SIZE];
        int64_t size;
        int changed = 0, r;

        if (image->parsed->diff_id_count != image->layers->layer_count)
                return fail_kind(err, ERROR_CORRUPT, EBADMSG,
                                 "image %s: its manifest has %zu layers, its configuration %zu",
                                 image->config.text, image->layers->layer_count,
                                 image->parsed->diff_id_count);
        r = layers_size(store, image->parsed, &size, err);
        if (r < 0)
                return r;
        r = database_run(store, err, "INSERT OR IGNORE INTO images VALUES(?,?,?,?)", "ttii",
                         image->config.text, image->manifest.text, size, image->parsed->created);
        changed += r > 0;
        for (size_t i = 0; r >= 0 && i < image->parsed->diff_id_count; i++)
                r = database_run(store, err, "INSERT OR IGNORE INTO image_layers VALUES(?,?,?,?)", "titt",
                                 image->config.text, (int64_t)i, image->parsed->diff_ids[i].text,
                                 image->layers->layers[i].digest.text);
        if (r >= 0 && image->reference && *image->reference->tag) {
                name_with_tag(image->reference, name);
                r = set_name(store, name, &image->config, false, err);
                changed += r > 0;
        }
        if (r >= 0 && image->reference && image->pulled_digest) {
                name_with_digest(image->reference, image->pulled_digest, name);
                r = set_name(store, name, &image->config, true, err);
                changed += r > 0;
        }
        return r < 0 ? r : changed;
}

int store_image_commit(Store *store, const StoreImageNew *image, Error *err)
{
        int changed, r;

        r = database_begin(store, STORE_DURABLE, err);
        if (r < 0)
                return r;
        changed = commit_locked(store, image, err);
        r = changed < 0 ? changed : database_commit(store, err);
        if (r < 0) {
                database_rollback(store);
                return r;
        }
        return changed == 0;
}

int store_image_tag(Store *store, const Digest *id, const ImageReference *reference, Error *err)
{
        char name[REFERENCE_TEXT_SIZE];
        int r;

        if (digest_is_set(&reference->digest))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "refusing to create a tag with a digest reference");
        name_with_tag(reference, name);
        r = database_begin(store, STORE_DURABLE, err);
        if (r >= 0)
                r = set_name(store, name, id, false, err);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

int store_image_untag(Store *store, const char *full_reference, Error *err)
{
        int r;

        r = database_begin(store, STORE_DURABLE, err);
        if (r < 0)
                return r;
        r = database_run(store, err, "DELETE FROM image_names WHERE name=?", "t", full_reference);
        if (r == 0)
                r = fail_kind(err, ERROR_NOT_FOUND, ENOENT, "No such image: %s", full_reference);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}

static int check_unused(Store *store, const Digest *id, bool force, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(
                store, &statement, err,
                force ? "SELECT id,status FROM containers WHERE image=? AND status IN ('running','paused') "
                        "LIMIT 1"
                      : "SELECT id,status FROM containers WHERE image=? ORDER BY status<>'running' LIMIT 1",
                "t", id->text);
        if (r >= 0)
                r = database_step(store, statement, err);
        if (r <= 0)
                return r;
        return fail_kind(err, ERROR_CONFLICT, EBUSY,
                         "conflict: unable to delete %.12s (%s) - image is being used by %s container %.12s",
                         digest_hex(id), force ? "cannot be forced" : "must be forced",
                         text_equal((const char *)sqlite3_column_text(statement, 1), "running") ? "running"
                                                                                                : "stopped",
                         (const char *)sqlite3_column_text(statement, 0));
}

/* Layers of the image that no other image has. */
static int own_layers(Store *store, const Digest *id, StringList *ret, Error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        r = database_prepare(store, &statement, err,
                             "SELECT diff_id FROM image_layers l WHERE image=?1 AND NOT EXISTS("
                             "SELECT 1 FROM image_layers o WHERE o.diff_id=l.diff_id AND o.image<>?1) ORDER "
                             "BY position DESC",
                             "t", id->text);
        while (r >= 0 && (r = database_step(store, statement, err)) > 0)
                if (string_list_add(ret, (const char *)sqlite3_column_text(statement, 0)) < 0)
                        return fail_memory(err);
        return r < 0 ? r : 0;
}

int store_image_remove(Store *store, const Digest *id, bool force, StringList *ret_layers, Error *err)
{
        int r;

        r = database_begin(store, STORE_DURABLE, err);
        if (r < 0)
                return r;
        r = check_unused(store, id, force, err);
        if (r >= 0 && ret_layers)
                r = own_layers(store, id, ret_layers, err);
        if (r >= 0)
                r = database_run(store, err, "DELETE FROM image_names WHERE image=?", "t", id->text);
        if (r >= 0)
                r = database_run(store, err, "DELETE FROM image_layers WHERE image=?", "t", id->text);
        if (r >= 0)
                r = database_run(store, err, "DELETE FROM images WHERE id=?", "t", id->text);
        if (r >= 0)
                return database_commit(store, err);
        database_rollback(store);
        return r;
}
