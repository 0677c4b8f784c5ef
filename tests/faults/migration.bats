#!/usr/bin/env bats
# A Socorro database, with rows, becomes one of crashmon: from-socorro.sql, then schema.sql. The
# three programs work with what Monitor left, and Socorro's own statements work as before.
load ../helper
load socorro

SQL=$TESTS/../sql

ZONE=America/Los_Angeles

# Roles belong to the whole server, so this file and roles.bats run one at a time.
setup_file() {
    exec 8<"$TESTS/check/roles.bats"
    flock 8
    begin_file
}
teardown_file() {
    end_file
    psql -qX -d postgres -c "DROP ROLE IF EXISTS crashmon_monitor, crashmon_observer, crashmon_processor, crashmon_reporter"
}

# Every case begins with Socorro's tables of 2010 and nothing else.
setup() {
    sql_true "SELECT to_regclass('crashmon.runs') IS NOT NULL" || { nothing && load_schema; }
    begin_case
    nothing
    socorro_2010
}

nothing() {
    sql "DROP SCHEMA IF EXISTS crashmon, crashmon_priority CASCADE;
         DROP TABLE IF EXISTS jobs, processors, priorityjobs CASCADE;
         DROP VIEW IF EXISTS public.waiting"
}

# As in Socorro's socorro/database/schema.py.
socorro_2010() {
    sql "CREATE TABLE processors (
             id serial NOT NULL PRIMARY KEY,
             name varchar(255) NOT NULL UNIQUE,
             startdatetime timestamp without time zone NOT NULL,
             lastseendatetime timestamp without time zone);
         CREATE TABLE jobs (
             id serial NOT NULL PRIMARY KEY,
             pathname character varying(1024) NOT NULL,
             uuid varchar(50) NOT NULL UNIQUE,
             owner integer,
             priority integer DEFAULT 0,
             queueddatetime timestamp without time zone,
             starteddatetime timestamp without time zone,
             completeddatetime timestamp without time zone,
             success boolean,
             message text,
             FOREIGN KEY (owner) REFERENCES processors (id));
         CREATE INDEX jobs_owner_key ON jobs (owner);
         CREATE INDEX jobs_owner_starteddatetime_priority_key
             ON jobs (owner, starteddatetime, priority DESC);
         CREATE TABLE priorityjobs (uuid varchar(255) NOT NULL PRIMARY KEY)"
}

# As in a dump of 2008: no default for priority, and indexes instead of unique columns.
socorro_2008() {
    socorro_2010
    sql "ALTER TABLE jobs ALTER priority DROP DEFAULT, DROP CONSTRAINT jobs_uuid_key;
         ALTER TABLE processors DROP CONSTRAINT processors_name_key;
         ALTER TABLE priorityjobs ALTER uuid TYPE varchar(50);
         CREATE UNIQUE INDEX ix_jobs_uuid ON jobs (uuid);
         CREATE UNIQUE INDEX idx_processor_name ON processors (name)"
}

# As restored without any key.
socorro_keyless() {
    socorro_2010
    sql "ALTER TABLE jobs DROP CONSTRAINT jobs_owner_fkey, DROP CONSTRAINT jobs_uuid_key, DROP CONSTRAINT jobs_pkey;
         ALTER TABLE processors DROP CONSTRAINT processors_name_key, DROP CONSTRAINT processors_pkey;
         ALTER TABLE priorityjobs DROP CONSTRAINT priorityjobs_pkey"
}

# Later versions have time zones.
socorro_2012() {
    socorro_2010
    sql "ALTER TABLE processors ALTER startdatetime TYPE timestamptz,
             ALTER lastseendatetime TYPE timestamptz;
         ALTER TABLE jobs ALTER queueddatetime TYPE timestamptz,
             ALTER starteddatetime TYPE timestamptz, ALTER completeddatetime TYPE timestamptz"
}

load_schema() { psql -qX -f "$SQL/schema.sql"; }
convert() { psql -qX -v zone=$ZONE -f "$SQL/from-socorro.sql"; }
migrate() { psql -qX -v zone=$ZONE -f "$SQL/from-socorro.sql" -f "$SQL/schema.sql"; }

# Columns, keys and sequences of the shared tables.
shape() {
    sql "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,
                column_default
         FROM information_schema.columns
         WHERE table_name IN ('processors', 'jobs', 'priorityjobs') ORDER BY 1, 2;
         SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE contype IN ('p', 'u', 'f')
             AND conrelid IN ('processors'::regclass, 'jobs'::regclass, 'priorityjobs'::regclass) ORDER BY 1, 2;
         SELECT sequencename, data_type, max_value FROM pg_sequences
         WHERE sequencename IN ('jobs_id_seq', 'processors_id_seq') ORDER BY 1"
}

# --- Socorro's programs, each with the statements that it issues

# A processor of that number registers and makes its priority table.
registers_as() {
    socorro "insert into processors (id, name, startdatetime, lastseendatetime)
             values ($1, 'host$1', now(), now());
             drop table if exists priority_jobs_$1;
             create table priority_jobs_$1 (uuid varchar(50) not null primary key)"
}
starts() { socorro "update jobs set starteddatetime = $(clock) where uuid = '$1'"; }
succeeds() {
    socorro "update jobs set completeddatetime = $(clock), success = True where uuid = '$1'"
}

# Monitor queues a crash. Its later versions leave the pathname empty.
monitor_queues() {
    socorro "insert into jobs (pathname, uuid, owner, priority, queueddatetime)
             values ('', '$1', $2, 0, $(clock))"
}

# --- what it does to the tables

@test "schema.sql alone refuses Socorro's tables and changes nothing" {
    before=$(shape)
    run load_schema
    [[ $status -ne 0 && $output == *'the tables are those of Socorro'*from-socorro.sql* ]]
    equal "$(shape)" "$before"
    sql_is "SELECT to_regnamespace('crashmon') IS NULL" t
}

@test "the tables of each version of Socorro become those that schema.sql makes" {
    nothing
    load_schema
    ours=$(shape)
    for version in 2008 2010 2012 keyless; do
        nothing
        "socorro_$version"
        run -0 migrate
        equal "$output" ""
        equal "$(shape)" "$ours"
    done
}

@test "rows are kept, and local times are those of the zone that is given" {
    socorro "insert into processors values (7, 'host7', '2010-07-01 12:00', '2010-07-01 12:01');
             insert into jobs values (12, '/p.json', 'u', 7, 3, '2010-01-01 12:00',
                                      '2010-07-01 12:02', '2010-07-01 12:03', False, 'bad');
             insert into priorityjobs values ('u')"
    migrate
    sql_is "SELECT * FROM processors" \
        "7|host7|2010-07-01 19:00:00+00|2010-07-01 19:01:00+00|"
    sql_is "SELECT * FROM jobs" "12|/p.json|u|7|3|2010-01-01 20:00:00+00|2010-07-01 19:02:00+00|$(
        )2010-07-01 19:03:00+00|f|bad|main|||0"
    sql_is "SELECT uuid, now() - requesteddatetime < interval '1 min' FROM priorityjobs" "u|t"
}

@test "what was allowed to be missing is filled in" {
    socorro "alter table jobs drop constraint jobs_owner_fkey;
             insert into processors values (1, 'never seen', '2010-07-01 12:00', null);
             insert into jobs (pathname, uuid, owner, priority)
             values ('', 'a', 1, null), ('', 'b', 9, 2)"
    migrate
    sql_is "SELECT lastseendatetime = startdatetime FROM processors" t
    sql_is "SELECT uuid, owner, priority, abs(extract(epoch FROM now() - queueddatetime)) < 60
            FROM jobs ORDER BY uuid" "a|1|0|t"$'\n'"b||2|t"
}

@test "very many rows in which something is missing are refused, with what fills it in" {
    sql "INSERT INTO processors (name, startdatetime) SELECT n, now() FROM generate_series(1, 10001) AS n;
         INSERT INTO jobs (pathname, uuid, priority) SELECT '', n, NULL FROM generate_series(1, 10001) AS n"
    for what in processors.lastseendatetime jobs.priority jobs.queueddatetime; do
        before=$(shape)
        run convert
        [[ $status -ne 0 && $output == *"10001 rows of table public.${what%.*} have no ${what#*.}: nothing is changed"*"HINT:  Fill it in, then load this again: "* ]] ||
            fail "$output"
        equal "$(shape)" "$before"
        sql "$(sed -n 's/^HINT: .*load this again: //p' <<<"$output")"
    done
    equal "$(migrate)" ""
    sql_is "SELECT count(*), max(priority), bool_and(abs(extract(epoch FROM now() - queueddatetime)) < 60) FROM jobs" "10001|0|t"
    sql_true "SELECT bool_and(lastseendatetime = startdatetime) FROM processors"
}

@test "run again, before and after schema.sql, it changes nothing" {
    registers_as 1
    monitor_queues 22adfb61-f75b-11dc-b6be-001322081225 1
    psql -qX -f "$SQL/from-socorro.sql" -f "$SQL/from-socorro.sql" -f "$SQL/schema.sql"
    before=$(db_state) shape=$(shape)
    run -0 psql -qX -v zone=Asia/Tokyo -f "$SQL/from-socorro.sql"
    equal "$output" ""
    equal "$(db_state)" "$before"
    equal "$(shape)" "$shape"
}

@test "a zone that does not exist, or a view in the way, is told and nothing is changed" {
    sql "CREATE VIEW public.waiting AS SELECT uuid, queueddatetime FROM jobs"
    before=$(shape)
    run psql -qX -v zone=Mars -f "$SQL/from-socorro.sql"
    [[ $status -ne 0 && $output == *'invalid value for parameter "TimeZone"'* ]]
    run convert
    [[ $status -ne 0 && $output == *'cannot convert the table jobs: rule _RETURN on view public.waiting depends on column "queueddatetime"; nothing is changed'*HINT* ]]
    sql "DROP VIEW public.waiting; CREATE TABLE public.others (its processors)"
    run convert
    sql "DROP TABLE public.others"
    [[ $status -ne 0 && $output == *'cannot convert the table processors: cannot alter table "processors" because column "others.its" uses its row type; nothing is changed'*HINT* ]]
    equal "$(shape)" "$before"
}

@test "a time that is out of range is told with its row and nothing is changed; without end it is kept, or now" {
    sql "INSERT INTO jobs (pathname, uuid, completeddatetime)
         VALUES ('', 'a', now()), ('', 'b', '294276-12-31 23:59:59')"
    before=$(shape)
    run convert
    [[ $status -ne 0 && $output == *'cannot convert the table jobs, row 2: timestamp out of range; nothing is changed'* ]] ||
        fail "$output"
    equal "$(shape)" "$before"
    sql "UPDATE jobs SET queueddatetime = '-infinity', starteddatetime = 'infinity', completeddatetime = 'infinity'"
    expect_status 0 migrate
    sql_is "SELECT count(*) FROM jobs WHERE queueddatetime = '-infinity' AND starteddatetime <= now()
            AND completeddatetime <= now()" 2
}

# All objects, with their owners and rights; columns in any order.
objects() { pg_dump -s | grep -vE '^(--|\\(un)?restrict|$)' | sed 's/,$//' | sort; }

# A processor of Socorro's at work, until it is told to stop. It prints what goes wrong.
works() {
    while [[ ! -e $BATS_TEST_TMPDIR/stop ]]; do
        echo "update processors set lastseendatetime = now() where id = 1;
              update jobs set starteddatetime = now() where id =
                  (select min(id) from jobs where owner = 1 and starteddatetime is null);
              update jobs set completeddatetime = now(), success = True where id =
                  (select min(id) from jobs where owner = 1 and starteddatetime is not null and success is null);
              delete from priority_jobs_1 where uuid = 'x';"
        sleep 0.01
    done | psql -qAtX 2>&1
}

@test "beside a processor at work it becomes what schema.sql makes: all objects, owners and rights" {
    commands=$(sed -n '/^    DROP INDEX IF EXISTS/,/^$/p' "$TESTS/../doc/migrating-from-socorro.md")
    nothing
    load_schema
    psql -qX -f "$SQL/roles.sql"
    fresh=$(objects)
    for version in 2008 2010 2012 keyless; do
        nothing
        "socorro_$version"
        registers_as 1
        sql "INSERT INTO jobs (pathname, uuid, owner, priority) SELECT '', n, 1, 0
             FROM generate_series(1, 2000) AS n"
        background works
        await sql_true "SELECT count(success) > 3 FROM jobs"
        run migrate
        equal "$output" ""
        psql -qX -f "$SQL/roles.sql"
        before=$(sql "SELECT count(success) FROM jobs")
        await sql_true "SELECT count(success) > $before FROM jobs"
        touch "$BATS_TEST_TMPDIR/stop"
        background_ends 0
        rm "$BATS_TEST_TMPDIR/stop"
        equal "$output" ""
        sql_is "SELECT count(*), count(DISTINCT uuid) FROM jobs" "2000|2000"
        sql_is "SELECT to_regclass('crashmon_priority.priority_jobs_1') IS NOT NULL" t
        sql "DROP TABLE priority_jobs_1; $commands"
        equal "$(objects)" "$fresh"
    done
}

# --- what the programs do with what Monitor left

@test "what Monitor left in every state is finished, by Socorro's processor and by the functions" {
    registers_as 1
    id() { sed -n "$1p" "$BATS_TEST_TMPDIR/ids"; }
    collect --count 3 --without links >"$BATS_TEST_TMPDIR/ids"
    collect >>"$BATS_TEST_TMPDIR/ids"
    for n in 1 2 3; do monitor_queues "$(id $n)" 1; done
    starts "$(id 1)"
    succeeds "$(id 1)"
    starts "$(id 2)"
    socorro "insert into priorityjobs (uuid) values ('$(id 3)')"
    migrate

    checks_in 1
    sql_true "SELECT abs(extract(epoch FROM last_seen)) < 60 FROM crashmon.processor_state"
    expect_status 0 scan
    expect_status 0 priority
    sql_is "SELECT uuid FROM priority_jobs_1" "$(id 3)"
    sql_is "SELECT uuid, priority FROM jobs WHERE starteddatetime IS NULL
            ORDER BY priority DESC, queueddatetime" "$(id 3)|1"$'\n'"$(id 4)|0"
    starts "$(id 4)"
    succeeds "$(id 4)"
    succeeds "$(id 2)"
    sql_is "SELECT uuid, crashmon.job_succeeded(id) FROM crashmon.take_jobs(1, 10)" "$(id 3)|t"
    cleans
    while read -r id; do
        pair_is_whole "$ARCHIVE" "20${id: -6}" "$id"
    done <"$BATS_TEST_TMPDIR/ids"
}

@test "a date link that Monitor left to a crash that it had queued is removed, and the pair stays" {
    registers_as 1
    id=$(collect --without name-link)
    monitor_queues "$id" 1
    migrate
    marked # or its pair might be in the deferred root
    expect_status 0 scan
    no_links "$id"
    pair_is_whole "$SPOOL" "20${id: -6}" "$id"
}

@test "pairs that Monitor lost are queued by a repair, and nothing else" {
    registers_as 1
    collect --count 3 --without links >"$BATS_TEST_TMPDIR/ids"
    queued=$(collect --without links)
    collect --count 2 >>"$BATS_TEST_TMPDIR/ids"
    monitor_queues "$queued" 1
    migrate
    expect_status 0 scan
    find "$SPOOL" -path '*/name*' -type d -exec touch -d '1 hour ago' {} +
    expect_status 1 scan --repair --incomplete-age=00:30:00
    sql_is "SELECT count(*), count(*) FILTER (WHERE pathname = '') FROM jobs" "6|1"
    equal "$(new_links)" ""
}

@test "a crash that was made new twice, with two date links, is queued once, as are the others" {
    registers_as 1
    migrate
    collect --count 2 >"$BATS_TEST_TMPDIR/ids"
    for id in $(<"$BATS_TEST_TMPDIR/ids"); do
        link=$(find "$SPOOL" -path "*/date/*/$id")
        mkdir -p "${link%/date/*}/date/again"
        cp -P "$link" "${link%/date/*}/date/again"
    done
    collect >>"$BATS_TEST_TMPDIR/ids"
    expect_status 0 scan
    sql_is "SELECT uuid FROM jobs ORDER BY uuid" "$(sort "$BATS_TEST_TMPDIR/ids")"
    equal "$(new_links)" ""
}

@test "a processor that is dead and has jobs, finished ones too, is removed by the next scan" {
    registers_as 1
    collect --count 2 --without links >"$BATS_TEST_TMPDIR/ids"
    { read -r finished && read -r begun; } <"$BATS_TEST_TMPDIR/ids"
    monitor_queues "$finished" 1
    monitor_queues "$begun" 1
    succeeds "$finished"
    starts "$begun"
    migrate
    psql -qX -f "$TESTS/old_server.sql"
    socorro "update processors set lastseendatetime = '1999-01-01' where id = 1"
    registers_as 2
    expect_status 0 scan
    sql_is "SELECT id FROM processors" 2
    sql_is "SELECT to_regclass('priority_jobs_1') IS NULL" t
    sql_is "SELECT uuid, owner FROM jobs WHERE success IS NULL AND starteddatetime IS NULL" \
        "$begun|2"
    expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" "20${finished: -6}" "$finished"
}

@test "Monitor's own statements work on the tables and on what crashmon queued" {
    registers_as 1
    migrate
    id=$(collect)
    expect_status 0 scan
    registers_as 2
    monitor_queues 22adfb61-f75b-11dc-b6be-001322081225 1
    socorro "insert into priorityjobs (uuid) values ('$id')"
    sql_is "select * from priorityjobs" "$id|$(sql "SELECT requesteddatetime FROM priorityjobs")"
    socorro "insert into priority_jobs_1 (uuid) values ('$id');
             update jobs set priority = priority + 1 where uuid = '$id';
             delete from priorityJobs where uuid = '$id'"
    succeeds "$id"
    socorro "update processors set lastSeenDateTime = '1999-01-01' where id = 1;
             update jobs set starteddatetime = NULL where owner in (1) and success is NULL;
             update jobs set owner = 2 where owner in (1) and success is NULL;
             delete from processors where lastSeenDateTime < (now() - interval '00:05:00' * 2);
             drop table priority_jobs_1"
    sql_is "select uuid, success from jobs where success is not NULL" "$id|t"
    socorro "delete from jobs where uuid = '$id'"
    sql_is "SELECT uuid, owner FROM jobs" "22adfb61-f75b-11dc-b6be-001322081225|2"
}
