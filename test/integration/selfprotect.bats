# Nothing in a container gets hold of kelp's own programs, although its root is the user who owns them (CVE-2019-5736).

load harness

setup()
{
        kelp_setup
        # Programs that this test's user owns and may write to, as after make in a home.
        mkdir "$KELP_TEST_DIR/kelp"
        cp "$KELP_BUILD"/kelp* "$KELP_TEST_DIR/kelp/"
        chmod u+w "$KELP_TEST_DIR"/kelp/*
        KELP=$KELP_TEST_DIR/kelp/kelp
        before=$(cd "$KELP_TEST_DIR/kelp" && sha256sum -- *)
}

teardown()
{
        kelp_teardown
}

assert_unchanged()
{
        assert_equal "$(cd "$KELP_TEST_DIR/kelp" && sha256sum -- *)" "$before"
}

# A program for a container that keeps trying to overwrite what other processes' /proc/PID/exe lead to, for as long as it
# is there, and its own; and a static program that is run as kelp's payload by way of /proc/self/exe.
make_overwriter()
{
        cat >overwrite.c <<'EOF'
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void overwrite(const char *path, const struct stat *own)
{
        struct stat status;
        char again[64];
        int fd = open(path, O_RDONLY);

        if (fd < 0)
                return;
        if (fstat(fd, &status) < 0 || status.st_dev == own->st_dev /* the container's own */) {
                close(fd);
                return;
        }
        /* a program that is being executed cannot be written to: again until it has ended */
        snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
        for (int i = 0; i < 200; i++) {
                int writer = open(again, O_WRONLY);

                if (writer >= 0 && write(writer, "overwritten", 11) == 11)
                        printf("%s was overwritten\n", path);
                if (writer >= 0)
                        close(writer);
                usleep(1000);
        }
        close(fd);
}

int main(void)
{
        char path[64];
        struct stat own;

        stat("/overwrite", &own);
        puts("ready");
        fflush(stdout);
        while (access("/stop", F_OK) < 0)
                for (int pid = 1; pid < 400; pid++) {
                        static const char *const links[] = {"exe", "fd/3", "fd/4", "fd/5", "fd/6", "fd/7", "fd/8", "fd/9"};

                        for (int i = 0; pid != getpid() && i < 8; i++) {
                                snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
                                overwrite(path, &own);
                        }
                }
        puts("end");
        return 0;
}
EOF
        gcc -O1 -static -o overwrite overwrite.c
}

@test "the payload /proc/self/exe, and scripts with that interpreter: run" {
        mkdir -p vol
        printf '#!/proc/self/exe\n' >vol/script
        printf '#!/vol/link\n' >vol/indirect
        ln -s /proc/self/exe vol/link
        chmod +x vol/script vol/indirect
        for payload in /proc/self/exe /proc/1/exe /proc/thread-self/exe /vol/link /vol/script /vol/indirect; do
                run timeout 20 "$KELP" run --rm --network none -v "$KELP_TEST_DIR/vol:/vol" --entrypoint "$payload" busybox version
                [ "$status" -ge 125 ]
                [[ "$output" != *"Version"* ]]
                assert_unchanged
        done
        assert_nothing_left
}

@test "the payload /proc/self/exe, and scripts with that interpreter: exec" {
        "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
        "$KELP" exec box sh -c 'printf "#!/proc/self/exe\n" >/script; chmod +x /script; ln -s /proc/self/exe /link'
        for payload in /proc/self/exe /link /script; do
                run timeout 20 "$KELP" exec box "$payload" version
                [ "$status" -ge 125 ]
                [[ "$output" != *"Version"* ]]
                assert_unchanged
        done
}

@test "while processes of exec come, their /proc/PID/exe and descriptors cannot be used" {
        make_overwriter
        "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
        "$KELP" exec -i box sh -c 'cat >/overwrite; chmod +x /overwrite' <overwrite
        "$KELP" exec box /overwrite >seen &
        overwriter=$!
        wait_until grep -qs ready seen
        for _ in $(seq 20); do
                "$KELP" exec box true
                "$KELP" exec -u 0 box /proc/self/exe || true
        done
        "$KELP" exec box touch /stop
        wait "$overwriter"
        grep -q end seen
        assert_equal "$(grep overwritten seen)" ''
        assert_unchanged
}

@test "a container that shares another's processes cannot be used either" {
        make_overwriter
        "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
        "$KELP" exec -i box sh -c 'cat >/overwrite; chmod +x /overwrite' <overwrite
        "$KELP" exec box /overwrite >seen &
        overwriter=$!
        wait_until grep -qs ready seen
        for _ in $(seq 10); do
                "$KELP" run --rm --network none --pid container:box busybox true
        done
        "$KELP" exec box touch /stop
        wait "$overwriter"
        # the payload of the other container, maybe, as between processes of one user; never kelp
        grep -q end seen
        assert_unchanged
}

@test "descriptors and folders of the caller do not get into a container" {
        for n in $(seq 20 40); do
                eval "exec $n<$KELP_TEST_DIR"
        done
        first=$("$KELP" run --rm --network none busybox sh -c 'ls /proc/self/fd | tr "\n" " "')
        "$KELP" run -d --name box --network none busybox sleep 1000 >/dev/null
        inside=$("$KELP" exec box sh -c 'ls /proc/self/fd | tr "\n" " "')
        monitor=$(awk '/^PPid/ { print $2 }' "/proc/$("$KELP" inspect -f '{{.State.Pid}}' box)/status")
        leaked=$(ls -l "/proc/$monitor/fd" | grep -c -- "-> $KELP_TEST_DIR$" || true)
        for n in 7 20 40; do
                run "$KELP" exec -w "/proc/self/fd/$n" box pwd
                [ "$status" -ne 0 ]
        done
        for n in $(seq 20 40); do
                eval "exec $n<&-"
        done
        assert_equal "$first$inside" '0 1 2 3 0 1 2 3 '
        assert_equal "$leaked" 0
}
