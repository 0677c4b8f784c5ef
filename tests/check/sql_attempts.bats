#!/usr/bin/env bats
# How often a job may be begun in vain, and how long a processor may be silent: the SQL for that.
load ../helper
load jobs

SCHEMA=$TESTS/../sql/schema.sql

# --- attempts

attempts() { sql "SELECT string_agg(attempts::text, ' ' ORDER BY uuid) FROM jobs"; }

@test "an attempt is counted when a job that was begun is put back, by whomever, and at no other time" {
    alpha=$(processor alpha) beta=$(processor beta)
    for number in 1 2 3 4; do job $number "$alpha"; done
    take "$alpha" 1
    equal "$(attempts)" "0 0 0 0"
    # As one of Socorro's processors, and one with the functions, does when it starts again.
    sql "UPDATE jobs SET starteddatetime = NULL WHERE owner = $alpha AND success IS NULL"
    equal "$(attempts)" "1 0 0 0"
    take "$alpha" 1
    sql "SELECT crashmon.register_processor('alpha')"
    equal "$(attempts)" "2 0 0 0"
    # As crashmon-scan does when its owner is dead.
    take "$alpha" 1
    sql "UPDATE jobs SET owner = $beta, starteddatetime = NULL"
    equal "$(attempts)" "3 0 0 0"
    take "$beta" 1
    sql "SELECT crashmon.job_failed(1, '')"
    sql "UPDATE jobs SET starteddatetime = NULL WHERE success IS NOT NULL"
    equal "$(attempts)" "3 0 0 0"
    sql "UPDATE jobs SET starteddatetime = now(), attempts = 2147483647 WHERE id = 2"
    sql "UPDATE jobs SET starteddatetime = NULL WHERE id = 2"
    sql_is "SELECT attempts FROM jobs WHERE id = 2" 1000001
}

finish_all() { sql "UPDATE jobs SET success = true WHERE starteddatetime IS NOT NULL"; }

@test "a job with an attempt is taken when the processor has nothing else, and nothing beside it" {
    alpha=$(processor alpha)
    for number in 1 2 3 4 5 6; do job $number "$alpha"; done
    sql "UPDATE jobs SET attempts = 1 WHERE id IN (3, 4)"
    equal "$(take "$alpha" 4)" "1 2"
    equal "$(take "$alpha" 9)" ""
    finish_all
    equal "$(take "$alpha" 9)" 3
    equal "$(take "$alpha" 9)" ""
    finish_all
    equal "$(take "$alpha" 1)" 4
    equal "$(take "$alpha" 1)" ""
    beta=$(processor beta)
    job 7 "$beta"
    equal "$(take "$beta" 9)" 7
    sql "SELECT crashmon.give_back(4)"
    sql "UPDATE jobs SET attempts = 0"
    equal "$(take "$alpha" 9)" "4 5 6"
}

@test "a job with an attempt is taken alone, also from the priority table" {
    alpha=$(processor alpha)
    for number in 1 2 3; do job $number "$alpha"; done
    sql "UPDATE jobs SET attempts = 1 WHERE id = 3"
    makes_priority_table "$alpha"
    names "$alpha" "$(id 2)"
    names "$alpha" "$(id 3)"
    equal "$(take "$alpha" 9)" "2 1"
    sql_is "SELECT uuid FROM priority_jobs_$alpha" "$(id 3)"
    equal "$(take "$alpha" 9)" ""
    sql_is "SELECT uuid FROM priority_jobs_$alpha" "$(id 3)"
    finish_all
    equal "$(take "$alpha" 9)" 3
    sql_is "SELECT count(*) FROM priority_jobs_$alpha" 0
}

@test "threads that take jobs at the same moment take none beside one with an attempt, and none waits" {
    alpha=$(processor alpha)
    for number in 1 2 3; do job $number "$alpha"; done
    # One takes any job, and another one at the same time finds one with an attempt.
    session "BEGIN; SELECT crashmon.take_jobs($alpha, 1)" >/dev/null
    sql "UPDATE jobs SET attempts = 1 WHERE id = 2"
    equal "$(take "$alpha" 1)" ""
    session ROLLBACK
    # The other way round.
    sql "UPDATE jobs SET attempts = 1 WHERE id = 1"
    session "BEGIN; SELECT crashmon.take_jobs($alpha, 1)" >/dev/null
    equal "$(take "$alpha" 1)" ""
    sql_is "SELECT crashmon.heartbeat($alpha)" t
    session COMMIT
    sql_is "SELECT id FROM jobs WHERE starteddatetime IS NOT NULL" 1
}

@test "what was begun an hour ago, its answer perhaps lost, keeps no other job back" {
    alpha=$(processor alpha)
    for number in 1 2 3; do job $number "$alpha"; done
    sql "UPDATE jobs SET attempts = 1 WHERE id < 3"
    equal "$(take "$alpha" 1)" 1
    sql "UPDATE jobs SET starteddatetime = now() - interval '61 minutes' WHERE id = 1"
    equal "$(take "$alpha" 1)" 2
    equal "$(take "$alpha" 1)" ""
    sql "UPDATE jobs SET starteddatetime = now() - interval '61 minutes' WHERE id = 2"
    equal "$(take "$alpha" 1)" 3
}

@test "of a processor with eight threads a crash that ends it costs no other crash its attempts" {
    sql "SELECT crashmon.register_processor('alpha')" >/dev/null
    for number in 1 2 3 4 5 6 7 8 9; do job $number 1; done
    for round in 1 2 3 4 5; do
        for thread in 1 2 3 4 5 6 7 8; do
            # It ends when number 4 has been taken; the others finish when all have theirs.
            take 1 1
        done >"$BATS_TEST_TMPDIR/taken"
        grep -qx 4 "$BATS_TEST_TMPDIR/taken" || finish_all
        sql "SELECT crashmon.register_processor('alpha')" >/dev/null
        sql "SELECT id, attempts FROM jobs WHERE success IS NULL AND attempts > 1 AND id <> 4" | grep . &&
            fail "more than one attempt"
    done
    :
}

@test "give_back: the job waits again, without an attempt; a sign of life" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    job 2 "$alpha" success=true starteddatetime='now()'
    take "$alpha" 1
    unseen
    sql_is "SELECT crashmon.give_back(1), crashmon.give_back(2), crashmon.give_back(9)" "t|f|f"
    seen_now alpha
    sql_is "SELECT crashmon.give_back(1)" f
    equal "$(attempts)" "0 0"
    equal "$(take "$alpha" 9)" 1
    sql_is "SELECT crashmon.give_back(1)" t
    equal "$(attempts)" "0 0"
}

@test "leave: what was begun waits again, without an attempt, and the processor is dead" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    job 2 "$alpha"
    take "$alpha" 1
    sql_is "SELECT crashmon.leave($alpha), crashmon.leave(99)" "t|f"
    equal "$(attempts)" "0 0"
    sql_is "SELECT count(starteddatetime) FROM jobs" 0
    sql_is "SELECT last_seen IS NULL FROM crashmon.processor_state" t
    beta=$(processor beta)
    scan
    sql_is "SELECT name FROM processors" beta
    equal "$(take "$beta" 9)" "1 2"
}

@test "jobs that are not known to the processor, as an answer was lost, can be given back beside its work" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    job 2 "$alpha"
    take "$alpha" 2
    sql "SELECT crashmon.give_back(id) FROM jobs
         WHERE owner = $alpha AND starteddatetime IS NOT NULL AND success IS NULL AND id <> ALL ('{1}')"
    equal "$(take "$alpha" 9)" 2
    equal "$(attempts)" "0 0"
}

@test "retry: what has failed since then is unfinished again, without attempts" {
    alpha=$(processor alpha)
    for number in 1 2 3 4; do job $number "$alpha" starteddatetime='now()' attempts=5; done
    sql "SELECT crashmon.job_failed(1, 'no'), crashmon.job_failed(2, 'no'), crashmon.job_succeeded(3)"
    sql "UPDATE jobs SET completeddatetime = now() - interval '2 hours' WHERE id = 2"
    sql_is "SELECT crashmon.retry(now() - interval '1 hour')" 1
    sql_is "SELECT id, success, attempts, message, starteddatetime IS NULL, completeddatetime IS NULL
            FROM jobs ORDER BY id" \
        $'1||0||t|t\n2|f|5|no|f|f\n3|t|5||f|f\n4||5||f|t'
}

@test "retry: where nobody has noted when a job ended, its start counts, or its place in the queue" {
    alpha=$(processor alpha)
    job 1 "$alpha" success=false "queueddatetime=now() - interval '2 hours'" "starteddatetime=now() - interval '1 minute'"
    job 2 "$alpha" success=false "queueddatetime=now() - interval '2 hours'"
    job 3 "$alpha" success=false "queueddatetime=now()"
    sql_is "SELECT crashmon.retry(now() - interval '1 hour')" 2
    sql_is "SELECT string_agg(id::text, ' ' ORDER BY id) FROM jobs WHERE success IS NULL" "1 3"
}

@test "retry changes nothing while crashmon-cleanup is at work" {
    job 1 "$(processor alpha)" starteddatetime='now()'
    sql "SELECT crashmon.job_failed(1, 'no')"
    lock crashmon-cleanup >/dev/null
    before=$(db_state)
    run ! sql "SELECT crashmon.retry('-infinity')"
    [[ $output == *"crashmon-cleanup is at work with storage main"* ]]
    equal "$(db_state)" "$before"
    unlock crashmon-cleanup
    sql_is "SELECT crashmon.retry('-infinity')" 1
}

@test "register_processor with storages: that stays when it registers without" {
    sql_is "SELECT crashmon.register_processor('alpha', '{main,b}')" 1
    sql_is "SELECT crashmon.register_processor('alpha')" 1
    sql_is "SELECT storages FROM processors" "{main,b}"
    sql_is "SELECT crashmon.register_processor('alpha', NULL)" 1
    sql_is "SELECT storages IS NULL FROM processors" t
}

# --- silence

# Runs that began so many minutes ago, each with the next one due five minutes later: began MINUTES...
began() {
    for minutes; do
        sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, next_due)
             VALUES ('crashmon-scan', 'main', 'host1', 1, now() - interval '$minutes min',
                     now() - interval '$minutes min' + interval '5 min')"
    done
}

# Since when somebody has been silent for ten minutes, in minutes.
silent() {
    sql_is "SELECT round(extract(epoch FROM now() - crashmon.silent_since('10 min')) / 60)" "$1"
}

@test "time without runs is no silence, nor is time before the server's start" {
    psql -qX -f "$TESTS/old_server.sql"
    silent 10
    # Nothing is amiss; what lies before does not matter.
    began 100 20 15 10 5 0
    silent 10
    # The server's clock was ahead once.
    began -60
    silent 10
    # Away since two hours less five minutes ago.
    sql "DELETE FROM crashmon.runs"
    began 130 125 120 0
    silent 125
    began 3
    silent 122
    # And before that, too.
    sql "DELETE FROM crashmon.runs"
    began 200 120 0
    silent 200
    began 199
    silent 199
    # Cron has stopped; of one that is due once a day we know nothing.
    sql "DELETE FROM crashmon.runs"
    began 65
    silent 70
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, next_due)
         VALUES ('crashmon-scan', 'b', 'host1', 1, now() - interval '1 hour', now() + interval '23 hours')"
    silent 65
    sql "UPDATE crashmon.runs SET started = started - interval '10 hours' WHERE storage = 'b'"
    silent 660 # there were five minutes then, and five an hour ago
    began 20 15 10 5 0
    silent 10
    # Runs that are never due count for nothing, and take no time.
    sql "DELETE FROM crashmon.runs;
         INSERT INTO crashmon.runs (program, storage, host, pid, started, next_due)
         SELECT 'crashmon-scan', 'main', 'host1', 1, t, t
         FROM generate_series(now() - interval '30 days', now(), '1 min') AS t"
    sql_true "SET LOCAL statement_timeout = '5s'; SELECT crashmon.silent_since('10 min') < now() - interval '1 hour'"

    run -0 psql -qX -f "$SCHEMA"
    sql_is "SELECT crashmon.silent_since('1000 hours') = 'epoch'" t
}
