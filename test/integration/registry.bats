# Registries that break, stall, lie or ask for something special. What Debian's docker-registry can be is tested with it, the
# rest with special-registry, which plays the other side.

load harness

setup()
{
        kelp_setup
        # A second of silence is enough here.
        mkdir -p "$HOME/.config/kelp"
        echo '{"timeout": 1}' >"$HOME/.config/kelp/registries.json"
}

teardown()
{
        kelp_teardown
}

# An image of a busybox layer and one of incompressible bytes, so that there is something to break.
make_layout()
{
        local root=$KELP_TEST_DIR/rootfs.tar
        make_rootfs one
        tar --owner=0 --group=0 -C one -cf "$root" .
        mkdir two
        head -c 600000 /dev/urandom >two/random
        tar --owner=0 --group=0 -C two -cf two.tar random
        make_image "${1:-layout}" "${2:-one}" '{"Cmd":["cat","/random"],"Env":["PATH=/bin"]}' "$root" two.tar
}

assert_pulls()
{
        run_kelp pull "$SPECIAL/some/image:one"
        assert_status 0
        "$KELP" run --rm --network none "$SPECIAL/some/image:one" >got 2>/dev/null
        cmp got two/random
}

# What a refused pull leaves: no image, no blob, no layer, nothing half-made.
assert_pull_refused()
{
        run_kelp pull "${2:-$SPECIAL/some/image:one}"
        assert_refused "$1"
        assert_equal "$("$KELP" images -q)" ''
        assert_equal "$(find "$STORE/blobs/sha256" "$STORE/layers" -mindepth 1)" ''
}

requests()
{
        grep -c -- "$2" "$KELP_TEST_DIR/$1/log"
}

# ---- broken transfers ----

@test "a download that breaks again and again goes on where it was" {
        make_layout
        special_registry_start s layout drop=100000
        assert_pulls
        # ten pieces of a blob of about a megabyte, six of the other
        [ "$(requests s 'GET /v2/some/image/blobs')" -ge 12 ]
}

@test "a registry that knows no ranges sends a broken download again" {
        make_layout
        special_registry_start s layout drop_once=300000
        assert_pulls
}

@test "an answer with another range than the one asked for is refused" {
        make_layout
        special_registry_start s layout wrong_range=100000
        assert_pull_refused "sent another part of blob sha256:"
}

@test "wrong, longer, shorter and endless content is refused" {
        make_layout
        special_registry_start s layout other_bytes
        assert_pull_refused "registry $SPECIAL sent wrong content for blob sha256:"
        special_registry_start s2 layout more_bytes
        assert_pull_refused "registry $SPECIAL sent more than the"
        special_registry_start s3 layout fewer_bytes
        assert_pull_refused "registry $SPECIAL sent wrong content for blob sha256:"
        special_registry_start s4 layout endless_blob
        assert_pull_refused "registry $SPECIAL sent more than the"
}

# ---- silence and garbage ----

@test "a registry that falls silent is given up and named" {
        make_layout
        special_registry_start s layout silent
        assert_pull_refused "registry $SPECIAL"
        special_registry_start s2 layout silent=1000
        assert_pull_refused "registry $SPECIAL has sent nothing for 1 seconds"
}

@test "garbage, endless headers and loops of redirects are refused" {
        make_layout
        special_registry_start s layout garbage
        assert_pull_refused "registry $SPECIAL"
        special_registry_start s2 layout endless_headers
        assert_pull_refused "registry $SPECIAL sends headers without end"
        special_registry_start s3 layout redirect_loop
        assert_pull_refused "registry $SPECIAL redirects more than 8 times"
}

@test "manifests that are garbage, too large or too deep are refused" {
        make_layout
        special_registry_start s layout garbage_manifest
        assert_pull_refused 'image manifest:'
        special_registry_start s2 layout large_manifest
        assert_pull_refused "sent more than the 4194304 bytes expected of manifest one"
        special_registry_start s3 layout deep_manifest
        assert_pull_refused 'image manifest: nested too deeply'
}

@test "the registry's own words are shown without what controls a terminal" {
        make_layout
        special_registry_start s layout status=403
        assert_pull_refused 'refused access to some/image (status 403): words of \x1b[31mthe registry'
        special_registry_start s2 layout status=404
        assert_pull_refused "registry $SPECIAL has no manifest one of some/image: words of"
}

@test "a tag that moves while it is pulled gives one of its images whole" {
        make_layout layout one
        mkdir three
        cp two/random three/random
        echo more >>three/random
        tar --owner=0 --group=0 -C three -cf three.tar random
        make_image layout two '{"Cmd":["cat","/random"],"Env":["PATH=/bin"]}' rootfs.tar three.tar
        special_registry_start s layout moving
        run_kelp pull "$SPECIAL/some/image:one"
        assert_status 0
        digest=$(printf '%s\n' "$output" | sed -n 's/^Digest: //p')
        grep -q "$digest" layout/index.json
        "$KELP" run --rm --network none "$SPECIAL/some/image:one" >got 2>/dev/null
        cmp got two/random || cmp got three/random
}

# ---- being busy ----

@test "Retry-After is heeded, in seconds and as a date" {
        make_layout
        special_registry_start s layout busy=2
        assert_pulls
        "$KELP" rmi "$SPECIAL/some/image:one"
        special_registry_start s2 layout busy_date
        assert_pulls
}

@test "a registry that wants to be left alone for an hour is asked once" {
        make_layout
        special_registry_start s layout busy_long
        assert_pull_refused "registry $SPECIAL asks to be left alone for 3600 seconds"
        # one by TLS, which is none, one by HTTP
        assert_equal "$(requests s 'GET /v2/some')" 1
}

@test "a registry that answers 500 for ever is asked five times" {
        make_layout
        special_registry_start s layout status=500
        assert_pull_refused "registry $SPECIAL answered with status 500"
        assert_equal "$(requests s 'GET /v2/some')" 5
}

# ---- authorization ----

# login NAME:PASSWORD REGISTRY: as docker's config.json has it.
write_login()
{
        mkdir -p "$HOME/.docker"
        printf '{"auths":{"%s":{"auth":"%s"}}}' "$2" "$(printf %s "$1" | base64)" >"$HOME/.docker/config.json"
}

@test "a token is fetched, and again when it runs out in the middle of a download" {
        make_layout
        special_registry_start s layout token=2 drop=100000
        write_login kelp:secret "$SPECIAL"
        assert_pulls
        grep -q '^GET /token?service=special&scope=a:b:pull Basic a2VscDpzZWNyZXQ=$' s/log
        # nothing but the token server saw the password
        assert_equal "$(grep 'Basic ' s/log | grep -vc '^GET /token')" 0
}

@test "docker-registry with tokens: login, push, pull, and what is refused without" {
        registry_start_token
        run_kelp pull "$REGISTRY/team/box:1"
        assert_status 125
        assert_contains "registry $REGISTRY refused access to team/box (status 401)"
        assert_contains "kelp login $REGISTRY"
        run bash -c 'echo wrong | "$KELP" login -u kelp --password-stdin "$1"' - "$REGISTRY"
        assert_status 125
        assert_contains 'refuses the credentials'
        run bash -c 'echo secret | "$KELP" login -u kelp --password-stdin "$1"' - "$REGISTRY"
        assert_status 0
        "$KELP" run --rm --network none busybox true
        "$KELP" tag busybox "$REGISTRY/team/box:1"
        "$KELP" push -q "$REGISTRY/team/box:1"
        grep -q "repository:team/box:pull,push" token/log
        "$KELP" rmi "$REGISTRY/team/box:1"
        assert_equal "$("$KELP" run --rm --network none "$REGISTRY/team/box:1" echo back 2>/dev/null)" back
        "$KELP" rmi "$REGISTRY/team/box:1"
        printf '{"auths":{"%s":{"identitytoken":"refresh"}}}' "$REGISTRY" >"$HOME/.docker/config.json"
        "$KELP" pull -q "$REGISTRY/team/box:1"
        grep -q "^POST \['docker-registry'\].*refresh_token" token/log
        # layers from another repository need a token for both
        "$KELP" tag "$REGISTRY/team/box:1" "$REGISTRY/team/other:1"
        run_kelp push "$REGISTRY/team/other:1"
        assert_status 0
        assert_contains ': Mounted from team/box'
}

@test "credentials are shown to no host that the registry redirects to" {
        make_layout
        special_registry_start elsewhere layout
        special_registry_start s layout "redirect=http://$SPECIAL" token=1000
        write_login kelp:secret "$SPECIAL"
        assert_pulls
        grep -q 'GET /v2/some/image/blobs' elsewhere/log
        assert_equal "$(grep -vc -- ' -$' elsewhere/log)" 0
}

@test "a host that the registry redirects to gets no credentials when it asks" {
        make_layout
        special_registry_start thief layout "realm=http://127.0.0.1:1"
        thief=$SPECIAL
        special_registry_start s layout "redirect=http://$thief"
        write_login kelp:secret "$SPECIAL"
        assert_pull_refused "registry $thief refused access"
        special_registry_start thief2 layout "basic=a2VscDpzZWNyZXQ="
        thief=$SPECIAL
        special_registry_start s2 layout "redirect=http://$thief"
        write_login kelp:secret "$SPECIAL"
        assert_pull_refused "registry $thief refused access"
        assert_equal "$(cat thief/log thief2/log | grep -vc -- ' -$')" 0
}

@test "a refresh token follows no redirect to another host" {
        make_layout
        special_registry_start thief layout token=10
        special_registry_start s layout "redirect_token=http://$SPECIAL" token=10
        mkdir -p "$HOME/.docker"
        printf '{"auths":{"%s":{"identitytoken":"precious"}}}' "$SPECIAL" >"$HOME/.docker/config.json"
        assert_pull_refused 'redirects a request with credentials'
        [ ! -e thief/log ]
}

@test "credentials of a registry are not shown to its mirrors" {
        make_layout
        special_registry_start mirror layout "basic=a2VscDpzZWNyZXQ="
        mirror=$SPECIAL
        special_registry_start s layout "basic=a2VscDpzZWNyZXQ="
        printf '{"timeout": 1, "mirrors": {"%s": ["http://%s/prefix"]}}' "$SPECIAL" "$mirror" >"$HOME/.config/kelp/registries.json"
        write_login kelp:secret "$SPECIAL"
        assert_pulls
        assert_equal "$(grep -vc -- ' -$' mirror/log)" 0
        grep -q '^GET /prefix/v2/some/image/manifests/one' mirror/log
}

@test "wrong credentials and unknown kinds of authentication are named" {
        make_layout
        special_registry_start s layout "basic=bm90OnRoaXM="
        assert_pull_refused "kelp login $SPECIAL"
        write_login kelp:secret "$SPECIAL"
        assert_pull_refused "refused access to some/image (status 401)"
        special_registry_start s2 layout unknown_scheme
        assert_pull_refused 'authentication of a kind that kelp does not know: Negotiate'
}

@test "credential helpers: one for a registry, one for all" {
        make_layout
        special_registry_start s layout "basic=a2VscDpzZWNyZXQ="
        mkdir -p helpers "$HOME/.docker"
        cat >helpers/docker-credential-tested <<'END'
#!/bin/sh
read -r server
echo "$1 $server" >>"$HOME/helper.log"
case $1 in
get) [ -e "$HOME/kept" ] || { echo credentials not found in native keychain; exit 1; }
        printf '{"ServerURL":"%s","Username":"kelp","Secret":"secret"}' "$server" ;;
store) touch "$HOME/kept" ;;
erase) rm "$HOME/kept" ;;
esac
END
        chmod +x helpers/docker-credential-tested
        export PATH=$PWD/helpers:$PATH
        printf '{"credHelpers":{"%s":"tested"}}' "$SPECIAL" >"$HOME/.docker/config.json"
        assert_pull_refused "kelp login $SPECIAL"
        run bash -c 'echo secret | "$KELP" login -u kelp --password-stdin "$1"' - "$SPECIAL"
        assert_status 0
        [ -e "$HOME/kept" ]
        assert_equal "$(grep -c secret "$HOME/.docker/config.json")" 0
        assert_pulls
        grep -q "^get $SPECIAL" "$HOME/helper.log"
        "$KELP" logout "$SPECIAL"
        [ ! -e "$HOME/kept" ]
        touch "$HOME/kept"
        printf '{"credsStore":"tested"}' >"$HOME/.docker/config.json"
        "$KELP" rmi "$SPECIAL/some/image:one"
        assert_pulls
        printf '{"credsStore":"../x"}' >"$HOME/.docker/config.json"
        "$KELP" rmi "$SPECIAL/some/image:one"
        assert_pull_refused 'credential helper "../x": not a name'
        printf '{"credsStore":"absent"}' >"$HOME/.docker/config.json"
        assert_pull_refused 'docker-credential-absent is not in PATH, or not executable'
}

# ---- mirrors ----

@test "mirrors are asked first; the registry itself when they are away, refuse or lie" {
        make_layout
        special_registry_start refuses layout status=404
        refuses=$SPECIAL
        special_registry_start lies layout garbage
        lies=$SPECIAL
        special_registry_start s layout
        printf '{"timeout": 1, "mirrors": {"%s": ["http://127.0.0.1:1", "http://%s", "http://%s"]}}' "$SPECIAL" "$refuses" "$lies" \
                >"$HOME/.config/kelp/registries.json"
        assert_pulls
        grep -q manifests refuses/log
        "$KELP" rmi "$SPECIAL/some/image:one"
        # a mirror that is there serves all of it, whatever the registry does
        special_registry_start good layout
        good=$SPECIAL
        special_registry_start away layout status=500
        printf '{"mirrors": {"%s": ["http://%s"]}}' "$SPECIAL" "$good" >"$HOME/.config/kelp/registries.json"
        assert_pulls
        [ ! -e away/log ]
}

# ---- TLS ----

# make_certificate NAME CN: NAME.crt and NAME.key, signed by itself.
make_certificate()
{
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$2" -addext "subjectAltName=DNS:$2,IP:127.0.0.1" \
                -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

@test "TLS: an unknown authority is refused by name, certs.d and \"insecure\" are heeded" {
        make_layout
        make_certificate server localhost
        SPECIAL_CERTIFICATE=server.crt SPECIAL_KEY=server.key special_registry_start s layout
        SPECIAL=localhost:${SPECIAL#*:}
        run_kelp pull "$SPECIAL/some/image:one"
        assert_refused "registry $SPECIAL: SSL certificate problem"
        assert_contains "certs.d/$SPECIAL/ca.crt"
        mkdir -p "$HOME/.config/kelp/certs.d/$SPECIAL"
        cp server.crt "$HOME/.config/kelp/certs.d/$SPECIAL/ca.crt"
        assert_pulls
        "$KELP" rmi "$SPECIAL/some/image:one"
        rm -r "$HOME/.config/kelp/certs.d"
        printf '{"insecure": ["%s"]}' "$SPECIAL" >"$HOME/.config/kelp/registries.json"
        assert_pulls
}

@test "TLS: a registry that wants a certificate of the client gets the one in certs.d" {
        make_layout
        make_certificate server localhost
        make_certificate client someone
        SPECIAL_CERTIFICATE=server.crt SPECIAL_KEY=server.key SPECIAL_CLIENT_AUTHORITY=client.crt special_registry_start s layout
        SPECIAL=localhost:${SPECIAL#*:}
        certificates=$HOME/.config/kelp/certs.d/$SPECIAL
        mkdir -p "$certificates"
        cp server.crt "$certificates/ca.crt"
        assert_pull_refused "put client.cert and client.key into"
        cp client.crt "$certificates/client.cert"
        assert_pull_refused 'has no readable key'
        cp client.key "$certificates/client.key"
        assert_pulls
}

@test "TLS is not given up for a redirect or a token server" {
        make_layout
        make_certificate server localhost
        special_registry_start plain layout
        plain=$SPECIAL
        SPECIAL_CERTIFICATE=server.crt SPECIAL_KEY=server.key special_registry_start s layout "redirect=http://$plain"
        SPECIAL=localhost:${SPECIAL#*:}
        mkdir -p "$HOME/.config/kelp/certs.d/$SPECIAL"
        cp server.crt "$HOME/.config/kelp/certs.d/$SPECIAL/ca.crt"
        assert_pull_refused "redirects to $plain without TLS: refused"
        SPECIAL_CERTIFICATE=server.crt SPECIAL_KEY=server.key special_registry_start s2 layout "realm=http://$plain"
        SPECIAL=localhost:${SPECIAL#*:}
        mkdir -p "$HOME/.config/kelp/certs.d/$SPECIAL"
        cp server.crt "$HOME/.config/kelp/certs.d/$SPECIAL/ca.crt"
        write_login kelp:secret "$SPECIAL"
        assert_pull_refused "wants credentials shown to $plain without TLS: refused"
        [ ! -e plain/log ]
        # a realm that is no loopback must have TLS even where the registry needs none
        special_registry_start s3 layout realm=http://token.example
        assert_pull_refused 'wants credentials shown to token.example without TLS: refused'
}

@test "plain HTTP is for loopback and for what is listed as insecure" {
        make_layout
        # shellcheck disable=SC2016 # for the shell inside, in a network of its own
        run unshare --user --map-root-user --mount --net bash -c '
                ip link set lo up && ip address add 192.0.2.1/32 dev lo && mount --bind /dev/null /etc/subuid || exit 1
                mkdir s
                SPECIAL_ADDRESS=192.0.2.1 "$1" s layout & server=$!
                until [ -e s/port ]; do sleep 0.02; done
                port=$(cat s/port)
                as_user="unshare --user --map-user=$2 --map-group=$2"
                $as_user "$KELP" pull "192.0.2.1:$port/some/image:one"
                echo "first: $?"
                cat s/log 2>/dev/null
                echo "{\"insecure\": [\"192.0.2.1:$port\"]}" >"$HOME/.config/kelp/registries.json"
                $as_user "$KELP" pull "192.0.2.1:$port/some/image:one"
                echo "second: $?"
                kill $server' - "$BATS_TEST_DIRNAME/special-registry" "$(id -u)"
        echo "$output"
        [[ $output == *"name \"192.0.2.1:"*"\" in \"insecure\" of"*"first: 125"*"Pull complete"*"second: 0"* ]]
        # nothing was asked for without TLS before it was allowed
        [[ ${output%%first:*} != *GET* && ${output#*first: 125} != GET* ]]
}
