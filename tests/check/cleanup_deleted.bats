#!/usr/bin/env bats
# cleanup_deleted.bats - where pairs are deleted their rows are deleted first, and committed last:
# nobody changes a verdict while its pair goes.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load stalling

# Cleans up and deletes, with a delay at the enter or exit of the first such call in the directory of the pair of $id.
delete_slowly_at() {
    local place
    place=$(dirname "$(place "$SPOOL" "$id")")
    slowly="strace -f -qq -o /dev/null -P $place -e trace=$1 -e inject=$1:delay_${2:-enter}=1000000:when=1"
    $slowly true 2>/dev/null || skip "no strace here"
    clean_slowly() { EXEC=$slowly cleanup_jobs --save-successful-minidumps-to=; }
    background clean_slowly
}

is_seen() { [[ -z $(find "$SPOOL" -name "$id" -type l) ]]; }
is_there() { [[ -e $(place "$SPOOL" "$id").json && -e $(place "$SPOOL" "$id").dump ]]; }

@test "a row that somebody has locked is passed over with its pair, the others are done" {
    mapfile -t ids < <(crash --count 120)
    ended true "${ids[@]}"
    session "BEGIN; SELECT FROM jobs WHERE uuid IN ('${ids[0]}', '${ids[70]}') FOR UPDATE" >/dev/null
    expect_status 0 cleanup_jobs --save-successful-minidumps-to=
    for id in "${ids[0]}" "${ids[70]}"; do
        pair_is_whole "$SPOOL" 20081225 "$id"
        log_has "\"$id\": left: its row was not deleted: it is locked"
    done
    jobs_are "${ids[0]}" "${ids[70]}"
    log_has "seen 120: deleted 118, left 2"
    session COMMIT
    cleans --save-successful-minidumps-to=
    roots_are_empty
}

@test "a verdict that changes before the pair is deleted keeps both" {
    for change in 'success = NULL' 'success = false'; do
        id=$(crash)
        ended true "$id"
        delete_slowly_at unlinkat exit
        await is_seen # and its links are gone
        sql "UPDATE jobs SET $change WHERE uuid = '$id'"
        background_ends 0
        pair_is_whole "$SPOOL" 20081225 "$id"
        log_has "\"$id\": left: its row was not deleted: it is locked, or has changed"
        sql_is "SELECT uuid FROM jobs WHERE success IS NOT true" "$id"
        finish "$id" false
        cleans
        pair_is_whole "$FAILED" 20081225 "$id"
    done
}

@test "a verdict changes before a pair goes, or not at all" {
    id=$(crash --extra browser --without links)
    ended true "$id"
    delete_slowly_at unlinkat
    await sql_true "SELECT xmax <> 0 FROM jobs WHERE uuid = '$id'" # somebody has it locked
    is_there || fail "too late"
    sql_is "WITH changed AS (UPDATE jobs SET success = false WHERE uuid = '$id' RETURNING id)
            SELECT count(*) FROM changed" 0
    [[ -z $(find "$SPOOL" -type f -name "$id*") ]] || fail "$(find "$SPOOL")"
    background_ends 0
}

@test "a pair that cannot be deleted keeps its row, the others are done" {
    mapfile -t ids < <(crash --count 20)
    ended true "${ids[@]}"
    kept=("$(place "$SPOOL" "${ids[7]}").dump" "$(place "$SPOOL" "${ids[11]}").json")
    chattr +i "${kept[@]}" 2>/dev/null || skip "no chattr here"
    run cleanup_jobs --save-successful-minidumps-to=
    chattr -i "${kept[@]}"
    equal "$status" 77
    log_has "cannot put \"${ids[7]}\" away: cannot remove a file of it from \"$(dirname "${kept[0]}")\": Operation not permitted; it stays"
    log_has "cannot put \"${ids[11]}\" away: cannot remove a file of it from \"$(dirname "${kept[1]}")\": Operation not permitted; a part of it is gone already; it stays"
    pair_is_whole "$SPOOL" 20081225 "${ids[7]}"
    jobs_are "${ids[7]}" "${ids[11]}"
    cleans --save-successful-minidumps-to=
    roots_are_empty
}

@test "a pair that cannot be deleted keeps no other from being noted as missing" {
    id=$(crash) missing=$(nowhere)
    ended true "$id" "$missing"
    chattr +i "$(place "$SPOOL" "$id").dump" 2>/dev/null || skip "no chattr here"
    run cleanup_jobs --save-successful-minidumps-to=
    chattr -i "$(place "$SPOOL" "$id").dump"
    equal "$status" 77
    sql_is "SELECT uuid FROM jobs WHERE missingdatetime IS NOT NULL" "$missing"
}

@test "when one pair has to stay, nobody changes the verdicts of the others before they are gone" {
    id=$(crash --without links) other=$(crash --without links)
    ended true "$id" "$other"
    dump=$(place "$SPOOL" "$id").dump
    chattr +i "$dump" 2>/dev/null || skip "no chattr here"
    delete_slowly_at unlinkat # which is reached when the rows are locked
    is_locked=$(await sql_true "SELECT xmax <> 0 FROM jobs WHERE uuid = '$other'" && echo yes) || true
    sql "UPDATE jobs SET success = NULL WHERE uuid = '$other'" # waits until all is over
    chattr -i "$dump"
    equal "$is_locked" yes
    background_ends 77
    jobs_are "$id"
    cleans --save-successful-minidumps-to=
    roots_are_empty
}

dumps() { find "$SPOOL" -name '*.dump' | wc -l; }

# Has a run begun with the deletion of the pairs of 100 failed jobs, which takes seconds.
delete_a_hundred_slowly() {
    local options=("$@")
    mapfile -t ids < <(crash --count 100 --without links)
    ended false "${ids[@]}"
    [[ ! ${LOCKED:-} ]] || session "BEGIN; SELECT FROM jobs WHERE uuid = '${ids[LOCKED]}' FOR UPDATE" >/dev/null
    slowly="strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:delay_exit=${SLOW:-20000}"
    $slowly true 2>/dev/null || skip "no strace here"
    clean_slowly() { EXEC="exec $slowly" cleanup_jobs --save-failed-minidumps-to= "${options[@]}"; }
    begun() { (($(dumps) < ${BESIDES:-0} + 100)); }
    background clean_slowly
    [[ ${STALLED:-} ]] || await begun
}

end_session() {
    sql "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
         WHERE application_name = 'crashmon-cleanup' AND datname = current_database()" >/dev/null
}

waits_for_the_server() { grep -qs poll "/proc/$(pgrep -P "$pid")/task/"*/wchan; }

tells_what_is_gone() {
    log_has "ERROR - pairs that were deleted without an answer that their rows are, so that the next run may report them as missing: $((100 - $(dumps)))"
}

@test "once the connection is lost no more pairs are deleted, as their jobs may be set back by then (69)" {
    delete_a_hundred_slowly
    end_session
    left=$(dumps)
    background_ends 69
    (($(dumps) >= left - 4)) || fail "$left were left, then $(dumps)"
    sql_is "SELECT count(*) FROM jobs WHERE NOT success" 100
    tells_what_is_gone
}

@test "a server that vanishes without a word is noticed within half a second, and nothing goes until it answers (69)" {
    background stall_at "$BATS_TEST_TMPDIR/stalling" 'nothing that is asked'
    server=$pid
    await test -S "$BATS_TEST_TMPDIR/stalling/.s.PGSQL.$PGPORT"
    delete_a_hundred_slowly --database-host="$BATS_TEST_TMPDIR/stalling"
    kill -STOP "$server"
    end_session
    left=$(dumps)
    await waits_for_the_server
    (($(dumps) >= left - 40)) || fail "$left were left, then $(dumps)"
    kill -KILL "$server"
    background_ends 69
    sql_is "SELECT count(*) FROM jobs WHERE NOT success" 100
    tells_what_is_gone
}

# So many pairs are gone, some of the hundred, and the rows of these alone.
some_are_done() {
    left=$(dumps)
    ((left > 0 && left < 100)) || fail "$left are left"
    sql_is "SELECT count(*) FROM jobs WHERE NOT success" "$left"
    for id in $(sql "SELECT uuid FROM jobs"); do pair_is_whole "$SPOOL" 20081225 "$id"; done
    [[ $(<"$LOG") != *"without an answer"* ]] || fail "$(<"$LOG")"
}

@test "on a slow disk fifty rows are locked at a time: the other jobs can be set back until it is their turn" {
    mapfile -t archived < <(crash --count 120 --without links)
    ended true "${archived[@]}"
    delete_a_hundred_slowly --batch-size=60
    sql_is "SELECT count(*) FROM jobs WHERE xmax <> 0" 50
    sql "UPDATE jobs SET success = NULL WHERE uuid = '${ids[99]}'"
    (($(dumps) > 50)) || fail "it has waited"
    background_ends 0
    pair_is_whole "$SPOOL" 20081225 "${ids[99]}"
    jobs_are "${ids[99]}"
}

@test "so it is behind jobs whose pairs stay, or are locked, which takes no time" {
    mapfile -t archived < <(crash --count 60 --without links)
    ended true "${archived[@]}"
    mapfile -t locked < <(crash --count 50 --without links)
    ended false "${locked[@]}"
    session "BEGIN; SELECT FROM jobs WHERE uuid IN ($(printf "'%s'," "${locked[@]}")'') FOR UPDATE" >/dev/null
    BESIDES=50 delete_a_hundred_slowly
    sql_is "SELECT count(*) FROM jobs WHERE xmax <> 0 AND success IS FALSE
                AND uuid NOT IN ($(printf "'%s'," "${locked[@]}")'')" 50
    session COMMIT
    background_ends 0
}

@test "a signal ends the deletion of a batch on a slow disk: what is gone is done, the rest stays (143)" {
    delete_a_hundred_slowly
    kill "$(pgrep -P "$pid" || echo "$pid")"
    background_ends 143
    some_are_done
}

@test "so does the end of its time (142)" {
    SLOW=60000 delete_a_hundred_slowly --run-time-limit=00:00:03
    background_ends 142
    some_are_done
}

@test "a row that was locked until then keeps its pair, too (143)" {
    LOCKED=49 delete_a_hundred_slowly
    session COMMIT
    kill "$(pgrep -P "$pid" || echo "$pid")"
    background_ends 143
    some_are_done
    pair_is_whole "$SPOOL" 20081225 "${ids[49]}"
}

@test "a row that is free again when its batch is deleted keeps its pair: whoever waits for it may set its job back" {
    background stall_at "$BATS_TEST_TMPDIR/stalling" '(?<!to )savepoint all_locked'
    server=$pid
    await test -S "$BATS_TEST_TMPDIR/stalling/.s.PGSQL.$PGPORT"
    LOCKED=0 STALLED=yes delete_a_hundred_slowly --database-host="$BATS_TEST_TMPDIR/stalling"
    await_session "application_name = 'crashmon-cleanup' AND query LIKE '%for update skip locked%' AND state LIKE 'idle%'"
    session COMMIT
    kill -CONT "$server"
    await begun
    psql -qX -c "UPDATE crashmon.jobs SET success = NULL WHERE uuid = '${ids[0]}'" &
    await_session "wait_event_type = 'Lock' OR (SELECT success IS NULL FROM jobs WHERE uuid = '${ids[0]}')"
    kill "$(pgrep -P "$pid" || echo "$pid")"
    background_ends 143
    wait "$!"
    pair_is_whole "$SPOOL" 20081225 "${ids[0]}"
    sql_is "SELECT num_nulls(success) FROM jobs WHERE uuid = '${ids[0]}'" 1
}

@test "while a batch is flushed no signal cuts it off from the server (143)" {
    mapfile -t ids < <(crash --count 10 --without links)
    ended false "${ids[@]}"
    slowly="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=syncfs -e inject=syncfs:delay_enter=2000000"
    $slowly true 2>/dev/null || skip "no strace here"
    clean_slowly() { EXEC="exec $slowly" cleanup_jobs --save-failed-minidumps-to=; }
    flushing() { grep -qs syncfs "$BATS_TEST_TMPDIR/trace"; }
    background clean_slowly
    await flushing
    its_pid=$(pgrep -P "$pid")
    first_signal "$its_pid"
    kill "$its_pid"
    background_ends 143
    roots_are_empty
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "a pair is not deleted, and no part of it, if one of its files has grown since it was looked at" {
    for suffix in json dump; do
        id=$(crash)
        ended true "$id"
        delete_slowly_at unlinkat exit
        await is_seen
        printf more >>"$(place "$SPOOL" "$id").$suffix"
        background_ends 1
        log_has "\"$id\": left: a file of it has changed since it was looked at"
        sql_is "SELECT uuid FROM jobs" "$id"
        is_there || fail "$(find "$SPOOL")"
        # It may be another crash, whose links are on their way.
        expect_status 1 cleanup_jobs --save-successful-minidumps-to=
        is_there || fail "$(find "$SPOOL")"
        sql "DELETE FROM jobs"
    done
}

@test "what only the commit would refuse keeps its pair, and those of the others (deferred constraint)" {
    mapfile -t ids < <(crash --count 3)
    ended true "${ids[@]}"
    sql "CREATE TABLE notes (job bigint REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO notes SELECT id FROM jobs ORDER BY id LIMIT 1"
    expect_status 1 cleanup_jobs --save-successful-minidumps-to=
    jobs_are "${ids[0]}"
    pair_is_whole "$SPOOL" 20081225 "${ids[0]}"
    sql "DROP TABLE notes"
    cleans --save-successful-minidumps-to=
    roots_are_empty
}

# Cleans up and deletes 200 pairs, fifty at a time, each slowly. Whenever a row is listed meanwhile, which has a time limit of
# its own, $1 happens.
deletes_while_it_lists() {
    local role=crashmon_lists_$$
    slowly="strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:delay_exit=2000"
    $slowly true 2>/dev/null || skip "no strace here"
    mapfile -t ids < <(crash --count 200 --without links)
    ended true "${ids[@]}"
    sql "CREATE ROLE $role LOGIN;
         GRANT USAGE ON SCHEMA crashmon, crashmon_priority TO $role;
         GRANT ALL ON ALL TABLES IN SCHEMA crashmon TO $role;
         CREATE SEQUENCE crashmon.aside;
         GRANT ALL ON ALL SEQUENCES IN SCHEMA crashmon TO $role;
         CREATE FUNCTION is_visible() RETURNS boolean LANGUAGE plpgsql AS \$\$ BEGIN
             IF current_setting('statement_timeout') = '100ms' THEN
                 PERFORM nextval('crashmon.aside');
                 $1
             END IF;
             RETURN true;
         END \$\$;
         ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
         CREATE POLICY all_of_it ON jobs USING (is_visible())"
    PGUSER=$role EXEC=$slowly run cleanup_jobs --save-successful-minidumps-to= --batch-size=50
    asked=$(sql "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM crashmon.aside")
    sql "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY; DROP POLICY all_of_it ON jobs; DROP FUNCTION is_visible();
         DROP SEQUENCE crashmon.aside; DROP OWNED BY $role; DROP ROLE $role"
    equal "$status" 0
    log_has "seen 200: deleted 200"
    roots_are_empty
    jobs_are
}

@test "the jobs of a batch are listed while pairs are deleted" {
    deletes_while_it_lists ''
    [[ $asked -ge 50 ]] || fail "$asked rows were listed meanwhile"
}

@test "where that fails the transaction goes on, and it is not tried again" {
    deletes_while_it_lists "RAISE EXCEPTION 'not now';"
    equal "$asked" 1
}

@test "where that takes too long it is not waited for, nor tried again" {
    deletes_while_it_lists 'PERFORM pg_sleep(30);'
    equal "$asked" 1
}

@test "a crash that has come to the place of a finished one is told from it also long after the list" {
    slowly="strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:delay_exit=10000"
    $slowly true 2>/dev/null || skip "no strace here"
    mapfile -t ids < <(crash --count 150 --without links)
    ended true "${ids[@]}"
    next=${ids[120]} # listed while the first fifty are deleted, looked at when they are gone
    await sql_true "SELECT min(starteddatetime) < now() - interval '50 ms' FROM jobs"
    crash --id "$next" --size 200 >/dev/null
    EXEC=$slowly expect_status 1 cleanup_jobs --save-successful-minidumps-to= --batch-size=50
    log_has "\"$next\": missing: its pair was not found"
    log_has "seen 150: deleted 149, missing 1"
    has_links "$next"
    [[ $(stat --format=%s "$(place "$SPOOL" "$next").dump") == 200 ]]
}
