#!/usr/bin/env bats
# options_file.bats - the configuration file: what it may say, and what is reported with its line.
# shellcheck disable=SC2030,SC2031 # each case is a subshell, as it should
load ../helper


# What an option is, after the file has been read.
is_set() {
    expect_status 0 scan --show-config
    grep -qxF -- "$1" <<<"$output" || fail "not: $1" "$output"
}

# Runs all three on a file that none of them may like: they say each of these words, do nothing.
all_refuse() {
    local program word before
    processor p1
    collect
    request "$(collect --without links)"
    before=$(everything)
    for program in "${PROGRAMS[@]}"; do
        expect_status 78 program "$program"
        for word; do [[ $output == *"$word"* ]] || fail "does not say $word: $output"; done
        [[ ! -e $LOG ]] || fail "has begun"
    done
    equal "$(everything)" "$before"
}

# Asserts that a sixth line is refused, with file and line, and that what is wrong is told.
bad_line() {
    cp "$CONF" "$CONF.good"
    printf '%b\n' "$1" >>"$CONF"
    expect_status 78 scan
    [[ $output == *"$CONF:7: "*"${2:-}"* ]] || fail "does not say $CONF:7: and ${2:-}: $output"
    [[ ! -e $LOG ]] || fail "has begun"
    mv "$CONF.good" "$CONF"
}

@test "comments, empty lines and blanks around name and value do not matter" {
    printf '%s\n' '' '   ' $'\t' '# comment' '  # = comment' '#limit = 9' $'\t limit\t=\t7 \t' \
        'batch-size=8' '  lock-wait   =00:00:09' >>"$CONF"
    is_set 'limit = 7'
    is_set 'batch-size = 8'
    is_set 'lock-wait = 00:00:09'
}

@test "the last line needs no newline, and an empty file is one" {
    printf 'limit = 7' >>"$CONF"
    is_set 'limit = 7'
    : >"$BATS_TEST_TMPDIR/empty"
    expect_status 0 "$BUILD/crashmon-cleanup" --config="$BATS_TEST_TMPDIR/empty" \
        --storage-root="$SPOOL" --log-file-pathname="$LOG"
}

@test "a file may begin with a byte order mark" {
    printf '\xef\xbb\xbflimit = 7\n' >"$BATS_TEST_TMPDIR/marked"
    cat "$CONF" >>"$BATS_TEST_TMPDIR/marked"
    mv "$BATS_TEST_TMPDIR/marked" "$CONF"
    is_set 'limit = 7'
}

@test "a file in UTF-16 is told as such" {
    for order in LE BE; do
        { printf '\ufeff'; cat "$CONF"; } | iconv -f UTF-8 -t "UTF-16$order" >"$BATS_TEST_TMPDIR/wide"
        expect_status 78 scan --config="$BATS_TEST_TMPDIR/wide"
        [[ $output == *"wide:1: "*"the file is in UTF-16; save it as UTF-8"* ]] || fail "$output"
    done
}

@test "a # inside a value, quotes, backslashes, = and % are literal" {
    value="a#b # c = \"%(message)s\" 'd' \\n \$HOME \`e\` -- --limit=3"
    echo "log-file-line-format-string = $value" >>"$CONF"
    is_set "log-file-line-format-string = $value"
    is_set 'limit = 0'
    expect_status 0 cleanup_jobs
    grep -q "^a#b # c = \"seen 0.*\" 'd' \\\\n \$HOME \`e\` -- --limit=3\$" "$LOG" ||
        fail "not literal in the log"
}

@test "quotes around a value belong to it" {
    mkdir "$BATS_TEST_TMPDIR/\"a b\""
    sed -i "s|^save-failed.*|save-failed-minidumps-to = $BATS_TEST_TMPDIR/\"a b\"|" "$CONF"
    id=$(collect --day 20081225)
    ended false "$id"
    expect_status 0 cleanup_jobs
    pair_is_whole "$BATS_TEST_TMPDIR/\"a b\"" 20081225 "$id"
}

@test "a value can be blank: that is no value" {
    sed -i 's/^\(deferred-storage-root\).*/\1 =/' "$CONF"
    is_set 'deferred-storage-root = '
    processor p1
    request "$(collect --root "$DEFERRED")"
    expect_status 0 priority
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "dry-run is on or off" {
    id=$(collect)
    processor p1
    echo 'dry-run = on' >>"$CONF"
    expect_status 0 scan
    has_links "$id"
    sed -i 's/^dry-run.*/dry-run = off/' "$CONF"
    expect_status 0 scan
    no_links "$id"
}

@test "an unknown key is reported with file and line (78), and nothing is done" {
    echo 'no-such-option = 5' >>"$CONF"
    all_refuse "$CONF:7: " no-such-option
}

@test "a key that comes twice is reported with file and line (78), and nothing is done" {
    echo 'storage-root = /elsewhere' >>"$CONF"
    all_refuse "$CONF:7: " storage-root
}

@test "a bad value is reported with file and line (78), also one of another program's key" {
    echo 'give-up-after = 5' >>"$CONF"
    all_refuse "$CONF:7: " give-up-after
}

@test "a bad value in the file is reported even when the command line has a good one" {
    echo 'limit = many' >>"$CONF"
    expect_status 78 scan --limit=5
    [[ $output == *"$CONF:7: "*limit* ]] || fail "$output"
}

@test "of several bad lines the first is reported with its own number" {
    printf '%s\n' '# six' 'seven' 'eight' >>"$CONF"
    expect_status 78 scan
    [[ $output == *"$CONF:8: "* ]] || fail "$output"
}

@test "a line that is not name = value is reported with file and line (78)" {
    bad_line 'batch-size' batch-size
    bad_line 'batch-size 5' batch-size
    bad_line '= 5'
    bad_line '='
    bad_line '--batch-size = 5' batch-size
    bad_line '[section]' section
    bad_line 'batch size = 5'
}

@test "each kind of bad value is reported with file and line (78)" {
    bad_line 'batch-size = many' batch-size
    bad_line 'batch-size = 0' batch-size
    bad_line 'batch-size =' batch-size
    bad_line 'limit = 5 # five' limit
    bad_line 'limit = "5"' limit
    bad_line 'settle-time = 0:5:0' settle-time
    bad_line 'cleanup-jobs-loop-delay = 00:60:00' cleanup-jobs-loop-delay
    bad_line 'dump-permissions = 0668' dump-permissions
    bad_line 'dump-gid = staff!' dump-gid
    bad_line 'stderr-error-logging-level = LOUD' stderr-error-logging-level
    bad_line 'stderr-line-format-string = %(nothing)s' stderr-line-format-string
    bad_line 'json-file-suffix = a/b' json-file-suffix
    bad_line 'dry-run = perhaps' dry-run
}

@test "what makes no sense in a file is reported with file and line (78)" {
    for name in config version help usage show-config database-password; do
        bad_line "$name = on" "$name"
    done
}

@test "a line of more than 4096 bytes is reported with file and line (78), a comment too" {
    long=$(printf 'x%.0s' {1..4100})
    bad_line "log-file-line-format-string = $long"
    bad_line "# $long"
    bad_line "$long"
}

@test "a line of nearly 4096 bytes is read whole" {
    long=$(printf 'x%.0s' {1..4000})
    echo "log-file-line-format-string = %(message)s $long." >>"$CONF"
    expect_status 0 cleanup_jobs
    grep -q " $long\.\$" "$LOG" || fail "cut"
}

@test "a NUL byte is reported with file and line (78)" {
    bad_line 'limit = 5\0000'
    bad_line 'limit\0000 = 5'
    bad_line '# \0000comment'
    bad_line '\0000'
}

@test "a line that is not UTF-8 is reported with file and line (78), a comment too" {
    cp "$CONF" "$CONF.good"
    for bad in $'storage-name = caf\xe9' $'# caf\xe9' $'# \xc0\xaf' $'# \xed\xa0\x80' $'# \xf5\x80\x80\x80' \
        $'# half \xe2\x82'; do
        cp "$CONF.good" "$CONF"
        printf '%s\n' "$bad" >>"$CONF"
        expect_status 78 scan --dry-run
        [[ $output == *"$CONF:$(wc -l <"$CONF"):"*UTF-8* ]] || fail "says: $output"
    done
    cp "$CONF.good" "$CONF"
    printf '# %s\nquarantine-to = %s\n' 'ünïcödé €𝄞' '/größe' >>"$CONF"
    expect_status 0 scan --show-config
    [[ $output == */größe* ]]
}

@test "a configuration file that is missing (78)" {
    CONF=$BATS_TEST_TMPDIR/none
    all_refuse "$CONF"
}

@test "a directory in the configuration file's place (78)" {
    CONF=$BATS_TEST_TMPDIR
    all_refuse "$CONF"
}

@test "a FIFO, or a file without an end, in the configuration file's place (78)" {
    good=$CONF CONF=$BATS_TEST_TMPDIR/fifo
    mkfifo "$CONF"
    all_refuse "$CONF\": it is not a regular file"
    expect_status 3 scan --check
    truncate -s 2M "$good"
    for CONF in /dev/zero "$good"; do
        for program in "${PROGRAMS[@]}"; do
            expect_status 78 program "$program"
            [[ $output == *"\"$CONF\": it is too large" ]] || fail "$output"
        done
    done
}

@test "a configuration can come from a pipe of the shell, as <(...) or /dev/stdin" {
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 "$BUILD/$program" --config=<(sleep 0.2; cat "$CONF"; sleep 0.2; echo 'batch-size = 7') --show-config
        [[ $output == *$'\nbatch-size = 7\n'* && $output == *"storage-root = $SPOOL"$'\n'* ]] || fail "$output"
        run -0 "$BUILD/$program" --config=/dev/stdin --show-config < <(cat "$CONF")
        [[ $output == *"storage-root = $SPOOL"$'\n'* ]] || fail "$output"
    done
}

# Whether it has opened what it has inherited, too.
has_opened() { [[ $(readlink "/proc/$pid/fd/"* | grep -c "$1") == 2 ]]; }

@test "a pipe that nobody writes to is waited for until a signal comes (143)" {
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    exec {unwritten}<>"$BATS_TEST_TMPDIR/fifo"
    for CONF in "/dev/fd/$unwritten" "/proc/self/fd/$unwritten"; do
        for program in "${PROGRAMS[@]}"; do
            background program "$program"
            await has_opened /fifo
            kill -TERM "$pid"
            background_ends 143
            [[ $output == *'cannot read configuration file'* ]] || fail "$output"
        done
    done
    exec {unwritten}<&-
}

@test "a configuration file that may not be read (78)" {
    chmod 0 "$CONF"
    if [[ $(id -u) == 0 ]]; then
        chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
        cp "$BUILD/crashmon-"* "$BATS_TEST_TMPDIR"
        # shellcheck disable=SC2034 # helper.bash uses both
        BUILD=$BATS_TEST_TMPDIR EXEC='setpriv --reuid=65534 --regid=65534 --clear-groups'
    fi
    all_refuse "$CONF"
}
