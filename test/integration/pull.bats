# Pulling from a real registry (Debian's docker-registry), filled by skopeo.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# Two layers; the second hides a file of the first.
make_image()
{
        rm -rf one two layout
        mkdir -p one/bin one/etc two/etc
        cp /bin/busybox one/bin/busybox
        ln -s busybox one/bin/sh
        ln -s busybox one/bin/cat
        ln -s busybox one/bin/ls
        echo one >one/etc/file
        echo hidden >one/etc/hidden
        tar -C one --owner=0 --group=0 -cf one.tar .
        touch two/etc/.wh.hidden
        echo two >two/etc/file
        tar -C two --owner=0 --group=0 -cf two.tar .
        "$BATS_TEST_DIRNAME/make-image" layout test '{"Cmd":["cat","/etc/file"],"Env":["PATH=/bin"]}' one.tar two.tar
}

push_image()
{
        skopeo --insecure-policy copy --quiet --dest-tls-verify=false "$@" oci:layout:test "docker://$REGISTRY/some/image:1"
}

@test "pull, run, and a second pull that has nothing to do" {
        make_image
        registry_start
        push_image
        run_kelp pull "$REGISTRY/some/image:1"
        assert_status 0
        assert_contains '1: Pulling from some/image'
        assert_contains 'Pull complete'
        assert_contains "Status: Downloaded newer image for $REGISTRY/some/image:1"
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/some/image:1" 2>/dev/null)" two
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/some/image:1" ls /etc 2>/dev/null | grep -c hidden)" 0
        run_kelp pull "$REGISTRY/some/image:1"
        assert_contains 'Image is up to date'
        assert_contains 'Already exists'
        digest=$(printf '%s\n' "$output" | sed -n 's/^Digest: //p')
        "$KELP" rmi "$REGISTRY/some/image:1"
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/some/image@$digest" 2>/dev/null)" two
}

@test "zstd layers and docker's own formats" {
        export KELP_IMAGE_COMPRESSION=zstd
        make_image
        registry_start
        push_image
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/some/image:1" 2>/dev/null)" two
        "$KELP" rmi "$REGISTRY/some/image:1"
        rm -rf layout
        export KELP_IMAGE_COMPRESSION=gzip
        make_image
        push_image --format v2s2
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/some/image:1" 2>/dev/null)" two
}

@test "what is not there is named, with the registry" {
        registry_start
        run_kelp pull "$REGISTRY/no/such:1"
        assert_status 125
        assert_contains "registry $REGISTRY has no manifest 1 of no/such"
        assert_equal "$(ls "$STORE/tmp")" ''
        registry_stop || true
        run_kelp pull "$REGISTRY/no/such:1"
        assert_status 125
        assert_contains "$REGISTRY"
}

@test "a layer that is not what the manifest says is refused" {
        make_image
        registry_start
        push_image
        # the registry keeps its blobs as files: one is changed behind its back
        blob=$(find "$KELP_TEST_DIR" -path '*docker/registry/v2/blobs/sha256*' -name data -size +100k | head -n 1)
        [ -n "$blob" ]
        printf 'xx' | dd of="$blob" bs=1 seek=50000 conv=notrunc status=none
        run_kelp pull "$REGISTRY/some/image:1"
        assert_status 125
        assert_contains 'layer '
        assert_equal "$("$KELP" images -q)" ''
        assert_equal "$(ls "$STORE/tmp")" ''
}

@test "skopeo and podman read what kelp saves" {
        make_image
        registry_start
        push_image
        "$KELP" pull -q "$REGISTRY/some/image:1"
        "$KELP" save -o saved.tar "$REGISTRY/some/image:1"
        run skopeo --insecure-policy inspect docker-archive:saved.tar
        [ "$status" -eq 0 ]
        run skopeo --insecure-policy inspect oci-archive:saved.tar
        [ "$status" -eq 0 ]
}

@test "a registry that wants a password, and one with a certificate of its own authority" {
        make_image
        registry_start_basic
        push_image --dest-creds kelp:secret
        run_kelp pull "$REGISTRY/some/image:1"
        assert_status 125
        assert_contains "registry $REGISTRY wants credentials"
        mkdir -p "$HOME/.docker"
        printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf kelp:secret | base64)" >"$HOME/.docker/config.json"
        "$KELP" pull -q "$REGISTRY/some/image:1"
        "$KELP" rmi "$REGISTRY/some/image:1"
        registry_stop || true
        registry_start_tls
        push_image
        mkdir -p "$HOME/.config/kelp/certs.d/$REGISTRY"
        cp ca.crt "$HOME/.config/kelp/certs.d/$REGISTRY/ca.crt"
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/some/image:1" 2>/dev/null)" two
}

@test "an image of 120 layers, one of them twice" {
        make_rootfs root
        tar -C root --owner=0 --group=0 -cf layer-0.tar .
        mkdir changes
        layers=(layer-0.tar)
        for number in $(seq 118); do
                echo "$number" >changes/number
                echo "$number" >"changes/number-$number"
                tar -C changes --owner=0 --group=0 -cf "layer-$number.tar" number "number-$number"
                layers+=("layer-$number.tar")
        done
        "$BATS_TEST_DIRNAME/make-image" layout test '{"Cmd":["sh","-c","cat /number; ls / | grep -c number-"]}' "${layers[@]}" layer-7.tar
        registry_start
        push_image
        "$KELP" pull -q "$REGISTRY/some/image:1"
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/some/image:1" 2>/dev/null)" $'7\n118'
}

@test "layers come beside each other" {
        make_image
        special_registry_start s layout silent=1000
        mkdir -p "$HOME/.config/kelp"
        echo '{"timeout": 2}' >"$HOME/.config/kelp/registries.json"
        # none of them ever comes: both have been asked for all the same
        run_kelp pull "$SPECIAL/some/image:1"
        assert_status 125
        assert_equal "$(grep 'GET /v2/some/image/blobs' s/log | sort -u | wc -l)" 3
}
