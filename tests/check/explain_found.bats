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
    does "$id" scan "does not see it: what stands where its date link should be is no link"
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
