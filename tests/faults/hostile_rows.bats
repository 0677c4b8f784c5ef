#!/usr/bin/env bats
# hostile_rows.bats - tables in which others write whatever the columns let in: a web application
# the requests, processors their names, their tables and the results of jobs.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load hostile
load ../check/refused

# What a case does to the tables themselves is undone with this.
teardown() {
    [[ -z ${UNDO:-} ]] || sql "$UNDO"
    end_case
}

MANY=20000
[[ ${FAULTS:-} != all ]] || MANY=100000

# An SQL expression for the n-th of many ids, all different, of crashes that are nowhere.
ID="regexp_replace(md5(n::text), '(.{8})(.{4})(.{4})(.{4})(.{5}).*', '\1-\2-\3-\4-\52081225')"

# --- requests

@test "very many requests, nonsense and unknown, are dealt with in bounded time, the good served" {
    processor p1
    mapfile -t ids < <(crash --count 5)
    sql "INSERT INTO priorityjobs (uuid, requesteddatetime)
         SELECT CASE n % 2 WHEN 0 THEN repeat('../', 60) || n ELSE $ID END,
             now() - CASE n % 4 WHEN 1 THEN interval '1 day' ELSE '0' END
         FROM generate_series(1, $MANY) AS n"
    within 10 expect_status 1 priority "${ids[@]}"
    jobs_are "${ids[@]}"
    for ((i = 0; i < 100; i++)); do
        ! sql_true "SELECT count(*) = $MANY / 4 FROM priorityjobs" || break
        run priority
    done
    sql_is "SELECT count(*), bool_and(uuid LIKE '________-%' AND requesteddatetime >
                now() - interval '1 hour') FROM priorityjobs" "$((MANY / 4))|t"
    within 10 expect_status 0 priority
    log_is_honest
}

# A table whose column lets anything in; without the key, whose index would not.
requests_are_text() {
    UNDO="TRUNCATE priorityjobs; ALTER TABLE priorityjobs ALTER uuid TYPE varchar(255),
          ADD PRIMARY KEY (uuid)"
    sql "ALTER TABLE priorityjobs DROP CONSTRAINT priorityjobs_pkey, ALTER uuid TYPE text"
}

@test "a request of megabytes, where the column lets it in, is reported and removed" {
    requests_are_text
    processor p1
    id=$(crash)
    sql "INSERT INTO priorityjobs VALUES (repeat('x', 5000000)), ('$id' || repeat('0', 2000)),
             ('$id'), (repeat(E'\\n', 300000))"
    EXEC='timeout 10' expect_status 1 priority
    jobs_are "$id"
    sql_is "SELECT count(*), (SELECT seen FROM crashmon.runs) FROM priorityjobs" "0|4"
    log_is_honest
    (($(stat -c %s "$LOG") < 100000)) || fail "$(stat -c %s "$LOG") bytes of log"
}

@test "long requests that differ in their last character alone, or are no ASCII, are removed, too" {
    requests_are_text
    processor p1
    id=$(crash)
    sql "INSERT INTO priorityjobs VALUES (repeat('z', 3000) || '1'), (repeat('z', 3000) || '2'),
             (repeat('ü', 3000)), ('x' || repeat('ü', 3000)), ('$id')"
    EXEC='timeout 10' expect_status 1 priority --batch-size=1
    jobs_are "$id"
    sql_is "SELECT count(*), (SELECT seen FROM crashmon.runs) FROM priorityjobs" "0|5"
    log_is_honest
}

@test "what is too long is removed last: nobody waits for it" {
    requests_are_text
    processor p1
    id=$(crash)
    sql "INSERT INTO priorityjobs VALUES ('$id'); INSERT INTO priorityjobs SELECT repeat('z', 300) || g FROM generate_series(1, 50) AS g"
    EXEC='timeout 10' expect_status 1 priority --batch-size=10 -v -v
    jobs_are "$id"
    sql_is "SELECT count(*), (SELECT seen FROM crashmon.runs) FROM priorityjobs" "0|51"
    grep -oE "$id.*queued|longer than" "$LOG" | head -n 1 | grep -q queued || fail "$(<"$LOG")"
}

@test "a request with line separators and terminal controls beyond ASCII forges nothing" {
    processor p1
    sql "INSERT INTO priorityjobs VALUES (U&'x\\0085 2008'), (U&'x\\2028 2008'), (U&'x\\2029 2008'),
             (U&'x\\009B2J'), (U&'\\FEFF'), (U&'x\\000B\\000C'),
             (repeat(U&'\\+01F600', 255)), (repeat(E'\\x01', 255))"
    expect_status 1 priority
    log_is_honest
    # shellcheck disable=SC2016 # a pattern
    ! grep -qP '[\x{80}-\x{9f}\x{2028}\x{2029}]' "$LOG" || fail "$(cat -A "$LOG")"
    sql_is "SELECT count(*) FROM priorityjobs" 0
}

# --- jobs

@test "very many finished jobs that are nonsense or nowhere are removed in bounded time" {
    good=$(crash)
    ended true "$good"
    sql "INSERT INTO jobs (pathname, uuid, success)
         SELECT '/../../' || n, CASE n % 2 WHEN 0 THEN '../../../' || n ELSE $ID END, n % 3 = 0
         FROM generate_series(1, $MANY / 4) AS n"
    expect_status 1 cleanup_jobs
    sql_is "SELECT count(*), (SELECT seen FROM crashmon.runs) FROM jobs" \
        "$((MANY / 8))|$((MANY / 4 + 1))"
    expect_status 0 cleanup_jobs
    sql "UPDATE jobs SET missingdatetime = now() - interval '1 day'"
    expect_status 1 cleanup_jobs
    sql_is "SELECT count(*) FROM jobs" 0
    pair_is_whole "$ARCHIVE" 20081225 "$good"
    [[ $(find "$ARCHIVE" "$FAILED" ! -type d | wc -l) == 2 ]]
}

# Jobs without an owner, with one that is not there, and whose owner is dead.
orphans() {
    UNDO="TRUNCATE jobs; ALTER TABLE jobs ADD CONSTRAINT jobs_owner_fkey
          FOREIGN KEY (owner) REFERENCES processors (id) ON DELETE SET NULL"
    dead=$(processor dead 601) p=$(processor p1)
    sql "SELECT setval('processors_id_seq', 100)"
    late=$(processor late 301)
    sql "ALTER TABLE jobs DROP CONSTRAINT jobs_owner_fkey;
         INSERT INTO jobs (pathname, uuid, owner, starteddatetime) VALUES
             ('/x', 'a', NULL, now()), ('/x', 'b', 4242, now()), ('/x', 'c', -2147483648, now()),
             ('/x', 'd', $dead, now()), ('/x', 'e', 2147483647, NULL), ('/x', 'f', 50, now()),
             ('/x', 'late', $late, now())"
}

@test "scan: an unfinished job whose owner is nobody goes to a live processor" {
    orphans
    expect_status 0 scan
    sql_is "SELECT string_agg(uuid, '' ORDER BY uuid) FROM jobs
            WHERE owner = $p AND starteddatetime IS NULL" abcdef
    sql_is "SELECT owner FROM jobs WHERE uuid = 'late' AND starteddatetime IS NOT NULL" "$late"
}

@test "priority: a requested job whose owner is nobody goes to a live processor" {
    orphans
    sql "UPDATE jobs SET uuid = '22adfb61-f75b-11dc-b6be-001322' || to_char(id, 'FM000000');
         INSERT INTO priorityjobs SELECT uuid FROM jobs"
    expect_status 0 priority
    sql_is "SELECT count(*) FROM jobs
            WHERE owner = $p AND starteddatetime IS NULL AND priority > 0" 6
    sql_is "SELECT count(*) FROM priorityjobs" 0
}

@test "cleanup: a finished job whose owner is nobody is put away" {
    orphans
    mapfile -t ids < <(crash --count 7 --without links)
    n=0
    for id in "${ids[@]}"; do
        sql "UPDATE jobs SET uuid = '$id', success = true WHERE id = $((++n))"
    done
    cleans
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
}

# Crashes whose jobs say that they lie outside of the roots, where their doubles are.
liars() {
    mapfile -t ids < <(crash --count 4)
    cp -a "$SPOOL/20081225" "$OUTSIDE"
    for id in "${ids[@]}"; do
        sql "INSERT INTO jobs (uuid, pathname, success)
             VALUES ('$id', '$(place "$OUTSIDE" "$id").json', $1)"
    done
    sql "UPDATE jobs SET pathname = '$SPOOL/../outside/file' WHERE uuid = '${ids[1]}';
         UPDATE jobs SET pathname = '' WHERE uuid = '${ids[2]}';
         UPDATE jobs SET pathname = '/' || repeat('../', 300) WHERE uuid = '${ids[3]}'"
    remember
}

@test "scan and priority: a pathname that lies is not followed, and nothing there is removed" {
    processor p1
    liars NULL
    expect_status 0 priority "${ids[@]}"
    untouched
    # What is not where its job says may be another pair of the same id.
    run scan
    [[ $status -le 1 ]] || fail "exit code $status" "$output"
    untouched
    jobs_are "${ids[@]}"
    [[ -z $(new_links) ]] || fail "$(new_links)"
    still_there "${ids[@]}"
}

@test "cleanup: a pathname that lies has nothing deleted there" {
    liars true
    find "$SPOOL" -type l -delete # with them each could be another crash of its id
    cleans --save-successful-minidumps-to=
    untouched
    [[ -z $(find "$SPOOL" ! -type d) ]] || fail "$(find "$SPOOL" ! -type d)"
}

@test "the name of the storage that has a crash already forges no line, in the log or of a reason" {
    processor p1
    id=$(crash)
    sql "INSERT INTO jobs (pathname, uuid, storage) VALUES ('/x', '$id',
             E'x\\n2008-12-25 12:00:00,000 ERROR - forged\\x1b[2J' || repeat('y', 5000))"
    expect_status 1 scan
    log_is_honest
    [[ $(wc -l <"$SPOOL/quarantine/20081225/$id/reason") == 1 ]] ||
        fail "more than a line:" "$(cut -c-200 "$SPOOL/quarantine/20081225/$id/reason")"
}

# --- processors

@test "whatever the names of processors, they get their jobs, and forge no line of the log" {
    good=$(crash) other=$(crash)
    sql "INSERT INTO processors (name, lastseendatetime) VALUES
             (E'x\\n2008-12-25 12:00:00,000 ERROR - forged', now()),
             (E'''; DROP TABLE jobs; -- \\x1b[2J \"%s%n', now()),
             (E'dead\\n2008-12-25 12:00:00,000 ERROR - forged', now() - interval '1 day'),
             (E'\\r\\t\\b', '-infinity'), (repeat('ü', 255), now() - interval '1 day');
         INSERT INTO jobs (pathname, uuid, owner) SELECT '/x', id, id FROM processors WHERE id > 2"
    expect_status 0 scan
    sql_is "SELECT count(*) FROM processors" 2
    sql_is "SELECT count(*), max(owner) FROM jobs" "5|2"
    expect_status 0 priority "$good" "$other"
    log_is_honest
    grep -q "$(printf 'ü%.0s' {1..255})" "$LOG" || fail "a name is cut"
}

# --- their priority tables

# Relations called priority_jobs_<id> that nothing can be put in: of a view, a table with other
# columns, one that wants more, one that raises, and what is no table at all.
odd_tables() {
    UNDO="DROP VIEW IF EXISTS priority_jobs_1; DROP TABLE IF EXISTS precious;
          DROP SEQUENCE IF EXISTS priority_jobs_5"
    sql "CREATE TABLE precious (uuid varchar(50) PRIMARY KEY);
         INSERT INTO precious VALUES ('22adfb61-f75b-11dc-b6be-001322081225'), ('precious');
         CREATE VIEW priority_jobs_1 AS SELECT * FROM precious;
         CREATE TABLE priority_jobs_2 (other integer);
         CREATE TABLE priority_jobs_3 (uuid varchar(50), mandatory integer NOT NULL);
         CREATE TABLE priority_jobs_4 (uuid integer);
         CREATE SEQUENCE priority_jobs_5;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE ''refused''; END';
         CREATE TABLE priority_jobs_6 (uuid varchar(50));
         CREATE TRIGGER refuse BEFORE INSERT ON priority_jobs_6 EXECUTE FUNCTION refuse()"
}

precious_is_safe() { sql_is "SELECT count(*), max(uuid) FROM precious" "2|precious"; }

@test "priority: an odd relation in a priority table's place keeps nobody from being served" {
    for n in {1..7}; do processor "p$n"; done
    odd_tables
    sql "CREATE TABLE priority_jobs_7 (uuid varchar(50) PRIMARY KEY)"
    mapfile -t ids < <(crash --count 14)
    expect_status 0 priority "${ids[@]}"
    sql_is "SELECT count(*), count(DISTINCT owner), bool_and(priority > 0),
                (SELECT count(*) FROM priorityjobs) FROM jobs" "14|7|t|0"
    sql_is "SELECT count(*) FROM priority_jobs_7" 2
    log_has "priority tables"
}

@test "priority: a view of that name is no priority table, and what is behind it is not written" {
    processor p1
    odd_tables
    expect_status 0 priority "$(crash)"
    precious_is_safe
}

@test "scan: an odd relation in a dead processor's table's place does not keep it; the jobs go on" {
    for n in {1..6}; do processor "p$n" 86400; done
    p=$(processor alive)
    odd_tables
    sql "INSERT INTO jobs (pathname, uuid, owner) SELECT '/x', id, id FROM processors WHERE id < 7"
    good=$(crash)
    run scan
    [[ $status == 0 || $status == 77 ]] || fail "exit code $status" "$output"
    sql_is "SELECT string_agg(name, ' ') FROM processors" alive
    sql_is "SELECT count(*) FROM jobs WHERE owner = $p" 7
    for n in 2 3 4 6; do log_has "cannot use table \"priority_jobs_$n\""; done
    sql_is "SELECT to_regclass('precious')" precious
    expect_status 0 scan
}

@test "scan: a view of that name is no priority table: what is behind it is not requested" {
    processor p1 86400
    processor alive
    odd_tables
    run scan
    [[ $status == 0 || $status == 77 ]] || fail "exit code $status" "$output"
    precious_is_safe
    sql_is "SELECT count(*) FROM priorityjobs" 0
}

@test "scan: of a dead processor's priority table only crash ids are requested anew" {
    p=$(processor dead 86400)
    processor alive
    sql "CREATE TABLE priority_jobs_$p (uuid text);
         INSERT INTO priority_jobs_$p VALUES (NULL), (''), ('../../x'), (repeat('x', 1000000)),
             ('22adfb61-f75b-11dc-b6be-001322081225'), ('22adfb61-f75b-11dc-b6be-001322081225'),
             ('22adfb61-f75b-11dc-b6be-001322081225' || E'\\n'), ('''; DROP TABLE jobs; --')"
    expect_status 0 scan
    sql_is "SELECT uuid, to_regclass('priority_jobs_$p') IS NULL FROM priorityjobs" \
        "22adfb61-f75b-11dc-b6be-001322081225|t"
}

@test "a priority table that somebody keeps locked holds nobody up for long" {
    dead=$(processor dead 86400) p=$(processor p1)
    id=$(crash)
    sql "CREATE TABLE priority_jobs_$dead (uuid text); CREATE TABLE priority_jobs_$p (uuid text)"
    session "BEGIN; LOCK TABLE priority_jobs_$dead, priority_jobs_$p"
    EXEC='timeout 20' expect_status 0 priority "$id"
    EXEC='timeout 20' run scan
    [[ $status == 0 || $status == 77 ]] || fail "exit code $status" "$output"
    session ROLLBACK
    sql_is "SELECT uuid, priority > 0, (SELECT count(*) FROM priorityjobs) FROM jobs" "$id|t|0"
}

# A statement for each odd value of each column that others may write.
odd_values() {
    sql "SELECT format('UPDATE crashmon.%I SET %I = %L WHERE %s', relname, attname, value,
                       CASE relname WHEN 'processors' THEN 'name = ''odd''' ELSE 'true' END)
         FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
         JOIN (VALUES ('timestamptz', 'infinity'), ('timestamptz', '-infinity'),
                      ('timestamptz', '294276-12-31 UTC'), ('timestamptz', '4713-01-02 UTC BC'),
                      ('integer', '-2147483648'), ('integer', '-1'), ('integer', '0'), ('integer', '2147483647'),
                      ('bigint', '-9223372036854775808'), ('bigint', '0'), ('bigint', '9223372036854775807'),
                      ('text[]', '{}'), ('text[]', '{NULL,main}'), ('boolean', 'true'),
                      ('text', ''), ('text', repeat('x', 255)), ('text', U&'a\\202Eb\\200B\\2028c'),
                      ('text', '%s''\\'), ('uuid', '00000000-0000-0000-0000-000000000000'),
                      (NULL, NULL)) AS odd (type, value)
             ON type::regtype = CASE atttypid WHEN 'varchar'::regtype THEN 'text'::regtype ELSE atttypid END
                 OR type IS NULL AND NOT attnotnull
         WHERE relname IN ('jobs', 'processors', 'priorityjobs') AND relkind = 'r'
             AND relnamespace = 'crashmon'::regnamespace AND attnum > 0"
}

@test "whatever value stands in a column of one row, all others are served, and every view answers" {
    local failed=() views odd good wanted run tried=0 old=00000000-0000-0000-0000-000000081225
    views=$(sql "SELECT string_agg(format('SELECT count(*) FROM crashmon.%I', relname), ';') FROM pg_class
                 WHERE relkind = 'v' AND relnamespace = 'crashmon'::regnamespace")
    while IFS= read -r odd; do
        sql "DELETE FROM jobs; DELETE FROM priorityjobs; DELETE FROM processors;
             INSERT INTO processors (id, name) VALUES (1, 'good'), (2, 'odd');
             INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$old', 2);
             INSERT INTO priorityjobs (uuid) VALUES ('$old')"
        sql "$odd" 2>/dev/null || continue
        good=$(crash) wanted=$(crash --root "$DEFERRED")
        request "$wanted"
        for run in scan priority; do
            run "$run"
            ((status <= 1)) || failed+=("$odd: $run: $status, $output")
        done
        run sql "$views; SELECT crashmon.crash_state('$good')"
        ((status == 0)) || failed+=("$odd: $output")
        finish "$good" true
        finish "$wanted" true
        run cleanup_jobs
        ((status <= 1)) || failed+=("$odd: cleanup: $status, $output")
        (pair_is_whole "$ARCHIVE" 20081225 "$good" && pair_is_whole "$ARCHIVE" 20081225 "$wanted") >/dev/null ||
            failed+=("$odd: a crash was not served")
        find "$SPOOL" "$DEFERRED" -mindepth 1 ! -name 20000101 -delete
        ((++tried))
    done < <(odd_values)
    [[ ! ${failed[*]} ]] || fail "${failed[@]}"
    ((tried > 50)) || fail "only $tried values"
}
