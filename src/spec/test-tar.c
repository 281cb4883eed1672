/* Tar headers: what is written reads back, fed in pieces of any size; damaged archives are refused. */
#include "spec/tar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char long_path[] =
        "a-rather-long-folder-name-without-end/another-rather-long-folder-name-without-end/"
        "a-third-rather-long-folder-name-without-end/a-fourth-rather-long-folder-name-without-end/"
        "a-fifth-rather-long-folder-name-without-end/a-sixth-rather-long-folder-name-without-end/file";

static const TarAttribute attribute = {"user.a", "x\0y=\n", 5};

static const TarEntry samples[] = {
        {.type = TAR_FOLDER, .path = "./", .link = "", .mode = 01777, .mtime = 5},
        {.type = TAR_FILE,
         .path = "a",
         .link = "",
         .mode = 04755,
         .uid = 7,
         .gid = 8,
         .size = 700,
         .mtime = 1},
        {.type = TAR_FILE,
         .path = long_path,
         .link = "",
         .mode = 0644,
         .uid = 3000000000,
         .gid = 2100000,
         .size = 3,
         .mtime = -2,
         .mtime_nanoseconds = 750000000,
         .attributes = &attribute,
         .attribute_count = 1},
        {.type = TAR_SYMLINK, .path = "s", .link = long_path, .mode = 0777},
        {.type = TAR_HARD_LINK, .path = "h", .link = "a", .mode = 0644},
        {.type = TAR_CHARACTER_DEVICE, .path = "dev", .link = "", .device_major = 1, .device_minor = 3},
        {.type = TAR_FIFO, .path = "fifo", .link = "", .mode = 0600},
};

static void build(Buffer *out)
{
        static const char zeros[TAR_END_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(samples); i++) {
                assert_int_equal(tar_header_format(&samples[i], out, NULL), 0);
                for (int64_t k = 0; k < samples[i].size; k++)
                        buffer_putc(out, 'c');
                buffer_append(out, zeros, tar_padding(samples[i].size));
        }
        buffer_append(out, zeros, TAR_END_SIZE);
}

static void check_entry(const TarEntry *got, const TarEntry *want)
{
        assert_int_equal(got->type, want->type);
        assert_string_equal(got->path, want->path);
        assert_string_equal(got->link, want->link);
        assert_int_equal(got->mode, want->mode);
        assert_int_equal(got->uid, want->uid);
        assert_int_equal(got->gid, want->gid);
        assert_int_equal(got->size, want->size);
        assert_int_equal(got->mtime, want->mtime);
        assert_int_equal(got->mtime_nanoseconds, want->mtime_nanoseconds);
        assert_int_equal(got->device_minor, want->device_minor);
        assert_int_equal(got->attribute_count, want->attribute_count);
        for (size_t i = 0; i < want->attribute_count; i++) {
                assert_string_equal(got->attributes[i].name, want->attributes[i].name);
                assert_int_equal(got->attributes[i].length, want->attributes[i].length);
                assert_memory_equal(got->attributes[i].value, want->attributes[i].value,
                                    want->attributes[i].length);
        }
}

/* Reads all of it in pieces of @step bytes; the number of entries, or a negative errno. */
static int read_all(const void *bytes, size_t total, size_t step, bool check, Error *err)
{
        _cleanup_tar_reader_ TarReader *reader = tar_reader_new();
        int entries = 0;
        int64_t content = 0;

        for (size_t at = 0; at < total; at += step) {
                const uint8_t *data = (const uint8_t *)bytes + at;
                size_t length = total - at < step ? total - at : step;
                TarItem item;
                int event;

                while ((event = tar_reader_next(reader, &data, &length, &item, err)) > 0) {
                        if (event == TAR_ENTRY) {
                                if (check)
                                        check_entry(&item.entry, &samples[entries]);
                                content = 0;
                        } else if (event == TAR_CONTENT)
                                content += (int64_t)item.content_length;
                        else if (event == TAR_ENTRY_END) {
                                if (check)
                                        assert_int_equal(content, samples[entries].size);
                                entries++;
                        }
                }
                if (event < 0)
                        return event;
                assert_int_equal(length, 0);
        }
        return tar_reader_finish(reader, err) < 0 ? -EBADMSG : entries;
}

static void test_round_trip(void **state)
{
        static const size_t steps[] = {1, 7, 511, 512, 513, 1 << 20};
        _cleanup_buffer_ Buffer archive = {};

        build(&archive);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++)
                assert_int_equal(read_all(archive.data, archive.length, steps[i], true, NULL),
                                 ELEMENTSOF(samples));
}

static void test_truncated(void **state)
{
        _cleanup_buffer_ Buffer archive = {};
        Error err = ERROR_INIT;

        build(&archive);
        /* In the content of "a", which follows two header blocks. */
        assert_int_equal(read_all(archive.data, 1024 + 100, 64, false, &err), -EBADMSG);
        assert_string_equal(err.message, "truncated inside 'a'");
        assert_int_equal(err.kind, ERROR_CORRUPT);
        /* In a header. */
        error_clear(&err);
        assert_int_equal(read_all(archive.data, 512 + 100, 64, false, &err), -EBADMSG);
        assert_int_equal(err.kind, ERROR_CORRUPT);
}

static void test_damaged(void **state)
{
        _cleanup_buffer_ Buffer archive = {};
        Error err = ERROR_INIT;

        build(&archive);
        archive.data[512]++;
        assert_true(read_all(archive.data, archive.length, 4096, false, &err) < 0);
        assert_non_null(strstr(err.message, "wrong checksum"));
        error_clear(&err);
        assert_true(read_all("\x1f\x8b not a tar archive at all", 28, 4096, false, &err) < 0);
        assert_int_equal(err.kind, ERROR_CORRUPT);
}

static void test_empty(void **state)
{
        static const char zeros[TAR_END_SIZE + 9000];

        assert_int_equal(read_all(zeros, sizeof(zeros), 1000, false, NULL), 0);
        assert_int_equal(read_all("", 0, 1000, false, NULL), 0);
}

static void test_refuses_bad_names(void **state)
{
        _cleanup_buffer_ Buffer out = {};

        assert_int_equal(tar_header_format(&(TarEntry){.path = ""}, &out, NULL), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_damaged),           cmocka_unit_test(test_empty),
                cmocka_unit_test(test_refuses_bad_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
