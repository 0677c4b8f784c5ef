-- Creates all that crashmon, the processors and the reporter need, or brings it up to date:
--
--     psql -d crashes -f sql/schema.sql
--
-- It may be repeated, by the owner of the database or of what is there, or by a superuser, and also
-- while everybody is at work. Roles belong to the whole server and have a file of their own, roles.sql.
\ir begin.sql
\ir move.sql
\ir tables.sql
\ir version.sql
\ir monitor.sql
\ir attempts.sql
\ir processor.sql
\ir reporter.sql
\ir pauses.sql
\ir views.sql
-- From earlier versions.
DROP TABLE IF EXISTS crashmon.schema_version;
DROP FUNCTION IF EXISTS crashmon.lock_class(text), crashmon.lock_key(text),
    crashmon.put_in_priority_tables(integer[], text[]);

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
END $$;
\ir rights.sql
COMMIT;
