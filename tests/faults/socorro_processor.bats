#!/usr/bin/env bats
# The parties around crashmon as Socorro wrote them in 2009 and 2010: a processor and a reporter
# that know Socorro's tables and columns only and issue Socorro's statements, while the three
# programs run in between.
load ../helper
load socorro

# --- the processor

# Registers under a name, makes the priority table, prints the id.
registers() {
    local id
    socorro "insert into processors (name, startdatetime, lastseendatetime) values ('$1', now(), now())"
    id=$(socorro "select id from processors where name = '$1'")
    socorro "update processors set name = '$1', startdatetime = now(), lastseendatetime = now()
         where id = $id"
    socorro "update jobs set starteddatetime = NULL where id in
         (select id from jobs where starteddatetime is not null and success is null
          and owner = $id)"
    socorro "drop table if exists priority_jobs_$id"
    socorro "create table priority_jobs_$id (uuid varchar(50) not null primary key)"
    echo "$id"
}

# Leaves the way it does on SIGTERM.
leaves() {
    socorro "update processors set lastseendatetime = '1999-01-01' where id = $1"
    socorro "drop table priority_jobs_$1"
}

# The next job, as "id uuid": from the priority table, where each entry is deleted whatever it
# names, or else from the jobs that it owns.
next_job() {
    local id uuid priority started pathname
    while IFS='|' read -r id uuid priority started < <(
        socorro "select j.id, pj.uuid, 1, j.starteddatetime
             from jobs j right join priority_jobs_$1 pj on j.uuid = pj.uuid"
    ); do
        socorro "delete from priority_jobs_$1 where uuid = '$uuid'"
        [[ $id && ! $started ]] || continue
        echo "$id $uuid"
        return
    done
    IFS='|' read -r id pathname uuid < <(
        socorro "select j.id, j.pathname, j.uuid from jobs j
             where j.owner = $1 and starteddatetime is null
             order by priority desc, queueddatetime asc limit 1"
    ) || return 0
    [[ -f $pathname && -f ${pathname%.json}.dump ]] || fail "no pair at $pathname" || return
    echo "$id $uuid"
}

# Takes the next job and does it: does_next PROCESSOR [MESSAGE], a failure with a message.
# $uuid is the crash; it is empty when there is nothing to do.
does_next() {
    local job id
    job=$(next_job "$1")
    read -r id uuid <<<"$job" || return 0
    [[ $id ]] || return 0
    socorro "update jobs set starteddatetime = $(clock) where id = $id"
    if [[ ${2:-} ]]; then
        socorro "update jobs set completeddatetime = $(clock), success = False, message = '$2'
             where id = $id"
    else
        socorro "update jobs set completeddatetime = $(clock), success = True where id = $id"
    fi
}

# --- the reporter

asks_for() { socorro "insert into priorityjobs (uuid) values ('$1')"; }

# --- what the columns and statements alone show

@test "a processor that knows only Socorro's columns registers, works and leaves" {
    alpha=$(registers host1_100)
    for n in 1 2 3; do
        collect --time "0$n:00" >"$BATS_TEST_TMPDIR/$n"
    done
    socorro "insert into jobs (pathname, uuid, owner, priority, queueddatetime)
         select path, substring(path from '[^/]*(?=.json)'), $alpha, 0, now()
         from unnest(array['$(find "$SPOOL" -name '*.json' | paste -sd, | sed "s/,/','/g")'])
              as path"
    newest=$(<"$BATS_TEST_TMPDIR/3")
    socorro "insert into priority_jobs_$alpha values ('$newest'), ('a crash that nobody knows')"
    checks_in "$alpha"
    sql_true "SELECT abs(extract(epoch FROM now() - lastseendatetime)) < 60 FROM processors"
    does_next "$alpha"
    equal "$uuid" "$newest"
    does_next "$alpha"
    does_next "$alpha" "mdsw failed: header truncated"
    does_next "$alpha"
    equal "$uuid" ""
    sql_is "SELECT count(*), count(*) FILTER (WHERE success), min(message), max(storage)
            FROM jobs WHERE abs(extract(epoch FROM now() - completeddatetime)) < 60" \
        "3|2|mdsw failed: header truncated|main"
    leaves "$alpha"
    sql_true "SELECT lastseendatetime < '2000-01-01' FROM processors"
}

@test "a reporter that knows only Socorro's columns asks for a crash" {
    asks_for 22adfb61-f75b-11dc-b6be-001322081225
    sql_true "SELECT abs(extract(epoch FROM now() - requesteddatetime)) < 60 FROM priorityjobs"
}

# --- with the programs

@test "what scan queues for it, it takes, the oldest first; cleanup puts it away" {
    alpha=$(registers host1_100)
    first=$(collect --time 03:00)
    second=$(collect --time 04:00)
    expect_status 0 scan
    no_links "$first"
    does_next "$alpha"
    does_next "$alpha"
    does_next "$alpha"
    equal "$uuid" ""
    expect_status 0 cleanup_jobs
    for id in "$first" "$second"; do
        pair_is_whole "$ARCHIVE" "20${id: -6}" "$id"
    done
    sql_is "SELECT count(*) FROM jobs" 0
    equal "$(find "$SPOOL" -name '*.json' -o -name '*.dump')" ""
}

@test "two batches of a scan are taken in the order in which they were queued" {
    alpha=$(registers host1_100)
    first=$(collect --time 04:00)
    expect_status 0 scan
    second=$(collect --time 03:00)
    expect_status 0 scan
    does_next "$alpha"
    equal "$uuid" "$first"
    does_next "$alpha"
    equal "$uuid" "$second"
}

@test "a job that fails goes to the failed storage, with its message until then" {
    alpha=$(registers host1_100)
    id=$(collect)
    expect_status 0 scan
    does_next "$alpha" "no frames"
    sql_is "SELECT message FROM jobs" "no frames"
    expect_status 0 cleanup_jobs
    pair_is_whole "$FAILED" "20${id: -6}" "$id"
    sql_is "SELECT count(*) FROM jobs" 0
    equal "$(find "$ARCHIVE" -type f)" ""
}

@test "cleanup leaves alone what the processor has not finished" {
    alpha=$(registers host1_100)
    collect --count 2 >"$BATS_TEST_TMPDIR/ids"
    expect_status 0 scan
    read -r id _ < <(next_job "$alpha")
    socorro "update jobs set starteddatetime = $(clock) where id = $id"
    before=$(db_state | grep -Ev '^(runs|storages)[|]') spool=$(spool_state "$SPOOL")
    expect_status 0 cleanup_jobs
    equal "$(db_state | grep -Ev '^(runs|storages)[|]')" "$before"
    equal "$(spool_state "$SPOOL")" "$spool"
}

@test "a job that a user asks for is named in the owner's priority table and done first" {
    alpha=$(registers host1_100)
    collect --count 3 >"$BATS_TEST_TMPDIR/ids"
    expect_status 0 scan
    wanted=$(sql "SELECT uuid FROM jobs ORDER BY queueddatetime DESC, id DESC LIMIT 1")
    asks_for "$wanted"
    expect_status 0 priority
    sql_is "SELECT uuid FROM priority_jobs_$alpha" "$wanted"
    sql_is "SELECT uuid FROM jobs WHERE priority > 0" "$wanted"
    sql_is "SELECT count(*) FROM priorityjobs" 0
    does_next "$alpha"
    equal "$uuid" "$wanted"
    sql_is "SELECT count(*) FROM priority_jobs_$alpha" 0
}

@test "asked for again while it waits: named once" {
    alpha=$(registers host1_100)
    id=$(collect)
    expect_status 0 scan
    for _ in 1 2; do
        asks_for "$id"
        expect_status 0 priority
    done
    sql_is "SELECT uuid FROM priority_jobs_$alpha" "$id"
}

@test "of two processors only the owner is told, and one without a priority table sees priority" {
    alpha=$(registers host1_100) beta=$(registers host2_200)
    socorro "drop table priority_jobs_$beta"
    collect --count 4 >"$BATS_TEST_TMPDIR/ids"
    expect_status 0 scan
    sql_is "SELECT owner, count(*) FROM jobs GROUP BY owner ORDER BY owner" \
        "$alpha|2"$'\n'"$beta|2"
    for owner in "$alpha" "$beta"; do
        asks_for "$(sql "SELECT uuid FROM jobs WHERE owner = $owner ORDER BY id DESC LIMIT 1")"
    done
    expect_status 0 priority
    sql_is "SELECT count(*) FROM priority_jobs_$alpha JOIN jobs USING (uuid)
            WHERE owner = $alpha" 1
    wanted=$(sql "SELECT uuid FROM jobs WHERE owner = $beta AND priority > 0")
    sql_is "select j.uuid from jobs j where j.owner = $beta and starteddatetime is null
            order by priority desc, queueddatetime asc limit 1" "$wanted"
}

@test "a crash that was throttled is found, named in the priority table, done and put away" {
    alpha=$(registers host1_100)
    id=$(SPOOL=$DEFERRED collect --without links)
    asks_for "$id"
    expect_status 0 priority
    sql_is "SELECT uuid FROM priority_jobs_$alpha" "$id"
    does_next "$alpha"
    equal "$uuid" "$id"
    expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" "20${id: -6}" "$id"
    equal "$(find "$DEFERRED" -type f)" ""
}

@test "what a user asks for that is no crash id reaches no processor" {
    alpha=$(registers host1_100)
    asks_for "''; drop table jobs; --"
    asks_for "../../../../etc/passwd"
    expect_status 1 priority
    sql_is "SELECT count(*) FROM priorityjobs" 0
    sql_is "SELECT count(*) FROM priority_jobs_$alpha" 0
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "a processor that leaves: its jobs go to another, its row goes" {
    alpha=$(registers host1_100)
    collect --count 2 >"$BATS_TEST_TMPDIR/ids"
    expect_status 0 scan
    socorro "update jobs set starteddatetime = $(clock)
         where id = (select min(id) from jobs where owner = $alpha)"
    beta=$(registers host2_200)
    leaves "$alpha"
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs WHERE owner = $beta AND starteddatetime IS NULL" 2
    sql_is "SELECT id FROM processors" "$beta"
}

@test "a processor that dies: what its priority table names is asked for anew, the table goes" {
    alpha=$(registers host1_100)
    collect --count 2 >"$BATS_TEST_TMPDIR/ids"
    expect_status 0 scan
    wanted=$(tail -n 1 "$BATS_TEST_TMPDIR/ids")
    asks_for "$wanted"
    expect_status 0 priority
    socorro "update processors set lastseendatetime = now() - interval '1 hour' where id = $alpha"
    beta=$(registers host2_200)
    expect_status 0 scan
    sql_is "SELECT to_regclass('priority_jobs_$alpha') IS NULL" t
    sql_is "SELECT uuid FROM priorityjobs" "$wanted"
    expect_status 0 priority
    does_next "$beta"
    equal "$uuid" "$wanted"
}

@test "a job that the dead processor finished stays finished" {
    alpha=$(registers host1_100)
    id=$(collect)
    expect_status 0 scan
    does_next "$alpha"
    leaves "$alpha"
    registers host2_200
    expect_status 0 scan
    sql_is "SELECT success FROM jobs" t
    expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" "20${id: -6}" "$id"
}

@test "a processor that steps in for a dead one takes over its id, its jobs and its table" {
    alpha=$(registers host1_100)
    id=$(collect)
    expect_status 0 scan
    socorro "update jobs set starteddatetime = $(clock)"
    socorro "update processors set lastseendatetime = now() - interval '6 minutes' where id = $alpha"
    sql_is "select id from processors where lastseendatetime < now() - interval '00:05:00'
            limit 1" "$alpha"
    socorro "update processors set name = 'host1_200', startdatetime = now(), lastseendatetime = now()
         where id = $alpha"
    socorro "update jobs set starteddatetime = NULL, completeddatetime = NULL, success = NULL
         where owner = $alpha"
    expect_status 0 scan
    does_next "$alpha"
    equal "$uuid" "$id"
}

@test "a processor in another time zone is alive when its login has that time zone" {
    ZONE=PST8
    alpha=$(registers host1_100)
    checks_in "$alpha"
    collect
    expect_status 0 scan
    does_next "$alpha"
    sql_true "SELECT completeddatetime BETWEEN now() - interval '1 min' AND now() + interval '1 min'
              FROM jobs"
}

@test "a processor that uses the functions works beside one of Socorro's" {
    alpha=$(registers host1_100)
    beta=$(sql "SELECT crashmon.register_processor('host2')")
    collect --count 4 >"$BATS_TEST_TMPDIR/ids"
    expect_status 0 scan
    does_next "$alpha"
    does_next "$alpha"
    sql_is "SELECT count(crashmon.job_succeeded(id)) FROM crashmon.take_jobs($beta, 10)" 2
    expect_status 0 cleanup_jobs
    while read -r id; do
        pair_is_whole "$ARCHIVE" "20${id: -6}" "$id"
    done <"$BATS_TEST_TMPDIR/ids"
    sql_is "SELECT count(*) FROM jobs" 0
}
