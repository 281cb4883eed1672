# The cgroups of kelp-runtime: as root, and as a plain user who owns a subtree of version 2 (a delegated one), on machines where
# version 1 has the controllers, too.

load callers

setup()
{
        callers_setup unshare setpriv
        TREE=/sys/fs/cgroup/unified
        [ -d "$TREE" ] || TREE=/sys/fs/cgroup
        NAME=kelp-callers-$BASHPID
        mkdir "$WORK/bundle" "$WORK/run"
        mv "$WORK/rootfs" "$WORK/bundle/"
        chown -R kelp-test: "$WORK/bundle" "$WORK/run"
        mkdir "$TREE/$NAME"
        chown -R kelp-test: "$TREE/$NAME"
}

teardown()
{
        local id
        for id in $("$RUNTIME" --root "$WORK/state" list -q); do
                "$RUNTIME" --root "$WORK/state" delete --force "$id"
        done
        find "$TREE/$NAME" -depth -type d -exec rmdir {} +
        callers_teardown
}

edit()
{
        python3 - "$WORK/bundle/config.json" "$@" <<'END'
import json
import sys
path, statement, *argv = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    config = json.load(file)
exec(statement)
with open(path, "w", encoding="utf-8") as file:
    json.dump(config, file)
END
}

# Runs a script as the user who sees nothing but the own subtree.
in_view()
{
        (
                echo "$BASHPID" >"$TREE/$NAME/cgroup.procs"
                # shellcheck disable=SC2016
                exec unshare --mount --cgroup --propagation private bash -c '
                        umount -R -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
                        exec setpriv --reuid kelp-test --regid kelp-test --init-groups --inh-caps=-all -- \
                                env -i PATH="$PATH" XDG_RUNTIME_DIR="$1/run" RUNTIME="$2" BUNDLE="$1/bundle" bash -euc "$3"
                ' view "$WORK" "$RUNTIME" "$1"
        )
}

@test "cgroups: a plain user with a delegated subtree: own group, pause, resume, exec, delete" {
        in_view '"$RUNTIME" spec --rootless --bundle "$BUNDLE"'
        edit "config['process'].update(terminal=False, args=['sleep', '1000'])"
        # shellcheck disable=SC2016
        output=$(in_view '
                status() { "$RUNTIME" state one | sed -n "s/.*\"status\":\"\(.*\)\".*/\1/p"; }
                "$RUNTIME" create --bundle "$BUNDLE" one </dev/null >/dev/null 2>&1
                "$RUNTIME" start one
                cat /sys/fs/cgroup/one/cgroup.procs | wc -l
                # Inside, the own group is the root.
                "$RUNTIME" exec one sh -c "grep ^0:: /proc/self/cgroup"
                "$RUNTIME" pause one
                status
                "$RUNTIME" exec one true 2>/dev/null || echo refused
                "$RUNTIME" resume one
                status
                "$RUNTIME" events --stats one | grep -o "\"type\":\"stats\""
                "$RUNTIME" delete --force one
                ls -d /sys/fs/cgroup/one 2>/dev/null || echo gone
        ')
        equal "$output" $'1\n0::/\npaused\nrefused\nrunning\n"type":"stats"\ngone'
}

@test "cgroups: a limit that cannot be had is one line and no more, with --strict-cgroups an error" {
        in_view '"$RUNTIME" spec --rootless --bundle "$BUNDLE"'
        edit "config['process'].update(terminal=False, args=['echo', 'ran'])"
        edit "config['linux']['resources'] = {'unified': {'nosuch.max': '1'}}"
        # shellcheck disable=SC2016
        output=$(in_view '"$RUNTIME" run --bundle "$BUNDLE" one 2>&1')
        equal "$(wc -l <<<"$output")" 2
        [[ "$output" == *'runs without the limits'*nosuch*$'\nran' ]]
        # shellcheck disable=SC2016
        output=$(in_view '"$RUNTIME" --strict-cgroups run --bundle "$BUNDLE" one 2>&1 || echo failed')
        [[ "$output" == *nosuch*failed ]]
        # No limits are asked for, and no cgroup can be had: it runs.
        edit "config['linux']['resources'] = {}"
        equal "$(setpriv --reuid kelp-test --regid kelp-test --init-groups --inh-caps=-all -- env -i PATH="$PATH" XDG_RUNTIME_DIR="$WORK/run" \
                "$RUNTIME" run --bundle "$WORK/bundle" one)" ran
}

@test "cgroups: a scope of systemd's is not replaced by another group without a word" {
        in_view '"$RUNTIME" spec --rootless --bundle "$BUNDLE"'
        edit "config['process'].update(terminal=False, args=['echo', 'ran'])"
        # shellcheck disable=SC2016
        output=$(in_view '"$RUNTIME" --systemd-cgroup run --bundle "$BUNDLE" one 2>&1')
        equal "$(wc -l <<<"$output")" 2
        [[ "$output" == *'no scope'*$'\nran' ]]
        # shellcheck disable=SC2016
        output=$(in_view '"$RUNTIME" --strict-cgroups --systemd-cgroup run --bundle "$BUNDLE" one 2>&1 || echo failed')
        [[ "$output" == *'no scope'*failed ]]
}

@test "cgroups: a process of exec has the oomScoreAdj of its own, ours stays" {
        in_view '"$RUNTIME" spec --rootless --bundle "$BUNDLE"'
        edit "config['process'].update(terminal=False, args=['sleep', '1000'], oomScoreAdj=300)"
        echo '{"args": ["cat", "/proc/self/oom_score_adj"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"], "oomScoreAdj": 444}' \
                >"$WORK/bundle/process.json"
        # shellcheck disable=SC2016
        output=$(in_view '
                "$RUNTIME" run -d --bundle "$BUNDLE" one </dev/null >/dev/null 2>&1
                "$RUNTIME" exec one cat /proc/1/oom_score_adj
                "$RUNTIME" exec --process "$BUNDLE/process.json" one
                "$RUNTIME" delete --force one
        ')
        equal "$output" $'300\n444'
}

@test "cgroups: root: the path, devices, hugetlb, update, pause, and nothing left" {
        local runtime=("$RUNTIME" --root "$WORK/state") file
        "$RUNTIME" spec --bundle "$WORK/bundle"
        chown -R root: "$WORK/bundle"
        edit "config['process'].update(terminal=False, args=['sleep', '1000'])"
        edit "for names in config['process']['capabilities'].values(): names.append('CAP_MKNOD')"
        edit "config['mounts'].append({'destination': '/tmp', 'type': 'tmpfs', 'source': 'tmpfs'})"
        edit "config['linux']['cgroupsPath'] = '/' + argv[0] + '/inner'" "$NAME"
        if grep -qw hugetlb "$TREE/cgroup.controllers"; then
                edit "config['linux']['resources']['hugepageLimits'] = [{'pageSize': argv[0], 'limit': 2097152}]" \
                        "$(ls /sys/kernel/mm/hugepages | sed 's/hugepages-//; s/kB//' | sort -n | head -1 | awk '{ print $1 / 1024 "MB" }')"
        fi
        "${runtime[@]}" create --bundle "$WORK/bundle" one </dev/null >/dev/null 2>&1
        "${runtime[@]}" start one
        equal "$(cat "$TREE/$NAME/inner/cgroup.procs")" "$("${runtime[@]}" ps -f json one | tr -d '[]\n')"
        # A node of a disk opens nothing; one of /dev/null does.
        output=$("${runtime[@]}" exec one sh -c 'mknod /tmp/disk b 254 0; cat /tmp/disk 2>&1; mknod /tmp/null c 1 3; echo x >/tmp/null && echo null')
        equal "$output" $'cat: can\'t open \'/tmp/disk\': Operation not permitted\nnull'
        if grep -qw hugetlb "$TREE/cgroup.controllers"; then
                file=$(find "$TREE/$NAME/inner" -name 'hugetlb.*MB.max' | sort | head -1)
                equal "$(cat "$file")" 2097152
                echo '{"hugepageLimits": [{"pageSize": "'"$(basename "$file" .max | cut -d. -f2)"'", "limit": 4194304}]}' |
                        "${runtime[@]}" update --resources - one
                equal "$(cat "$file")" 4194304
        fi
        "${runtime[@]}" pause one
        grep -q 'frozen 1' "$TREE/$NAME/inner/cgroup.events"
        "${runtime[@]}" delete --force one
        [ ! -e "$TREE/$NAME/inner" ]
        edit "config['linux']['cgroupsPath'] = '/../up'"
        run "${runtime[@]}" run --bundle "$WORK/bundle" one
        [ "$status" -eq 1 ]
        [[ "$output" == *'leads out'* ]]
}
