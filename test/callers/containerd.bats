# containerd's ctr with kelp-runtime in place of runc, as root.

load callers

setup()
{
        callers_setup containerd ctr
        containerd_start
        mkdir "$WORK/image"
        # An image of one layer, made by hand: ctr imports nothing simpler.
        python3 - "$WORK" <<'END'
import gzip, hashlib, json, os, sys
work = sys.argv[1]
blobs = f"{work}/image/blobs/sha256"
os.makedirs(blobs)
def blob(data):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{blobs}/{digest}", "wb") as file:
        file.write(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}
with open(f"{work}/rootfs.tar", "rb") as file:
    layer = file.read()
config = json.dumps({"architecture": os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64"), "os": "linux",
                     "config": {"Env": ["PATH=/bin"]},
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": dict(blob(config), mediaType="application/vnd.oci.image.config.v1+json"),
            "layers": [dict(blob(layer), mediaType="application/vnd.oci.image.layer.v1.tar")]}
index = {"schemaVersion": 2, "manifests": [dict(blob(json.dumps(manifest).encode()), mediaType=manifest["mediaType"],
         annotations={"io.containerd.image.name": "localhost/box:latest"})]}
with open(f"{work}/image/index.json", "w") as file:
    json.dump(index, file)
with open(f"{work}/image/oci-layout", "w") as file:
    json.dump({"imageLayoutVersion": "1.0.0"}, file)
END
        tar -C "$WORK/image" -cf "$WORK/image.tar" .
        ctl images import --no-unpack "$WORK/image.tar"
}

teardown()
{
        callers_teardown
}

ctl()
{
        timeout 60 ctr -a "$WORK/containerd.sock" "$@"
}

run_box()
{
        ctl run --runc-binary "$RUNTIME" --snapshotter native "$@"
}

task_is()
{
        ctl task ls | grep -q "^$1 .*$2"
}

@test "containerd: run, exec, signals and errors" {
        status=0
        output=$(run_box --rm localhost/box:latest one sh -c 'id -u; exit 3' 2>/dev/null) || status=$?
        equal "$status:$output" 3:0
        # shellcheck disable=SC2016
        run_box -d localhost/box:latest two sh -c 'trap "exit 6" TERM; while :; do sleep 1000 & wait $!; done'
        task_is two RUNNING
        status=0
        output=$(ctl task exec --exec-id more two sh -c 'echo inside; exit 4' 2>/dev/null) || status=$?
        equal "$status:$output" 4:inside
        ctl task ps two | grep -q '^[0-9]'
        ctl task kill -s TERM two
        wait_for task_is two STOPPED
        status=0
        ctl task delete two 2>"$WORK/err" || status=$?
        grep -q 'exit code 6' "$WORK/err" || equal "$status" 6
        ctl container rm two
        run run_box --rm localhost/box:latest three no-such
        [ "$status" -ne 0 ]
        [[ "$output" == *'executable file not found in $PATH'* ]]
}
