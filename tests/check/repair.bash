# repair.bash - what the cases about --repair share. Load it after helper.
# shellcheck shell=bash disable=SC2154,SC2034 # bats sets status and output

setup() {
    begin_case
    processor p1 >/dev/null
    AGE=--incomplete-age=00:30:00
}

repair() { aged && scan --repair "$AGE" "$@"; }
repair_rows() { cleanup_jobs --repair "$AGE" "$@"; }

# What is in the name trees looks as old as what a collector of the tests leaves.
aged() { find "$SPOOL" "$DEFERRED" -path '*/name*' -type d -exec touch -d '1 hour ago' {} +; }

# Jobs that have been waiting for an hour, whose pairs are where they are now: waiting ID...
waiting() {
    local id path
    for id; do
        path=$(find "$SPOOL" "$DEFERRED" -path "*/name/*/$id.*" -printf '%h' -quit)
        sql "INSERT INTO jobs (pathname, uuid, owner, queueddatetime)
             VALUES ('${path:-$(dirname "$(place "$SPOOL" "$id")")}/$id.json', '$id', 1,
                     now() - interval '1 hour')"
    done
}

# Asserts what a dry run lists, in any order, as `CLASS ID`, and that it changes nothing; what a run
# then finds is the same: finds RUN CLASS ID...
finds() {
    local run=$1 before
    shift
    before=$(everything)
    expect_status $(($# > 0)) "$run" --dry-run
    equal "$(cut -d' ' -f1,2 <<<"$output" | sort)" "$( (($# == 0)) || printf '%s %s\n' "$@" | sort)"
    equal "$(everything)" "$before"
    expect_status $(($# > 0)) "$run"
    [[ $output == "seen $(($# / 2))"*"; exit code $(($# > 0))" && ${#lines[@]} == 1 ]] || fail "$output"
}

# Asserts how the latest run ended: summary TEXT.
summary() {
    [[ $(grep -F '; exit code ' "$LOG" | tail -n 1) == *" - $1; exit code "* ]] || fail "not: $1"
}
