#!/usr/bin/env bats
# structure.bats - the rules of the house: on the tree as it is, and on a small one made up for
# each case, so that we know that a breach is found.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

TOP=$TESTS/..

# No database, no spool: a tree that keeps all the rules.
setup_file() { :; }
teardown_file() { :; }
setup() {
    TREE=$BATS_TEST_TMPDIR/tree
    add src/base/failure.h '/* failure.h - why something failed.' ' *' ' * Public: failure.h. */'
    add src/log/log.h '/* log.h - the log.' ' *' ' * Public: log.h,' ' *     log_format.h.' \
        ' * Private to this folder: log_file.h. */' '#include "base/failure.h"'
    add src/log/log.c '#include "log/log.h"' '#include "log/log_file.h"' '#include "log/log_format.h"'
    add src/log/log_file.h '#include <stdio.h>'
    add src/log/log_format.h '/* Knows no sqlca. */'
    add pgc/session.h '/* What ECPG does is its own affair. */' '#include "base/failure.h"'
    add pgc/session.pgc '#include "session.h"' 'EXEC SQL INCLUDE sqlca;' 'EXEC SQL COMMIT;'
    add pgc/run.c '#include "session.h"' '#include "log/log.h"'
}
teardown() { :; }

# Adds lines to a file of the tree.
add() {
    mkdir -p "$TREE/${1%/*}"
    printf '%s\n' "${@:2}" >>"$TREE/$1"
}

keeps() { expect_status 0 "$TESTS/check/structure" "$1" "${2:-$TREE}"; }

# Asserts that these breaches of a rule are found in the tree, and no others: breaks RULE BREACH...
breaks() {
    expect_status 1 "$TESTS/check/structure" "$1" "$TREE"
    equal "$output" "$(printf '%s\n' "${@:2}")"
}

# --- the tree as it is

@test "a .pgc contains embedded SQL, and only a .pgc does" {
    keeps sql "$TOP"
}

@test "nothing in src/ includes a header of pgc/, and no folder one that lies above it" {
    keeps arrows "$TOP"
}

@test "no two modules include each other, nor in a longer round" {
    keeps cycles "$TOP"
}

@test "each folder of src/ tells which of its headers are public; the others are included there alone" {
    keeps folders "$TOP"
}

@test "no file is longer than 530 lines, no line of C longer than 100 characters" {
    keeps sizes "$TOP"
}

@test "all C is as clang-format makes it" {
    find "$TOP"/{src,pgc,tests} -name '*.[ch]' -exec clang-format --dry-run -Werror {} +
}

# --- that breaches are found

@test "no test ends or waits for the sessions of another one, which runs at the same time" {
    # All have one server: a statement says which database is meant, or which session.
    for file in "$TESTS"/check/*.bats "$TESTS"/*.bash; do
        ! tr '\n' ' ' <"$file" | grep -oE 'FROM pg_stat_[a]ctivity [^"]*"' |
            grep -vE 'datname = current_database\(\)|pid = ' || fail "$file"
    done
}

@test "in a tree that keeps the rules no breach is found" {
    for rule in sql arrows cycles folders sizes; do keeps "$rule"; done
}

@test "a .pgc without SQL is found, and SQL that is in no .pgc" {
    add pgc/lock.pgc '/* EXEC SQL COMMIT; */' 'EXEC SQL INCLUDE sqlca;' \
        'EXEC SQL BEGIN DECLARE SECTION;' 'EXEC  SQL  END DECLARE SECTION;'
    add pgc/run.c 'EXEC SQL COMMIT;'
    add src/log/log.c 'return sqlca.sqlcode;'
    add src/log/log_file.h '#include <ecpglib.h>'
    add src/log/log_format.h 'return "/*" + PQstatus(connection) + "*/";'
    breaks sql 'pgc/lock.pgc: contains no SQL' 'pgc/run.c: is no .pgc, but contains EXEC SQL' \
        'src/log/log.c: is no .pgc, but contains sqlca' \
        'src/log/log_file.h: is no .pgc, but contains ecpglib' \
        'src/log/log_format.h: is no .pgc, but contains PQstatus'
}

@test "what only looks like SQL in a .pgc is none: a string, or a line for ECPG alone" {
    for line in 'puts("EXEC SQL COMMIT;");' 'EXEC SQL DEFINE X 1;' 'EXEC SQL IFDEF X;' 'EXEC SQL ENDIF;'; do
        add pgc/lock.pgc "$line"
        breaks sql 'pgc/lock.pgc: contains no SQL'
    done
}

@test "an include is found in each form: by ECPG, continued, by a digraph" {
    add src/log/log.c 'EXEC SQL INCLUDE "session.h";'
    add src/log/log_line.c '%:include "session.h"'
    add src/log/log_format.c '#include \' '    "session.h"'
    breaks arrows 'src/log/log.c: may not include pgc/session.h' \
        'src/log/log_format.c: may not include pgc/session.h' \
        'src/log/log_line.c: may not include pgc/session.h'
}

@test "an include of what is no header is found, and one that does not say of what" {
    add src/log/log.c '#include "log/log_line.c"'
    add src/log/log_line.c '#include HEADER'
    breaks arrows 'src/log/log.c: includes what is not "NAME.h" or <NAME.h>: "log/log_line.c"' \
        'src/log/log_line.c: includes what is not "NAME.h" or <NAME.h>: HEADER'
}

@test "files where none belong are found: in deeper folders, and of other kinds" {
    add pgc/sub/x.c ''
    add src/log/log.inc ''
    add src/log/log.pgc 'EXEC SQL COMMIT;'
    add src/log/sub/x.c ''
    breaks folders 'pgc/sub/x.c: is in no folder that structure knows, or of no kind' \
        'src/log/log.inc: is in no folder that structure knows, or of no kind' \
        'src/log/log.pgc: is in no folder that structure knows, or of no kind' \
        'src/log/sub/x.c: is in no folder that structure knows, or of no kind'
}

@test "a header of pgc/ in src/ is found, one of a folder above, and what is in no known folder" {
    add src/base/failure.h '# include <log/log.h>' '// #include "session.h"'
    add src/log/log.c '#include "session.h"'
    add src/log/log_line.c '#include "../../pgc/session.h"'
    add src/misc/misc.h ''
    add src/main.c ''
    breaks arrows 'src/base/failure.h: may not include log/log.h' \
        'src/log/log.c: may not include pgc/session.h' \
        'src/log/log_line.c: may not include pgc/session.h' \
        'src/main.c: in no folder that structure knows' \
        'src/misc/misc.h: in no folder that structure knows'
}

@test "the one header that a folder may have of one above it is no breach, its neighbour is" {
    add src/spool/crash_id.h ''
    add src/spool/walk.h ''
    add src/options/options.c '#include "spool/crash_id.h"'
    keeps arrows
    add src/options/options.c '#include "spool/walk.h"'
    breaks arrows 'src/options/options.c: may not include spool/walk.h'
}

@test "two modules that include each other are found, and three" {
    add pgc/session.pgc '#include "run.h"'
    add pgc/run.h ''
    breaks cycles 'include each other: pgc/run, pgc/session'
    add src/log/log_file.h '#include "log/log_format.h"'
    add src/log/log_format.c '#include "log/log.h"'
    breaks cycles 'include each other: pgc/run, pgc/session' \
        'include each other: src/log/log, src/log/log_file, src/log/log_format'
}

@test "a header in no list is found, in two, and one that is missing; a folder without lists, too" {
    add src/log/log_level.h ''
    sed -i 's/log_file.h\. /log_format.h, log_line.h. /' "$TREE/src/log/log.h"
    add src/report/report.h '/* Public: report.h. */'
    breaks folders 'src/log/log.h: lists src/log/log_format.h twice' \
        'src/log/log.h: lists src/log/log_line.h, which is not there' \
        'src/log/log_file.h: neither public nor private' \
        'src/log/log_level.h: neither public nor private' \
        'src/report: tells in 0 headers which are public' \
        'src/report/report.h: neither public nor private'
}

@test "a private header that is included outside its folder is found" {
    add pgc/run.c '#include "log/log_file.h"'
    add src/base/failure.h '#include "log/log_file.h"'
    breaks folders 'pgc/run.c: includes src/log/log_file.h, which is private to its folder' \
        'src/base/failure.h: includes src/log/log_file.h, which is private to its folder'
}

@test "what is too long is found" {
    add src/log/log.c "$(printf 'é%.0s' {1..100})" "$(printf 'é%.0s' {1..101})"
    mapfile -t lines < <(seq 530)
    add sql/schema.sql "${lines[@]}"
    add tests/check/long "${lines[@]}" 531
    breaks sizes 'src/log/log.c:5: has 101 characters' 'tests/check/long: has 531 lines'
}
