# The bars of pull, on terminals of several sizes (tmux is the terminal), and the plain lines elsewhere.

load harness

setup()
{
        kelp_setup
        # tmux starts its server with our environment; it must not count as a process that kelp has left.
        MARK=$KELP_TEST_MARK
        export TMUX_TMPDIR=$KELP_TEST_DIR
}

teardown()
{
        [ -z "${PROXY_PID:-}" ] || kill "$PROXY_PID"
        tmux kill-server 2>/dev/null || true
        kelp_teardown
}

# push_layers COUNT BYTES: an image of so many layers, each with a file of so many random bytes, as "layers:1".
push_layers()
{
        local i tars=()
        for ((i = 0; i < $1; i++)); do
                mkdir "layer-$i"
                head -c "$2" /dev/urandom >"layer-$i/file-$i"
                tar --owner=0 --group=0 -C "layer-$i" -cf "layer-$i.tar" .
                tars+=("layer-$i.tar")
        done
        make_image layout latest '{}' "${tars[@]}"
        skopeo copy --quiet --insecure-policy --dest-tls-verify=false oci:layout:latest "docker://$REGISTRY/layers:1"
}

# pull_in_terminal COLUMNS ROWS [REGISTRY]: begins a pull in a terminal of that size.
pull_in_terminal()
{
        env -u KELP_TEST_MARK TERM=xterm tmux -f /dev/null new-session -d -x "$1" -y "$2" \
                "KELP_TEST_MARK=$MARK '$KELP' pull '${3:-$REGISTRY}/layers:1' 2>errors; echo status \$?; exec cat"
}

# What the terminal shows, with what has scrolled away.
screen()
{
        tmux capture-pane -p -S - -E -
}

screen_shows()
{
        screen | grep -q -- "$1"
}

# Each layer's last line says that it is complete; $1: how many there must be.
assert_all_complete()
{
        local last
        last=$(screen | grep -E '^[0-9a-f]{12}: ' | tac | awk '!seen[substr($0, 1, 12)]++')
        assert_equal "$(grep -c . <<<"$last")" "$1"
        if grep -vE ': Pull( |$)' <<<"$last"; then
                screen
                return 1
        fi
}

@test "a line for each layer, in place, as wide as the terminal lets it" {
        registry_start
        push_layers 12 20000
        for columns in 120 80 40 20; do
                rm -rf "$STORE"
                pull_in_terminal "$columns" 40
                wait_until screen_shows 'status 0'
                assert_all_complete 12
                # Nothing was drawn twice: the lines are where they were made.
                assert_equal "$(screen | grep -cE '^[0-9a-f]{12}: ')" 12
                tmux kill-server
        done
}

@test "more layers than the terminal has lines" {
        registry_start
        push_layers 30 20000
        pull_in_terminal 80 8
        wait_until screen_shows 'status 0'
        assert_all_complete 30
}

@test "a bar that fits, and a terminal that changes its size meanwhile" {
        registry_start
        push_layers 2 3000000
        "$BATS_TEST_DIRNAME/gate-proxy" "${REGISTRY##*:}" "$KELP_TEST_DIR/gate" >port 3>&- &
        PROXY_PID=$!
        wait_until test -s port
        pull_in_terminal 100 20 "127.0.0.1:$(cat port)"
        wait_until screen_shows '\[=*>* *\]  [0-9.]*kB/3MB$'
        tmux resize-window -x 50 -y 12
        touch gate
        wait_until screen_shows 'status 0'
        assert_all_complete 2
        screen | grep -q '^Status: Downloaded newer image for 127.0.0.1'
}

@test "plain lines where there is no terminal, or a dumb one" {
        registry_start
        push_layers 3 1000
        run_kelp_split pull "$REGISTRY/layers:1"
        assert_status 0
        assert_equal "$(grep -c ': Pull complete$' <<<"$output")" 3
        if grep -q $'\e\|\r' <<<"$output"; then return 1; fi
        rm -rf "$STORE"
        output=$(TERM=dumb script -qec "'$KELP' pull '$REGISTRY/layers:1'" /dev/null </dev/null)
        assert_equal "$(grep -c ': Pull complete' <<<"$output")" 3
        if grep -q $'\e' <<<"$output"; then return 1; fi
}

@test "load: a bar for each layer on a terminal, unless -q; none elsewhere" {
        head -c 300000 /dev/urandom >file
        tar --owner=0 --group=0 -cf layer.tar file
        make_image layout latest '{}' layer.tar
        skopeo copy --quiet --insecure-policy oci:layout:latest docker-archive:image.tar:loaded:1
        output=$(script -qec "'$KELP' load -i image.tar" /dev/null </dev/null)
        grep -qE '^.*[0-9a-f]{12}: Loading layer.*/30[0-9]kB' <<<"$output"
        grep -q 'Loaded image: loaded:1' <<<"$output"
        rm -rf "$STORE"
        output=$(script -qec "'$KELP' load -q -i image.tar" /dev/null </dev/null)
        assert_equal "${output%$'\r'}" 'Loaded image: loaded:1'
        rm -rf "$STORE"
        assert_equal "$("$KELP" load -i image.tar)" 'Loaded image: loaded:1'
}
