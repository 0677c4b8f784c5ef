#!/usr/bin/env bats
# dry_run.bats - --dry-run changes nothing, and announces what the run then does.
load ../helper

# Runs a program dry: nothing may change, and nothing may go to stderr. $announced is what it said.
dry() {
    local before
    before=$(everything)
    run --separate-stderr "$@" --dry-run
    announced=$output
    equal "$(everything)" "$before"
    [[ $status -le 1 && -z $stderr ]] || fail "exit code $status" "$stderr"
}

# Asserts that there is one line for a crash, and that it says this.
announces() {
    local line
    line=$(grep -F -- "$1" <<<"$announced") || fail "not announced: $1" "$announced"
    [[ $(wc -l <<<"$line") == 1 ]] || fail "more than a line for $1:" "$line"
    grep -qiE -- "$2" <<<"$line" || fail "not '$2': $line"
}

# Asserts that one line is announced for each of these crashes and for nothing else.
announces_only() {
    local ids
    ids=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' <<<"$announced" | sort -u)
    equal "$ids" "$(printf '%s\n' "$@" | sort)"
    [[ $(grep -cE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' <<<"$announced") == "$#" ]] ||
        fail "not one line a crash:" "$announced"
}

@test "scan --dry-run announces what is queued, and scan then queues it" {
    processor p1
    processor p2
    mapfile -t ids < <(collect --count 5 --age 7200)
    dry scan
    [[ $status == 0 ]]
    announces_only "${ids[@]}"
    for id in "${ids[@]}"; do announces "$id" queue; done
    expect_status 0 scan
    equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(printf '%s\n' "${ids[@]}" | sort)"
}

@test "scan --dry-run announces what is left and what goes to quarantine" {
    processor p1
    good=$(collect) half=$(collect --without dump) old=$(collect --without json --age 100000)
    young=$(collect --age 0)
    dry scan --settle-time=00:10:00
    announces_only "$good" "$half" "$old" "$young"
    announces "$good" queue
    announces "$old" quarantine
    expect_status 1 scan --settle-time=00:10:00
    quarantined "$old" json
    sql_is "SELECT uuid FROM jobs" "$good"
    has_links "$half"
    has_links "$young"
}

@test "scan --dry-run leaves the links of what is queued already, and old empty directories" {
    processor p1
    id=$(collect)
    expect_status 0 scan
    collect --id "$id" --age 7200
    mkdir -p "$SPOOL/20081225/date/01/00"
    touch -d '2 hours ago' "$SPOOL/20081225/date/01"{/00,}
    dry scan
    announces "$id" 'queued|link'
    has_links "$id"
    expect_status 0 scan
    no_links "$id"
}

@test "scan --dry-run leaves a dead processor and its jobs" {
    dead=$(processor dead 601)
    processor p1
    sql "CREATE TABLE priority_jobs_$dead (uuid varchar(50))"
    id=$(collect --root "$BATS_TEST_TMPDIR/elsewhere")
    sql "INSERT INTO jobs (pathname, uuid, owner, starteddatetime)
             VALUES ('/x', '$id', $dead, now());
         INSERT INTO priority_jobs_$dead VALUES ('$id')"
    dry scan
    expect_status 0 scan
    sql_is "SELECT p.name FROM jobs AS j JOIN processors AS p ON p.id = j.owner" p1
    sql_is "SELECT name FROM processors" p1
}

@test "scan --dry-run judges new links of a job that has to wait again as the run does, which has freed it by then" {
    p1=$(processor p1)
    mapfile -t ids < <(crash --count 5)
    expect_status 0 scan --settle-time=00:00:00
    dead=$(processor dead 601)
    sql "UPDATE jobs SET starteddatetime = now() - interval '1 h', owner = $p1;
         UPDATE jobs SET owner = $dead WHERE uuid = '${ids[0]}';
         UPDATE jobs SET owner = NULL WHERE uuid = '${ids[1]}';
         UPDATE jobs SET starteddatetime = now() - interval '25 h' WHERE uuid = '${ids[2]}';
         UPDATE jobs SET owner = $dead, attempts = 4 WHERE uuid = '${ids[3]}'"
    for id in "${ids[@]}"; do crash --age 60 --id "$id" --without json --without dump >/dev/null; done
    dry scan
    expect_status 1 scan -vv
    announced=$(grep -E '": (already queued|left): ' <<<"$announced")
    announces_only "${ids[@]}"
    for id in "${ids[@]}"; do
        announces "$id" "$(grep -oE "\"$id\": (already queued|left): " <<<"$output")"
    done
    announces "${ids[0]}" ': already queued: '
    announces "${ids[4]}" ': left: it came after a processor had taken the job'
}

@test "scan --dry-run with no live processor changes nothing either (68)" {
    collect
    before=$(everything)
    expect_status 68 scan --dry-run
    equal "$(everything)" "$before"
}

@test "scan --dry-run keeps to --limit and --batch-size" {
    processor p1
    collect --count 7
    dry scan --limit=5 --batch-size=2
    expect_status 0 scan --limit=5 --batch-size=2
    sql_is "SELECT count(*) FROM jobs" 5
    mapfile -t ids < <(sql "SELECT uuid FROM jobs")
    announces_only "${ids[@]}"
}

@test "priority --dry-run announces what is served, kept and given up, and priority then does it" {
    processor p1
    here=$(collect --root "$SPOOL") throttled=$(collect --root "$DEFERRED" --without links)
    queued=$(collect)
    done=$(collect)
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$queued', 1), ('/x', '$done', 1)"
    finish "$done" true
    young=$(collect --root "$BATS_TEST_TMPDIR/nowhere")
    old=$(collect --root "$BATS_TEST_TMPDIR/nowhere")
    for id in "$here" "$throttled" "$queued" "$done" "$young"; do request "$id"; done
    request "$old" 3600
    request "no crash id'"
    dry priority
    announces_only "$here" "$throttled" "$queued" "$done" "$young" "$old"
    announces "no crash id'" 'crash id|not an id|no id|invalid'
    announces "$here" queue
    announces "$throttled" queue
    announces "$queued" priority

    run priority
    equal "$(sql "SELECT uuid FROM jobs WHERE success IS NULL AND priority >= 1" | sort)" \
        "$(printf '%s\n' "$here" "$throttled" "$queued" | sort)"
    sql_is "SELECT uuid FROM priorityjobs" "$young"
}

@test "priority --dry-run requests no id that is given on the command line" {
    processor p1
    id=$(collect)
    dry priority "$id"
    announces_only "$id"
    expect_status 0 priority "$id"
    sql_is "SELECT uuid FROM jobs" "$id"
}

@test "cleanup --dry-run announces where each pair goes, and cleanup then moves it" {
    processor p1
    good=$(collect --day 20081225) bad=$(collect --day 20081225) gone=$(collect --day 20081225)
    running=$(collect --day 20081225)
    expect_status 0 scan
    finish "$good" true
    finish "$bad" false
    finish "$gone" true
    rm "$SPOOL/20081225/name/$(name_dir "$gone")/$gone".*
    dry cleanup_jobs
    announces_only "$good" "$bad" "$gone"
    announces "$good" "$ARCHIVE"
    announces "$bad" "$FAILED"
    run cleanup_jobs
    pair_is_whole "$ARCHIVE" 20081225 "$good"
    pair_is_whole "$FAILED" 20081225 "$bad"
    jobs_are "$running" "$gone"
}

@test "cleanup --dry-run announces that half of a pair is missing, unless that is in its place" {
    ids=()
    for half in json dump; do
        id=$(crash --without "$half") moved=$(crash)
        ids+=("$id" "$moved")
        mkdir -p "$(dirname "$(place "$ARCHIVE" "$moved")")"
        mv "$(place "$SPOOL" "$moved").$half" "$(place "$ARCHIVE" "$moved").$half"
    done
    ended true "${ids[@]}"
    dry cleanup_jobs
    [[ $status == 1 ]]
    announces_only "${ids[@]}"
    expect_status 1 cleanup_jobs
    equal "$announced" "$(sed -nE 's/.* - ("[0-9a-f-]{36}": (archived|missing): )/\1/p' "$LOG")"
    announces "${ids[0]}" ': missing: its .json file was not found; the rest and the row stay'
    announces "${ids[1]}" ': archived: '
    announces "${ids[2]}" ': missing: its .dump file'
    announces "${ids[3]}" ': archived: '
}

@test "cleanup --dry-run announces what is deleted where the option is blank" {
    processor p1
    id=$(collect)
    expect_status 0 scan
    finish "$id" true
    dry cleanup_jobs --save-successful-minidumps-to=
    announces "$id" delete
    expect_status 0 cleanup_jobs --save-successful-minidumps-to=
    [[ -z $(find "$SPOOL" "$ARCHIVE" -name "$id*") ]]
}

# --- a reader that goes away before the end

# What the program prints goes into a pipe that nobody reads.
unread() {
    local pipe
    exec {pipe}> >(:)
    wait $!
    "$@" >&"$pipe"
}

# A dry run of 200 crashes; it ends long before it has seen them all.
ends_early() {
    expect_status 0 unread "$@" --dry-run --batch-size=10
    [[ -z $output ]] || fail "says: $output"
    local seen
    run unread "$@" --dry-run --batch-size=10 --stderr-error-logging-level=INFO
    seen=$(sed -n 's/.*dry run, seen \([0-9]*\).*exit code 0.*/\1/p' <<<"$output")
    [[ $seen && $seen -lt 200 ]] || fail "has seen '$seen'"
}

@test "a dry run ends early and quietly when nobody reads it any more" {
    processor p1
    collect --count 200 >"$BATS_TEST_TMPDIR/ids"
    ends_early scan
    expect_status 0 scan
    sql "INSERT INTO priorityjobs (uuid) SELECT uuid FROM jobs"
    ends_early priority
    sql "UPDATE jobs SET success = true"
    ends_early cleanup_jobs
}

@test "a dry run whose first lines are all that is read has no complaint" {
    processor p1
    collect --count 200 >"$BATS_TEST_TMPDIR/ids"
    run -0 bash -c 'set -o pipefail; "$@" | head -n 1' head "$BUILD/crashmon-scan" --config="$CONF" \
        --dry-run
    [[ $output =~ ^\"[0-9a-f-]{36}\":\ queued:\ for\ processor\ \"p1\"$ ]] || fail "$output"
}

@test "what else may be printed and not be read is no error" {
    for option in --show-config --version --help; do
        expect_status 0 unread scan $option
        [[ -z $output ]] || fail "$option: $output"
    done
}

@test "a dry run that finds the disk full says so (74)" {
    processor p1
    collect
    full() { "$@" >/dev/full; }
    expect_status 74 full scan --dry-run
    [[ $output == *"No space left"* ]] || fail "$output"
}

@test "a run whose JSON finds the disk full has the same code in crashmon.runs (74)" {
    processor p1
    collect
    full() { "$@" >/dev/full; }
    expect_status 74 full scan --json
    sql_is "SELECT exit_code, error LIKE '%No space left%' FROM crashmon.runs
            WHERE program = 'crashmon-scan' ORDER BY id DESC LIMIT 1" '74|t'
}

# Dry or not: this exit code, and this text.
both_say() {
    local want=$1 text=$2 dry
    shift 2
    for dry in --dry-run ''; do
        expect_status "$want" "$@" $dry
        [[ $output == *"$text"* ]] || fail "${dry:-not dry}, without '$text': $output"
    done
}

@test "what is in the way of the quarantine is found, of half pairs, strays and second crashes" {
    processor p1
    half=$(collect --without json --age 100000) id=$(collect)
    expect_status 1 scan --quarantine-to="$BATS_TEST_TMPDIR/other"
    day=20${id: -6} quarantine=$SPOOL/quarantine
    archived=$ARCHIVE/$day/name/${id:0:2}/${id:2:2}
    mkdir -p "$archived"
    echo other >"$archived/$id.json"
    sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now(), success = true"
    half=$(collect --without json --age 100000)
    stranded=$(collect --without json --without links --age 100000)
    ln -s nowhere "$(dirname "$(find "$SPOOL/$day/date" -name "$half")")/stray"
    find "$SPOOL" -path "*/name*" -type d -exec touch -d "1 hour ago" {} + # for --repair
    obstacle() { # the code, the text, the value of quarantine-to
        local program
        for program in scan "scan --repair --incomplete-age=00:30:00" cleanup_jobs; do
            # shellcheck disable=SC2086 # words
            both_say "$1" "$2" $program --quarantine-to="$3"
        done
        has_links "$half"
        sql_is "SELECT count(*) FROM jobs" 1
    }
    : >"$quarantine"
    obstacle 74 'Not a directory' "$quarantine"
    obstacle 74 "" "$quarantine/below"
    rm "$quarantine"
    obstacle 74 'No such file or directory' "$BATS_TEST_TMPDIR/none/quarantine"
    mkdir "$quarantine"
    : >"$quarantine/$day"
    obstacle 74 'Not a directory' "$quarantine"
    rm "$quarantine/$day"
    ln -s / "$quarantine/$day"
    obstacle 74 'Not a directory' "$quarantine"
    rm "$quarantine/$day"
    mkdir "$quarantine/$day"
    chmod 555 "$quarantine/$day"
    as_a_user
    obstacle 77 'Permission denied' "$quarantine"
    chmod 755 "$quarantine/$day"
    mkdir "$quarantine/$day"/{"$half","$stranded","$id",strays}
    chmod 555 "$quarantine/$day"/*
    obstacle 77 'Permission denied' "$quarantine"
    EXEC=''
    rm -rf "${quarantine:?}"
    mkdir -p "$quarantine/$day"
    touch "$quarantine/$day"/{"$half","$stranded","$id",strays}
    obstacle 74 'Not a directory' "$quarantine"
    rm "$quarantine"/{"$day"/*,.lock}
    mkdir "$quarantine/.lock"
    obstacle 74 'Is a directory' "$quarantine"
    rmdir "$quarantine/.lock"
    : >"$quarantine/.lock"
    exec 7<"$quarantine/.lock"
    flock 7
    obstacle 1 'somebody else holds the lock of quarantine' "$quarantine" 7<&-
    exec 7<&-
    both_say 1 '' scan # not in its way
    expect_status 1 scan --repair --incomplete-age=00:30:00
    quarantined "$stranded" json
    expect_status 1 cleanup_jobs
    quarantined "$half" json
    sql_is "SELECT count(*) FROM jobs" 0
}
