# Archives of images: what other programs wrote is loaded, what kelp saves others read.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# An OCI layout with the image "one" of two layers.
make_layout()
{
        make_rootfs one
        tar --owner=0 --group=0 -C one -cf one.tar .
        mkdir two
        echo two >two/file
        tar --owner=0 --group=0 -C two -cf two.tar .
        make_image layout one '{"Cmd":["cat","/file"],"Env":["PATH=/bin"]}' one.tar two.tar
}

copy()
{
        skopeo copy --quiet --insecure-policy "$@"
}

in_image()
{
        "$KELP" run --rm --network none --pull never "$@" 2>/dev/null
}

# podman with a store of its own
in_podman()
{
        podman --root "$KELP_TEST_DIR/podman" --runroot "$KELP_TEST_DIR/podman-run" --storage-driver vfs "$@"
}

@test "docker-archive and oci-archive of skopeo, plain and compressed" {
        make_layout
        copy oci:layout:one docker-archive:docker.tar:docker.io/library/fromdocker:1
        run_kelp load -i docker.tar
        assert_status 0
        assert_contains 'Loaded image: fromdocker:1'
        assert_equal "$(in_image fromdocker:1)" two
        copy oci:layout:one oci-archive:oci.tar:docker.io/library/fromoci:1
        run_kelp load -i oci.tar
        assert_status 0
        assert_contains 'Loaded image: fromoci:1'
        assert_equal "$(in_image fromoci:1)" two
        "$KELP" rmi fromdocker:1 fromoci:1
        gzip -k docker.tar
        zstd -q oci.tar
        assert_equal "$("$KELP" load <docker.tar.gz)" 'Loaded image: fromdocker:1'
        assert_equal "$("$KELP" load <oci.tar.zst)" 'Loaded image: fromoci:1'
        assert_equal "$(in_image fromdocker:1)" two
        # kept as it came, gzip in the registry's form
        "$KELP" rmi -f fromdocker:1 fromoci:1
        assert_nothing_left
}

@test "the archives of docker before version 25: layers in folders, one a link to another" {
        make_layout
        copy oci:layout:one docker-archive:docker.tar:docker.io/library/old:1
        mkdir docker old
        tar -C docker -xf docker.tar
        config=$(jq -r '.[0].Config' docker/manifest.json)
        cp "docker/$config" old/
        mkdir old/first old/second old/third
        cp one.tar old/first/layer.tar
        cp two.tar old/second/layer.tar
        ln -s ../second/layer.tar old/third/layer.tar
        jq -c '.[0].Layers = ["first/layer.tar", "third/layer.tar"] | .[0].RepoTags = ["old:1", "old:2", "registry.example/a/b:3"]' \
                docker/manifest.json >old/manifest.json
        tar -C old -cf old.tar .
        run_kelp load -i old.tar
        assert_status 0
        assert_equal "$output" $'Loaded image: old:1\nLoaded image: old:2\nLoaded image: registry.example/a/b:3'
        assert_equal "$(in_image registry.example/a/b:3)" two
        # without a name it is known by its id
        jq -c '.[0].RepoTags = null' old/manifest.json >nameless.json
        mv nameless.json old/manifest.json
        tar -C old -cf old.tar .
        "$KELP" rmi -f old:1 old:2 registry.example/a/b:3
        run_kelp load -i old.tar
        assert_contains 'Loaded image ID: sha256:'
}

@test "what is saved of several images, skopeo, podman and kelp read" {
        make_layout
        make_image layout other '{"Cmd":["echo","other"],"Env":["PATH=/bin"]}' one.tar
        copy oci:layout:one docker-archive:one-image.tar:docker.io/library/one:1
        copy oci:layout:other docker-archive:other-image.tar:docker.io/library/other:2
        "$KELP" load -q -i one-image.tar
        "$KELP" load -q -i other-image.tar
        "$KELP" tag one:1 registry.example/named/one:5
        "$KELP" save one:1 registry.example/named/one:5 other:2 >saved.tar
        # the layer of both is in it once
        assert_equal "$(tar -tf saved.tar | sort | uniq -d)" ''
        for name in one:1 registry.example/named/one:5 other:2; do
                copy "docker-archive:saved.tar:$name" "oci:docker-copied:x"
                rm -r docker-copied
        done
        run in_podman load -q -i saved.tar
        echo "$output"
        in_podman system migrate
        [ "$status" -eq 0 ]
        # podman takes short names of archives of several images for its own
        [[ $output == *localhost/one:1* && $output == *registry.example/named/one:5* && $output == *localhost/other:2* ]]
        id=$("$KELP" image inspect -f '{{.Id}}' one:1)
        "$KELP" rmi -f one:1 registry.example/named/one:5 other:2
        run_kelp load -i saved.tar
        assert_status 0
        assert_equal "$(printf '%s\n' "${lines[@]}" | sort)" \
                $'Loaded image: one:1\nLoaded image: other:2\nLoaded image: registry.example/named/one:5'
        assert_equal "$("$KELP" image inspect -f '{{.Id}}' one:1)" "$id"
        assert_equal "$(in_image one:1) $(in_image other:2)" 'two other'
}

@test "an image by id or digest is saved without a name" {
        make_layout
        copy oci:layout:one docker-archive:docker.tar:docker.io/library/one:1
        "$KELP" load -q -i docker.tar
        id=$("$KELP" image inspect -f '{{.Id}}' one:1)
        "$KELP" save "$id" >saved.tar
        "$KELP" rmi one:1
        run_kelp load -i saved.tar
        assert_equal "$output" "Loaded image ID: $id"
}

@test "compressions that kelp does not know are named" {
        make_layout
        tar -C layout -cf layout.tar .
        xz -0 layout.tar
        run_kelp load -i layout.tar.xz
        assert_refused 'it is compressed with xz'
        assert_contains 'xz -d'
        printf 'BZh91AY&SY%0100d' 0 >layout.tar.bz2
        run_kelp load -i layout.tar.bz2
        assert_refused 'it is compressed with bzip2'
}

@test "import keeps what the archive is compressed with, so that a registry gets what it says" {
        make_layout
        gzip -k one.tar
        "$KELP" import one.tar.gz imported:1
        "$KELP" save -o saved.tar imported:1
        digest=$(tar -xOf saved.tar index.json | jq -r '.manifests[0].digest')
        assert_equal "$(tar -xOf saved.tar "blobs/sha256/${digest#*:}" | jq -r '.layers[0].mediaType')" \
                application/vnd.oci.image.layer.v1.tar+gzip
}
