#!/usr/bin/env bats
# serializable.bats - a database whose transactions are serializable by default, and processors that
# ask for jobs a hundred times in a second.
# shellcheck disable=SC2154 # bats sets status and output, background sets pid
load ../helper
load ../check/refused

setup_file() {
    begin_file
    psql -qX -c "ALTER DATABASE \"$PGDATABASE\" SET default_transaction_isolation = serializable"
}

# A processor that takes jobs and finishes them, for ever. What the server refuses it asks for again.
works() {
    exec psql -qAtX < <(yes "SELECT crashmon.job_succeeded(id) FROM crashmon.take_jobs($1, 20);
        SELECT pg_sleep(0.01);")
}

# The same as one of Socorro's does it, which writes to the tables itself.
works_as_socorro() {
    exec psql -qAtX < <(yes "UPDATE processors SET lastseendatetime = now() WHERE id = $1;
        UPDATE jobs SET starteddatetime = now() WHERE id IN (
            SELECT id FROM jobs WHERE owner = $1 AND starteddatetime IS NULL
            ORDER BY priority DESC, queueddatetime LIMIT 20);
        UPDATE jobs SET completeddatetime = now(), success = true
        WHERE owner = $1 AND starteddatetime IS NOT NULL AND success IS NULL;
        SELECT pg_sleep(0.01);")
}

@test "beside processors that poll every 10 ms all runs end in time, and do all that there is, once" {
    old=$(processor old)
    collect --count 1000 --day 20081224 >/dev/null
    expect_status 0 scan
    collect --count 4000 --day 20081225 >/dev/null
    mapfile -t wanted < <(collect --count 500 --day 20081225 --root "$DEFERRED")
    requests 0 "${wanted[@]}"
    sql "UPDATE processors SET lastseendatetime = now() - interval '1 day' WHERE id = $old"
    for n in 1 2 3; do background works "$(processor "p$n")"; done
    for n in 4 5; do background works_as_socorro "$(processor "p$n")"; done
    background scan --batch-size=20 --share-waiting
    scan=$pid said=$BACKGROUND
    within 30 expect_status 0 priority --batch-size=20
    mapfile -t waiting < <(sql "SELECT uuid FROM jobs WHERE success IS NULL LIMIT 200")
    requests 0 "${waiting[@]}"
    within 30 expect_status 0 priority --batch-size=5
    within 30 expect_status 0 cleanup_jobs --batch-size=20
    BACKGROUND=$said background_ends 0 "$scan"
    sql_is "SELECT max(ended - started) < '30 s' FROM crashmon.runs" t
    # What one had locked the other has passed over.
    expect_status 0 scan
    await sql_true "SELECT count(*) = 0 FROM jobs WHERE success IS NULL"
    expect_status 0 cleanup_jobs
    sql_is "SELECT count(*), (SELECT sum((outcomes->>'archived')::int) FROM crashmon.runs) FROM jobs" "0|5500"
    sql_is "SELECT count(*) FROM processors WHERE id = $old" 0
    equal "$(find "$ARCHIVE" -name '*.dump' | wc -l)" 5500
    [[ -z $(new_links) ]] || fail "$(new_links)"
    # They did get into each other's way, and into that of nobody else.
    grep -q 'could not serialize' "$BATS_TEST_TMPDIR"/background.*
    ! grep 'could not serialize' "$LOG" || fail "a run was serializable"
}
