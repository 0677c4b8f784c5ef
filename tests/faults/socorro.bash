# socorro.bash - how Socorro's programs speak to the database: they send the time of their host,
# which has no zone, in sessions whose zone is theirs, $ZONE. The server and everybody else keep UTC.
# shellcheck shell=bash
export PGTZ=UTC
ZONE=UTC

clock() { TZ=$ZONE date "+'%F %T.%6N'::timestamp"; }
socorro() { sql "SET LOCAL timezone = '$ZONE'; $1"; }

# A processor gives a sign of life.
checks_in() { socorro "update processors set lastseendatetime = $(clock) where id = $1"; }
