# explain.bash - what crashmon-priority --explain says, loaded by its tests.
# shellcheck shell=bash disable=SC2154 # bats sets status and output

explain() { priority --explain "$@"; }

# Asserts that the answer about a crash has these lines, of which the beginning and any blanks do not
# matter: says ID LINE...
says() {
    local line
    expect_status "${code:-0}" explain "$1"
    for line in "${@:2}"; do
        grep -qE -- "^ *$line" <(tr -s ' ' <<<"$output") || fail "no line: $line" "$output"
    done
}

# Asserts what a program is said to do next: does ID PROGRAM SENTENCE
does() {
    local value
    value=$(explain "$1" --json | json next "$2")
    [[ $value == $3 ]] || fail "$2: $value" "instead of: $3"
}
json() {
    perl -MJSON::PP -e '
        my $all = decode_json(join "", <STDIN>);
        my ($what, @more) = @ARGV;
        if ($what eq "next") { print map { $_->{program} eq "crashmon-$more[0]" ? $_->{does} : () } @{$all->{next}} }
        else { print JSON::PP->new->canonical->encode($all) }' "$@"
}
