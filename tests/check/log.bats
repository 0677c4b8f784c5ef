#!/usr/bin/env bats
# log.bats - the log never stops the work, what is mailed is short, and all of it is in the log.
# shellcheck disable=SC2154 # bats sets output
load ../helper

# One run of each program, for which there is work, and which ends with 73 and says so once; $output
# is what the last one printed.
works_without_log() {
    local id name
    processor p1
    id=$(collect)
    request "$(collect --root "$DEFERRED")"
    ended true "$(collect --without links)"
    for name in "${PROGRAMS[@]}"; do
        expect_status 73 program "$name" "$@"
        [[ $(grep -c . <<<"$output") == 1 && $output == *" ERROR - cannot "*" log "* ]] || fail "$output"
    done
    sql_is "SELECT count(*), count(*) FILTER (WHERE uuid = '$id') FROM jobs" "2|1"
    sql_is "SELECT count(*) FROM crashmon.runs WHERE exit_code = 73 AND error ~ '^cannot .* log .*: '" 3
    run scan --check
    [[ $output == *" ended with exit code 73 ("*": cannot "*" log "* ]] || fail "$output"
}

# --- a log that cannot be used

@test "a log in a directory that is missing is said once, and the work is done (73)" {
    works_without_log --log-file-pathname="$BATS_TEST_TMPDIR/none/log"
    [[ $output == *"\"$BATS_TEST_TMPDIR/none/log\": No such file or directory"* ]] || fail "$output"
}

@test "a log that cannot be written is said once, and the work is done (73)" {
    works_without_log --log-file-pathname=/dev/full
}

@test "a log that is no regular file is not used (73), and nothing is written where a link leads" {
    echo precious >"$BATS_TEST_TMPDIR/target"
    ln -s target "$BATS_TEST_TMPDIR/link"
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    works_without_log --log-file-pathname="$BATS_TEST_TMPDIR/link"
    for name in fifo spool; do
        expect_status 73 cleanup_jobs --log-file-pathname="$BATS_TEST_TMPDIR/$name"
        [[ $output == *"it is not a regular file; the run goes on" ]] || fail "$output"
    done
    equal "$(<"$BATS_TEST_TMPDIR/target")" precious
}

@test "what is below /dev is a log, whatever it is" {
    for name in null stderr fd/2; do
        expect_status 0 cleanup_jobs --log-file-pathname="/dev/$name"
    done
}

@test "a log below /dev whose reader stands still holds a run up for a second (73), and no longer than a signal" {
    processor p1
    mapfile -t ids < <(crash --count 2000)
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    exec {unread}<>"$BATS_TEST_TMPDIR/fifo"
    within 10 expect_status 73 scan --log-file-pathname="/dev/fd/$unread"
    [[ $output == *'cannot write log file "/dev/fd/'*'": nobody reads it; the run goes on' ]] || fail "$output"
    jobs_are "${ids[@]}"
    exec {unread}<&-
}

@test "73 takes the place of 0 and 1 alone" {
    processor p1
    crash --without dump
    request "$(nowhere)" 3600
    expect_status 73 priority --log-file-pathname=/dev/full
    PGPORT=1 expect_status 69 scan --log-file-pathname=/dev/full
    lock crashmon-scan >/dev/null
    expect_status 75 scan --log-file-pathname=/dev/full
}

@test "a dry run writes no log, as whoever starts it may not be the user of the programs" {
    processor p1
    collect >/dev/null
    half=$(collect --without dump)
    for run in "${RUNS[@]}"; do run "$run" --dry-run; done
    equal "$(command find "$BATS_TEST_TMPDIR" -maxdepth 1 -name '*crashmon.log*')" ""
    PGPORT=1 expect_status 69 scan --dry-run
    [[ $output == *" ERROR - cannot connect"* ]] || fail "$output"
}

@test "the log of another user keeps its owner and its mode when root rotates it" {
    [[ $EUID == 0 ]] || skip "only root can act for another user"
    touch "$LOG"
    chown 65534:65533 "$LOG"
    chmod 640 "$LOG"
    expect_status 0 cleanup_jobs
    expect_status 0 cleanup_jobs --log-file-maximum-size=100
    for file in "$LOG" "$LOG.1" "$BATS_TEST_TMPDIR/.crashmon.log.lock"; do
        equal "$(stat -c %u:%g "$file")" 65534:65533
    done
    equal "$(stat -c %a "$LOG")" 640
}

@test "where its user may not make the lock a log is not rotated, and that is said (73)" {
    marked
    rm "$BATS_TEST_TMPDIR/.${LOG##*/}.lock"
    as_a_user
    chmod a-w "$BATS_TEST_TMPDIR"
    expect_status 73 cleanup_jobs --log-file-maximum-size=100
    chmod u+w "$BATS_TEST_TMPDIR"
    [[ $output == *"cannot rotate log file \"$LOG\": cannot open or make \".${LOG##*/}.lock\" beside it: Permission denied"* ]] ||
        fail "$output"
    mkdir "$BATS_TEST_TMPDIR/.${LOG##*/}.lock"
    expect_status 73 cleanup_jobs --log-file-maximum-size=100
    [[ $output == *"cannot open or make \".${LOG##*/}.lock\" beside it: Is a directory"* ]] || fail "$output"
}

@test "a log that root makes is for the owner of its directory, and its errors for the owner of the log" {
    [[ $EUID == 0 ]] || skip "only root can act for another user"
    mkdir "$BATS_TEST_TMPDIR/logs"
    chown 65534:65533 "$BATS_TEST_TMPDIR/logs"
    for there in no yes; do
        rm -f "$BATS_TEST_TMPDIR/logs"/{.,}*log*
        [[ $there == no ]] || install -o 65533 -g 65534 -m 620 /dev/null "$BATS_TEST_TMPDIR/logs/log"
        [[ $there == no ]] && want='65534:65533 644' || want='65533:65534 620'
        PGPORT=1 expect_status 69 scan --log-file-pathname="$BATS_TEST_TMPDIR/logs/log"
        for file in log log.errors; do equal "$(stat -c '%u:%g %a' "$BATS_TEST_TMPDIR/logs/$file")" "$want"; done
        for file in .log.lock .log.errors.lock; do equal "$(stat -c %u:%g "$BATS_TEST_TMPDIR/logs/$file")" "${want% *}"; done
    done
}

@test "a reader that has locked the log keeps nobody waiting" {
    expect_status 0 cleanup_jobs
    exec {reader}<"$LOG"
    flock "$reader"
    EXEC="timeout 30" expect_status 0 cleanup_jobs
    exec {reader}<&-
    [[ $(grep -c ' seen 0' "$LOG") == 2 ]] || fail "not in the log"
}

# --- what is kept

@test "warnings and errors outlive a backlog, in a file of their own" {
    processor p1
    lost=$(nowhere)
    request "$lost" 3600
    printf '%s\n' 'log-file-maximum-size = 2000' 'log-file-maximum-backup-history = 2' >>"$CONF"
    expect_status 1 priority
    collect --count 90 >/dev/null
    expect_status 0 scan
    [[ -e $LOG.2 ]]
    ! grep -q "$lost" "$LOG" "$LOG".[0-9] || fail "the log was not full"
    [[ $(grep -c " WARNING - \"$lost\": given up: " "$LOG.errors") == 1 ]] || fail "$(cat "$LOG.errors")"
    ! grep -vE ' (WARNING|ERROR) - ' "$LOG.errors" || fail "something else"
}

@test "a good run makes no file for errors" {
    for run in priority cleanup_jobs; do expect_status 0 "$run"; done
    [[ ! -e $LOG.errors ]]
}

# --- what is mailed

@test "of a thousand rows that are rejected ten are mailed, with the number of the others" {
    ended true bad{1..1000}
    expect_status 1 cleanup_jobs
    equal "${#lines[@]}" 11
    for line in "${lines[@]:0:10}"; do [[ $line == *'": rejected: '* ]] || fail "$line"; done
    [[ ${lines[10]} == *" ERROR - and 990 more like this: \""*'": rejected: '* ]] || fail "${lines[10]}"
    equal "$(grep -c ' ERROR - ".*": rejected: ' "$LOG")" 1000
}

# A run that has no terminal.
no_terminal() { EXEC="setsid -w" "$@"; }

# Runs a program that fails each time, and says so now, or not.
says() { PGPORT=1 expect_status 69 no_terminal scan "${@:2}" && [[ $output == *"$1"* ]] || fail "$output"; }
says_nothing() { PGPORT=1 expect_status 69 no_terminal scan "$@" && [[ -z $output ]] || fail "$output"; }

@test "what lasts is mailed once an hour, and logged each time" {
    sed -i /^stderr-repeat/d "$CONF"
    says 'cannot connect'
    for _ in 1 2 3; do says_nothing; done
    equal "$(grep -c ' ERROR - cannot connect' "$LOG")" 4
    # Another command, another reason, another configuration.
    says 'cannot connect' --limit=5
    PGHOST=/nowhere says nowhere
    touch -d '2 hours ago' "$CONF"
    says 'cannot connect'
    says_nothing
    # An hour later.
    perl -i -pe 's/^(\d+)/$1 - 3600/e' "$LOG.mailed"
    says 'cannot connect'
    says_nothing
    # A memory that has become too large begins anew, and so does one that is damaged, as by a power cut.
    yes '1 0' | head -n 20000 >>"$LOG.mailed"
    says 'cannot connect' --limit=6
    says_nothing --limit=6
    (($(stat -c %s "$LOG.mailed") < 100)) || fail "$(ls -l "$LOG.mailed")"
    for damage in '\0\0\0' '1 2\n9 z' '9'; do
        printf "$damage" >"$LOG.mailed"
        says 'cannot connect'
        says_nothing
    done
}

@test "that no processor is alive is mailed once an hour, whatever is said of them" {
    sed -i /^stderr-repeat/d "$CONF"
    silent() { sql "INSERT INTO processors (name, startdatetime, lastseendatetime) VALUES ('$1', now(), now() - interval '$2')"; }
    silent alpha '1 hour'
    expect_status 68 no_terminal scan
    [[ $output == *'no processor is alive ("alpha" was last seen '* ]] || fail "$output"
    crash >/dev/null
    for name in beta gamma 'delta (of two)' 'epsilon "the (first'; do
        silent "$name" '50 minutes'
        expect_status 68 no_terminal scan
        equal "$output" ''
    done
    log_has ', 2 more; unfinished jobs: 0): nothing is queued, the spool stays as it is (new crashes there: 1); start'
    # Another sentence is another thing.
    sql "UPDATE processors SET storages = '{other}', lastseendatetime = now()"
    expect_status 68 no_terminal scan
    [[ $output == *'no processor that serves this storage is alive ('* ]] || fail "$output"
}

@test "a configuration that is wrong is mailed once an hour, until it is changed" {
    sed -i '/^stderr-repeat/d' "$CONF"
    echo 'no-such-option = 1' >>"$CONF"
    export TMPDIR=$BATS_TEST_TMPDIR
    wrong() { expect_status 78 no_terminal scan; }
    wrong
    [[ $output == *no-such-option* ]] || fail "$output"
    for _ in 1 2 3; do wrong && [[ -z $output ]] || fail "$output"; done
    echo '# changed' >>"$CONF"
    wrong
    [[ $output == *no-such-option* ]] || fail "$output"
}

@test "a memory that others could write is not used: what lasts is mailed each time" {
    sed -i /^stderr-repeat/d "$CONF"
    export TMPDIR=$BATS_TEST_TMPDIR/none
    ln -s target "$LOG.mailed"
    for _ in 1 2; do says 'cannot connect'; done
    [[ ! -e $BATS_TEST_TMPDIR/target ]]
    rm "$LOG.mailed"
    mkfifo "$LOG.mailed"
    says 'cannot connect'
}

@test "where the disks of the log and of TMPDIR are full what lasts is mailed once an hour, too" {
    sed -i /^stderr-repeat/d "$CONF"
    disk "$BATS_TEST_TMPDIR/full" size=64k
    LOG=$BATS_TEST_TMPDIR/full/log TMPDIR=$BATS_TEST_TMPDIR/full
    export TMPDIR
    sed -i "s|^log-file-pathname.*|log-file-pathname = $LOG|" "$CONF"
    head -c 1M /dev/zero >"$TMPDIR/filler" 2>/dev/null || true
    for again in '' '1 hour ago'; do
        [[ ! $again ]] || touch -d "$again" "$TMPDIR"/*.mailed.*
        says 'cannot connect'
        [[ $output == *'cannot write log file'*'No space left'* ]] || fail "$output"
        for _ in 1 2; do says_nothing; done
        # Other news.
        PGHOST=/nowhere says nowhere
        PGHOST=/nowhere says_nothing
        says_nothing
    done
    # Files that others have made say nothing.
    chown 65534 "$TMPDIR"/*.mailed.*
    says 'cannot connect'
    rm "$TMPDIR/filler"
    says 'cannot connect'
    says_nothing
}

@test "what is for one crash, and a run that is overtaken, has nothing to do with the hour" {
    sed -i /^stderr-repeat/d "$CONF"
    for _ in 1 2; do
        ended true bad
        expect_status 1 no_terminal cleanup_jobs
        [[ $output == *'rejected'* ]] || fail "$output"
    done
    lock crashmon-scan >/dev/null
    expect_status 75 no_terminal scan
    equal "$output" ""
}

@test "what keeps a crash in the spool at each run is mailed once an hour" {
    sed -i /^stderr-repeat/d "$CONF"
    ids=("$(crash --without links)" "$(crash --without links)" "$(crash --without links)" "$(crash --day 20081224 --without links)")
    ended true "${ids[@]}"
    for name in "${ids[0]}.dump" "${ids[1]}.dump" "${ids[2]}.json"; do
        path=$(find "$SPOOL" -name "$name")
        rm "$path"
        case $name in
            "${ids[1]}"*) mkdir "$path" ;;
            *) mkfifo "$path" ;;
        esac
    done
    touch "$ARCHIVE/20081224"
    # What has come later is another crash.
    sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now()"
    expect_status 1 no_terminal cleanup_jobs
    equal "$(grep -c "cannot put .* away: .*; it stays for the next run" <<<"$output")" 4
    for _ in 1 2; do
        expect_status 1 no_terminal cleanup_jobs
        equal "$output" ''
    done
    equal "$(grep -c ' ERROR - cannot put .* away' "$LOG")" 12
}

@test "a crash, or a directory of a name tree, without a digit in its name is no other news" {
    sed -i /^stderr-repeat/d "$CONF"
    processor p1
    as_a_user
    for id in 1234a000-0000-0000-0000-000002081225 abcda000-0000-0000-0000-000002081225 abcdefab-cdef-abcd-efab-cdefabcdefab; do
        crash --id "$id" >/dev/null
        chown -R 65534:65534 "$SPOOL"
        chmod -R a-w "$SPOOL/20081225"
        EXEC="setsid -w $EXEC" expect_status 77 scan
        log_has "cannot remove the links of \"$id\": cannot remove the name link from "
        case $id in
            1*) [[ $output == *"cannot remove the links"* ]] || fail "$output" ;;
            *) equal "$output" '' ;;
        esac
        chmod -R u+w "$SPOOL/20081225"
        expect_status 0 scan
    done
}

@test "a connection that is lost is one kind of news, wherever a run was" {
    sed -i /^stderr-repeat/d "$CONF"
    processor p1
    crash >/dev/null
    for place in 'INSERT ON crashmon.runs' 'INSERT ON jobs' 'UPDATE ON crashmon.runs'; do
        sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
             CREATE TRIGGER refuse BEFORE $place FOR EACH ROW EXECUTE FUNCTION refuse()"
        no_terminal expect_status 69 scan
        printed+=$output$'\n'
        sql "DROP FUNCTION refuse() CASCADE"
    done
    equal "$(grep -c ' ERROR - ' <<<"$printed")" 1
    equal "$(grep -c ' ERROR - the connection to the database is lost:  cannot ' "$LOG")" 3
}
