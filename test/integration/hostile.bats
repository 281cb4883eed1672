# Layers and archives that try to get out, to hide things or to exhaust this machine.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

# layer_image NAME TAR...: loads an image of these layers, as `kelp load` reads it.
layer_image()
{
        local name=$1
        shift
        rm -rf layout
        make_image layout "$name" '{}' "$@"
        sed -i "s|\"org.opencontainers.image.ref.name\"|\"io.containerd.image.name\": \"docker.io/library/$name:latest\", &|" layout/index.json
        tar -C layout -cf layout.tar .
        run_kelp load -i layout.tar
}

# tree NAME LIST: a tar of the file system that mtree-like LIST says, by python: PATH TYPE [TARGET or CONTENT].
make_tar()
{
        python3 - "$@" <<'END'
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w") as tar:
    for line in sys.argv[2:]:
        path, kind, value = (line.split(" ", 2) + ["", ""])[:3]
        info = tarfile.TarInfo(path)
        info.type = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE,
                     "char": tarfile.CHRTYPE, "fifo": tarfile.FIFOTYPE}[kind]
        info.mode = 0o755 if kind == "dir" else 0o644
        info.devmajor, info.devminor = 1, 3
        if kind in ("link", "hard"):
            info.linkname = value
        content = value.encode() if kind == "file" else b""
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
END
}

assert_load_refused()
{
        assert_refused "$1"
        assert_equal "$("$KELP" images -q)" ''
        assert_equal "$(find "$STORE/blobs/sha256" "$STORE/layers" -mindepth 1)" ''
}

in_image()
{
        "$KELP" run --rm --network none "$@" 2>/dev/null
}

@test "a thousand hostile layers reach nothing outside, and take neither long nor much memory" {
        run with_all_ids "$BATS_TEST_DIRNAME/hostile-layers" "$KELP_BUILD/kelp-unpack" "$KELP_TEST_DIR/hostile"
        echo "$output"
        [ "$status" -eq 0 ]
        [[ ${lines[-1]} =~ ^(1[0-9]{3})\ layers,\ [0-9]+\ refused,\ 0\ failures$ ]]
}

@test "entries that leave the root are refused by load, and nothing stays" {
        mkdir canary
        echo original >canary/file
        make_tar bad.tar "../../canary/file file changed"
        layer_image bad bad.tar
        assert_load_refused "layer entry '../../canary/file': its path leaves the root of the image"
        make_tar bad.tar "out link $PWD/canary" "out/file file changed"
        layer_image bad bad.tar
        assert_equal "$(cat canary/file)" original
        assert_equal "$(ls canary)" file
        make_tar bad.tar "x hard ../canary/file"
        "$KELP" rmi -f bad >/dev/null 2>&1 || true
        layer_image bad bad.tar
        assert_load_refused 'its link leaves the root of the image'
        assert_equal "$(cat canary/file)" original
}

@test "an archive of images may hold neither hard links nor links out of it" {
        ln -s /etc/passwd index.json
        tar -cf link.tar index.json
        run_kelp load -i link.tar
        assert_load_refused "entry 'index.json' is a link out of the archive"
        rm index.json
        ln -s ../../../../../../../../../../etc/passwd index.json
        tar -cf link.tar index.json
        run_kelp load -i link.tar
        assert_load_refused 'archive: index.json'
        rm index.json
        mkdir index.json
        tar -cf folder.tar index.json
        run_kelp load -i folder.tar
        assert_load_refused 'archive: index.json'
        rm -r index.json
        mkfifo index.json
        tar -cf fifo.tar index.json
        run_kelp load -i fifo.tar
        assert_load_refused 'this is no archive of images'
        echo nothing >garbage
        run_kelp load -i garbage
        assert_load_refused 'tar'
}

@test "whiteouts hide files, links and folders of lower layers, and follow no links" {
        make_rootfs one
        mkdir -p one/etc/folder one/target one/kept
        echo lower | tee one/etc/folder/lower one/target/file one/kept/file >one/etc/gone
        ln -s /target one/link
        tar --owner=0 --group=0 -C one -cf one.tar .
        # a folder whose name was hidden before hides what was there; so does one that is hidden after
        make_tar two.tar "etc/.wh.gone file" "etc/.wh.folder file" "etc/folder dir" "etc/folder/upper file new" \
                "link dir" "link/.wh.file file" "kept dir" "kept/new file new" ".wh.kept file"
        layer_image hide one.tar two.tar
        assert_status 0
        assert_equal "$(in_image hide ls /etc/folder)" upper
        assert_equal "$(in_image hide sh -c 'ls /etc/gone 2>/dev/null | wc -l')" 0
        assert_equal "$(in_image hide cat /target/file)" lower
        assert_equal "$(in_image hide ls /kept)" new
        assert_equal "$(in_image hide stat -c %F /link)" directory
}

@test "type swaps between layers: the upper one counts, and no file of the host changes" {
        mkdir canary
        echo original >canary/file
        make_rootfs one
        mkdir one/swap
        echo lower >one/swap/file
        tar --owner=0 --group=0 -C one -cf one.tar .
        make_tar two.tar "swap link $PWD/canary"
        make_tar three.tar "swap dir" "swap/file file upper"
        layer_image swap one.tar two.tar three.tar
        assert_status 0
        assert_equal "$(in_image swap cat /swap/file)" upper
        assert_equal "$(cat canary/file)" original
        layer_image swap2 one.tar two.tar
        assert_equal "$(in_image swap2 readlink /swap)" "$PWD/canary"
}

@test "device nodes are left out, as docker and podman do without root" {
        make_rootfs one
        tar --owner=0 --group=0 -C one -cf one.tar .
        make_tar two.tar "etc/null char" "etc/fifo fifo" "etc/after file there"
        layer_image devices one.tar two.tar
        assert_status 0
        assert_equal "$(in_image devices sh -c 'ls /etc/null 2>/dev/null; stat -c %F /etc/fifo; cat /etc/after')" $'fifo\nthere'
}

@test "users' attributes are kept, overlay's own are not" {
        make_rootfs one
        tar --owner=0 --group=0 -C one -cf one.tar .
        mkdir two
        echo lower >two/file
        tar --owner=0 --group=0 -C two --pax-option='SCHILY.xattr.user.kept:=yes,SCHILY.xattr.user.overlay.opaque:=y,SCHILY.xattr.trusted.overlay.redirect:=x' \
                -cf two.tar file
        layer_image attributes one.tar two.tar
        assert_status 0
        layer=$(find "$STORE/layers" -path '*/diff/file')
        assert_equal "$(with_all_ids python3 -c 'import os, sys; print(os.listxattr(sys.argv[1]))' "$layer")" "['user.kept']"
}

@test "a bomb is refused before it fills the disk; KELP_LAYER_MAXIMUM says what a layer may be" {
        head -c 30000000 /dev/zero >zeros
        tar -cf zeros.tar zeros
        export KELP_LAYER_MAXIMUM=10m
        layer_image zeros zeros.tar
        assert_load_refused 'it unpacks to more than 10485760 bytes'
        assert_contains 'set KELP_LAYER_MAXIMUM'
        export KELP_LAYER_MAXIMUM=100m
        layer_image zeros zeros.tar
        assert_status 0
        # 7 MiB that unpack to 6.9 GiB
        unset KELP_LAYER_MAXIMUM
        python3 - <<'END'
import gzip, hashlib, json, os
piece = gzip.compress(bytes(1 << 20))
import tarfile
info = tarfile.TarInfo("zeros")
info.size = 7000 << 20
layer = gzip.compress(info.tobuf()) + piece * 7000
layer += gzip.compress(bytes(1024))
os.makedirs("bomb/blobs/sha256")
def add(data):
    name = hashlib.sha256(data).hexdigest()
    open("bomb/blobs/sha256/" + name, "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}
config = add(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}).encode())
manifest = add(json.dumps({"schemaVersion": 2, "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **add(layer)}]}).encode())
json.dump({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest}]}, open("bomb/index.json", "w"))
END
        tar -C bomb -cf bomb.tar .
        "$KELP" rmi -f zeros
        run_kelp load -i bomb.tar
        assert_load_refused 'it unpacks to more than'
}

# ---- manifests ----

# serve JSON: a registry whose tags all are this manifest; sets SPECIAL. Blobs are those of the layout.
serve()
{
        printf '%s' "$1" >"$KELP_TEST_DIR/manifest"
        special_registry_start "s$RANDOM" layout "tag=$KELP_TEST_DIR/manifest"
}

assert_manifest_refused()
{
        serve "$1"
        run_kelp pull "$SPECIAL/some/image:one"
        assert_load_refused "$2"
}

@test "manifests that say two things, lie about sizes and digests, or are none" {
        make_rootfs one
        tar --owner=0 --group=0 -C one -cf one.tar .
        make_image layout one '{}' one.tar
        manifest=$(jq -r '.manifests[0].digest' layout/index.json)
        manifest=$(cat "layout/blobs/sha256/${manifest#*:}")
        change()
        {
                jq -c "$1" <<<"$manifest"
        }
        oci=application/vnd.oci.image
        assert_manifest_refused "$(change '.manifests = []')" 'a manifest and an index at the same time'
        assert_manifest_refused "$(change ".mediaType = \"$oci.index.v1+json\"")" 'says by its mediaType that it is an index'
        assert_manifest_refused "$(change '.mediaType = "text/plain"')" 'mediaType text/plain is not that of an image'
        assert_manifest_refused "$(change '.layers[0].mediaType = "text/plain"')" 'media type text/plain is not that of a file system layer'
        assert_manifest_refused "$(change '.layers[0].size += 1')" 'bytes, its descriptor says'
        assert_manifest_refused "$(change '.layers[0].size -= 1')" 'sent more than the'
        assert_manifest_refused "$(change '.layers[0].size = -1')" 'size is missing or below 0'
        assert_manifest_refused "$(change '.config.size += 1')" 'bytes, its descriptor says'
        assert_manifest_refused "$(change '.config.size = 99999999999')" 'is larger than'
        assert_manifest_refused "$(change '.layers[0].digest = "sha256:../../../../etc/passwd"')" 'digest'
        assert_manifest_refused "$(change '.layers[0].digest = "sha256:short"')" 'digest'
        assert_manifest_refused "$(change '.layers[0].digest |= ascii_upcase')" 'digest'
        assert_manifest_refused "$(change '.layers[0].digest = "md5:d41d8cd98f00b204e9800998ecf8427e"')" 'digest'
        assert_manifest_refused "$(change '.layers = []')" 'its manifest has 0 layers, its configuration 1'
        assert_manifest_refused "$(change '.layers += [.layers[0]]')" 'its manifest has 2 layers, its configuration 1'
        assert_manifest_refused "$(change '.layers = [range(10000) as $i | .layers[0]]')" 'more than the limit of'
        assert_manifest_refused "$(change '.config.mediaType = "application/vnd.example.chart"')" 'not a container image but an artifact'
        assert_manifest_refused '{"schemaVersion": 1, "fsLayers": []}' 'schema 1'
        assert_manifest_refused '[]' 'manifest'
        assert_manifest_refused '{"schemaVersion": 2, "schemaVersion": 2, "manifests": []}' 'one of its members twice'
        assert_manifest_refused '{"schemaVersion": 2, "manifests": []}' 'the index lists no image at all'
}

@test "a layer whose content is not the diffID of the configuration" {
        make_rootfs one
        tar --owner=0 --group=0 -C one -cf one.tar .
        make_tar two.tar "etc/x file x"
        make_image layout one '{}' one.tar
        make_image layout two '{}' two.tar
        first=$(jq -r '.manifests[0].digest' layout/index.json)
        second=$(jq -r '.manifests[1].digest' layout/index.json)
        mixed=$(jq -c --slurpfile other "layout/blobs/sha256/${second#*:}" '.layers = $other[0].layers' "layout/blobs/sha256/${first#*:}")
        assert_manifest_refused "$mixed" 'the image says sha256:'
}

@test "indexes: the platform asked for, nested ones, none for this machine, a circle" {
        make_rootfs one
        tar --owner=0 --group=0 -C one -cf one.tar .
        make_image layout one '{"Cmd":["echo","here"]}' one.tar
        make_image layout two '{"Cmd":["echo","there"]}' one.tar
        describe()
        {
                jq -c ".manifests[$1] | del(.annotations) | .platform = {os: \"linux\", architecture: \"$2\"}" layout/index.json
        }
        case $(uname -m) in x86_64) here=amd64 other=arm64 ;; *) here=arm64 other=amd64 ;; esac
        index()
        {
                printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' "$1"
        }
        serve "$(index "$(describe 1 "$other"),$(describe 0 "$here")")"
        assert_equal "$("$KELP" run --rm --network none "$SPECIAL/some/image:one" 2>/dev/null)" here
        "$KELP" rmi "$SPECIAL/some/image:one"
        run_kelp pull --platform "linux/$other" "$SPECIAL/some/image:one"
        assert_status 0
        assert_equal "$("$KELP" run --rm --network none --pull never "$SPECIAL/some/image:one" 2>/dev/null)" there
        "$KELP" rmi "$SPECIAL/some/image:one"
        assert_manifest_refused "$(index "$(describe 0 s390x),$(describe 1 ppc64le)")" "no image for platform linux/$here: there is linux/s390x, linux/ppc64le"
        assert_contains '--platform'
        # an index in an index
        inner=$(index "$(describe 0 "$here")")
        digest=$(printf %s "$inner" | sha256sum | cut -d' ' -f1)
        printf %s "$inner" >"layout/blobs/sha256/$digest"
        nest()
        {
                index "{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"digest\":\"sha256:$digest\",\"size\":${#inner}}"
        }
        serve "$(nest)"
        assert_equal "$("$KELP" run --rm --network none "$SPECIAL/some/image:one" 2>/dev/null)" here
        "$KELP" rmi "$SPECIAL/some/image:one"
        for _ in 1 2 3 4 5; do
                inner=$(nest)
                digest=$(printf %s "$inner" | sha256sum | cut -d' ' -f1)
                printf %s "$inner" >"layout/blobs/sha256/$digest"
        done
        assert_manifest_refused "$(nest)" 'indexes are nested deeper than'
        run_kelp pull --platform nonsense "$SPECIAL/some/image:one"
        assert_refused "'nonsense' is not a platform"
}
