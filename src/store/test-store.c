/* The store under what it must stand: several processes at once, kill -9 at any moment, an index of the WAL
 * from another boot. */
#include "base/file.h"
#include "store/containers.h"
#include "store/database.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include <cmocka.h>

enum { WRITERS = 2, ROUNDS = 60 };

typedef struct Fixture {
        char folder[64];
} Fixture;

static int setup(void **state)
{
        Fixture *fixture = calloc(1, sizeof(*fixture));

        snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/kelp-test-store.XXXXXX");
        *state = fixture;
        return mkdtemp(fixture->folder) ? 0 : -1;
}

static int teardown(void **state)
{
        Fixture *fixture = *state;
        int r = tree_remove_at(AT_FDCWD, fixture->folder, NULL);

        free(fixture);
        return r;
}

static Store *open_store(const Fixture *fixture)
{
        StoreOptions options = {.path = fixture->folder, .owner = (uid_t)-1, .group = (gid_t)-1};
        Error error = ERROR_INIT;
        Store *store = NULL;

        if (store_open(&options, &store, &error) < 0)
                print_error("%s\n", error.message);
        return store;
}

static int insert(Store *store, int writer, int number, Error *err)
{
        char id[65], name[32];
        StoreContainer row = {.id = id,
                              .name = name,
                              .command = (char *)"true",
                              .labels = (char *)"{}",
                              .configuration = (char *)"{}",
                              .status = (char *)"created"};

        snprintf(id, sizeof(id), "%032x%032x", (unsigned)writer, (unsigned)number);
        snprintf(name, sizeof(name), "c%d-%d", writer, number);
        return store_container_insert(store, &row, STORE_FAST, err);
}

/* Commands one after the other, each with its own connection, until killed; what is done is reported. */
static _Noreturn void write_rows(const Fixture *fixture, int writer, int first, int report)
{
        for (int number = first;; number++) {
                _cleanup_store_ Store *store = open_store(fixture);
                Error error = ERROR_INIT;

                if (!store)
                        _exit(1);
                if (insert(store, writer, number, &error) < 0) {
                        print_error("%s\n", error.message);
                        _exit(1);
                }
                if (write(report, &number, sizeof(number)) != sizeof(number))
                        _exit(1);
        }
}

static void assert_integrity(Store *store)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;

        assert_int_equal(database_prepare(store, &statement, NULL, "PRAGMA integrity_check", ""), 0);
        assert_int_equal(database_step(store, statement, NULL), 1);
        assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
}

static void assert_found(Store *store, int writer, int number)
{
        _cleanup_store_container_ StoreContainer row = {0};
        char name[32];

        snprintf(name, sizeof(name), "c%d-%d", writer, number);
        assert_int_equal(store_container_find(store, name, &row, NULL), 0);
}

static void test_writers_killed(void **state)
{
        const Fixture *fixture = *state;
        int done[WRITERS] = {0};

        for (int round = 0; round < ROUNDS; round++) {
                int reports[WRITERS], status, number;
                pid_t writers[WRITERS];

                for (int i = 0; i < WRITERS; i++) {
                        int ends[2];

                        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
                        writers[i] = fork();
                        /* A number that was begun and not reported may be there: it is skipped. */
                        if (writers[i] == 0)
                                write_rows(fixture, i, done[i] + 2, ends[1]);
                        close(ends[1]);
                        reports[i] = ends[0];
                }
                /* Once each has written something, at a moment that differs from round to round. */
                for (int i = 0; i < WRITERS; i++) {
                        assert_int_equal(read(reports[i], &number, sizeof(number)), sizeof(number));
                        done[i] = number;
                }
                nanosleep(&(struct timespec){.tv_nsec = (long)(round * 77773) % 2000000}, NULL);
                for (int i = 0; i < WRITERS; i++) {
                        kill(writers[i], SIGKILL);
                        assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
                        assert_true(WIFSIGNALED(status));
                        while (read(reports[i], &number, sizeof(number)) == sizeof(number))
                                done[i] = number;
                        close(reports[i]);
                }
                _cleanup_store_ Store *store = open_store(fixture);
                assert_non_null(store);
                assert_integrity(store);
                for (int i = 0; i < WRITERS; i++)
                        assert_found(store, i, done[i]);
        }
}

/* The first commands of all, at the same moment. */
static void test_made_by_several(void **state)
{
        enum { MAKERS = 4, STORES = 40 };
        const Fixture *fixture = *state;

        for (int number = 0; number < STORES; number++) {
                Fixture fresh;
                pid_t makers[MAKERS];
                int ends[2], status;

                snprintf(fresh.folder, sizeof(fresh.folder), "%.40s/%d", fixture->folder, number);
                assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
                for (int i = 0; i < MAKERS; i++) {
                        makers[i] = fork();
                        if (makers[i] == 0) {
                                Error error = ERROR_INIT;
                                char go;

                                close(ends[1]);
                                (void)!read(ends[0], &go, 1); /* the end of file, for all at once */
                                _cleanup_store_ Store *store = open_store(&fresh);
                                int r = store ? insert(store, i, 0, &error) : -1;

                                if (r < 0)
                                        print_error("%s\n", error.message);
                                _exit(r < 0);
                        }
                }
                close(ends[0]);
                close(ends[1]);
                for (int i = 0; i < MAKERS; i++) {
                        assert_int_equal(waitpid(makers[i], &status, 0), makers[i]);
                        assert_int_equal(status, 0);
                }
                _cleanup_store_ Store *store = open_store(&fresh);
                assert_non_null(store);
                assert_integrity(store);
                for (int i = 0; i < MAKERS; i++)
                        assert_found(store, i, 0);
        }
}

/* Overwrites the index with something that looks used; with the mark of another boot, or none. */
static void spoil_index(const Fixture *fixture, const char *mark)
{
        _cleanup_free_ char *path = path_join(fixture->folder, "kelp.db-shm");
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        char junk[4096];

        memset(junk, 0x5a, sizeof(junk));
        assert_true(fd >= 0);
        /* behind the header, which is checked by itself */
        assert_int_equal(pwrite(fd, junk, sizeof(junk), 136), sizeof(junk));
        if (mark)
                assert_int_equal(fsetxattr(fd, "user.kelp.boot", mark, strlen(mark), 0), 0);
        else
                assert_int_equal(fremovexattr(fd, "user.kelp.boot"), 0);
        close(fd);
}

static void test_index_of_another_boot(void **state)
{
        static const char *const marks[] = {"00000000-0000-0000-0000-000000000000", "short", NULL};
        const Fixture *fixture = *state;
        int number = 0;

        {
                _cleanup_store_ Store *store = open_store(fixture);

                assert_int_equal(insert(store, 0, number, NULL), 0);
                if (!database_index_is_kept(store))
                        skip(); /* a file system without user attributes */
        }
        for (size_t i = 0; i < ELEMENTSOF(marks); i++) {
                spoil_index(fixture, marks[i]);
                _cleanup_store_ Store *store = open_store(fixture);

                assert_non_null(store);
                assert_integrity(store);
                assert_found(store, 0, number);
                assert_int_equal(insert(store, 0, ++number, NULL), 0);
        }
}

/* The WAL is folded back, and reused from its start. */
static void test_wal_stays_short(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_free_ char *path = path_join(fixture->folder, "kelp.db-wal");
        struct stat status;

        for (int number = 0; number < 400; number++) {
                _cleanup_store_ Store *store = open_store(fixture);

                assert_int_equal(insert(store, 0, number, NULL), 0);
        }
        assert_int_equal(stat(path, &status), 0);
        assert_true(status.st_size < 800 * 4120);
        _cleanup_store_ Store *store = open_store(fixture);
        assert_integrity(store);
        for (int number = 0; number < 400; number++)
                assert_found(store, 0, number);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_writers_killed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_made_by_several, setup, teardown),
                cmocka_unit_test_setup_teardown(test_index_of_another_boot, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wal_stays_short, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
