# What run leaves behind, and the commands for it.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

@test "a container in the background: ps, exec, logs, inspect, stop, wait, start, rm" {
        "$KELP" run -d --name web --network none busybox sh -c 'echo hello; trap "exit 3" TERM; while :; do sleep 0.1; done'
        assert_equal "$("$KELP" ps --format '{{.Names}} {{.State}}')" 'web running'
        assert_equal "$("$KELP" exec web sh -c 'echo $$ >/dev/null; cat /proc/1/comm')" sh
        run_kelp exec web sh -c 'exit 9'
        assert_status 9
        run_kelp exec web no-such
        assert_status 127
        wait_until logged_hello
        assert_equal "$("$KELP" inspect -f '{{.State.Status}} {{json .Config.Cmd}}' web | cut -c1-12)" 'running ["sh'
        "$KELP" stop web
        assert_equal "$("$KELP" wait web)" 3
        assert_equal "$("$KELP" ps -a --format '{{.Names}} {{.State}}')" 'web exited'
        run_kelp exec web true
        assert_status 125
        assert_contains 'is not running'
        "$KELP" start web
        assert_equal "$("$KELP" ps -q | wc -l)" 1
        "$KELP" rename web site
        "$KELP" kill site
        assert_equal "$("$KELP" wait site)" 137
        "$KELP" rm site
        assert_equal "$("$KELP" ps -aq)" ''
}

@test "wait knows the status of a container that ends at once" {
        for _ in 1 2 3 4 5 6 7 8 9 10; do
                "$KELP" create --name quick --network none busybox sh -c 'exit 3'
                "$KELP" start quick
                assert_equal "$("$KELP" wait quick)" 3
                "$KELP" rm quick
        done
}

logged_hello()
{
        [ "$("$KELP" logs web)" = hello ]
}

@test "a holder that is killed takes its container with it, and the next command says so" {
        "$KELP" run -d --name web --network none busybox sleep 1000
        init=$("$KELP" inspect -f '{{.State.Pid}}' web)
        holder=$(awk '/^PPid/ { print $2 }' "/proc/$init/status")
        kill -KILL "$holder"
        wait_until eval '[ ! -e /proc/$init/ns/mnt ]'
        assert_equal "$("$KELP" ps -a --format '{{.Names}} {{.State}}')" 'web exited'
        assert_equal "$("$KELP" wait web)" 137
        "$KELP" rm web
}

@test "images: list, tag, remove, save and load" {
        "$KELP" run --rm --network none busybox true
        assert_equal "$("$KELP" images --format '{{.Repository}}:{{.Tag}}')" 'busybox:latest'
        "$KELP" tag busybox example.org/a/b:1
        assert_equal "$("$KELP" images -q | sort -u | wc -l)" 1
        id=$("$KELP" image inspect -f '{{.Id}}' busybox)
        "$KELP" save -o all.tar busybox example.org/a/b:1
        run_kelp rmi example.org/a/b:1
        assert_equal "$output" 'Untagged: example.org/a/b:1'
        "$KELP" create --name user busybox true
        run_kelp rmi busybox
        assert_status 1
        assert_contains 'image is being used by stopped container'
        "$KELP" rm user
        "$KELP" rmi busybox
        assert_equal "$("$KELP" images -q)" ''
        assert_equal "$(find "$STORE/layers" "$STORE/blobs/sha256" -mindepth 1 -maxdepth 1 -name '[0-9a-f]*' | wc -l)" 0
        "$KELP" load -i all.tar
        assert_equal "$("$KELP" image inspect -f '{{.Id}}' example.org/a/b:1)" "$id"
        assert_equal "$("$KELP" run --rm --network none example.org/a/b:1 echo works 2>/dev/null)" works
}

@test "hostile archives are refused, and leave nothing" {
        mkdir -p x/blobs/sha256
        echo '{}' >x/index.json
        tar -C x -cf bad.tar index.json
        run_kelp load -i bad.tar
        assert_status 125
        assert_contains 'index.json names no image'
        head -c 100000 /dev/urandom >noise
        run_kelp load -i noise
        assert_status 125
        printf 'x' >y
        tar -cPf out.tar --transform 's|y|../../escaped|' y
        run_kelp load -i out.tar
        assert_status 125
        assert_contains 'leaves the root'
        assert_equal "$(ls "$STORE/tmp")" ''
}
