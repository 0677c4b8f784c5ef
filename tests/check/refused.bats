#!/usr/bin/env bats
# refused.bats - what the server refuses, or somebody else has locked: that crash stays and is named,
# and the others are done; in all three programs.
# shellcheck disable=SC2030,SC2031,SC2154 # cases are subshells; bats sets status and output
load ../helper
load refused

# --- one row

@test "scan: a row that the server refuses, for whatever reason, stays; the rest is queued" {
    processor p1
    for state in 23503:1 40001:1 40P01:1 55P03:0 57014:1 P0001:1 23514:1 42501:1 53100:1 53200:1 42P01:1 3F000:1 \
        08001:1 25006:1 53300:1 57P03:1; do
        rm -f "$LOG"
        mapfile -t ids < <(collect --count 30)
        at INSERT jobs "$(raises "${state%:*}")" "${ids[7]}"
        expect_status "${state#*:}" scan
        jobs_are "${ids[@]:0:7}" "${ids[@]:8}"
        has_links "${ids[7]}"
        named "${ids[7]}"
        ! grep -i 'already' "$LOG" || fail "says what is not so"
        log_has "seen 30: queued 29, left 1"
        accept
        expect_status 0 scan
        sql "DELETE FROM jobs"
    done
}

@test "priority: a row that the server refuses stays, its request, too; the rest is queued" {
    processor p1
    for state in 23503:1 40001:1 55P03:0 57014:1 P0001:1 42501:1 08001:1 25006:1; do
        rm -f "$LOG"
        mapfile -t ids < <(collect --count 12)
        requests 0 "${ids[@]}"
        at INSERT jobs "$(raises "${state%:*}")" "${ids[7]}"
        expect_status "${state#*:}" priority
        jobs_are "${ids[@]:0:7}" "${ids[@]:8}"
        equal "$(requested)" "${ids[7]}"
        named "${ids[7]}"
        accept
        expect_status 0 priority
        sql "DELETE FROM jobs"
    done
}

@test "cleanup: a row that the server refuses to delete stays; the rest goes" {
    for state in 23503:1 40001:1 55P03:0 57014:1 P0001:1 42501:1 08001:1 57P01:1; do
        rm -f "$LOG"
        mapfile -t ids < <(crash --count 12 --without links)
        ended true "${ids[@]}"
        at DELETE jobs "$(raises "${state%:*}")" "${ids[7]}"
        expect_status "${state#*:}" cleanup_jobs
        jobs_are "${ids[7]}"
        named "${ids[7]}"
        accept
        cleans
    done
}

@test "a row that is only refused at the commit, or takes its time there, stays, and the rest is done" {
    processor p1
    mapfile -t ids < <(collect --count 12)
    mapfile -t done < <(crash --count 12 --without links)
    ended true "${done[@]}"
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''not %'', coalesce(NEW.uuid, OLD.uuid); END';
         CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW WHEN (NEW.uuid = '${ids[3]}') EXECUTE FUNCTION refuse();
         CREATE CONSTRAINT TRIGGER refuse_too AFTER DELETE ON jobs DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW WHEN (OLD.uuid = '${done[3]}') EXECUTE FUNCTION refuse();
         CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_sleep(30); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW WHEN (NEW.uuid = '${ids[11]}') EXECUTE FUNCTION linger()"
    within 4 expect_status 1 scan
    expect_status 1 cleanup_jobs
    jobs_are "${ids[@]:0:3}" "${ids[@]:4:7}" "${done[3]}"
    named "${ids[3]}" "${ids[11]}" "${done[3]}"
}

@test "an INSERT, UPDATE or DELETE that a trigger swallows: that crash stays and is named" {
    processor p1
    mapfile -t ids < <(collect --count 12)
    mapfile -t done < <(crash --count 12 --without links)
    ended true "${done[@]}"
    at INSERT jobs 'RETURN NULL' "${ids[3]}"
    expect_status 1 scan
    accept
    has_links "${ids[3]}"
    at DELETE jobs 'RETURN NULL' "${done[3]}"
    expect_status 1 cleanup_jobs
    accept
    jobs_are "${ids[@]:0:3}" "${ids[@]:4}" "${done[3]}"
    named "${ids[3]}" "${done[3]}"
    ! grep 'already queued' "$LOG" || fail "says what is not so"
    # A request that stays would be served for ever.
    requests 0 "${ids[@]}"
    at DELETE priorityjobs 'RETURN NULL' "${ids[5]}"
    expect_status 1 priority
    equal "$(requested)" "${ids[5]}"
    accept
    requests 0 "${ids[6]}"
    at UPDATE jobs 'RETURN NULL' "${ids[5]}"
    expect_status 1 priority
    equal "$(requested)" "${ids[5]}"
    named "${ids[3]}" "${done[3]}" "${ids[5]}"
    sql_is "SELECT count(*) FROM jobs WHERE priority > 0" 11
}

@test "a change that a trigger undoes is none: the request stays, and so does the crash" {
    processor p1
    mapfile -t ids < <(collect --count 12 --day 20081225)
    expect_status 0 scan
    requests 0 "${ids[@]}"
    at UPDATE jobs 'NEW.priority := OLD.priority' "${ids[5]}"
    expect_status 1 priority
    accept
    equal "$(requested)" "${ids[5]}"
    sql_is "SELECT count(*) FROM jobs WHERE priority > 0" 11
    # Missing since when?
    sql "UPDATE jobs SET success = true, completeddatetime = now()"
    rm "$(place "$SPOOL" "${ids[5]}")".{json,dump}
    for how in 'NEW.missingdatetime := OLD.missingdatetime' 'RETURN NULL'; do
        at UPDATE jobs "$how" "${ids[5]}"
        run cleanup_jobs
        [[ $output == *"cannot note which pairs are missing: the server has left 1"*"\"${ids[5]}\" stays"* ]] ||
            fail "$output"
        jobs_are "${ids[5]}"
        accept
    done
    expect_status 1 cleanup_jobs
    named "${ids[5]}"
}

@test "a policy that hides a row, or refuses one: that crash stays and is named" {
    role=crashmon_refused_$$
    processor p1
    mapfile -t ids < <(collect --count 12)
    sql "CREATE ROLE $role LOGIN;
         GRANT USAGE ON SCHEMA crashmon, crashmon_priority TO $role;
         GRANT ALL ON ALL TABLES IN SCHEMA crashmon TO $role;
         GRANT ALL ON ALL SEQUENCES IN SCHEMA crashmon TO $role;
         ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
         CREATE POLICY see ON jobs USING (storage = 'main');
         CREATE POLICY make ON jobs AS RESTRICTIVE FOR INSERT WITH CHECK (uuid <> '${ids[8]}');
         INSERT INTO jobs (uuid, pathname, storage) VALUES ('${ids[3]}', '/x', 'two')"
    as_them() { PGUSER=$role scan; }
    run as_them
    sql "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY; DROP POLICY see ON jobs;
         DROP POLICY make ON jobs; DROP OWNED BY $role; DROP ROLE $role"
    [[ $status == 1 ]] || fail "exit code $status" "$output"
    sql_is "SELECT count(*) FROM jobs" 11
    named "${ids[3]}" "${ids[8]}"
    has_links "${ids[3]}"
    has_links "${ids[8]}"
    ! grep -E 'already queued|GRANT' "$LOG" || fail "says what is not so"
}

@test "a row that a policy lets us read and not change stays, and is not said to be locked; --check warns" {
    role=crashmon_refused_$$
    p=$(processor p1)
    id=$(nowhere) done=$(crash --without links)
    ended true "$done"
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$id', $p)"
    requests 0 "$id"
    sql "CREATE ROLE $role LOGIN;
         GRANT USAGE ON SCHEMA crashmon, crashmon_priority TO $role;
         GRANT ALL ON ALL TABLES IN SCHEMA crashmon TO $role;
         GRANT ALL ON ALL SEQUENCES IN SCHEMA crashmon TO $role;
         ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
         CREATE POLICY all_of_it ON jobs USING (true);
         CREATE POLICY but ON jobs AS RESTRICTIVE FOR UPDATE USING (false)"
    as_them() { PGUSER=$role "$@"; }
    for run in priority cleanup_jobs; do run as_them "$run"; done
    run as_them scan --check
    sql "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY; DROP POLICY all_of_it ON jobs; DROP POLICY but ON jobs;
         DROP OWNED BY $role; DROP ROLE $role"
    [[ $output == *"WARNING: row security is in force for this login (tables: jobs): "* ]] || fail "$output"
    jobs_are "$id" "$done"
    equal "$(requested)" "$id"
    log_has "\"$id\": left: its job is locked, or has ended meanwhile, or a policy hides it"
    log_has "\"$done\": left: its row was not deleted: it is locked, or has changed meanwhile, or a policy hides it"
}

# --- many rows

@test "what the server refuses is mailed once an hour, ten lines of it, whatever words it has for it" {
    sed -i /^stderr-repeat/d "$CONF"
    processor p1
    mapfile -t ids < <(collect --count 60)
    at INSERT jobs "RAISE EXCEPTION 'the account of % is closed', repeat('x', (random() * 40)::integer)" \
        "${ids[@]:0:15}"
    EXEC='setsid -w' expect_status 1 scan
    equal "$(wc -l <<<"$output")" 11
    [[ $output == *"and 5 more like this"* ]] || fail "$output"
    EXEC='setsid -w' expect_status 70 scan
    [[ -z $output ]] || fail "printed: $output"
}

@test "after twenty in a row that are refused the run goes on elsewhere once, then it ends (70)" {
    processor p1
    mapfile -t ids < <(collect --count 60)
    mapfile -t done < <(crash --count 60 --without links)
    ended true "${done[@]}"
    requests 0 "${ids[@]}"
    at 'INSERT' jobs "$(raises P0001)" "${ids[@]}"
    for run in scan priority; do
        rm -f "$LOG"
        expect_status 70 "$run" --batch-size=10
        count=$(grep -c 'stays for the next run' "$LOG")
        ((count >= 20 && count <= 40)) || fail "$count refused"
    done
    accept
    at DELETE jobs "$(raises P0001)" "${done[@]}"
    rm -f "$LOG"
    expect_status 70 cleanup_jobs --batch-size=10
    count=$(grep -c 'stays for the next run' "$LOG")
    ((count >= 20 && count <= 40)) || fail "$count refused"
}

# Runs a program until 25 jobs are left, or made.
reaches() {
    local runs=0
    until run "$1" && sql_true "SELECT count(*) = 25 FROM jobs"; do
        ((++runs <= 60)) || fail "not reached in $runs runs"
    done
}

@test "those that are refused and are met first do not hold back what is behind them for ever" {
    processor p1
    mapfile -t first < <(collect --count 25 --day 20081225)
    mapfile -t second < <(collect --count 25 --day 20081226)
    at INSERT jobs "$(raises P0001)" "${first[@]}"
    reaches scan
    jobs_are "${second[@]}"
    accept
    expect_status 0 scan
    finish_all() { sql "UPDATE jobs SET success = true, completeddatetime = now()"; }
    finish_all
    at DELETE jobs "$(raises P0001)" $(sql "SELECT uuid FROM jobs ORDER BY id LIMIT 25")
    reaches cleanup_jobs
    accept
    cleans
    mapfile -t ids < <(collect --count 50 | sort)
    requests 0 "${ids[@]}"
    at INSERT jobs "$(raises P0001)" "${ids[@]:0:25}"
    reaches priority
    jobs_are "${ids[@]:25}"
}

@test "what is refused does not count against --limit" {
    processor p1
    mapfile -t ids < <(collect --count 8 --day 20081224; collect --count 6)
    mapfile -t done < <(crash --count 12 --without links)
    ended true "${done[@]}"
    at INSERT jobs "$(raises P0001)" "${ids[@]:0:8}"
    expect_status 1 scan --limit=4
    accept
    sql_is "SELECT count(*) FROM jobs WHERE success IS NULL" 4
    at DELETE jobs "$(raises P0001)" "${done[@]:0:8}"
    expect_status 1 cleanup_jobs --limit=4
    accept
    sql_is "SELECT count(*) FROM jobs WHERE success" 8
}

@test "a crash for which a trigger takes its time costs the others no more than two seconds" {
    processor p1
    mapfile -t ids < <(collect --count 100)
    mapfile -t done < <(crash --count 100 --without links)
    ended true "${done[@]}"
    at INSERT jobs "PERFORM pg_sleep(30)" "${ids[41]}"
    within 4 expect_status 1 scan
    accept
    requests 0 "${ids[@]:0:41}" "${ids[@]:42}"
    at UPDATE jobs "PERFORM pg_sleep(30)" "${ids[52]}"
    within 4 expect_status 1 priority
    accept
    at DELETE jobs "PERFORM pg_sleep(30)" "${done[63]}"
    within 4 expect_status 1 cleanup_jobs
    accept
    log_has 'canceling statement due to statement timeout'
    named "${ids[41]}" "${ids[52]}" "${done[63]}"
    equal "$(requested)" "${ids[52]}"
    jobs_are "${ids[@]:0:41}" "${ids[@]:42}" "${done[63]}"
}

@test "where each row takes its time all are done nonetheless, in small parts" {
    processor p1
    mapfile -t ids < <(collect --count 8)
    at INSERT jobs "PERFORM pg_sleep(0.15)" "${ids[@]}"
    expect_status 0 scan
    accept
    jobs_are "${ids[@]}"
}

@test "requests that are too long go, but for one that the server refuses to delete, and one that is locked" {
    sql "ALTER TABLE priorityjobs ALTER uuid TYPE text;
         INSERT INTO priorityjobs SELECT repeat('z', 300) || n FROM generate_series(1, 20) AS n"
    at DELETE priorityjobs "$(raises P0001)" "$(sql "SELECT max(uuid) FROM priorityjobs")"
    session "BEGIN; SELECT FROM priorityjobs WHERE right(uuid, 3) = 'z12' FOR UPDATE"
    expect_status 1 priority
    sql_is "SELECT string_agg(right(uuid, 2), ' ' ORDER BY uuid) FROM priorityjobs" "12 z9"
    log_has 'requests rejected and removed, as they are longer than 255 characters: 18'
    log_has 'requests longer than 255 characters that stay, as they are locked, or have changed meanwhile: 1'
    log_has "seen 19: left 1, rejected 18; exit code 1"
    session ROLLBACK
    accept
    expect_status 1 priority
    sql_is "SELECT count(*) FROM priorityjobs" 0
    sql "ALTER TABLE priorityjobs ALTER uuid TYPE varchar(255)"
}

# --- what ends the session, or leaves nothing to be tried

@test "a connection that is lost, and a server that only reads, end the run (69); nothing is done" {
    processor p1
    new=$(collect) wanted=$(collect --root "$DEFERRED") finished=$(crash --without links)
    request "$wanted"
    ended true "$finished"
    marked
    untouched() { jobs_are "$finished"; has_links "$new"; equal "$(requested)" "$wanted"; }
    at 'INSERT OR UPDATE' jobs 'PERFORM pg_terminate_backend(pg_backend_pid())' "$new" "$wanted"
    expect_status 69 scan
    expect_status 69 priority
    accept
    at DELETE jobs 'PERFORM pg_terminate_backend(pg_backend_pid())' "$finished"
    expect_status 69 cleanup_jobs
    accept
    untouched
    sql "ALTER DATABASE \"$PGDATABASE\" SET default_transaction_read_only = on"
    for run in "${RUNS[@]}"; do expect_status 69 "$run"; done
    [[ $output == *' in a read-only transaction (default_transaction_read_only is on)'* ]] || fail "$output"
    psql -qX -c "SET default_transaction_read_only = off" -c "ALTER DATABASE \"$PGDATABASE\" RESET ALL"
    untouched
    sql "CREATE ROLE crashmon_many_$$ LOGIN CONNECTION LIMIT 0"
    for program in "${PROGRAMS[@]}"; do
        expect_status 69 program "$program" --database-user-name=crashmon_many_$$
        [[ $output == *"too many connections"* ]] || fail "$output"
    done
    sql "DROP ROLE crashmon_many_$$"
    untouched
    at INSERT jobs "PERFORM set_config('idle_in_transaction_session_timeout', '100ms', false)" "$new"
    held scan
    kill -STOP "$pid"
    session COMMIT # the statement ends, and nobody sends another one
    await sql_true "SELECT count(*) = 0 FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'crashmon-scan'"
    kill -CONT "$pid"
    background_ends 69
    log_has "idle-in-transaction timeout"
    equal "$(wc -l <<<"$output")" 1 # that is told once
    untouched
    accept
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    jobs_are "$new" "$wanted"
}

# --- locks

@test "an INSERT of the same id that is not committed keeps that crash alone, and not for long" {
    processor p1
    mapfile -t ids < <(collect --count 300)
    session "BEGIN; INSERT INTO jobs (pathname, uuid) VALUES ('/x', '${ids[70]}')"
    within 5 expect_status 0 scan
    jobs_are "${ids[@]:0:70}" "${ids[@]:71}"
    has_links "${ids[70]}"
    named "${ids[70]}"
    log_has "seen 300: queued 299, left 1"
    session ROLLBACK
    expect_status 0 scan
    jobs_are "${ids[@]}"
}

@test "uncommitted INSERTs of every other id keep those alone, and cost little more than one; other locks, too" {
    processor p1
    mapfile -t ids < <(collect --count 200 --day 20081225 | sort)
    mapfile -t done < <(crash --count 100 --without links)
    ended true "${done[@]}"
    free=() held=() none=()
    for i in "${!ids[@]}"; do ((i % 2)) && free+=("${ids[i]}") || held+=("${ids[i]}"); done
    for i in "${!done[@]}"; do ((i % 2)) || none+=("${done[i]}"); done
    sql "CREATE TABLE theirs AS SELECT u AS uuid
             FROM unnest(ARRAY[$(quoted "${none[@]}")]) AS u"
    at DELETE jobs "PERFORM FROM crashmon_priority.theirs WHERE uuid = OLD.uuid FOR UPDATE" "${done[@]}"
    session "BEGIN; UPDATE theirs SET uuid = uuid;
             INSERT INTO jobs (pathname, uuid) SELECT '/x', unnest(ARRAY[$(quoted "${held[@]}")])"
    within 8 expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs WHERE success IS NULL" 100
    log_has "seen 200: queued 100, left 100"
    requests 0 "${ids[@]}"
    within 8 expect_status 0 priority
    equal "$(requested)" "$(printf '%s\n' "${held[@]}")"
    within 8 expect_status 0 cleanup_jobs
    sql_is "SELECT count(*) FROM jobs WHERE success" 50
    log_has "batch of 100 done, left: 50"
    session ROLLBACK
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    jobs_are "${ids[@]}"
    sql "DROP TABLE theirs"
    accept
}

@test "an open transaction over one job costs priority and cleanup nothing but that job" {
    p=$(processor p1)
    mapfile -t ids < <(nowhere 40)
    mapfile -t done < <(crash --count 40 --without links)
    sql "INSERT INTO jobs (pathname, uuid, owner)
             SELECT '/x', u, $p FROM unnest(ARRAY[$(quoted "${ids[@]}")]) AS u"
    ended true "${done[@]}"
    requests 0 "${ids[@]}"
    session "BEGIN; UPDATE jobs SET message = 'mine' WHERE uuid IN ('${ids[5]}', '${done[5]}')"
    within 3 expect_status 0 priority
    within 3 expect_status 0 cleanup_jobs
    equal "$(requested)" "${ids[5]}"
    sql_is "SELECT uuid FROM jobs WHERE priority = 0 AND success IS NULL" "${ids[5]}"
    sql_is "SELECT uuid FROM jobs WHERE success" "${done[5]}"
    session COMMIT
    expect_status 0 priority
    cleans_but() { expect_status 0 cleanup_jobs; sql_is "SELECT count(*) FROM jobs WHERE success" 0; }
    cleans_but
    equal "$(requested)" ""
}

@test "a request that somebody has locked is served, and stays; one in the way of an id is not waited for" {
    p=$(processor p1)
    mapfile -t ids < <(nowhere 3)
    sql "INSERT INTO jobs (pathname, uuid, owner)
             SELECT '/x', u, $p FROM unnest(ARRAY[$(quoted "${ids[@]}")]) AS u"
    requests 0 "${ids[@]:0:2}"
    session "BEGIN; UPDATE priorityjobs SET requesteddatetime = now() WHERE uuid = '${ids[0]}';
             INSERT INTO priorityjobs VALUES ('${ids[2]}')"
    within 3 expect_status 1 priority "${ids[2]}"
    [[ $output == *"request a crash"* ]] || fail "$output"
    equal "$(requested)" "${ids[0]}"
    sql_is "SELECT count(*) FROM jobs WHERE priority = 1" 2
    session COMMIT
    expect_status 0 priority
    sql_is "SELECT count(*) FROM jobs WHERE priority = 1" 3
}

@test "a run for which all that there is to do is locked has ended well (0), where that is little" {
    processor p1
    new=$(collect)
    session "BEGIN; INSERT INTO jobs (pathname, uuid) VALUES ('/x', '$new')"
    expect_status 0 scan
    request "$new"
    expect_status 0 priority
    equal "$(requested)" "$new"
    session ROLLBACK
    expect_status 0 priority
    jobs_are "$new"
}

@test "where everything is locked the run ends (69), and soon" {
    processor p1
    mapfile -t ids < <(collect --count 60)
    session "BEGIN; LOCK TABLE jobs IN SHARE MODE"
    within 20 expect_status 69 scan
    session COMMIT
    expect_status 0 scan
    jobs_are "${ids[@]}"
}

# --- pairs that come and go

@test "pairs that are hidden and shown again keep no other from the queue, and are no refusals" {
    processor p1
    mapfile -t ids < <(collect --count 600 --day 20081225)
    flickering=("${ids[@]:100:200}")
    files=()
    for id in "${flickering[@]}"; do files+=("$(place "$SPOOL" "$id").json"); done
    background flicker "${files[@]}"
    for _ in 1 2 3; do
        run scan --batch-size=100
        [[ $status == 0 ]] || fail "exit code $status" "$output"
    done
    kill "$pid"
    sql_is "SELECT count(*) FROM jobs
            WHERE uuid NOT IN ($(quoted "${flickering[@]}"))" 400
    for file in "${files[@]}"; do [[ ! -e $file.hidden ]] || mv "$file.hidden" "$file"; done
    expect_status 0 scan
    jobs_are "${ids[@]}"
}

@test "a trigger of the site's that sets the search path, for the transaction or for good, hinders nothing" {
    p=$(processor p1)
    for how in 'SET LOCAL' SET; do
        sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN
                      IF current_setting(''application_name'') LIKE ''crashmon-%'' THEN $how search_path = pg_temp; END IF;
                      RETURN coalesce(NEW, OLD);
                  END'"
        for table in jobs priorityjobs processors crashmon.runs crashmon.storages; do
            sql "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW EXECUTE FUNCTION refuse()"
        done
        sql "INSERT INTO processors (name, lastseendatetime) VALUES ('dead', '-infinity')"
        mapfile -t ids < <(collect --count 5)
        requests 0 "${ids[@]:0:2}"
        expect_status 0 priority
        expect_status 0 scan --batch-size=2
        jobs_are "${ids[@]}"
        sql_is "SELECT name FROM processors" p1
        request "${ids[4]}"
        expect_status 0 priority
        sql_is "SELECT count(*) FROM jobs WHERE priority = 1" 3
        mapfile -t done < <(crash --count 5 --without links)
        ended true "${done[@]}"
        expect_status 0 cleanup_jobs --batch-size=2
        jobs_are "${ids[@]}"
        accept
        sql "DELETE FROM jobs"
    done
}
