#!/usr/bin/env bats
# sqlstates.bats - each SQLSTATE ends a run with the code that the table in doc/internals.md says. For what
# needs more than a case, such as a server whose disk is full, see tests/faults/outages.bats.
# shellcheck disable=SC2154,SC1010 # bats sets status and output; "done" is a name
load ../helper
load refused

# STATE:CODE of the rows of the table in doc/internals.md, where a trigger of few crashes raises it.
states() {
    sed -n '/^## What the server refuses/,/^## What the system/p' "$TESTS/../doc/internals.md" | perl -ne '
        my ($states, $code) = /^\| (.*?) \|.*\| (?:.*else )?(\d+)[^|]*\|$/ or next;
        # The connection is there, the server writes, and what is missing is not ours.
        $code = 70 if $states =~ /^(any|25006|42P01)/;
        print "$_:$code\n" for $states =~ /\b([0-9A-Z]{5})\b/g;'
}

@test "a run for which the server has refused everything ends with the code of the SQLSTATE" {
    processor p1
    mapfile -t states < <(states)
    for state in $(grep -oE '"[0-9A-Z]{5}"' "$TESTS/../pgc/db_status.pgc" | tr -d '"'); do
        [[ " ${states[*]}" == *" $state:"* ]] || fail "not in doc/internals.md: $state"
    done
    for state in "${states[@]}"; do
        mapfile -t ids < <(collect --count 3)
        mapfile -t done < <(crash --count 3 --without links)
        requests 0 "${ids[@]}"
        ended true "${done[@]}"
        at 'INSERT OR UPDATE' jobs "$(raises "${state%:*}")" "${ids[@]}" "${done[@]}"
        expect_status "${state#*:}" scan
        expect_status "${state#*:}" priority
        accept
        at DELETE jobs "$(raises "${state%:*}")" "${done[@]}"
        expect_status "${state#*:}" cleanup_jobs
        accept
        for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    done
}

# --- for real

@test "a table or a function that is missing (76): nothing is done" {
    processor late 400
    marked
    id=$(collect) finished=$(crash --without links)
    request "$id"
    ended true "$finished"
    before=$(everything | grep -v '^runs|')
    sql "ALTER TABLE crashmon.pauses RENAME TO none"
    for run in "${RUNS[@]}"; do
        expect_status 76 "$run"
        [[ $output == *'relation "crashmon.pauses" does not exist'* ]] || fail "$output"
    done
    sql "ALTER TABLE crashmon.none RENAME TO pauses; ALTER FUNCTION crashmon.silent_since(interval) RENAME TO none"
    for run in scan priority; do
        expect_status 76 "$run"
        [[ $output == *'function crashmon.silent_since(interval) does not exist'* ]] || fail "$output"
    done
    sql "ALTER FUNCTION crashmon.none(interval) RENAME TO silent_since; ALTER TABLE crashmon.runs RENAME TO none"
    for run in scan priority; do
        expect_status 76 "$run"
        [[ $output == *'relation "crashmon.runs" does not exist'* ]] || fail "$output"
    done
    sql "ALTER TABLE crashmon.none RENAME TO runs"
    equal "$(everything | grep -v '^runs|')" "$before"
    sql "ALTER TABLE jobs DROP CONSTRAINT jobs_uuid_key; UPDATE processors SET lastseendatetime = now()"
    for run in scan priority; do
        expect_status 76 "$run"
        [[ $output == *'no unique or exclusion constraint'* ]] || fail "$output"
    done
    equal "$(everything | grep -vE '^(runs|processors)[|]')" "$(grep -vE '^(runs|processors)[|]' <<<"$before")"
    sql "ALTER TABLE jobs ADD UNIQUE (uuid)"
}

@test "what a trigger of the site's misses is not our schema (70), and told in the server's words" {
    processor p1
    while IFS='|' read -r statement message; do
        mapfile -t ids < <(collect --count 3)
        requests 0 "${ids[@]}"
        sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS
                 'BEGIN $statement; RETURN NEW; END';
             CREATE TRIGGER refuse BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
        statuses='' said=''
        for run in scan priority; do
            run "$run"
            statuses+=" $status" said+=$output
        done
        accept
        equal "$statuses" " 70 70" "$statement"
        [[ $said == *"$message"*"refuse()"* ]] || fail "$said"
        jobs_are
        has_links "${ids[0]}"
        expect_status 0 priority
        sql "DELETE FROM jobs"
    done <<'END'
INSERT INTO audit VALUES (NEW.uuid)|relation "audit" does not exist
INSERT INTO crashmon.audit VALUES (NEW.uuid)|relation "crashmon.audit" does not exist
INSERT INTO crashmon_audit.jobs VALUES (NEW.uuid)|relation "crashmon_audit.jobs" does not exist
UPDATE processors SET "comment" = NEW.uuid|relation "processors" does not exist
PERFORM audit(NEW.uuid)|function audit(character varying) does not exist
NEW.audited := now()|record "new" has no field "audited"
PERFORM ''audit.jobs''::regclass|"audit
CREATE TABLE audit.jobs ()|schema "audit" does not exist
END
}

@test "a right that a trigger of the site's misses (77) is told in the server's words, without our advice" {
    processor p1
    id=$(collect)
    sql "CREATE TABLE public.audit (uuid text);
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN SET LOCAL ROLE pg_monitor; INSERT INTO public.audit VALUES (NEW.uuid); RETURN NEW; END';
         CREATE TRIGGER refuse BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
    expect_status 77 scan
    accept
    sql "DROP TABLE public.audit"
    [[ $output == *"permission denied for "*"refuse()"* && $output != *roles.sql* ]] || fail "$output"
    has_links "$id"
}

@test "a column of ours that is missing (76): nothing is done" {
    processor p1
    id=$(collect)
    request "$id"
    sql "ALTER TABLE crashmon.jobs RENAME COLUMN pathname TO path"
    for run in scan priority; do
        expect_status 76 "$run"
        [[ $output == *'column "pathname" '*'does not exist'* ]] || fail "$output"
    done
    sql "ALTER TABLE crashmon.jobs RENAME COLUMN path TO pathname"
    has_links "$id"
    expect_status 0 priority
    jobs_are "$id"
}

@test "a check, or a foreign key, of the site's that all fail (70): nothing is lost" {
    processor p1
    while IFS='|' read -r constraint message; do
        mapfile -t ids < <(collect --count 3)
        requests 0 "${ids[@]}"
        sql "CREATE TABLE accepted (uuid varchar(50) PRIMARY KEY);
             ALTER TABLE jobs ADD CONSTRAINT refuse $constraint"
        statuses='' said=''
        for run in scan priority; do
            run "$run"
            statuses+=" $status" said+=$output
        done
        sql "ALTER TABLE jobs DROP CONSTRAINT refuse; DROP TABLE accepted"
        equal "$statuses" " 70 70"
        [[ $said == *"$message"* ]] || fail "$said"
        jobs_are
        has_links "${ids[0]}"
        expect_status 0 priority
        jobs_are "${ids[@]}"
        sql "DELETE FROM jobs"
    done <<END
CHECK (priority > 5)|violates check constraint "refuse"
FOREIGN KEY (uuid) REFERENCES accepted|violates foreign key constraint "refuse"
END
}

@test "a deadlock with somebody else is tried again, and all is done (0)" {
    processor p1
    mapfile -t ids < <(collect --count 3)
    # Each of the two has a lock, and then wants that of the other.
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SET deadlock_timeout = '10ms' AS \$\$
         DECLARE patience timestamptz := clock_timestamp() + '0.5 s';
         BEGIN
             IF EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 43) THEN
                 PERFORM pg_advisory_xact_lock(44);
                 WHILE clock_timestamp() < patience AND NOT EXISTS (
                     SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 44 AND NOT granted) LOOP
                     PERFORM pg_sleep(0.005);
                 END LOOP;
                 PERFORM pg_advisory_xact_lock(43);
             END IF;
             RETURN NULL;
         END \$\$;
         CREATE TRIGGER refuse BEFORE INSERT ON jobs EXECUTE FUNCTION refuse()"
    background psql -qAtX -c "SELECT pg_advisory_lock(43);
        DO 'BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = ''advisory'' AND objid = 44) LOOP
                PERFORM pg_sleep(0.005); END LOOP; END';
        SELECT pg_advisory_lock(44)"
    await sql_true "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 43)"
    expect_status 0 scan
    log_has "deadlock detected"
    background_ends 0
    jobs_are "${ids[@]}"
    no_links "${ids[0]}"
}
