#include "engine/disk-usage.h"

#include "base/file.h"
#include "engine/container.h"
#include "engine/image.h"
#include "engine/volume.h"
#include "sys/userns-run.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { DEPTH_MAXIMUM = 4096 };

/* ---- one folder ---- */

static int sum_folder(int parent, const char *name, int depth, int64_t *sum)
{
        _cleanup_closedir_ DIR *entries = NULL;
        struct dirent *entry;
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;

        if (fd < 0)
                return -errno;
        entries = fdopendir(fd);
        if (!entries || depth > DEPTH_MAXIMUM) {
                r = entries ? -ELOOP : -errno;
                if (!entries)
                        close(fd);
                return r;
        }
        while (r >= 0 && (entry = readdir(entries))) {
                struct stat st;

                if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
                        continue;
                if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        r = errno == ENOENT ? 0 : -errno; /* removed in between */
                else if (S_ISDIR(st.st_mode))
                        r = sum_folder(fd, entry->d_name, depth + 1, sum);
                else if (S_ISREG(st.st_mode))
                        /* Each name of a file counts its part. */
                        *sum += (int64_t)st.st_size / (int64_t)st.st_nlink;
        }
        return r;
}

typedef struct SumTask {
        int folder;
        const char *path;
        int64_t *sum; /* shared with the caller */
} SumTask;

static int sum_task(void *argument, Error *err)
{
        SumTask *task = argument;
        int r = sum_folder(task->folder, task->path, 0, task->sum);

        return r < 0 ? fail_errno(err, -r, "read %s", task->path) : 0;
}

int disk_usage_folder(Engine *engine, const char *path, int64_t *ret, Error *err)
{
        SumTask task = {.path = path};
        int namespace, r;
        Store *store;

        r = engine_store(engine, &store, err);
        if (r < 0)
                return r;
        *ret = 0;
        task.folder = store_fd(store);
        r = sum_folder(task.folder, path, 0, ret);
        if (r == -ENOENT)
                *ret = 0;
        if (r >= 0 || r == -ENOENT)
                return 0;
        if (r != -EACCES && r != -EPERM)
                return fail_errno(err, -r, "read %s/%s", store_path(store), path);
        /* Folders of subordinate ids. */
        r = engine_user_namespace(engine, &namespace, err);
        if (r < 0)
                return r;
        task.sum = mmap(NULL, sizeof(*task.sum), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (task.sum == MAP_FAILED)
                return fail_errno(err, errno, "mmap");
        r = userns_run(namespace, sum_task, &task, err);
        *ret = *task.sum;
        munmap(task.sum, sizeof(*task.sum));
        return r;
}

/* ---- all ---- */

typedef struct Sums {
        int64_t count, active, size, reclaimable;
} Sums;

static void set_sums(json_object *object, const char *key, const Sums *sums)
{
        json_object *part = json_object_new_object();

        json_set_int64(part, "Count", sums->count);
        json_set_int64(part, "Active", sums->active);
        json_set_int64(part, "Size", sums->size);
        json_set_int64(part, "Reclaimable", sums->reclaimable);
        json_set(object, key, part);
}

static int64_t number_of(json_object *item, const char *key)
{
        return json_object_get_int64(json_object_object_get(item, key));
}

static bool is_used(json_object *containers, const char *image)
{
        for (size_t i = 0; i < json_object_array_length(containers); i++)
                if (text_equal(json_object_get_string(json_object_object_get(
                                       json_object_array_get_idx(containers, i), "ImageID")),
                               image))
                        return true;
        return false;
}

/* Layers that images share count once in the size: the folder of all layers. */
static int sum_images(Engine *engine, json_object *containers, Sums *sums, Error *err)
{
        ImageListOptions options = {0};
        _cleanup_json_ json_object *images = NULL;
        int r = image_list(engine, &options, &images, err);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(images); i++) {
                json_object *image = json_object_array_get_idx(images, i);
                bool used = is_used(containers, json_object_get_string(json_object_object_get(image, "Id")));

                sums->count++;
                sums->active += used;
                sums->reclaimable += used ? 0 : number_of(image, "Size");
        }
        if (r >= 0)
                r = disk_usage_folder(engine, "layers", &sums->size, err);
        if (sums->reclaimable > sums->size)
                sums->reclaimable = sums->size;
        return r;
}

static int sum_containers(json_object *containers, Sums *sums)
{
        for (size_t i = 0; i < json_object_array_length(containers); i++) {
                json_object *item = json_object_array_get_idx(containers, i);
                bool running =
                        text_equal(json_object_get_string(json_object_object_get(item, "State")), "running");
                int64_t size = number_of(item, "SizeRw");

                sums->count++;
                sums->active += running;
                sums->size += size;
                sums->reclaimable += running ? 0 : size;
        }
        return 0;
}

static int sum_volumes(Engine *engine, Sums *sums, Error *err)
{
        _cleanup_json_ json_object *volumes = NULL;
        int r = volume_list(engine, &(VolumeListOptions){.size = true}, &volumes, err);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(volumes); i++) {
                json_object *usage =
                        json_object_object_get(json_object_array_get_idx(volumes, i), "UsageData");
                bool used = number_of(usage, "RefCount") > 0;

                sums->count++;
                sums->active += used;
                sums->size += number_of(usage, "Size");
                sums->reclaimable += used ? 0 : number_of(usage, "Size");
        }
        return r;
}

int disk_usage(Engine *engine, json_object **ret, Error *err)
{
        ContainerListOptions options = {.all = true, .size = true};
        _cleanup_json_ json_object *containers = NULL;
        Sums image_sums = {0}, container_sums = {0}, volume_sums = {0};
        int r;

        r = container_list(engine, &options, &containers, err);
        if (r >= 0)
                r = sum_images(engine, containers, &image_sums, err);
        if (r >= 0)
                r = sum_containers(containers, &container_sums);
        if (r >= 0)
                r = sum_volumes(engine, &volume_sums, err);
        if (r < 0)
                return r;
        *ret = json_object_new_object();
        set_sums(*ret, "Images", &image_sums);
        set_sums(*ret, "Containers", &container_sums);
        set_sums(*ret, "Volumes", &volume_sums);
        return 0;
}
