# G02: no descriptor of the host reaches a container, and no working folder leads out through one.

load harness
load gauntlet

setup()
{
        kelp_setup
        canary_setup
}

teardown()
{
        kelp_teardown
}

# Runs a command with the descriptors 3 to 52 open on the canary, inheritable.
with_descriptors()
{
        python3 -c '
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
for number in range(3, 53):
    os.dup2(folder, number, inheritable=True)
os.execv(sys.argv[2], sys.argv[2:])' "$CANARY" "$@"
}

@test "a container and an exec have 0, 1 and 2, and nothing that kelp inherited" {
        output=$(with_descriptors "$KELP" run --rm --network none busybox sh -c 'ls /proc/1/fd' 2>/dev/null)
        # the last is the folder that ls, which is process 1, reads
        assert_equal "$output" $'0\n1\n2\n3'
        with_descriptors "$KELP" run -d --network none --name box busybox sleep 1000
        assert_equal "$("$KELP" exec box ls /proc/1/fd)" $'0\n1\n2'
        output=$(with_descriptors "$KELP" exec box sh -c 'ls /proc/self/fd')
        assert_equal "$output" $'0\n1\n2\n3'
        output=$(with_descriptors "$(command -v script)" -qec "'$KELP' exec -t box ls /proc/self/fd" /dev/null </dev/null | tr -d '\r' | tr -s ' \n' ' ')
        assert_equal "$output" '0 1 2 3 '
        "$KELP" rm -f box
        "$KELP" run -d --init --network none --name box busybox sleep 1000
        assert_equal "$("$KELP" exec box ls /proc/1/fd)" $'0\n1\n2'
        canary_check
}

@test "-w /proc/self/fd/N, /proc/N and /dev/fd/N: refused, or inside of the root" {
        inside busybox true
        for number in {0..63}; do
                output=$(with_descriptors "$KELP" run --rm --network none -w "/proc/self/fd/$number" busybox sh -c 'pwd; ls' 2>&1) &&
                        fail_with "run -w /proc/self/fd/$number: $output"
                [[ "$output" == kelp:*"working directory /proc/self/fd/$number"* ]] || fail_with "$number: $output"
        done
        for path in /proc/1/cwd /proc/1/root /proc/self/cwd /proc/self/root /proc/thread-self/cwd /dev/fd/7 /proc/1/fd/7/..; do
                output=$(with_descriptors "$KELP" run --rm --network none -w "$path" busybox sh -c 'pwd -P; stat -c %i . /' 2>&1) || {
                        [[ "$output" == kelp:*"working directory"* ]] || fail_with "$path: $output"
                        continue
                }
                [[ "$output" != *unreachable* ]] || fail_with "$path: $output"
        done
        canary_check
}

@test "exec -w: the same in a container that runs" {
        with_descriptors "$KELP" run -d --network none --name box busybox sleep 1000
        for number in 0 1 2 3 4 5 6 7 8 9 10 20 30 40 52 63; do
                for path in "/proc/self/fd/$number" "/proc/1/fd/$number" "/dev/fd/$number"; do
                        output=$(with_descriptors "$KELP" exec -w "$path" box sh -c 'pwd' 2>&1) && fail_with "exec -w $path: $output"
                        [[ "$output" == kelp:* ]] || fail_with "$path: $output"
                done
        done
        "$KELP" exec box ln -s /proc/self/fd/7 /trap
        output=$(with_descriptors "$KELP" exec -w /trap box pwd 2>&1) && fail_with "$output"
        canary_check
}

@test "a WORKDIR of an image through links makes nothing on the host" {
        make_rootfs root
        ln -s "$CANARY/folder" root/out
        ln -s ../../../../../../../.."$CANARY/folder" root/up
        for path in /out/made /up/made /proc/self/root/made /proc/self/fd/9/made; do
                image_from work root "{\"WorkingDir\": \"$path\"}"
                output=$(with_descriptors "$KELP" run --rm --network none work sh -c '[ "$(stat -c %d .)" = "$(stat -c %d /)" ] && echo inside' 2>&1) || true
                [[ "$output" == inside || "$output" == kelp:*working\ directory* ]] || fail_with "$path: $output"
        done
        canary_check
}
