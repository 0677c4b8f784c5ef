#!/usr/bin/env bats
# The SQL that crashmon offers to those who write a processor or a reporter.
load ../helper
load jobs

SCHEMA=$TESTS/../sql/schema.sql

# --- the schema

@test "schema.sql run again is harmless: all rows survive" {
    job 1 "$(processor alpha)"
    request "$(id 2)"
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, next_due)
         VALUES ('crashmon-scan', 'main', 'host1', 1, now())"
    before=$(db_state)
    run -0 psql -qX -f "$SCHEMA"
    equal "$output" ""
    equal "$(db_state)" "$before"
}

@test "schema.sql makes everything in an empty database" {
    createdb "${PGDATABASE}_empty"
    PGDATABASE=${PGDATABASE}_empty run -0 psql -qX -f "$SCHEMA"
    equal "$output" ""
    PGDATABASE=${PGDATABASE}_empty sql_is "SELECT crashmon.schema_version()" 2
    dropdb "${PGDATABASE}_empty"
}

# What was another in version 1.
version_1() {
    sql "CREATE OR REPLACE FUNCTION crashmon.schema_version() RETURNS integer
         LANGUAGE sql IMMUTABLE RETURN 1;
         CREATE OR REPLACE FUNCTION crashmon.job_succeeded(job bigint) RETURNS boolean
         LANGUAGE plpgsql AS \$\$
         BEGIN
             UPDATE jobs SET completeddatetime = clock_timestamp(), success = true, message = NULL,
                     starteddatetime = coalesce(starteddatetime, clock_timestamp())
                 WHERE id = job AND success IS NULL;
             RETURN FOUND;
         END \$\$;
         CREATE OR REPLACE FUNCTION crashmon.job_failed(job bigint, message text) RETURNS boolean
         LANGUAGE plpgsql AS \$\$
         #variable_conflict use_column
         BEGIN
             UPDATE jobs SET completeddatetime = clock_timestamp(), success = false,
                     message = job_failed.message,
                     starteddatetime = coalesce(starteddatetime, clock_timestamp())
                 WHERE id = job AND success IS NULL;
             RETURN FOUND;
         END \$\$"
}

@test "schema.sql brings version 1 up to date: all rows survive" {
    version_1
    alpha=$(processor alpha 200)
    job 1 "$alpha" starteddatetime='now()'
    job 2 "$alpha" starteddatetime='now()'
    job 3 "$alpha"
    request "$(id 4)"
    before=$(db_state)
    run -0 psql -qX -f "$SCHEMA"
    equal "$output" ""
    equal "$(db_state)" "$before"
    sql_is "SELECT crashmon.schema_version()" 2
    for report in "job_succeeded(1)" "job_failed(2, '')"; do
        sql_is "SELECT crashmon.$report" t
        seen_now
        unseen
    done
}

# --- processors

@test "register_processor returns the id of the new row, seen now" {
    sql_is "SELECT crashmon.register_processor('alpha')" 1
    sql_is "SELECT crashmon.register_processor('beta')" 2
    sql_is "SELECT name FROM processors WHERE lastseendatetime > now() - interval '10 s'
            ORDER BY id" $'alpha\nbeta'
}

@test "register_processor passes over ids that somebody has taken without the sequence" {
    sql "INSERT INTO processors (id, name) VALUES (1, 'a'), (2, 'b'), (4, 'd'), (2147483647, 'z')"
    sql_is "SELECT crashmon.register_processor('c')" 3
    sql_is "SELECT crashmon.register_processor('e')" 5
    sql_is "SELECT crashmon.register_processor('z')" 2147483647
}

@test "register_processor takes up the old id of its name and refreshes the row" {
    old=$(processor alpha 86400)
    sql_is "SELECT crashmon.register_processor('alpha')" "$old"
    sql_is "SELECT count(*) FROM processors WHERE lastseendatetime > now() - interval '10 s'" 1
}

@test "register_processor gives back what it had begun, and nothing else" {
    alpha=$(processor alpha) beta=$(processor beta)
    job 1 "$alpha" starteddatetime='now()'
    job 2 "$alpha" starteddatetime='now()' success=true
    job 3 "$alpha" starteddatetime='now()' success=false
    job 4 "$beta" starteddatetime='now()'
    sql "SELECT crashmon.register_processor('alpha')"
    sql_is "SELECT uuid FROM jobs WHERE starteddatetime IS NULL" "$(id 1)"
}

@test "register_processor refuses a name that is empty or missing" {
    run ! sql "SELECT crashmon.register_processor('')"
    [[ $output == *"a processor needs a name"* ]]
    run ! sql "SELECT crashmon.register_processor(NULL)"
    [[ $output == *"a processor needs a name"* ]]
}

@test "register_processor refuses a list of storages that names none, or not each" {
    for storages in "'{}'" "'{main,NULL}'" "'{{a,b},{c,NULL}}'"; do
        run ! sql "SELECT crashmon.register_processor('alpha', $storages)"
        [[ $output == *"a processor serves all storages (null), or one at least"* ]] || fail "$output"
    done
    sql_is "SELECT crashmon.register_processor('alpha', NULL)" 1
    sql_is "SELECT crashmon.register_processor('alpha', '{main}')" 1
}

@test "heartbeat refreshes the row; false means that the processor was removed" {
    alpha=$(processor alpha 200)
    sql_is "SELECT crashmon.heartbeat($alpha)" t
    sql_true "SELECT lastseendatetime > now() - interval '10 s' FROM processors"
    sql "SELECT crashmon.remove_processor($alpha, '-1 hour')"
    sql_is "SELECT crashmon.heartbeat($alpha)" f
}

@test "take_jobs: by priority, then the oldest, and they count as started" {
    alpha=$(processor alpha)
    for number in 1 2 3 4; do job $number "$alpha"; done
    sql "UPDATE jobs SET priority = 1 WHERE uuid = '$(id 3)'"
    equal "$(take "$alpha" 2)" "3 1"
    sql_is "SELECT count(*) FROM jobs WHERE starteddatetime > now() - interval '10 s'" 2
    equal "$(take "$alpha" 9)" "2 4"
    equal "$(take "$alpha" 9)" ""
}

@test "take_jobs tells id, uuid, pathname and storage" {
    alpha=$(processor alpha)
    job 1 "$alpha" "storage='west'"
    sql_is "SELECT * FROM crashmon.take_jobs($alpha, 1)" "1|$(id 1)|/spool/$(id 1).json|west"
}

@test "take_jobs takes only what the processor owns and nobody has begun or finished" {
    alpha=$(processor alpha) beta=$(processor beta)
    job 1 "$beta"
    job 2 "$alpha" starteddatetime='now()'
    job 3 "$alpha" success=true
    job 4 "$alpha"
    job 5 NULL
    equal "$(take "$alpha" 9)" 4
}

@test "take_jobs: those named in the priority table come before all others" {
    alpha=$(processor alpha)
    for number in 1 2 3 4; do job $number "$alpha"; done
    sql "UPDATE jobs SET priority = 5 WHERE uuid = '$(id 2)'"
    makes_priority_table "$alpha"
    names "$alpha" "$(id 4)"
    equal "$(take "$alpha" 3)" "4 2 1"
    sql_is "SELECT count(*) FROM priority_jobs_$alpha" 0
}

@test "take_jobs: names for which there was no room stay in the priority table" {
    alpha=$(processor alpha)
    for number in 1 2 3; do job $number "$alpha"; done
    makes_priority_table "$alpha"
    names "$alpha" "$(id 2)"
    names "$alpha" "$(id 3)"
    equal "$(take "$alpha" 1)" 2
    sql_is "SELECT uuid FROM priority_jobs_$alpha" "$(id 3)"
    equal "$(take "$alpha" 1)" 3
    equal "$(take "$alpha" 1)" 1
}

@test "take_jobs: names that no job waits for leave the priority table" {
    alpha=$(processor alpha) beta=$(processor beta)
    job 1 "$alpha" starteddatetime='now()'
    job 2 "$beta"
    makes_priority_table "$alpha"
    names "$alpha" "$(id 1)"
    names "$alpha" "$(id 2)"
    names "$alpha" "nothing"
    equal "$(take "$alpha" 9)" ""
    sql_is "SELECT count(*) FROM priority_jobs_$alpha" 0
    equal "$(take "$beta" 9)" 2
}

@test "take_jobs: a priority table that admits no DELETE is not filled, and keeps back no job" {
    alpha=$(processor alpha)
    for number in 1 2 3; do job $number "$alpha"; done
    sql "CREATE TABLE crashmon_priority.priority_jobs_$alpha (uuid varchar(50))"
    names "$alpha" "$(id 2)"
    sql "SET client_min_messages = error; CREATE PUBLICATION everything FOR ALL TABLES"
    request "$(id 3)"
    expect_status 0 priority
    log_has "cannot use the priority tables of processors $alpha "
    equal "$(take "$alpha" 1)" 2
    equal "$(take "$alpha" 1)" 3
    equal "$(take "$alpha" 9)" 1
    sql_is "SELECT uuid FROM crashmon_priority.priority_jobs_$alpha" "$(id 2)"
    sql "DROP PUBLICATION everything"
    equal "$(take "$alpha" 9)" ""
    sql_is "SELECT uuid FROM crashmon_priority.priority_jobs_$alpha" ""
}

@test "take_jobs is a heartbeat" {
    alpha=$(processor alpha 200)
    take "$alpha" 1
    sql_true "SELECT lastseendatetime > now() - interval '10 s' FROM processors"
}

@test "take_jobs of a processor that was removed is an error that says what to do" {
    run ! take 7 1
    [[ $output == *"processor 7 is not registered"*"register_processor()"* ]]
}

@test "take_jobs refuses to take less than one job" {
    alpha=$(processor alpha)
    for how_many in 0 -1 NULL; do
        run ! take "$alpha" $how_many
        [[ $output == *"how_many must be 1 or more"* ]]
    done
}

# The second cannot use the priority table before the first has committed, and goes on without.
@test "take_jobs from two sessions: no job is given out twice, and nobody waits for long" {
    alpha=$(processor alpha)
    for number in 1 2 3 4; do job $number "$alpha"; done
    makes_priority_table "$alpha"
    names "$alpha" "$(id 3)"
    names "$alpha" "$(id 4)"
    session "BEGIN"
    equal "$(session "SELECT left(uuid, 8) FROM crashmon.take_jobs($alpha, 1)")" 00000003
    equal "$(take "$alpha" 9)" "1 2 4"
    session "COMMIT"
    sql_is "SELECT uuid FROM priority_jobs_$alpha" "$(id 4)"
    equal "$(take "$alpha" 9)" ""
    sql_is "SELECT uuid FROM priority_jobs_$alpha" ""
}

@test "take_jobs that is rolled back leaves everything as it was" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    makes_priority_table "$alpha"
    names "$alpha" "$(id 1)"
    before=$(db_state)
    session "BEGIN; SELECT count(*) FROM crashmon.take_jobs($alpha, 1); ROLLBACK"
    equal "$(db_state)" "$before"
}

@test "job_succeeded and job_failed set what Socorro's processors set" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    job 2 "$alpha"
    take "$alpha" 2
    sql_is "SELECT crashmon.job_succeeded(1), crashmon.job_failed(2, 'no symbols')" "t|t"
    sql_is "SELECT id, success, message FROM jobs
            WHERE completeddatetime >= starteddatetime ORDER BY id" \
        $'1|t|\n2|f|no symbols'
}

@test "job_succeeded and job_failed: the first report counts" {
    job 1 "$(processor alpha)"
    sql "SELECT crashmon.job_succeeded(1)"
    sql_is "SELECT crashmon.job_failed(1, 'late'), crashmon.job_succeeded(1)" "f|f"
    sql_is "SELECT success, message FROM jobs" "t|"
    sql_is "SELECT crashmon.job_succeeded(99), crashmon.job_failed(99, '')" "f|f"
}

@test "job_succeeded and job_failed are signs of life of the owner, and of nobody else" {
    alpha=$(processor alpha 200) beta=$(processor beta 200)
    job 1 "$alpha"
    job 2 "$alpha"
    take "$alpha" 2
    for report in "job_succeeded(1)" "job_failed(2, '')"; do
        unseen
        sql_is "SELECT crashmon.$report" t
        seen_now alpha
    done
}

@test "job_succeeded and job_failed: what is finished, or was never begun, is nobody's sign of life" {
    alpha=$(processor alpha 200) beta=$(processor beta 200)
    job 1 "$alpha" starteddatetime='now()' success=true
    job 2 "$beta"
    job 3 "$beta"
    job 4 NULL starteddatetime='now()'
    sql_is "SELECT crashmon.job_succeeded(1), crashmon.job_failed(1, ''), crashmon.job_failed(9, '')" \
        "f|f|f"
    # These two have gone from alpha to beta, and beta has not begun them.
    sql_is "SELECT crashmon.job_succeeded(2), crashmon.job_failed(3, ''), crashmon.job_succeeded(4)" \
        "t|t|t"
    seen_now ""
}

@test "job_succeeded and job_failed do not wait for whoever is at the processor's row" {
    alpha=$(processor alpha 200)
    job 1 "$alpha" starteddatetime='now()'
    job 2 "$alpha" starteddatetime='now()'
    session "BEGIN; SELECT FROM processors FOR UPDATE"
    sql_is "SET LOCAL lock_timeout = '5s';
            SELECT crashmon.job_succeeded(1), crashmon.job_failed(2, '')" "t|t"
    session "ROLLBACK"
    sql_is "SELECT count(success) FROM jobs" 2
}

# Whoever holds the job may want the processor's row next, as a processor of Socorro's does.
@test "job_succeeded and job_failed have no lock while they wait for the job" {
    alpha=$(processor alpha 200)
    for report in "job_succeeded(1)" "job_failed(2, '')"; do
        job "${report//[^12]/}" "$alpha" starteddatetime='now()'
        session "BEGIN; UPDATE jobs SET priority = 1"
        background sql_alone "SELECT crashmon.$report"
        await_blocked reports
        sql "SET LOCAL lock_timeout = '5s';
             UPDATE processors SET lastseendatetime = now() - interval '200 s'"
        session "COMMIT"
        background_ends 0
        seen_now
    done
}

sql_alone() { PGAPPNAME=reports exec psql -qAtX -c "$1"; }

@test "a report whose answer was lost can be made again" {
    job 1 "$(processor alpha)" starteddatetime='now()'
    session "BEGIN; SELECT crashmon.job_succeeded(1); ROLLBACK" >/dev/null
    sql_is "SELECT crashmon.job_succeeded(1)" t
    sql_is "SELECT crashmon.job_succeeded(1)" f
    sql "DELETE FROM jobs"
    sql_is "SELECT crashmon.job_succeeded(1)" f
}

@test "jobs of which a processor never heard, as the answer was lost, can be taken after it registers again" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    take "$alpha" 1
    equal "$(take "$alpha" 1)" ""
    sql_is "SELECT crashmon.register_processor('alpha')" "$alpha"
    equal "$(take "$alpha" 1)" 1
}

@test "a job that is done is not taken, even if it changed hands meanwhile" {
    alpha=$(processor alpha) beta=$(processor beta)
    job 1 "$alpha"
    take "$alpha" 1
    sql "UPDATE jobs SET owner = $beta, starteddatetime = NULL"
    sql "SELECT crashmon.job_succeeded(1)"
    sql_is "SELECT id FROM jobs WHERE owner = $beta AND starteddatetime IS NULL" ""
    equal "$(take "$beta" 1)" ""
}

# --- reporters

@test "request_crash adds a request; asking twice is harmless and renews nothing" {
    sql_is "SELECT crashmon.request_crash('$(id 1)')" t
    sql "UPDATE priorityjobs SET requesteddatetime = now() - interval '1 hour'"
    sql_is "SELECT crashmon.request_crash('$(id 1)')" f
    sql_is "SELECT uuid, requesteddatetime < now() - interval '30 min' FROM priorityjobs" \
        "$(id 1)|t"
}

@test "request_crash refuses what is no crash id, and names it" {
    run ! sql "SELECT crashmon.request_crash(E'../../etc/passwd\n; DROP TABLE jobs')"
    [[ $output == *'not a crash id: "../../etc/passwd\n; DROP TABLE jobs"'* ]]
    run ! sql "SELECT crashmon.request_crash(NULL)"
    [[ $output == *'not a crash id: ""'* ]]
    run ! sql "SELECT crashmon.request_crash(repeat('a', 100000))"
    ((${#output} < 500))
    sql_is "SELECT count(*) FROM priorityjobs" 0
}

@test "crash_state follows a crash" {
    alpha=$(processor alpha)
    sql_is "SELECT crashmon.crash_state('$(id 1)') IS NULL" t
    request "$(id 1)"
    sql_is "SELECT crashmon.crash_state('$(id 1)')" requested
    job 1 "$alpha"
    sql_is "SELECT crashmon.crash_state('$(id 1)')" queued
    take "$alpha" 1
    sql_is "SELECT crashmon.crash_state('$(id 1)')" started
    sql "SELECT crashmon.job_succeeded(1)"
    sql_is "SELECT crashmon.crash_state('$(id 1)')" finished
    sql "UPDATE jobs SET success = false"
    sql_is "SELECT crashmon.crash_state('$(id 1)')" failed
}

@test "is_crash_id agrees with the programs" {
    local check=$BATS_TEST_TMPDIR/check good=22adfb61-f75b-11dc-b6be-001322081225 text
    "${CC:-cc}" -o "$check" -I "$TESTS/../src" -x c - "$TESTS/../src/spool/crash_id.c" <<'END'
#include "spool/crash_id.h"
int main(int argc, char **argv)
{
    struct crash_id id;
    return !(argc == 2 && crash_id_parse(&id, argv[1]));
}
END
    local ids=(
        "$good" "${good^^}" 22ADFB61-f75b-11dc-b6be-001322081225
        00000000-0000-0000-0000-000000000000 ffffffff-ffff-ffff-ffff-ffffffffffff)
    local others=(
        '' ' ' "$good"$'\n' $'\n'"$good" "$good"$'\n'"$good" "$good"$'\r' " $good" "$good " "$good."
        "${good%?}" "${good#?}" "${good}0" "${good//-/}" "${good//-/_}" "${good/6/g}" "${good/-/--}"
        "{$good}" "$good.json" "$good/" "/$good" "../$good" "${good/22/..}" "${good/22ad/../..}"
        "${good%????}/../" "'; DROP TABLE jobs; --" "' OR '1'='1" "${good/-1/-\'}" '%s%s%n' '%'
        "${good/2/٢}" "${good/a/а}" "${good/-/–}" "${good/22/é}" "${good/2/²}" "${good/a/ａ}"
        "${good/2/\\}" '\d{8}' "*" "?${good#?}" "${good/ad/[}" NULL null "$(printf '%0100000d' 0)")
    for text in "${ids[@]}"; do
        "$check" "$text" || fail "the programs refuse $text"
        is_crash_id "$text" || fail "the server refuses $text"
    done
    for text in "${others[@]}"; do
        ! "$check" "$text" || fail "the programs accept $text"
        ! is_crash_id "$text" || fail "the server accepts $text"
    done
    sql_is "SELECT crashmon.is_crash_id(NULL)" f
}

is_crash_id() {
    [[ $(psql -qAtX -v "text=$1" <<<"SELECT crashmon.is_crash_id(:'text')") == t ]]
}

@test "no function means something else where a backslash in a text is an escape" {
    sql_is "SELECT proname FROM pg_proc WHERE pronamespace = 'crashmon'::regnamespace AND prosqlbody IS NULL
            AND prosrc LIKE '%\\\\%'" ''
}
