#!/usr/bin/env bats
# errnos.bats - each errno ends the run with the code that the table in doc/internals.md says, in all
# three programs; and the next run finishes.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

# Its rows: CODE CALL ERRNO...
rows() {
    sed -n '/^## What the system refuses/,/^## Threads/p' "$TESTS/../doc/internals.md" |
        sed -nE 's/^\| ([^|]*E[A-Z]+[^|]*) \|.* \| ([0-9]+) \|$/\2 \1/p' | while read -r code names; do
        call=$(sed -nE 's/.*from `(.*)`.*/\1/p' <<<"$names")
        echo "$code ${call:-unlinkat} $(grep -oE '\bE[A-Z]{2,}\b' <<<"$names" | xargs)"
    done
}

# The calls of that name on which the run depends fail: those that remove links, move a pair, copy it.
# CALL ERRNO RUN CODE
fails_with() {
    local EXEC="strace -f -qq -o /dev/null -e trace=$1,renameat2 -e inject=$1:error=$2"
    [[ $1 != sendfile ]] || EXEC+=":when=1 -e inject=renameat2:error=EXDEV"
    sql "DELETE FROM jobs"
    local new wanted finished
    new=$(collect) wanted=$(collect --root "$DEFERRED") finished=$(crash)
    case $3 in
    priority) request "$wanted" ;;
    cleanup_jobs) ended true "$finished" ;;
    esac
    rm -f "$LOG"
    run "$3"
    [[ $status == "$4" ]] || fail "$3, $2 from $1: exit code $status instead of $4" "$output"
    unset EXEC
    [[ $4 == 0 ]] || [[ $(<"$LOG") == *"$(errno_text "$2")"* ]] || fail "$3, $2 from $1: does not say so"
    for run in priority scan cleanup_jobs; do
        run "$run"
        [[ $status == 0 ]] || fail "$3, $2 from $1: the next $run ends with $status" "$output"
    done
    case $3 in
    scan) sql_true "SELECT owner IS NOT NULL FROM jobs WHERE uuid = '$new'" ;;
    priority) sql_true "SELECT priority = 1 FROM jobs WHERE uuid = '$wanted'" ;;
    cleanup_jobs) pair_is_whole "$ARCHIVE" 20081225 "$finished" ;;
    esac
    # What was said to be gone was not.
    [[ "$1 $4" != "unlinkat 0" ]] || find "$SPOOL" "$DEFERRED" -path '*/date/*' -type l -delete
    [[ -z $(new_links) ]] || fail "$3, $2 from $1: $(new_links)"
}

errno_text() { perl -MErrno -e 'no strict "refs"; $! = &{"Errno::$ARGV[0]"}; print $!' "$1"; }

each_errno() {
    local code call errnos errno count=0
    strace -f -qq -o /dev/null true 2>/dev/null || skip "no strace here"
    processor p1
    marked
    while read -r code call errnos; do
        [[ $call != renameat2 && $call != sendfile || $1 == cleanup_jobs ]] || continue
        for errno in $errnos; do
            fails_with "$call" "$errno" "$1" "$code"
            count=$((count + 1))
        done
    done < <(rows)
    ((count > 15)) || fail "$count errnos"
}

@test "each errno that has a code of its own is in the table" {
    # Two come from no file system, they are ours: EREMCHG is FILE_CHANGED, for ENOTUNIQ the configuration is to blame.
    for errno in $(grep -oP 'case \KE[A-Z]+(?=:)' "$TESTS/../src/report/exit_code.c" | grep -Ev 'EREMCHG|ENOTUNIQ'); do
        [[ " $(rows | xargs) " == *" ${errno/EWOULDBLOCK/EAGAIN} "* ]] || fail "not in doc/internals.md: $errno"
    done
}

@test "scan ends with the code of each errno" { each_errno scan; }
@test "priority ends with the code of each errno" { each_errno priority; }
@test "cleanup ends with the code of each errno" { each_errno cleanup_jobs; }
