#!/usr/bin/env bats
# explain_found.bats - what --explain finds that is not as programs leave it.
load ../helper
load explain

@test "a file in the place of the date link is shown, and scan does not take it for one" {
    processor p1
    id=$(crash)
    link=$(find "$SPOOL" -path '*/date/*' -name "$id")
    rm "$link"
    echo 1 >"$link"
    says "$id" "\"${link#"$SPOOL"/20081225/}\" file 2 B .* old"
    does "$id" scan "does not see it: there is something else where its date link should be"
    expect_status 0 scan
    log_has "\"$id\": left: it is not a link"
    touch -d '2 days ago' "$link"
    expect_status 1 scan --incomplete-age=00:00:00
    does "$id" scan "does not see it, as it has no date link; with --repair it is queued*"
}

@test "why a job has failed reads the same from its row and from long-term storage" {
    id=$(crash --without links)
    ended false "$id"
    sql "UPDATE jobs SET message = E'one\\ntwo'"
    says "$id" 'message "one\\ntwo"$'
    cleans
    says "$id" 'reason: "one\\ntwo"$'
}

@test "of two pairs of an id without links --repair queues one; the other is left while that has its row" {
    processor p1
    id=$(crash --without links)
    crash --id "$id" --day 20081226 --without links >/dev/null
    printf '%s\n' 'incomplete-age = 00:00:01' 'settle-time = 00:00:00' >>"$CONF"
    until [[ $(explain "$id" --json | json next scan) != *"once nothing of it"* ]]; do :; done
    does "$id" scan "does not see it, as it has no date link; with --repair it is queued; leaves that under \"20081226\" while the first one has a row"
    expect_status 1 scan --repair
    log_has "seen 1: queued 1;"
    sql_is "SELECT pathname FROM jobs" "$SPOOL/20081225/name/$(name_dir "$id")/$id.json"
    pair_is_whole "$SPOOL" 20081226 "$id"
}

@test "a pair that is gone, and in its place another crash of its id, which waits; two that were archived" {
    id=$(crash)
    ended true "$id"
    await sql_true "SELECT completeddatetime < now() - interval '50 ms' FROM jobs"
    collect --id "$id" --day 20081225 --size 200 --age 0 >/dev/null
    expect_status 1 cleanup_jobs
    says "$id" 'Hint cleanup has missed its pair: what is there may be another crash of its id, which has to wait'
    pair=$(place "$SPOOL" "$id")
    for archive in "$ARCHIVE" "$FAILED"; do
        mkdir -p "$archive/20081225/name/$(name_dir "$id")"
        cp "$pair".* "$archive/20081225/name/$(name_dir "$id")"
    done
    sql 'DELETE FROM jobs'
    find "$SPOOL" -name "$id*" -delete
    says "$id" "Hint both long-term storages have it, or two crashes of its id; as for \"$ARCHIVE\"; it is done; to have it processed again"
}
