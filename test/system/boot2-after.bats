# After a reboot: nothing runs any more, whatever the database said, and process ids mean other processes.

KELP=$KELP_BUILD/kelp

@test "the container that ran is seen to have ended, and starts again" {
        [ "$("$KELP" inspect -f '{{.State.Status}} {{.State.ExitCode}}' survivor)" = 'exited 137' ]
        "$KELP" start survivor
        [ "$("$KELP" inspect -f '{{.State.Status}}' survivor)" = running ]
        "$KELP" rm -f survivor
        [ -z "$("$KELP" ps -aq)" ]
}
