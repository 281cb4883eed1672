/*
 * kelp-unpack MODE SINGLE MAXIMUM: unpacks the archive on descriptor 3 into the folder on descriptor 4 and
 * reports on 5. Started by unpack_start() only, as root of a user namespace; confines itself before it reads
 * the first byte.
 *
 *      stream (gzip, zstd, plain) → SHA-256 (the diffID) → tar → tree
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "unpack/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

/* Of everything: headers and padding cost a bomb as little as content. */
static int too_large(int64_t maximum, Error *err)
{
        fail_kind(err, ERROR_CORRUPT, EFBIG,
                  "it unpacks to more than %lld bytes, far more than its size lets expect",
                  (long long)maximum);
        return fail_hint(err,
                         "if you trust it, set KELP_LAYER_MAXIMUM to what a layer may unpack to, as in 100g");
}

static int handle(Tree *tree, int event, TarItem *item, TarEntry *current, int64_t maximum, Error *err)
{
        switch (event) {
        case TAR_ENTRY:
                *current = item->entry;
                /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): main sets it */
                if (maximum && tree->counts->size + item->entry.size > maximum)
                        return too_large(maximum, err);
                return tree_add(tree, &item->entry, err);
        case TAR_CONTENT:
                return tree_write(tree, item->content, item->content_length, err);
        case TAR_ENTRY_END:
                return tree_end(tree, current, err);
        default:
                return 0;
        }
}

static int unpack(Tree *tree, int64_t maximum, UnpackResult *counts, Error *err)
{
        _cleanup_tar_reader_ TarReader *reader = tar_reader_new();
        _cleanup_(stream_closep) Stream *stream = NULL;
        TarEntry current = {0};
        int64_t unpacked = 0;
        DigestStream digest;
        const uint8_t *data;
        size_t length;
        int r;

        if (!reader)
                return fail_memory(err);
        digest_stream_init(&digest);
        r = stream_open(UNPACK_INPUT_FD, &stream, err);
        while (r >= 0 && (r = stream_read(stream, &data, &length, err)) > 0) {
                TarItem item;
                int event = TAR_MORE;

                unpacked += (int64_t)length;
                if (maximum && unpacked > maximum)
                        r = too_large(maximum, err);
                digest_stream_update(&digest, data, length);
                while (r >= 0 && (event = tar_reader_next(reader, &data, &length, &item, err)) > 0)
                        r = handle(tree, event, &item, &current, maximum, err);
                if (r >= 0 && event < 0)
                        r = event;
        }
        if (r >= 0)
                r = tar_reader_finish(reader, err);
        if (r >= 0)
                r = tree_finish(tree, err);
        digest_stream_finish(&digest, &counts->diff_id);
        return r;
}

static int prepare(Tree *tree, Error *err)
{
        umask(0);
        if (tree->mode == UNPACK_ARCHIVE) {
                tree->root = UNPACK_TARGET_FD;
                return 0;
        }
        if (mkdirat(UNPACK_TARGET_FD, "diff", 0755) < 0)
                return fail_errno(err, errno, "make the layer's folder");
        tree->root = openat(UNPACK_TARGET_FD, "diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return tree->root < 0 ? fail_errno(err, errno, "open the layer's folder") : 0;
}

int main(int argc, char **argv)
{
        static UnpackReport report;
        static Tree tree = TREE_INIT;
        uint64_t mode, single, maximum;

        if (argc != 4 || text_to_u64(argv[1], UNPACK_ARCHIVE, &mode) < 0 ||
            text_to_u64(argv[2], 1, &single) < 0 || text_to_u64(argv[3], INT64_MAX, &maximum) < 0) {
                dprintf(STDERR_FILENO, "kelp-unpack is started by kelp, not by hand\n");
                return 125;
        }
        tree.mode = (UnpackMode)mode;
        tree.single_id = single;
        tree.target = UNPACK_TARGET_FD;
        tree.counts = &report.counts;
        signal(SIGXFSZ, SIG_IGN); /* a limit of the file size is an error like a full disk */
        report.result = prepare(&tree, &report.error);
        if (report.result >= 0)
                report.result = confine_to(UNPACK_TARGET_FD, &report.error);
        if (report.result >= 0)
                report.result = unpack(&tree, (int64_t)maximum, &report.counts, &report.error);
        file_write_all(UNPACK_REPORT_FD, &report, sizeof(report));
        return report.result < 0;
}
