#!/usr/bin/env bats
# priority.bats - crashmon-priority in the queue: jobs that are waiting already, and their owners.
# shellcheck disable=SC2154 # pid is set by background
load ../helper

# Queues crashes that lie nowhere: jobs OWNER PRIORITY ID..., OWNER being a processor's id or NULL.
jobs() {
    local id values=''
    for id in "${@:3}"; do values+="${values:+, }('/nowhere/$id.json', '$id', $1, $2)"; done
    sql "INSERT INTO jobs (pathname, uuid, owner, priority) VALUES $values"
}

# Has the server refuse a statement: refuse_to 'UPDATE ON jobs'.
refuse_to() {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''refused''; END';
         CREATE TRIGGER refuse BEFORE $1 FOR EACH ROW EXECUTE FUNCTION refuse()"
}

@test "an unfinished job is raised to priority 1 or above, never lowered, and nothing is printed" {
    p=$(processor p1)
    mapfile -t ids < <(nowhere 5)
    jobs "$p" 0 "${ids[@]}"
    sql "UPDATE jobs SET priority = (ARRAY[-3, 0, 1, 5, 0])[id]"
    requests 0 "${ids[@]:0:4}"
    expect_status 0 priority
    [[ -z $output ]] || fail "printed: $output"
    sql_is "SELECT string_agg((priority >= 1)::text, ' ' ORDER BY id), max(priority),
                min(priority), (SELECT count(*) FROM priorityjobs) FROM jobs" \
        "true true true true false|5|0|0"
    sql_is "SELECT priority FROM jobs WHERE id IN (3, 4) ORDER BY id" $'1\n5'
}

@test "nothing but the priority of the job changes" {
    p=$(processor p1)
    id=$(nowhere)
    jobs "$p" 0 "$id"
    sql "UPDATE jobs SET starteddatetime = now(), storage = 'two', message = 'half way'"
    requests 0 "$id"
    before=$(sql "SELECT to_jsonb(jobs) - 'priority' FROM jobs")
    expect_status 0 priority
    equal "$(sql "SELECT to_jsonb(jobs) - 'priority' FROM jobs")" "$before"
    sql_is "SELECT priority >= 1 FROM jobs" t
}

@test "a job that was asked for and raised is done by its processor before older ones" {
    p=$(processor p1)
    mapfile -t ids < <(nowhere 3)
    jobs "$p" 0 "${ids[@]}"
    requests 0 "${ids[2]}"
    expect_status 0 priority
    sql_is "SELECT uuid FROM jobs WHERE owner = $p AND starteddatetime IS NULL
            ORDER BY priority DESC, queueddatetime LIMIT 1" "${ids[2]}"
}

# A job, and a request for it.
requested_job() {
    p=$(processor p1)
    id=$(nowhere)
    jobs "$p" 0 "$id"
    requests 0 "$id"
}

@test "when the request cannot be removed, the job is not raised: one transaction" {
    requested_job
    refuse_to 'DELETE ON priorityjobs'
    run priority
    [[ $status != 0 && $status -lt 99 ]] || fail "exit code $status" "$output"
    sql_is "SELECT priority, (SELECT count(*) FROM priorityjobs) FROM jobs" "0|1"
    accept
    expect_status 0 priority
    sql_is "SELECT priority >= 1, (SELECT count(*) FROM priorityjobs) FROM jobs" "t|0"
}

@test "when the job cannot be raised, the request is not removed: one transaction" {
    requested_job
    refuse_to 'UPDATE ON jobs'
    run priority
    [[ $status != 0 && $status -lt 99 ]] || fail "exit code $status" "$output"
    sql_is "SELECT priority, (SELECT count(*) FROM priorityjobs) FROM jobs" "0|1"
}

@test "a request that waits while a run is at work is not removed unserved" {
    p=$(processor p1)
    mapfile -t ids < <(nowhere 2)
    jobs "$p" 0 "${ids[@]}"
    requests 0 "${ids[0]}"
    hold
    background priority
    await_blocked crashmon-priority
    requests 0 "${ids[1]}"
    session COMMIT
    background_ends 0
    expect_status 0 priority
    sql_is "SELECT bool_and(priority >= 1), (SELECT count(*) FROM priorityjobs) FROM jobs" "t|0"
}

# --- the owner's priority table

@test "the id is in its owner's priority table exactly once, also when asked for again" {
    p=$(processor p1)
    mapfile -t ids < <(nowhere 3)
    jobs "$p" 0 "${ids[@]}"
    sql "CREATE TABLE priority_jobs_$p (uuid varchar(50)); -- nothing here that forbids two
         INSERT INTO priority_jobs_$p VALUES ('${ids[0]}')"
    for _ in 1 2; do
        requests 0 "${ids[@]:0:2}"
        expect_status 0 priority
    done
    sql_is "SELECT uuid FROM priority_jobs_$p ORDER BY 1" \
        "$(printf '%s\n' "${ids[@]:0:2}" | sort)"
}

@test "only the owner's priority table is written, and none is made for an owner without one" {
    one=$(processor one) two=$(processor two)
    mapfile -t ids < <(nowhere 2)
    jobs "$one" 0 "${ids[0]}"
    jobs "$two" 0 "${ids[1]}"
    sql "CREATE TABLE priority_jobs_$one (uuid varchar(50) PRIMARY KEY)"
    requests 0 "${ids[@]}"
    expect_status 0 priority
    sql_is "SELECT uuid FROM priority_jobs_$one" "${ids[0]}"
    sql_is "SELECT to_regclass('priority_jobs_$two') IS NULL" t
    sql_is "SELECT bool_and(priority >= 1) FROM jobs" t
}

@test "priority tables that somebody has locked are waited for once in a run, and others are filled" {
    for n in 1 2 3 4; do
        p=$(processor p$n)
        sql "CREATE TABLE priority_jobs_$p (uuid varchar(50))"
        locked+=${locked:+, }priority_jobs_$p
    done
    mapfile -t ids < <(crash --count 70)
    expect_status 0 scan
    requests 0 "${ids[@]}"
    # One of them refuses: its batch is tried in parts.
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not this''; END';
         CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.uuid = '${ids[33]}')
             EXECUTE FUNCTION refuse()"
    session "BEGIN; LOCK TABLE ${locked%, *}" >/dev/null
    PGOPTIONS='-c exit_on_error=on' expect_status 1 priority --batch-size=35 # whatever an administrator has set
    session COMMIT
    sql_is "SELECT count(*) FROM jobs WHERE priority = 1" 69
    sql_is "SELECT count(*) BETWEEN 16 AND 18 FROM priority_jobs_$p" t
    # Each is told when the first job of its processor comes, and then no more.
    equal "$(sed -n 's/.*cannot use the priority tables of processors \(.*\) in this run.*/\1/p' "$LOG" |
        tr -s ', ' '\n' | sort -n)" "$(sql "SELECT id FROM processors WHERE id <> $p ORDER BY id")"
}

@test "the priority table, the job and the request change in one transaction" {
    p=$(processor p1)
    id=$(nowhere)
    jobs "$p" 0 "$id"
    sql "CREATE TABLE priority_jobs_$p (uuid varchar(50) PRIMARY KEY)"
    requests 0 "$id"
    refuse_to "DELETE ON priorityjobs"
    run priority
    [[ $status != 0 && $status -lt 99 ]] || fail "exit code $status" "$output"
    sql_is "SELECT priority, (SELECT count(*) FROM priorityjobs),
                (SELECT count(*) FROM priority_jobs_$p) FROM jobs" "0|1|0"
}

@test "a priority table that refuses the crash keeps nobody from being served" {
    p=$(processor p1)
    mapfile -t ids < <(nowhere 2)
    jobs "$p" 0 "${ids[@]}"
    sql "CREATE TABLE priority_jobs_$p (uuid varchar(10) PRIMARY KEY)"
    requests 0 "${ids[@]}"
    expect_status 0 priority
    log_has "priority tables"
    sql_is "SELECT bool_and(priority >= 1), (SELECT count(*) FROM priorityjobs) FROM jobs" "t|0"
}

# --- an owner that is dead

@test "a job whose owner is dead goes to a live one, starteddatetime reset, and into its table" {
    dead=$(processor dead 601) p=$(processor p1)
    id=$(nowhere)
    jobs "$dead" 0 "$id"
    sql "UPDATE jobs SET starteddatetime = now();
         CREATE TABLE priority_jobs_$p (uuid varchar(50) PRIMARY KEY)"
    requests 0 "$id"
    expect_status 0 priority
    sql_is "SELECT owner, priority >= 1, starteddatetime IS NULL,
                (SELECT count(*) FROM priorityjobs) FROM jobs" "$p|t|t|0"
    sql_is "SELECT uuid FROM priority_jobs_$p" "$id"
}

@test "a job whose owner is dead goes to the live processor with the fewest unfinished jobs" {
    dead=$(processor dead 601) busy=$(processor busy) idle=$(processor idle)
    mapfile -t ids < <(nowhere 8)
    jobs "$busy" 0 "${ids[@]:0:2}"
    jobs "$dead" 0 "${ids[@]:2}"
    requests 0 "${ids[@]:2:4}"
    expect_status 0 priority
    sql_is "SELECT owner, count(*) FROM jobs GROUP BY 1 ORDER BY 1" \
        "$(printf '%s\n' "$dead|2" "$busy|3" "$idle|3")"
}

@test "an unfinished job that nobody owns goes to a live processor" {
    p=$(processor p1)
    id=$(nowhere)
    jobs NULL 0 "$id"
    requests 0 "$id"
    expect_status 0 priority
    sql_is "SELECT owner, priority >= 1, (SELECT count(*) FROM priorityjobs) FROM jobs" "$p|t|0"
}

@test "an owner between one and two check-in times is not dead: it keeps the job" {
    late=$(processor late 450)
    processor p1
    id=$(nowhere)
    jobs "$late" 0 "$id"
    requests 0 "$id"
    expect_status 0 priority
    sql_is "SELECT owner, priority >= 1 FROM jobs" "$late|t"
}

@test "--processor-check-in-time says when an owner is dead" {
    dead=$(processor dead 130) late=$(processor late 70) p=$(processor p1 50)
    mapfile -t ids < <(nowhere 2)
    jobs "$dead" 0 "${ids[0]}"
    jobs "$late" 0 "${ids[1]}"
    requests 0 "${ids[@]}"
    expect_status 0 priority --processor-check-in-time=00:01:00
    sql_is "SELECT owner FROM jobs ORDER BY id" "$p"$'\n'"$late"
}

@test "with no live processor the queued jobs are raised all the same, and keep their owner" {
    late=$(processor late 450)
    id=$(nowhere)
    jobs "$late" 0 "$id"
    requests 0 "$id"
    run priority
    [[ $status == 0 || $status == 68 ]] || fail "exit code $status" "$output"
    sql_is "SELECT owner, priority >= 1, (SELECT count(*) FROM priorityjobs) FROM jobs" "$late|t|0"
}

@test "with no live processor a dead one's job is raised, and nothing is lost (68)" {
    dead=$(processor dead 3600)
    id=$(nowhere)
    jobs "$dead" 0 "$id"
    requests 0 "$id"
    expect_status 68 priority
    sql_is "SELECT owner, priority >= 1 FROM jobs" "$dead|t"
}

@test "with no live processor a pair on disk stays, and so does its request (68)" {
    late=$(processor late 450)
    queued=$(nowhere)
    jobs "$late" 0 "$queued"
    here=$(collect) throttled=$(collect --root "$DEFERRED")
    before=$(spool_state "$SPOOL"; spool_state "$DEFERRED")
    requests 0 "$queued" "$here" "$throttled"
    expect_status 68 priority
    [[ $output == *processor* ]] || fail "says: $output"
    equal "$(spool_state "$SPOOL"; spool_state "$DEFERRED")" "$before"
    sql_is "SELECT uuid, priority >= 1 FROM jobs" "$queued|t"
    equal "$(sql "SELECT uuid FROM priorityjobs ORDER BY 1")" \
        "$(printf '%s\n' "$here" "$throttled" | sort)"

    processor p1
    expect_status 0 priority
    sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs) FROM jobs" "3|0"
}

@test "with no live processor and nothing to do the run is good" {
    expect_status 0 priority
    [[ -z $output ]] || fail "printed: $output"
}

# --- finished, or another storage's

@test "a finished job is not touched: its request is removed" {
    dead=$(processor dead 601) p=$(processor p1)
    mapfile -t ids < <(nowhere 3)
    jobs "$p" 0 "${ids[@]:0:2}"
    jobs "$dead" 0 "${ids[2]}"
    sql "CREATE TABLE priority_jobs_$p (uuid varchar(50) PRIMARY KEY);
         UPDATE jobs SET starteddatetime = now(), completeddatetime = now(), success = id <> 2"
    requests 0 "${ids[@]}"
    before=$(sql "SELECT * FROM jobs ORDER BY id")
    expect_status 0 priority
    equal "$(sql "SELECT * FROM jobs ORDER BY id")" "$before"
    sql_is "SELECT (SELECT count(*) FROM priorityjobs),
                (SELECT count(*) FROM priority_jobs_$p)" "0|0"
}

@test "a job that its processor finishes meanwhile is not touched" {
    requested_job
    session "BEGIN; UPDATE jobs SET starteddatetime = now(), completeddatetime = now(),
                        success = true, message = 'done'"
    expect_status 0 priority
    log_has "left: its job is locked"
    session COMMIT
    sql_is "SELECT priority, success, message FROM jobs" "0|t|done"
    expect_status 0 priority
    sql_is "SELECT count(*) FROM priorityjobs" 0
}

@test "a request for a crash whose job is in another storage is served in the queue" {
    p=$(processor p1)
    id=$(collect)
    jobs "$p" 0 "$id"
    sql "UPDATE jobs SET storage = 'two'"
    requests 0 "$id"
    pathname=$(sql "SELECT pathname FROM jobs")
    run priority
    [[ $status -le 1 ]] || fail "exit code $status" "$output"
    sql_is "SELECT pathname, storage, priority >= 1,
                (SELECT count(*) FROM priorityjobs) FROM jobs" \
        "$pathname|two|t|0"
    pair_is_whole "$SPOOL" "$(date +%Y%m%d)" "$id"
}

@test "two runs at once: one says that the other holds the lock (75), each request is served once" {
    requested_job
    held priority
    expect_status 75 priority
    session COMMIT
    background_ends 0
    sql_is "SELECT priority >= 1, (SELECT count(*) FROM priorityjobs) FROM jobs" "t|0"
    sql_is "SELECT count(*), sum(seen) FROM crashmon.runs" "1|1"
}
