# What the tests of kelp-runtime share; `load runtime` behind `load harness`.
#
# shellcheck shell=bash
# shellcheck disable=SC2154 # of the harness

RUNTIME=$KELP_BUILD/kelp-runtime

runtime_setup()
{
        kelp_setup || return
        BUNDLE=$KELP_TEST_DIR/bundle
        mkdir "$BUNDLE"
        make_rootfs "$BUNDLE/rootfs"
        "$RUNTIME" spec --rootless --bundle "$BUNDLE"
        # Instead of a terminal: a shell that runs $1.
        edit_config "config['process']['terminal'] = False"
}

runtime_teardown()
{
        local id
        for id in $("$RUNTIME" list -q); do
                "$RUNTIME" delete --force "$id"
        done
        kelp_teardown
}

# Changes the bundle's configuration by a Python statement about `config`; `argv` are the other arguments.
edit_config()
{
        python3 - "$BUNDLE/config.json" "$@" <<'END'
import json
import sys
path, statement, *argv = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    config = json.load(file)
exec(statement)
with open(path, "w", encoding="utf-8") as file:
    json.dump(config, file)
END
}

# The payload becomes `sh -c $1`.
set_script()
{
        edit_config "config['process']['args'] = ['sh', '-c', argv[0]]" "$1"
}

# A program under AddressSanitizer says once that it does not know the stack on which a container's init runs.
without_noise()
{
        sed '/__asan_handle_no_return/,/issues\/189$/d'
}

run_runtime()
{
        run "$RUNTIME" "$@"
        output=$(without_noise <<<"$output")
}

# A member of what `state` prints.
state_of()
{
        "$RUNTIME" state "$1" | python3 -c "import json, sys; print(json.load(sys.stdin)['$2'])"
}

has_state()
{
        [ "$(state_of "$1" status)" = "$2" ]
}

# A container that sleeps until TERM, then ends with status 5.
start_sleeper()
{
        # shellcheck disable=SC2016 # for the container's shell
        set_script 'trap "exit 5" TERM; while :; do sleep 1000 & wait $!; done'
        "$RUNTIME" create --bundle "$BUNDLE" "$1" </dev/null >"$KELP_TEST_DIR/out" 2>&1
        "$RUNTIME" start "$1"
}
