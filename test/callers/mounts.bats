# The mounts of kelp-runtime that only real root can have.

load callers

setup()
{
        callers_setup
        mkdir -p "$WORK/bundle" "$WORK/source"
        mv "$WORK/rootfs" "$WORK/bundle/"
        echo text >"$WORK/source/file"
        chown 0:0 "$WORK/source/file"
        "$RUNTIME" spec --bundle "$WORK/bundle"
}

teardown()
{
        callers_teardown
}

# What `stat` says of the file in a bind mount with these members.
owner_with()
{
        python3 - "$WORK/bundle/config.json" "$WORK/source" "$1" <<'END'
import json
import sys
path, source, members = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    config = json.load(file)
config["process"].update(terminal=False, args=["stat", "-c", "%u:%g", "/m/file"])
config["mounts"] = [m for m in config["mounts"] if m["destination"] not in ("/m", "/sys/fs/cgroup")]
config["mounts"].append(dict({"destination": "/m", "type": "bind", "source": source}, **eval(members)))
with open(path, "w", encoding="utf-8") as file:
    json.dump(config, file)
END
        run "$RUNTIME" --root "$WORK/state" --cgroup-manager disabled run --bundle "$WORK/bundle" "mapped-$BASHPID"
}

@test "idmap: the owners inside are those of the mount's own map; the host's files stay as they are" {
        maps="'uidMappings': [{'containerID': 0, 'hostID': 4321, 'size': 10}], 'gidMappings': [{'containerID': 0, 'hostID': 8765, 'size': 10}]"
        owner_with "{'options': ['bind'], $maps}"
        [ "$output" = 4321:8765 ]
        owner_with "{'options': ['rbind', 'ridmap'], $maps}"
        [ "$output" = 4321:8765 ]
        [ "$(stat -c %u:%g "$WORK/source/file")" = 0:0 ]
        owner_with "{'options': ['bind']}"
        [ "$output" = 0:0 ]
        # Whose map is it to be?
        owner_with "{'options': ['bind', 'idmap']}"
        [ "$status" -ne 0 ]
        [[ "$output" == *'idmap needs uidMappings'* ]]
}
