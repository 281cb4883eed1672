# checkpoint and restore by criu, by root: criu wants a kernel that it knows, and this machine's it does.

RUNTIME=$KELP_BUILD/kelp-runtime

# A container that counts in a variable, that is in memory only, and writes the number into its root file system.
setup()
{
        WORK=$(mktemp -d /tmp/kelp-checkpoint.XXXXXX)
        mkdir -p "$WORK/bundle/rootfs/bin" "$WORK/bundle/rootfs/tmp" "$WORK/source"
        cp /bin/busybox "$WORK/bundle/rootfs/bin/"
        chroot "$WORK/bundle/rootfs" /bin/busybox --install /bin
        "$RUNTIME" spec --bundle "$WORK/bundle"
        # shellcheck disable=SC2016 # for the container's shell
        edit 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/new; mv /tmp/new /tmp/count; sleep 0.1; done'
        COUNT=$WORK/bundle/rootfs/tmp/count
}

teardown()
{
        local id
        for id in $("$RUNTIME" list -q); do
                "$RUNTIME" delete --force "$id"
        done
        rm -rf "$WORK"
        [ "$(grep -cF "$WORK" /proc/self/mountinfo)" = 0 ]
}

# The payload becomes `sh -c $1`; $2: a Python statement about `config`.
edit()
{
        python3 - "$WORK/bundle/config.json" "$@" <<'END'
import json
import sys
path, script, *statement = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    config = json.load(file)
config["process"]["terminal"] = False
config["process"]["args"] = ["sh", "-c", script]
config["root"]["readonly"] = False
config["linux"]["cgroupsPath"] = "/kelp-checkpoint"
exec("".join(statement))
with open(path, "w", encoding="utf-8") as file:
    json.dump(config, file)
END
}

until_true()
{
        local end=$((SECONDS + 60))
        until "$@"; do
                [ "$SECONDS" -lt "$end" ] || return 1
                sleep 0.1
        done
}

counted()
{
        [ -s "$COUNT" ] && [ "$(cat "$COUNT")" -gt "$1" ]
}

run_detached()
{
        "$RUNTIME" run --detach --bundle "$WORK/bundle" "$1" </dev/null >/dev/null 2>&1
}

state_of()
{
        "$RUNTIME" state "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])'
}

# With criu's log when it fails.
checked()
{
        "$@" && return
        tail -n 25 "$WORK"/images/*.log
        return 1
}

restore_detached()
{
        "$RUNTIME" restore --detach --bundle "$WORK/bundle" --image-path "$WORK/images" "${@:2}" "$1" </dev/null \
                >/dev/null 2>&1 && return
        tail -n 25 "$WORK/images/restore.log"
        return 1
}

@test "a counting container goes on where it was" {
        run_detached one
        until_true counted 5
        checked "$RUNTIME" checkpoint --image-path "$WORK/images" one
        run "$RUNTIME" state one
        [ "$status" -ne 0 ]
        saved=$(cat "$COUNT")
        rm "$COUNT"
        restore_detached two --pid-file "$WORK/pid"
        [ "$(state_of two)" = running ]
        until_true counted "$saved"
        [ "$(cat "$COUNT")" -lt $((saved + 1000)) ]
        grep -q /kelp-checkpoint "/proc/$(cat "$WORK/pid")/cgroup"
        [ "$("$RUNTIME" exec two echo inside)" = inside ]
        "$RUNTIME" delete --force two
}

@test "one that is left running goes on by itself, and is not saved when it is gone" {
        run_detached one
        until_true counted 3
        checked "$RUNTIME" checkpoint --leave-running --image-path "$WORK/images" one
        [ "$(state_of one)" = running ]
        until_true counted "$(cat "$COUNT")"
        "$RUNTIME" delete --force one
        run "$RUNTIME" checkpoint --image-path "$WORK/images" one
        [ "$status" -eq 1 ]
        [[ "$output" == *"container does not exist"* ]]
}

@test "bind mounts come from the new bundle's sources, hooks run, the end is that of the payload" {
        echo before >"$WORK/source/file"
        printf '#!/bin/sh\ncat >%s/hook\n' "$WORK" >"$WORK/hook-program"
        chmod +x "$WORK/hook-program"
        edit 'until [ -e /tmp/end ]; do echo x >/tmp/count; sleep 0.1; done; cat /data/file /etc/one >/tmp/seen; exit 7' "
config['mounts'].append({'destination': '/data', 'type': 'bind', 'source': '$WORK/source', 'options': ['bind']})
config['mounts'].append({'destination': '/etc/one', 'type': 'bind', 'source': '$WORK/source/file', 'options': ['bind', 'rprivate']})
config['hooks'] = {'createRuntime': [{'path': '$WORK/hook-program'}]}"
        run_detached one
        until_true [ -s "$COUNT" ]
        checked "$RUNTIME" checkpoint --image-path "$WORK/images" one
        mkdir "$WORK/other"
        echo after >"$WORK/other/file"
        rm -r "$WORK/hook" "$WORK/bundle/rootfs/data" "$WORK/bundle/rootfs/etc"
        sed -i "s|$WORK/source|$WORK/other|g" "$WORK/bundle/config.json"
        touch "$WORK/bundle/rootfs/tmp/end"
        run "$RUNTIME" restore --bundle "$WORK/bundle" --image-path "$WORK/images" two </dev/null
        echo "$output"
        [ "$status" -eq 7 ]
        [ "$(cat "$WORK/bundle/rootfs/tmp/seen")" = $'after\nafter' ]
        grep -q '"id":"two"' "$WORK/hook"
        [ -z "$("$RUNTIME" list -q)" ]
}

@test "a network namespace by path is the host's, at both times" {
        ip netns add kelp-one
        ip netns add kelp-two
        ip -n kelp-two link add mark type dummy
        edit 'while :; do ls /sys/class/net >/tmp/new; mv /tmp/new /tmp/count; sleep 0.1; done' "
for namespace in config['linux']['namespaces']:
    if namespace['type'] == 'network':
        namespace['path'] = '/run/netns/kelp-one'"
        run_detached one
        until_true [ -s "$COUNT" ]
        checked "$RUNTIME" checkpoint --image-path "$WORK/images" one
        sed -i s/kelp-one/kelp-two/ "$WORK/bundle/config.json"
        restore_detached two --pid-file "$WORK/pid"
        [ "$(stat -Lc %i "/proc/$(cat "$WORK/pid")/ns/net")" = "$(stat -Lc %i /run/netns/kelp-two)" ]
        "$RUNTIME" delete --force two
        ip netns delete kelp-one
        ip netns delete kelp-two
}

@test "a terminal's master goes to the console socket of the restore" {
        edit 'while :; do read -r line; echo "got $line"; done' "config['process']['terminal'] = True"
        cat >"$WORK/holder" <<'END'
import os, socket, sys
path, wanted, *words = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(1)
if os.fork():
    sys.exit()
connection, _ = server.accept()
_, fds, _, _ = socket.recv_fds(connection, 64, 1)
os.write(fds[0], words[0].encode() + b"\n")
text = b""
while wanted.encode() not in text:
    text += os.read(fds[0], 100)
open(path + ".seen", "wb").write(text)
if len(words) > 1:
    import time
    while not os.path.exists(path + ".end"):
        time.sleep(0.1)
END
        python3 "$WORK/holder" "$WORK/first" "got one" one stay </dev/null >/dev/null 2>&1 3>&-
        "$RUNTIME" run --detach --bundle "$WORK/bundle" --console-socket "$WORK/first" one </dev/null >/dev/null 2>&1
        until_true [ -e "$WORK/first.seen" ]
        checked "$RUNTIME" checkpoint --image-path "$WORK/images" one
        touch "$WORK/first.end"
        python3 "$WORK/holder" "$WORK/second" "got two" two </dev/null >/dev/null 2>&1 3>&-
        restore_detached two --console-socket "$WORK/second"
        until_true [ -e "$WORK/second.seen" ]
        "$RUNTIME" delete --force two
}

@test "a --pre-dump is the parent of what is saved then" {
        run_detached one
        until_true counted 3
        checked "$RUNTIME" checkpoint --pre-dump --image-path "$WORK/before" one
        [ "$(state_of one)" = running ]
        checked "$RUNTIME" checkpoint --parent-path ../before --image-path "$WORK/images" one
        saved=$(cat "$COUNT")
        [ -L "$WORK/images/parent" ]
        restore_detached two
        until_true counted "$saved"
        "$RUNTIME" delete --force two
}

@test "what criu refuses is said in its words, and the container goes on" {
        "$RUNTIME" run --detach --bundle "$WORK/bundle" one </dev/null >"$WORK/out" 2>&1
        until_true counted 3
        run "$RUNTIME" checkpoint --image-path "$WORK/images" one
        echo "$output"
        [ "$status" -eq 1 ]
        [[ "$output" == *"checkpoint: criu: Error ("*"Can't lookup mount"*"$WORK/out"* ]]
        [[ "$output" == *"criu's log is $WORK/images/checkpoint.log"* ]]
        [ "$(state_of one)" = running ]
        until_true counted "$(cat "$COUNT")"
        run "$RUNTIME" --criu /nowhere/criu checkpoint one
        [[ "$output" == *"--criu /nowhere/criu: No such file"* ]]
        run "$RUNTIME" restore --bundle "$WORK/bundle" --image-path "$WORK/nothing" two
        [ "$status" -eq 1 ]
        [ "$("$RUNTIME" list -q)" = one ]
}
