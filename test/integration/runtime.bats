# kelp-runtime, the OCI runtime: its verbs, as a plain user.

load harness
load runtime

setup()
{
        runtime_setup
}

teardown()
{
        runtime_teardown
}

@test "run: streams, exit status, environment, and nothing left" {
        set_script 'read line; echo "got $line"; echo err >&2; echo $HOME:$(hostname); exit 7'
        status=0
        output=$(echo input | "$RUNTIME" run --bundle "$BUNDLE" one 2>"$KELP_TEST_DIR/err") || status=$?
        assert_status 7
        assert_equal "$output" $'got input\n/root:container'
        assert_equal "$(without_noise <"$KELP_TEST_DIR/err")" err
        assert_equal "$("$RUNTIME" list -q)" ''
        run_runtime run --keep --bundle "$BUNDLE" one </dev/null
        assert_equal "$(state_of one status)" stopped
        "$RUNTIME" delete one
}

@test "create, state, start, exec, ps, list, kill, delete" {
        set_script 'trap "exit 5" TERM; echo started; while :; do sleep 1000 & wait $!; done'
        "$RUNTIME" create --bundle "$BUNDLE" --pid-file "$KELP_TEST_DIR/pid" one </dev/null >"$KELP_TEST_DIR/out" 2>&1
        assert_equal "$(state_of one status)" created
        assert_equal "$(state_of one pid)" "$(cat "$KELP_TEST_DIR/pid")"
        assert_equal "$(state_of one bundle)" "$BUNDLE"
        assert_equal "$(without_noise <"$KELP_TEST_DIR/out")" ''
        # Callers remove it; the container must not need it any more.
        rm "$BUNDLE/config.json"
        "$RUNTIME" start one
        assert_equal "$(state_of one status)" running
        run_runtime exec --env A=b --cwd /tmp one sh -c 'echo $A:$(pwd):$(hostname); exit 9'
        assert_status 9
        assert_equal "$output" b:/tmp:container
        assert_equal "$("$RUNTIME" list -q)" one
        assert_equal "$("$RUNTIME" list -f json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')" one
        assert_equal "$("$RUNTIME" ps -f json one | python3 -c 'import json, sys; print(json.load(sys.stdin)[0])')" "$(state_of one pid)"
        run_runtime delete one
        assert_status 1
        assert_contains 'that is not stopped'
        "$RUNTIME" kill one
        wait_until has_state one stopped
        assert_equal "$(state_of one pid)" 0
        "$RUNTIME" delete one
        run_runtime state one
        assert_status 1
        assert_contains 'container does not exist'
}

@test "errors have the words that callers look for" {
        start_sleeper one
        run_runtime create --bundle "$BUNDLE" one
        assert_status 1
        assert_contains 'already exists'
        run_runtime start one
        assert_status 1
        run_runtime exec one no-such-program
        assert_status 127
        assert_contains 'executable file not found in $PATH'
        run_runtime exec one /etc
        assert_status 126
        "$RUNTIME" exec one sh -c 'echo x >/tmp/plain; chmod 644 /tmp/plain' || true
        "$RUNTIME" kill --all one KILL
        wait_until has_state one stopped
        run_runtime kill one
        assert_status 1
        assert_contains 'is not running'
        assert_contains 'container not running'
        "$RUNTIME" kill --all one
        run_runtime exec one true
        assert_status 1
        assert_contains 'is not running'
        "$RUNTIME" delete one
        "$RUNTIME" delete --force one
        run_runtime kill one
        assert_status 1
        assert_contains 'does not exist'
        run_runtime frobnicate
        assert_status 1
        run_runtime create --bundle "$BUNDLE" ../up
        assert_status 1
        assert_contains 'invalid container id'
        run_runtime delete --fore one
        assert_status 1
        assert_contains 'did you mean --force'
}

@test "--config: another file; a plain user's configuration without a user namespace gets one" {
        set_script 'id -u; awk "{ print \$1, \$3 }" /proc/self/uid_map'
        edit_config "config['linux']['namespaces'] = [n for n in config['linux']['namespaces'] if n['type'] != 'user']
[config['linux'].pop(key, None) for key in ('uidMappings', 'gidMappings')]"
        mv "$BUNDLE/config.json" "$BUNDLE/other.json"
        run_runtime run --bundle "$BUNDLE" without
        assert_equal "$status" 1
        [[ "$output" == *config.json* ]]
        # root is the caller, the other ids are the caller's subordinate ones
        range=$(sed -n "s/^$(id -un):[0-9]*://p" /etc/subuid)
        expected=$(printf '0\n0 1\n1 %s' "$range")
        run_runtime run --bundle "$BUNDLE" --config other.json relative
        assert_equal "$output" "$expected"
        run_runtime run --bundle "$BUNDLE" --config "$BUNDLE/other.json" absolute
        assert_equal "$output" "$expected"
}

@test "a command that does not exist fails at create, and nothing is left" {
        edit_config "config['process']['args'] = ['no-such']"
        run_runtime --log "$KELP_TEST_DIR/log" --log-format json create --bundle "$BUNDLE" one
        assert_status 1
        assert_contains 'executable file not found in $PATH'
        assert_equal "$(python3 -c 'import json, sys; line = json.load(open(sys.argv[1])); print(line["level"], line["msg"])' "$KELP_TEST_DIR/log")" \
                'error exec: "no-such": executable file not found in $PATH'
        assert_equal "$("$RUNTIME" list -q)" ''
        run_runtime run --bundle "$BUNDLE" one
        assert_status 127
}

@test "a malformed config.json: an error with the path of the member" {
        edit_config "config['linux']['namespaces'][1]['type'] = 'nope'"
        run_runtime run --bundle "$BUNDLE" one
        assert_status 1
        assert_contains 'linux.namespaces[1].type'
        echo '{' >"$BUNDLE/config.json"
        run_runtime run --bundle "$BUNDLE" one
        assert_status 1
        assert_equal "$("$RUNTIME" list -q)" ''
}

@test "exec --process, a user with groups, capabilities and a terminal" {
        start_sleeper one
        cat >"$KELP_TEST_DIR/process.json" <<'END'
{"terminal": false, "user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "echo $X; grep CapEff /proc/self/status"],
 "env": ["PATH=/bin", "X=from-file"], "cwd": "/", "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}}
END
        run_runtime exec --process "$KELP_TEST_DIR/process.json" one
        assert_status 0
        assert_equal "$output" $'from-file\nCapEff:\t0000000000000020'
        assert_equal "$("$RUNTIME" exec --cap CAP_SYS_CHROOT one sh -c 'grep CapEff /proc/self/status')" $'CapEff:\t0000000020040420'
        run_runtime exec --user 1:1 one true
        assert_status 1
        assert_contains 'not mapped'
        assert_contains 'user 1:1'
        "$RUNTIME" exec --detach --pid-file "$KELP_TEST_DIR/pid" one sleep 1000 </dev/null >/dev/null 2>&1
        kill -0 "$(cat "$KELP_TEST_DIR/pid")"
        python3 - "$RUNTIME" <<'END'
import os, pty, sys
status = pty.spawn([sys.argv[1], "exec", "-t", "one", "sh", "-c", "tty; test -t 0"])
sys.exit(os.waitstatus_to_exitcode(status))
END
}

@test "terminals and pidfds go to the caller's sockets" {
        edit_config "config['process']['terminal'] = True"
        run_runtime create --bundle "$BUNDLE" one
        assert_status 1
        assert_contains '--console-socket'
        set_script 'stty size; read line; echo "got $line"'
        edit_config "config['process']['consoleSize'] = {'height': 33, 'width': 77}"
        python3 - "$RUNTIME" "$BUNDLE" "$KELP_TEST_DIR" <<'END'
import os, signal, socket, subprocess, sys
runtime, bundle, folder = sys.argv[1:]

def listen(name):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(f"{folder}/{name}")
    sock.listen(1)
    return sock

def receive(sock):
    connection, _ = sock.accept()
    message, fds, _, _ = socket.recv_fds(connection, 4096, 1)
    assert message
    return fds[0]

console, pidfd = listen("console"), listen("pidfd")
subprocess.run([runtime, "create", "--bundle", bundle, "--console-socket", f"{folder}/console", "--pidfd-socket",
                f"{folder}/pidfd", "two"], check=True)
master = receive(console)
signal.pidfd_send_signal(receive(pidfd), 0)
subprocess.run([runtime, "start", "two"], check=True)
os.write(master, b"typed\n")
text = b""
while b"got typed" not in text:
    text += os.read(master, 4096)
assert b"33 77" in text, text
END
}

@test "descriptors: preserved ones are there, others are not" {
        set_script 'cat <&3; ls /proc/self/fd | wc -l'
        echo three >"$KELP_TEST_DIR/three"
        output=$("$RUNTIME" run --preserve-fds 1 --bundle "$BUNDLE" one 3<"$KELP_TEST_DIR/three" 4</dev/null 5</dev/null 6</dev/null)
        # 0, 1, 2, 3 and the one with which ls reads the folder.
        assert_equal "$output" $'three\n5'
}

@test "descriptors: sockets of the caller's manager come with LISTEN_FDS" {
        set_script 'echo $LISTEN_FDS:$LISTEN_PID:$$; cat <&3; ls /proc/self/fd | wc -l'
        echo three >"$KELP_TEST_DIR/three"
        output=$(LISTEN_FDS=1 "$RUNTIME" run --bundle "$BUNDLE" one 3<"$KELP_TEST_DIR/three" 4</dev/null)
        assert_equal "$output" $'1:1:1\nthree\n5'
        # Meant for another process.
        output=$(LISTEN_FDS=1 LISTEN_PID=1 "$RUNTIME" run --bundle "$BUNDLE" one 3<"$KELP_TEST_DIR/three" 2>&1 | without_noise | head -n1)
        assert_equal "$output" ::1
}

@test "hooks: all kinds, in their order, with the state and an own environment" {
        cat >"$KELP_TEST_DIR/hook" <<'END'
#!/bin/sh
state=$(cat)
pid=$(echo "$state" | sed 's/.*"pid":\([0-9]*\).*/\1/')
status=$(echo "$state" | sed 's/.*"status":"\([a-z]*\)".*/\1/')
alive=no
[ -d "/proc/$pid" ] && alive=yes
echo "$1 $status $alive X=$X HOME=${HOME-none}" >>"$LOG"
END
        chmod +x "$KELP_TEST_DIR/hook"
        : >"$KELP_TEST_DIR/log"
        edit_config "config['hooks'] = {kind: [{'path': argv[0], 'args': ['hook', kind], 'env': ['X=1', 'LOG=' + argv[1], 'PATH=/usr/bin:/bin']}]
                     for kind in ('poststop', 'poststart', 'createRuntime', 'prestart')}" "$KELP_TEST_DIR/hook" "$KELP_TEST_DIR/log"
        # These two run inside: one still sees the host's files, one only the container's.
        edit_config "config['hooks']['createContainer'] = [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo createContainer \$(grep -c ^ /proc/self/uid_map) >>' + argv[0]]}]" "$KELP_TEST_DIR/log"
        edit_config "config['hooks']['startContainer'] = [{'path': '/bin/sh', 'args': ['sh', '-c', 'cat >/tmp/hook; echo \$\$ >>/tmp/hook']}]"
        edit_config "config['mounts'].append({'destination': '/tmp', 'type': 'tmpfs', 'source': 'tmpfs'})"
        set_script 'cat /tmp/hook'
        run_runtime run --bundle "$BUNDLE" one
        assert_status 0
        assert_contains '"status":"created"'
        assert_equal "$(cat "$KELP_TEST_DIR/log")" 'prestart creating yes X=1 HOME=none
createRuntime creating yes X=1 HOME=none
createContainer 1
poststart running yes X=1 HOME=none
poststop stopped no X=1 HOME=none'
}

@test "hooks that fail or take too long end the creation or stop the container; poststop only warns" {
        set_script 'echo ran'
        for kind in prestart createRuntime createContainer startContainer; do
                edit_config "config['hooks'] = {argv[0]: [{'path': '/bin/sh', 'args': ['sh', '-c', 'exit 3']}]}" "$kind"
                run_runtime run --bundle "$BUNDLE" one
                assert_status 1
                assert_contains "$kind hook 0 (/bin/sh): it failed with exit status 3"
                assert_equal "$("$RUNTIME" list -q)" ''
        done
        edit_config "config['hooks'] = {'prestart': [{'path': '/bin/sleep', 'args': ['sleep', '1000'], 'timeout': 1}]}"
        run_runtime run --bundle "$BUNDLE" one
        assert_status 1
        assert_contains 'did not end within 1 seconds'
        # Of those that only warn the others run, too.
        edit_config "config['hooks'] = {'poststop': [{'path': '/bin/false'}, {'path': '/bin/sh', 'args': ['sh', '-c', 'echo >' + argv[0]]}]}" "$KELP_TEST_DIR/second"
        run_runtime run --bundle "$BUNDLE" one
        assert_status 0
        assert_contains ran
        assert_contains "poststop hook 0 (/bin/false): it failed with exit status 1"
        [ -e "$KELP_TEST_DIR/second" ]
        edit_config "config['hooks'] = {'poststart': [{'path': '/bin/false'}]}"
        set_script 'sleep 1000'
        run_runtime run --bundle "$BUNDLE" one
        assert_status 1
        assert_contains "poststart hook 0 (/bin/false): it failed with exit status 1"
        assert_equal "$("$RUNTIME" list -q)" ''
        "$RUNTIME" create --bundle "$BUNDLE" two </dev/null >"$KELP_TEST_DIR/out" 2>&1
        run_runtime start two
        assert_status 1
        assert_contains "poststart hook 0 (/bin/false)"
        wait_until has_state two stopped
}

@test "what a killed runtime leaves, delete --force removes" {
        set_script 'sleep 1000'
        strace -qq -o "$KELP_TEST_DIR/trace" "$RUNTIME" create --bundle "$BUNDLE" one </dev/null >/dev/null 2>&1
        assert_equal "$(state_of one status)" created
        "$RUNTIME" delete --force one
        # At each system call of it in turn: the n-th of its name.
        sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$KELP_TEST_DIR/trace" | awk '{ print $1, ++count[$1] }' >"$KELP_TEST_DIR/calls"
        [ "$(wc -l <"$KELP_TEST_DIR/calls")" -gt 50 ]
        while read -r name number; do
                [ "$name" != execve ] || continue
                strace -qq -o /dev/null -e inject="$name:signal=KILL:when=$number" \
                        "$RUNTIME" create --bundle "$BUNDLE" one </dev/null >/dev/null 2>&1 || true
                "$RUNTIME" delete --force one
                assert_equal "$("$RUNTIME" list -q)" ''
        done <"$KELP_TEST_DIR/calls"
        wait_until no_leaked_processes
        "$RUNTIME" create --bundle "$BUNDLE" one </dev/null >/dev/null 2>&1
        assert_equal "$(state_of one status)" created
        "$RUNTIME" delete --force one
        wait_until no_leaked_processes
}

@test "a pid that was used again is not the container's" {
        start_sleeper one
        "$RUNTIME" kill one KILL
        wait_until has_state one stopped
        # Another process, which lives, in its place: the start time tells them apart.
        sed -i 's/"pid":[0-9]*/"pid":'$$'/' "$XDG_RUNTIME_DIR/kelp-runtime/one/state.json"
        assert_equal "$(state_of one status)" stopped
        run_runtime kill one KILL
        assert_status 1
        "$RUNTIME" delete --force one
        kill -0 $$
}

@test "state of a later version is refused by name, of this one read whatever else is in it" {
        start_sleeper one
        state=$XDG_RUNTIME_DIR/kelp-runtime/one/state.json
        cp "$state" "$KELP_TEST_DIR/before"
        sed -i 's/"version":1/"version":1,"member":{"of":"later"}/' "$state"
        assert_equal "$(state_of one status)" running
        sed -i 's/"version":1/"version":2/' "$state"
        for command in state kill 'delete --force'; do
                # shellcheck disable=SC2086 # words
                run_runtime $command one
                assert_status 1
                assert_contains 'version 2 is of a newer kelp-runtime'
        done
        cp "$KELP_TEST_DIR/before" "$state"
        "$RUNTIME" delete --force one
}

@test "errors, logs and lists have no control characters of a bundle's" {
        escape=$'\e]0;x\a'
        odd=$KELP_TEST_DIR/odd$escape
        cp -a "$BUNDLE" "$odd"
        edit_config "config['process']['args'] = [argv[0]]" "no-such$escape"
        run_runtime --log "$KELP_TEST_DIR/log" run --bundle "$BUNDLE" one
        assert_contains no-such
        [[ "$output" != *$'\e'* && "$output" != *$'\a'* ]]
        run grep -c $'\e' "$KELP_TEST_DIR/log"
        assert_equal "$output" 0
        set_script 'sleep 1000'
        cp "$BUNDLE/config.json" "$odd/config.json"
        "$RUNTIME" run --detach --bundle "$odd" one </dev/null >"$KELP_TEST_DIR/out" 2>&1
        run_runtime list
        assert_contains one
        [[ "$output" != *$'\e'* && "$output" != *$'\a'* ]]
}
