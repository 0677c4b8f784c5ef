#!/usr/bin/env bats
# cleanup_origin.bats - the pair that is put away is the one that was queued, whatever else has its
# id; and each row says where that is.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load marks

# Queues the crashes that are new, as scan does, and asserts that there are so many jobs: queued COUNT
queued() {
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs" "$1"
}

# Another crash of an id, as a collector leaves it: again ID DAY [COLLECT OPTIONS].
again() { collect --id "$1" --day "$2" --size 200 "${@:3}" >/dev/null; }

# Where a pair lies: pair_in ROOT DAY ID.
pair_in() { echo "$1/$2/name/$(name_dir "$3")/$3"; }

# Asserts that all of it is as the collector has left it.
is_new() {
    pair_is_whole "$1" "$2" "$3"
    equal "$(find "$1/$2" -name "$3" -type l | wc -l)" 2
}

# --- the same id under another day

@test "the same id arrives again under an earlier day: the pair that was queued is archived" {
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    before=$(sums "$SPOOL/20081226")
    again "$id" 20081225
    finish "$id" true
    cleans
    is_new "$SPOOL" 20081225 "$id"
    equal "$(sums "$ARCHIVE")" "$before"
    [[ -z $(find "$SPOOL/20081226" -type f) ]] || fail "$(find "$SPOOL")"
}

@test "the same where pairs are deleted" {
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    again "$id" 20081225
    finish "$id" true
    cleans --save-successful-minidumps-to=
    is_new "$SPOOL" 20081225 "$id"
    [[ -z $(find "$SPOOL/20081226" -type f) ]] || fail "$(find "$SPOOL")"
}

@test "while its row is there the other pair is quarantined by scan, and the row's pair is archived" {
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    before=$(sums "$SPOOL/20081226")
    again "$id" 20081225
    expect_status 1 scan
    quarantined "$id" "already queued from storage \"main\": .*/20081226/"
    finish "$id" true
    cleans
    equal "$(sums "$ARCHIVE")" "$before"
}

@test "but not before it is whole: what comes later would be left without it" {
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    for missing in '--without dump' '--without json --without dump'; do
        again "$id" 20081225 $missing
        expect_status 0 scan
        log_has "\"$id\": left: "
        has_links "$id"
        again "$id" 20081225
        before=$(sums "$SPOOL/20081225")
        expect_status 1 scan
        equal "$(sums "$SPOOL/quarantine" | grep -v reason)" "$before"
        rm -r "$SPOOL/quarantine"/2*
    done
}

@test "nor where another storage has just put a crash of its id into the same quarantine" {
    quarantine=$BATS_TEST_TMPDIR/shared west=$BATS_TEST_TMPDIR/west
    mkdir -p "$west/20000101"
    echo "quarantine-to = $quarantine" >>"$CONF"
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    again "$id" 20081225 --without dump
    collect --root "$west" --id "$id" --day 20081225 >/dev/null
    expect_status 1 scan --storage-name=west --storage-root="$west" --deferred-storage-root=
    expect_status 0 scan
    log_has "\"$id\": left: .dump is missing"
    has_links "$id"
}

@test "nor where a case of its id has the part that is there, whenever that came" {
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    again "$id" 20081225
    expect_status 1 scan
    again "$id" 20081225 --without dump
    touch -d '1 minute' "$SPOOL/quarantine/20081225/$id/reason" # by a clock that is ahead
    expect_status 0 scan
    log_has "\"$id\": left: .dump is missing"
    has_links "$id"
}

@test "nor where what is in quarantine came from the deferred root" {
    id=$(crash)
    queued 1
    finish "$id" true
    cleans
    again "$id" 20081225 --root "$DEFERRED"
    expect_status 0 priority "$id"
    finish "$id" true
    rm "$(pair_in "$DEFERRED" 20081225 "$id").json"
    again "$id" 20081225 --without dump
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    expect_status 0 cleanup_jobs
    [[ -f $SPOOL/quarantine/20081225/$id/$id.dump ]] || fail "$(find "$SPOOL")"
    session COMMIT >/dev/null
    expect_status 0 scan
    log_has "\"$id\": left: .dump is missing"
    has_links "$id"
}

@test "a job of which cleanup was killed between both: the rest is where the row says" {
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    before=$(sums "$SPOOL/20081226")
    again "$id" 20081225
    mkdir -p "$(dirname "$(place "$ARCHIVE" "$id")")"
    mv "$(pair_in "$SPOOL" 20081226 "$id").dump" "$(place "$ARCHIVE" "$id").dump"
    finish "$id" true
    cleans
    is_new "$SPOOL" 20081225 "$id"
    equal "$(sums "$ARCHIVE")" "$before"
}

@test "what comes after the end of the job is another crash, however old its files say that they are" {
    for to in --batch-size=1000 --save-successful-minidumps-to=; do
        for ended in "now() - interval '3 seconds'" "now() + interval '1 day'" NULL; do
            id=$(crash)
            queued 1
            finish "$id" true
            # Without the trigger that lets no time lie ahead: a row may be older than that.
            sql "SET LOCAL session_replication_role = replica;
                 UPDATE jobs SET completeddatetime = $ended, queueddatetime = now() - interval '3 seconds'"
            again "$id" 20081225
            run scan
            expect_status 1 cleanup_jobs "$to"
            is_new "$SPOOL" 20081225 "$id"
            sql "DELETE FROM jobs"
            rm -r "$SPOOL/20081225"
        done
    done
}

@test "a date link alone is enough to be new" {
    for day in 20081224 20081225; do
        id=$(collect --day 20081225)
        queued 1
        finish "$id" true
        await sql_true "SELECT completeddatetime < now() - interval '2 s' FROM jobs"
        rm "$(place "$SPOOL" "$id")".*
        again "$id" $day --without name-link
        expect_status 1 cleanup_jobs
        log_has "\"$id\": missing: its pair was not found"
        pair_is_whole "$SPOOL" $day "$id"
        sql "DELETE FROM jobs"
        queued 1
        no_links "$id"
        sql "DELETE FROM jobs"
        rm -r "$SPOOL/$day" "$LOG"
    done
}

# --- the same id in the other root

@test "queued from the deferred root, and new in the storage root: only the first is put away" {
    for to in --batch-size=1000 --save-successful-minidumps-to=; do
        id=$(crash --root "$DEFERRED")
        expect_status 0 priority "$id"
        before=$(sums "$DEFERRED")
        again "$id" 20081225
        finish "$id" true
        cleans "$to"
        is_new "$SPOOL" 20081225 "$id"
        roots=$(find "$DEFERRED" -type f)
        [[ -z $roots ]] || fail "$roots"
        [[ $to != --batch* ]] || equal "$(sums "$ARCHIVE")" "$before"
    done
}

@test "queued from the storage root, and in the deferred one: only the first is put away" {
    for to in --batch-size=1000 --save-successful-minidumps-to=; do
        id=$(crash)
        queued 1
        again "$id" 20081225 --root "$DEFERRED"
        finish "$id" true
        cleans "$to"
        is_new "$DEFERRED" 20081225 "$id"
        [[ -z $(find "$SPOOL" -type f) ]] || fail "$(find "$SPOOL")"
    done
}

@test "queued from the deferred root, and new under the same day in the storage root: a duplicate" {
    id=$(crash --root "$DEFERRED")
    expect_status 0 priority "$id"
    again "$id" 20081225
    expect_status 1 scan
    quarantined "$id" "already queued from storage \"main\": \"$DEFERRED/"
    pair_is_whole "$DEFERRED" 20081225 "$id"
}

# --- what the row says

@test "each row has the mark of the root that its pair lies in, also within one batch" {
    here=$(crash) throttled=$(crash --root "$DEFERRED") also=$(crash)
    expect_status 0 priority "$here" "$throttled" "$also"
    new=$(crash)
    expect_status 0 scan
    roots=$(for id in "$here" "$also" "$new"; do echo "$id|$(mark_of "$SPOOL")"; done
        echo "$throttled|$(mark_of "$DEFERRED")")
    equal "$(sql "SELECT uuid, root FROM jobs" | sort)" "$(sort <<<"$roots")"
    sql_is "SELECT count(*) FROM jobs WHERE pathname = CASE uuid
            WHEN '$throttled' THEN '$(place "$DEFERRED" "$throttled").json'
            WHEN '$here' THEN '$(place "$SPOOL" "$here").json'
            WHEN '$also' THEN '$(place "$SPOOL" "$also").json'
            WHEN '$new' THEN '$(place "$SPOOL" "$new").json' END" 4
}

@test "links that a killed run has left beside its row are removed, as the root is the same" {
    id=$(crash)
    queued 1
    mkdir -p "$SPOOL/20081225/date/12/05"
    ln -s "../../../name/$(name_dir "$id")" "$SPOOL/20081225/date/12/05/$id"
    expect_status 0 scan
    log_has "\"$id\": already queued: "
    no_links "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "--adopt of a root takes the jobs along that were queued from the one before" {
    here=$(crash) throttled=$(crash --root "$DEFERRED")
    expect_status 0 priority "$throttled"
    expect_status 0 scan
    before=$(mark_of "$DEFERRED")
    rm "$SPOOL/.crashmon"
    expect_status 0 scan --adopt
    sql_is "SELECT root FROM jobs WHERE uuid = '$here'" "$(mark_of "$SPOOL")"
    sql_is "SELECT root FROM jobs WHERE uuid = '$throttled'" "$before"
    finish "$here" true
    finish "$throttled" true
    cleans
}

@test "a mark that no root has any more says nothing: then the pathname does" {
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    sql "DELETE FROM crashmon.storages"
    rm "$SPOOL/.crashmon"
    again "$id" 20081225
    finish "$id" true
    cleans
    is_new "$SPOOL" 20081225 "$id"
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "scan goes by the pathname then, too, where the links of a job are there again" {
    id=$(crash)
    cp -a "$SPOOL" "$BATS_TEST_TMPDIR/before"
    queued 1
    rm -r "$SPOOL"
    mv "$BATS_TEST_TMPDIR/before" "$SPOOL"
    sql "DELETE FROM crashmon.storages"
    rm -f "$SPOOL/.crashmon"
    expect_status 0 scan
    no_links "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "a pair that was queued from a root that is not set is left (1), not missing" {
    throttled=$(crash --root "$DEFERRED")
    expect_status 0 priority "$throttled"
    finish "$throttled" true
    sql "UPDATE jobs SET completeddatetime = now() - interval '30 days'"
    for _ in 1 2; do
        expect_status 1 cleanup_jobs --deferred-storage-root=
        log_has "\"$throttled\": left: it was queued from a root that is not set in this run"
        sql_is "SELECT missingdatetime IS NULL FROM jobs" t
    done
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$throttled"
}

@test "nor is one missing whose row names no root that is known, while a root is not set" {
    id=$(crash --root "$DEFERRED" --without links)
    expect_status 0 priority
    ended true "$id"
    expect_status 1 cleanup_jobs --deferred-storage-root= --save-successful-minidumps-to=
    log_has "\"$id\": left: it may be in the deferred storage root, which is not set in this run"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "rows from before the upgrade have no mark: the beginning of the pathname says which root" {
    id=$(crash --root "$DEFERRED")
    expect_status 0 priority "$id"
    finish "$id" true
    sql "ALTER TABLE jobs DROP COLUMN root, DROP COLUMN missingdatetime"
    psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql"
    sql_is "SELECT root IS NULL, missingdatetime IS NULL FROM jobs" "t|t"
    again "$id" 20081225
    cleans
    is_new "$SPOOL" 20081225 "$id"
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

# A throttled crash is queued, its row becomes like one of Socorro's, and its id comes again.
of_the_other_root() {
    throttled=$(crash --root "$DEFERRED")
    expect_status 0 priority "$throttled"
    before=$(sums "$DEFERRED")
    sql "UPDATE jobs SET $1"
    again "$throttled" 20081225
}

@test "a row without a mark that is of the other root: the second crash is quarantined, not unlinked" {
    of_the_other_root "root = NULL"
    expect_status 1 scan
    quarantined "$throttled" "already queued from storage \"main\": \"$DEFERRED/"
    finish "$throttled" true
    cleans
    equal "$(sums "$ARCHIVE")" "$before"
}

@test "a row that does not say where its pair is may be of the other root: the second crash stays, or is quarantined" {
    of_the_other_root "root = NULL, pathname = ''"
    expect_status 0 scan --deferred-storage-root=
    log_has "left: the pair of its job may be in the deferred storage root, which is not set"
    mv "$DEFERRED" "$BATS_TEST_TMPDIR/away"
    mkdir "$DEFERRED"
    expect_status 0 scan
    log_has "left: the pair of its job may be in deferred storage root \"$DEFERRED\", which is not known by its mark"
    is_new "$SPOOL" 20081225 "$throttled"
    rmdir "$DEFERRED"
    mv "$BATS_TEST_TMPDIR/away" "$DEFERRED"
    expect_status 1 scan
    quarantined "$throttled" "already queued from storage \"main\": \"\""
    finish "$throttled" true
    cleans
    equal "$(sums "$ARCHIVE")" "$before"
}

@test "it stays, too, while that root has never been used, or the day of its id is empty there" {
    id=$(crash --root "$DEFERRED" --without links)
    sql "INSERT INTO jobs (pathname, uuid) VALUES ('', '$id')"
    again "$id" 20081225
    expect_status 0 scan
    log_has "left: the pair of its job may be in deferred storage root \"$DEFERRED\", which is not known"
    marked
    mv "$DEFERRED/20081225/name" "$BATS_TEST_TMPDIR/away"
    expect_status 0 scan
    log_has "left: the pair of its job may be in \"$DEFERRED/20081225\", which is empty"
    is_new "$SPOOL" 20081225 "$id"
    mv "$BATS_TEST_TMPDIR/away" "$DEFERRED/20081225/name"
    expect_status 1 scan
    quarantined "$id" "already queued from storage \"main\": \"\""
}

@test "files that look younger than their row, as in a spool that was copied, are archived all the same" {
    id=$(crash --age 700)
    queued 1
    finish "$id" true
    sql "UPDATE jobs SET queueddatetime = now() - interval '2 days', starteddatetime = now() - interval '1 day',
                         completeddatetime = now() - interval '1 day'"
    expect_status 1 cleanup_jobs --save-successful-minidumps-to=
    pair_is_whole "$SPOOL" 20081225 "$id"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

# --- a row without a pathname

@test "without a pathname it is the pair that has lost its links" {
    id=$(collect --day 20081226 --id-day 081225 --without links)
    before=$(sums "$SPOOL/20081226")
    ended true "$id"
    sql "UPDATE jobs SET pathname = ''"
    again "$id" 20081225
    again "$id" 20081224 --root "$DEFERRED"
    cleans
    is_new "$SPOOL" 20081225 "$id"
    is_new "$DEFERRED" 20081224 "$id"
    equal "$(sums "$ARCHIVE")" "$before"
}

@test "without a pathname, what is new under another day is a duplicate; the only pair is the one" {
    marked
    id=$(crash)
    sql "INSERT INTO jobs (pathname, uuid) VALUES ('', '$id')"
    expect_status 0 scan
    no_links "$id"
    again "$id" 20081226
    expect_status 1 scan
    quarantined "$id" "already queued from storage \"main\""
    finish "$id" true
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "of several that have lost their links none is touched, and the job is left (1)" {
    id=$(collect --day 20081226 --id-day 081225 --without links)
    ended true "$id"
    sql "UPDATE jobs SET pathname = ''"
    for where in "$SPOOL 20081225" "$DEFERRED 20081225"; do
        again "$id" "${where#* }" --root "${where% *}" --without links
        before=$(disk_state | grep -v crashmon)
        expect_status 1 cleanup_jobs
        [[ $output == *"several pairs have its id"* ]] || fail "$output"
        equal "$(disk_state | grep -v crashmon)" "$before"
        jobs_are "$id"
        rm "$(pair_in "${where% *}" "${where#* }" "$id")".*
    done
    cleans
}

@test "nor if it cannot be told whether another one has lost its links" {
    id=$(collect --day 20081226 --id-day 081225 --without links)
    again "$id" 20081227 --without links
    ended true "$id"
    sql "UPDATE jobs SET pathname = ''"
    rm -rf "$SPOOL"/2008122[67]/date
    touch "$SPOOL/20081227/date"
    before=$(disk_state | grep -v crashmon)
    for to in "$ARCHIVE" ''; do
        expect_status 1 cleanup_jobs --save-successful-minidumps-to="$to"
        log_has "\"$id\": left: cannot read directory \"20081227/date\""
        equal "$(disk_state | grep -v crashmon)" "$before"
        jobs_are "$id"
    done
}

# --- a job that is set back

@test "a job that is set back after its pair was moved, and finished again, is no loss" {
    id=$(collect --day 20081226 --id-day 081225)
    queued 1
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER refuse BEFORE DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
    finish "$id" true
    expect_status 70 cleanup_jobs
    accept
    again "$id" 20081225
    for success in false true; do
        sql "UPDATE jobs SET success = NULL, completeddatetime = NULL"
        finish "$id" $success
        expect_status 0 cleanup_jobs --dry-run
        [[ $output == *"archived: it was in \"$ARCHIVE\" already"* ]] || fail "$output"
    done
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    is_new "$SPOOL" 20081225 "$id"
}

@test "a crash that comes to the same place after its namesake was put away stays new" {
    for options in "" --save-successful-minidumps-to=; do
        id=$(crash)
        ended true "$id"
        sql "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER keep BEFORE DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION keep()"
        # shellcheck disable=SC2086 # one option or none
        expect_status 70 cleanup_jobs $options
        sql "DROP FUNCTION keep CASCADE; UPDATE jobs SET completeddatetime = now() - interval '1 day'"
        rm -f "$(place "$SPOOL" "$id")".*
        collect --id "$id" --age 2
        rm "$(place "$ARCHIVE" "$id")".* 2>/dev/null || true
        scan --settle-time=00:00:00 || true
        # shellcheck disable=SC2086
        run cleanup_jobs $options
        pair_is_whole "$SPOOL" 20081225 "$id"
        [[ -L $(place "$SPOOL" "$id") ]] || fail "its link is gone"
        sql "DELETE FROM jobs"
        expect_status 0 scan --settle-time=00:00:00
        jobs_are "$id"
        sql "TRUNCATE jobs"
        rm -r "$SPOOL/20081225"
    done
}

# --- further dumps

@test "a further dump with a second name keeps the pair together, where it is (1)" {
    for to in --batch-size=1000 --save-successful-minidumps-to=; do
        id=$(crash --extra browser --age 3600)
        now=$(sql "SELECT now()")
        await sql_true "SELECT now() > '$now'::timestamptz + interval '50 ms'"
        ended true "$id"
        await sql_true "SELECT starteddatetime < now() - interval '50 ms' FROM jobs" # the second name is newer
        dump=$(place "$SPOOL" "$id").browser.dump
        ln "$dump" "$BATS_TEST_TMPDIR/second"
        expect_status 1 cleanup_jobs "$to"
        [[ $output == *"a further dump of it has a second name"* ]] || fail "$output"
        [[ -e $dump ]] && pair_is_whole "$SPOOL" 20081225 "$id"
        rm "$BATS_TEST_TMPDIR/second"
        cleans "$to"
        [[ -z $(find "$SPOOL" -type f -name "$id*") ]] || fail "$(find "$SPOOL")"
    done
}
