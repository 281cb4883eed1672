# Slurm: a controller and two nodes on this machine, whose jobs run in containers of kelp-runtime (oci.conf(5)) as a plain user.

load callers

setup()
{
        callers_setup slurmctld slurmd srun munged
        mkdir -m 711 "$WORK/munge"
        mkdir "$WORK/state" "$WORK/spool-n1" "$WORK/spool-n2"
        mkdir -m 1777 "$WORK/containers"
        dd if=/dev/urandom of="$WORK/munge/key" bs=1 count=1024 status=none
        chmod 400 "$WORK/munge/key"
        export SLURM_CONF=$WORK/slurm.conf
        write_configuration
        munged --key-file="$WORK/munge/key" --socket="$WORK/munge/socket" --pid-file="$WORK/munge/pid" --log-file="$WORK/munge/log" \
                --seed-file="$WORK/munge/seed" 3>&-
        slurmctld 3>&-
        slurmd -N n1 3>&-
        slurmd -N n2 3>&-
        wait_for [ -s "$WORK/slurmd-n1.pid" -a -s "$WORK/slurmd-n2.pid" -a -s "$WORK/slurmctld.pid" ]
        # shellcheck disable=SC2034 # for callers_teardown
        SERVERS=("$(cat "$WORK/slurmd-n1.pid")" "$(cat "$WORK/slurmd-n2.pid")" "$(cat "$WORK/slurmctld.pid")" "$(cat "$WORK/munge/pid")")
        wait_for nodes_idle
        mkdir "$WORK/bundle"
        mv "$WORK/rootfs" "$WORK/bundle/"
        chown -R kelp-test: "$WORK/bundle"
        as_user "$RUNTIME" spec --rootless --bundle "$WORK/bundle"
        sed -i 's/"terminal":true/"terminal":false/' "$WORK/bundle/config.json"
}

teardown()
{
        callers_teardown
}

free_port()
{
        python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

write_configuration()
{
        local runtime="$RUNTIME --rootless=true --root=$WORK/containers/%u" id=%n.%u.%j.%s.%t
        cat >"$WORK/slurm.conf" <<END
ClusterName=kelp
SlurmctldHost=localhost
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$WORK/munge/socket
SlurmctldPort=$(free_port)
StateSaveLocation=$WORK/state
SlurmdSpoolDir=$WORK/spool-%n
SlurmctldPidFile=$WORK/slurmctld.pid
SlurmdPidFile=$WORK/slurmd-%n.pid
SlurmctldLogFile=$WORK/slurmctld.log
SlurmdLogFile=$WORK/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
NodeName=n1 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$(free_port) CPUs=1
NodeName=n2 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$(free_port) CPUs=1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=10 State=UP
END
        cat >"$WORK/oci.conf" <<END
RunTimeQuery="$runtime state $id"
RunTimeRun="$runtime run $id -b %b"
RunTimeKill="$runtime kill -a $id"
RunTimeDelete="$runtime delete --force $id"
END
}

nodes_idle()
{
        [ "$(sinfo -h -o '%D %t')" = '2 idle' ]
}

as_user()
{
        timeout 60 setpriv --reuid kelp-test --regid kelp-test --init-groups --inh-caps=-all -- \
                env -i PATH="$PATH" SLURM_CONF="$SLURM_CONF" HOME=/tmp "$@"
}

@test "slurm: srun --container prints from inside the container on both nodes" {
        # shellcheck disable=SC2016
        as_user srun -N2 -n2 --container="$WORK/bundle" sh -c 'echo $(id -u):$(hostname):$(cat /proc/1/comm)' >"$WORK/out"
        equal "$(cat "$WORK/out")" $'0:container:sh\n0:container:sh'
        equal "$(ls "$WORK/containers/kelp-test")" ''
        status=0
        as_user srun -N1 -n1 --container="$WORK/bundle" sh -c 'exit 3' 2>/dev/null || status=$?
        equal "$status" 3
}

up_twice()
{
        [ "$(grep -c up "$WORK/out")" = 2 ]
}

no_container()
{
        [ -z "$(ls "$WORK/containers/kelp-test")" ]
}

@test "slurm: a job that is cancelled leaves no container" {
        # shellcheck disable=SC2016
        as_user srun -N2 -n2 --container="$WORK/bundle" sh -c 'trap "exit 0" TERM; echo up; while :; do sleep 1000 & wait $!; done' \
                >"$WORK/out" 2>&1 3>&- &
        wait_for up_twice
        [ "$(ls "$WORK/containers/kelp-test" | wc -l)" -eq 2 ]
        scancel -u kelp-test
        wait_for no_container
        wait
}
