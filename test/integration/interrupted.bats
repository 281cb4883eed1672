# Pulls and loads that are ended, run beside each other, or find the host wanting: nothing half-made stays.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

make_layout()
{
        make_rootfs one
        tar --owner=0 --group=0 -C one -cf one.tar .
        mkdir two
        head -c 600000 /dev/urandom >two/random
        tar --owner=0 --group=0 -C two -cf two.tar random
        make_image layout one '{"Cmd":["cat","/random"],"Env":["PATH=/bin"]}' one.tar two.tar
}

assert_image_works()
{
        "$KELP" run --rm --network none "$1" >got 2>/dev/null
        cmp got two/random
}

assert_store_empty()
{
        assert_nothing_left
        assert_equal "$("$KELP" images -q)" ''
        assert_equal "$(find "$STORE/blobs/sha256" "$STORE/layers" -mindepth 1)" ''
}

# Each blob has the content that its name says.
assert_blobs_whole()
{
        local path
        for path in "$STORE"/blobs/sha256/*; do
                [ -e "$path" ] || continue
                assert_equal "$(sha256sum <"$path" | cut -d' ' -f1)" "${path##*/}"
        done
}

# ended SIGNAL LOG PATTERN ARG...: starts kelp ARG..., sends the signal when LOG has PATTERN, and prints how kelp ended: a
# negative number is the signal. (A shell starts its background jobs with SIGINT ignored.)
ended()
{
        python3 - "$@" <<'END'
import os, re, signal, subprocess, sys, time
number, log, pattern = getattr(signal, "SIG" + sys.argv[1]), sys.argv[2], sys.argv[3]
signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore it, which kelp would respect
with open("ended.output", "w") as output:
    kelp = subprocess.Popen([os.environ["KELP"]] + sys.argv[4:], stdout=output, stderr=output, start_new_session=True)
limit = time.monotonic() + 60
while not (os.path.exists(log) and re.search(pattern, open(log).read())):
    if kelp.poll() is not None or time.monotonic() > limit:
        sys.exit("it did not come so far: " + open("ended.output").read())
    time.sleep(0.01)
os.killpg(kelp.pid, number)
print(kelp.wait(60))
END
}

@test "Ctrl-C and other signals in the middle of a pull: it ends by the signal, and nothing stays" {
        make_layout
        special_registry_start s layout silent=1000
        for signal in INT TERM HUP; do
                : >s/log
                run ended $signal s/log 'GET /v2/some/image/blobs' pull "$SPECIAL/some/image:one"
                assert_equal "$output" "-$(kill -l $signal)"
                assert_store_empty
        done
        # in the middle of the layers, not of the configuration
        special_registry_start s2 layout
        "$KELP" pull -q "$SPECIAL/some/image:one"
        assert_image_works "$SPECIAL/some/image:one"
}

@test "a pull that is to survive a hangup does" {
        make_layout
        special_registry_start s layout busy=1
        run python3 - "$SPECIAL/some/image:one" <<'END'
import os, signal, subprocess, sys, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
kelp = subprocess.Popen([os.environ["KELP"], "pull", "-q", sys.argv[1]])
while not os.path.exists("s/log"):
    time.sleep(0.01)
kelp.send_signal(signal.SIGHUP)
sys.exit(kelp.wait(60))
END
        assert_status 0
        assert_image_works "$SPECIAL/some/image:one"
}

@test "Ctrl-C ends a pull that waits for a layer which another one is pulling" {
        make_layout
        # only layers are silent: the configuration is not of the size that is waited for
        special_registry_start s layout silent=200000
        "$KELP" pull "$SPECIAL/some/image:one" >first.output 2>&1 3>&- &
        first=$!
        layers_asked()
        {
                [ "$(grep -c '^GET.*blobs' s/log)" -ge 2 ]
        }
        wait_until layers_asked
        run ended INT ended.output 'Pulling from' pull "$SPECIAL/other/image:one"
        assert_equal "$output" -2
        kill -TERM $first
        wait $first || true
        assert_store_empty
}

@test "two pulls of one image at once: both succeed, and each layer comes once" {
        make_layout
        special_registry_start s layout drop=100000
        "$KELP" pull -q "$SPECIAL/some/image:one" >first.output 2>&1 3>&- &
        first=$!
        "$KELP" pull -q "$SPECIAL/some/image:one" >second.output 2>&1
        wait $first
        assert_equal "$(cat first.output)" "$(cat second.output)"
        assert_image_works "$SPECIAL/some/image:one"
        layer=$(find layout/blobs -size +500k -printf '%f\n' | head -n 1)
        # the first piece of it, and pieces that go on
        size=$(stat -c %s "layout/blobs/sha256/$layer")
        assert_equal "$(grep -c "$layer" s/log)" "$(((size + 99999) / 100000))"
        assert_nothing_left
}

@test "kill -9 at any moment of a pull: what is there is whole, and the next pull completes it" {
        make_layout
        special_registry_start s layout drop=60000
        run python3 - "$SPECIAL/some/image:one" <<'END'
import os, random, subprocess, sys, time
pull = [os.environ["KELP"], "pull", "-q", sys.argv[1]]
begin = time.monotonic()
subprocess.run(pull, check=True, stdout=subprocess.DEVNULL)
takes = time.monotonic() - begin
for number in range(12):
    subprocess.run([os.environ["KELP"], "rmi", "-f", sys.argv[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kelp = subprocess.Popen(pull, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        kelp.wait(random.uniform(0, takes))
    except subprocess.TimeoutExpired:
        kelp.kill()
        kelp.wait()
    store = os.path.join(os.environ["HOME"], ".local/share/kelp/blobs/sha256")
    for name in os.listdir(store):
        said = subprocess.run(["sha256sum", os.path.join(store, name)], stdout=subprocess.PIPE, text=True).stdout[:64]
        if said != name:
            sys.exit(f"round {number}: blob {name} has the content {said}")
END
        echo "$output"
        [ "$status" -eq 0 ]
        "$KELP" pull -q "$SPECIAL/some/image:one"
        assert_image_works "$SPECIAL/some/image:one"
        assert_blobs_whole
        assert_nothing_left
}

# ---- a host that lacks something ----

# as_user_in FOLDER COMMAND...: the command as this user, inside a user and mount namespace that "prepare" made ready as its root.
as_user_in()
{
        local prepare=$1
        shift
        unshare --user --map-root-user --mount sh -c "$prepare && exec unshare --user --map-user=$(id -u) --map-group=$(id -g) -- \"\$@\"" - "$@"
}

# A disk of that size for the store of the command.
with_small_disk()
{
        local size=$1
        shift
        as_user_in "mount -t tmpfs -o size=$size,mode=0777 disk '$KELP_TEST_DIR/disk' && export KELP_ROOT='$KELP_TEST_DIR/disk/kelp' && mount --bind /dev/null /etc/subuid && mount --bind /dev/null /etc/subgid" "$@"
}

@test "a disk that is full, at whatever point: it is said, and nothing half-made stays" {
        make_layout
        tar -C layout -cf layout.tar .
        mkdir disk
        special_registry_start s layout
        export REFERENCE=$SPECIAL/some/image:one
        for size in 40k 120k 200k 400k 700k 1000k 1400k 1800k 2200k; do
                for command in 'pull -q $REFERENCE' 'load -i layout.tar'; do
                        # shellcheck disable=SC2016 # for the shell inside
                        run with_small_disk $size sh -c "\$KELP $command; result=\$?; find disk/kelp/tmp -mindepth 1 2>/dev/null | sed s/^/left:/; exit \$result"
                        echo "$size, $command: $output"
                        [ "$status" -eq 125 ]
                        [[ $output != *left:* ]]
                        [[ $output == *"No space left"* || $output == *"disk is full"* || $output == *"disk I/O error"* ]]
                        [[ $output == *KELP_ROOT* ]]
                done
        done
        run with_small_disk 8m "$KELP" pull -q "$REFERENCE"
        [ "$status" -eq 0 ]
}

@test "a limit of the file size is said, and nothing half-made stays" {
        make_layout
        tar -C layout -cf layout.tar .
        special_registry_start s layout
        "$KELP" images -q
        run bash -c 'ulimit -f 300; "$KELP" pull -q "$1"' - "$SPECIAL/some/image:one"
        assert_status 125
        assert_contains 'File too large'
        assert_store_empty
        run bash -c 'ulimit -f 300; "$KELP" load -i layout.tar'
        assert_status 125
        assert_contains 'File too large'
        assert_store_empty
}

@test "a home that is read-only, missing or nonsense" {
        make_layout
        tar -C layout -cf layout.tar .
        mkdir closed
        chmod 500 closed
        HOME=$PWD/closed run_kelp load -i layout.tar
        assert_status 125
        assert_contains "store $PWD/closed/.local/share/kelp: Permission denied"
        assert_contains 'name one with --root or KELP_ROOT'
        HOME=relative run_kelp load -i layout.tar
        assert_status 125
        assert_contains 'HOME is "relative": not an absolute path'
        HOME=/dev/null run_kelp load -i layout.tar
        assert_status 125
        assert_contains 'store /dev/null/.local/share/kelp: Not a directory'
        mkdir readonly
        run as_user_in "mount -t tmpfs -o ro disk '$PWD/readonly' && export KELP_ROOT='$PWD/readonly/kelp'" "$KELP" load -i layout.tar
        assert_status 125
        assert_contains 'Read-only file system'
        assert_contains 'KELP_ROOT'
}

@test "neither XDG_RUNTIME_DIR nor HOME is needed to pull and load" {
        make_layout
        special_registry_start s layout
        unset XDG_RUNTIME_DIR
        "$KELP" pull -q "$SPECIAL/some/image:one"
        export KELP_ROOT=$PWD/elsewhere
        HOME='' "$KELP" pull -q "$SPECIAL/some/image:one"
        unset KELP_ROOT
        KELP_ROOT=$PWD/elsewhere assert_image_works "$SPECIAL/some/image:one"
        with_all_ids rm -rf elsewhere
}

@test "user namespaces switched off: pull and load say what to ask for, and nothing stays" {
        make_layout
        tar -C layout -cf layout.tar .
        special_registry_start s layout
        for command in "pull -q $SPECIAL/some/image:one" 'load -i layout.tar'; do
                # one for the command itself, and no more
                # shellcheck disable=SC2086 # words
                run as_user_in 'echo 1 >/proc/sys/user/max_user_namespaces' "$KELP" $command
                assert_status 125
                assert_contains 'user namespaces are switched off'
                assert_contains 'sudo sysctl -w user.max_user_namespaces='
                assert_store_empty
        done
}

@test "without subordinate ids other owners are squashed and written down" {
        make_rootfs one
        echo mine >one/etc/theirs
        tar --owner=0 --group=0 -C one -cf one.tar --exclude=./etc/theirs .
        tar --owner=7 --group=8 -C one -rf one.tar ./etc/theirs
        make_image layout one '{"Cmd":["stat","-c","%u %g","/etc/theirs"]}' one.tar
        sed -i 's|"org.opencontainers.image.ref.name"|"io.containerd.image.name": "docker.io/library/one:latest", &|' layout/index.json
        tar -C layout -cf layout.tar .
        # shellcheck disable=SC2016 # for the shell inside
        run as_user_in 'mount --bind /dev/null /etc/subuid && mount --bind /dev/null /etc/subgid' sh -c \
                '"$KELP" load -i layout.tar && "$KELP" run --rm --network none one'
        assert_status 0
        assert_contains '0 0'
        assert_equal "$(cat "$STORE"/layers/*/owners)" '7 8 /etc/theirs'
}
