#!/usr/bin/env bats
# What starts leave to the next ones, and many of them at once.
# shellcheck disable=SC2154 # $status and $output are of bats

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

spares()
{
        find "$STORE/spare" -mindepth 1 -maxdepth 1 | wc -l
}

@test "a container that leaves no trace leaves its folder to the next" {
        run_kelp run --rm busybox true
        assert_status 0
        assert_equal "$(spares)" 1
        inode=$(stat -c %i "$STORE"/spare/0)
        run_kelp run --rm busybox sh -c 'ls -A /root; stat -c "%a %u %g" /'
        assert_status 0
        assert_equal "$output" "755 0 0"
        assert_equal "$(stat -c %i "$STORE"/spare/0)" "$inode"
        assert_nothing_left
}

@test "what a container changed is not there in the next" {
        for change in 'echo secret >/left' 'chmod 700 /' 'chown 7:7 /' 'mkdir /left' 'rm -r /home' 'echo x >>/etc/passwd'; do
                run_kelp run --rm busybox sh -c "$change"
                assert_status 0
                run_kelp run --rm busybox sh -c 'ls -d /left; stat -c "%a %u %g" / && ls -d /home && grep -c x$ /etc/passwd'
                assert_equal "$(grep -v 'ls: /left: No such' <<<"$output")" "755 0 0
/home
0"
                rm -rf "$STORE"/spare/0/work/work 2>/dev/null || chmod -R u+rwx "$STORE"/spare/0
                rm -rf "$STORE"/spare/0
        done
        assert_nothing_left
}

@test "output is logged in a folder that is used again, and does not stay" {
        run_kelp run --rm busybox true
        run_kelp run --rm busybox echo one
        assert_status 0
        run_kelp run --name second busybox echo two
        assert_status 0
        run_kelp logs second
        assert_equal "$output" two
        run_kelp rm second
        assert_status 0
}

@test "many starts, two at a time: none fails, nothing is left" {
        starts()
        {
                for _ in $(seq 20); do
                        "$KELP" run --rm --network none busybox true || echo failed
                done
        }
        "$KELP" run --rm busybox true
        starts >"$KELP_TEST_DIR/first" 2>&1 &
        starts >"$KELP_TEST_DIR/second" 2>&1
        wait $!
        assert_equal "$(cat "$KELP_TEST_DIR"/first "$KELP_TEST_DIR"/second)" ""
        assert_equal "$(find "$STORE"/containers "$STORE"/tmp -mindepth 1)" ""
        assert_nothing_left
}

@test "what is still open in a container that has ended leads to no other container" {
        "$KELP" run -d --name watcher --network none busybox sleep 1000 >/dev/null
        "$KELP" run -d --rm --name short --network none --pid container:watcher busybox sleep 4321 >/dev/null
        pid=$("$KELP" exec watcher ps -o pid,args | awk '/sleep 4321/ { print $1; exit }')
        "$KELP" exec watcher sh -c "exec 3</proc/$pid/root/etc/group; echo open; until [ -e /go ]; do usleep 20000; done; echo left >/proc/self/fd/3; echo done" >seen 2>&1 &
        writer=$!
        wait_until grep -q open seen
        "$KELP" rm -f short
        "$KELP" exec watcher touch /go
        wait "$writer"
        grep -q done seen
        "$KELP" run -d --name next --network none busybox sleep 1000 >/dev/null
        assert_equal "$(find "$STORE/containers/$("$KELP" inspect -f '{{.Id}}' next)/upper" -mindepth 1)" ""
        run_kelp exec next grep left /etc/group
        assert_status 1
}

shown()
{
        [ -n "$("$KELP" ps -q --filter "name=$1")" ]
}

@test "exec into a container that ps has just shown" {
        for i in 1 2 3 4 5 6 7 8; do
                "$KELP" run --rm --name "fresh$i" busybox sleep 60 3>&- &
                wait_until shown "fresh$i" || return 1
                run_kelp exec "fresh$i" echo inside
                assert_status 0
                assert_equal "$output" inside
                run_kelp kill "fresh$i"
                wait $! || true
        done
        assert_nothing_left
}
