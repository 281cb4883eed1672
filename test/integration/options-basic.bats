# Options of `kelp run` that say what is run, with which names and environment.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

@test "-e: values, blanks and newlines, from the environment, unset takes the image's away" {
        import_image envs '{"Env": ["FROM_IMAGE=1", "PATH=/bin", "BOTH=image"]}'
        GIVEN='a  b=c' inside -e A= -e 'B= x "y"' -e GIVEN -e NOT_SET_HERE -e BOTH=mine envs \
                sh -c 'printf "%s|" "$A" "$B" "$GIVEN" "${NOT_SET_HERE-unset}" "$BOTH" "$FROM_IMAGE"'
        assert_equal "$output" '| x "y"|a  b=c|unset|mine|1|'
        inside -e FROM_IMAGE envs sh -c 'echo "${FROM_IMAGE-gone}"'
        assert_equal "$output" gone
        inside -e $'LINES=1\n2' busybox sh -c 'echo "$LINES"'
        assert_equal "$output" $'1\n2'
        refused 'the name is empty' -e =x busybox true
        refused 'invalid environment variable' -e '' busybox true
}

@test "--env-file: comments, blanks, CRLF, a byte order mark, names alone; what docker refuses" {
        printf '\xef\xbb\xbfFIRST=1\r\n# comment=1\n\n   INDENTED=2\nQUOTED="as is" # too\nNAME_ALONE\nNOBODY_HAS\nEMPTY=\nLAST=3' >./env
        NAME_ALONE=here inside --env-file env busybox \
                sh -c 'printf "%s|" "$FIRST" "$INDENTED" "$QUOTED" "$NAME_ALONE" "${NOBODY_HAS-unset}" "${EMPTY-unset}" "$LAST"; env | grep -c comment'
        assert_equal "$output" '1|2|"as is" # too|here|unset||3|0'
        printf 'A=file\n' >one
        printf 'A=later\n' >two
        inside --env-file one --env-file two busybox sh -c 'echo $A'
        assert_equal "$output" later
        inside -e A=flag --env-file one busybox sh -c 'echo $A'
        assert_equal "$output" flag
        printf 'export A=1\n' >bad
        refused "variable 'export A' contains whitespaces" --env-file bad busybox true
        printf '=1\n' >bad
        refused 'no variable name on line' --env-file bad busybox true
        printf 'A=1\0\n' >bad
        refused 'NUL byte' --env-file bad busybox true
        refused '--env-file: open missing: No such file' --env-file missing busybox true
        mkfifo fifo
        refused '--env-file: open fifo' --env-file fifo busybox true
}

@test "--label, --label-file and --annotation are kept, and change nothing" {
        printf 'c=from file with blanks\n# d=1\n' >labels
        "$KELP" create --name box --network none -l a=1 --label b --label-file labels --annotation run.oci.handler=krun busybox true
        assert_equal "$("$KELP" inspect -f '{{json .Config.Labels}} {{json .HostConfig.Annotations}}' box)" \
                '{"a":"1","b":"","c":"from file with blanks"} {"run.oci.handler":"krun"}'
        run_kelp create -l =x busybox true
        assert_status 125
        assert_contains 'invalid label'
}

@test "--entrypoint and the image's ENTRYPOINT and CMD, in exec and shell form" {
        import_image both '{"Entrypoint": ["echo", "entry"], "Cmd": ["cmd"]}'
        import_image shell '{"Entrypoint": ["/bin/sh", "-c", "echo shell \"$@\"", "-"], "Cmd": ["/bin/sh", "-c", "x"]}'
        import_image none '{}'
        inside both
        assert_equal "$output" 'entry cmd'
        inside both mine 'with blanks'
        assert_equal "$output" 'entry mine with blanks'
        inside --entrypoint echo both
        assert_equal "$output" ''
        inside --entrypoint echo both words
        assert_equal "$output" words
        inside --entrypoint '' both echo words
        assert_equal "$output" words
        inside shell
        assert_equal "$output" 'shell /bin/sh -c x'
        refused 'no command specified: the image both names none' --entrypoint '' both
        refused 'no command specified: the image none names none' none
}

@test "-w makes the folder, in the image's stead too; only absolute paths" {
        import_image placed '{"WorkingDir": "/made/by/image"}'
        inside placed pwd
        assert_equal "$output" /made/by/image
        inside -w /other//./x/../y placed sh -c 'pwd; stat -c "%u %a" .'
        assert_equal "$output" $'/other/y\n0 755'
        inside --read-only -w /deep/er busybox pwd
        assert_equal "$output" /deep/er
        refused "working directory 'here' is invalid, it needs to be an absolute path" -w here busybox true
        refused 'working directory is empty' -w '' busybox true
        # A file in the way is no folder.
        run_kelp run --rm --network none -w /etc/passwd busybox true
        assert_status 125
        assert_contains 'working directory /etc/passwd'
}

@test "--hostname, --domainname, --add-host and what /etc/hosts says of them" {
        inside --hostname web.example.org busybox sh -c 'hostname; tail -n 1 /etc/hosts'
        assert_equal "$output" $'web.example.org\n127.0.1.1\tweb.example.org web'
        inside --hostname web --domainname example.org busybox sh -c 'hostname; cat /proc/sys/kernel/domainname; hostname -f'
        assert_equal "$output" $'web\nexample.org\nweb.example.org'
        inside --add-host db:10.0.0.5 --add-host six=fe80::1 busybox grep -wE 'db|six' /etc/hosts
        assert_equal "$output" $'10.0.0.5\tdb\nfe80::1\tsix'
        inside busybox sh -c '[ "$(hostname)" = "$HOSTNAME" ] && hostname | wc -c'
        assert_equal "$output" 13
        refused 'invalid --hostname' --hostname 'bad name' busybox true
        refused 'conflicting options: --hostname and --uts host' --uts host --hostname x busybox true
        refused 'bad format for --add-host' --add-host nonsense busybox true
        inside --uts host busybox hostname
        assert_equal "$output" "$(hostname)"
}

@test "--name: docker's rule, and whose it is when it is taken" {
        id=$("$KELP" create --name box-1.x_Y busybox true)
        run_kelp create --name box-1.x_Y busybox true
        assert_status 125
        assert_contains "name \"/box-1.x_Y\" is already in use by container \"$id\""
        for name in a -rf .. a/b 'a b' $'a\nb' %s ''; do
                run_kelp create --name "$name" busybox true
                assert_status 125
                assert_contains 'Invalid container name'
        done
}

@test "--stop-signal and --stop-timeout: the image's, the user's, and no others" {
        import_image stops '{"StopSignal": "SIGUSR1"}'
        "$KELP" create --name one stops true
        "$KELP" create --name two --stop-signal RTMIN+3 --stop-timeout 3 stops true
        assert_equal "$("$KELP" inspect -f '{{.Config.StopSignal}} {{.Config.StopTimeout}}' one two)" $'SIGUSR1 10\nRTMIN+3 3'
        "$KELP" rm one two
        refused "invalid signal: 'BOGUS'" --stop-signal BOGUS busybox true
        refused '--stop-timeout "soon"' --stop-timeout soon busybox true
}

@test "--cidfile is taken back when nothing was made" {
        run_kelp run --rm --network none --cidfile cid --name x/y busybox true
        assert_status 125
        [ ! -e cid ]
        "$KELP" create --name taken busybox true
        run_kelp create --name taken --cidfile cid busybox true
        assert_status 125
        [ ! -e cid ]
        run_kelp create --cidfile missing/cid busybox true
        assert_status 125
        assert_contains '--cidfile missing/cid: No such file'
}

@test "--platform: the image of the store must be for it; words that are none" {
        inside --platform linux busybox echo here
        assert_equal "$output" here
        refused "'a/b/c/d' is not a platform" --platform a/b/c/d busybox true
        run_kelp run --rm --network none --pull never --platform linux/s390x busybox true
        assert_refused 'not for linux/s390x'
        refused "invalid pull option: 'sometimes'" --pull sometimes busybox true
}

@test "flags that a plain user's container cannot have say why, others suggest the nearest" {
        refused '--device-cgroup-rule does not exist in kelp' --device-cgroup-rule 'c 1:3 r' busybox true
        assert_contains '--device gives the container a device'
        refused '--runtime does not exist' --runtime runc busybox true
        refused 'did you mean --hostname?' --hostnam x busybox true
        refused 'unknown flag: --not-a-flag-at-all' --not-a-flag-at-all busybox true
        refused "unknown shorthand flag: 'Z' in -Zit" -Zit busybox true
        refused 'flag needs an argument: --env' --env
        # options end at the image
        inside busybox echo --rm -e x --no-such-flag
        assert_equal "$output" '--rm -e x --no-such-flag'
}

@test "--pull: missing, always, never, against a registry whose tag moves" {
        registry_start
        push_busybox team/app:1 '{"Env": ["VERSION=one", "PATH=/bin"]}'
        run_kelp run --rm --network none --pull never "$REGISTRY/team/app:1" true
        assert_refused "No such image: $REGISTRY/team/app:1"
        inside "$REGISTRY/team/app:1" sh -c 'echo $VERSION'
        assert_equal "$output" one
        [[ "$stderr" == *"Unable to find image '$REGISTRY/team/app:1' locally"* ]]
        push_busybox team/app:1 '{"Env": ["VERSION=two", "PATH=/bin"]}'
        inside --pull missing "$REGISTRY/team/app:1" sh -c 'echo $VERSION'
        assert_equal "$output" one
        inside --pull always --quiet "$REGISTRY/team/app:1" sh -c 'echo $VERSION'
        assert_equal "$output" two
        registry_stop || true
        inside --pull never "$REGISTRY/team/app:1" sh -c 'echo $VERSION'
        assert_equal "$output" two
        run_kelp run --rm --network none --pull always "$REGISTRY/team/app:1" true
        assert_refused "$REGISTRY"
}
