#!/usr/bin/env bats
# completion.bats - what bash completes, with the files where bash-completion looks for them.
load ../helper

setup_file() { :; } # no database
teardown_file() { :; }
setup() {
    [[ -e /usr/share/bash-completion/bash_completion ]] || skip "no bash-completion"
    background_pids=() disks=()
    mkdir -p "$BATS_TEST_TMPDIR/share/bash-completion" "$BATS_TEST_TMPDIR/here/there"
    ln -s "$(realpath "$TESTS/../doc/bash-completion")" "$BATS_TEST_TMPDIR/share/bash-completion/completions"
    touch "$BATS_TEST_TMPDIR/here/theirs.conf"
    cd "$BATS_TEST_TMPDIR/here" || return
}

# What a shell offers at the end of a line, sorted; the last argument is the word that is begun. Its
# first words are cut at "=" as bash cuts them.
completes() {
    # shellcheck disable=SC2016 # for the inner shell
    XDG_DATA_DIRS=$BATS_TEST_TMPDIR/share PATH=$(realpath "$BUILD"):$PATH bash --norc -c '
        . /usr/share/bash-completion/bash_completion
        _completion_loader "$1"
        (($? == 124)) || exit
        [[ $(complete -p "$1") =~ -F\ ([^ ]+) ]] || exit
        compopt() { [[ $2 != nospace ]] || echo nospace; }
        COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_WORDS=()
        for word; do
            if [[ $word == --*=* ]]; then COMP_WORDS+=("${word%%=*}" = "${word#*=}"); else COMP_WORDS+=("$word"); fi
        done
        [[ ${COMP_WORDS[-1]} || ${COMP_WORDS[-2]} != = ]] || unset "COMP_WORDS[-1]"
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        "${BASH_REMATCH[1]}" "$1" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        ((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}" | sort' bash "$@"
}

@test "each program has all options that its page has, with = where a value follows, and no others" {
    for program in "${PROGRAMS[@]}"; do
        options=$(completes "$program" --)
        equal "$(sed 's/=$//' <<<"$options")" \
            "$(sed -nE 's/^\.It Fl (.* , Fl )?(-[a-z-]+) Ta .*/-\2/p' "$TESTS/../doc/$program.1" | sort)"
        usage=$("$BUILD/$program" --usage | tr -s ' \n|[]' ' ')
        for option in $options; do
            [[ $usage == *" $option"[A-Z]* || ($option != *= && $usage == *" $option "*) ]] ||
                fail "not like that in --usage: $option" "$usage"
        done
    done
}

@test "what begins a word is completed, and a name whose value follows stays open" {
    equal "$(completes crashmon-scan --dry)" --dry-run
    equal "$(completes crashmon-cleanup --keep-emp)" $'nospace\n--keep-empty-days='
    equal "$(completes crashmon-scan --dry-run --lim)" $'nospace\n--limit='
    equal "$(completes crashmon-scan --nothing)" ""
    equal "$(completes crashmon-priority '' | head -n 1)" --adopt
}

@test "values: files, directories, levels, and nothing for a number" {
    equal "$(completes crashmon-scan --config=the)" $'theirs.conf\nthere'
    equal "$(completes crashmon-scan --config the)" $'theirs.conf\nthere'
    equal "$(completes crashmon-scan -c the)" $'theirs.conf\nthere'
    equal "$(completes crashmon-cleanup --storage-root=the)" there
    equal "$(completes crashmon-cleanup --log-file-error-logging-level=W)" WARNING
    equal "$(completes crashmon-cleanup --log-file-maximum-size=)" ""
    equal "$(completes crashmon-cleanup -l '')" ""
    equal "$(completes crashmon-scan --share-waiting=)" ""
}
