-- Creates all that crashmon, the processors and the reporter need, or brings it up to date:
--
--     psql -d crashes -f sql/schema.sql
--
-- It may be repeated, by the owner of what is there, and also while everybody is at work; by another login,
-- as a superuser, with -v owner=ROLE: the role whose tables they are, which can then do all that this login
-- may. Roles belong to the whole server and have a file of their own, roles.sql.
\set ON_ERROR_STOP on
\set grants false
\ir begin.sql
\ir move.sql
-- First a model of all tables, to compare those that are there already with.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_my_temp_schema()) THEN
        RAISE EXCEPTION 'this session has temporary tables: nothing is changed'
            USING HINT = 'Load this in a new one.';
    END IF;
END $$;
\set place pg_temp
\ir tables.sql
\ir indexes.sql
\set place crashmon
\ir tables.sql
\ir changes.sql
-- Or PostgreSQL's hint, where it cannot replace a function, would leave out the schema.
SET LOCAL search_path = pg_catalog, pg_temp;
\ir version.sql
\ir printable.sql
\ir check_change.sql
\ir monitor.sql
\ir triggers.sql
\ir attempts.sql
\ir times.sql
\ir processor.sql
\ir reporter.sql
\ir pauses.sql
SET LOCAL search_path = pg_catalog, crashmon, pg_temp;
\ir views.sql
-- What version 1 had besides.
DO $$
DECLARE
    dependents text;
    message text;
    hint text;
BEGIN
    DROP FUNCTION IF EXISTS crashmon.put_in_priority_tables(integer[], text[]);
EXCEPTION WHEN dependent_objects_still_exist THEN
    GET STACKED DIAGNOSTICS dependents = PG_EXCEPTION_DETAIL;
    EXECUTE current_setting('crashmon.escape') INTO message, hint USING
        format('%s: nothing is changed', dependents),
        'This function of version 1 is no more. Drop what depends on it first.';
    RAISE EXCEPTION '%', message USING HINT = hint;
END $$;

-- A logical switch-over leaves sequences behind. An id near the end of its type did not come from one.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['processors', 'jobs', 'runs'] LOOP
        EXECUTE format('SELECT setval(s, max(id))
                        FROM crashmon.%1$s, pg_get_serial_sequence(''crashmon.%1$s'', ''id'') AS s
                        WHERE id <= (SELECT seqmax / 2 FROM pg_sequence WHERE seqrelid = s::regclass)
                        GROUP BY s HAVING max(id) > coalesce(pg_sequence_last_value(s::regclass), 0)',
                       name);
    END LOOP;
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'the table crashmon.% is in use for too long: nothing is changed', name
        USING HINT = 'pg_locks says by whom; try again when they have ended.';
END $$;
\ir end.sql
