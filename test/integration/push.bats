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

@test "what the registry has in another repository is mounted from there" {
        registry_start
        push_busybox first:1
        "$KELP" pull -q "$REGISTRY/first:1"
        "$KELP" tag "$REGISTRY/first:1" "$REGISTRY/team/second:1"
        run_kelp push "$REGISTRY/team/second:1"
        assert_status 0
        assert_contains ': Mounted from first'
        "$KELP" rmi -f "$REGISTRY/first:1" "$REGISTRY/team/second:1"
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/team/second:1" echo back 2>/dev/null)" back
        # a name that the registry does not know of is no help and no harm
        "$KELP" run --rm --network none busybox true
        "$KELP" tag busybox "$REGISTRY/never/there:1"
        "$KELP" tag busybox "$REGISTRY/third:1"
        run_kelp push "$REGISTRY/third:1"
        assert_status 0
        assert_contains ': Pushed'
}

# An image of a layer that is no use but large enough, into the store as $1.
load_random()
{
        mkdir random
        head -c 600000 /dev/urandom >random/file
        tar --owner=0 --group=0 -C random -cf random.tar file
        make_image layout one '{}' random.tar
        sed -i "s|\"org.opencontainers.image.ref.name\"|\"io.containerd.image.name\": \"$1\", &|" layout/index.json
        tar -C layout -cf layout.tar .
        "$KELP" load -q -i layout.tar
}

# The registry has taken a layer and a configuration, each with the digest that it should have.
assert_taken()
{
        assert_equal "$(cut -d' ' -f2 <s/taken | sort | uniq -c | tr -s ' ')" ' 2 True'
}

@test "an upload that breaks in the middle goes on where it was" {
        special_registry_start s /nonexistent upload=break:200000
        load_random "$SPECIAL/box:1"
        run_kelp push "$SPECIAL/box:1"
        assert_status 0
        assert_taken
        # the rest of the layer, and the end of it
        assert_equal "$(grep -c '^PATCH' s/log)" 1
        assert_equal "$(grep -c '^POST' s/log)" 2
}

@test "a registry that takes no large requests gets the layer in pieces" {
        special_registry_start s /nonexistent upload=small:300000
        load_random "$SPECIAL/box:1"
        run_kelp push "$SPECIAL/box:1"
        assert_status 0
        assert_taken
        [ "$(grep -c '^PATCH' s/log)" -ge 3 ]
}

@test "a registry that can mount has nothing sent to it" {
        special_registry_start s /nonexistent upload=mount
        load_random "$SPECIAL/box:1"
        "$KELP" tag "$SPECIAL/box:1" "$SPECIAL/other:1"
        run_kelp push "$SPECIAL/other:1"
        assert_status 0
        assert_contains ': Mounted from box'
        assert_equal "$(wc -l <s/taken)" 1
}

# proxy_start PORT BYTES: a connection to $PROXY goes to PORT of this machine, the first that sends so many bytes is cut.
proxy_start()
{
        mkdir proxy
        env -u KELP_TEST_MARK python3 - "$@" >proxy/output 2>&1 3>&- <<'END' &
import os, socket, sys, threading
port, limit, cut = int(sys.argv[1]), int(sys.argv[2]), threading.Lock()
def pump(source, target, limited):
    total = 0
    while True:
        try:
            data = source.recv(4096)
            total += len(data)
            if limited and total > limit and cut.acquire(blocking=False):
                os.mkdir("proxy/cut")
                data = b""
            if not data:
                break
            target.sendall(data)
        except OSError:
            break
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
server = socket.create_server(("127.0.0.1", 0))
with open("proxy/new", "w") as file:
    file.write(str(server.getsockname()[1]))
os.rename("proxy/new", "proxy/port")
while True:
    client, _ = server.accept()
    other = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=pump, args=(client, other, True), daemon=True).start()
    threading.Thread(target=pump, args=(other, client, False), daemon=True).start()
END
        SPECIAL_PIDS="${SPECIAL_PIDS:-} $!"
        wait_until [ -e proxy/port ]
        PROXY=127.0.0.1:$(cat proxy/port)
}

@test "an upload to docker-registry that is cut in the middle succeeds, and skopeo reads it" {
        registry_start '  relativeurls: true'
        proxy_start "${REGISTRY##*:}" 300000
        load_random "$PROXY/box:1"
        run_kelp push "$PROXY/box:1"
        assert_status 0
        [ -e proxy/cut ]
        "$KELP" rmi "$PROXY/box:1"
        skopeo copy --quiet --insecure-policy --src-tls-verify=false "docker://$REGISTRY/box:1" oci:copied:1
        layer=$(find layout/blobs -size +500k -printf '%f')
        cmp "layout/blobs/sha256/$layer" "copied/blobs/sha256/$layer"
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
