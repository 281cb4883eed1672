# Sending to a real registry (Debian's docker-registry), logging in and out, and importing.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

@test "what kelp pushes, skopeo, podman and kelp read" {
        registry_start
        "$KELP" run --rm --network none busybox true
        "$KELP" tag busybox "$REGISTRY/team/box:1"
        run_kelp push "$REGISTRY/team/box:1"
        assert_status 0
        assert_contains "The push refers to repository [$REGISTRY/team/box]"
        assert_contains ': Pushed'
        assert_contains '1: digest: sha256:'
        run_kelp push "$REGISTRY/team/box:1"
        assert_status 0
        assert_contains 'Layer already exists'
        run skopeo inspect --tls-verify=false "docker://$REGISTRY/team/box:1"
        [ "$status" -eq 0 ]
        "$KELP" rmi "$REGISTRY/team/box:1" busybox
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/team/box:1" echo back 2>/dev/null)" back
        run podman --root "$KELP_TEST_DIR/podman" --runroot "$KELP_TEST_DIR/podman-run" --storage-driver vfs pull -q \
                --tls-verify=false "$REGISTRY/team/box:1"
        echo "$output"
        [ "$status" -eq 0 ]
        # rootless podman leaves a process that holds its user namespace; this ends it
        podman --root "$KELP_TEST_DIR/podman" --runroot "$KELP_TEST_DIR/podman-run" --storage-driver vfs system migrate
}

@test "an image of two layers, pulled from one registry and pushed to another name, keeps its digest" {
        registry_start
        push_busybox first:1 '{"Cmd":["echo","two"]}'
        "$KELP" pull -q "$REGISTRY/first:1"
        "$KELP" tag "$REGISTRY/first:1" "$REGISTRY/second:1"
        "$KELP" push -q "$REGISTRY/second:1"
        assert_equal "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/second:1")" \
                "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/first:1")"
}

@test "push refuses what cannot be pushed" {
        run_kelp push "127.0.0.1:1/no/such:1"
        assert_refused 'No such image: 127.0.0.1:1/no/such:1'
        "$KELP" run --rm --network none busybox true
        "$KELP" tag busybox 127.0.0.1:1/no/such:1
        run_kelp push 127.0.0.1:1/no/such:1
        assert_status 125
        assert_contains 'registry 127.0.0.1:1'
}

@test "login asks the registry, keeps what is good, and logout forgets it" {
        registry_start_basic
        run bash -c 'echo wrong | "$KELP" login -u kelp --password-stdin "$1"' - "$REGISTRY"
        assert_status 125
        assert_contains 'the user name or the password is wrong'
        [ ! -e "$HOME/.docker/config.json" ]
        run bash -c 'echo secret | "$KELP" login -u kelp --password-stdin "$1"' - "$REGISTRY"
        assert_status 0
        assert_contains 'Login Succeeded'
        assert_equal "$(stat -c %a "$HOME/.docker/config.json")" 600
        "$KELP" run --rm --network none busybox true
        "$KELP" tag busybox "$REGISTRY/box:1"
        "$KELP" push -q "$REGISTRY/box:1"
        "$KELP" rmi "$REGISTRY/box:1"
        "$KELP" pull -q "$REGISTRY/box:1"
        run_kelp logout "$REGISTRY"
        assert_contains 'Removing login credentials'
        run_kelp pull "$REGISTRY/box:1"
        assert_status 125
        assert_contains "kelp login $REGISTRY"
        run_kelp logout "$REGISTRY"
        assert_contains 'Not logged in'
}

@test "import makes an image of an archive, with changes" {
        make_rootfs tree
        tar -C tree --owner=0 --group=0 -czf tree.tar.gz .
        run_kelp import -c 'CMD ["sh", "-c", "echo $GREETING from $PWD"]' -c 'ENV GREETING="good day"' -c 'WORKDIR /var' \
                -c 'LABEL a=b' -m 'by hand' tree.tar.gz mine:1
        assert_status 0
        assert_equal "$("$KELP" run --rm --network none mine:1 2>/dev/null)" 'good day from /var'
        assert_equal "$("$KELP" image inspect -f '{{json .Config.Labels}}' mine:1)" '{"a":"b"}'
        run_kelp history mine:1
        assert_contains 'by hand'
        "$KELP" import - other <tree.tar.gz
        assert_equal "$("$KELP" run --rm --network none other echo hello 2>/dev/null)" hello
        run_kelp import -c 'RUN echo' tree.tar.gz bad
        assert_refused 'RUN is not a valid change command'
        echo garbage >garbage
        run_kelp import garbage bad
        assert_refused 'import'
}

@test "a terminal gets a bar, anything else lines" {
        registry_start
        push_busybox image:1
        script -qec "stty cols 120; '$KELP' pull '$REGISTRY/image:1'" typescript >/dev/null
        grep -q $'\x1b\[1A' typescript
        grep -q 'Pull complete' typescript
        "$KELP" rmi "$REGISTRY/image:1"
        "$KELP" pull "$REGISTRY/image:1" >lines
        run grep $'\x1b' lines
        assert_status 1
        grep -q 'Pull complete' lines
}
