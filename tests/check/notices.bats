#!/usr/bin/env bats
# notices.bats - what libpq and the server say besides their answers goes to the log, at its level, and
# is not mailed.
# shellcheck disable=SC2154 # bats sets output
load ../helper

teardown() {
    end_case
    sql "ALTER DATABASE \"$PGDATABASE\" RESET ALL"
}

# What is asked without a log says nothing on stderr: a monitoring system would take it for an answer.
questions_are_silent() {
    local question id
    id=$(nowhere)
    for question in "scan --check" "scan --status" "priority --check" "cleanup_jobs --check" "priority --explain $id"; do
        run --separate-stderr $question
        [[ -z $stderr && -n $output ]] || fail "$question: $stderr"
    done
}

# Each program ends with 0 and prints nothing, and its log has a line like this.
silent_but_logged() {
    local name
    processor p1 >/dev/null
    for name in "${PROGRAMS[@]}"; do
        rm -f "$LOG"
        expect_status 0 program "$name" "${@:2}"
        [[ -z $output ]] || fail "$name printed: $output"
        grep -qE "$1" "$LOG" || fail "$name: not in the log: $1"
    done
}

@test "a collation version that does not match is a warning in the log, and no mail" {
    sql "UPDATE pg_database SET datcollversion = '0' WHERE datname = current_database()" ||
        skip "this server keeps no version of a database's collation"
    silent_but_logged ' WARNING - while connecting: .*collation version'
    questions_are_silent
    sql "UPDATE pg_database SET datcollversion = NULL WHERE datname = current_database()"
}

@test "a password file that others can read is a warning in the log, and no mail" {
    unset PGPASSWORD
    export PGPASSFILE=$BATS_TEST_TMPDIR/pgpass
    echo '*:*:*:*:secret' >"$PGPASSFILE"
    chmod 644 "$PGPASSFILE"
    silent_but_logged ' WARNING - while connecting: .*password file .* has group or world access'
    questions_are_silent

    # Where that may be why there is no connection, the reason says so.
    PGPORT=1 expect_status 69 scan
    [[ $output == *' ERROR - cannot connect to the database: '*'; password file '*' has group or world access'* &&
        $output != *$'\n'* ]] || fail "$output"
    PGPORT=1 run --separate-stderr scan --check
    [[ $status == 2 && -z $stderr && $output == *'password file '* ]] || fail "$stderr" "$output"
}

@test "what the server says for a role with client_min_messages = debug5 is DEBUG in the log, and no mail" {
    sql "ALTER DATABASE \"$PGDATABASE\" SET client_min_messages = debug5"
    silent_but_logged ' DEBUG - while connecting: DEBUG: ' --log-file-error-logging-level=DEBUG
    log_has ' DEBUG - the database says: '
    questions_are_silent
}

@test "a warning of a function of the site is a warning in the log, and no mail" {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE WARNING ''be careful'' USING HINT = ''look left''; RETURN NEW; END';
         CREATE TRIGGER refuse BEFORE INSERT ON crashmon.runs FOR EACH ROW EXECUTE FUNCTION refuse()"
    silent_but_logged ' WARNING - the database says: be careful; look left$'
}

@test "a crash whose row somebody has locked keeps its links until the next run" {
    processor p1
    marked
    locked=$(crash) free=$(crash)
    sql "INSERT INTO jobs (uuid, pathname) VALUES ('$locked', ''), ('$free', '')"
    session "BEGIN; SELECT 1 FROM jobs WHERE uuid = '$locked' FOR UPDATE" >/dev/null
    expect_status 0 scan
    log_has "\"$locked\": left: its job is locked, or was removed meanwhile"
    has_links "$locked"
    no_links "$free"
    session COMMIT
    expect_status 0 scan
    no_links "$locked"
}
