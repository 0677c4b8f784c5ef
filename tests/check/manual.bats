#!/usr/bin/env bats
# manual.bats - the manual pages and the sample configuration say what the programs do.
# shellcheck disable=SC2154 # bats sets stderr
load ../helper

PROGRAMS=(crashmon-scan crashmon-priority crashmon-cleanup)
DOC=$TESTS/../doc SAMPLE=$TESTS/../doc/crashmon.conf.sample

# Has a program print something, once; then it is in $ANSWER.
print_once() {
    ANSWER=$BATS_FILE_TMPDIR/${*//\//|}
    [[ -e $ANSWER ]] || "$BUILD/$1" "${@:2}" >"$ANSWER" 2>&1 || true
}

section() { sed -n "/^\.Sh $2\$/,/^\.Sh /p" "$DOC/$1"; }

# The options of a program, as in --limit=NUMBER, and those of its page.
options_in_help() {
    print_once "$1" --help
    sed -nE 's/^ +(-\?, )?(--[a-z-]+(=[^ ]+)?).*/\2/p' "$ANSWER" | sort
}
options_in_page() {
    section "$1.1" OPTIONS |
        sed -nE 's/^\.It Fl (\\&\? , )?(-[a-z-]+)( Ns (=) Ns Ar (.*))?$/-\2\4\5/p' | sort
}

# The settings that a file leads to, as in "limit = 0".
values() {
    print_once "$1" --config="$2" --show-config
    sed '/^#/d' "$ANSWER"
}

# The defaults, as in "limit = 0", "dump-gid = blank"; without a "required" one no run begins. Then
# those that a page tells (on stdin): an item begins with the name, a line in brackets ends it.
defaults() {
    local required
    print_once crashmon-scan --config=/dev/null
    required=$(sed -nE 's/.* ([a-z-]+) is not set;.*/\1/p' "$ANSWER")
    [[ $required ]] || fail "nothing is required"
    print_once crashmon-scan --config=/dev/null --show-config
    sed -E "/^#/d; s/^$required = \$/&required/; s/ = \$/ = blank/" "$ANSWER"
}
defaults_in_page() {
    sed -nE '/^\.It (Fl -|Ic )[a-z]/ { s/^\.It (Fl -|Ic )([a-z-]+).*/\2 = /; h }
        /^\.Pq (.* ; )?(default|required)/ {
            s/^\.Pq (.* ; )?(default (Ql )?)?//; H; g; s/\n//; p }'
}

# The items of a page (on stdin), a line each: what is described, a tab, and all the words.
items_in_page() {
    awk '/^\.It Fl / { item = $0; next }
         /^\.(El|Ss|Sh)/ { item = "" }
         item { words[item] = words[item] $0 " " }
         END { for (item in words) print item "\t" words[item] }'
}

@test "a program's page has the options of its --help, and no others" {
    for program in "${PROGRAMS[@]}"; do
        options=$(options_in_help "$program")
        [[ $options == *--help*--limit=NUMBER* ]] || fail "no options: $options"
        equal "$(options_in_page "$program")" "$options"
    done
}

# In the installed pages the directory of the configuration is the one in force.
@test "the defaults in a program's page are those of the program" {
    defaults >"$BATS_TEST_TMPDIR/defaults"
    for program in "${PROGRAMS[@]}"; do
        its=$(options_in_help "$program" | sed -E 's/^--([a-z-]+).*/^\1 = /')
        print_once "$program" --help
        file=$(tr -s ' \n' ' ' <"$ANSWER" | grep -oE '/[^ ]*/crashmon\.conf')
        equal "$(section "$program.1" OPTIONS | defaults_in_page | sort |
            sed "s|= /usr/local/etc/|= ${file%/*}/|")" \
            "$({ grep -f <(echo "$its") "$BATS_TEST_TMPDIR/defaults"
                echo "config = $file"; } | sort)"
    done
}

@test "an option that several programs have is described in the same words" {
    items=$(for program in "${PROGRAMS[@]}"; do
        section "$program.1" OPTIONS | items_in_page
    done | sort -u)
    [[ $items == *-storage-root*-limit* ]] || fail "no items: $items"
    differ=$(cut -f1 <<<"$items" | uniq -d)
    [[ ! $differ ]] || fail "$(grep -F -- "$differ" <<<"$items")"
}

@test "crashmon.conf(5) has every key, its default and the programs that have it, and no others" {
    declare -A who=()
    for program in "${PROGRAMS[@]}"; do
        for option in $(options_in_help "$program" | sed -E 's/^--([a-z-]+).*/\1/'); do
            who[$option]+=${who[$option]:+, }${program#crashmon-}
        done
    done
    section crashmon.conf.5 KEYS >"$BATS_TEST_TMPDIR/keys"
    equal "$(defaults_in_page <"$BATS_TEST_TMPDIR/keys")" "$(defaults)"
    equal "$(sed -nE 's/^\.Pq (.*) ; .*/\1/p' "$BATS_TEST_TMPDIR/keys")" \
        "$(defaults | while read -r name _; do echo "${who[$name]}"; done |
            sed 's/^scan, priority, cleanup$/all/')"
}

@test "EXIT STATUS has every exit code, and no others" {
    codes=$(sed -nE 's/^ *EXIT_[A-Z_]+ = ([0-9]+),.*/\1/p' "$TESTS/../src/exit_code.h" |
        sed 's/^128$/128+n/')
    [[ $codes == *78*128+n ]] || fail "no codes: $codes"
    for page in "${PROGRAMS[@]/%/.1}" crashmon.7; do
        equal "$(section "$page" 'EXIT STATUS' | sed -nE 's/ Ns Ar //; s/^\.It ([^ ]+).*/\1/p')" \
            "$codes"
    done
}

@test "crashmon(7) names every table, view, column and function of the schema" {
    names=$(sql "SELECT attname FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
                 WHERE relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
                     AND relnamespace IN ('public'::regnamespace, 'crashmon'::regnamespace)
                 UNION SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')
                     AND relnamespace IN ('public'::regnamespace, 'crashmon'::regnamespace)
                 UNION SELECT proname FROM pg_proc WHERE pronamespace = 'crashmon'::regnamespace")
    [[ $names == *priorityjobs* ]] || fail "no names: $names"
    missing=$(sed -nE 's/ (Ns|Ta) .*//; s/^\.(It )?Sy //p' "$DOC/crashmon.7" |
        grep -oE '[a-z_]+' | sort -u | comm -23 <(sort <<<"$names") -)
    [[ ! $missing ]] || fail "not there:" "$missing"
}

@test "crashmon(7) names every outcome that a crash can have" {
    expect_status 0 cleanup_jobs --metrics-file="$BATS_TEST_TMPDIR/figures"
    outcomes=$(sed -nE 's/.*,outcome="([^"]+)".*/\1/p' "$BATS_TEST_TMPDIR/figures")
    equal "$(sed -n '/^\.Bl -column "already_queued"/,/^\.El/s/^\.It \([^ ]*\) .*/\1/p' \
        "$DOC/crashmon.7")" "$outcomes"
}

@test "crashmon(7) has the version that the schema has" {
    sql_is "SELECT crashmon.schema_version()" \
        "$(sed -nE 's/^The version of this release is ([0-9]+)\.$/\1/p' "$DOC/crashmon.7")"
}

@test "the sample is accepted as it is, and sets nothing but what must be set" {
    for program in "${PROGRAMS[@]}"; do
        equal "$(values "$program" "$SAMPLE")" "$(values crashmon-scan "$SAMPLE")"
    done
    equal "$(values crashmon-scan "$SAMPLE" | diff - <(values crashmon-scan /dev/null) |
        sed -nE 's/^< ([a-z-]+) = .+/\1/p')" "$(defaults | sed -n 's/ = required//p')"
}

@test "the sample has every key once, those that are commented out with their defaults" {
    all=$BATS_TEST_TMPDIR/all
    sed 's/^#\([a-z-]* =\)/\1/' "$SAMPLE" >"$all"
    equal "$(values crashmon-scan "$all")" "$(values crashmon-scan "$SAMPLE")"
    print_once crashmon-scan --config="$all" --show-config
    missing=$(sed -n '/^# default$/{n;p}' "$ANSWER")
    [[ ! $missing ]] || fail "not there:" "$missing"
}

@test "a page refers to pages of ours that are there" {
    references=$(sed -nE 's/^\.Xr (crashmon[^ ]*) ([0-9]).*/\1.\2/p' "$DOC"/*.[0-9])
    [[ $references ]]
    for page in $references; do [[ -e $DOC/$page ]] || fail "no such page: $page"; done
}

# Which pages of others are installed is the machine's affair.
@test "mandoc has nothing to say against a page" {
    type -P mandoc >/dev/null || skip "no mandoc"
    cd "$DOC"
    run --separate-stderr mandoc -Tlint -Wstyle ./*.[0-9]
    [[ $status -lt 5 ]] || fail "mandoc: exit code $status" "$stderr"
    ! grep -v 'referenced manual not found' <<<"$output" | grep . || fail "see above"
}

# --- the documents

# The commands in the documents that remove what find finds, a line each. A pathname that find has put
# together may lead elsewhere by the time that another program follows it.
@test "what find finds is removed in its directory, lest others lead the command elsewhere" {
    commands=$(cat "$DOC"/*.md "$TESTS/../README.md" | sed -e ':a; /\\$/ { N; s/\\\n *//; ta }' |
        grep -E '^ .*\bfind .*(-delete|\b(rm|unlink|rmdir)\b)')
    [[ $commands ]]
    ! grep -vE -- '-delete|-execdir' <<<"$commands" || fail "see above"
    ! grep -E -- '-exec |-ok |xargs|while read' <<<"$commands" || fail "see above"
}

@test "the command that empties the quarantine removes old cases and nothing else" {
    command=$(sed -nE 's/^ +(find .*\/quarantine .*-(delete|execdir|exec).*)/\1/p' "$DOC/operations.md")
    [[ $(wc -l <<<"$command") == 1 && $command == *'/srv/crashes/spool/'* ]] || fail "$command"
    outside=$BATS_TEST_TMPDIR/outside day=$SPOOL/quarantine/20081225
    mkdir -p "$day"/{old,new} "$outside/old" "$SPOOL/20081225/name/old"
    ln -s "$outside" "$SPOOL/quarantine/20081224"
    ln -s "$outside" "$day/old/link"
    touch "$day"/{old,new}/{reason,x.json} "$outside/old/reason"
    find "$BATS_TEST_TMPDIR" -exec touch -h -d '100 days ago' {} +
    touch "$day/new"
    before=$(spool_state "$BATS_TEST_TMPDIR" | grep -v 'quarantine/20081225')
    run eval "${command//\/srv\/crashes\/spool/$SPOOL}"
    equal "$status$output" 0
    equal "$(spool_state "$BATS_TEST_TMPDIR" | grep -v 'quarantine/20081225')" "$before"
    equal "$(cd "$SPOOL/quarantine" && find 20081225 | sort)" \
        "$(printf '%s\n' 20081225{,/new{,/reason,/x.json}})"
}
