# G03: paths of the root file system that the engine mounts on or writes to are links, FIFOs or files in the image. A
# container either runs with the right thing there or is refused by name; nothing on the host is touched, nothing hangs.

load harness
load gauntlet

setup()
{
        kelp_setup
        canary_setup
}

# hostile_images [PATTERN]: loads them; their names and paths are in the file "names".
hostile_images()
{
        make_rootfs root
        mkdir -p root/{proc,sys,dev,run/secrets,data/below}
        touch root/etc/{hosts,hostname,resolv.conf}
        tar --owner=0 --group=0 --numeric-owner -C root -cf base.tar .
        "$BATS_TEST_DIRNAME/make-hostile-images" hostile.tar base.tar "$CANARY" "$@" >names
        "$KELP" load -q -i hostile.tar >/dev/null
}

teardown()
{
        kelp_teardown
}

# What must hold inside, whatever the image has there: said word by word, so that a failure names it.
# shellcheck disable=SC2016 # for the shell inside
SOUND='
fail() { echo "$1"; exit 99; }
[ "$(stat -f -c %T /proc)" = proc ] || fail "/proc is no procfs"
[ -e /proc/self/status ] || fail "/proc is not of this container"
[ "$(stat -L -c %t:%T /dev/null)" = 1:3 ] || fail "/dev/null is not the null device"
[ "$(stat -L -c %t:%T /dev/zero)" = 1:5 ] || fail "/dev/zero is not the zero device"
[ "$(stat -f -c %T /dev/pts/)" = devpts ] || fail "/dev/pts is no devpts"
[ -d /dev/shm/ ] || fail "/dev/shm is no folder"
[ -r /proc/1/mountinfo ] || fail "no mountinfo"
[ "$(cat /etc/hostname)" = "$(hostname)" ] || fail "/etc/hostname is not mounted"
echo sound'

# check_case NAME PATH OPTIONS...: the image NAME, in which PATH is not what it should be.
check_case()
{
        local name=$1 path=$2
        shift 2
        status=0
        output=$(timeout 20 "$KELP" run --rm --network none "$@" "$name" sh -c "$SOUND" 2>&1) || status=$?
        [ -z "${SHOW_CASES:-}" ] || echo "# $name $* $status ${output:0:150}" >&3
        case $status in
        0) [ "$output" = sound ] ;;
        125) [[ "$output" == kelp:*"$path"* ]] ;;
        *) false ;;
        esac || {
                echo "$name ($path) with $*: status $status: $output" >&2
                return 1
        }
        canary_check
}

@test "run: each path as an absolute link, a chain of .., a FIFO, a file, links to nothing and to the inside" {
        # what is below /dev is covered by a new one: two kinds will do
        hostile_images '^h-(proc|sys|dev|etc|run)(-hosts|-hostname|-resolv-conf|-mtab|-secrets|-fs-cgroup|)-[a-z]*$|^h-dev-.*-(absolute|fifo)$'
        failed=0
        while read -r name path; do
                check_case "$name" "$path" || failed=1
        done <names
        [ "$failed" -eq 0 ]
        assert_nothing_left
}

@test "run -t: the same for what the terminal needs" {
        hostile_images '^h-dev(|-console|-pts|-ptmx)-[a-z]*$'
        failed=0
        while read -r name path; do
                status=0
                output=$(timeout 20 script -qec "'$KELP' run --rm --network none -t $name sh -c 'tty; stat -f -c %T /dev/pts/'" /dev/null 2>&1 </dev/null | tr -d '\r')
                [[ "$output" == $'/dev/pts/0\ndevpts' || "$output" == *kelp:*"$path"* ]] || {
                        echo "$name: $output" >&2
                        failed=1
                }
                canary_check || failed=1
        done <names
        [ "$failed" -eq 0 ]
}

@test "run with volumes, binds and tmpfs on such a path, and below it" {
        hostile_images '^h-data'
        mkdir given
        failed=0
        while read -r name path; do
                for mount in "-v vol-$RANDOM:$path" "-v $PWD/given:$path" "--tmpfs $path" "-v $PWD/given:$path/deeper" "-w $path/workdir"; do
                        # shellcheck disable=SC2086 # two words
                        check_case "$name" "$path" $mount || failed=1
                done
        done <names
        [ "$failed" -eq 0 ]
        [ -z "$(find given -mindepth 1 ! -name deeper)" ]
        # Real images have links to what only a running system makes: what they name is made, inside.
        inside -v "$PWD/given:/data" h-data-dangling stat -c %F /no/such/place
        assert_equal "$output" directory
}

@test "exec into those that run" {
        hostile_images '^h-(proc|sys|dev|etc|run).*-(absolute|file)$'
        failed=0
        while read -r name path; do
                "$KELP" run -d --network none --name box "$name" sleep 1000 >/dev/null 2>&1 || {
                        "$KELP" rm -f box >/dev/null 2>&1
                        continue
                }
                output=$(timeout 20 "$KELP" exec box sh -c "$SOUND" 2>&1) || true
                [ "$output" = sound ] || {
                        echo "$name: $output" >&2
                        failed=1
                }
                timeout 20 script -qec "'$KELP' exec -t -u root -w / box true" /dev/null >/dev/null 2>&1 </dev/null || [ $? -ne 124 ] || failed=1
                "$KELP" rm -f box >/dev/null
                canary_check || failed=1
        done <names
        [ "$failed" -eq 0 ]
}

@test "exec after the container has changed its own files under us" {
        make_rootfs plain
        mkdir -p plain/{proc,sys,dev}
        image_from plain plain
        "$KELP" run -d --network none --name box --cap-add SYS_ADMIN --security-opt seccomp=unconfined plain sleep 1000
        "$KELP" exec box sh -c "rm -f /etc/passwd /etc/group; mkfifo /etc/passwd; ln -s '$CANARY/file' /etc/group; mount -t tmpfs x /dev/pts; ln -s '$CANARY/file' /dev/pts/ptmx"
        run timeout 20 "$KELP" exec -u 0 box echo works
        assert_equal "$output" works
        run timeout 20 "$KELP" exec -u root box true
        assert_status 125
        assert_contains 'unable to find user root'
        run timeout 20 script -qec "'$KELP' exec -t box true" /dev/null </dev/null
        assert_contains 'terminal: /dev/pts'
        run timeout 20 "$KELP" exec -w "$CANARY" box true
        [ "$status" -ne 0 ]
        canary_check
}
