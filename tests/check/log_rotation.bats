# The rotating log file: the same files as Python's RotatingFileHandler makes, and no line lost,
# torn or doubled when several processes write and rotate one file at once.

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    writer=$(realpath "${BUILD:-build}/unit/test_log_file")
    cd "$BATS_TEST_TMPDIR" || return
}

# lines PREFIX COUNT: lines of 7 to 36 characters, the same at every call
lines() {
    awk -v prefix="$1" -v count="$2" 'BEGIN {
        for (i = 1; i <= count; i++) {
            printf "%s %04d%s\n", prefix, i, substr("..............................", 1, i * 7 % 30)
        }
    }'
}

# write_at_once PREFIX...: a process for each prefix, 1000 lines each, one or seven at a time; waits
# for all
write_at_once() {
    local writers=() together=1
    for prefix in "$@"; do
        lines "$prefix" 1000 | "$writer" log 2000 100 $together &
        together=7
        writers+=($!)
    done
    for process in "${writers[@]}"; do wait "$process"; done
}

# lines_of PREFIX...: what write_at_once wrote, sorted
lines_of() {
    for prefix in "$@"; do lines "$prefix" 1000; done | sort
}

@test "makes the same files as Python's RotatingFileHandler" {
    command -v python3 > /dev/null || skip "python3 is not installed"
    lines some 100 > input
    for maximum in 0 50 64 1000 100000; do
        for backups in 0 1 7; do
            mkdir -p "ours/$maximum-$backups" "pythons/$maximum-$backups"
            for together in 1 13; do # the second finds the files of the first
                "$writer" "ours/$maximum-$backups/log" $maximum $backups $together < input
            done
        done
    done
    python3 -c '
import logging.handlers, os
for directory in os.listdir("pythons"):
    maximum, backups = map(int, directory.split("-"))
    for run in 1, 2:
        handler = logging.handlers.RotatingFileHandler(
            os.path.join("pythons", directory, "log"), maxBytes=maximum, backupCount=backups)
        for line in open("input"):
            handler.emit(logging.makeLogRecord({"msg": line.rstrip("\n")}))
        handler.close()
'
    [ -e pythons/50-7/log.7 ]
    diff -r -x '.log.lock' pythons ours
}

@test "several processes rotate one file and lose, tear and double no line" {
    write_at_once a b c d
    [ -e log.20 ]
    [ -z "$(find . -name 'log*' -size +1999c)" ]
    diff <(lines_of a b c d) <(sort log*)
}

@test "the lines of each process stay in order across the files" {
    write_at_once a b
    cat $(printf "%s\n" log.* | sort -V -r) > all
    cat log >> all
    for prefix in a b; do
        diff <(lines $prefix 1000) <(grep "^$prefix " all)
    done
}

@test "logrotate may move the file while it is written" {
    write_at_once a b c &
    writers=$!
    number=0
    while kill -0 $writers 2> /dev/null; do
        mv log "moved.$number" 2> /dev/null || true
        number=$((number + 1))
    done
    wait $writers
    ls moved.* > /dev/null
    diff <(lines_of a b c) <(find . -type f | xargs sort)
}
