# The command line as users of docker know it: names, options, output, exit statuses.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# On a terminal: what a command prints there.
on_terminal()
{
        # shellcheck disable=SC2016 # for the inner shell
        script -qec "$(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r'
}

@test "help: kelp alone, a command, a group, help of both" {
        run_kelp
        assert_status 0
        assert_contains 'Usage:  kelp [--root FOLDER] COMMAND'
        assert_contains 'Management commands:'
        run_kelp ps --help
        assert_contains 'Usage:  kelp ps [OPTIONS]'
        assert_contains 'Also:  kelp container ls'
        assert_contains '  -a, --all             Show all containers'
        assert_contains 'Examples:'
        run_kelp help ps
        assert_contains 'Usage:  kelp ps [OPTIONS]'
        run_kelp volume
        assert_contains 'prune       Remove unused volumes'
        run_kelp container ls --help
        assert_contains 'Usage:  kelp ps [OPTIONS]'
        run_kelp --version
        assert_contains 'kelp version '
}

@test "what does not exist gets the nearest that does, and 125" {
        run_kelp imagess
        assert_refused "did you mean 'kelp images'"
        run_kelp container lss
        assert_refused "did you mean 'kelp container ls'"
        run_kelp ps --qiet
        assert_refused 'did you mean --quiet?'
        run_kelp run --detatch busybox
        assert_refused 'did you mean --detach?'
        run_kelp ps --format
        assert_refused 'flag needs an argument: --format'
        run_kelp ps -x
        assert_refused "unknown shorthand flag: 'x' in -x"
        run_kelp rename one
        assert_refused '"kelp rename" requires exactly 2 arguments'
        run_kelp ps one
        assert_refused '"kelp ps" accepts no arguments'
        run_kelp run --rm -- --busybox
        assert_refused 'invalid reference format'
        run_kelp pull -- -x
        assert_refused 'invalid reference format'
        run_kelp ps --filter color=red
        assert_refused "invalid filter 'color=red'"
        run_kelp ps --filter status=sleeping
        assert_refused "invalid filter 'status=sleeping'"
}

@test "1 for a thing that is not there, as docker has it" {
        for command in 'logs x' 'inspect x' 'rm x' 'stop x' 'kill x' 'wait x' 'rename x other' 'rmi x' 'tag x y' 'history x' \
                'image inspect x' 'volume inspect x' 'volume rm x' 'top x' 'save -o f x' 'start x'; do
                # shellcheck disable=SC2086 # words
                run_kelp $command
                assert_status 1 || return
                assert_contains x
        done
        run_kelp rm -f x
        assert_status 0
        assert_contains 'No such container: x'
        run_kelp rmi -f x
        assert_status 0
        run_kelp volume rm -f x
        assert_status 0
}

@test "ps: options, filters and fields" {
        "$KELP" create --name one --label color=red --label size=big -v data:/data busybox sh -c 'echo one; exit 3'
        "$KELP" create --name two --label color=blue busybox true
        "$KELP" start one
        "$KELP" wait one
        assert_equal "$("$KELP" ps -q)" ''
        assert_equal "$("$KELP" ps -aq | wc -l)" 2
        assert_equal "$("$KELP" container ls -aq --no-trunc | head -c 64 | wc -c)" 64
        assert_equal "$("$KELP" ps -l --format '{{.Names}}')" two
        assert_equal "$("$KELP" ps -n 1 --format '{{.Names}}')" two
        assert_equal "$("$KELP" ps -n -1 -a --format '{{.Names}}')" $'two\none'
        assert_equal "$(names status=exited)" one
        assert_equal "$(names status=created)" two
        assert_equal "$(names status=created status=exited)" $'two\none'
        assert_equal "$(names exited=3)" one
        assert_equal "$(names exited=0)" ''
        assert_equal "$(names label=color)" $'two\none'
        assert_equal "$(names label=color=red)" one
        assert_equal "$(names label=color=red label=size=big)" one
        assert_equal "$(names label=color=blue label=size=big)" ''
        assert_equal "$(names 'name=^t')" two
        assert_equal "$(names name=o)" $'two\none'
        assert_equal "$(names before=two)" one
        assert_equal "$(names since=one)" two
        assert_equal "$(names ancestor=busybox)" $'two\none'
        assert_equal "$(names ancestor=other)" ''
        assert_equal "$(names volume=data)" one
        assert_equal "$(names volume=/data)" one
        assert_equal "$(names network=bridge)" $'two\none'
        assert_equal "$(names network=none)" ''
        assert_equal "$(names "id=$("$KELP" ps -lq)")" two
        assert_equal "$("$KELP" ps -a --filter name=one --format '{{.Label "color"}} {{.Mounts}} {{.LocalVolumes}} {{.Networks}} {{.State}}')" \
                'red data 1 bridge exited'
        assert_equal "$("$KELP" ps -a --filter name=two --format 'table {{.Names}}\t{{.Image}}')" $'NAMES   IMAGE\ntwo     busybox'
        assert_equal "$("$KELP" ps -a --filter name=one --format '{{.Status}}' | cut -c1-10)" 'Exited (3)'
        assert_equal "$("$KELP" ps -a --filter name=one --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)["Names"])')" one
        assert_contains_line 'CONTAINER ID   IMAGE     COMMAND' "$("$KELP" ps -a)"
        assert_contains_line 'SIZE' "$("$KELP" ps -as)"
        run_kelp ps -a --format '{{.Nmaes}}'
        assert_status 125
        assert_contains 'there is no field .Nmaes'
        assert_contains 'did you mean .Names?'
}

names()
{
        local filters=() filter
        for filter in "$@"; do
                filters+=(--filter "$filter")
        done
        "$KELP" ps -a "${filters[@]}" --format '{{.Names}}'
}

assert_contains_line()
{
        [[ "$2" == *"$1"* ]] && return
        printf 'no "%s" in:\n%s\n' "$1" "$2" >&2
        return 1
}

@test "sizes of containers, what they have written and with their image" {
        "$KELP" create --name writer busybox sh -c 'head -c 3000000 /dev/zero >/big; mkdir -m 700 /own; chown 5:5 /own; head -c 500000 /dev/zero >/own/more'
        "$KELP" start writer
        "$KELP" wait writer
        assert_equal "$("$KELP" ps -as --format '{{.Size}}' | cut -d ' ' -f 1)" 3.5MB
        assert_equal "$("$KELP" inspect -s -f '{{.SizeRw}}' writer)" 3500000
        assert_equal "$("$KELP" system df --format '{{.Type}} {{.Size}}' | grep Containers)" 'Containers 3.5MB'
}

@test "images: names, digests, filters, history" {
        import_image other '{"Labels": {"color": "red"}}'
        "$KELP" create busybox true >/dev/null
        "$KELP" tag busybox box:1
        assert_equal "$("$KELP" images --format '{{.Repository}}:{{.Tag}}' | sort)" $'box:1\nbusybox:latest\nother:latest'
        assert_equal "$("$KELP" images -q | wc -l)" 2
        assert_equal "$("$KELP" images -q --no-trunc box)" "$("$KELP" image inspect -f '{{.Id}}' busybox)"
        assert_equal "$("$KELP" images --filter label=color=red --format '{{.Repository}}')" other
        assert_equal "$("$KELP" images --filter reference='bo*' --filter reference='ot*' --format '{{.Repository}}' | sort)" $'box\nother'
        assert_equal "$("$KELP" images --filter dangling=true -q)" ''
        assert_contains_line 'DIGEST' "$("$KELP" images --digests)"
        assert_equal "$("$KELP" image ls --format '{{json .Tag}}' box)" '"1"'
        assert_equal "$("$KELP" history -q busybox)" "$("$KELP" images -q busybox)"
        assert_equal "$("$KELP" history --human=false --format '{{.Size}}' busybox | head -n 1)" \
                "$("$KELP" image inspect -f '{{.Size}}' busybox)"
        KELP_IMAGE_CREATED='' import_image timeless '{}'
        assert_equal "$("$KELP" images --format '{{.CreatedSince}} {{.CreatedAt}}' timeless)" 'N/A N/A'
        run_kelp images --filter since=nothing
        assert_status 1
        assert_contains 'No such image: nothing'
}

@test "inspect: containers, images and volumes, by type and by template" {
        "$KELP" create --name web --label a.b=c busybox true >/dev/null
        "$KELP" volume create data
        assert_equal "$("$KELP" inspect -f '{{or .Name .Id}}' web data | tr '\n' ' ')" '/web data '
        assert_equal "$("$KELP" inspect -f '{{.Os}}' busybox)" linux
        assert_equal "$("$KELP" inspect --type volume -f '{{.Name}}' data)" data
        run_kelp inspect --type image web
        assert_status 1
        run_kelp inspect --type thing web
        assert_status 125
        run_kelp_split inspect web no-such
        assert_status 1
        assert_equal "$(printf %s "$output" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" 1
        assert_equal "$stderr" 'kelp: No such object: no-such'
        run_kelp_split inspect no-such
        assert_equal "$output" '[]'
        assert_equal "$("$KELP" inspect -f '{{index .Config.Labels "a.b"}}{{range $k, $v := .Config.Labels}} {{$k}}={{$v}}{{end}}' web)" 'c a.b=c'
        assert_equal "$("$KELP" inspect -f '{{if .State.Running}}up{{else}}down{{end}} {{len .Mounts}} {{.ID | truncate 4 | len}}' web 2>&1 | cut -c1-6)" 'kelp: '
        assert_equal "$("$KELP" inspect -f '{{if .State.Running}}up{{else}}down{{end}} {{len .Mounts}} {{len (truncate .ID 4)}}' web)" 'down 0 4'
        assert_equal "$("$KELP" version --format '{{.Client.Version}}')" "$("$KELP" info --format '{{.ServerVersion}}')"
        run_kelp inspect -f '{{.Name' web
        assert_status 125
        assert_contains 'template: position 8: the template ends inside of an action: expected }}'
}

@test "volumes: create, list, remove, prune" {
        assert_equal "$("$KELP" volume create data --label keep=yes)" data
        assert_equal "$("$KELP" volume create data)" data
        nameless=$("$KELP" volume create)
        [ ${#nameless} -eq 64 ]
        "$KELP" create --name user -v used:/x busybox true >/dev/null
        assert_equal "$("$KELP" volume ls -q --filter dangling=false)" used
        assert_equal "$("$KELP" volume ls --filter label=keep --format '{{.Name}} {{.Label "keep"}} {{.Driver}}')" 'data yes local'
        [ -d "$("$KELP" volume inspect -f '{{.Mountpoint}}' data)" ]
        run_kelp volume rm used
        assert_status 1
        assert_contains 'volume is in use'
        run bash -c 'echo n | "$KELP" volume prune'
        assert_contains 'WARNING!'
        assert_equal "$("$KELP" volume ls -q | wc -l)" 3
        run_kelp volume prune -f
        assert_contains "$nameless"
        assert_equal "$("$KELP" volume ls -q | sort)" $'data\nused'
        run_kelp volume prune -a -f --filter label!=keep
        assert_equal "$("$KELP" volume ls -q | sort)" $'data\nused'
        run_kelp volume prune -a -f
        assert_equal "$("$KELP" volume ls -q)" used
        "$KELP" rm user
        assert_equal "$("$KELP" volume rm used)" used
        [ -z "$(ls -A "$STORE/volumes")" ]
        run_kelp volume create 'bad/name'
        assert_status 125
        run_kelp volume create -d nfs x
        assert_status 125
}

@test "prune removes what is not used, and no more" {
        "$KELP" run -d --name running busybox sleep 1000
        "$KELP" create --name stopped busybox true
        "$KELP" create --name labelled --label keep busybox true
        import_image other '{}'
        run_kelp container prune -f --filter label!=keep
        assert_contains 'Deleted Containers:'
        assert_contains 'Total reclaimed space: 0B'
        assert_equal "$("$KELP" ps -a --format '{{.Names}}' | sort)" $'labelled\nrunning'
        run_kelp container prune -f --filter until=1h
        assert_equal "$("$KELP" ps -a --format '{{.Names}}' | sort)" $'labelled\nrunning'
        run_kelp image prune -f
        assert_equal "$("$KELP" images --format '{{.Repository}}' | sort)" $'busybox\nother'
        run_kelp system prune -a -f
        assert_contains 'Untagged: other:latest'
        assert_equal "$("$KELP" images --format '{{.Repository}}')" busybox
        assert_equal "$("$KELP" ps -a --format '{{.Names}}')" running
        "$KELP" rm -f running
}

@test "logs: the end, a time, times" {
        "$KELP" create --name talker busybox sh -c 'for i in 1 2 3 4 5; do echo $i; done' >/dev/null
        "$KELP" start talker
        "$KELP" wait talker
        assert_equal "$("$KELP" logs -n 2 talker)" $'4\n5'
        assert_equal "$("$KELP" logs talker)" $'1\n2\n3\n4\n5'
        assert_equal "$("$KELP" logs --since 1h talker | wc -l)" 5
        assert_equal "$("$KELP" logs --until 1h talker 2>&1 | wc -l)" 0
        assert_equal "$("$KELP" logs --since 2001-01-01 --until 2001-01-02T00:00:00Z talker 2>&1 | wc -l)" 0
        middle=$("$KELP" logs -t talker 2>/dev/null | sed -n '3s/ .*//p')
        assert_equal "$("$KELP" logs --since "$middle" talker | grep -x 3)" 3
        run_kelp logs --since yesterday talker
        assert_refused_with_container 'invalid value for "since"'
        run_kelp logs --tail x talker
        assert_refused_with_container 'not a number of lines'
}

assert_refused_with_container()
{
        assert_status 125 && assert_contains "$1"
}

@test "top shows the processes of a container" {
        "$KELP" run -d --name web busybox sh -c 'sleep 1234 & wait'
        wait_until top_shows_sleep
        assert_equal "$("$KELP" top web | head -n 1 | tr -s ' ')" 'UID PID PPID C STIME TTY TIME CMD'
        assert_equal "$("$KELP" top web | wc -l)" 3
        "$KELP" rm -f web
        # Of the host's processes only its own.
        "$KELP" run -d --name web --pid host busybox sleep 1234
        wait_until top_shows_sleep
        assert_equal "$("$KELP" top web | wc -l)" 2
        "$KELP" rm -f web
}

top_shows_sleep()
{
        "$KELP" top web | grep -q 'sleep 1234$'
}

@test "nothing of an image or container writes control characters to a terminal" {
        "$KELP" create --name evil --label $'x=\e]0;owned\a\u009b31m\u202e' busybox $'\e[2Jclear' $'two\nlines' >/dev/null
        on_terminal "$KELP" ps -a >plain
        on_terminal "$KELP" ps -a --no-trunc >whole
        on_terminal "$KELP" ps -a --format '{{.Labels}}' >labels
        on_terminal "$KELP" ps -a --format '{{json .}}' >json
        on_terminal "$KELP" ps -a --format json >json-lines
        on_terminal "$KELP" inspect evil >document
        on_terminal "$KELP" inspect -f '{{.Config.Labels.x}}{{.Config.Cmd}}' evil >fields
        on_terminal "$KELP" rm $'\e[2Jevil' >error
        for file in plain whole labels json json-lines document fields error; do
                [ -s "$file" ]
                if LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$file"; then
                        echo "control characters in $file"
                        return 1
                fi
        done
        grep -qF 'x=\x1b]0;owned\x07\xc2\x9b31m' labels
        grep -qF '\u001b]0;owned\u0007\u009b31m\u202e' document
        # Elsewhere nothing is changed.
        assert_equal "$("$KELP" inspect -f '{{.Config.Labels.x}}' evil)" $'\e]0;owned\a\u009b31m\u202e'
}

@test "save never writes an archive to a terminal" {
        "$KELP" create busybox true >/dev/null
        output=$(on_terminal "$KELP" save busybox)
        assert_contains 'cowardly refusing to save to a terminal'
        "$KELP" save busybox | tar -tf - >/dev/null
        "$KELP" save -o "$KELP_TEST_DIR/box.tar" busybox
        "$KELP" rm "$("$KELP" ps -aq)"
        "$KELP" rmi busybox
        assert_equal "$("$KELP" load -i "$KELP_TEST_DIR/box.tar")" 'Loaded image: busybox:latest'
        assert_equal "$("$KELP" load -q -i "$KELP_TEST_DIR/box.tar")" 'Loaded image: busybox:latest'
}

@test "a full disk behind standard output is an error" {
        "$KELP" create busybox true >/dev/null
        run bash -c '"$KELP" ps -a >/dev/full'
        assert_status 125
        assert_contains 'write to standard output: No space left on device'
}
