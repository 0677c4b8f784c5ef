#!/usr/bin/env bats
# refused_jobs.bats - jobs that are to get another processor, or were begun too long ago, and
# processors that cannot be given any: what cannot be changed keeps nothing else.
# shellcheck disable=SC2030,SC2031,SC2154 # cases are subshells; bats sets status and output
load ../helper
load refused

# Jobs in order of their ids: jobs COLUMNS FIRST LAST, e.g. jobs "1 AS owner" 1 1000
jobs() {
    sql "INSERT INTO jobs (pathname, uuid, $(sed -E "s/[^,]* AS //g" <<<"$1"))
         SELECT '/x', lpad(n::text, 8, '0') || '-f75b-11dc-b6be-000000081225', $1
         FROM generate_series($2, $3) AS n"
}
ids() { sql "SELECT uuid FROM jobs WHERE id BETWEEN $1 AND $2"; }

# --- processors

@test "a processor whose row somebody has locked gets no jobs, and costs the others nothing" {
    p=$(processor p1) q=$(processor p2)
    session "BEGIN; SELECT id FROM processors WHERE id = $p FOR UPDATE"
    owned() { sql_is "SELECT count(*), count(*) FILTER (WHERE owner = $q) FROM jobs" "$1|$1"; }
    # What is new, many or one; what is requested, new or of a dead processor; what a dead one leaves.
    collect --count 300 >/dev/null
    within 5 expect_status 0 scan
    owned 300
    collect >/dev/null
    within 3 expect_status 0 scan
    wanted=$(collect --root "$DEFERRED") orphan=$(nowhere) other=$(nowhere)
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$orphan', $(processor dead 601))"
    requests 0 "$wanted" "$orphan"
    within 3 expect_status 0 priority
    owned 303
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$other', $(processor dead2 601))"
    within 3 expect_status 0 scan
    owned 304
    # Nor does it take part when jobs that wait are dealt out.
    third=$(processor p3)
    within 3 expect_status 0 scan --share-waiting
    sql_is "SELECT count(*) FILTER (WHERE owner = $p), count(*) FILTER (WHERE owner = $third) > 100 FROM jobs" "0|t"
    session COMMIT
    collect >/dev/null
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs WHERE owner = $p" 1
}

@test "if that is the only one the run ends at once (69), and says who has locked it" {
    p=$(processor p1)
    new=$(collect) wanted=$(collect --root "$DEFERRED")
    session "BEGIN; DELETE FROM processors WHERE id = $p"
    holder=$(session "SELECT pg_backend_pid()")
    request "$wanted"
    for run in scan priority; do
        within 3 expect_status 69 "$run"
        [[ $output == *"no live processor can be given jobs (\"p1\" is locked by database session $holder of role \"$(sql "SELECT session_user")\""* ]] ||
            fail "$output"
        [[ $output == *"not queued"* || $output == *"new crashes there: 1"* ]] || fail "$output"
    done
    has_links "$new"
    session ROLLBACK
    expect_status 0 scan
    expect_status 0 priority
    jobs_are "$new" "$wanted"
}

@test "processors whose jobs the server refuses get none while there are others, in each run" {
    p=$(processor p1) r=$(processor p3) q=$(processor p2)
    collect --count 100 >/dev/null
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''not this''; END';
         CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OF owner ON jobs FOR EACH ROW WHEN (NEW.owner IN ($p, $r))
             EXECUTE FUNCTION refuse()"
    expect_status 0 scan
    wanted=$(collect --root "$DEFERRED") orphan=$(nowhere)
    collect >/dev/null
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$orphan', $(processor dead 601))"
    request "$wanted"
    expect_status 0 priority
    expect_status 0 scan
    sql_is "SELECT count(*), count(*) FILTER (WHERE owner = $q) FROM jobs" "103|103"
    accept
}

# Has the server do something with the jobs of the first so many of ten processors.
first_of_ten() {
    sql "INSERT INTO processors (name, lastseendatetime) SELECT 'p' || n, now() FROM generate_series(1, 10) AS n;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN $2; RETURN NEW; END';
         CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OF owner ON jobs FOR EACH ROW WHEN (NEW.owner <= $1)
             EXECUTE FUNCTION refuse()"
}

@test "also where most of them are such: few jobs are left, until all are; where all are such the run ends (70)" {
    first_of_ten 8 "RAISE EXCEPTION ''not this''"
    collect --count 100 >/dev/null
    run scan
    sql_is "SELECT count(*) > 90, min(owner) FROM jobs" "t|9"
    requests 0 $(collect --root "$DEFERRED" --count 30)
    run priority
    sql_is "SELECT count(*) < 10 FROM priorityjobs" t
    jobs "$(processor dead 601) AS owner" 1 30
    run scan
    sql_is "SELECT count(*) < 10 FROM jobs WHERE owner = 11" t
    until run scan && [[ $status == 0 ]]; do ((++runs < 20)) || fail "not all in $runs runs"; done
    sql "DELETE FROM processors WHERE id > 11; UPDATE processors SET lastseendatetime = '-infinity' WHERE id > 8"
    collect --count 50 >/dev/null
    within 5 expect_status 70 scan
    accept
}

@test "processors for whose jobs a trigger takes its time cost a few seconds, and get none" {
    first_of_ten 2 "PERFORM pg_sleep(30)"
    collect --count 100 >/dev/null
    within 9 run scan
    sql_is "SELECT count(*) > 98, min(owner) FROM jobs" "t|3"
    accept
}

@test "a dead processor that takes long to remove stays, and holds the others up for a second" {
    processor p1
    for name in dead dead2; do processor $name 601; done
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN OLD; END';
         CREATE TRIGGER refuse BEFORE DELETE ON processors FOR EACH ROW EXECUTE FUNCTION refuse()"
    new=$(collect)
    within 3 expect_status 0 scan
    jobs_are "$new"
    log_has 'cannot remove processor "dead'
    accept
    expect_status 0 scan
    sql_is "SELECT count(*) FROM processors" 1
}

# --- jobs of dead processors

@test "a dead processor's job that the server refuses to change keeps no other" {
    dead=$(processor dead 601)
    processor p1
    mapfile -t ids < <(nowhere 12)
    sql "INSERT INTO jobs (pathname, uuid, owner)
             SELECT '/x', u, $dead FROM unnest(ARRAY[$(quoted "${ids[@]}")]) AS u"
    at UPDATE jobs "$(raises P0001)" "${ids[5]}"
    new=$(collect)
    expect_status 1 scan
    sql_is "SELECT uuid FROM jobs WHERE owner = $dead" "${ids[5]}"
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$new'" 1
    named "${ids[5]}"
}

@test "jobs of a dead processor that nobody can be given, or that are locked, keep no other" {
    processor p1
    dead=$(processor dead 601)
    jobs "$dead AS owner, 'b' AS storage" 1 30
    jobs "NULL AS owner, 'b' AS storage" 31 60
    jobs "$dead AS owner, 'main' AS storage" 61 95
    sql "UPDATE processors SET storages = '{main}' WHERE name = 'p1'"
    session "BEGIN; SELECT FROM jobs WHERE id BETWEEN 61 AND 90 FOR UPDATE"
    expect_status 0 scan --batch-size=10
    session ROLLBACK
    sql_is "SELECT min(id), count(*) FROM jobs WHERE owner <> $dead" "91|5"
    expect_status 0 scan --batch-size=10
    sql_is "SELECT min(id), count(*) FROM jobs WHERE owner <> $dead" "61|35"
}

@test "twenty of them that the server refuses keep neither the rest nor what is new" {
    processor p1
    dead=$(processor dead 601)
    jobs "$dead AS owner" 1 100
    at UPDATE jobs "$(raises P0001)" $(ids 1 20)
    new=$(collect)
    expect_status 70 scan
    sql_is "SELECT count(*) FROM jobs WHERE owner = $dead" 20
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$new'" 1
    accept
    at UPDATE jobs "RETURN NULL" $(ids 1 60)
    new=$(collect)
    run scan
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$new'" 1
    [[ $output == *"the server has left 1 of them as they were (a trigger, or a policy?)"* ]] || fail "$output"
    accept
}

@test "a run that has given some of them away, or taken some back, has not been refused everything (1)" {
    p=$(processor p1)
    jobs "$(processor dead 601) AS owner" 1 12
    at UPDATE jobs "$(raises P0001)" "$(ids 6 6)"
    expect_status 1 scan
    sql_is "SELECT id FROM jobs WHERE owner <> $p" 6
    expect_status 70 scan
    sql "UPDATE jobs SET owner = $p, starteddatetime = now() - interval '25 h' WHERE id <> 6"
    expect_status 1 scan
    sql_is "SELECT count(*) FROM jobs WHERE starteddatetime IS NOT NULL" 0
    accept
}

@test "a trigger that undoes a change, or puts the job back, is no reason to try for ever" {
    p=$(processor p1) dead=$(processor dead 601)
    jobs "$dead AS owner" 1 30
    at UPDATE jobs "NEW.owner := OLD.owner" $(ids 6 6)
    new=$(collect)
    within 5 expect_status 1 scan --batch-size=10
    sql_is "SELECT id FROM jobs WHERE owner <> $p" 6
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$new'" 1
    named "$(ids 6 6)"
    accept
    sql "UPDATE jobs SET owner = $dead;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN UPDATE crashmon.jobs SET owner = OLD.owner WHERE id = NEW.id; RETURN NULL; END';
         CREATE TRIGGER refuse AFTER UPDATE ON jobs FOR EACH ROW WHEN (OLD.owner = $dead AND NEW.owner <> $dead)
             EXECUTE FUNCTION refuse()"
    new=$(collect)
    within 5 expect_status 0 scan --batch-size=10
    sql_is "SELECT count(*) FROM jobs WHERE owner = $dead" 31
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$new'" 1
    accept
}

# --- jobs that were begun too long ago

@test "overdue jobs that are locked, or that the server refuses, keep no other" {
    p=$(processor p1)
    jobs "$p AS owner, now() - interval '25 h' AS starteddatetime" 1 40
    session "BEGIN; SELECT FROM jobs WHERE id BETWEEN 1 AND 15 FOR UPDATE"
    at UPDATE jobs "$(raises P0001)" $(ids 16 35)
    new=$(collect)
    expect_status 70 scan --batch-size=10
    session ROLLBACK
    sql_is "SELECT min(id), count(*) FROM jobs WHERE starteddatetime IS NULL AND uuid <> '$new'" "36|5"
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$new'" 1
    accept
    at UPDATE jobs "RETURN NULL" $(ids 1 1)
    run scan
    sql_is "SELECT id FROM jobs WHERE starteddatetime IS NOT NULL" 1
    named "$(ids 1 1)" $(ids 16 35)
    accept
}

@test "overdue jobs whose change a trigger undoes stay as they are, and are named" {
    p=$(processor p1)
    jobs "$p AS owner, now() - interval '25 h' AS starteddatetime, n % 2 * 9 AS attempts" 1 12
    at UPDATE jobs "NEW.starteddatetime := OLD.starteddatetime; NEW.success := OLD.success" $(ids 5 6)
    expect_status 1 scan
    sql_is "SELECT string_agg(id::text, ' ' ORDER BY id) FROM jobs WHERE success IS NULL AND starteddatetime IS NOT NULL" "5 6"
    named $(ids 5 6)
    accept
}

# --- --share-waiting

@test "--share-waiting: a job that the server refuses to change keeps no other" {
    one=$(processor one)
    jobs "$one AS owner" 1 100
    two=$(processor two)
    sql "UPDATE jobs SET queueddatetime = queueddatetime + interval '1 s' WHERE id = 90" # the first to be given away
    at UPDATE jobs "$(raises P0001)" $(ids 90 90)
    expect_status 1 scan --share-waiting
    named "$(ids 90 90)"
    sql_is "SELECT count(*) >= 49 FROM jobs WHERE owner = $two" t
    accept
}
