# What the tests gauntlet-*.bats have in common: a canary on the host that nothing may touch, and hostile images.
#
# shellcheck shell=bash
# shellcheck disable=SC2154 # $status and $output are of bats

# A folder of the host with one of each kind of file; canary_check fails when anything about it has changed.
canary_setup()
{
        CANARY=$KELP_TEST_DIR/canary
        mkdir -p "$CANARY/folder/below"
        head -c 1000 /dev/urandom >"$CANARY/file"
        cp "$CANARY/file" "$CANARY/folder/below/file"
        chmod 751 "$CANARY/folder"
        chmod 640 "$CANARY/file"
        mkfifo "$CANARY/fifo"
        python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$CANARY/socket"
        ln -s file "$CANARY/link"
        find "$CANARY" -exec touch -h -d @1000000000 {} +
        CANARY_BEFORE=$(canary_state)
}

canary_state()
{
        find "$CANARY" -printf '%P %y %i %m %U:%G %s %T@ %l\n' | sort
        find "$CANARY" -type f -exec sha256sum {} + | sort
}

canary_check()
{
        local now
        now=$(canary_state)
        [ "$now" = "$CANARY_BEFORE" ] && return
        echo "the canary has changed:" >&2
        diff <(echo "$CANARY_BEFORE") <(echo "$now") >&2
        return 1
}

# image_from NAME FOLDER [CONFIG-JSON]: an image whose files are those of the folder, all of root.
image_from()
{
        local name=$1 folder=$2 config=${3:-{\}}
        rm -rf "$KELP_TEST_DIR/oci" "$KELP_TEST_DIR/layer.tar"
        tar --owner=0 --group=0 --numeric-owner -C "$folder" -cf "$KELP_TEST_DIR/layer.tar" .
        image_from_tar "$name" "$config" "$KELP_TEST_DIR/layer.tar"
}

# image_from_tar NAME CONFIG-JSON TAR...
image_from_tar()
{
        local name=$1 config=$2
        shift 2
        rm -rf "$KELP_TEST_DIR/oci"
        make_image "$KELP_TEST_DIR/oci" latest "$config" "$@"
        sed -i "s|\"org.opencontainers.image.ref.name\": *\"latest\"|\"io.containerd.image.name\": \"docker.io/library/$name:latest\", &|" \
                "$KELP_TEST_DIR/oci/index.json"
        tar -C "$KELP_TEST_DIR/oci" -cf "$KELP_TEST_DIR/image.tar" .
        "$KELP" load -q -i "$KELP_TEST_DIR/image.tar" >/dev/null
}

# fail_with WORDS: ends the test.
fail_with()
{
        echo "$*" >&2
        return 1
}

# probe NAME <<C-source: a static program, in $KELP_TEST_DIR/probes for -v.
probe()
{
        mkdir -p "$KELP_TEST_DIR/probes"
        gcc -static -O1 -Wall -Werror -x c -o "$KELP_TEST_DIR/probes/$1" -
}

inside()
{
        run_kelp_split run --rm --network none "$@"
}
