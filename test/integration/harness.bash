# The harness of the integration tests; `load harness` in a bats file, kelp_setup in setup(), kelp_teardown in teardown().
#
# Each test has a home, a runtime folder and a store of its own below a fresh folder in /tmp ($KELP_TEST_DIR), and leaves
# neither a process, nor a mount, nor a folder: kelp_teardown fails the test when it does. Tests run as a plain user
# (kelp-test under tools/run-tests, who has subordinate ids).
#
# shellcheck shell=bash
# shellcheck disable=SC2154 # $status and $output are of bats

# The build folder: given by tools/run-tests, else that of the checkout.
: "${KELP_BUILD:=$(cd "${BATS_TEST_DIRNAME:?}/../.." && pwd)/build}"
KELP=$KELP_BUILD/kelp
export KELP KELP_BUILD

kelp_setup()
{
        KELP_TEST_DIR=$(mktemp -d /tmp/kelp-bats.XXXXXX)
        export KELP_TEST_DIR
        export HOME=$KELP_TEST_DIR/home XDG_RUNTIME_DIR=$KELP_TEST_DIR/run TMPDIR=$KELP_TEST_DIR/tmp
        mkdir "$HOME" "$XDG_RUNTIME_DIR" "$TMPDIR"
        chmod 700 "$XDG_RUNTIME_DIR"
        unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME KELP_ROOT KELP_CONFIG_DIR KELP_HELPERS DOCKER_CONFIG
        unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
        export no_proxy='*'
        # Marks every process that descends from this test, so that leaks can be told from other tests' processes.
        export KELP_TEST_MARK=kelp-mark-$BASHPID-$RANDOM$RANDOM
        STORE=$HOME/.local/share/kelp
        cd "$KELP_TEST_DIR" || return 1
}

# For X.root.bats: as kelp_setup, with a store and folders that subordinate ids, and plain users, can reach.
kelp_setup_root()
{
        [ "$(id -u)" -eq 0 ] || skip "these tests are for root"
        kelp_setup || return
        chmod 755 "$KELP_TEST_DIR"
        export KELP_ROOT=$KELP_TEST_DIR/store KELP_CONFIG_DIR=$KELP_TEST_DIR/config
        STORE=$KELP_ROOT
}

# Ends what the test left, removes its folder, and fails when something had leaked.
kelp_teardown()
{
        local result=0 leaked pid
        [ -n "${KELP_TEST_DIR:-}" ] || return 0
        registry_stop
        if [ -d "$STORE" ] && [ -z "${KELP_EXPECT_LEAKS:-}" ]; then
                remove_containers
        fi
        wait_until no_leaked_processes
        leaked=$(leaked_processes)
        if [ -n "$leaked" ] && [ -z "${KELP_EXPECT_LEAKS:-}" ]; then
                echo "processes left behind:" >&2
                describe_processes "$leaked" >&2
                result=1
        fi
        for pid in $leaked; do
                kill -KILL "$pid" 2>/dev/null
        done
        if grep -F "$KELP_TEST_DIR" /proc/self/mountinfo >&2; then
                echo "the mounts above were left behind" >&2
                result=1
        fi
        cd /
        remove_tree "$KELP_TEST_DIR"
        return $result
}

# Runs kelp as bats' `run` does: $status, $output (stdout and stderr), $lines.
run_kelp()
{
        run "$KELP" "$@"
}

# Runs kelp and keeps its streams apart: $status, $output (stdout), $stderr.
run_kelp_split()
{
        status=0
        output=$("$KELP" "$@" 2>"$KELP_TEST_DIR/stderr") || status=$?
        # shellcheck disable=SC2034 # for the test
        stderr=$(cat "$KELP_TEST_DIR/stderr")
}

# Fails with what happened: assert_status 125 after run_kelp.
assert_status()
{
        [ "$status" -eq "$1" ] && return
        echo "exit status $status instead of $1; output:" >&2
        echo "$output" >&2
        return 1
}

assert_contains()
{
        [[ "$output" == *"$1"* ]] && return
        echo "this output does not contain \"$1\":" >&2
        echo "$output" >&2
        return 1
}

assert_equal()
{
        [ "$1" = "$2" ] && return
        printf 'got:      %q\nexpected: %q\n' "$1" "$2" >&2
        [ -z "${stderr:-}" ] || printf 'the last command said (status %s): %s\n' "${status:-?}" "$stderr" >&2
        return 1
}

# What kelp's own errors have in common: 125, one that names the thing, and nothing left.
assert_refused()
{
        assert_status 125 || return
        assert_contains "$1" || return
        assert_nothing_left
}

# Output of a command in a container, without kelp's notices: inside [OPTIONS] IMAGE COMMAND...
inside()
{
        run_kelp_split run --rm --network none "$@"
}

# A use that must be refused before anything is made, with these words: refused WORDS [OPTIONS] IMAGE COMMAND...
refused()
{
        local words=$1
        shift
        run_kelp run --rm --network none "$@"
        assert_refused "$words"
}

# For a test that measures memory or speed: sanitizers take most of both.
skip_when_sanitized()
{
        [ -z "${KELP_SANITIZED:-}" ] || skip "sanitizers are built in"
}

# ---- leaks ----

# Pids of processes that descend from this test beside the test's own shell and its parents: zombies do not count.
leaked_processes()
{
        local entry pid
        for entry in /proc/[0-9]*; do
                pid=${entry#/proc/}
                grep -qzxF "KELP_TEST_MARK=$KELP_TEST_MARK" "$entry/environ" 2>/dev/null || continue
                is_ancestor "$pid" && continue
                echo "$pid"
        done
        # A container's processes do not have our environment, but mounts from our store.
        grep -lsF "$KELP_TEST_DIR" /proc/[0-9]*/mountinfo | sed -n 's|^/proc/\([0-9]*\)/.*|\1|p'
        return 0
}

is_ancestor()
{
        local pid=$BASHPID
        while [ "${pid:-0}" -gt 1 ]; do
                [ "$pid" != "$1" ] || return 0
                pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status" 2>/dev/null)
        done
        return 1
}

describe_processes()
{
        local pid
        for pid in $1; do
                printf '%s: ' "$pid"
                tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null
                echo
        done
}

# Waits (without a fixed sleep: at most about 30 s, on a machine that is busy) until a command succeeds.
wait_until()
{
        local end=$((SECONDS + 30))
        until "$@"; do
                [ "$SECONDS" -lt "$end" ] || return 1
                sleep 0.02
        done
}

no_leaked_processes()
{
        [ -z "$(leaked_processes)" ]
}

# Nothing half-made in the store, no container folder without a row, no process.
assert_nothing_left()
{
        local left
        wait_until no_leaked_processes || {
                echo "processes left behind:" >&2
                describe_processes "$(leaked_processes)" >&2
                return 1
        }
        [ -d "$STORE" ] || return 0
        left=$(find "$STORE/tmp" "$STORE/containers" -mindepth 1 -maxdepth 1 2>/dev/null)
        [ -z "$left" ] && return
        echo "left in the store:" >&2
        echo "$left" >&2
        return 1
}

remove_containers()
{
        local ids
        ids=$("$KELP" ps -aq 2>/dev/null) || return 0
        # shellcheck disable=SC2086 # a list of ids
        [ -z "$ids" ] || "$KELP" rm -f $ids >/dev/null 2>&1 || true
}

# Removes a folder with files of subordinate ids in it.
remove_tree()
{
        chmod -R u+rwX "$1" 2>/dev/null
        rm -rf "$1" 2>/dev/null
        [ -e "$1" ] || return 0
        with_all_ids sh -c 'chmod -R u+rwX "$1" 2>/dev/null; rm -rf "$1"' - "$1"
        [ ! -e "$1" ]
}

# A command as root of a user namespace with all of this user's ids.
with_all_ids()
{
        local first user
        user=$(id -un)
        first=$(sed -n "s/^$user:\([0-9]*\):.*/\1/p" /etc/subuid | head -n 1)
        if [ -n "$first" ]; then
                # util-linux 2.38 takes OUTSIDE,INSIDE,COUNT
                unshare --user --map-root-user --map-users="$first,1,65535" --map-groups="$first,1,65535" \
                        --setuid 0 --setgid 0 -- "$@"
        else
                unshare --user --map-root-user -- "$@"
        fi
}

# ---- registry ----

# A port of loopback that nobody listens on.
free_port()
{
        python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

port_answers()
{
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# registry_start [YAML...]: Debian's docker-registry on a free port; sets REGISTRY (127.0.0.1:PORT). Lines given are added
# to its configuration ("auth: …" blocks; an http: block's inner lines start with two spaces and come first).
registry_start()
{
        local port config=$KELP_TEST_DIR/registry.yml http=${1:-} rest=${2:-}
        port=$(free_port)
        REGISTRY=127.0.0.1:$port
        cat >"$config" <<EOF
version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: $KELP_TEST_DIR/registry
  delete:
    enabled: true
http:
  addr: 127.0.0.1:$port
$http
$rest
EOF
        env -u KELP_TEST_MARK docker-registry serve "$config" >"$KELP_TEST_DIR/registry.log" 2>&1 3>&- &
        REGISTRY_PID=$!
        wait_until port_answers "$port" || {
                cat "$KELP_TEST_DIR/registry.log" >&2
                return 1
        }
}

# The same with basic authentication: user "kelp", password "secret".
registry_start_basic()
{
        htpasswd -Bbn kelp secret >"$KELP_TEST_DIR/htpasswd"
        registry_start '' "auth:
  htpasswd:
    realm: kelp-test
    path: $KELP_TEST_DIR/htpasswd"
}

# The same with TLS, under the name localhost; the authority is $KELP_TEST_DIR/ca.crt. Sets REGISTRY to localhost:PORT.
registry_start_tls()
{
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
                -keyout "$KELP_TEST_DIR/tls.key" -out "$KELP_TEST_DIR/ca.crt" 2>/dev/null
        registry_start "  tls:
    certificate: $KELP_TEST_DIR/ca.crt
    key: $KELP_TEST_DIR/tls.key"
        REGISTRY=localhost:${REGISTRY##*:}
}

# The same with tokens, which token-server gives to "kelp" with "secret", and to the refresh token "refresh"; its log is token/log.
registry_start_token()
{
        local folder=$KELP_TEST_DIR/token
        mkdir "$folder"
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=token -keyout "$folder/key" -out "$folder/certificate" 2>/dev/null
        env -u KELP_TEST_MARK "$BATS_TEST_DIRNAME/token-server" "$folder" "$folder/key" "$folder/certificate" >"$folder/output" 2>&1 3>&- &
        SPECIAL_PIDS="${SPECIAL_PIDS:-} $!"
        wait_until [ -e "$folder/port" ] || return
        registry_start '' "auth:
  token:
    realm: http://127.0.0.1:$(cat "$folder/port")/token
    service: docker-registry
    issuer: token-server
    rootcertbundle: $folder/certificate"
}

# special_registry_start NAME LAYOUT BEHAVIOUR...: a registry of special-registry's on a free port; sets SPECIAL (127.0.0.1:PORT).
# Its folder, with the log of requests, is $KELP_TEST_DIR/NAME.
special_registry_start()
{
        local folder=$KELP_TEST_DIR/$1
        mkdir "$folder"
        env -u KELP_TEST_MARK "$BATS_TEST_DIRNAME/special-registry" "$folder" "${@:2}" >"$folder/output" 2>&1 3>&- &
        SPECIAL_PIDS="${SPECIAL_PIDS:-} $!"
        wait_until [ -e "$folder/port" ] || {
                cat "$folder/output" >&2
                return 1
        }
        # shellcheck disable=SC2034 # for the test
        SPECIAL=127.0.0.1:$(cat "$folder/port")
}

# Ends all that were started.
registry_stop()
{
        local pid
        for pid in ${REGISTRY_PID:-} ${SPECIAL_PIDS:-}; do
                kill "$pid" 2>/dev/null
                wait "$pid" 2>/dev/null
        done
        REGISTRY_PID='' SPECIAL_PIDS=''
}

# ---- images ----

# make_rootfs FOLDER: a busybox root filesystem.
make_rootfs()
{
        local root=$1 applet
        mkdir -p "$root"/{bin,sbin,etc,root,tmp,usr,var,home/alice}
        cp /bin/busybox "$root/bin/busybox"
        for applet in $(/bin/busybox --list); do
                [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
        done
        printf '%s\n' root:x:0:0:root:/root:/bin/sh alice:x:1000:1000:Alice:/home/alice:/bin/sh >"$root/etc/passwd"
        printf '%s\n' root:x:0: alice:x:1000: wheel:x:10:alice video:x:44: >"$root/etc/group"
        chmod 1777 "$root/tmp"
}

# make_image DIR NAME CONFIG-JSON LAYER-TAR...: an OCI layout DIR (for skopeo oci:DIR:NAME) of plain tars, compressed with
# gzip here; CONFIG-JSON is the "config" member. KELP_IMAGE_COMPRESSION=zstd|plain chooses another form.
make_image()
{
        python3 "$BATS_TEST_DIRNAME/make-image" "$@"
}

# A busybox image in the OCI layout $1 under the tag "latest", with the "config" member $2.
make_busybox_image()
{
        local root
        root=$KELP_TEST_DIR/rootfs.$RANDOM
        make_rootfs "$root"
        tar --owner=0 --group=0 --numeric-owner --sort=name --mtime=@1 -C "$root" -cf "$root.tar" .
        make_image "$1" latest "${2:-{\}}" "$root.tar"
        rm -rf "$root" "$root.tar"
}

# push_busybox NAME[:TAG] [CONFIG-JSON]: into the registry that was started.
push_busybox()
{
        make_busybox_image "$KELP_TEST_DIR/oci.$$" "${2:-{\}}" &&
                skopeo copy --quiet --insecure-policy --dest-tls-verify=false "oci:$KELP_TEST_DIR/oci.$$:latest" \
                        "docker://$REGISTRY/$1" &&
                rm -rf "$KELP_TEST_DIR/oci.$$"
}

# import_image NAME CONFIG-JSON: a busybox image straight into the store, through kelp load.
import_image()
{
        make_busybox_image "$KELP_TEST_DIR/oci.$$" "$2" || return
        (cd "$KELP_TEST_DIR/oci.$$" && sed -i "s|\"org.opencontainers.image.ref.name\": *\"latest\"|\"io.containerd.image.name\": \"docker.io/library/$1:latest\", &|" index.json && tar -cf ../image.tar .) || return
        "$KELP" load -q -i "$KELP_TEST_DIR/image.tar" >/dev/null
        local result=$?
        rm -rf "$KELP_TEST_DIR/oci.$$" "$KELP_TEST_DIR/image.tar"
        return $result
}

# Skips the test when this user has no subordinate ids.
require_subordinate_ids()
{
        grep -q "^$(id -un):" /etc/subuid || skip "this user has no subordinate ids"
}
