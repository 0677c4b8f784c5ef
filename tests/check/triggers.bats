#!/usr/bin/env bats
# triggers.bats - what a site's own triggers swallow, change or undo was not done: nobody is told that it was, and
# nothing depends on it.
# shellcheck disable=SC2030,SC2031,SC2154 # cases are subshells; bats sets status and output
load ../helper
load jobs
load refused

# Has the server do something for each row: trigger "BEFORE INSERT ON jobs" STATEMENTS
trigger() {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ${2//\'/\'\'} END';
         CREATE TRIGGER refuse $1 FOR EACH ROW EXECUTE FUNCTION refuse()"
}

SWALLOW="RETURN NULL;"

# --- the functions

@test "a function that the server keeps from its change says so (27000), and changes nothing" {
    p=$(processor p1 200)
    job 1 "$p"
    job 2 "$p" starteddatetime='now()'
    request "$(id 3)"
    sql "INSERT INTO pauses (storage, reason) VALUES ('main', 'a disk');
         INSERT INTO storages VALUES ('west', 'storage', gen_random_uuid(), '/x', 'host1')"
    before=$(db_state)
    local undo="RETURN OLD;" where do call
    while IFS='|' read -r where do call; do
        trigger "$where" "$do"
        sql "DO \$\$ BEGIN
                 PERFORM crashmon.$call;
                 RAISE 'no error';
             EXCEPTION WHEN triggered_data_change_violation THEN
                 IF SQLERRM NOT LIKE 'cannot %: the server has left it as it was (a trigger, or a policy?)' THEN RAISE; END IF;
             END \$\$" || fail "$where $do: $call"
        equal "$(db_state)" "$before"
        accept
    done <<END
BEFORE INSERT ON priorityjobs|$SWALLOW|request_crash('$(id 4)')
BEFORE INSERT ON priorityjobs|NEW.uuid := 'x'; RETURN NEW;|request_crash('$(id 4)')
AFTER INSERT ON priorityjobs|DELETE FROM crashmon.priorityjobs WHERE uuid = NEW.uuid; RETURN NULL;|request_crash('$(id 4)')
BEFORE INSERT ON processors|$SWALLOW|register_processor('p2')
BEFORE INSERT ON processors|$SWALLOW|register_processor('p2', '{main}')
BEFORE UPDATE ON processors|NEW.storages := NULL; RETURN NEW;|register_processor('p1', '{main}')
BEFORE UPDATE ON processors|$SWALLOW|heartbeat($p)
BEFORE UPDATE ON processors|$undo|heartbeat($p)
BEFORE UPDATE ON processors|$SWALLOW|take_jobs($p, 2)
BEFORE UPDATE ON processors|$SWALLOW|leave($p)
BEFORE UPDATE ON processors|$undo|leave($p)
BEFORE UPDATE ON processors|NEW.lastseendatetime := now(); RETURN NEW;|leave($p)
BEFORE UPDATE ON jobs|$SWALLOW|take_jobs($p, 2)
BEFORE UPDATE ON jobs|$undo|take_jobs($p, 2)
BEFORE UPDATE ON jobs|$SWALLOW|job_succeeded(2)
BEFORE UPDATE ON jobs|$undo|job_succeeded(2)
BEFORE UPDATE ON jobs|$SWALLOW|job_failed(2, 'no')
BEFORE UPDATE ON jobs|$undo|job_failed(2, 'no')
BEFORE UPDATE ON jobs|$SWALLOW|give_back(2)
BEFORE UPDATE ON jobs|$undo|give_back(2)
BEFORE UPDATE ON pauses|$SWALLOW|pause('main', 'another')
BEFORE INSERT ON pauses|$SWALLOW|pause('west', 'a disk')
BEFORE DELETE ON pauses|$SWALLOW|resume('main')
BEFORE DELETE ON storages|$SWALLOW|retire_storage('west')
END
}

@test "what it keeps from being changed is neither given to a processor nor counted, and keeps no other" {
    p=$(processor p1)
    for n in 1 2 3; do job $n "$p"; done
    at UPDATE jobs "NEW.starteddatetime := OLD.starteddatetime; NEW.success := OLD.success" "$(id 1)"
    sql_is "SELECT id FROM crashmon.take_jobs($p, 3)" $'2\n3'
    sql_is "SELECT id FROM jobs WHERE starteddatetime IS NULL" 1
    accept
    sql "UPDATE jobs SET success = false, completeddatetime = now()"
    at UPDATE jobs "RETURN CASE NEW.id WHEN 1 THEN NULL ELSE OLD END" "$(id 1)" "$(id 2)"
    sql_is "SELECT crashmon.retry('-infinity')" 1
    sql_is "SELECT id FROM jobs WHERE success IS NULL" 3
}

@test "a report counts also where a sign of life is not taken; a rounded or locked one is no error" {
    p=$(processor p1 200)
    for n in 1 2 3; do job $n "$p" starteddatetime='now()'; done
    trigger "BEFORE UPDATE ON processors" "$SWALLOW"
    sql_is "SELECT crashmon.job_succeeded(1), crashmon.job_failed(2, 'no'), crashmon.give_back(3)" "t|t|t"
    sql_is "SELECT id, success, starteddatetime IS NULL FROM jobs ORDER BY id" $'1|t|f\n2|f|f\n3||t'
    accept
    trigger "BEFORE UPDATE ON processors" "NEW.lastseendatetime := date_trunc('second', NEW.lastseendatetime); RETURN NEW;"
    sql_is "SELECT crashmon.heartbeat($p), crashmon.heartbeat($p)" "t|t"
    session "BEGIN; SELECT FROM processors FOR UPDATE"
    sql_is "SELECT crashmon.heartbeat($p)" t
    session COMMIT
}

@test "a job that the server does not give back keeps no processor from leaving" {
    p=$(processor p1)
    for n in 1 2; do job $n "$p" starteddatetime='now()'; done
    at UPDATE jobs "NEW.starteddatetime := OLD.starteddatetime" "$(id 1)"
    sql_is "SELECT crashmon.leave($p)" t
    sql_is "SELECT lastseendatetime FROM processors" -infinity
    sql_is "SELECT id FROM jobs WHERE starteddatetime IS NOT NULL" 1
}

@test "a request that is waiting, or has just been served, is no error" {
    request "$(id 1)"
    sql_is "SELECT crashmon.request_crash('$(id 1)')" f
    session "BEGIN; DELETE FROM priorityjobs"
    background psql -qAtXc "SELECT crashmon.request_crash('$(id 1)')"
    await_blocked psql
    session COMMIT
    background_ends 0
    equal "$(requested)" "$(id 1)"
}

# --- crashmon-priority

@test "priority: a request of the command line that is not taken is an error (70), and the others are served" {
    processor p1
    mapfile -t ids < <(collect --count 3)
    at INSERT priorityjobs "RETURN NULL" "${ids[0]}"
    expect_status 70 priority "${ids[@]}"
    [[ $output == *"cannot request crash \"${ids[0]}\": the server has left it as it was"* ]] || fail "$output"
    jobs_are "${ids[@]:1}"
}

# --- dead processors

# A dead one, whose priority table has five requests.
dead_with_requests() {
    dead=$(processor dead 86400)
    sql "CREATE TABLE crashmon_priority.priority_jobs_$dead (uuid varchar(50) PRIMARY KEY)"
    for n in 11 12 13 14 15; do
        sql "INSERT INTO crashmon_priority.priority_jobs_$dead VALUES ('$(id $n)')"
    done
}
is_not_removed() {
    sql_is "SELECT count(*) FROM processors WHERE id = $dead" 1
    ! grep "is removed" "$LOG" || fail "says that it is removed"
}

@test "scan: one request that is not taken stays with its dead processor; the other requests and crashes are served" {
    processor p1
    for how in "$(raises P0001)" "RETURN NULL"; do
        dead_with_requests
        at INSERT priorityjobs "$how" "$(id 13)"
        new=$(collect)
        expect_status 1 scan
        sql_is "SELECT count(*) FROM jobs WHERE uuid = '$new'" 1
        equal "$(requested)" "$(id 11; id 12; id 14; id 15)"
        sql_is "SELECT uuid FROM crashmon_priority.priority_jobs_$dead" "$(id 13)"
        is_not_removed
        [[ $output == *"cannot remove processor \"dead\": the server refuses a request that waits in table \"priority_jobs_$dead\"; both stay"* ]] ||
            fail "$output"
        log_has "cannot request \"$(id 13)\" again: "
        accept
        expect_status 0 scan
        sql_is "SELECT count(*) FROM priorityjobs" 5
        sql_is "SELECT count(*) FROM processors" 1
        log_has "and it is removed"
        sql "DELETE FROM priorityjobs"
        rm "$LOG"
    done
}

@test "scan: a dead processor whose row the server does not delete stays, with its requests" {
    processor p1
    dead_with_requests
    for how in "$(raises P0001);" "$SWALLOW"; do
        trigger "BEFORE DELETE ON processors" "$how"
        new=$(collect)
        expect_status 1 scan
        sql_is "SELECT count(*) FROM jobs WHERE uuid = '$new'" 1
        sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs) FROM crashmon_priority.priority_jobs_$dead" "5|0"
        is_not_removed
        [[ $output == *"cannot remove a dead processor: "*"; processor \"dead\" stays for the next run"* ]] || fail "$output"
        accept
    done
    expect_status 0 scan
    sql_is "SELECT count(*) FROM priorityjobs" 5
}

# --- new jobs

@test "scan, priority: a crash whose row is changed, or deleted after all, keeps its links; the others are queued" {
    processor p1
    while IFS='|' read -r which when do; do
        mapfile -t ids < <(collect --count 5)
        sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
                 IF NEW.uuid = '${ids[2]}' THEN $do; END IF;
                 RETURN NEW;
             END \$\$;
             CREATE $which refuse $when FOR EACH ROW EXECUTE FUNCTION refuse()"
        expect_status 1 scan
        jobs_are "${ids[0]}" "${ids[1]}" "${ids[3]}" "${ids[4]}"
        has_links "${ids[2]}"
        log_has "\"${ids[2]}\": left: cannot queue a batch"
        expect_status 70 priority "${ids[2]}"
        has_links "${ids[2]}"
        accept
        expect_status 0 scan
        jobs_are "${ids[@]}"
        sql "DELETE FROM jobs; DELETE FROM priorityjobs"
    done <<END
TRIGGER|BEFORE INSERT ON jobs|NEW.storage := 'west'
TRIGGER|BEFORE INSERT ON jobs|NEW.pathname := '/elsewhere'
TRIGGER|BEFORE INSERT ON jobs|NEW.uuid := upper(NEW.uuid)
TRIGGER|AFTER INSERT ON jobs|BEGIN UPDATE crashmon.jobs SET pathname = '/elsewhere' WHERE uuid = NEW.uuid; EXCEPTION WHEN division_by_zero THEN NULL; END
TRIGGER|AFTER INSERT ON jobs|DELETE FROM crashmon.jobs WHERE uuid = NEW.uuid
CONSTRAINT TRIGGER|AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED|DELETE FROM crashmon.jobs WHERE uuid = NEW.uuid
END
}

@test "scan: what a trigger may change of a row, also in a block with EXCEPTION, is no reason to refuse it" {
    processor p1
    mapfile -t ids < <(collect --count 5)
    trigger "AFTER INSERT ON jobs" "BEGIN UPDATE crashmon.jobs SET priority = 1 WHERE uuid = NEW.uuid;
        EXCEPTION WHEN division_by_zero THEN NULL; END; RETURN NULL;"
    expect_status 0 scan
    log_has "seen 5: queued 5; exit code 0"
    jobs_are "${ids[@]}"
    no_links "${ids[0]}"
    sql_is "SELECT DISTINCT priority FROM jobs" 1
}

@test "scan, priority: the triggers of the schema itself call for no second look at new rows" {
    for name in $(sql "SELECT tgname FROM pg_trigger WHERE tgrelid = 'jobs'::regclass AND NOT tgisinternal"); do
        grep -q "tgname NOT IN.*'$name'" "$TESTS/../pgc/enqueue.pgc" || fail "$name"
    done
}

# --- requests that are too long

@test "priority: requests that a trigger puts back have an end: with the batch, or a signal" {
    processor p1
    sql "ALTER TABLE priorityjobs ALTER uuid TYPE text;
         INSERT INTO priorityjobs SELECT repeat('x', 1000) || n FROM generate_series(1, 20) AS n"
    trigger "AFTER DELETE ON priorityjobs" "INSERT INTO crashmon.priorityjobs VALUES (OLD.uuid); RETURN NULL;"
    expect_status 1 priority
    log_has "seen 20: rejected 20; exit code 1"
    rm "$LOG"
    background priority --batch-size=10
    await grep -q "has its lock" "$LOG"
    kill -TERM "$pid"
    background_ends 143
    accept
    sql "DELETE FROM priorityjobs; ALTER TABLE priorityjobs ALTER uuid TYPE varchar(255)"
}

@test "priority: requests whose removal the server swallows are told as refused, not as locked" {
    processor p1
    sql "ALTER TABLE priorityjobs ALTER uuid TYPE text;
         INSERT INTO priorityjobs SELECT repeat('x', 1000) || n FROM generate_series(1, 2) AS n"
    trigger "BEFORE DELETE ON priorityjobs" "$SWALLOW"
    expect_status 70 priority
    [[ $output == *"cannot remove requests that are too long: "*"; \"(0,1)\" stays for the next run"* ]] || fail "$output"
    log_has "seen 0; exit code 70"
    accept
    sql "DELETE FROM priorityjobs; ALTER TABLE priorityjobs ALTER uuid TYPE varchar(255)"
}

# --- the directories

@test "--adopt: while a job does not get its new root, or a directory its row, nothing is adopted (70)" {
    processor p1
    new=$(collect)
    expect_status 0 scan
    rm "$SPOOL/.crashmon"
    while IFS='|' read -r where do; do
        trigger "$where" "$do"
        before=$(db_state)
        expect_status 70 scan --adopt
        [[ $output == *"cannot record "*": the server has left "*" (a trigger, or a policy?)"* ]] || fail "$output"
        ! grep "adopted: storage root" "$LOG" || fail "says that it is adopted"
        equal "$(db_state)" "$before"
        accept
    done <<END
BEFORE UPDATE ON jobs|$SWALLOW
BEFORE UPDATE ON jobs|NEW.root := OLD.root; RETURN NEW;
BEFORE UPDATE ON storages|$SWALLOW
BEFORE UPDATE ON storages|NEW.path := '/elsewhere'; RETURN NEW;
AFTER UPDATE ON storages|IF pg_trigger_depth() = 1 THEN UPDATE crashmon.storages SET identity = OLD.identity; END IF; RETURN NULL;
END
    expect_status 0 scan --adopt
    sql_is "SELECT DISTINCT root = (SELECT identity FROM storages WHERE place = 'storage') FROM jobs" t
    expect_status 0 scan
}

@test "a directory whose row is not made is not used (70)" {
    processor p1
    new=$(collect)
    trigger "BEFORE INSERT ON storages" "$SWALLOW"
    for adopt in --adopt ''; do
        expect_status 70 scan $adopt
        [[ $output == *"cannot record the mark of a directory: the server has left it as it was"* ]] || fail "$output"
        ! grep "adopted: " "$LOG" || fail "says that it is adopted"
        has_links "$new"
    done
    accept
    expect_status 0 scan
    jobs_are "$new"
}

@test "cleanup: a root of which it is not noted that it was swept is told (70), and keeps no job from being put away" {
    processor p1
    for how in "$SWALLOW" "RETURN OLD;" "$(raises P0001);"; do
        marked
        trigger "BEFORE UPDATE ON storages" "$how"
        ended true "$(crash --without links)"
        expect_status 70 cleanup_jobs
        sql_is "SELECT count(*) FROM jobs" 0
        [[ $output == *"cannot note which roots were swept: "* ]] || fail "$output"
        accept
        expect_status 0 cleanup_jobs
        sql_is "SELECT count(*) FROM storages WHERE swept IS NOT NULL" 2
        sql "UPDATE storages SET swept = NULL"
    done
}
