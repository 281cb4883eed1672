# The log of a container: complete, rotated, followed, and written with memory that does not grow.

load harness

setup()
{
        kelp_setup
}

teardown()
{
        kelp_teardown
}

log_lines()
{
        [ "$("$KELP" logs box 2>/dev/null | wc -l)" -ge "$1" ]
}

@test "Docker's json-file: both streams, times, a last line without an end, control characters" {
        "$KELP" run --name box --network none busybox sh -c 'echo one; echo two >&2; printf "a\"b\\\\c\td\033e\377f"' >/dev/null 2>&1
        folder=$STORE/containers/$("$KELP" inspect -f '{{.Id}}' box)
        python3 - "$folder/log.json" <<'EOF'
import json, sys
entries = [json.loads(line) for line in open(sys.argv[1])]
texts = {entry["stream"]: "" for entry in entries}
for entry in entries:
    assert set(entry) == {"log", "stream", "time"}, entry
    assert entry["time"].endswith("Z") and entry["time"][10] == "T", entry
    texts[entry["stream"]] += entry["log"]
assert texts == {"stdout": 'one\na"b\\c\td\x1be\ufffdf', "stderr": "two\n"}, texts
EOF
        run_kelp_split logs box
        assert_equal "${output%%$'\n'*}/$stderr" one/two
        run_kelp logs -t box
        [[ "$output" =~ 20[0-9-]+T[0-9:.]+Z\ one ]]
        assert_equal "$("$KELP" logs -n 1 box 2>/dev/null | head -c 1)" a
}

@test "following: what comes, by two readers, until the end" {
        "$KELP" run -d --name box --network none busybox \
                sh -c 'echo start; while [ ! -e /go ]; do sleep 0.05; done; echo middle; while [ ! -e /end ]; do sleep 0.05; done; seq 1000; printf last' >/dev/null
        "$KELP" logs -f box >first &
        one=$!
        wait_until grep -q start first
        "$KELP" exec box touch /go
        wait_until grep -q middle first
        "$KELP" logs -f -n 1 box >second &
        two=$!
        wait_until grep -q middle second
        "$KELP" exec box touch /end
        wait "$one" "$two"
        assert_equal "$(cat first)" "$(echo start; echo middle; seq 1000; printf last)"
        assert_equal "$(cat second)" "$(echo middle; seq 1000; printf last)"
        # Of one that has ended there is nothing more to come.
        assert_equal "$("$KELP" logs -f box | wc -l)" 1002
        "$KELP" rm box
}

@test "following a container that kelp holds in another terminal" {
        "$KELP" run --name box --network none busybox sh -c 'echo start; while [ ! -e /end ]; do sleep 0.05; done; echo end' >/dev/null &
        runner=$!
        wait_until log_lines 1
        "$KELP" logs -f box >seen &
        reader=$!
        wait_until grep -q start seen
        "$KELP" exec box touch /end
        wait "$runner" "$reader"
        assert_equal "$(cat seen)" "$(echo start; echo end)"
}

@test "rotation: --log-opt max-size and max-file bound the log, and what is kept is read in order" {
        "$KELP" run --name box --network none --log-opt max-size=20k --log-opt max-file=3 busybox seq 5000 >/dev/null
        folder=$STORE/containers/$("$KELP" inspect -f '{{.Id}}' box)
        assert_equal "$(cd "$folder" && ls log.json*)" "$(printf 'log.json\nlog.json.1\nlog.json.2')"
        [ "$(cat "$folder"/log.json* | wc -c)" -lt 62000 ]
        "$KELP" logs box >seen
        first=$(head -n 1 seen)
        [ "$first" -gt 1 ] && [ "$first" -lt 4900 ]
        assert_equal "$(cat seen)" "$(seq "$first" 5000)"
        assert_equal "$("$KELP" logs -n 400 box | head -n 1)" 4601
        "$KELP" run --name one --network none --log-opt max-size=20k busybox seq 5000 >/dev/null
        folder=$STORE/containers/$("$KELP" inspect -f '{{.Id}}' one)
        assert_equal "$(cd "$folder" && ls log.json*)" log.json
        [ "$(wc -c <"$folder/log.json")" -le 20480 ]
        # Nothing is lost or told twice to one who follows slowly enough to see each file.
        "$KELP" run -d --name slow --network none --log-opt max-size=1k --log-opt max-file=100 busybox \
                sh -c 'i=0; while [ $i -lt 300 ]; do i=$((i + 1)); echo $i; done' >/dev/null
        assert_equal "$("$KELP" logs -f slow)" "$(seq 300)"
}

@test "bad log options" {
        run_kelp create --log-opt max-size=big busybox true
        assert_refused 'max-size=big'
        run_kelp create --log-opt max-file=2 busybox true
        assert_refused 'max-file needs max-size'
        run_kelp create --log-opt compress=true --log-opt max-size=1k busybox true
        assert_refused "unknown log opt 'compress=true'"
        run_kelp create --log-driver syslog busybox true
        assert_refused 'json-file'
}

@test "--log-driver none" {
        "$KELP" run -d --name box --network none --log-driver none busybox echo unheard >/dev/null
        "$KELP" wait box
        run_kelp logs box
        assert_status 1
        assert_contains 'keeps no log'
        [ ! -e "$STORE/containers/$("$KELP" inspect -f '{{.Id}}' box)/log.json" ]
}

@test "a flood: the last bytes are there, and the monitor's memory stays small" {
        skip_when_sanitized
        "$KELP" run -d --name box --network none --log-opt max-size=1m busybox \
                sh -c 'head -c 30000000 /dev/zero; yes | head -c 30000000; echo the-end; sleep 1000' >/dev/null
        monitor=$(awk '/^PPid/ { print $2 }' "/proc/$("$KELP" inspect -f '{{.State.Pid}}' box)/status")
        tries=0
        until "$KELP" logs -n 1 box | grep -q the-end; do
                tries=$((tries + 1))
                [ "$tries" -lt 600 ]
                sleep 0.1
        done
        used=$(awk '/^(Private_Dirty|VmHWM)/ { print $2 }' "/proc/$monitor/smaps_rollup")
        peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$monitor/status")
        echo "private dirty ${used} kB, peak resident ${peak} kB"
        [ "$used" -lt 1024 ]
        [ "$peak" -lt 3072 ]
}
