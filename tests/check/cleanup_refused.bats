#!/usr/bin/env bats
# cleanup_refused.bats - crashmon-cleanup when the server refuses to delete the row of one crash, or
# of many: that row stays, with a pair that is put away already, and no other stays for its sake.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

# Finished jobs whose pairs lie under 2008-12-25, in order of id: jobs COUNT
jobs() {
    mapfile -t ids < <(collect --day 20081225 --count "$1")
    ended true "${ids[@]}"
}

# The crashes at these places in the order of their jobs.
crashes_at() {
    local place
    for place; do echo "${ids[place]}"; done
}

# Has the server refuse to delete the rows of the crashes at these places, with this statement.
refuse_to_delete() {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN $1; RETURN OLD; END';
         CREATE TRIGGER refuse BEFORE DELETE ON jobs FOR EACH ROW
             WHEN (OLD.uuid IN ('$(crashes_at "${@:2}" | paste -sd, | sed "s/,/','/g")'))
             EXECUTE FUNCTION refuse()"
}

refused_at() { refuse_to_delete "RAISE EXCEPTION ''not %'', OLD.uuid" "$@"; }

# Asserts that the rows of the crashes at these places are left, and no others.
left_at() { equal "$(sql "SELECT uuid FROM jobs ORDER BY id")" "$(crashes_at "$@")"; }

# Asserts that every pair is whole in the archive, and that nothing of any is in the spool.
all_archived() {
    local id left
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    left=$(find "$SPOOL" ! -type d)
    [[ -z $left ]] || fail "left:" "$left"
}

# The crashes that the log tells this of, in order of their names: told_of LEVEL WHAT
told_of() { sed -nE "s/.* $1 - \"([0-9a-f-]{36})\": $2.*/\1/p" "$LOG" | sort; }

@test "a row that the server refuses to delete stays (1), and no other of its batch or of a later" {
    for places in 0 '9 10' '3 4 28' '0 1 2 3 4 5 6 7 8'; do
        rm -f "$LOG"
        jobs 30
        # shellcheck disable=SC2086 # a list
        set -- $places
        refused_at "$@"
        expect_status 1 cleanup_jobs --batch-size=10
        left_at "$@"
        all_archived
        equal "$(sed -nE 's/.* ERROR - cannot .*; "(.{36})" stays for the next run$/\1/p' "$LOG" | sort)" \
            "$(crashes_at "$@" | sort)"
        equal "$(grep -c ' ERROR - ' <<<"$output")" "$#"
        equal "$(told_of DEBUG 'left: ')" "$(crashes_at "$@" | sort)"
        log_has "seen 30: archived $((30 - $#)), left $#; exit code 1"
        accept
        rm "$LOG"
        cleans
        equal "$(told_of DEBUG 'archived: it was in .* already')" "$(crashes_at "$@" | sort)"
        all_archived
    done
}

@test "where pairs are deleted its pair stays, too" {
    jobs 10
    refused_at 4
    expect_status 1 cleanup_jobs --save-successful-minidumps-to=
    left_at 4
    log_has "seen 10: deleted 9, left 1; exit code 1"
    pair_is_whole "$SPOOL" 20081225 "${ids[4]}"
    accept
    cleans --save-successful-minidumps-to=
    roots_are_empty
}

@test "what is left already for its pair's sake stays left when its batch is halved" {
    jobs 10
    refused_at 4
    directory=$SPOOL/20081225/name/$(name_dir "${ids[7]}")
    rm "$directory/${ids[7]}.json"
    mkdir "$directory/${ids[7]}.json"
    # What has come later is another crash, and this one missing.
    sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now()"
    expect_status 1 cleanup_jobs
    left_at 4 7
    equal "$(told_of DEBUG 'left: a file of it in .* is not a regular file')" "${ids[7]}"
    log_has "seen 10: archived 8, left 2; exit code 1"
}

@test "what only the commit refuses (a deferred foreign key, a deferred trigger) stays alone, too" {
    for refusal in "CREATE TABLE notes (job bigint REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED);
                    INSERT INTO notes SELECT id FROM jobs WHERE uuid = " \
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''not it''; END';
         CREATE TABLE notes (); CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON jobs
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
         ALTER TABLE jobs DISABLE TRIGGER refuse; UPDATE jobs SET message = '' WHERE uuid = "; do
        for to in "$ARCHIVE" ''; do
            rm -f "$LOG"
            jobs 10
            sql "$refusal '${ids[4]}'"
            [[ $refusal != *TRIGGER* ]] || sql "DROP TRIGGER refuse ON jobs;
                CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON jobs DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW WHEN (OLD.message = '') EXECUTE FUNCTION refuse()"
            expect_status 1 cleanup_jobs --save-successful-minidumps-to=$to
            left_at 4
            equal "$(told_of DEBUG 'left: ')" "${ids[4]}"
            [[ $to ]] || pair_is_whole "$SPOOL" 20081225 "${ids[4]}"
            sql "DROP TABLE notes; DROP FUNCTION IF EXISTS refuse CASCADE"
            cleans --save-successful-minidumps-to=$to
            roots_are_empty
        done
    done
}

@test "after twenty refusals in a row the rest of the batch is left, as consistent as ever (70)" {
    jobs 60
    refused_at 2 3 {5..22} {24..44} 50
    expect_status 70 cleanup_jobs --batch-size=60
    [[ $output == *"20 crashes in a row were refused"* ]] || fail "$output"
    # Gone are the rows of those that are told to be archived, and no others.
    gone=$(told_of DEBUG 'archived: ')
    equal "$(sql "SELECT uuid FROM jobs" | sort)" \
        "$(comm -13 <(echo "$gone") <(printf '%s\n' "${ids[@]}" | sort))"
    for at in 0 1 4; do [[ $gone == *"${ids[at]}"* ]] || fail "left: ${ids[at]}"; done
    all_archived
    accept
    cleans
    all_archived
}

@test "those that are refused at the head keep the others back for no longer than some runs" {
    for to in "$ARCHIVE" ''; do
        for size in 1000 50; do # within a batch, and in two
            jobs 200
            refused_at {0..69}
            for ((i = 0; i < 30 && $(sql "SELECT count(*) FROM jobs") > 70; i++)); do
                cleanup_jobs --save-successful-minidumps-to=$to --batch-size=$size >/dev/null 2>&1 || true
            done
            left_at {0..69}
            for ((i = 0; i < 70; i++)); do pair_is_whole "${to:-$SPOOL}" 20081225 "${ids[i]}"; done
            accept
            cleans --save-successful-minidumps-to=$to
        done
    done
}

@test "a connection that is lost while a batch is halved leaves the rest of it (69)" {
    jobs 20
    refuse_to_delete "IF OLD.uuid = ''${ids[4]}'' THEN RAISE EXCEPTION ''not it'';
                      ELSE PERFORM pg_terminate_backend(pg_backend_pid()); END IF" 4 12
    expect_status 69 cleanup_jobs
    [[ $(sql "SELECT uuid FROM jobs ORDER BY id") == *"${ids[4]}"*"${ids[12]}"* ]] || fail "deleted"
    equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(told_of DEBUG 'left: ')"
    accept
    cleans
    all_archived
}
