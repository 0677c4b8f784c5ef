# refused.bash - rows that the server refuses to change.
# shellcheck shell=bash disable=SC2154 # bats sets status and output

# Makes the role $LOGIN, which may do what a run does, but is no superuser: policies hold for it.
make_login() {
    sql "CREATE ROLE $LOGIN LOGIN;
         GRANT ALL ON SCHEMA crashmon TO $LOGIN;
         GRANT ALL ON ALL TABLES IN SCHEMA crashmon TO $LOGIN;
         GRANT ALL ON ALL SEQUENCES IN SCHEMA crashmon TO $LOGIN"
}

# The text of a list: 'a','b'
quoted() { printf "'%s'," "$@" | sed 's/,$//'; }

# Has the server do something before it changes the rows of a table for these crashes:
# at EVENT TABLE STATEMENT ID...
at() {
    local row=NEW
    [[ $1 != DELETE ]] || row=OLD
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN ${3//\'/\'\'}; RETURN $row; END';
         CREATE TRIGGER refuse BEFORE $1 ON $2 FOR EACH ROW WHEN ($row.uuid IN ($(quoted "${@:4}")))
             EXECUTE FUNCTION refuse()"
}

raises() { echo "RAISE EXCEPTION 'not %', 'this' USING ERRCODE = '$1'"; }

# Asserts that these crashes are told to be kept, and no others.
named() {
    equal "$(sed -nE 's/.* (ERROR|WARNING) - cannot .*; "(.{36})" stays for the next run$/\2/p' "$LOG" |
        sort -u)" "$(printf '%s\n' "$@" | sort)"
}
