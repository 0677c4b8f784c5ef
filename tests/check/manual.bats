#!/usr/bin/env bats
# manual.bats - the manual pages and the sample configuration say what the programs do.
# shellcheck disable=SC2154 # bats sets stderr
load ../helper

DOC=$TESTS/../doc SAMPLE=$TESTS/../doc/crashmon.conf.sample

# Has a program print something, once; then it is in $ANSWER.
print_once() {
    ANSWER=$BATS_FILE_TMPDIR/${*//\//|}
    [[ -e $ANSWER ]] || "$BUILD/$1" "${@:2}" >"$ANSWER" 2>&1 || true
}

section() { sed -n "/^\.Sh $2\$/,/^\.Sh /p" "$DOC/$1"; }

# The options of a program under the headings of their groups, as --help has them and as its page
# has them.
options_in_help() {
    print_once "$1" --help
    sed -nE '/^Help:/d; s/^([A-Z][^(:]*[a-z]).*:$/\1/p; s/^ +(-., )?--([a-z-]+).*/\2/p' "$ANSWER"
}
options_in_page() {
    section "$1.1" OPTIONS |
        sed -nE 's/^\.Ss //p; s/^\.It Fl (.+ , Fl )?-([a-z-]+) Ta .+/\2/p'
}

# The same for crashmon.conf(5), which has the options of all three.
options_in_conf_page() {
    section crashmon.conf.5 OPTIONS |
        sed -nE 's/^\.Ss //p; s/^\.It (Ic |Fl ([^-]+ , )?-)([a-z-]+).*/\3/p'
}

# The settings that a file leads to, as in "limit = 0".
values() {
    print_once "$1" --config="$2" --show-config
    sed '/^#/d' "$ANSWER"
}

# The defaults, as in "limit = 0", "dump-gid = blank"; without a "required" one no run begins. Then
# those that crashmon.conf(5) tells: an item begins with the name, a line in brackets ends it.
defaults() {
    local required
    print_once crashmon-scan --config=/dev/null
    required=$(sed -nE 's/.* ([a-z-]+) is not set;.*/\1/p' "$ANSWER")
    [[ $required ]] || fail "nothing is required"
    print_once crashmon-scan --config=/dev/null --show-config
    sed -E "/^#/d; s/^$required = \$/&required/; s/ = \$/ = blank/" "$ANSWER"
}
defaults_in_page() {
    section crashmon.conf.5 OPTIONS |
        sed -nE '/^\.It Ic [a-z]/ { s/^\.It Ic ([a-z-]+).*/\1 = /; h }
            /^\.Pq .* ; (default|required)/ {
                s/^\.Pq .* ; (default (Ql )?)?//; H; g; s/\n//; p }'
}

# The kind of value that an option takes, as in "limit number": as crashmon.conf(5) has it, and as
# follows from the placeholder in --help.
values_in_page() {
    section crashmon.conf.5 OPTIONS |
        sed -nE 's/^\.It Ic ([a-z-]+) No = Ar ([a-z]+)$/\1 \2/p
            s/^\.It Fl ([^-]+ , )?-([a-z-]+) Ns = Ns Ar ([a-z]+)$/\2 \3/p'
}
values_in_help() {
    print_once "$1" --help
    sed -nE 's/^ +(-., )?--([a-z-]+)=([^ ]+).*/\2 \3/p' "$ANSWER" |
        sed -E 's/ (HOST|PORT|USER)$/ text/; s/ (DIR|FILE)$/ path/; s/ (BYTES|GID)$/ number/
            s/ HHH:MM:SS$/ duration/; s/ AGE,AGE$/ ages/; s/ NUMBER,NUMBER$/ limits/
            s/^database-name .*/database-name text/' |
        tr '[:upper:]' '[:lower:]'
}

@test "a program's page has the options of its --help, and no others" {
    for program in "${PROGRAMS[@]}"; do
        options=$(options_in_help "$program")
        [[ $options == Database*Run*limit*General*help* ]] || fail "no options: $options"
        equal "$(options_in_page "$program")" "$options"
    done
}

@test "an option that several programs have stands in their pages with the same words" {
    items=$(for program in "${PROGRAMS[@]}"; do
        section "$program.1" OPTIONS | grep '^\.It Fl .* Ta '
    done | sort -u)
    equal "$(awk -F ' Ta ' '{ print $1 }' <<<"$items" | uniq -d)" ""
}

@test "crashmon.conf(5) has every option once, in its group, and no others" {
    options=$(options_in_conf_page)
    equal "$(sort <<<"$options" | uniq -d)" ""
    equal "$(sort <<<"$options")" \
        "$(for program in "${PROGRAMS[@]}"; do options_in_help "$program"; done | sort -u)"
    for program in "${PROGRAMS[@]}"; do
        equal "$(grep -xF -f <(options_in_help "$program") <<<"$options")" \
            "$(options_in_help "$program")"
    done
}

@test "crashmon.conf(5) has the programs that have an option, and its default" {
    declare -A who=()
    for program in "${PROGRAMS[@]}"; do
        for option in $(options_in_help "$program"); do
            who[$option]+=${who[$option]:+, }${program#crashmon-}
        done
    done
    equal "$(defaults_in_page)" "$(defaults)"
    equal "$(section crashmon.conf.5 OPTIONS | sed -nE 's/^\.Pq (.*) ; .*/\1/p')" \
        "$(defaults | while read -r name _; do echo "${who[$name]}"; done |
            sed 's/^scan, priority, cleanup$/all/')"
}

# In the installed pages the directory of the configuration is the one in force.
@test "crashmon.conf(5) has the file that is read where none is given" {
    print_once crashmon-scan --help
    file=$(tr -s ' \n' ' ' <"$ANSWER" | grep -oE '/[^ ]*/crashmon\.conf')
    equal "$(section crashmon.conf.5 OPTIONS | sed -nE 's/^\.Pa (.*\.conf) ,$/\1/p' |
        sed "s|^/usr/local/etc/|${file%/*}/|")" "$file"
}

@test "crashmon.conf(5) has what kind of value an option takes, and describes each kind" {
    values=$(for program in "${PROGRAMS[@]}"; do values_in_help "$program"; done | sort -u)
    [[ $values == *'lock-wait duration'*'storage-root path'* ]] || fail "no values: $values"
    equal "$(values_in_page | grep -v ' switch$' | sort)" "$values"
    equal "$(values_in_page | cut -d' ' -f2 | sort -u)" \
        "$(section crashmon.conf.5 TYPES | sed -n 's/^\.It Ar //p' | sort)"
}

@test "crashmon(7) has every exit code, and no others; no page refers to another code" {
    codes=$(sed -nE 's/^ *EXIT_[A-Z_]+ = ([0-9]+),.*/\1/p' "$TESTS/../src/report/exit_code.h" |
        sed 's/^128$/128+n/')
    [[ $codes == *78*128+n ]] || fail "no codes: $codes"
    equal "$(section crashmon.7 'EXIT STATUS' |
        sed -nE 's/ Ns Ar //; s/^\.It ([^ ]+).*/\1/p')" "$codes"
    for program in "${PROGRAMS[@]}"; do
        section "$program.1" 'EXIT STATUS' | grep -qx '\.Xr crashmon 7 \.' ||
            fail "$program: no reference"
        equal "$(section "$program.1" 'EXIT STATUS' | sed '/^\.Xr/d' | grep -owE '[0-9]+' |
            grep -vxF "$codes")" ""
    done
}

@test "crashmon(7) names every table, view, column and function of the schema" {
    names=$(sql "SELECT attname FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
                 WHERE relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
                     AND relnamespace = 'crashmon'::regnamespace
                 UNION SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')
                     AND relnamespace = 'crashmon'::regnamespace
                 UNION SELECT proname FROM pg_proc WHERE pronamespace = 'crashmon'::regnamespace")
    [[ $names == *priorityjobs* ]] || fail "no names: $names"
    missing=$(sed -nE 's/ (Ns|Ta) .*//; s/^\.(It )?Sy //p' "$DOC/crashmon.7" |
        grep -oE '[a-z_]+' | sort -u | comm -23 <(sort <<<"$names") -)
    [[ ! $missing ]] || fail "not there:" "$missing"
}

@test "crashmon(7) names every outcome that a crash can have" {
    expect_status 0 cleanup_jobs --metrics-file="$BATS_TEST_TMPDIR/figures"
    outcomes=$(sed -nE 's/.*,outcome="([^"]+)".*/\1/p' "$BATS_TEST_TMPDIR/figures")
    equal "$(section crashmon.7 OUTCOMES | sed -n 's/^\.It \(.*\) Ta .* Ta .*/\1/p' | tr ' ' _)" \
        "$outcomes"
}

@test "crashmon.metrics(5) has every metric with its label, whether it counts, and no others" {
    local source=$TESTS/../src/report/metrics.c
    equal "$(section crashmon.metrics.5 METRICS | sed -nE '/^\.It Sy /{
                 s/^\.It Sy ([a-z_]+)( Brq Sy ([a-z_]+))?$/\1 \3/; N; s/\nCounter: .*/ counter/; s/\n.*//; p }' | sort)" \
        "$(tr -d '\n' <"$source" | grep -oE '\[METRIC_[A-Z_]+\] = *\{[^}]*' |
            sed -E 's/.*\{"([a-z_]+)", "([a-z]+)", *"?([a-zN][a-z_UL]*)"?,.*/\1 \3 \2/; s/ NULL / /; s/ gauge$//' |
            sed -E 's/^([a-z_]+)$/\1 /; s/^([a-z_]+) counter$/\1  counter/' | sort)"
}

@test "alerts and dashboard know metrics that crashmon.metrics(5) has, and no others" {
    metrics=$(section crashmon.metrics.5 METRICS | sed -nE 's/^\.It Sy ([a-z_]+).*/crashmon_\1/p' | sort)
    for file in crashmon.rules.yml crashmon.dashboard.json; do
        used=$(grep -oE 'crashmon_[a-z_]+' "$DOC/$file" | sort -u)
        [[ $used ]]
        equal "$(comm -13 <(echo "$metrics") - <<<"$used")" ""
    done
    for alert in $(sed -n 's/^ *- alert: //p' "$DOC/crashmon.rules.yml"); do
        grep -qE "^\|.*\b$alert\b.*\|.*\|" "$DOC/operations.md" || fail "operations.md does not know $alert"
    done
}

@test "the dashboard has what Grafana's schema asks for, and no panel lies on another one" {
    # shellcheck disable=SC2016 # for perl
    run perl -MJSON::PP -e '
        my $all = decode_json(join "", <STDIN>);
        my (%ids, %taken);
        my %variables = map { $_->{name} => 1 } @{$all->{templating}{list}};
        for my $panel (@{$all->{panels}}) {
            my ($title, $at) = @{$panel}{qw(title gridPos)};
            for my $key (qw(id type title gridPos options fieldConfig targets datasource)) {
                print "$title: no $key\n" if !defined $panel->{$key};
            }
            print "$title: no $_\n" for grep { !$panel->{fieldConfig}{$_} } qw(defaults overrides);
            for ([legend => qw(showLegend displayMode placement calcs)], [tooltip => qw(mode sort)]) {
                my ($part, @keys) = @$_;
                my $given = $panel->{options}{$part} or next;
                print "$title: no $_ of its $part\n" for grep { !exists $given->{$_} } @keys;
            }
            print "$title: its id is taken\n" if $ids{$panel->{id}}++;
            print "$title: too wide\n" if $at->{x} + $at->{w} > 24 || $at->{h} < 1;
            for my $x ($at->{x} .. $at->{x} + $at->{w} - 1) {
                print "$title: $x,$_ is taken\n" for grep { $taken{$x, $_}++ } $at->{y} .. $at->{y} + $at->{h} - 1;
            }
            my @refs = sort map { $_->{refId} } @{$panel->{targets}};
            print "$title: $_ twice\n" for map { $refs[$_] eq $refs[$_ - 1] ? $refs[$_] : () } 1 .. $#refs;
            my @used = map { "$_->{expr} \${datasource}" =~ /\$\{?([a-z]\w*)/g } @{$panel->{targets}};
            print "$title: no variable $_\n" for grep { !$variables{$_} } @used;
            my ($first, @steps) = map { $_->{value} } @{$panel->{fieldConfig}{defaults}{thresholds}{steps} // []};
            print "$title: the first threshold is $first\n" if defined $first;
        }' <"$DOC/crashmon.dashboard.json"
    equal "$status $output" "0 "
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

@test "the command that empties long-term storage removes old pairs and nothing else" {
    command=$(sed -nE 's/^ +(find .*\/archive .*-(delete|execdir|exec).*)/\1/p' "$DOC/operations.md")
    [[ $(wc -l <<<"$command") == 1 && $command == *'/srv/crashes/failed '* ]] || fail "$command"
    outside=$BATS_TEST_TMPDIR/outside day=$ARCHIVE/20081225/name/22/ad
    mkdir -p "$day" "$outside/name"
    ln -s "$outside" "$day/link"
    touch "$day"/{new,old}.{json,dump} "$outside/name/old" "$ARCHIVE/.crashmon"
    command find "$BATS_TEST_TMPDIR" -exec touch -h -d '500 days ago' {} +
    touch "$day"/new.*
    run eval "$(sed "s|/srv/crashes/archive|$ARCHIVE|; s|/srv/crashes/failed|$FAILED|" <<<"$command")"
    equal "$status$output" 0
    equal "$(cd "$day" && echo *)" "link new.dump new.json"
    [[ -e $outside/name/old && -e $ARCHIVE/.crashmon ]]
}

@test "migrating-from-socorro.md removes each index that the schema adds to Socorro's" {
    equal "$(sed -nE 's/^ +DROP INDEX (jobs_.*);/\1/p' "$DOC/migrating-from-socorro.md" | tr -s ', ' '\n' | sort)" \
        "$(sql "SELECT relname FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
                WHERE indrelid = 'crashmon.jobs'::regclass AND NOT indisunique" | sort)"
}

@test "the examples of sql-interface.md are what happens" {
    for id in 22adfb61-f75b-11dc-b6be-001322081225 33adfb61-f75b-11dc-b6be-001322081225; do
        jobs+="('/spool/20081225/name/${id:0:2}/${id:2:2}/$id.json', '$id', 1, now() + '${id:0:2} s'),"
    done
    sql "CREATE FUNCTION give() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
             INSERT INTO crashmon.jobs (pathname, uuid, owner, queueddatetime) VALUES ${jobs%,}; RETURN NULL; END \$\$;
         CREATE TRIGGER give AFTER INSERT ON processors FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION give()"
    said=$(sed -n 's/^    //p' "$DOC/sql-interface.md")
    happens=$(sed -n 's/^=> //p' <<<"$said" | while IFS= read -r statement; do
        echo "=> $statement"
        sql "${statement%;}"
    done)
    sql "DROP FUNCTION give() CASCADE"
    equal "$happens" "$said"
    # It has every function that processors and reporters have.
    for name in register_processor take_jobs job_succeeded job_failed heartbeat give_back leave \
        request_crash crash_state is_crash_id; do
        grep -q "=> .*crashmon\.$name(" <<<"$said" || fail "no example: $name"
    done
}
