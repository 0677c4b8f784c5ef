#!/usr/bin/env bats
# explain_letters.bats - --explain for ids that differ in capitals alone, and crashes with several links.
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets status and output, a case is a subshell
load ../helper
load explain

small=abcdefab-cdef-abcd-efab-cdefab081225
large=${small^^}

@test "one request, and two crashes: it is that of the crash whose id it spells" {
    processor p1
    for id in "$small" "$large"; do crash --id "$id" >/dev/null; done
    request "$small"
    says "$large" "Request [0-9]+ s ago" "Request [0-9]+ s ago, for $small" \
        "crashmon-priority .* queues it with priority" \
        "crashmon-priority .* nothing, as it serves the request with crash $small"
    expect_status 0 priority
    sql_is "SELECT uuid FROM jobs" "$small"
    # What the spool and the queue say is the same.
    request "$small"
    says "$large" "crashmon-priority .* raises the priority of its job, and removes the request" \
        "crashmon-priority .* nothing, as it serves the request with crash $small"
}

@test "two requests for one crash are both told" {
    processor p1
    crash --id "$small" >/dev/null
    requests 100 "$large"
    requests 0 "$small"
    says "$small" "Request [0-9]+ s ago" "Request 1 min 4. s ago, for $large"
    equal "$(explain "$large" --json | perl -MJSON::PP -ne 'print join " ", map { $_->{id} } @{decode_json($_)->{requests}}')" \
        "$small $large"
    expect_status 0 priority
    sql_is "SELECT count(*) FROM priorityjobs" 0
}

@test "each date link of a crash is told" {
    processor p1
    id=$(crash)
    link=$(find "$SPOOL" -type l -path '*/date/*' -name "$id")
    slot=${link%/*}
    mkdir "${slot}x"
    cp -P "$link" "${slot}x"
    says "$id" "date link in \"${slot#"$SPOOL/"}\"" "date link in \"${slot#"$SPOOL/"}x\""
    equal "$(explain "$id" --json | perl -MJSON::PP -ne 'print join " ", @{decode_json($_)->{found}[0]{date_links}}')" \
        "${slot#"$SPOOL/"} ${slot#"$SPOOL/"}x"
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs" 1
}

@test "a place that cannot be read is told once, whatever letters it is looked at for" {
    mkdir "$DEFERRED/20081227"
    ln -s . "$DEFERRED/20081227/name"
    for id in 8fdbab61-f75b-11dc-b6be-001322081227 8FDBAB61-F75B-11DC-B6BE-001322081227; do
        code=74 says "$id" "deferred storage root \"$DEFERRED\": not all of it could be read" "cannot look for it in \"$DEFERRED/20081227/.*"
        equal "$(grep -c 'cannot look for it' <<<"$output")" 1
    done
}
