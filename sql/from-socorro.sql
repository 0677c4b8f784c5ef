-- Converts the tables of a Socorro database for crashmon, in place; all rows stay:
--
--     psql -d crashes -v zone=America/Los_Angeles -f sql/from-socorro.sql
--     psql -d crashes -f sql/schema.sql
--
-- `zone` is the time zone of the hosts that Monitor and the processors ran on, by default that of
-- this session: Socorro wrote local times without a zone. Columns with a zone are not converted.
--
-- Run it as the owner of the tables, with Monitor stopped; processors and reporter may go on. It is
-- one transaction, and may be repeated. Afterwards Socorro's programs, including Monitor, work with
-- the tables as before. See doc/migrating-from-socorro.md.
\set ON_ERROR_STOP on
\set grants false
\ir begin.sql
-- What has a version has been converted.
SELECT to_regprocedure('crashmon.schema_version()') IS NOT NULL AS is_converted \gset
\if :is_converted
COMMIT;
\quit
\endif
\ir move.sql
DO $$
BEGIN
    IF to_regclass('crashmon.jobs') IS NULL THEN
        RAISE EXCEPTION 'there are no tables jobs, processors and priorityjobs: nothing is changed'
            USING HINT = 'In an empty database load sql/schema.sql alone.';
    END IF;
END $$;
\if :{?zone}
SET LOCAL timezone = :'zone';
\endif

-- Fill in missing values. (Keys, and owners that do not exist, are for schema.sql.) Others wait meanwhile, so that these
-- are few.
DO $$
DECLARE
    its record;
    empty bigint;
    message text;
    hint text;
BEGIN
    FOR its IN SELECT * FROM (VALUES ('processors', 'lastseendatetime', 'startdatetime', ''),
                                     ('jobs', 'priority', '0', ''),
                                     ('jobs', 'queueddatetime', 'localtimestamp',
                                      format('SET timezone = %L; ', current_setting('timezone')))
                             ) AS wanted (place, name, value, first) LOOP
        EXECUTE format('SELECT count(*) FROM crashmon.%I WHERE %I IS NULL', its.place, its.name) INTO empty;
        IF empty > 10000 THEN
            EXECUTE current_setting('crashmon.escape') INTO message, hint USING
                format('%s rows of table %s.%s have no %s: nothing is changed',
                       empty, current_setting('crashmon.came_from'), its.place, its.name),
                format('Fill it in, then load this again: %sUPDATE %s.%s SET %s = %s WHERE %4$s IS NULL', its.first,
                       current_setting('crashmon.came_from'), its.place, its.name, its.value);
            RAISE EXCEPTION '%', message USING HINT = hint;
        END IF;
        EXECUTE format('UPDATE crashmon.%I SET %I = %s WHERE %2$I IS NULL', its.place, its.name, its.value);
    END LOOP;
END $$;

-- Only types that differ from tables.sql, since a column that a view uses cannot be changed.
DO $$
DECLARE
    its record;
    obstacle text;
    message text;
    hint text;
BEGIN
    FOR its IN
        SELECT place, string_agg(format('ALTER %I TYPE %s', name, type), ', ') AS changes,
               string_agg(format('isfinite(%1$I) AND %1$I NOT BETWEEN ''1900-01-01'' AND ''2900-01-01''',
                                 name), ' OR ') FILTER (WHERE type LIKE 'time%') AS is_odd
        FROM (VALUES ('processors', 'startdatetime', 'timestamp with time zone'),
                     ('processors', 'lastseendatetime', 'timestamp with time zone'),
                     ('jobs', 'id', 'bigint'),
                     ('jobs', 'queueddatetime', 'timestamp with time zone'),
                     ('jobs', 'starteddatetime', 'timestamp with time zone'),
                     ('jobs', 'completeddatetime', 'timestamp with time zone'),
                     ('priorityjobs', 'uuid', 'character varying(255)')) AS wanted (place, name, type)
        JOIN pg_attribute ON attrelid = place::regclass AND attname = name
        WHERE format_type(atttypid, atttypmod) <> type
        GROUP BY place LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %I %s', its.place, its.changes);
        EXCEPTION
            WHEN feature_not_supported THEN
                GET STACKED DIAGNOSTICS obstacle = PG_EXCEPTION_DETAIL;
                EXECUTE current_setting('crashmon.escape') INTO message, hint USING
                    format('cannot convert the table %s: %s; nothing is changed', its.place,
                           coalesce(nullif(obstacle, ''), SQLERRM)),
                    'Drop that, and make it again afterwards.';
                RAISE EXCEPTION '%', message USING HINT = hint;
            WHEN datetime_field_overflow THEN
                EXECUTE format('SELECT min(id) FROM %I WHERE %s', its.place, its.is_odd) INTO obstacle;
                RAISE EXCEPTION 'cannot convert the table %, row %: %; nothing is changed',
                    its.place, obstacle, SQLERRM;
        END;
    END LOOP;
END $$;
SELECT format('ALTER SEQUENCE %s AS bigint', seqrelid::regclass) FROM pg_sequence
WHERE seqrelid = pg_get_serial_sequence('jobs', 'id')::regclass AND seqtypid <> 'bigint'::regtype
\gexec

ALTER TABLE processors
    ALTER startdatetime SET DEFAULT now(),
    ALTER lastseendatetime SET DEFAULT now(), ALTER lastseendatetime SET NOT NULL;
ALTER TABLE jobs
    ALTER priority SET DEFAULT 0, ALTER priority SET NOT NULL,
    ALTER queueddatetime SET DEFAULT now(), ALTER queueddatetime SET NOT NULL,
    ADD COLUMN IF NOT EXISTS storage text NOT NULL DEFAULT 'main';
ALTER TABLE priorityjobs
    ADD COLUMN IF NOT EXISTS requesteddatetime timestamptz NOT NULL DEFAULT now();

-- A processor may be removed while its finished jobs are still there: schema.sql makes another one.
SELECT format('ALTER TABLE jobs DROP CONSTRAINT %I', conname) FROM pg_constraint
WHERE conrelid = 'jobs'::regclass AND confrelid = 'processors'::regclass AND confdeltype <> 'n'
\gexec

ANALYZE processors, jobs, priorityjobs;
\ir end.sql
