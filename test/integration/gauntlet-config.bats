# G10 and G11: what an image or an annotation says is data, and the engine's own environment is nobody's.

load harness
load gauntlet

setup()
{
        kelp_setup
        canary_setup
        make_rootfs root
}

teardown()
{
        kelp_teardown
}

# All that decides what a container may and sees, from the inside.
view='grep -E "Cap|Seccomp|NoNewPrivs|Groups" /proc/self/status; cat /proc/self/uid_map /proc/self/oom_score_adj; cut -d" " -f 5- /proc/self/mountinfo | sed -e "s|/tmp/[^, ]*||g" -e "s/shm_[0-9]*//" -e s/uuid=on,//; ls -A /dev; ulimit -a; ls /sys/class/net; sysctl -n kernel.msgmax'

@test "labels, annotations and unknown members of an image change nothing" {
        names='io.podman.annotations.privileged run.oci.handler run.oci.seccomp.receiver run.oci.keep_original_groups run.oci.mount_context_type
                org.crun.mount org.systemd.property.DeviceAllow containerd.io/restart.status io.kubernetes.cri-o.Devices io.kubernetes.cri-o.userns-mode
                io.kubernetes.cri-o.ShmSize io.kubernetes.cri.sandbox-id io.kubernetes.container.apparmor.security.beta/x com.docker.compose.project
                dev.kelp.privileged kelp.privileged io.kelp.seccomp nvidia.com/gpu io.katacontainers.config.hypervisor.path
                io.podman.annotations.seccomp io.podman.annotations.label io.podman.annotations.init io.podman.annotations.userns io.podman.annotations.cid-file'
        labels=$(printf '"%s": "unconfined", ' $names)
        hostile="{\"Labels\": {${labels%, }}, \"Privileged\": true, \"CapAdd\": [\"ALL\"], \"SecurityOpt\": [\"seccomp=unconfined\"], \"HostConfig\": {\"Privileged\": true},
                \"NetworkMode\": \"host\", \"Binds\": [\"/:/host\"], \"Mounts\": [{\"Type\": \"bind\", \"Source\": \"/\", \"Target\": \"/host\"}],
                \"Healthcheck\": {\"Test\": [\"CMD\", \"touch\", \"$CANARY/x\"]}, \"OnBuild\": [\"RUN x\"], \"Shell\": [\"/bin/evil\"], \"ArgsEscaped\": true}"
        image_from clean root
        image_from hostile root "$hostile"
        inside clean sh -c "$view"
        clean=$output
        [ "$(wc -l <<<"$clean")" -gt 30 ]
        inside hostile sh -c "$view"
        assert_equal "$output" "$clean"
        "$KELP" create --name one --network none clean true
        "$KELP" create --name two --network none hostile true
        assert_equal "$("$KELP" inspect -f '{{json .HostConfig}}' one)" "$("$KELP" inspect -f '{{json .HostConfig}}' two)"
        # the same given by hand
        # shellcheck disable=SC2046 # words
        inside $(printf -- '--annotation %s=unconfined --label %s=unconfined ' $(printf '%s %s ' $names $names)) clean sh -c "$view"
        assert_equal "$output" "$clean"
        canary_check
}

@test "members of the wrong kind are refused by name, fields that are odd do not run" {
        refused_config()
        {
                run image_from odd root "$1"
                if [ "$status" -eq 0 ]; then
                        run_kelp run --rm --network none odd true
                fi
                assert_status 125
                assert_contains "$2"
                assert_nothing_left
        }
        refused_config '{"Env": "A=b"}' 'Env'
        refused_config '{"User": 0}' 'User'
        refused_config '{"Entrypoint": {"x": 1}}' 'Entrypoint'
        refused_config '{"Cmd": [1]}' 'Cmd'
        refused_config '{"Volumes": {"relative": {}}}' 'VOLUME'
        refused_config '{"Volumes": {"/": {}}}' "cannot be '/'"
        refused_config "{\"Volumes\": {\"$CANARY:/in\": {}}}" 'VOLUME'
        refused_config "{\"Volumes\": {\"$CANARY:/in:rshared\": {}}}" 'VOLUME'
        refused_config '{"WorkingDir": "relative"}' 'absolute path'
        refused_config '{"StopSignal": "9999"}' 'STOPSIGNAL'
        refused_config '{"Labels": ["x"]}' 'Labels'
        canary_check
}

@test "the environment of kelp reaches no container; malformed entries of an image are left out" {
        image_from env root '{"Env": ["CANARY", "*", "LD_PRELOAD=/x.so", "=x", "A\nB=c", "GOOD=1", "", "PATH=/bin:/sbin"]}'
        export CANARY=of-the-host CANARY2=of-the-host LD_PRELOAD='' LD_LIBRARY_PATH=/nonexistent
        inside env sh -c 'cat /proc/self/environ | tr "\0" "\n" | sort'
        [[ "$output" != *of-the-host* && "$output" != *KELP* && "$output" != *nonexistent* ]]
        assert_equal "$(sed 's/^HOSTNAME=.*/HOSTNAME=/' <<<"$output")" $'GOOD=1\nHOME=/root\nHOSTNAME=\nLD_PRELOAD=/x.so\nPATH=/bin:/sbin\nPWD=/\nSHLVL=1'
        "$KELP" run -d --name box --network none env sleep 1000
        output=$("$KELP" exec box sh -c 'cat /proc/self/environ /proc/1/environ | tr "\0" "\n"')
        [[ "$output" == *GOOD=1* && "$output" != *of-the-host* && "$output" != *KELP* && "$output" != *nonexistent* ]]
        # An -e of the user's is his to give.
        inside -e CANARY2 env sh -c 'echo $CANARY2'
        assert_equal "$output" of-the-host
}

@test "a container's environment does not decide what kelp finds or loads" {
        mkdir -p root/trap
        for name in newuidmap newgidmap nsenter ps tar getent git; do
                printf '#!/bin/sh\necho "$0" >>%s\n' "$KELP_TEST_DIR/trapped" >"root/trap/$name"
                chmod 755 "root/trap/$name"
        done
        image_from trap root '{"Env": ["PATH=/trap:/bin", "LD_PRELOAD=/trap/x.so", "HOME=/trap", "KELP_ROOT=/trap", "KELP_HELPERS=/trap", "TMPDIR=/trap"]}'
        inside trap true
        "$KELP" run -d --name box --network none trap sleep 1000
        "$KELP" exec box true
        "$KELP" logs box
        "$KELP" inspect box >/dev/null
        "$KELP" rm -f box
        [ ! -e trapped ]
}
