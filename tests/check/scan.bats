#!/usr/bin/env bats
# scan.bats - crashmon-scan: processors live and dead, what is ready, queueing.
# shellcheck disable=SC2154 # pid is set by background
load ../helper

# Ids of the crashes that are queued, in the order in which they were.
queue() { sql "SELECT uuid FROM jobs ORDER BY id"; }

# How many jobs each processor has.
loads() {
    sql "SELECT string_agg(n || '=' || c, ' ' ORDER BY n) FROM (SELECT p.name, count(j.id)
         FROM processors AS p LEFT JOIN jobs AS j ON j.owner = p.id GROUP BY 1) AS t (n, c)"
}

# An unfinished job, as if queued long ago; its pair does not matter.
job_of() {
    local id
    id=$(nowhere)
    sql "INSERT INTO jobs (pathname, uuid, owner, starteddatetime)
         VALUES ('/nowhere/$id.json', '$id', $1, ${2:-NULL})"
    echo "$id"
}

@test "a pair is queued, assigned to a live processor, and both its links are removed" {
    p=$(processor p1)
    id=$(collect --day 20081225)
    expect_status 0 scan
    sql_is "SELECT uuid, pathname, owner, priority, starteddatetime IS NULL, success IS NULL,
            storage, now() - queueddatetime < '1 min' FROM jobs" \
        "$id|$SPOOL/20081225/name/${id:0:2}/${id:2:2}/$id.json|$p|0|t|t|main|t"
    no_links "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "a good run prints nothing" {
    processor p1
    collect --count 3
    expect_status 0 scan
    [[ -z $output ]] || fail "printed: $output"
    expect_status 0 scan
    [[ -z $output ]] || fail "printed: $output"
}

# --- processors

@test "the unfinished jobs of a dead processor go, balanced, to live ones, starteddatetime reset" {
    dead=$(processor dead 601)
    processor p1
    processor p2
    for i in 1 2 3 4; do job_of "$dead" 'now()'; done
    expect_status 0 scan
    [[ $(loads) == "p1=2 p2=2" ]] || fail "$(loads)"
    sql_is "SELECT count(*) FROM jobs WHERE starteddatetime IS NOT NULL" 0
}

@test "a dead processor's row and its priority table are removed" {
    dead=$(processor dead 601)
    processor p1
    sql "CREATE TABLE priority_jobs_$dead (uuid varchar(50) PRIMARY KEY)"
    expect_status 0 scan
    sql_is "SELECT name FROM processors" p1
    sql_is "SELECT to_regclass('priority_jobs_$dead') IS NULL" t
}

@test "a dead processor whose row the server keeps is told (1); the others go, and the scan goes on" {
    kept=$(processor kept 601) dead=$(processor dead 602)
    processor p1
    id=$(collect)
    sql "CREATE TABLE notes (processor integer REFERENCES processors); INSERT INTO notes VALUES ($kept)"
    run scan
    sql "DROP TABLE notes"
    equal "$status" 1
    [[ $output == *"cannot remove a dead processor"*notes* ]] || fail "$output"
    equal "$(sql "SELECT name FROM processors ORDER BY 1")" $'kept\np1'
    jobs_are "$id"
}

@test "rows of a dead processor's priority table go back to priorityjobs" {
    dead=$(processor dead 601)
    processor p1
    sql "CREATE TABLE priority_jobs_$dead (uuid varchar(50))"
    one=$(job_of "$dead") two=$(job_of "$dead")
    request "$one"
    sql "INSERT INTO priority_jobs_$dead VALUES ('$one'), ('$two')"
    expect_status 0 scan
    equal "$(sql "SELECT uuid FROM priorityjobs" | sort)" "$(printf '%s\n' "$one" "$two" | sort)"
}

@test "a finished job of a dead processor is never touched" {
    dead=$(processor dead 601)
    processor p1
    id=$(job_of "$dead") failed=$(job_of "$dead")
    finish "$id" true
    finish "$failed" false
    before=$(sql "SELECT to_jsonb(jobs) - 'owner' FROM jobs ORDER BY id")
    expect_status 0 scan
    equal "$(sql "SELECT to_jsonb(jobs) - 'owner' FROM jobs ORDER BY id")" "$before"
    sql_is "SELECT count(*) FROM jobs AS j JOIN processors AS p ON j.owner = p.id" 0
}

@test "the load that live processors have counts when a dead one's jobs are shared out" {
    dead=$(processor dead 601)
    busy=$(processor busy)
    processor idle
    for i in 1 2; do job_of "$busy" 'now()'; done
    for i in 1 2 3 4; do job_of "$dead" 'now()'; done
    expect_status 0 scan
    [[ $(loads) == "busy=3 idle=3" ]] || fail "$(loads)"
}

# Starts a scan and waits until it is at the row that the session changes, or past it.
scan_meets() {
    session "BEGIN; $1"
    background scan
    await sql_true "SELECT EXISTS (SELECT FROM crashmon.runs WHERE ended IS NOT NULL)
        OR EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name = 'crashmon-scan' AND wait_event_type = 'Lock')"
    session COMMIT
    background_ends 0
}

@test "a job that a dead processor finishes meanwhile is never touched" {
    dead=$(processor dead 601)
    processor p1
    id=$(job_of "$dead" 'now()')
    started=$(sql "SELECT starteddatetime FROM jobs")
    scan_meets "UPDATE jobs SET success = true, completeddatetime = now() WHERE uuid = '$id'"
    sql_is "SELECT starteddatetime, success, owner IS NULL OR owner = $dead FROM jobs" \
        "$started|t|t"
}

@test "a dead processor that comes back meanwhile is not removed, and no job is without an owner" {
    dead=$(processor dead 601)
    processor p1
    job_of "$dead" 'now()'
    scan_meets "UPDATE processors SET lastseendatetime = now() WHERE id = $dead"
    sql_is "SELECT count(*) FROM processors" 2
    sql_is "SELECT count(*) FROM jobs JOIN processors ON processors.id = owner" 1
}

@test "a processor between one and two check-in times keeps its jobs and gets no new ones" {
    processor late 450
    processor p1
    job_of 1 'now()'
    collect --count 3
    expect_status 0 scan
    [[ $(loads) == "late=1 p1=3" ]] || fail "$(loads)"
    sql_is "SELECT count(*) FROM jobs WHERE starteddatetime IS NOT NULL" 1
}

@test "--processor-check-in-time says how late is dead, and how late is not live" {
    processor dead 130
    processor late 70
    processor p1 50
    job_of 1
    collect --count 2
    expect_status 0 scan --processor-check-in-time=00:01:00
    [[ $(loads) == "late=0 p1=3" ]] || fail "$(loads)"
}

@test "with no live processor nothing is queued and the spool stays as it is (68)" {
    processor late 450
    collect --count 2
    collect --without dump --age 100000
    before=$(spool_state "$SPOOL")
    expect_status 68 scan
    sql_is "SELECT count(*) FROM jobs" 0
    equal "$(spool_state "$SPOOL")" "$before"
    [[ $output == *processor* ]] || fail "says: $output"
}

@test "with no live processor the jobs of a dead one stay what they are (68)" {
    dead=$(processor dead 3600)
    id=$(job_of "$dead" 'now()')
    expect_status 68 scan
    sql_is "SELECT uuid FROM jobs WHERE success IS NULL" "$id"
}

@test "a pair goes to the live processor with the fewest unfinished jobs" {
    for p in p1 p2 p3; do processor $p; done
    collect --count 9
    expect_status 0 scan
    [[ $(loads) == "p1=3 p2=3 p3=3" ]] || fail "$(loads)"
}

@test "the first batches are small, so that the rows of some are made while others are looked at" {
    processor p1
    collect --count 800 >/dev/null
    expect_status 0 scan --batch-size=400 --log-file-error-logging-level=20
    run grep -o 'batch of [0-9]* done' "$LOG"
    [[ ${output//[^0-9$'\n']/} == $'125\n250\n375\n50' ]] || fail "$output"
    no_links "*"
    log_has "seen 800: queued 800"
}

# -n NUMBER: scans with so many descriptors; -Sn: with so many to begin with.
limited_scan() { ulimit "$1" "$2" && scan "${@:3}"; }

@test "a scan works with few descriptors, which it may not raise" {
    processor p1
    mapfile -t ids < <(collect --count 200)
    expect_status 0 limited_scan -n 80 --batch-size=2
    sql_is "SELECT count(*) FROM jobs" 200
    no_links "*"
}

# How many directories of pairs a process has open.
holds() { find "/proc/$1/fd" -lname "$(realpath "$SPOOL")/*/name/*" 2>/dev/null | wc -l; }

@test "a scan raises the limit of descriptors, and holds directories until their links are gone" {
    processor p1
    mapfile -t ids < <(collect --count 100)
    hold
    background limited_scan -Sn 40
    await_blocked crashmon-scan
    (($(holds "$pid") == 100)) || fail "$(holds "$pid") directories"
    session COMMIT
    background_ends 0
    no_links "*"
}

@test "the load that a processor already has counts" {
    processor p1
    processor p2
    for i in 1 2 3 4; do job_of 1 'now()'; done
    collect --count 6
    expect_status 0 scan --batch-size=4
    [[ $(loads) == "p1=5 p2=5" ]] || fail "$(loads)"
}

@test "finished jobs are no load" {
    processor p1
    processor p2
    for i in 1 2 3 4; do finish "$(job_of 1)" true; done
    collect --count 4
    expect_status 0 scan
    sql_is "SELECT owner, count(*) FROM jobs WHERE success IS NULL GROUP BY 1 ORDER BY 1" \
        $'1|2\n2|2'
}

# --- what is ready

@test "the oldest go first: by day, then by hour and slot" {
    processor p1
    d=$(collect --day 20081226 --time 00:00)
    c=$(collect --day 20081225 --time 13:00)
    b=$(collect --day 20081225 --time 12:10)
    a=$(collect --day 20081225 --time 12:05)
    expect_status 0 scan --limit=1
    [[ $(queue) == "$a" ]] || fail "queued: $(queue)"
    expect_status 0 scan
    equal "$(queue)" "$(printf '%s\n' "$a" "$b" "$c" "$d")"
}

@test "--limit ends the run after so many crashes; the rest keeps its links" {
    processor p1
    collect --count 5
    expect_status 0 scan --limit=3
    sql_is "SELECT count(*) FROM jobs" 3
    [[ $(new_links | wc -l) == 2 ]] || fail "$(new_links)"
}

@test "--batch-size: several batches, each a transaction" {
    processor p1
    collect --count 5
    expect_status 0 scan --batch-size=2
    sql_is "SELECT count(*), count(DISTINCT xmin::text) FROM jobs" "5|3"
    [[ -z $(new_links) ]] || fail "$(new_links)"
}

@test "a pair that changed within --settle-time is left (0), and queued later" {
    processor p1
    id=$(collect --age 0)
    expect_status 0 scan --settle-time=00:10:00
    log_has "$id"
    has_links "$id"
    sql_is "SELECT count(*) FROM jobs" 0
    expect_status 0 scan --settle-time=00:00:00
    [[ $(queue) == "$id" ]]
}

@test "one file that changed within --settle-time is enough to leave the pair" {
    processor p1
    id=$(collect)
    touch "$SPOOL"/2*/name/*/*/"$id.dump"
    expect_status 0 scan --settle-time=00:10:00
    has_links "$id"
}

@test "an empty file is no half of a pair: it is left (0)" {
    processor p1
    for file in json dump; do
        id=$(collect --without $file)
        install -m 660 /dev/null "$(dirname "$SPOOL"/2*/name/*/*/"$id")/$id.$file"
        touch -d '1 hour ago' "$SPOOL"/2*/name/*/*/"$id.$file"
    done
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs" 0
    [[ $(new_links | wc -l) == 2 ]] || fail "$(new_links)"
}

@test "a pair without its name link is ready; one without its date link is not new" {
    processor p1
    id=$(collect --without name-link)
    seen=$(collect --without date-link)
    expect_status 0 scan
    [[ $(queue) == "$id" ]] || fail "queued: $(queue)"
    no_links "$id"
    pair_is_whole "$SPOOL" "$(date +%Y%m%d)" "$seen"
}

# --- commit first, then remove the links

@test "no link is removed before the row is committed" {
    processor p1
    collect --count 3
    before=$(spool_state "$SPOOL")
    held scan
    equal "$(spool_state "$SPOOL")" "$before"
    session "COMMIT"
    background_ends 0
    [[ -z $(new_links) ]] || fail "$(new_links)"
    sql_is "SELECT count(*) FROM jobs" 3
}

@test "a crash that the server refuses keeps its links; the rest goes on" {
    processor p1
    a=$(collect --time 01:00) b=$(collect --time 02:00) c=$(collect --time 03:00)
    refuse "$b"
    run scan --batch-size=1
    [[ $status != 0 && $status -lt 99 ]] || fail "exit code $status" "$output"
    equal "$(queue)" "$(printf '%s\n' "$a" "$c")"
    has_links "$b"
    no_links "$a"
    no_links "$c"
    log_has "$b"
    accept
    expect_status 0 scan
    no_links "$b"
}

@test "a crash that the server refuses when all is committed keeps back no other, either (1)" {
    processor p1
    a=$(collect --time 01:00) b=$(collect --time 02:00) c=$(collect --time 03:00)
    sql "CREATE TABLE accepted (uuid varchar(50) PRIMARY KEY);
         INSERT INTO accepted VALUES ('$a'), ('$c');
         ALTER TABLE jobs ADD CONSTRAINT accepted FOREIGN KEY (uuid) REFERENCES accepted
             DEFERRABLE INITIALLY DEFERRED"
    run scan
    sql "ALTER TABLE jobs DROP CONSTRAINT accepted; DROP TABLE accepted"
    equal "$status" 1
    jobs_are "$a" "$c"
    has_links "$b"
    no_links "$a"
}

@test "a link whose crash is already queued is just removed" {
    processor p1
    id=$(collect) done=$(collect)
    expect_status 0 scan
    for i in "$id" "$done"; do collect --id "$i" --day "$(date +%Y%m%d)"; done
    finish "$done" true # what comes after that is another crash
    rows=$(sql "SELECT * FROM jobs ORDER BY id")
    expect_status 0 scan
    no_links "$id"
    no_links "$done"
    equal "$(sql "SELECT * FROM jobs ORDER BY id")" "$rows"
    pair_is_whole "$SPOOL" "$(date +%Y%m%d)" "$id"
}

@test "a link that cannot be removed stays, and no run says that it is removed (77)" {
    processor p1
    id=$(crash) slot=$SPOOL/20081225/date/12/05/web01_0
    as_a_user
    chmod a-w "$slot"
    for _ in 1 2; do
        expect_status 77 scan
        log_has "cannot remove the links of \"$id\": "
    done
    log_has "\"$id\": already queued: its links stay"
    ! grep 'its links are removed' "$LOG" || fail "says what is not so"
    chmod u+w "$slot"
    expect_status 0 scan
    log_has "\"$id\": already queued: its links are removed"
}

@test "empty directories of the date tree are removed when they are old, never when young" {
    processor p1
    collect --age 7200 --day 20081225
    collect --age 60 --day 20081226
    mkdir -p "$SPOOL"/2008122{5,6}/date/01/00/web01_0
    touch -d '2 hours ago' "$SPOOL"/20081225/date/01/{00/web01_0,00,}
    expect_status 0 scan
    [[ ! -e $SPOOL/20081225/date/01/00/web01_0 ]] || fail "kept: an old empty directory"
    [[ ! -e $SPOOL/20081225/date/12/05/web01_0 ]] || fail "kept: an old directory, empty now"
    [[ -d $SPOOL/20081226/date/01/00/web01_0 && -d $SPOOL/20081226/date/12/05/web01_0 ]] ||
        fail "removed: a young directory"
}

@test "an old date tree goes whole, when it is empty; the name tree stays" {
    processor p1
    id=$(collect --age 7200 --day 20081225)
    scan
    find "$SPOOL/20081225/date" -exec touch -d '2 hours ago' {} + 2>/dev/null || true
    expect_status 0 scan
    [[ -z $(find "$SPOOL/20081225/date" -mindepth 1 2>/dev/null) ]] || fail "$(find "$SPOOL")"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "a collector at work at the same time loses nothing and is not disturbed" {
    processor p1
    background collect --count 1500 --age 0 --web-heads 3
    collector=$pid ids=$BACKGROUND
    while kill -0 "$collector" 2>/dev/null; do
        run scan --settle-time=00:00:01
        [[ $status -le 1 ]] || fail "exit code $status" "$output"
    done
    background_ends 0 "$collector"
    settled() { scan --settle-time=00:00:01 && [[ -z $(new_links) ]]; }
    await settled
    equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(sort "$ids")"
    [[ -z $(new_links) ]] || fail "$(new_links)"
}

@test "a crash that was queued and put away since the scan saw it is not queued again" {
    processor p1
    id=$(collect) linked=$(collect --without name-link) other=$(collect)
    held scan
    find "$SPOOL" -name "$id*" -delete
    find "$SPOOL" -name "$linked.*" -delete
    session "COMMIT"
    background_ends 0
    sql_is "SELECT uuid FROM jobs" "$other"
    for id in "$id" "$linked"; do
        log_has "\"$id\": left: its pair was put away meanwhile"
    done
}

@test "a row that never appears, while nobody else has queued the crash, keeps back no other (1)" {
    processor p1
    mapfile -t ids < <(crash --count 9)
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER refuse BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.uuid = '${ids[4]}')
             EXECUTE FUNCTION refuse()"
    expect_status 1 scan
    has_links "${ids[4]}"
    log_has "seen 9: queued 8, left 1; exit code 1"
    accept
    expect_status 0 scan
    jobs_are "${ids[@]}"
}

@test "a run that has lost its connection moves nothing more, not even a stray" {
    processor p1
    collect >/dev/null
    slot=$(find "$SPOOL" -name web01_0)
    touch -d '3 days ago' "$slot"/{a,b,c}
    session "BEGIN; LOCK TABLE crashmon.runs"
    background scan
    await_blocked crashmon-scan
    before=$(spool_state "$SPOOL")
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'crashmon-scan'"
    background_ends 69
    equal "$(spool_state "$SPOOL")" "$before"
}
