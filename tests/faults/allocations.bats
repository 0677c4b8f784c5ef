#!/usr/bin/env bats
# allocations.bats - one allocation after another fails: in the programs, and in what they are linked with.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

# A library that has the allocation number FAIL_AT fail, with FAIL_ALL all after it, too, with FAIL_SQLCA the first
# or all of the size of ECPG's sqlca, and writes how many there were to FAIL_COUNT. A SIGSEGV inside of libecpg,
# which does not look whether it has memory for the text of a statement, becomes an exit code, 71.
setup_file() {
    begin_file
    cc -shared -fPIC -I"$(pg_config --includedir)" -o "$BATS_FILE_TMPDIR/fail.so" -x c - <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <sqlca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static long count, at = -1;
static int all;
static int fails(void)
{
    const char *number = getenv("FAIL_AT");
    if (at < 0) {
        at = number != NULL ? atol(number) : 0;
        all = getenv("FAIL_ALL") != NULL;
    }
    long now = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    return at > 0 && (all ? now >= at : now == at) && (errno = ENOMEM) != 0;
}
static int fails_of(size_t size)
{
    static long met;
    const char *which = size == sizeof(struct sqlca_t) ? getenv("FAIL_SQLCA") : NULL;
    return which != NULL && (__atomic_add_fetch(&met, 1, __ATOMIC_SEQ_CST) == 1 || *which == 'a') &&
           (errno = ENOMEM) != 0;
}
void *malloc(size_t size) { return fails() || fails_of(size) ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { return fails() ? NULL : __libc_realloc(old, size); }
static void blame(int number, siginfo_t *info, void *of)
{
    const mcontext_t *machine = &((ucontext_t *)of)->uc_mcontext;
    Dl_info place;
#ifdef __x86_64__
    void *at = (void *)machine->gregs[REG_RIP];
#else
    void *at = (void *)machine->pc;
#endif
    if (dladdr(at, &place) != 0 && strstr(place.dli_fname, "libecpg") != NULL)
        _exit(71);
    signal(number, SIG_DFL);
}
__attribute__((constructor)) static void begin(void)
{
    sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = blame, .sa_flags = SA_SIGINFO}, NULL);
}
__attribute__((destructor)) static void tell(void)
{
    FILE *file = getenv("FAIL_COUNT") != NULL ? fopen(getenv("FAIL_COUNT"), "w") : NULL;
    if (file != NULL)
        fprintf(file, "%ld\n", count);
}
END
}

failing() { env LD_PRELOAD="$BATS_FILE_TMPDIR/fail.so" "$@"; }

# A crash for each program: one that is new, one that is wanted, one that is finished.
stage() {
    empty_tables
    rm -rf "${SPOOL:?}/20081225" "${DEFERRED:?}/20081225" "${ARCHIVE:?}/20081225"
    processor p1 >/dev/null
    new=$(crash) wanted=$(crash --root "$DEFERRED") finished=$(crash --without links)
    request "$wanted"
    ended true "$finished"
}

# Ends with a code of ours, and says why. The next run finishes.
bears() {
    local program=crashmon-${1%_jobs} count at
    stage
    EXEC=failing FAIL_COUNT=$BATS_TEST_TMPDIR/count run program "$program"
    count=$(<"$BATS_TEST_TMPDIR/count")
    for ((at = RANDOM % 40; at < count; at += 40)); do
        stage
        : >"$LOG"
        FAIL_AT=$at EXEC=failing run program "$program"
        [[ $status =~ ^(0|1|69|70|71|73|74)$ ]] || fail "allocation $at of $count: $status" "$output"
        [[ $status =~ ^(0|1|71)$ || -n $output ]] || fail "allocation $at of $count: $status, silently"
        for run in "${RUNS[@]}"; do run "$run"; done
        sql_is "SELECT string_agg(uuid, ' ' ORDER BY uuid) FROM jobs" \
            "$(printf '%s\n' "$new" "$wanted" | sort | xargs)"
        pair_is_whole "$ARCHIVE" 20081225 "$finished"
        no_links "$new"
    done
}

@test "scan bears that any allocation fails" { bears scan; }
@test "priority bears that any allocation fails" { bears priority; }
@test "cleanup bears that any allocation fails" { bears cleanup_jobs; }

# bears_question PROGRAM OPTION...: a question changes nothing. It is answered, or says why not, whatever
# allocation fails, alone or with all that come after it. ALLOCATIONS=1 takes each, in a quarter of an hour.
bears_question() {
    local step=${ALLOCATIONS:-40} count at all
    EXEC=failing FAIL_COUNT=$BATS_TEST_TMPDIR/count run program "$@"
    count=$(<"$BATS_TEST_TMPDIR/count")
    for all in '' yes; do
        for ((at = step > 1 ? 1 + RANDOM % step : 1; at <= count; at += step)); do
            rm -f "${TMPDIR:-/tmp}/crashmon-$EUID.mailed"
            run env FAIL_AT=$at ${all:+FAIL_ALL=yes} LD_PRELOAD="$BATS_FILE_TMPDIR/fail.so" PGOPTIONS='' \
                "$BUILD/$1" --config="$CONF" "${@:2}"
            [[ $status == 71 || ($status =~ ^(0|1|2|3|69|70|74|76|77|78)$ && -n $output) ]] ||
                fail "$*: allocation $at of $count${all:+ and all that follow}: $status" "$output"
        done
    done
}

@test "scan --check bears that any allocation fails" { stage && bears_question crashmon-scan --check; }
@test "priority --check bears that any allocation fails" { stage && bears_question crashmon-priority --check; }
@test "cleanup --check bears that any allocation fails" { stage && bears_question crashmon-cleanup --check; }
@test "--status bears that any allocation fails" { stage && bears_question crashmon-scan --status; }
@test "--status --json bears that any allocation fails" { stage && bears_question crashmon-scan --status --json; }
@test "--explain bears that any allocation fails" {
    stage
    bears_question crashmon-priority --explain "$new" "$wanted" "$finished"
}

@test "a program without memory for what ECPG tells of a statement ends with 70, and says so" {
    stage
    for which in first all; do
        for run in "${RUNS[@]}"; do
            FAIL_SQLCA=$which EXEC=failing expect_status 70 "$run"
            [[ $output == *"cannot connect to the database: out of memory"* ]] || fail "$which: $output"
        done
    done
}

# Libraries that call exit() are no exception: 1 would say that the work is done.
@test "a program without memory for its options ends with 70, and says so" {
    stage
    EXEC=failing FAIL_COUNT=$BATS_TEST_TMPDIR/count scan --show-config >/dev/null
    count=$(<"$BATS_TEST_TMPDIR/count")
    for ((at = count - 250; at < count - 20; at++)); do
        rm -f "${TMPDIR:-/tmp}/crashmon-$EUID.mailed" # or what is the same again is not told
        unset FAIL_ALL
        ((at % 2)) || export FAIL_ALL=yes
        FAIL_AT=$at EXEC=failing run scan
        [[ $status =~ ^(0|69|70)$ ]] || fail "allocation $at of $count: $status" "$output"
        [[ $status == 0 || $output == *crashmon* ]] || fail "allocation $at of $count: $status" "$output"
    done
}
