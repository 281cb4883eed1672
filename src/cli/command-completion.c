/* The scripts of the shells: all they do is ask `kelp __complete` (complete.c). */
#include "cli/command.h"

static const char bash[] =
        "# bash completion of kelp; made by 'kelp completion bash'\n"
        "_kelp()\n"
        "{\n"
        "        local -a words=() candidates=()\n"
        "        local i word blank rest=${COMP_LINE#*\"${COMP_WORDS[0]}\"} candidate current files='' "
        "skip=''\n"
        "\n"
        "        # bash splits words at = and :, which stand inside of kelp's: what has no blank in between "
        "is joined again\n"
        "        for ((i = 1; i <= COMP_CWORD; i++)); do\n"
        "                word=${COMP_WORDS[i]}\n"
        "                blank=${rest%%[![:space:]]*}\n"
        "                rest=${rest#\"$blank\"}\n"
        "                rest=${rest#\"$word\"}\n"
        "                if [[ $blank ]] || ((${#words[@]} == 0)); then\n"
        "                        words+=(\"$word\")\n"
        "                else\n"
        "                        words[-1]+=$word\n"
        "                fi\n"
        "        done\n"
        "        current=${words[-1]}\n"
        "        [[ $current == *[:=]* ]] && skip=${current%\"${current##*[:=]}\"}\n"
        "        mapfile -t candidates < <(\"${COMP_WORDS[0]}\" __complete \"${words[@]}\" 2>/dev/null)\n"
        "        COMPREPLY=()\n"
        "        for candidate in \"${candidates[@]}\"; do\n"
        "                candidate=${candidate%%$'\\t'*}\n"
        "                if [[ $candidate == :files ]]; then\n"
        "                        files=1\n"
        "                        continue\n"
        "                fi\n"
        "                [[ $candidate == *[:=] ]] && compopt -o nospace\n"
        "                COMPREPLY+=(\"${candidate#\"$skip\"}\")\n"
        "        done\n"
        "        if [[ $files ]]; then\n"
        "                compopt -o filenames\n"
        "                mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- "
        "\"${current#\"$skip\"}\")\n"
        "        fi\n"
        "}\n"
        "complete -F _kelp kelp\n";

static const char zsh[] = "#compdef kelp\n"
                          "# zsh completion of kelp; made by 'kelp completion zsh'\n"
                          "_kelp()\n"
                          "{\n"
                          "        local -a lines candidates\n"
                          "        local line name files=\n"
                          "\n"
                          "        lines=(\"${(@f)$(\"${(@Q)words[1]}\" __complete "
                          "\"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
                          "        for line in $lines; do\n"
                          "                if [[ $line == :files ]]; then\n"
                          "                        files=1\n"
                          "                        continue\n"
                          "                fi\n"
                          "                name=${line%%$'\\t'*}\n"
                          "                name=${name//:/\\\\:}\n"
                          "                [[ $line == *$'\\t'* ]] && name+=:${line#*$'\\t'}\n"
                          "                candidates+=(\"$name\")\n"
                          "        done\n"
                          "        (( $#candidates )) && _describe kelp candidates\n"
                          "        [[ -n $files ]] && _files\n"
                          "        return 0\n"
                          "}\n"
                          "if [[ ${funcstack[1]} == _kelp ]]; then\n"
                          "        _kelp \"$@\"\n"
                          "else\n"
                          "        compdef _kelp kelp\n"
                          "fi\n";

static const char fish[] =
        "# fish completion of kelp; made by 'kelp completion fish'\n"
        "function __kelp_complete\n"
        "        set -l words (commandline -opc)\n"
        "        set -l current (commandline -ct)\n"
        "        for line in ($words[1] __complete $words[2..-1] \"$current\" 2>/dev/null)\n"
        "                if test \"$line\" = :files\n"
        "                        __fish_complete_path \"$current\"\n"
        "                else\n"
        "                        echo $line\n"
        "                end\n"
        "        end\n"
        "end\n"
        "complete -c kelp -f -a '(__kelp_complete)'\n";

int command_completion(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        static const struct {
                const char *shell, *script;
        } scripts[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
        OptionTable table = {0};
        int count, r;

        r = command_parse("completion", &table, argc, argv, 1, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        for (size_t i = 0; i < ELEMENTSOF(scripts); i++)
                if (text_equal(argv[1], scripts[i].shell)) {
                        fputs(scripts[i].script, stdout);
                        return 0;
                }
        return fail_kind(err, ERROR_USAGE, EINVAL, "completion for \"%s\": there are bash, zsh and fish",
                         argv[1]);
}
