# For tests of --check: a site that has a processor, and what a program answers.
# shellcheck shell=bash disable=SC2154 # bats sets status and output
setup() {
    begin_case
    processor alpha >/dev/null
}

# Asserts the answer of a program: answers CODE PROGRAM [OPTION...] -- [LINE...]; the lines after the
# first one begin so, and there are no others.
answers() {
    local code=$1 run=$2 options=() words=(OK WARNING CRITICAL UNKNOWN) name
    shift 2
    while (($#)) && [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    expect_status "$code" "$run" --check "${options[@]}"
    name=${run%_jobs}
    local count="$# problems: "
    (($# != 1)) || count="1 problem: "
    (($#)) || count="storage main"
    [[ ${lines[0]} == "CRASHMON ${name^^} ${words[code]} - $count"*"|"* && ${#lines[@]} -eq $(($# + 1)) ]] ||
        fail "not so:" "$output"
    local line
    for line; do grep -q -- "^$line" <<<"$output" || fail "no line: $line" "$output"; done
}

# All three programs have run, as cron starts them.
used() {
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    marked
}

# New crashes, a minute old.
fresh() {
    crash "$@" >/dev/null
    find "$SPOOL" -name '*-*' -exec touch -h -d '1 minute ago' {} +
}
