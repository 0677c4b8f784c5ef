# sweep.bash - old days, and what is due, for the tests of what cleanup removes once a day.
# shellcheck shell=bash disable=SC2034 # the cases use what is set here

TODAY="(now() AT TIME ZONE 'UTC')::date"

# The day that has been over for so many days, by the clock of UTC-12; -1: it is that day there.
over() { date -u -d "12 hours ago $(($1 + 1)) days ago" +%Y%m%d; }

# Directories look as if nothing had changed for so long: age TIME PATH...
age() { command find "${@:2}" -type d -exec touch -cd "$1 ago" {} + 2>/dev/null || true; }

# A day, as a path, that is over for its crashes: six directories, three days old.
empty() {
    mkdir -p "$1/name/22" "$1/date/12/05"
    age '3 days' "$1"
}

# The days of the spool, but for one that every case has.
days() { (cd "$SPOOL" && find . -mindepth 1 -maxdepth 1 ! -name 20000101 -printf '%f\n' | sort); }

# Has the roots be swept once more today.
due() { sql "UPDATE crashmon.storages SET swept = NULL"; }
