# Completion, as the three shells really do it.

load harness

setup()
{
        kelp_setup
        mkdir "$KELP_TEST_DIR/bin"
        ln -s "$KELP" "$KELP_TEST_DIR/bin/kelp"
        # kelp finds its helpers beside itself, whatever name it is called by.
        PATH=$KELP_TEST_DIR/bin:$PATH
        "$KELP" create --name web busybox true
        "$KELP" create --name weather busybox true
        "$KELP" volume create data
        "$KELP" tag busybox localhost:5000/team/box:1
        touch "$KELP_TEST_DIR/archive.tar"
}

teardown()
{
        kelp_teardown
}

# complete_bash LINE: the line as it is after a tab.
complete_bash()
{
        python3 "$BATS_TEST_DIRNAME/complete-in-shell" bash "$1"
}

complete_fish()
{
        fish --no-config -c 'kelp completion fish | source; complete -C "'"$1"'"' | cut -f 1
}

complete_zsh()
{
        python3 "$BATS_TEST_DIRNAME/complete-in-shell" zsh "$1"
}

@test "candidates of commands, options, their values and things" {
        assert_equal "$("$KELP" __complete lo | cut -f 1 | sort | tr '\n' ' ')" 'load login logout logs '
        assert_equal "$("$KELP" __complete run --na)" $'--name\tAssign a name to the container'
        assert_equal "$("$KELP" __complete run --pull '')" $'always\nmissing\nnever'
        assert_equal "$("$KELP" __complete run --pull=n)" '--pull=never'
        assert_equal "$("$KELP" __complete rm -f we | cut -f 1 | sort)" $'weather\nweb'
        assert_equal "$("$KELP" __complete stop we)" ''
        assert_equal "$("$KELP" __complete start we | cut -f 1 | sort)" $'weather\nweb'
        assert_equal "$("$KELP" __complete run -it bu)" $'busybox:latest\nbusybox'
        assert_equal "$("$KELP" __complete run busybox bu)" ''
        assert_equal "$("$KELP" __complete volume rm '')" data
        assert_equal "$("$KELP" __complete run -v da)" $'data\n:files'
        assert_equal "$("$KELP" __complete load -i '')" ':files'
        assert_equal "$("$KELP" __complete volume '' | cut -f 1 | sort | tr '\n' ' ')" 'create inspect ls prune rm '
        assert_equal "$("$KELP" __complete container rm weat | cut -f 1)" weather
        assert_equal "$("$KELP" __complete --root "$KELP_TEST_DIR/other" rm we)" ''
        assert_equal "$("$KELP" __complete inspect -f json d)" data
        assert_equal "$("$KELP" __complete no-such-command x)" ''
        # Every option of every command is offered.
        for command in run ps logs; do
                assert_equal "$("$KELP" "$command" --help | sed -n 's/^ *\(-., \)\{0,1\}--\([a-z0-9-]*\) .*/--\2/p' | sort)" \
                        "$("$KELP" __complete "$command" -- | cut -f 1 | grep -v '^--help$' | sort)"
        done
}

@test "bash completes" {
        assert_equal "$(complete_bash 'kelp rena')" 'kelp rename '
        assert_equal "$(complete_bash 'kelp rm weat')" 'kelp rm weather '
        assert_equal "$(complete_bash 'kelp run --cgroupns=pr')" 'kelp run --cgroupns=private '
        assert_equal "$(complete_bash 'kelp rmi localhost:50')" 'kelp rmi localhost:5000/team/box:1 '
        assert_equal "$(complete_bash 'kelp load -i arch')" 'kelp load -i archive.tar '
        assert_equal "$(complete_bash 'kelp run -e A=1 --nam')" 'kelp run -e A=1 --name '
        assert_equal "$(complete_bash 'kelp run -e A= --nam')" 'kelp run -e A= --name '
}

@test "fish completes" {
        assert_equal "$(complete_fish 'kelp rena')" rename
        assert_equal "$(complete_fish 'kelp rm we' | sort)" $'weather\nweb'
        assert_equal "$(complete_fish 'kelp run --cgroupns=pr')" --cgroupns=private
        assert_equal "$(complete_fish 'kelp rmi localhost:50')" localhost:5000/team/box:1
        assert_equal "$(complete_fish 'kelp load -i arch')" archive.tar
}

@test "zsh completes" {
        assert_equal "$(complete_zsh 'kelp rena')" 'kelp rename '
        assert_equal "$(complete_zsh 'kelp rm weat')" 'kelp rm weather '
        assert_equal "$(complete_zsh 'kelp run --cgroupns=pr')" 'kelp run --cgroupns=private '
        assert_equal "$(complete_zsh 'kelp rmi localhost:50')" 'kelp rmi localhost:5000/team/box:1 '
        assert_equal "$(complete_zsh 'kelp load -i arch')" 'kelp load -i archive.tar '
}
